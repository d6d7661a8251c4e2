"""One page that shows a group's tables to people: results, settings and times, by run and point.

The tables themselves are for programs: a row for each seed. Needs no results and no torch.
"""

import html
from pathlib import Path
from typing import Any

import pandas

from isotrope.files.disk import write_whole
from isotrope.files.tables import (
    CODE,
    MORE_COLUMNS,
    RESULT_COLUMNS,
    RUN_COLUMNS,
    SELECTION_COLUMNS,
    read_table,
)
from isotrope.plan.code_state import ELSEWHERE, OPEN, SAME, STATES, worst
from isotrope.plan.code_words import WAYS_ON
from isotrope.results.statistics import summarise
from isotrope.results.verifying import read_left_out

BY = ["run", "point"]
_STYLE = """\
body {font: 14px sans-serif; margin: 2em} table {border-collapse: collapse; margin-bottom: 2em}
th, td {padding: .3em .8em; text-align: left; border-bottom: 1px solid #ddd; white-space: nowrap}
thead th {border-bottom: 2px solid #444} caption {text-align: left; padding: .5em 0; color: #444}
"""


def write_summary(folder: Path) -> Path:
    """Write ``summary.html`` beside the tables of a group.

    Raises:
        UserError: if a table is absent or damaged.
    """
    runs = read_table(folder / "runs.csv", RUN_COLUMNS, with_code=True)
    results = _results(runs, folder)
    parts = [
        *_said_of_code(results),
        _html(results, "Results: mean over seeds [95 % interval], seeds."),
        _html(_times(runs), "Training: epochs and seconds are means over seeds, memory the most."),
        _html(_settings(runs), "Settings of each run and point, defaults included."),
    ]
    selection = folder / "selection.csv"
    if selection.is_file():
        chosen = read_table(selection, SELECTION_COLUMNS)
        what = "Which point of each sweep got all seeds: best validation accuracy over n seeds."
        parts.insert(len(parts) - 2, _html(chosen.astype(str), what))
    if left := read_left_out(folder):
        listed = "".join(f"<li>{html.escape(str(one))}</li>" for one in left)
        parts.insert(0, f"<h2>Left out, since nothing vouches for it</h2><ul>{listed}</ul>")
    head = f"<!doctype html><meta charset='utf-8'><title>Summary</title><style>{_STYLE}</style>"
    path = folder / "summary.html"
    write_whole(path, head + "\n".join(parts) + "\n")
    return path


def _said_of_code(results: pandas.DataFrame) -> list[str]:
    """What the page says above its tables where results were not made with the code as it is."""
    states = {state: int(results[CODE].eq(state).sum()) for state in STATES}
    told = {
        state: count for state, count in states.items() if count and state not in (SAME, ELSEWHERE)
    }
    if not told:
        return []
    counts = ", ".join(f"{count} {state}" for state, count in told.items())
    ways = f": {WAYS_ON}" if told.keys() & set(OPEN) else ""
    said = f"Code behind the results of {len(results)} runs and points: {counts}{ways}."
    return [f"<p>{html.escape(said)}</p>"]


def _html(table: pandas.DataFrame, caption: str) -> str:
    """A table without its row numbers; names are escaped."""
    return str(table.style.hide(axis="index").format(escape="html").set_caption(caption).to_html())


def _results(runs: pandas.DataFrame, folder: Path) -> pandas.DataFrame:
    """One column for each metric that has one value per seed."""
    shown = runs.groupby(BY, as_index=False, sort=False).agg(
        label=("label", "first"),
        seeds=("seed", "size"),
        diverged=("status", lambda states: int(states.eq("diverged").sum())),
        collapsed=("status", lambda states: int(states.eq("collapsed").sum())),
        shipped=("origin", lambda origins: int(origins.eq("shipped").sum())),
    )
    status = runs[[*BY, "seed", "status"]]
    of_table = [runs[[*BY, CODE]]]
    for path in sorted(folder.glob("*.csv")):
        if path.stem in ("runs", "selection"):
            continue
        rows = read_table(path, RESULT_COLUMNS, with_code=True)
        of_table.append(rows[[*BY, CODE]])
        rows = rows.drop(columns=CODE).merge(status, on=[*BY, "seed"])
        for metric, found in rows.groupby("metric"):
            if found.duplicated([*BY, "seed"]).any():
                continue  # one value per setting: a figure shows it better
            means = summarise(found, BY)
            means[f"{path.stem}: {metric}"] = [_interval(row) for row in means.to_dict("records")]
            columns = [*BY, f"{path.stem}: {metric}"]
            shown = shown.merge(means[columns], on=BY, how="left")
    codes = pandas.concat(of_table).groupby(BY)[CODE].agg(worst).reset_index()
    shown = shown.merge(codes, on=BY, how="left")
    return shown[[*shown.columns[:3], CODE, *shown.columns[3:-1]]].fillna("")


def _interval(row: dict[Any, Any]) -> str:
    if row["n"] < 2:
        return f"{row['mean']:.4f}, 1"
    return f"{row['mean']:.4f} [{row['low']:.4f}, {row['high']:.4f}], {row['n']}"


def _times(runs: pandas.DataFrame) -> pandas.DataFrame:
    shown = runs.groupby(BY, as_index=False, sort=False).agg(
        **{
            "epochs": ("epochs", "mean"),
            "best epoch": ("best_epoch", "mean"),
            "seconds per epoch": ("seconds_per_epoch_mean", "mean"),
            "memory (MB)": ("peak_memory_mb", "max"),
            "device": ("device", "first"),
        }
    )
    return shown.round({"epochs": 1, "best epoch": 1, "seconds per epoch": 3}).astype(str)


def _settings(runs: pandas.DataFrame) -> pandas.DataFrame:
    parameters = [column for column in runs if column not in {*RUN_COLUMNS, *MORE_COLUMNS}]
    columns = [*BY, "source", "training_digest", *parameters]
    return runs[columns].drop_duplicates(BY).fillna("").astype(str)
