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


REACH = 1.5  # of the distance between the quartiles, that a whisker spans at most
BOX = ("lower_whisker", "lower_quartile", "median", "upper_quartile", "upper_whisker")


def boxes(rows: pandas.DataFrame, by: Sequence[str]) -> pandas.DataFrame:
    """What a box plot shows of each group of ``rows``.

    Quartiles are interpolated between neighbours; whiskers end at the outermost value that is no
    further from the box than ``REACH`` times its length.

    Args:
        rows: has the columns ``by``, ``value`` and ``status``, and one row per seed in a group.
        by: what tells the groups apart.

    Returns:
        Columns ``by``, those of ``BOX``, ``n`` (seeds) and ``collapsed`` (those at chance level).
    """
    found = []
    for key, group in rows.groupby(list(by), sort=True):
        values = group["value"]
        lower, middle, upper = (float(values.quantile(share)) for share in (0.25, 0.5, 0.75))
        reach = REACH * (upper - lower)
        low, high = values[values >= lower - reach].min(), values[values <= upper + reach].max()
        collapsed = int(group["status"].eq("collapsed").sum())
        found.append((*key, low, lower, middle, upper, high, len(group), collapsed))
    return pandas.DataFrame(found, columns=[*by, *BOX, "n", "collapsed"])
