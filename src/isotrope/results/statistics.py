"""Means over seeds, and how well they are known."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pandas
from scipy import special

FEWEST = 3  # seeds; the interval of two is too wide to tell anything, so none is drawn or said


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
    half = half_intervals(table["spread"], table["n"])
    table.insert(len(by) + 1, "low", table["mean"] - half)
    table.insert(len(by) + 2, "high", table["mean"] + half)
    return table


def half_intervals(spreads: Iterable[float], counts: Iterable[float]) -> list[float]:
    """Half the 95 % interval (Student's t) of each mean over seeds, of ours and published ones.

    Args:
        spreads: standard deviations over seeds; NaN if unknown.
        counts: numbers of seeds; NaN if unknown.

    Returns:
        NaN where either is unknown, and for a single seed.
    """
    return [
        float(special.stdtrit(n - 1, 0.975)) * spread / math.sqrt(n) if n > 1 else math.nan
        for n, spread in zip(counts, spreads, strict=True)
    ]


class Difference(NamedTuple):
    """A difference of two shares with its 95 % interval."""

    value: float
    low: float
    high: float


def difference_of_shares(first: float, second: float, count: int) -> Difference:
    """How much larger one share of some images is than another, and how well that is known.

    The interval is that of two sets of so many images each; where both shares are of the same
    images it is rather too wide. Other than that of standard errors it is no point where all images
    count, or none.

    Source: Newcombe, "Interval estimation for the difference between independent proportions",
    Statistics in Medicine 17, 1998, its method 10, which has the bounds from Wilson's intervals.

    Args:
        first: of the images, 0..1.
        second: likewise.
        count: how many images there are, at least one.
    """
    from scipy import stats  # here, since it is slow to load and few figures need it

    value, of_both = first - second, []
    for share in (first, second):
        found = stats.binomtest(round(share * count), count).proportion_ci(method="wilson")
        of_both.append((float(found.low), float(found.high)))
    (low, high), (other_low, other_high) = of_both
    below = math.hypot(first - low, other_high - second)
    above = math.hypot(high - first, second - other_low)
    return Difference(value, value - below, value + above)


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
