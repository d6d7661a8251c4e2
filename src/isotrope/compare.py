"""Measured accuracies beside the published ones, cell by cell. Reads tables only.

A cell is a model on a data set in a scenario. Its difference counts as outside if it is more than
three combined standard errors, ``3 * sqrt(sd**2 / n + published_sd**2 / published_n)``, from the
published mean; of a single seed the published standard deviation stands for its own. Cells in
which seeds collapsed (stayed at chance level), here or in the paper, have no such verdict: a mean
over two kinds of networks says nothing of either, so there the medians and the rates of collapsed
seeds are compared. Diverged seeds are in no mean here.
"""

import math
from collections.abc import Sequence
from typing import Any

import pandas
from rich.table import Table

from isotrope import paths
from isotrope.errors import UserError, did_you_mean
from isotrope.figures._series import measured, named
from isotrope.table_files import PUBLISHED_COLUMNS, RESULT_COLUMNS, RUN_COLUMNS, read_table

BAND = 3.0  # combined standard errors
CELL = ["model", "place", "scenario"]
COLUMNS = (
    *("model", "dataset", "scenario", "run", "point"),
    *("n", "diverged", "collapsed", "mean", "sd", "median"),
    *("published_n", "published_collapsed", "published_mean", "published_sd", "published_median"),
    *("difference", "standard_error", "verdict"),
)


def compare(study: str, series: Sequence[str] = ("published",)) -> pandas.DataFrame:
    """One row for each cell that was run and published, in the order of the published table.

    Args:
        study: whose tables and published numbers are compared.
        series: the runs to compare.

    Returns:
        The columns ``COLUMNS``; accuracies are fractions of 1. ``verdict`` is ``inside``,
        ``outside`` or ``collapsed``.

    Raises:
        UserError: if a table is absent or damaged, the study has no published numbers, or none of
            its runs has a published cell.
    """
    published = _published(study)
    folder = paths.table_folder(study)
    tables = {
        "runs": read_table(folder / "runs.csv", RUN_COLUMNS),
        "accuracy": read_table(folder / "accuracy.csv", RESULT_COLUMNS),
    }
    runs = named(tables["runs"])
    runs = runs[runs["series"].isin(series)]
    results = measured(tables, "accuracy", "accuracy")
    cells = []
    for key, found in runs.groupby([*CELL, "run", "point"], sort=False):
        model, place, scenario, run, point = (str(part) for part in key)
        beside = published.get((model, place, scenario))
        own = results[results["run"].eq(run) & results["point"].eq(point)]
        if beside is not None and len(own):
            states = found["status"]
            ours = {
                "n": len(own),
                "diverged": int(states.eq("diverged").sum()),
                "collapsed": int(states.eq("collapsed").sum()),
                "mean": float(own["value"].mean()),
                "sd": float(own["value"].std()),  # of one seed NaN
                "median": float(own["value"].median()),
            }
            names = dict(zip(COLUMNS, (model, place, scenario, run, point), strict=False))
            cells.append({**names, **ours, **beside, **_difference(ours, beside)})
    if not cells:
        raise UserError(
            f"{folder}: no run of series {', '.join(series)} there has a published accuracy; run "
            f"`snakemake tables --config studies={study}`, or name other series with --series"
        )
    order = {key: place for place, key in enumerate(published)}
    cells.sort(key=lambda cell: order[cell["model"], cell["dataset"], cell["scenario"]])
    return pandas.DataFrame(cells, columns=list(COLUMNS))


