"""Accuracy against the number of glimpses, a line for each Monte-Carlo count.

The figure that RAM-LPM's inference writes as ``summary.png``, there of one network, and of two of
its four counts. A panel for each series in each data set.
"""

import pandas
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from isotrope.figures.general._lines import ACCURACY, bounds, draw_line, lines_of
from isotrope.results.series import Tables, measured_and_published
from isotrope.results.statistics import FEWEST
from isotrope.results.style import CHANCE, add_foot, look, panels, styles, wrapped

TITLE = "Accuracy by number of glimpses"
TABLES = ("runs", "glimpses")
COLUMNS = {
    "runs": {"training.epochs": "number"},
    "glimpses": {"draws": "number", "glimpses": "number"},
}
CAPTION = (
    "Test accuracy against the number of glimpses after which a network answers. Each line: so "
    "many draws of its policy, whose logits are averaged; a network that draws nothing in tests "
    "has one line. Mean over seeds, with its 95 % interval (Student's t) as a band. Dotted: chance "
    "level."
)


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``glimpses``.

    Returns:
        The figure, and what it shows: a row per panel, series, number of draws and of glimpses,
        accuracies as fractions.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    lines = lines_of(tables, "glimpses", ["draws", "glimpses"])
    cells = tables.cells
    shown = [
        (panel, name)
        for panel in lines.panels
        for name in cells.names(cells.rows_in(lines.rows, [panel]))
    ]
    places = [(f"{cells.title(panel)} {name}",) for panel, name in shown]
    labels = "Glimpses", ACCURACY
    figure, grid = panels(places, 2.1, labels, wide=len(shown) > 1)
    counts = sorted({int(count) for count in lines.means["draws"]})
    style = styles([f"{count}" for count in counts])
    low, high = bounds(lines)
    chance = False
    for place, (panel, name) in zip(places, shown, strict=True):
        axes = grid[place]
        words, _ = wrapped([f"{name}, {cells.title(panel)}"], 32)
        axes.set_title(words[0])
        axes.set_ylim(low, high)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        level = lines.guessing()[panel]
        if level is not None and level > low:
            axes.axhline(level, **CHANCE, zorder=1)
            chance = True
        line = cells.series_in(lines.means, panel, name)
        for count in counts:
            its = line[line["draws"].eq(count)].sort_values("glimpses")
            if len(its):
                draw_line(axes, its["glimpses"], its, style[f"{count}"], len(counts) > 2)
    handles = [
        Line2D(
            [],
            [],
            color=style[f"{count}"].colour,
            marker=style[f"{count}"].marker,
            linestyle=style[f"{count}"].line,
            label="1 draw" if count == 1 else f"{count} draws",
        )
        for count in counts
    ]
    handles += [Line2D([], [], **CHANCE, label="chance level")] if chance else []
    sentences = lines.sentences()
    sentences[0] = f"Lines: mean over seeds; bands: its 95 % interval, from {FEWEST} seeds on."
    add_foot(figure, handles, sentences)
    return figure, measured_and_published(lines.means, lines.beside)
