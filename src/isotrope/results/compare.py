"""Measured values beside the published ones, cell by cell. Reads tables only.

A cell is a model in a panel of its study, under one metric of one table, at one setting of the
evaluation. A seed is *lost* if it diverged or collapsed (stayed at chance level): a mean over lost
and other seeds says nothing of either, so two things are compared.

* The mean of the seeds that learned, that is, of all tested ones that did not collapse. It is
  outside if it is more than three combined standard errors, ``3 * sqrt(sd**2 / n + published_sd**2
  / published_n)``, from the published mean of those that did not collapse; of a single seed the
  published standard deviation stands for its own. A published value without a standard deviation
  is taken as it is.
* How many seeds were lost, against how many collapsed in the published study, which is taken to
  have had no diverged ones: there they count as whatever their best epoch was. It is outside if
  Fisher's exact test gives both counts a two-sided probability less than 0.0027, that of three
  standard errors.

The verdict on a cell is ``outside`` if either is. It is ``undecided`` if no seed learned, or none
was tested, and no more were lost than chance allows, or if neither standard deviation is known:
then there is too little to judge by. Else it is ``inside``. In cells with lost seeds the medians of
all tested seeds are shown, too.

Beside the metric ``accuracy`` of a table, for example, its published rows may have the metrics
``accuracy_not_collapsed``, ``median`` and ``collapsed``, the last of which counts seeds.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas
from scipy import stats

from isotrope import paths
from isotrope.errors import UserError, did_you_mean
from isotrope.files.tables import PUBLISHED_COLUMNS, RESULT_COLUMNS, RUN_COLUMNS, read_table
from isotrope.plan import index_file
from isotrope.plan.studies import with_files
from isotrope.results.cells import Cells, cells_of
from isotrope.results.comparable import comparable_runs, rows_of_cell
from isotrope.results.published import pairs_of
from isotrope.results.series import KEY, Tables, joined
from isotrope.results.what_to_run import nothing_ran, ways_on

BAND = 3.0  # combined standard errors
RAREST = 0.0027  # two-sided probability of a normal variable beyond three standard errors
COMPANIONS = ("collapsed", "median", "{}_not_collapsed")  # metrics beside a published one
CELL = ("table", "metric", "model", "dataset")
NUMBERS = (
    *("run", "point"),
    *("seeds", "diverged", "collapsed", "n", "mean", "sd", "median"),
    *("learned", "learned_mean", "learned_sd"),
    *("published_n", "published_mean", "published_sd", "published_median"),
    *("published_collapsed", "published_learned"),
    *("published_learned_mean", "published_learned_sd"),
    *("difference", "standard_error", "p_lost", "verdict"),
)
VERDICTS = ("inside", "outside", "undecided")


def compare(study: str, series: Sequence[str] = ("published",)) -> pandas.DataFrame:
    """One row for each cell that was run and published, in the order of the published numbers.

    Args:
        study: whose tables and published numbers are compared, or its demo: the tables of that.
        series: the runs to compare.

    Returns:
        Columns: table, metric, model, dataset, one for each setting of panels and evaluations, and
        ``NUMBERS``; values are in the units of the tables, where accuracies are fractions.
        ``seeds`` are all that were trained, ``n`` those that were tested, ``learned`` those of them
        that did not collapse. ``difference`` and ``standard_error`` are about the seeds that
        learned, ``p_lost`` is the probability of the counts of lost seeds. What cannot be known is
        NaN.

    Raises:
        UserError: if a table is absent or damaged, the study has no published numbers, or none of
            its runs has a published cell; with what to run, where that helps.
    """
    whole = paths.study_of(study)
    published, cells = _read_published(whole), cells_of(whole)
    folder = paths.table_folder(study)
    if not (folder / "runs.csv").is_file():
        raise UserError(f"{folder}/runs.csv is not there: {nothing_ran(study)}", *_ways_on(study))
    runs = read_table(folder / "runs.csv", RUN_COLUMNS)
    named = cells.with_series_names(runs)
    chosen = named[named["series"].isin(series)]
    tables: dict[str, pandas.DataFrame | None] = {}
    found: list[dict[str, Any]] = []
    for beside in _published_cells(published, cells):
        table = beside["table"]
        if table not in tables:
            tables[table] = _tested_rows(folder, table, runs, cells)
        if (tested := tables[table]) is not None:
            found.extend(_measured_cells(beside, chosen, tested, cells))
    if not found:
        raise UserError(*_nothing(study, named, published, series, cells))
    settings = dict.fromkeys(name for cell in found for name in cell["setting"])
    rows = [{**cell, **cell["setting"]} for cell in found]
    return pandas.DataFrame(rows, columns=[*CELL, *settings, *NUMBERS])


def _command(group: str) -> str:
    return f"isotrope compare {group}"


def _ways_on(group: str) -> list[str]:
    """What to run, so that there is something to compare."""
    try:
        known = index_file.current(asks=index_file.only_look)
    except UserError as error:
        return ["mend the param-files first:", *error.sentences]
    return ways_on(group, _command, known, comparable_runs(paths.study_of(group), known))


def _nothing(
    group: str,
    runs: pandas.DataFrame,
    published: pandas.DataFrame,
    series: Sequence[str],
    cells: Cells,
) -> list[str]:
    """Why there is nothing to compare, and what there would be."""
    folder = paths.table_folder(group)
    asked, there = ", ".join(series), ", ".join(dict.fromkeys(runs["series"]))
    count = runs.loc[runs["series"].isin(series), "run"].nunique()
    agree = ", ".join(["model", "data set", *cells.settings, *cells.variants])
    if count:
        whose = "the run" if count == 1 else f"the {count} runs"
        why = f"nothing published has what {whose} of series {asked} measured, by {agree}"
    else:
        why = f"no run of series {asked} there, only of {there}"
    others = {
        word
        for one in _published_cells(published, cells)
        for word in rows_of_cell(runs, one["model"], one["dataset"], one["setting"], cells)[
            "series"
        ]
    }
    if others := others - set(series):
        more = f"`{_command(group)} --series {','.join(sorted(others))}` compares those"
        return [f"{folder}: {why}; {more}"]
    return [f"{folder}: {why}", *_ways_on(group)]


def _read_published(study: str) -> pandas.DataFrame:
    """The published numbers of a study."""
    path = paths.published(study)
    if not path.is_file():
        known = [found.stem for found in paths.PUBLISHED.glob("*.csv")]
        if study == "demo":
            demos = ", ".join(paths.demo_of(one) for one in sorted(known))
            raise UserError(f"each study has a demo of its own; name one: {demos}")
        if _is_known(study):
            raise UserError(
                f"the study {study} has no published numbers to compare with: write some into "
                f"{path} ('Published numbers' in docs/studies.md says how); `isotrope summarize "
                f"{study}` shows what was measured"
            )
        raise UserError(f"{path} is not there: no numbers to compare{did_you_mean(study, known)}")
    return read_table(path, PUBLISHED_COLUMNS, "restore it with `git checkout`")


def _is_known(study: str) -> bool:
    """Whether a study without published numbers has tables, files of its own, or a run."""
    if study in with_files() or (paths.table_folder(study) / "runs.csv").is_file():
        return True
    try:
        runs = index_file.current(asks=index_file.only_look).runs
        return any(run.study == study for run in runs.values())
    except UserError:
        return False


def _published_cells(published: pandas.DataFrame, cells: Cells) -> Iterator[dict[str, Any]]:
    """What was published of every cell, in the order of the first row of each."""
    by = ["table", "model", "dataset", "setting"]
    for key, rows in published.groupby(by, sort=False):
        names = dict(zip(by, (str(word) for word in key), strict=True))
        found = {str(row["metric"]): row for row in rows.to_dict("records")}
        companions = {word.format(metric) for metric in found for word in COMPANIONS}
        for metric in [metric for metric in found if metric not in companions]:
            if cells.compared is None or (names["table"], metric) in cells.compared:
                numbers = _published_numbers(metric, found)
                setting = pairs_of(names["setting"])
                yield {**names, "setting": setting, "metric": metric, **numbers}


def _published_numbers(metric: str, found: dict[str, dict[Any, Any]]) -> dict[str, Any]:
    """The published numbers of a metric; a number of seeds that is not known counts as one."""
    everything = found[metric]
    learned = found.get(f"{metric}_not_collapsed", everything)
    known, of_learned = (
        1 if math.isnan(row["n"]) else int(row["n"]) for row in (everything, learned)
    )
    return {
        "published_n": known,
        "published_mean": everything["value"],
        "published_sd": everything["spread"],
        "published_median": found.get("median", {}).get("value", math.nan),
        "published_collapsed": int(found.get("collapsed", {}).get("value", 0)),
        "published_learned": of_learned,
        "published_learned_mean": learned["value"],
        "published_learned_sd": learned["spread"],
    }


def _tested_rows(
    folder: Path, table: str, runs: pandas.DataFrame, cells: Cells
) -> pandas.DataFrame | None:
    """The rows of the seeds that were tested; None if the study has no such table.

    Raises:
        UserError: if a table that the study's cells name is absent, or one is damaged.
    """
    path = folder / f"{table}.csv"
    if runs["status"].eq("diverged").all():  # then no table has a row, and none need be there
        return pandas.DataFrame(columns=[*KEY, "metric", "value", "status"])
    if not path.is_file() and cells.compared is None:
        return None
    return joined(Tables({"runs": runs, table: read_table(path, RESULT_COLUMNS)}, cells), table)


def _measured_cells(
    beside: dict[str, Any], runs: pandas.DataFrame, tested: pandas.DataFrame, cells: Cells
) -> Iterator[dict[str, Any]]:
    """A published cell with what was measured of it, for each run and point that has it."""
    setting, metric = beside["setting"], beside["metric"]
    of_evaluation = setting.keys() - cells.settings.keys() - cells.variants.keys()
    known = set(tested["metric"]) | {metric for _, metric in cells.compared or ()}
    if metric not in known or of_evaluation - set(tested.columns):
        return
    own = rows_of_cell(runs, beside["model"], beside["dataset"], setting, cells)
    values = tested[tested["metric"].eq(metric)]
    for name in of_evaluation:
        values = values[values[name].map(_same_word(setting[name])).astype(bool)]
    for (run, point), found in own.groupby(["run", "point"], sort=False):
        mine = values[values["run"].eq(str(run)) & values["point"].eq(str(point))]
        ours = _statistics(found["status"], mine)
        yield {**beside, "run": run, "point": point, **ours, **_verdict(ours, beside)}


def _same_word(word: str) -> Callable[[object], bool]:
    """Whether a cell of a table is the word, or the same number."""

    def same(cell: object) -> bool:
        try:
            return str(cell) == word or float(str(cell)) == float(word)
        except ValueError:
            return False

    return same


def _statistics(states: pandas.Series, tested: pandas.DataFrame) -> dict[str, Any]:
    """What our seeds of a cell did; the standard deviation of a single seed is NaN."""
    learned = tested["value"][tested["status"].ne("collapsed")]
    return {
        "seeds": len(states),
        "diverged": int(states.eq("diverged").sum()),
        "collapsed": int(states.eq("collapsed").sum()),
        "n": len(tested),
        "mean": float(tested["value"].mean()),
        "sd": float(tested["value"].std()),
        "median": float(tested["value"].median()),
        "learned": len(learned),
        "learned_mean": float(learned.mean()),
        "learned_sd": float(learned.std()),
    }


def _verdict(ours: dict[str, Any], beside: dict[str, Any]) -> dict[str, Any]:
    """How far our seeds of a cell are from the published ones, and the verdict on that."""
    lost, collapsed = ours["diverged"] + ours["collapsed"], beside["published_collapsed"]
    rest = ours["seeds"] - lost, max(beside["published_n"] - collapsed, 0)
    p_lost = float(stats.fisher_exact([[lost, rest[0]], [collapsed, rest[1]]]).pvalue)
    difference = error = math.nan
    if ours["learned"]:
        known = beside["published_learned_sd"]
        spread = known if math.isnan(ours["learned_sd"]) else ours["learned_sd"]
        theirs = 0.0 if math.isnan(known) else known
        variances = spread**2 / ours["learned"], theirs**2 / beside["published_learned"]
        difference = ours["learned_mean"] - beside["published_learned_mean"]
        error = math.sqrt(sum(variances))
    if abs(difference) > BAND * error or p_lost < RAREST:
        verdict = "outside"
    else:
        verdict = "undecided" if math.isnan(error) else "inside"
    numbers = {"difference": difference, "standard_error": error, "p_lost": p_lost}
    return {**numbers, "verdict": verdict}