def _published(study: str) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The published numbers of every cell, in their order."""
    path = paths.PUBLISHED / f"{study}.csv"
    if not path.is_file():
        known = [one.stem for one in paths.PUBLISHED.glob("*.csv")]
        raise UserError(f"{path} is not there: no numbers to compare{did_you_mean(study, known)}")
    rows = read_table(path, PUBLISHED_COLUMNS, "restore it with `git checkout`")
    rows = rows[rows["table"].eq("accuracy")]
    cells: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows.to_dict("records"):
        key = row["model"], row["dataset"], row["setting"].removeprefix("scenario=")
        empty = {"published_collapsed": 0, "published_median": math.nan}
        cell = cells.setdefault(key, empty)
        if row["metric"] == "accuracy":
            cell["published_mean"], cell["published_sd"] = row["value"], row["spread"]
            cell["published_n"] = int(row["n"])
        elif row["metric"] == "collapsed":
            cell["published_collapsed"] = int(row["value"])
        elif row["metric"] == "median":
            cell["published_median"] = row["value"]
    return {key: cell for key, cell in cells.items() if "published_mean" in cell}


def _difference(ours: dict[str, Any], beside: dict[str, Any]) -> dict[str, Any]:
    spread = beside["published_sd"] if math.isnan(ours["sd"]) else ours["sd"]
    variances = spread**2 / ours["n"], beside["published_sd"] ** 2 / beside["published_n"]
    difference, error = ours["mean"] - beside["published_mean"], math.sqrt(sum(variances))
    verdict = "inside" if abs(difference) <= BAND * error else "outside"
    if ours["collapsed"] or beside["published_collapsed"]:
        verdict = "collapsed"
    return {"difference": difference, "standard_error": error, "verdict": verdict}


MEANS = ("run", "mean ± sd, seeds", "published", "difference", "SE", "verdict")
MEDIANS = ("run", "median", "published", "difference", "collapsed", "published")


def in_means(cells: pandas.DataFrame) -> list[tuple[str, ...]]:
    """The rows of the table of means, in percent; cells with collapsed seeds are not in it."""
    return [
        (
            _name(cell, cells),
            _mean(cell["mean"], cell["sd"], cell["n"]),
            _mean(cell["published_mean"], cell["published_sd"], cell["published_n"]),
            f"{100 * cell['difference']:+.1f}",
            f"{100 * cell['standard_error']:.1f}",
            cell["verdict"],
        )
        for cell in cells[cells["verdict"].ne("collapsed")].to_dict("records")
    ]


def in_medians(cells: pandas.DataFrame) -> list[tuple[str, ...]]:
    """The rows of the table of medians, in percent, for the cells with collapsed seeds."""
    return [
        (
            _name(cell, cells),
            f"{100 * cell['median']:.1f}",
            f"{100 * cell['published_median']:.1f}",
            f"{100 * (cell['median'] - cell['published_median']):+.1f}",
            f"{cell['collapsed']} of {cell['n']}",
            f"{cell['published_collapsed']} of {cell['published_n']}",
        )
        for cell in cells[cells["verdict"].eq("collapsed")].to_dict("records")
    ]


def _name(cell: dict[Any, Any], cells: pandas.DataFrame) -> str:
    """The run, and its point where the run has several."""
    alone = cells["run"].eq(cell["run"]).sum() == 1
    return str(cell["run"]) if alone else f"{cell['run']}, {cell['point']}"


def _mean(mean: float, spread: float, n: int) -> str:
    known = "" if math.isnan(spread) else f" ± {100 * spread:.1f}"
    return f"{100 * mean:.1f}{known}, {n}"


def summary(cells: pandas.DataFrame) -> str:
    """How many cells are how, as one sentence."""
    counts = {word: int(cells["verdict"].eq(word).sum()) for word in ("inside", "outside")}
    apart = len(cells) - sum(counts.values())
    text = ", ".join(f"{count} {word} ±{BAND:.0f} SE" for word, count in counts.items())
    more = f"; {apart} with collapsed seeds, compared by medians" if apart else ""
    return f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'}: {text}{more}"


def tables(cells: pandas.DataFrame) -> list[Table]:
    """The cells for a terminal."""
    found = []
    for header, rows in ((MEANS, in_means(cells)), (MEDIANS, in_medians(cells))):
        if rows:
            shown = Table(box=None)
            shown.add_column(header[0], no_wrap=True, overflow="fold")
            for word in header[1:]:
                shown.add_column(word)
            for row in rows:
                shown.add_row(*row)
            found.append(shown)
    return found


def markdown(cells: pandas.DataFrame) -> str:
    """The cells as Markdown tables with the summary above them."""
    parts = [f"Test accuracy in percent. {summary(cells)}."]
    for header, rows in ((MEANS, in_means(cells)), (MEDIANS, in_medians(cells))):
        if rows:
            lines = [header, ["---"] * len(header), *rows]
            parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(parts) + "\n"
