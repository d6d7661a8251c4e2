"""Intervals over images against those of other means."""

import numpy as np
import pytest
import torch
from scipy import stats

from isotrope.evaluation._intervals import bootstrap


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
