"""Whether a classifier does better than guessing."""

import numpy as np
from scipy.special import bdtr

SMALL = 1.3  # times chance level: what is not above it is no gain to speak of
CONFIDENCE = 0.975  # one-sided: the upper end of a 95 % interval


def at_chance(accuracy: float, classes: int, images: int) -> bool:
    """Whether an accuracy is both small and such as guessing gives.

    It is small up to 1.3 times chance level, one part in ``classes``. Guessing gives, in 97.5 % of
    all cases, at most so many of ``images`` right as `most_by_guessing` says. A gain that is large
    is none of chance, and neither is a small one that so many images confirm: of two classes, 64 %
    are chance level on 25 images and no longer on 100.

    Args:
        accuracy: a fraction, measured on ``images`` images.
        classes: how many there are, each as frequent as any other.
        images: 1 or more.
    """
    right = round(accuracy * images)
    return accuracy <= SMALL / classes and right <= most_by_guessing(classes, images)


def most_by_guessing(classes: int, images: int) -> int:
    """The 97.5 % quantile of how many images are right by guessing, a binomial distribution."""
    probabilities = bdtr(np.arange(images + 1), images, 1 / classes)
    return int(np.searchsorted(probabilities, CONFIDENCE))
