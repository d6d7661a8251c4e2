"""How well a mean over the images of a test set is known: percentiles of a bootstrap over them."""

import math
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


def wilson(share: float, count: int) -> Interval:
    """The interval of a share of images, as Wilson has it; nan of no images.

    It is no point where all or none of the images count. Of a mean of numbers in 0..1 it is at
    least as wide as need be, since these vary no more than shares do.

    Source: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", Journal
    of the American Statistical Association 22, 1927.

    Args:
        share: of the images, or the mean over them of numbers in 0..1.
        count: how many images there are.
    """
    if count == 0:
        return Interval(np.nan, np.nan)
    z = 1.959963984540054  # of the 2.5th and 97.5th percentile
    middle_of_it = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * (share * (1 - share) / count + (z / (2 * count)) ** 2) ** 0.5
    return Interval(max(0.0, middle_of_it - half), min(1.0, middle_of_it + half))


def beyond_chance(more: int, less: int) -> bool:
    """Whether so many images of one kind against so many of the other are more than chance.

    It is the sign test, one-sided at 5 %: the chance that a fair coin falls so often, or oftener,
    on the side of ``more``.
    """
    tosses = more + less
    if more <= less:
        return False
    cases = sum(math.comb(tosses, k) for k in range(more, tosses + 1))
    return bool(cases * 20 < 2**tosses)
