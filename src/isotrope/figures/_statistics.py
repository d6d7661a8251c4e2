"""Means over seeds, and how well they are known."""

import math
from collections.abc import Sequence

import pandas
from scipy import stats

FEWEST = 3  # seeds; the interval of two is too wide to tell anything, so none is drawn


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
        stats.t.ppf(0.975, n - 1) * spread / math.sqrt(n) if n > 1 else math.nan
        for n, spread in zip(table["n"], table["spread"], strict=True)
    ]
    table.insert(len(by) + 1, "low", table["mean"] - half)
    table.insert(len(by) + 2, "high", table["mean"] + half)
    return table
