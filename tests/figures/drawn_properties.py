"""What is asked of every drawn figure and its numbers, computed apart from how figures do it.

The numbers that are said to be means are means over the seeds of a run that did not diverge, with
their number and Student's interval; nothing is drawn twice; a legend has each word and each look
once; axes say what they are; one or two seeds have no band. Few figures are of another kind.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas
from description import _artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

STUDENT = {2: 12.7062, 3: 4.30265}  # 97.5 % of Student's t, by the number of seeds
FEWEST = 3  # seeds that have a band
FACTORS = (1.0, 100.0, 0.01, 1e-6)  # shares, percent, and parameters in millions
OF_OTHER_NUMBERS = {  # of arrays, differences, or of several rows, or without seeds
    *("translation_as_published", "method_costs", "network_costs", "temperature_and_entropy"),
    *("filter_distance", "learning_curves", "learning_gains"),
}
PICTURES = {"learned_kernels", "log_polar_samples", "trajectories", "four_phases"}  # without axes
OF_IMAGES = {"robustness", "deformation", "synthesis"}  # whose bands may be over images
EQUAL = {"gradient_trajectories"}  # whose made-up numbers are equal
KEY = ["run", "point", "seed"]
COLUMNS_OF_RUNS = ("parameters", "seconds_per_epoch_last", "seconds_per_epoch_mean")


def broken(
    name: str, figure: Figure, data: pandas.DataFrame, folder: Path, tables: Sequence[str]
) -> list[str]:
    """What a figure lacks of all this.

    Args:
        name: of the figure.
        figure: as it is drawn.
        data: its numbers.
        folder: the tables that it was drawn from.
        tables: which of them.
    """
    found: list[str] = []
    if name not in OF_OTHER_NUMBERS and {"mean", "n"} <= set(data) and len(data):
        found += wrong_means(data, known_means(folder, tables))
    if name not in OF_IMAGES and {"low", "high", "spread"} <= set(data):
        found += wrong_intervals(data)
    found += [] if name in EQUAL else [f"drawn twice: {one}" for one in drawn_twice(figure)]
    found += [f"twice in the legend: {one}" for one in alike_in_legend(figure)]
    found += [] if name in PICTURES else [f"without a name: {one}" for one in unnamed_axes(figure)]
    most = pandas.read_csv(folder / "runs.csv").groupby(KEY[:2])["seed"].nunique().max()
    if name not in OF_IMAGES and most < FEWEST and bands(figure):
        found.append(f"a band about {most} seeds")
    return found


def known_means(folder: Path, tables: Sequence[str]) -> np.ndarray:
    """Mean and number of all seeds that did not diverge, of every setting and metric of tables."""
    runs = pandas.read_csv(folder / "runs.csv", keep_default_na=False)
    alive = runs[runs["status"].ne("diverged")]
    found = []
    for table in tables:
        if table == "runs":
            for column in (one for one in COLUMNS_OF_RUNS if one in alive):
                values = alive.assign(value=pandas.to_numeric(alive[column]))
                found.append(values.groupby(KEY[:2])["value"].agg(["mean", "size"]))
            continue
        rows = pandas.read_csv(folder / f"{table}.csv", dtype={"value": float})
        rows = rows.merge(alive[KEY], on=KEY)
        settings = [c for c in rows if c not in ("seed", "value", "n")]
        its = rows.groupby(settings, dropna=False)["value"]
        found.append(its.agg(["mean", "size"]))
    return pandas.concat(found)[["mean", "size"]].dropna().to_numpy(float)


def wrong_means(data: pandas.DataFrame, known: np.ndarray) -> list[str]:
    """The measured rows whose mean is that of no seeds, or of another number of seeds."""
    wrong = []
    for row in data.to_dict("records"):
        if row.get("origin", "measured") != "measured" or pandas.isna(row["mean"]):
            continue
        of_network = row.get("metric") == "parameters"  # whichever its seeds are
        of_count = known[(known[:, 1] == row["n"]) | of_network, 0]
        ends = [f * one for f in FACTORS for one in (of_count, 1 - of_count)]
        if not np.isclose(np.concatenate(ends), row["mean"], rtol=1e-6, atol=1e-9).any():
            wrong.append(f"{row['mean']} of {row['n']} seeds: {row}")
    return wrong


def wrong_intervals(data: pandas.DataFrame) -> list[str]:
    """The measured rows whose interval is not Student's of their deviation."""
    wrong = []
    for row in data.to_dict("records"):
        if row.get("origin", "measured") != "measured" or row["n"] not in STUDENT:
            continue
        half = STUDENT[row["n"]] * row["spread"] / math.sqrt(row["n"])
        ends = (row["mean"] - half, row["mean"] + half)
        if not np.allclose((row["low"], row["high"]), ends, rtol=1e-4, atol=1e-9, equal_nan=True):
            wrong.append(f"{row['low']} to {row['high']}, not {ends[0]} to {ends[1]}: {row}")
    return wrong


def drawn_twice(figure: Figure) -> list[str]:
    """What is drawn in one panel more than once."""
    found = []
    for axes in figure.axes:
        its = [_artist(one) for one in (*axes.lines, *axes.patches) if _has_points(one)]
        found += sorted({one for one in its if its.count(one) > 1})
    return found


def _has_points(artist: Line2D | Patch) -> bool:
    return not isinstance(artist, Line2D) or len(artist.get_xdata()) > 0


def alike_in_legend(figure: Figure) -> list[str]:
    """Lines of a legend with the words, or with the look, of another one."""
    found = []
    for legend in figure.legends:
        words = [text.get_text() for text in legend.get_texts()]
        looks = [_artist(handle, of_legend=True) for handle in legend.legend_handles]
        for said in (words, looks):
            found += sorted({one for one in said if said.count(one) > 1})
    return found


def unnamed_axes(figure: Figure) -> Iterator[str]:
    """Panels with lines or bars of which no axis says what it is, not even that of a neighbour."""
    for axes in (one for one in figure.axes if one.axison and one.get_subplotspec()):
        if axes.name == "polar" or not axes.lines:
            continue
        for side in "xy":
            shown = [one for one in figure.axes if _in_line(axes, one, side)]
            if not any(_named(one, side) for one in shown):
                yield f"the {side} axis of {axes.get_title('left') or axes.get_title()!r}"


def _in_line(axes: Axes, other: Axes, side: str) -> bool:
    its, others = axes.get_subplotspec(), other.get_subplotspec()
    if others is None:
        return False
    span = "colspan" if side == "x" else "rowspan"
    return getattr(its, span).start == getattr(others, span).start


def _named(axes: Axes, side: str) -> bool:
    axis = axes.xaxis if side == "x" else axes.yaxis
    if axis.get_label_text():
        return True
    words = [label.get_text() for label in axis.get_majorticklabels()]
    return any(any(letter.isalpha() for letter in word) for word in words)


def bands(figure: Figure) -> int:
    """How many areas between two lines there are."""
    return sum(
        isinstance(one, PolyCollection) and len(one.get_paths()) > 0
        for axes in figure.axes
        for one in axes.collections
    )
