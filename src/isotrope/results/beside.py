"""A network's values beside those of the runs in tables: of one evaluation, on one data set.

A cell is a metric at one setting of the evaluation, as ``scale=17``; of a metric with more settings
than ``MOST`` it is their mean. A run stands beside a network where it was evaluated at the same
settings. Reads tables only.
"""

import io
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas

from isotrope import paths
from isotrope.files.tables import CODE, RESULT_COLUMNS, read_table
from isotrope.plan.index import Index
from isotrope.results import percent

MOST = 6  # settings of a metric that are shown one by one
Setting = tuple[tuple[str, str], ...]  # columns of a table with values, as words
Values = Mapping[str, Mapping[Setting, float]]  # of one seed, by metric and setting
COLUMNS = ("evaluation", "metric", "setting", "network", "seeds", "mean", "sd")


@dataclass(frozen=True)
class Line:
    """A network, or the seeds of a run, in a cell.

    Args:
        network: its name.
        values: one of each seed.
    """

    network: str
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over seeds."""
        return sum(self.values) / len(self.values)

    @property
    def deviation(self) -> float:
        """The standard deviation over seeds; NaN of a single one."""
        return float(pandas.Series(self.values, dtype=float).std())


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


def own_values(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[Setting, float]]:
    """The values of one network by metric and setting, from the rows of an evaluation."""
    found: dict[str, dict[Setting, float]] = {}
    for row in rows:
        setting = _setting({key: row[key] for key in row if key not in (*RESULT_COLUMNS, CODE)})
        found.setdefault(str(row["metric"]), {})[setting] = float(row["value"])
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
    network: str, own: Values, others: Mapping[str, Sequence[Values]]
) -> tuple[list[Cell], list[str]]:
    """A network beside runs; and the runs that were evaluated at other settings.

    Args:
        network: its name.
        own: its values.
        others: those of each seed of each run.
    """
    found, strange = [], set[str]()
    for metric, at in own.items():
        alike: dict[str, list[Mapping[Setting, float]]] = {}
        for run, seeds in others.items():
            same = [one[metric] for one in seeds if set(one.get(metric, ())) == set(at)]
            if same:
                alike[run] = same
            else:
                strange.add(run)
        sides = {network: [at], **alike}
        for words, settings in _shown(at):
            lines = (
                Line(name, tuple(_mean(one, settings) for one in seeds))
                for name, seeds in sides.items()
            )
            found.append(Cell(metric, words, tuple(lines)))
    return found, sorted(strange)


def _shown(at: Mapping[Setting, float]) -> Iterator[tuple[str, list[Setting]]]:
    """The settings of a metric that make a cell, in words."""
    varied = dict.fromkeys(
        key for setting in at for key, _ in setting if len({dict(s).get(key) for s in at}) > 1
    )
    if len(at) > MOST:
        yield f"mean over {len(at)} of {', '.join(varied)}", list(at)
        return
    for setting in at:
        words = (f"{key} {value}" for key, value in setting if key in varied)
        yield ", ".join(words), [setting]


def _mean(values: Mapping[Setting, float], settings: Collection[Setting]) -> float:
    return sum(values[one] for one in settings) / len(settings)


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
    """Cells as lines for a terminal; shares in percent, a mean with its standard deviation."""
    for cell in found:
        factor = percent.factor_of(cell.metric, [v for one in cell.lines for v in one.values])
        heading = percent.heading(cell.metric, factor)
        yield f"{evaluation}: {heading}{f', {cell.setting}' if cell.setting else ''}"
        width = max(len(one.network) for one in cell.lines)
        for one in cell.lines:
            value = percent.number(one.mean, factor) or "nan"
            if len(one.values) > 1:
                value += f" ± {percent.number(one.deviation, factor)}, {len(one.values)} seeds"
            yield f"  {one.network:<{width}}  {value}"


def csv_of(found: Mapping[str, Sequence[Cell]]) -> str:
    """Cells as a table, by the evaluations that they are of; values are as in the tables."""
    rows = [
        (name, cell.metric, cell.setting, one.network, len(one.values), one.mean, one.deviation)
        for name, its in found.items()
        for cell in its
        for one in cell.lines
    ]
    text = io.StringIO()
    pandas.DataFrame(rows, columns=list(COLUMNS)).to_csv(text, index=False, lineterminator="\n")
    return text.getvalue()
