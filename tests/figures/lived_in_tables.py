"""Made-up tables as they are after a while: with lost seeds and rows, other protocols and norms.

Each change takes what was written, as words, and returns what is written instead.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas

Change = Callable[[pandas.DataFrame], pandas.DataFrame]
Arrays = dict[str, np.ndarray]


def change_tables(folder: Path, changes: Mapping[str, Change]) -> None:
    """Write some tables of a folder again."""
    for table, change in changes.items():
        path = folder / f"{table}.csv"
        rows = change(pandas.read_csv(path, dtype=str, keep_default_na=False))
        rows.to_csv(path, index=False, lineterminator="\n")


def change_arrays(folder: Path, table: str, change: Callable[[Arrays], Arrays]) -> None:
    """Write the arrays of a table again."""
    path = folder / f"{table}.npz"
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    np.savez(path, **change(arrays))  # type: ignore[arg-type]


def lost_seeds(runs: pandas.DataFrame) -> pandas.DataFrame:
    """The first run's first seed diverged, the second's second collapsed, the third was shipped."""
    names = list(dict.fromkeys(runs["run"]))
    runs = runs.copy()
    for place, (column, word) in enumerate(
        (("status", "diverged"), ("status", "collapsed"), ("origin", "shipped"))
    ):
        its = runs["run"].eq(names[place]) & runs["seed"].eq(str(place + 1))
        runs.loc[its, column] = word
    return runs


def without_last_seed(rows: pandas.DataFrame) -> pandas.DataFrame:
    """The last run lacks the results of a seed."""
    return rows[~(rows["run"].eq(rows["run"].iloc[-1]) & rows["seed"].eq("3"))]


def with_others(column: str, of: str, names: Mapping[str, float]) -> Change:
    """The rows with one word in a column, again with others, their values changed by a factor."""

    def change(rows: pandas.DataFrame) -> pandas.DataFrame:
        its = rows[rows[column].eq(of) & rows["metric"].ne("alarm")]
        more = [
            its.assign(**{column: name}, value=(its["value"].astype(float) * factor).astype(str))
            for name, factor in names.items()
        ]
        return pandas.concat([*more, rows])

    return change


def other_histories(arrays: Arrays) -> Arrays:
    """One run was looked at with validation images, after every epoch; one has no history."""
    runs = list(dict.fromkeys(name.rsplit("/", 3)[0] for name in arrays))
    found = {n: a for n, a in arrays.items() if not n.startswith(f"{runs[1]}/")}
    for name, array in arrays.items():
        if name.startswith(f"{runs[2]}/"):
            whole = np.linspace(1, 0.2, len(array))
            found |= {name: whole} if "validation" in name else {}
            found |= {name: np.full(len(array), np.nan)} if "/test_" in name else {}
            accuracy = name.replace("validation_loss", "validation_accuracy")
            found |= {accuracy: 1 - whole} if accuracy != name else {}
    return found


def other_recordings(arrays: Arrays) -> Arrays:
    """Most seeds recorded half of what one did, and one of them a single epoch."""
    seeds: dict[str, list[str]] = {}
    for name in arrays:
        parts = name.split("/")
        seeds.setdefault("/".join(parts[:5]), []).append(name)
    keys = list(seeds)
    ends = {keys[0]: 1, keys[-2]: None}
    return {
        name: arrays[name][: ends.get(key, 21)] for key, names in seeds.items() for name in names
    }


def case(write: Callable[..., Any], *asked: Any, arrays: Mapping[str, Any], **changes: Change):
    """A case: what is written first, with the changes of arrays and tables after it."""

    def write_changed(folder: Path) -> None:
        write(folder, *asked)
        change_tables(folder, changes)
        for table, change in arrays.items():
            change_arrays(folder, table, change)

    return write_changed
