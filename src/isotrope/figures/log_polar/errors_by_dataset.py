"""Test errors on turned, scaled and cluttered digits beside all published ones, best first.

A panel for each data set that a run here was trained on and that has published errors; for each at
all, if none has. Beside our series stand the numbers of every published network.
"""

from collections.abc import Sequence
from typing import Any

import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isotrope.files.tables import Columns
from isotrope.results.cells import Cells
from isotrope.results.published import pairs_of
from isotrope.results.series import Tables, lost_seeds, means_of, measured, origin
from isotrope.results.statistics import FEWEST
from isotrope.results.style import (
    DOUBLE,
    GREY,
    SMALL,
    Style,
    add_foot,
    logarithmic,
    look,
    new_figure,
    styles_of,
)

TITLE = "Test errors beside published ones"
TABLES = ("runs", "accuracy")
COLUMNS = {"runs": {"training.epochs": "number"}, "accuracy": {}}
LATEX = True
CAPTION = (
    "Test error of networks that were trained on the data set named above each panel, best first. "
    "Solid: mean over seeds here, with its 95 % interval (Student's t). Hollow and grey: "
    "published, of any network. The same numbers are in the CSV and LaTeX files beside it."
)
DATA: Columns = {"name": "text", "error": "number", "n": "number", "origin": "text"}

MODELS = {  # as their authors write them
    "deep_lp": "DeepLP",
    "single_lp": "SingleLP",
    "lp_resnet": "LP-ResNet",
    "ptn": "PTN",
    "polar_cnn": "polar CNN",
    "cnn": "CNN",
    "stn": "STN",
    "h_net": "H-Net",
    "p4_cnn": "P4CNN",
    "g_cnn": "G-CNN",
    "or_ti_pooling": "OR-TI pooling",
    "ti_pooling": "TI pooling",
    "rot_eq_net": "RotEqNet",
    "pdo_econv": "PDO-eConv",
    "e2cnn": "E2CNN",
    "sesn": "SESN",
    "ram_lpm": "RAM-LPM",
    "ram": "RAM",
}
LEAST = 0.01  # percent: smaller errors are drawn there, for the axis is logarithmic
PUBLISHED: dict[str, Any] = {"color": "0.45", "markerfacecolor": "white", "markeredgewidth": 0.8}


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``accuracy``.

    Returns:
        The figure, and what it shows: a row per data set and network, errors as fractions.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows = measured(tables, "accuracy", "accuracy")
    theirs = _published(tables)
    ours = means_of(rows.assign(value=1 - rows["value"]), tables)
    ours = ours.rename(columns={"mean": "error"})
    kept = ["place", "images", "name", "model", "error", "low", "high", "n", "source", "origin"]
    both = pandas.concat([ours, theirs], ignore_index=True).reindex(columns=kept)
    found = list(dict.fromkeys(panel[0] for panel in tables.cells.panels(rows)))
    places = [place for place in found if theirs["place"].eq(place).any()] or found
    frames = [both[both["place"].eq(place)].sort_values("error") for place in places]
    counts = [len(frame) for frame in frames]
    figure = new_figure(DOUBLE, min(0.155 * sum(counts) + 0.45 * len(places), 9.4))
    grid = figure.subplots(len(places), 1, squeeze=False, sharex=True, height_ratios=counts)[:, 0]
    style = styles_of(tables)
    for axes, place, frame in zip(grid, places, frames, strict=True):
        axes.set_title(place)
        _draw_panel(axes, frame, style, tables.cells)
    shown = pandas.concat(frames, ignore_index=True)
    errors = (100 * shown["error"]).clip(LEAST)
    logarithmic(grid[-1], (1, 2, 5))
    grid[-1].set_xlim(errors.min() / 1.6, errors.max() * 1.6)
    grid[-1].set_xlabel("Test error (%)")
    drawn = rows[rows["place"].isin(places)]
    beside = shown[shown["origin"].eq("published")]
    sentences = [
        f"Bars: 95 % interval of the mean, from {FEWEST} seeds on.",
        *origin(drawn, beside, tables),
        *lost_seeds(drawn, tables),
    ]
    add_foot(figure, _legend(not beside.empty), sentences)
    return figure, shown.astype({"n": "Int64"})


