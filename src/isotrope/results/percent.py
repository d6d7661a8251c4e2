"""Values as people read them: shares in percent, wherever a page shows them."""

import math
from collections.abc import Iterable

from isotrope.results.statistics import FEWEST

SHARES = {  # a metric with such a word in its name is a share; some tables have it in percent
    *("acc", "accuracy", "agreement", "alarm", "consistency", "fidelity", "iou", "mascc", "massc"),
    *("share", "steady", "success", "worst"),
}
# words in names of where something is at its worst, or of what is counted or measured of a share
NO_SHARES = {"angle", "scale", "size", "margin", "variance", "disagreements"}
NAMES = {  # whole names of shares, with or without an end of an interval; fractions in every table
    *("mean", "single", "lowest", "ink_lost", "zero_gradients", "hidden_noise", "unbounded_left"),
}
RATES = {"precision", "rate", "recall"}  # words in names of what is a share if it is a fraction
_ENDS = ("_low", "_high")


def factor_of(metric: str, values: Iterable[float]) -> float | None:
    """What makes a metric's values percent: 100 or 1; None for what is no share.

    Args:
        metric: its name, as in ``validation_accuracy``.
        values: all of them; those of a share in a table are fractions of 1 if none is greater, and
            differences of such, which may be negative, if none is less than -1.
    """
    words = set(metric.split("_"))
    for end in _ENDS:
        metric = metric.removesuffix(end)
    fractions = all(-1 <= value <= 1 for value in values if not math.isnan(value))
    if metric in NAMES or (RATES & words and not NO_SHARES & words):
        return 100.0 if fractions else None
    if not SHARES & words or NO_SHARES & words:
        return None
    return 100.0 if fractions else 1.0


def heading(metric: str, factor: float | None) -> str:
    """A metric in words, with its unit where it is a share."""
    words = metric.replace("_", " ")
    return words if factor is None else f"{words} (%)"


def number(value: float, factor: float | None) -> str:
    """A value in words: percent with a decimal, others with four digits, nothing if unknown."""
    if math.isnan(value):
        return ""
    return f"{value:.4g}" if factor is None else f"{factor * value:.1f}"


def are_differences(values: Iterable[float]) -> bool:
    """Whether shares are differences of such: one of them is negative."""
    return any(value < 0 for value in values)


def mean_with_interval(
    mean: float,
    low: float,
    high: float,
    count: float,
    factor: float | None,
    differences: bool = False,
) -> str:
    """A mean over seeds with its 95 % interval, which fewer than ``FEWEST`` have not.

    The interval of a share ends at 0 and 100, that of a difference of shares at -100 and 100.
    """
    if count < FEWEST:
        return number(mean, factor)
    if factor is not None:
        most = 100 / factor
        low, high = max(low, -most if differences else 0.0), min(high, most)
    return f"{number(mean, factor)} [{number(low, factor)}, {number(high, factor)}]"
