"""Measured accuracies beside the published ones, cell by cell. Reads tables only.

A cell is a model on a data set in a scenario. A seed is *lost* if it diverged or collapsed (stayed
at chance level): a mean over lost and other seeds says nothing of either, so two things are
compared.

* The mean accuracy of the seeds that learned, that is, of all tested ones that did not collapse. It
  is outside if it is more than three combined standard errors, ``3 * sqrt(sd**2 / n +
  published_sd**2 / published_n)``, from the published mean of those that did not collapse; of a
  single seed the published standard deviation stands for its own.
* How many seeds were lost, against how many collapsed in the paper, which tells of no diverged
  ones: there they count as whatever their best epoch was. It is outside if Fisher's exact test
  gives both counts a two-sided probability less than 0.0027, that of three standard errors.

The verdict on a cell is ``outside`` if either is. It is ``undecided`` if no seed learned, or none
was tested, and no more were lost than chance allows: then there is too little to judge by. Else it
is ``inside``. In cells with lost seeds the medians of all tested seeds are shown, too.
"""

import math
from collections.abc import Sequence
from typing import Any

import pandas
from scipy import stats

from isotrope import paths
from isotrope.errors import UserError, did_you_mean
from isotrope.figures._series import measured, named
from isotrope.files.tables import PUBLISHED_COLUMNS, RESULT_COLUMNS, RUN_COLUMNS, read_table

BAND = 3.0  # combined standard errors
RAREST = 0.0027  # two-sided probability of a normal variable beyond three standard errors
CELL = ["model", "place", "scenario"]
COLUMNS = (
    *("model", "dataset", "scenario", "run", "point"),
    *("seeds", "diverged", "collapsed", "n", "mean", "sd", "median"),
    *("learned", "learned_mean", "learned_sd"),
    *("published_n", "published_mean", "published_sd", "published_median"),
    *("published_collapsed", "published_learned"),
    *("published_learned_mean", "published_learned_sd"),
    *("difference", "standard_error", "p_lost", "verdict"),
)
VERDICTS = ("inside", "outside", "undecided")


def compare(study: str, series: Sequence[str] = ("published",)) -> pandas.DataFrame:
    """One row for each cell that was run and published, in the order of the published table.

    Args:
        study: whose tables and published numbers are compared.
        series: the runs to compare.

    Returns:
        The columns ``COLUMNS``; accuracies are fractions of 1. ``seeds`` are all that were trained,
        ``n`` those that were tested, ``learned`` those of them that did not collapse.
        ``difference`` and ``standard_error`` are about the seeds that learned, ``p_lost`` is the
        probability of the counts of lost seeds. What cannot be known is NaN.

    Raises:
        UserError: if a table is absent or damaged, the study has no published numbers, or none of
            its runs has a published cell.
    """
    published = _published(study)
    folder = paths.table_folder(study)
    runs = read_table(folder / "runs.csv", RUN_COLUMNS)
    tested = runs.iloc[:0].assign(value=0.0)
    if runs["status"].ne("diverged").any():  # else the table of accuracies has no row
        accuracies = read_table(folder / "accuracy.csv", RESULT_COLUMNS)
        tested = measured({"runs": runs, "accuracy": accuracies}, "accuracy", "accuracy")
    runs = named(runs)
    cells = []
    by = [*CELL, "run", "point"]
    for key, found in runs[runs["series"].isin(series)].groupby(by, sort=False):
        model, place, scenario, run, point = (str(part) for part in key)
        beside = published.get((model, place, scenario))
        if beside is not None:
            own = tested[tested["run"].eq(run) & tested["point"].eq(point)]
            names = dict(zip(COLUMNS, (model, place, scenario, run, point), strict=False))
            ours = _measured(found["status"], own)
            cells.append({**names, **ours, **beside, **_judged(ours, beside)})
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
    metrics: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows.to_dict("records"):
        key = row["model"], row["dataset"], row["setting"].removeprefix("scenario=")
        metrics.setdefault(key, {})[row["metric"]] = row
    cells = {}
    for key, found in metrics.items():
        if everything := found.get("accuracy"):
            learned = found.get("accuracy_not_collapsed", everything)
            cells[key] = {
                "published_n": int(everything["n"]),
                "published_mean": everything["value"],
                "published_sd": everything["spread"],
                "published_median": found.get("median", {}).get("value", math.nan),
                "published_collapsed": int(found.get("collapsed", {}).get("value", 0)),
                "published_learned": int(learned["n"]),
                "published_learned_mean": learned["value"],
                "published_learned_sd": learned["spread"],
            }
    return cells


def _measured(states: pandas.Series, tested: pandas.DataFrame) -> dict[str, Any]:
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


def _judged(ours: dict[str, Any], beside: dict[str, Any]) -> dict[str, Any]:
    """How far our seeds of a cell are from the published ones, and the verdict on that."""
    lost, collapsed = ours["diverged"] + ours["collapsed"], beside["published_collapsed"]
    rest = ours["seeds"] - lost, beside["published_n"] - collapsed
    p_lost = float(stats.fisher_exact([[lost, rest[0]], [collapsed, rest[1]]]).pvalue)
    difference = error = math.nan
    if ours["learned"]:
        known = beside["published_learned_sd"]
        spread = known if math.isnan(ours["learned_sd"]) else ours["learned_sd"]
        variances = spread**2 / ours["learned"], known**2 / beside["published_learned"]
        difference = ours["learned_mean"] - beside["published_learned_mean"]
        error = math.sqrt(sum(variances))
    if abs(difference) > BAND * error or p_lost < RAREST:
        verdict = "outside"
    else:
        verdict = "inside" if ours["learned"] else "undecided"
    numbers = {"difference": difference, "standard_error": error, "p_lost": p_lost}
    return {**numbers, "verdict": verdict}