def latex(data: pandas.DataFrame, cells: Cells) -> str:
    """The numbers of the figure as a LaTeX table; it needs the package booktabs."""
    del cells
    places = list(dict.fromkeys(data["place"]))
    lines = []
    for (name, where), its in data.groupby(["name", "origin"], sort=False):
        values = dict(zip(its["place"], its["error"], strict=True))
        lines.append([name, where, *(values.get(place) for place in places)])
    table = pandas.DataFrame(lines, columns=["network", "", *places])
    styled = table.style.hide(axis="index").format(_percent, escape="latex")
    styled = styled.format_index(escape="latex", axis="columns")
    text: str = styled.to_latex(
        hrules=True,
        caption="Test errors in percent.",
        label="tab:test-errors",
        position="htbp",
        column_format="ll" + "r" * len(places),
    )
    return text


def _percent(value: object) -> str:
    """An error in percent; a dash where there is none. Words stay as they are."""
    if isinstance(value, str):
        return value
    if not isinstance(value, float) or pandas.isna(value):
        return "--"
    return f"{100 * value:.2f}"


def _published(tables: Tables) -> pandas.DataFrame:
    """Published errors of every network that was trained on a data set and tested on it."""
    rows = tables.published
    rows = rows[rows["table"].eq("accuracy") & rows["metric"].eq("accuracy")]
    names = [_name(*pair) for pair in zip(rows["model"], rows["setting"], strict=True)]
    found = rows.rename(columns={"dataset": "place"}).assign(name=names, error=1 - rows["value"])
    return found[["place", "name", "model", "error", "n", "source"]].assign(origin="published")


def _name(model: str, setting: str) -> str:
    """A published network in words: what is not the rule is said of it."""
    pairs = pairs_of(setting)
    words = [MODELS.get(model, model), pairs.get("size", "")]
    words += [f"{key} {pairs[key]}" for key in ("depth", "bank") if key in pairs]
    words += [f"trim {pairs['trim']}"] if pairs.get("trim", "0") not in ("0", "8") else []
    return " ".join(word for word in words if word)


def _draw_panel(axes: Axes, frame: pandas.DataFrame, style: dict[str, Style], cells: Cells) -> None:
    """The errors of one data set, a row for each network; ours are in bold."""
    names = []
    for row, at in enumerate(frame.to_dict("records")):
        error = max(100 * at["error"], LEAST)
        ours = at["origin"] == "measured"
        its = style.get(at["name"])
        if ours and its is not None:
            if at["n"] >= FEWEST:
                bar = [max(100 * at["low"], LEAST), max(100 * at["high"], LEAST)]
                axes.plot(bar, [row, row], color=its.colour, linewidth=0.9)
            axes.plot(error, row, color=its.colour, marker=its.marker, zorder=3)
        else:
            axes.plot(error, row, marker="o", linestyle="", zorder=3, **PUBLISHED)
        images = at["images"] if ours and "images" in cells.settings else ""
        count = cells.words["images"].format(images) if images else ""
        names.append(", ".join(word for word in (at["name"], count) if word))
        axes.text(
            1.01,
            row,
            f"{100 * at['error']:.2f}",
            transform=axes.get_yaxis_transform(),
            size=SMALL - 0.5,
            color="black" if ours else GREY,
            va="center_baseline",
        )
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, labelsize=SMALL - 0.5)
    for label, where in zip(axes.get_yticklabels(), frame["origin"], strict=True):
        label.set(**({"weight": "bold"} if where == "measured" else {"color": GREY}))
    axes.grid(axis="both", color="0.93", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)


def _legend(published: bool) -> Sequence[Artist]:
    """What the markers mean; the networks are named beside their rows."""
    plain: dict[str, Any] = {"marker": "o", "linestyle": ""}
    handles = [Line2D([], [], color="black", **plain, label="here, mean over seeds")]
    if published:
        handles.append(Line2D([], [], **plain, **PUBLISHED, label="published"))
    return handles
