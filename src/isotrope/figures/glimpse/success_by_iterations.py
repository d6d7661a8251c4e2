"""How fast attacks succeed: success against their steps, and against the images that they show.

A panel for each attack at the largest eps that was tried; for attacks that ask for answers alone
another one against the images shown. Success is what the attack itself has seen by then.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from isotrope.figures.general._lines import draw_line
from isotrope.figures.glimpse._attacks import COLUMNS as COLUMNS_OF_ATTACKS
from isotrope.figures.glimpse._attacks import NORMS, TABLE, in_order, in_words, legend
from isotrope.results.cells import Panel
from isotrope.results.series import Tables, joined, lost_seeds, means_of, origin
from isotrope.results.statistics import FEWEST
from isotrope.results.style import DOUBLE, SINGLE, add_foot, blank, look, new_figure, styles_of

TITLE = "Success of attacks by their steps"
TABLES = ("runs", "adversarial")
COLUMNS = {"runs": {"training.epochs": "number"}, "adversarial": COLUMNS_OF_ATTACKS}
CAPTION = (
    "The part of test images that were right before and that an attack has seen answered wrongly "
    "by a step, at the largest eps that was tried. Square and SPSA stand a second time, against "
    "the images that they have shown to the network. Of a network that draws at random each step "
    "has its own few draws here (one of PGD), so that luck is in these lines and not in the robust "
    "accuracy. Bands: "
    "95 % interval over seeds (Student's t), from three on."
)

ALONG = {"iteration": "Steps", "queries": "Images shown"}
NONE = "no attack here has told its success step by step"
ACROSS = 3  # panels side by side


class _Part(NamedTuple):
    """A panel: what is attacked, and how, and along what."""

    panel: Panel
    attack: str
    norm: str
    eps: float
    along: str


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``adversarial``.

    Returns:
        The figure, and what it shows: a row per panel, series, attack, norm, eps and step, or
        number of images shown.

    Raises:
        UserError: if the tables do not belong together.
    """
    rows = joined(tables, TABLE)
    rows = rows[rows["metric"].eq("success")].drop(columns="metric")
    means = [
        means_of(rows[rows[along].notna()], tables, ["attack", "norm", "eps", along])
        for along in ALONG
        if along in rows and rows[along].notna().any()
    ]
    if not means:
        kept = [*tables.panel, "name", "model", "attack", "norm", "eps", *ALONG]
        return blank(NONE), pandas.DataFrame(columns=kept)
    found = pandas.concat(means, ignore_index=True).reindex(
        columns=list(dict.fromkeys([*ALONG, *(name for one in means for name in one)]))
    )
    cells, style = tables.cells, styles_of(tables)
    style = {name: style[name] for name in cells.names(found)}
    parts = list(_parts(tables, found))
    across = min(ACROSS, len(parts))
    down = -(-len(parts) // across)
    figure = new_figure(SINGLE if across == 1 else DOUBLE, 1.85 * down)
    grid = figure.subplots(down, across, squeeze=False, sharey=True)
    several = len({part.panel for part in parts}) > 1, len({part.norm for part in parts}) > 1
    for axes in grid.ravel()[len(parts) :]:
        axes.remove()
    for axes, part in zip(grid.ravel(), parts, strict=False):
        words = in_words(cells.title(part.panel), part.attack, part.norm, several)
        axes.set_title(f"{words}, eps {part.eps:.3g}")
        axes.set(ylim=(-3, 103), xlabel=ALONG[part.along])
        its = cells.rows_in(found, [part.panel])
        its = its[its["attack"].eq(part.attack) & its["norm"].eq(part.norm)]
        its = its[its["eps"].eq(part.eps) & its[part.along].notna()].sort_values(part.along)
        for name, how in style.items():
            line = its[its["name"].eq(name)]
            if len(line):
                draw_line(axes, line[part.along], line, how, crowded=True)
        _set_axis(axes, part.along)
    for axes in grid[:, 0]:
        axes.set_ylabel("Success (%)")
    drawn = rows[rows[[along for along in ALONG if along in rows]].notna().any(axis=1)]
    sentences = [
        f"Bands: 95 % interval over seeds, from {FEWEST} on.",
        *origin(drawn, drawn.iloc[:0], tables),
        *lost_seeds(drawn, tables),
    ]
    add_foot(figure, legend(found, style), sentences)
    return figure, found.astype({"n": "Int64", "collapsed": "Int64", "diverged": "Int64"})


def _set_axis(axes: Axes, along: str) -> None:
    if along == "queries":
        axes.set_xscale("symlog", linthresh=10)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlim(left=0)


def _parts(tables: Tables, means: pandas.DataFrame) -> Iterator[_Part]:
    """The panels in their order."""
    cells = tables.cells
    for panel in cells.panels(means):
        its = cells.rows_in(means, [panel])
        for norm in (one for one in NORMS if its["norm"].eq(one).any()):
            of_norm: Any = its[its["norm"].eq(norm)]
            for attack in in_order(of_norm["attack"]):
                of_attack = of_norm[of_norm["attack"].eq(attack)]
                for along in ALONG:
                    told = of_attack[of_attack[along].notna()]
                    if len(told):
                        yield _Part(panel, attack, norm, float(told["eps"].max()), along)
