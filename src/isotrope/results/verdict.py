"""What the results of a group come to: its main numbers beside the published ones, and the rest.

The rest is in sentences: what was run, what was not, and what failed.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from isotrope import paths
from isotrope.files.tables import PUBLISHED_COLUMNS, RESULT_COLUMNS, RUN_COLUMNS, read_table
from isotrope.plan.index import RunEntry
from isotrope.results import page, percent
from isotrope.results.cells import cells_of
from isotrope.results.published import published_beside
from isotrope.results.series import Tables, means_of, measured, nothing_published, seeds, stayed
from isotrope.results.statistics import FEWEST, half_intervals
from isotrope.results.summary import one_value_metrics, said_of_code
from isotrope.results.verifying import read_left_out

NAMED = 8  # runs in a sentence


def main_tables(folder: Path) -> list[str]:
    """The main tables of a group, in HTML: a row for each series on each data set.

    They are of the metrics that the study calls its main ones; where it has none of these, of the
    first one that has one value per seed.

    Raises:
        UserError: if a table is absent or damaged.
    """
    study = paths.study_of(folder.name)
    cells, runs = cells_of(study), read_table(folder / "runs.csv", RUN_COLUMNS)
    known = {(table, metric) for table, metric, _ in one_value_metrics(runs, folder)}
    wanted = [pair for pair in cells.main if pair in known] or sorted(known)[:1]
    published = nothing_published()
    if (path := paths.published(study)).is_file():
        published = read_table(path, PUBLISHED_COLUMNS, "restore it with `git checkout`")
    found = []
    for table, metric in wanted:
        rows = read_table(folder / f"{table}.csv", RESULT_COLUMNS)
        found.append(_main_table(Tables({"runs": runs, table: rows}, cells, published), metric))
    return found


def _main_table(tables: Tables, metric: str) -> str:
    """One metric of every series on every data set, the published mean beside it."""
    (name,) = set(tables) - {"runs"}
    rows, cells = measured(tables, name, metric), tables.cells
    ours = means_of(rows, tables)
    theirs = published_beside(ours, tables, name, metric)
    factor = percent.factor_of(metric, rows["value"])
    beside = percent.factor_of(metric, theirs["mean"])
    differences = percent.are_differences([*rows["value"], *theirs["mean"]])
    lines: list[tuple[object, ...]] = []
    for panel in cells.panels(ours):
        for series in cells.names(cells.rows_in(ours, [panel])):
            (at,) = cells.series_in(ours, panel, series).to_dict("records")
            lost = [f"{at[kind]:.0f} {kind}" for kind in ("collapsed", "diverged") if at[kind]]
            mean = percent.mean_with_interval(
                at["mean"], at["low"], at["high"], at["n"], factor, differences
            )
            of_series = cells.series_in(theirs, panel, series).to_dict("records")
            said = "; ".join(_published(one, beside, differences) for one in of_series)
            lines.append((series, cells.title(panel), mean, at["n"], ", ".join(lost), said))
    heads = ["series", "data set", percent.heading(metric, factor), "seeds", "lost", "published"]
    what = f"{percent.heading(metric, factor).capitalize()}: mean over seeds "
    what += f"[its 95 % interval, from {FEWEST} seeds on]"
    if any(published for *_, published in lines):
        what += "; published: the same, where their seeds and standard deviation are known"
    return page.table(heads, lines, f"{what}.")


def _published(at: Mapping[object, object], factor: float | None, differences: bool) -> str:
    """A published mean with its interval and number of seeds, where they are known."""
    mean, spread, count = (float(str(at[key])) for key in ("mean", "spread", "n"))
    (half,) = half_intervals([spread], [count])
    known = 0 if math.isnan(half) else count
    said = percent.mean_with_interval(mean, mean - half, mean + half, known, factor, differences)
    return said if math.isnan(count) else f"{said}, {seeds([int(count)])}"


def ran(folder: Path) -> list[str]:
    """Sentences on what was run.

    Raises:
        UserError: if the table of runs is absent or damaged.
    """
    runs = read_table(folder / "runs.csv", RUN_COLUMNS)
    series = ", ".join(dict.fromkeys(runs["series"]))
    epochs = sorted({int(count) for count in runs["epochs"].dropna()})
    most = "" if not epochs else f", {epochs[0]}" + (f"-{epochs[-1]}" if epochs[1:] else "")
    origins = runs["origin"].value_counts()
    count = runs["run"].nunique()
    said = [
        f"{count} {'run' if count == 1 else 'runs'} ({series}), {seeds([len(runs)])}"
        f"{f'{most} epochs each' if most else ''}."
    ]
    for origin, words in (("shipped", "came trained with the project"), ("imported", "imported")):
        if origins.get(origin, 0):
            said.append(f"{origins[origin]} of the {len(runs)} seeds {words}.")
    return said


def not_run(runs: Mapping[str, RunEntry], folder: Path) -> list[str]:
    """Sentences on the runs of a group that stand in no table of it, by their series.

    Args:
        runs: of the group, by name.
        folder: the group's tables.
    """
    table = folder / "runs.csv"
    there = set(read_table(table, RUN_COLUMNS)["run"]) if table.is_file() else set()
    series: dict[str, list[str]] = {}
    for name, run in runs.items():
        if name not in there:
            series.setdefault(run.series, []).append(name)
    return [
        f"Not run of series {one}: {len(names)} of {_count(runs, one)}: {_listed(names)}."
        for one, names in series.items()
    ]


def _count(runs: Mapping[str, RunEntry], series: str) -> int:
    return sum(run.series == series for run in runs.values())


def _listed(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def failures(folder: Path) -> list[str]:
    """Sentences on seeds that were lost, on other code, and on what nothing vouches for.

    Raises:
        UserError: if a table, or what says what was left out of it, is damaged.
    """
    runs = read_table(folder / "runs.csv", RUN_COLUMNS)
    fates = {"diverged": "in no mean", "collapsed": f"{stayed(runs)}, and in all means"}
    said = []
    for status, fate in fates.items():
        lost = runs[runs["status"].eq(status)]
        points = [
            run if at == "base" else f"{run}, {at}"
            for run, at in zip(lost["run"], lost["point"], strict=True)
        ]
        named = [f"{name} ({points.count(name)})" for name in dict.fromkeys(points)]
        if named:
            said.append(f"{seeds([len(lost)])} {status} ({fate}): {_listed(named)}.")
    left = (f"Left out: {one}." for one in read_left_out(folder))
    return [*said, *said_of_code(folder), *left]
