"""A network's values beside those of the runs in tables: of one evaluation, on one data set.

A cell is a metric at one setting of the evaluation, as ``scale=17``; of a metric with more settings
it is their mean, over those at which the network has a value. A run stands beside a network where
it was evaluated at the same settings; where it was so on more images or fewer, that is said. Reads
tables only.
"""

import io
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import pandas

from isotrope import paths
from isotrope.files.tables import CODE, RESULT_COLUMNS, read_table
from isotrope.plan.index import Index
from isotrope.results import percent

MOST = 6  # settings of a metric that have cells of their own
FEW = 2  # so many in the line of an evaluation
COLUMNS = ("evaluation", "metric", "setting", "network", "seeds", "mean", "sd", "n")


class Value(NamedTuple):
    """What was measured, NaN if nothing could be, and of how many images."""

    value: float
    n: float


Setting = tuple[tuple[str, str], ...]  # columns of a table with values, as words
Values = Mapping[str, Mapping[Setting, Value]]  # of one seed, by metric and setting


@dataclass(frozen=True)
class Line:
    """A network, or the seeds of a run, in a cell.

    Args:
        network: its name.
        values: one of each seed.
        images: of how many images each is, at the least and at the most.
    """

    network: str
    values: tuple[float, ...]
    images: tuple[float, float]

    @property
    def mean(self) -> float:
        """Over seeds."""
        return sum(self.values) / len(self.values)

    @property
    def deviation(self) -> float:
        """The standard deviation over seeds; NaN of a single one."""
        return float(pandas.Series(self.values, dtype=float).std())

    @property
    def count(self) -> str:
        """Of how many images, in words."""
        return "-".join(dict.fromkeys(f"{number:.10g}" for number in self.images))


@dataclass(frozen=True)
class Cell:
    """What stands side by side.

    Args:
        metric: its name.
        setting: at which, in words; empty if there is one alone.
        lines: the network's own first, then runs by their names.
    """

    metric: str
    setting: str
    lines: tuple[Line, ...]


def own_values(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[Setting, Value]]:
    """The values of one network by metric and setting, from the rows of an evaluation."""
    found: dict[str, dict[Setting, Value]] = {}
    for row in rows:
        setting = _setting({key: row[key] for key in row if key not in (*RESULT_COLUMNS, CODE)})
        found.setdefault(str(row["metric"]), {})[setting] = Value(
            float(row["value"]), float(row["n"])
        )
    return found


def seeds_beside(
    known: Index, alias: str, name: str, data: Mapping[str, Any], tested: str
) -> dict[str, list[Values]]:
    """The values of every seed in tables that was evaluated so on a data set, by run.

    Args:
        known: all runs.
        alias: the name of the table.
        name: the evaluation behind it.
        data: the settings of the data set, by dotted keys; runs with others are left out.
        tested: the key of the data set that the evaluation was given; so are those of another.

    Raises:
        UserError: if a table is damaged, or was altered.
    """
    points: dict[str, dict[tuple[str, str], str]] = {}
    for run, entry in known.runs.items():
        for point, known_point in entry.points.items():
            settings, evaluations = known_point.parameters, known_point.evaluations
            own = {key: value for key, value in settings.items() if key.startswith("dataset.")}
            one = evaluations.get(alias)
            if one is not None and (own, one.name, one.dataset) == (data, name, tested):
                shown = run if len(entry.evaluated) == 1 else f"{run}, {point}"
                points.setdefault(entry.group, {})[run, point] = shown
    found: dict[str, list[Values]] = {}
    for group, wanted in points.items():
        path = paths.table_folder(group) / f"{alias}.csv"
        if not path.is_file():
            continue
        table = read_table(path, RESULT_COLUMNS)
        for (its, place, _), rows in table.groupby(["run", "point", "seed"], sort=True):
            name_there = wanted.get((str(its), str(place)))
            if name_there is not None:
                records: list[Any] = rows.to_dict("records")
                found.setdefault(name_there, []).append(own_values(records))
    return found


def cells(
    network: str, own: Values, others: Mapping[str, Sequence[Values]], most: int = MOST
) -> tuple[list[Cell], list[str]]:
    """A network beside runs; and the runs that were evaluated at other settings.

    Args:
        network: its name.
        own: its values.
        others: those of each seed of each run.
        most: settings of a metric that have cells of their own.
    """
    found, strange = [], set[str]()
    for metric, at in own.items():
        alike: dict[str, list[Mapping[Setting, Value]]] = {}
        for run, seeds in others.items():
            same = [one[metric] for one in seeds if set(one.get(metric, ())) == set(at)]
            if same:
                alike[run] = same
            else:
                strange.add(run)
        sides = {network: [at], **alike}
        for words, settings in _shown(at, most):
            lines = (_line(name, seeds, settings) for name, seeds in sides.items())
            found.append(Cell(metric, words, tuple(lines)))
    return found, sorted(strange)


