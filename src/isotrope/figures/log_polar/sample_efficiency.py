"""Test accuracy against the number of training images, on a logarithmic axis.

One panel per data set, one line for each series: the mean over seeds with its 95 % interval. Runs
on all images of their data set are not shown: their table does not say how many these are.
"""

import pandas
from matplotlib.figure import Figure

from isotrope.figures.general._lines import bounds, draw_line, draw_published, lines_of
from isotrope.results.series import Tables, measured_and_published
from isotrope.results.style import (
    CHANCE,
    add_foot,
    blank,
    logarithmic,
    look,
    panels,
)

TITLE = "Accuracy against the number of training images"
TABLES = ("runs", "accuracy")
COLUMNS = {"runs": {"training.epochs": "number"}, "accuracy": {}}
CAPTION = (
    "Test accuracy against the number of images that a network is trained on. Markers: mean over "
    "seeds, with its 95 % interval (Student's t) as a band. Dotted: chance level. Runs on all "
    "images of their data set are not shown. Below the panels: number of epochs, diverged and "
    "collapsed seeds."
)

NONE = "no run here says how many images it is trained on (dataset.train_images)"


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``accuracy``.

    Returns:
        The figure, and what it shows: a row per data set, series and number of images, accuracies
        as fractions.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    lines = lines_of(tables, "accuracy", [])
    numbers = pandas.to_numeric(lines.means["images"], errors="coerce")
    means = lines.means.assign(count=numbers).dropna(subset=["count"])
    beside = lines.beside.assign(count=pandas.to_numeric(lines.beside["images"], errors="coerce"))
    if means.empty:
        return blank(NONE), measured_and_published(means, beside.iloc[:0])
    beside, (low, high) = beside.dropna(subset=["count"]), bounds(lines)
    places = [(place,) for place in dict.fromkeys(panel[0] for panel in lines.panels)]
    places = [place for place in places if place[0] in set(means["place"])]
    labels = "Training images", "Test accuracy (%)"
    figure, grid = panels(places, 2.4 if lines.crowded else 1.9, labels, lines.crowded)
    levels = {panel[0]: level for panel, level in lines.guessing().items()}
    for (place,), axes in grid.items():
        axes.set_title(place)
        axes.set_ylim(low, high)
        level = levels[place]
        if level is not None and level > low:
            axes.axhline(level, **CHANCE, zorder=1)
        for name, its in lines.style.items():
            ours, theirs = (
                frame[frame["name"].eq(name) & frame["place"].eq(place)].sort_values("count")
                for frame in (means, beside)
            )
            if len(ours):
                draw_line(axes, ours["count"], ours, its, lines.crowded)
            draw_published(axes, theirs["count"], theirs, its)
        counts = means["count"]
        steps = (1, 2, 5) if counts.max() < 100 * counts.min() else (1,)
        logarithmic(axes, steps, counts[means["place"].eq(place)])
    chance = any(level is not None and level > low for level in levels.values())
    shown = set(means["name"])
    handles = [
        handle
        for handle in lines.handles(chance)
        if str(handle.get_label()).rpartition(" (")[0] in shown
        or "seed" not in str(handle.get_label())
    ]
    add_foot(figure, handles, lines.sentences())
    return figure, measured_and_published(means, beside)
