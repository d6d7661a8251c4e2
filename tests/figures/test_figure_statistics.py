import math

import pandas
import pytest

from isotrope.figures._statistics import student_t, summarise


@pytest.mark.parametrize(
    ("freedom", "bound"),  # the 97.5 % column of any table of Student's distribution
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (24, 2.064), (60, 2.000)],
)
def test_bounds_are_those_of_the_printed_tables(freedom: int, bound: float) -> None:
    assert student_t(freedom) == pytest.approx(bound, abs=5.01e-4)


def test_bound_of_many_seeds_is_the_normal_one() -> None:
    assert student_t(10_000) == pytest.approx(1.959964, abs=3e-4)


def test_no_freedom_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one degree of freedom, got 0"):
        student_t(0)


def test_single_seed_has_a_mean_and_no_interval() -> None:
    rows = pandas.DataFrame({"name": ["one"], "value": [0.25], "status": ["collapsed"]})
    (row,) = summarise(rows, ["name"]).to_dict("records")
    assert (row["mean"], row["n"], row["collapsed"]) == (0.25, 1, 1)
    assert math.isnan(row["low"])
    assert math.isnan(row["high"])