def _shown(at: Mapping[Setting, Value], most: int) -> Iterator[tuple[str, list[Setting]]]:
    """The settings of a metric that make a cell, in words."""
    varied = dict.fromkeys(
        key for setting in at for key, _ in setting if len({dict(s).get(key) for s in at}) > 1
    )
    if len(at) > most:
        known = [setting for setting, one in at.items() if not math.isnan(one.value)] or list(at)
        lost = f", {len(at) - len(known)} more are unknown" if len(known) < len(at) else ""
        yield f"mean over {len(known)} of {', '.join(varied)}{lost}", known
        return
    for setting in at:
        words = (f"{key} {value}" for key, value in setting if key in varied)
        yield ", ".join(words), [setting]


def _line(
    name: str, seeds: Sequence[Mapping[Setting, Value]], settings: Collection[Setting]
) -> Line:
    """The means of seeds over some settings."""
    means = (sum(one[at].value for at in settings) / len(settings) for one in seeds)
    counts = [one[at].n for one in seeds for at in settings]
    return Line(name, tuple(means), (min(counts), max(counts)))


def _setting(row: Mapping[str, Any]) -> Setting:
    """What a row says of its setting, however its numbers are spelled; empty cells say nothing."""
    words = {key: _word(value) for key, value in row.items()}
    return tuple(sorted((key, word) for key, word in words.items() if word))


def _word(value: Any) -> str:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return "" if value is None else str(value)
    if isinstance(value, bool):
        return str(value)
    return "" if math.isnan(number) else f"{number:.10g}"


def text_of(evaluation: str, found: Sequence[Cell]) -> Iterator[str]:
    """Cells as lines for a terminal, by metric: the network's, and one for each run beside it.

    Shares are in percent; the values of a run are its mean and its standard deviation over seeds.
    """
    for _, its in groupby(found, key=lambda cell: cell.metric):
        values, *others = _sides(list(its))
        yield f"{evaluation}: {values}"
        yield from others


def main_text(evaluation: str, found: Sequence[Cell]) -> Iterator[str]:
    """The same of an evaluation's main metric: its first share, or else its first metric."""
    metrics = {cell.metric: percent.factor_of(cell.metric, ()) for cell in found}
    main = next((one for one, factor in metrics.items() if factor is not None), None)
    chosen = [cell for cell in found if cell.metric == (main or found[0].metric)]
    values, *others = _sides(chosen)
    yield f"{evaluation}: {values}"
    yield from others


def _sides(found: Sequence[Cell]) -> Iterator[str]:
    """The cells of one metric in a line for each network that stands there."""
    metric = found[0].metric
    lines = {one.network: [cell.lines[i] for cell in found] for i, one in enumerate(found[0].lines)}
    factor = percent.factor_of(metric, [v for c in found for one in c.lines for v in one.values])
    own = next(iter(lines.values()))
    for network, its in lines.items():
        values = ", ".join(
            f"{_number(one, factor)}{f' ({cell.setting})' if cell.setting else ''}"
            for cell, one in zip(found, its, strict=True)
        )
        if its is own:
            yield f"{metric.replace('_', ' ')} {values}"
            continue
        seeds = len(its[0].values)
        there, here = (", ".join(dict.fromkeys(one.count for one in side)) for side in (its, own))
        more = f"; of {there} images, and yours of {here}" if there != here else ""
        yield f"  {network}: {values}; {seeds} seed{'s'[: seeds > 1]}{more}"


def _number(line: Line, factor: float | None) -> str:
    """A mean in words, with its deviation if there is one; or why there is none."""
    if math.isnan(line.mean):
        return "unknown, " + ("measured on 0 images" if not line.images[1] else "undefined here")
    value = percent.number(line.mean, factor)
    if len(line.values) > 1:
        value += f" ± {percent.number(line.deviation, factor)}"
    return f"{value} %" if factor is not None else value


def csv_of(found: Mapping[str, Sequence[Cell]]) -> str:
    """Cells as a table, by the evaluations that they are of; values are as in the tables."""
    rows = [
        (name, cell.metric, cell.setting, *_csv(one))
        for name, its in found.items()
        for cell in its
        for one in cell.lines
    ]
    text = io.StringIO()
    pandas.DataFrame(rows, columns=list(COLUMNS)).to_csv(text, index=False, lineterminator="\n")
    return text.getvalue()


def _csv(line: Line) -> tuple[object, ...]:
    return line.network, len(line.values), line.mean, line.deviation, line.count
