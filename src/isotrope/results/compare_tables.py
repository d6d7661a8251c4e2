"""How measured and published values are shown beside each other: on a terminal, in Markdown.

Shares are shown in percent.
"""

import math
from typing import Any

import pandas
from rich.table import Table

from isotrope.results import percent
from isotrope.results.compare import CELL, NUMBERS, VERDICTS

MEANS = ("run", "mean ± sd, seeds", "published", "difference", "SE", "verdict")
LOST = ("run", "lost seeds", "published", "p", "median of all", "published")


def in_means(cells: pandas.DataFrame) -> list[tuple[str, ...]]:
    """The rows of the table of all cells: the seeds that learned, and the verdict."""
    factor = _factor(cells)
    return [
        (
            _name(cell, cells),
            _mean(cell["learned_mean"], cell["learned_sd"], cell["learned"], factor),
            _mean(
                cell["published_learned_mean"],
                cell["published_learned_sd"],
                cell["published_learned"],
                factor,
            ),
            _number(factor * cell["difference"], "+z.1f"),
            _number(factor * cell["standard_error"]),
            cell["verdict"],
        )
        for cell in cells.to_dict("records")
    ]


def in_losses(cells: pandas.DataFrame) -> list[tuple[str, ...]]:
    """The rows of the table of cells with lost seeds, here or published."""
    factor = _factor(cells)
    return [
        (
            _name(cell, cells),
            _lost(cell),
            f"{cell['published_collapsed']} of {cell['published_n']}",
            f"{cell['p_lost']:.2g}",
            _number(factor * cell["median"]),
            _number(factor * cell["published_median"]),
        )
        for cell in cells[_lossy(cells)].to_dict("records")
    ]


def _factor(cells: pandas.DataFrame) -> float:
    """What makes the values of a metric percent; 1 for what is no share."""
    return _percent(cells) or 1.0


def _percent(cells: pandas.DataFrame) -> float | None:
    """100 or 1 of shares; None of what is no share."""
    values = cells[["mean", "median", "learned_mean", "published_mean"]].to_numpy(float).ravel()
    return percent.factor_of(str(cells["metric"].iloc[0]), values)


def _lossy(cells: pandas.DataFrame) -> pandas.Series:
    return cells[["diverged", "collapsed", "published_collapsed"]].gt(0).any(axis="columns")


def _lost(cell: dict[Any, Any]) -> str:
    """The lost seeds of a cell, as in ``1 collapsed, 1 diverged of 5``."""
    kinds = [f"{cell[kind]} {kind}" for kind in ("collapsed", "diverged") if cell[kind]]
    return f"{', '.join(kinds) or 0} of {cell['seeds']}"


def _name(cell: dict[Any, Any], cells: pandas.DataFrame) -> str:
    """The run, and its point and the setting of its evaluation where it has several."""
    rows = cells[cells["run"].eq(cell["run"])]
    names = [str(cell["run"])]
    if rows["point"].nunique() > 1:
        names.append(str(cell["point"]))
    if rows["point"].value_counts().max() > 1:
        settings = (column for column in cells if column not in {*NUMBERS, *CELL})
        names += [f"{column}={cell[column]}" for column in settings if rows[column].nunique() > 1]
    return ", ".join(names)


def _number(value: float, form: str = ".1f") -> str:
    return "" if math.isnan(value) else f"{value:{form}}"


def _mean(mean: float, spread: float, n: int, factor: float) -> str:
    known = "" if math.isnan(spread) else f" ± {factor * spread:.1f}"
    return f"{factor * mean:.1f}{known}, {n}" if n else "none"


def summary(cells: pandas.DataFrame) -> str:
    """How many cells are how, as one sentence."""
    counts = {word: int(cells["verdict"].eq(word).sum()) for word in VERDICTS}
    text = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    lossy = int(_lossy(cells).sum())
    more = f"; {lossy} with lost seeds, here or published" if lossy else ""
    return f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'}: {text}{more}"


Lines = list[tuple[str, ...]]


def _tables_of_metrics(
    cells: pandas.DataFrame,
) -> list[tuple[str, list[tuple[tuple[str, ...], Lines]]]]:
    """For each metric a title, and the header and rows of each table that has rows."""
    metrics: list[tuple[str, list[tuple[tuple[str, ...], Lines]]]] = []
    for (table, metric), found in cells.groupby(["table", "metric"], sort=False):
        title = str(metric).replace("_", " ").capitalize()
        title += f" ({table})" if table != metric else ""
        title += " in percent" if _percent(found) else ""
        shown: list[tuple[tuple[str, ...], Lines]]
        shown = [(MEANS, in_means(found)), (LOST, in_losses(found))]
        metrics.append((title, [(header, rows) for header, rows in shown if rows]))
    return metrics


def tables(cells: pandas.DataFrame) -> list[Table]:
    """The cells for a terminal."""
    found, metrics = [], _tables_of_metrics(cells)
    for title, shown_of_metric in metrics:
        for index, (header, rows) in enumerate(shown_of_metric):
            shown = Table(box=None, title=title if len(metrics) > 1 and index == 0 else None)
            shown.add_column(header[0], no_wrap=True, overflow="fold")
            for word in header[1:]:
                shown.add_column(word, no_wrap=word in ("p", "verdict"), overflow="fold")
            for row in rows:
                shown.add_row(*row)
            found.append(shown)
    return found


def markdown(cells: pandas.DataFrame) -> str:
    """The cells as Markdown tables with the summary above them."""
    paragraphs = [f"Means of the seeds that learned. {summary(cells)}."]
    for title, shown in _tables_of_metrics(cells):
        paragraphs.append(f"{title}:")
        for header, rows in shown:
            lines = [header, ["---"] * len(header), *rows]
            paragraphs.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(paragraphs) + "\n"
