"""Intervals over images against those of other means."""

import numpy as np
import pytest
import torch
from scipy import stats

from isotrope.evaluation._intervals import beyond_chance, bootstrap, wilson


@pytest.mark.parametrize("draw", ["random", "integers"])
def test_the_bounds_are_those_of_images_drawn_one_by_one(draw):
    generator = np.random.default_rng(1)
    values = generator.random(60) if draw == "random" else generator.integers(0, 4, 60) / 3
    found = bootstrap(torch.from_numpy(values))
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=20000, method="percentile", rng=2
    ).confidence_interval
    assert found.low == pytest.approx(expected.low, abs=0.006)
    assert found.high == pytest.approx(expected.high, abs=0.006)
    assert bootstrap(torch.from_numpy(values)) == found


def test_a_share_has_the_interval_of_its_binomial():
    values = (torch.arange(10000) < 2000).float()
    low, high = bootstrap(values)
    assert low == pytest.approx(0.2 - 1.96 * 0.004, abs=5e-4)
    assert high == pytest.approx(0.2 + 1.96 * 0.004, abs=5e-4)
    assert bootstrap(values[torch.randperm(10000)]) == (low, high), "in any order"


def test_values_that_are_all_the_same_have_no_width():
    assert bootstrap(torch.full((30,), 0.25)) == (0.25, 0.25)
    assert bootstrap(torch.tensor([1.0])) == (1.0, 1.0)


@pytest.mark.parametrize(("right", "count"), [(0, 20), (3, 20), (97, 100), (100, 100)])
def test_an_interval_of_shares_is_wilsons(right, count):
    expected = stats.binomtest(right, count).proportion_ci(method="wilson")
    assert wilson(right / count, count) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert np.isnan(wilson(0.0, 0)).all()


@pytest.mark.parametrize(
    ("more", "less"), [(0, 0), (4, 0), (5, 0), (9, 2), (8, 2), (60, 40), (2, 9)]
)
def test_what_is_beyond_chance_is_said_by_the_sign_test(more, less):
    expected = stats.binomtest(more, max(1, more + less), alternative="greater").pvalue < 0.05
    assert beyond_chance(more, less) == (expected and more > less)
