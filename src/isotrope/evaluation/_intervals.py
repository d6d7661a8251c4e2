"""How well a mean over the images of a test set is known: percentiles of a bootstrap over them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

RESAMPLES = 2000
_LEVEL = 0.95
_STREAM = 5  # tells these numbers from others of the seed 0


class Interval(NamedTuple):
    """The middle 95 % of the means of resampled images."""

    low: float
    high: float


def bootstrap(values: Tensor) -> Interval:
    """The interval of the mean of values, one for each image.

    As many images as there are are drawn anew with replacement, ``RESAMPLES`` times; the bounds are
    the 2.5th and 97.5th percentile of the means. What is drawn is the same in every call for
    values of the same frequencies. It is not the images that are drawn, but how many of them have
    each value that occurs: the same distribution in a fraction of the time, since shares of a few
    shifts take few values.

    Args:
        values: ``(images,)``, at least one.
    """
    distinct, counts = np.unique(values.double().cpu().numpy(), return_counts=True)
    count = int(counts.sum())
    generator = np.random.default_rng([0, _STREAM])
    drawn = generator.multinomial(count, counts / count, size=RESAMPLES)
    return middle(drawn @ distinct / count)


def middle(values: NDArray[np.float64]) -> Interval:
    """The interval of what was found with each choice of images; nan where nothing was."""
    if np.isnan(values).all():
        return Interval(np.nan, np.nan)
    tail = 50 * (1 - _LEVEL)
    low, high = np.nanpercentile(values, [tail, 100 - tail])
    return Interval(float(low), float(high))
