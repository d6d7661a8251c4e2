"""Means over seeds, and how well they are known."""

import math
from collections.abc import Iterator, Sequence
from functools import cache

import pandas

FEWEST = 3  # seeds; the interval of two is too wide to tell anything, so none is drawn
_LEVEL = 0.95


def _terms(freedom: int, cosine: float) -> Iterator[float]:
    """The terms of the sums that Abramowitz and Stegun number 26.7.3 (odd) and 26.7.4 (even)."""
    term = cosine if freedom % 2 else 1.0
    for k in range(freedom // 2):
        yield term
        low, high = (2 * k + 2, 2 * k + 3) if freedom % 2 else (2 * k + 1, 2 * k + 2)
        term *= cosine**2 * low / high


def _within(freedom: int, angle: float) -> float:
    """The probability of ``|t| < sqrt(freedom) * tan(angle)``."""
    total = math.sin(angle) * sum(_terms(freedom, math.cos(angle)))
    return (2 / math.pi) * (angle + total) if freedom % 2 else total


@cache
def student_t(freedom: int) -> float:
    """The t that bounds 95 % of Student's distribution from both sides, to 12 digits.

    Args:
        freedom: degrees of freedom, at least 1.

    Raises:
        ValueError: if there is less than one degree of freedom.
    """
    if freedom < 1:
        raise ValueError(f"need at least one degree of freedom, got {freedom}")
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(freedom, middle) < _LEVEL else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def summarise(rows: pandas.DataFrame, by: Sequence[str]) -> pandas.DataFrame:
    """Mean over seeds with its 95 % interval, for each group of ``rows``.

    Args:
        rows: has the columns ``by``, ``value`` and ``status``, and one row per seed in a group.
        by: what tells the groups apart.

    Returns:
        Columns ``by``, ``mean``, ``low``, ``high`` (NaN for a single seed), ``spread`` (standard
        deviation), ``n`` (seeds in the mean) and ``collapsed`` (those of them at chance level).
    """
    counted = rows.assign(collapsed=rows["status"].eq("collapsed"))
    table = counted.groupby(list(by), sort=True, as_index=False).agg(
        mean=("value", "mean"),
        spread=("value", "std"),
        n=("value", "size"),
        collapsed=("collapsed", "sum"),
    )
    half = [
        student_t(n - 1) * spread / math.sqrt(n) if n > 1 else math.nan
        for n, spread in zip(table["n"], table["spread"], strict=True)
    ]
    table.insert(len(by) + 1, "low", table["mean"] - half)
    table.insert(len(by) + 2, "high", table["mean"] + half)
    return table
