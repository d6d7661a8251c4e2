"""One page that shows a group's tables to people: results, settings and times, by run and point.

The tables themselves are for programs: a row for each seed. Shares are percent here. Needs no
results and no torch.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import pandas

from isotrope.files.code_column import ELSEWHERE, OPEN, SAME, STATES, worst
from isotrope.files.disk import write_whole
from isotrope.files.tables import (
    CODE,
    MORE_COLUMNS,
    RESULT_COLUMNS,
    RUN_COLUMNS,
    SELECTION_COLUMNS,
    read_table,
)
from isotrope.plan.code_words import WAYS_ON
from isotrope.results import percent
from isotrope.results.page import items, page, table
from isotrope.results.statistics import FEWEST, summarise
from isotrope.results.verifying import read_left_out

BY = ["run", "point"]
NO_RESULTS = ("runs", "selection")  # tables that no evaluation wrote


def write_summary(folder: Path) -> Path:
    """Write ``summary.html`` beside the tables of a group.

    Raises:
        UserError: if a table is absent or damaged.
    """
    head = f"<h1>{folder.name}: results, times and settings</h1>"
    path = folder / "summary.html"
    write_whole(path, page(f"{folder.name}: summary", [head, *summary_parts(folder)]))
    return path


def summary_parts(folder: Path) -> list[str]:
    """The parts of the page, in HTML.

    Raises:
        UserError: if a table is absent or damaged.
    """
    runs = read_table(folder / "runs.csv", RUN_COLUMNS)
    codes = _codes(folder)
    parts = [_runs(runs, codes), _results(runs, folder)]
    parts += [_chosen(folder), _times(runs), _settings(runs)]
    parts.insert(0, items(_said_of(codes)))
    if left := read_left_out(folder):
        parts.insert(0, f"<h2>Left out, since nothing vouches for it</h2>{items(left)}")
    return [part for part in parts if part]


def said_of_code(folder: Path) -> list[str]:
    """A sentence where results of a group were not made with the code as it is.

    Raises:
        UserError: if a table is absent or damaged.
    """
    return _said_of(_codes(folder))


def _codes(folder: Path) -> pandas.DataFrame:
    """For each run and point the state of the code behind its results that tells most."""
    of_table = [read_table(folder / "runs.csv", RUN_COLUMNS, with_code=True)[[*BY, CODE]]]
    for path in _results_in(folder):
        of_table.append(read_table(path, RESULT_COLUMNS, with_code=True)[[*BY, CODE]])
    return pandas.concat(of_table).groupby(BY)[CODE].agg(worst).reset_index()


def _said_of(codes: pandas.DataFrame) -> list[str]:
    """What is said above the tables where results were not made with the code as it is."""
    states = {state: int(codes[CODE].eq(state).sum()) for state in STATES}
    quiet = (SAME, ELSEWHERE)
    told = {state: count for state, count in states.items() if count and state not in quiet}
    if not told:
        return []
    counts = ", ".join(f"{count} {state}" for state, count in told.items())
    ways = f": {WAYS_ON}" if told.keys() & set(OPEN) else ""
    return [f"Code behind the results of {len(codes)} runs and points: {counts}{ways}."]


def _results_in(folder: Path) -> list[Path]:
    """The tables of a group that evaluations wrote."""
    paths = sorted(folder.glob("*.csv"))
    return [p for p in paths if p.stem not in NO_RESULTS and not p.stem.endswith("_costs")]


def _runs(runs: pandas.DataFrame, codes: pandas.DataFrame) -> str:
    """How the seeds of every run and point ended, and the state of the code behind them."""
    shown = runs.groupby(BY, as_index=False, sort=False).agg(
        label=("label", "first"),
        seeds=("seed", "size"),
        diverged=("status", lambda states: int(states.eq("diverged").sum())),
        collapsed=("status", lambda states: int(states.eq("collapsed").sum())),
        shipped=("origin", lambda origins: int(origins.eq("shipped").sum())),
    )
    shown = shown.merge(codes, on=BY, how="left")
    shown = shown[[*shown.columns[:3], CODE, *shown.columns[3:-1]]]
    what = (
        "Seeds of each run and point. Diverged ones are in no mean; collapsed ones, which stayed "
        "at chance level on their validation images (on their training images where there are no "
        "validation images), are in all."
    )
    return table(shown.columns, shown.itertuples(index=False), what)


def _results(runs: pandas.DataFrame, folder: Path) -> str:
    """A row for each run, point and metric that has one value per seed."""
    order = {at: i for i, at in enumerate(zip(runs["run"], runs["point"], strict=True))}
    lines = []
    for name, metric, rows in one_value_metrics(runs, folder):
        factor = percent.factor_of(metric, rows["value"])
        differences = percent.are_differences(rows["value"])
        for at in summarise(rows, BY).to_dict("records"):
            mean = percent.mean_with_interval(
                at["mean"], at["low"], at["high"], at["n"], factor, differences
            )
            measure = f"{name}: {percent.heading(metric, factor)}"
            lines.append((str(at["run"]), str(at["point"]), measure, mean, at["n"]))
    lines.sort(key=lambda one: order[one[0], one[1]])
    what = (
        f"Results: mean over seeds [95 % interval, from {FEWEST} seeds on]. What has a value for "
        "each setting, such as each size, is in the figures and in their tables."
    )
    return table(["run", "point", "measure", "mean", "seeds"], lines, what)


def one_value_metrics(
    runs: pandas.DataFrame, folder: Path
) -> Iterator[tuple[str, str, pandas.DataFrame]]:
    """Every table and metric that has one value per seed, with its rows and their ``status``.

    Raises:
        UserError: if a table is damaged.
    """
    status = runs[[*BY, "seed", "status"]]
    for path in _results_in(folder):
        rows = read_table(path, RESULT_COLUMNS).merge(status, on=[*BY, "seed"])
        for metric, found in rows.groupby("metric"):
            if not found.duplicated([*BY, "seed"]).any():
                yield path.stem, str(metric), found


def _chosen(folder: Path) -> str:
    """Which points of sweeps got all seeds."""
    path = folder / "selection.csv"
    if not path.is_file():
        return ""
    chosen = read_table(path, SELECTION_COLUMNS)
    factor = percent.factor_of("accuracy", chosen["value"])
    chosen["value"] = [percent.number(value, factor) for value in chosen["value"]]
    heads = ["value (%)" if head == "value" else head for head in chosen.columns]
    what = "Which point of each sweep got all seeds: best validation accuracy over n seeds."
    return table(heads, chosen.itertuples(index=False), what)


def _times(runs: pandas.DataFrame) -> str:
    """Epochs, seconds and memory of every run and point that was trained to its end."""
    shown = runs.groupby(BY, as_index=False, sort=False).agg(
        **{
            "epochs": ("epochs", "mean"),
            "best epoch": ("best_epoch", "mean"),
            "seconds per epoch": ("seconds_per_epoch_mean", "mean"),
            "memory (MB)": ("peak_memory_mb", "max"),
            "device": ("device", lambda found: "; ".join(dict.fromkeys(found))),
            "where": ("origin", lambda found: "; ".join(dict.fromkeys(found))),
        }
    )
    shown = shown.round({"epochs": 1, "best epoch": 1, "seconds per epoch": 3, "memory (MB)": 0})
    what = (
        "Training: epochs and seconds are means over seeds, memory the most. Seconds of shipped or "
        "imported seeds are those of the machine that trained them."
    )
    return table(shown.columns, _as_words(shown).itertuples(index=False), what)


def _as_words(rows: pandas.DataFrame) -> pandas.DataFrame:
    """Values as people write them: whole numbers without a decimal, nothing where none is known.

    A column of whole numbers holds fractions as soon as one of its cells is empty.
    """

    def word(value: object) -> str:
        if isinstance(value, float):
            return "" if math.isnan(value) else f"{value:.0f}" if value.is_integer() else str(value)
        return "" if value is None or value is pandas.NA else str(value)

    return rows.astype(object).map(word)


def _settings(runs: pandas.DataFrame) -> str:
    """Settings of every run and point: those that all have once, the others by run."""
    parameters = [column for column in runs if column not in {*RUN_COLUMNS, *MORE_COLUMNS}]
    points = _as_words(runs.drop_duplicates(BY))
    alike = [name for name in parameters if points[name].nunique() == 1 and len(points) > 1]
    alike = [name for name in alike if points[name].iloc[0]]
    common = [(name, points[name].iloc[0]) for name in alike]
    lines = [
        (
            *(at["run"], at["point"], at["source"], at["training_digest"]),
            "; ".join(f"{n}: {at[n]}" for n in parameters if n not in alike and at[n]),
        )
        for at in points.to_dict("records")
    ]
    heads = ["run", "point", "images", "training digest", "settings"]
    own = "Settings of each run and point, defaults included"
    both = f"{own}; what all have in common stands below." if common else f"{own}."
    return table(heads, lines, both) + table(
        ["setting", "value"], common, "Settings that all runs and points have in common."
    )
