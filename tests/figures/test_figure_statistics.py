import math

import pandas
import pytest

from isotrope.figures._statistics import summarise


@pytest.mark.parametrize(
    ("seeds", "bound"),  # the 97.5 % column of any table of Student's distribution
    [(2, 12.706), (3, 4.303), (4, 3.182), (5, 2.776), (10, 2.262), (25, 2.064), (61, 2.000)],
)
def test_half_an_interval_is_the_printed_bound_times_the_standard_error(
    seeds: int, bound: float
) -> None:
    values = [float(seed % 3) for seed in range(seeds)]
    rows = pandas.DataFrame({"name": "one", "value": values, "status": "done"})

    (row,) = summarise(rows, ["name"]).to_dict("records")

    error = row["spread"] / math.sqrt(seeds)
    assert (row["high"] - row["mean"]) / error == pytest.approx(bound, abs=5.01e-4)
    assert row["mean"] - row["low"] == pytest.approx(row["high"] - row["mean"])


def test_single_seed_has_a_mean_and_no_interval() -> None:
    rows = pandas.DataFrame({"name": ["one"], "value": [0.25], "status": ["collapsed"]})
    (row,) = summarise(rows, ["name"]).to_dict("records")
    assert (row["mean"], row["n"], row["collapsed"]) == (0.25, 1, 1)
    assert math.isnan(row["low"])
    assert math.isnan(row["high"])
