import math

import numpy
import pandas
import pytest
from scipy import stats

from isotrope.results.statistics import BOX, boxes, difference_of_shares, summarise

# the 97.5 % column of any table of Student's distribution
PRINTED = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 10: 2.262, 25: 2.064, 61: 2.000}


@pytest.mark.parametrize("seeds", PRINTED)
def test_an_interval_is_students_about_the_mean(seeds: int) -> None:
    values = numpy.random.default_rng(seeds).normal(0.8, 0.05, seeds)
    rows = pandas.DataFrame({"name": "one", "value": values, "status": "done"})

    (row,) = summarise(rows, ["name"]).to_dict("records")

    expected = stats.t.interval(0.95, seeds - 1, values.mean(), stats.sem(values))
    assert (row["low"], row["high"]) == pytest.approx(expected, rel=1e-9)
    assert row["mean"] == pytest.approx(math.fsum(values) / seeds)
    half = (row["high"] - row["low"]) / 2
    error = numpy.sqrt(((values - values.mean()) ** 2).sum() / (seeds - 1) / seeds)
    assert half / error == pytest.approx(PRINTED[seeds], abs=5.01e-4)
    assert row["spread"] == pytest.approx(error * math.sqrt(seeds))


def test_single_seed_has_a_mean_and_no_interval() -> None:
    rows = pandas.DataFrame({"name": ["one"], "value": [0.25], "status": ["collapsed"]})
    (row,) = summarise(rows, ["name"]).to_dict("records")
    assert (row["mean"], row["n"], row["collapsed"]) == (0.25, 1, 1)
    assert math.isnan(row["low"])
    assert math.isnan(row["high"])


def test_boxes_have_quartiles_between_neighbours_and_whiskers_at_seeds_within_reach() -> None:
    values = [0.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 30.0]
    status = ["collapsed", *["done"] * 8]
    rows = pandas.DataFrame({"name": "one", "value": values, "status": status})

    (row,) = boxes(rows, ["name"]).to_dict("records")

    # of nine values in order the third, fifth and seventh; 1.5 box lengths are 6
    assert [row[column] for column in BOX] == [10.0, 11.0, 13.0, 15.0, 16.0]
    assert (row["n"], row["collapsed"]) == (9, 1)


def test_whiskers_reach_as_far_to_both_sides_of_a_skewed_box() -> None:
    values = [3.0, 9.5, 10.0, 10.5, 11.0, 13.0, 15.0, 16.0, 22.0]  # 1.5 box lengths are 7.5
    rows = pandas.DataFrame({"name": "one", "value": values, "status": "done"})
    (row,) = boxes(rows, ["name"]).to_dict("records")
    assert [row[column] for column in BOX] == [3.0, 10.0, 11.0, 15.0, 22.0]


def test_a_seed_exactly_as_far_as_whiskers_reach_is_their_end() -> None:
    values = [5.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 21.0]  # 6 on each side of 11 to 15
    rows = pandas.DataFrame({"name": "one", "value": values, "status": "done"})
    (row,) = boxes(rows, ["name"]).to_dict("records")
    assert [row[column] for column in BOX] == [5.0, 11.0, 13.0, 15.0, 21.0]


def test_quartiles_of_an_even_number_lie_between_seeds() -> None:
    rows = pandas.DataFrame({"name": "one", "value": [1.0, 2.0, 3.0, 4.0], "status": "done"})
    (row,) = boxes(rows, ["name"]).to_dict("records")
    assert [row[column] for column in BOX] == [1.0, 1.75, 2.5, 3.25, 4.0]


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),  # of ten each, in the table of Newcombe 1998
    [(9, 3, 0.1705, 0.8090), (10, 0, 0.6075, 1.0)],
)
def test_differences_of_shares_have_the_printed_intervals(
    first: int, second: int, low: float, high: float
) -> None:
    found = difference_of_shares(first / 10, second / 10, 10)
    assert found.value == pytest.approx((first - second) / 10)
    assert found[1:] == pytest.approx((low, high), abs=5e-5)
    swapped = difference_of_shares(second / 10, first / 10, 10)
    assert swapped == pytest.approx((-found.value, -found.high, -found.low))


def test_few_images_that_are_all_right_are_no_proof() -> None:
    assert difference_of_shares(1.0, 26 / 30, 30).low < 0  # by standard errors it would be above
    assert difference_of_shares(1.0, 0.5, 30).low > 0
