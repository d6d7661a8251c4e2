"""How measured and published accuracies are shown beside each other: on a terminal, in Markdown."""

import math
from typing import Any

import pandas
from rich.table import Table

from isotrope.results.compare import VERDICTS

MEANS = ("run", "mean ± sd, seeds", "published", "difference", "SE", "verdict")
LOST = ("run", "lost seeds", "published", "p", "median of all", "published")


def in_means(cells: pandas.DataFrame) -> list[tuple[str, ...]]:
    """The rows of the table of all cells: the seeds that learned, in percent, and the verdict."""
    return [
        (
            _name(cell, cells),
            _mean(cell["learned_mean"], cell["learned_sd"], cell["learned"]),
            _mean(*(cell[f"published_learned{what}"] for what in ("_mean", "_sd", ""))),
            _percent(cell["difference"], "+z.1f"),
            _percent(cell["standard_error"]),
            cell["verdict"],
        )
        for cell in cells.to_dict("records")
    ]


def in_losses(cells: pandas.DataFrame) -> list[tuple[str, ...]]:
    """The rows of the table of cells with lost seeds, here or published; medians in percent."""
    return [
        (
            _name(cell, cells),
            _lost(cell),
            f"{cell['published_collapsed']} of {cell['published_n']}",
            f"{cell['p_lost']:.2g}",
            _percent(cell["median"]),
            _percent(cell["published_median"]),
        )
        for cell in cells[_lossy(cells)].to_dict("records")
    ]


def _lossy(cells: pandas.DataFrame) -> pandas.Series:
    return cells[["diverged", "collapsed", "published_collapsed"]].gt(0).any(axis="columns")


def _lost(cell: dict[Any, Any]) -> str:
    """The lost seeds of a cell, as in ``1 collapsed, 1 diverged of 5``."""
    kinds = [f"{cell[kind]} {kind}" for kind in ("collapsed", "diverged") if cell[kind]]
    return f"{', '.join(kinds) or 0} of {cell['seeds']}"


def _name(cell: dict[Any, Any], cells: pandas.DataFrame) -> str:
    """The run, and its point where the run has several."""
    alone = cells["run"].eq(cell["run"]).sum() == 1
    return str(cell["run"]) if alone else f"{cell['run']}, {cell['point']}"


def _percent(value: float, form: str = ".1f") -> str:
    return "" if math.isnan(value) else f"{100 * value:{form}}"


def _mean(mean: float, spread: float, n: int) -> str:
    known = "" if math.isnan(spread) else f" ± {100 * spread:.1f}"
    return f"{100 * mean:.1f}{known}, {n}" if n else "none"


def summary(cells: pandas.DataFrame) -> str:
    """How many cells are how, as one sentence."""
    counts = {word: int(cells["verdict"].eq(word).sum()) for word in VERDICTS}
    text = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    lossy = int(_lossy(cells).sum())
    more = f"; {lossy} with lost seeds, here or published" if lossy else ""
    return f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'}: {text}{more}"


def _parts(cells: pandas.DataFrame) -> list[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """Header and rows of both tables; none of a table without rows."""
    parts = [(MEANS, in_means(cells)), (LOST, in_losses(cells))]
    return [(header, rows) for header, rows in parts if rows]


def tables(cells: pandas.DataFrame) -> list[Table]:
    """The cells for a terminal."""
    found = []
    for header, rows in _parts(cells):
        shown = Table(box=None)
        shown.add_column(header[0], no_wrap=True, overflow="fold")
        for word in header[1:]:
            shown.add_column(word, no_wrap=word in ("p", "verdict"), overflow="fold")
        for row in rows:
            shown.add_row(*row)
        found.append(shown)
    return found


def markdown(cells: pandas.DataFrame) -> str:
    """The cells as Markdown tables with the summary above them."""
    parts = [f"Test accuracy in percent, means of the seeds that learned. {summary(cells)}."]
    for header, rows in _parts(cells):
        lines = [header, ["---"] * len(header), *rows]
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(parts) + "\n"
