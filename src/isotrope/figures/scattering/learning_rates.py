"""Learning rates and momentum of every step, as the settings of the runs say them.

A line for each group of parameters: the filters have rates of their own. Series that are trained
alike have one line.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from pydantic import TypeAdapter

from isotrope.params.optimizer import BASE, Optimizer
from isotrope.results.series import Tables
from isotrope.results.style import DOUBLE, GREY, add_foot, look, new_figure, styles
from isotrope.studies.scattering.cells import WHOLE
from isotrope.training.schedules import Position, rates

TITLE = "Learning rates"
TABLES = ("runs",)
COLUMNS = {"runs": {"training.epochs": "number", "training.optimizer.learning_rate": "number"}}
CAPTION = (
    "The learning rate of every step (left), of all weights (solid) and of groups that have one of "
    "their own, such as filters (dashed), and the momentum (right), as the settings of the runs "
    "say. Runs that are trained alike have one line."
)

MOST = 6  # lines
POINTS = 400  # of a line
DASHES = ((0, (4, 1.5)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)))
BLOCK = "training.optimizer."
ASSUMED = 10  # steps in an epoch, where the number of training images is not known


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``.

    Returns:
        The figure, and what it shows: a row per line, group (``momentum`` for the momentum) and
        step, with its epoch.
    """
    alike: dict[str, list[Mapping[Any, Any]]] = {}
    for run in tables.runs.drop_duplicates(["run", "point"]).to_dict("records"):
        stands = _steps(run).whole != _steps(run).advances
        fact = {"epochs": int(run["training.epochs"]), "stands": stands, **_settings(run)}
        alike.setdefault(json.dumps(fact, sort_keys=True), []).append(run)
    frames = [_line(json.loads(fact), runs, tables) for fact, runs in alike.items()]
    names = [str(frame["line"].iloc[0]) for frame in frames[:MOST]]
    figure = new_figure(DOUBLE, 2.2)
    left, right = figure.subplots(1, 2)
    groups: dict[str, Any] = {}
    for its, frame in zip(styles(names).values(), frames, strict=False):
        for group, line in frame.groupby("group", sort=False):
            kind: dict[str, Any] = {"color": its.colour, "linewidth": 1.0}
            if group == "momentum":
                right.plot(line["epoch"], line["rate"], **kind)
                continue
            if group != BASE:
                kind["linestyle"] = groups.setdefault(str(group), DASHES[len(groups) % len(DASHES)])
            left.plot(line["epoch"], line["rate"], **kind)
    left.set(xlabel="Epoch", ylabel="Learning rate")
    right.set(xlabel="Epoch", ylabel="Momentum")
    for axes in (left, right):
        axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    handles: list[Artist] = [
        Line2D([], [], color=its.colour, label=name) for name, its in styles(names).items()
    ]
    handles += [
        Line2D([], [], color=GREY, linestyle=dashes, label=f"rate of the group {group}")
        for group, dashes in groups.items()
    ]
    more = len(frames) - MOST
    left_out = [f"{more} more are left out for want of room."] if more > 0 else []
    add_foot(figure, handles, ["As the settings say; nothing is measured.", *left_out])
    return figure, pandas.concat(frames, ignore_index=True)


def _line(
    fact: Mapping[str, Any], runs: list[Mapping[Any, Any]], tables: Tables
) -> pandas.DataFrame:
    """The rates of one way of training, from the first step to the last."""
    epochs, (steps, advances) = int(fact["epochs"]), max(_steps(run) for run in runs)
    optimizer = TypeAdapter(Optimizer).validate_python(fact["optimizer"])
    total = epochs * steps
    places = sorted({math.floor(i * (total - 1) / (POINTS - 1)) for i in range(POINTS)})
    groups = [BASE, *optimizer.groups]
    rows = []
    for place in places:
        done = place // steps * advances + min(place % steps, advances)
        *found, momentum = rates(optimizer, groups, Position(done, steps, epochs))
        for group, rate in zip((*groups, "momentum"), (*found, momentum), strict=True):
            rows.append([group, place, place / steps, rate])
    name = runs[0]["name"]
    panel = tables.cells.title(tuple(str(runs[0][column]) for column in tables.panel))
    more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
    data = pandas.DataFrame(rows, columns=["group", "step", "epoch", "rate"])
    return data.assign(line=f"{name}, {panel}{more}")[["line", "group", "step", "epoch", "rate"]]


def _settings(run: Mapping[Any, Any]) -> dict[str, Any]:
    """The optimizer's block of a run's param-file."""
    found: dict[str, Any] = {}
    for column, value in run.items():
        if not str(column).startswith(BLOCK) or value is None or value != value:
            continue
        *path, last = str(column).removeprefix(BLOCK).split(".")
        block = found
        for part in path:
            block = block.setdefault(part, {})
        block[last] = _value(value)
    return {"optimizer": found}


def _value(cell: object) -> Any:
    """A cell of the table of runs as it was written in the param-file."""
    if isinstance(cell, str):
        return json.loads(cell) if cell[:1] in "[{" or cell in ("true", "false") else cell
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    return cell.item() if hasattr(cell, "item") else cell


class _Steps(NamedTuple):
    """Steps of the optimizer in an epoch, and those with which the schedule goes on."""

    whole: int
    advances: int


def _steps(run: Mapping[Any, Any]) -> _Steps:
    images = float(run["samples"]) if run["samples"] else WHOLE.get(run["place"], math.nan)
    if math.isnan(images):
        return _Steps(ASSUMED, ASSUMED)
    batch = int(run["training.batch_size"])
    batches, asked = math.ceil(images / batch), run.get("training.accumulate.images")
    every = 1 if asked is None or asked != asked else math.ceil(float(asked) / batch)
    count = math.ceil(batches / every)
    whole = run.get("training.accumulate.advance") == "whole_groups"
    return _Steps(count, batches // every if whole else count)
