"""The arrays beside a table: those of the best seed of each run and point, in one npz file.

What networks recorded while they trained is in ``recordings.npz``, of every seed:
``<run>/<point>/<seed>/<name>``, each with a first axis of the epochs that ``.../epoch`` lists.
Weights that were kept after every so many epochs are left out: they are whole networks.

The histories of all seeds are in ``histories.npz``: ``<run>/<point>/<seed>/<column>``, a number for
each epoch, NaN where there is none.

A seed whose file is damaged is left out; where it is the best one, so is its run's point, since no
other seed stands for it.

``<evaluation>.npz`` holds ``<run>/<point>/<array>`` and the number of the seed as
``<run>/<point>/seed``. The best seed has the highest accuracy in the table ``accuracy``, or the
highest mean IoU in the table ``segmentation``, where its run has that, else the
best score in validation; of equals it is the first.
"""

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from isotrope.errors import UserError
from isotrope.files.arrays import Array, read_arrays, write_arrays
from isotrope.files.disk import read_checked
from isotrope.packs import rows as stored
from isotrope.packs import summary
from isotrope.packs.summary import KEPT_WEIGHT
from isotrope.paths import HISTORIES, RECORDINGS
from isotrope.results.tables import CollectedPack, LeftOut, Row, pack_rows, seed_rows

Lose = Callable[[LeftOut], None]
_Found = tuple[str, Array] | LeftOut
TESTED = {"accuracy": "accuracy", "segmentation": "mean_iou"}  # tables, and what tells in each


def refuse(lost: LeftOut) -> None:
    """Leave nothing out.

    Raises:
        UserError: always.
    """
    raise UserError(lost.reason)


def collect_arrays(
    runs: Sequence[CollectedPack], table: str, folder: Path, lose: Lose = refuse
) -> Path:
    """Write ``<table>.npz`` into ``folder``; the arrays of one seed at a time are in memory.

    Args:
        runs: the packs of the group.
        table: the name under which the runs are evaluated.
        folder: where the tables are; it is made if need be.
        lose: is told which seed has no sound arrays, and is left out.

    Raises:
        UserError: if no run has such arrays, or none that are sound; then nothing is written.
    """
    points: dict[tuple[str, str], list[CollectedPack]] = {}
    for run in runs:
        if table in run.arrays and table in run.evaluations:
            points.setdefault((run.run, run.point), []).append(run)
    if not points:
        raise UserError(f"{folder / table}.npz: no finished run has arrays of '{table}'")
    best = {
        key: found
        for key, packs in sorted(points.items())
        if (found := best_seed(packs)) is not None  # else all have diverged
    }
    path = folder / f"{table}.npz"
    write_arrays(path, _sound(_arrays_of_best_seeds(best, table), lose))
    return path


def _sound(found: Iterable[_Found], lose: Lose) -> Iterator[tuple[str, Array]]:
    """The arrays that could be read.

    Raises:
        UserError: if there are none, though there should be.
    """
    lost, any_sound = list[LeftOut](), False
    for one in found:
        if isinstance(one, LeftOut):
            lose(one)
            lost.append(one)
        else:
            any_sound = True
            yield one
    if lost and not any_sound:
        raise UserError(*(one.reason for one in lost))


def collect_recordings(runs: Sequence[CollectedPack], folder: Path, lose: Lose = refuse) -> Path:
    """Write ``recordings.npz`` into ``folder``; the arrays of one seed at a time are in memory.

    It is empty where no network recorded anything.

    Args:
        runs: the packs of the group.
        folder: where the tables are; it is made if need be.
        lose: is told which seed has no sound recording, and is left out.

    Raises:
        UserError: if no recording is sound; then nothing is written.
    """
    path = folder / f"{RECORDINGS}.npz"
    ordered = sorted(runs, key=lambda run: (run.run, run.point))
    write_arrays(path, _sound(_recorded_arrays(ordered), lose))
    return path


def _recorded_arrays(runs: Sequence[CollectedPack]) -> Iterator[_Found]:
    for run in runs:
        for seed, file in sorted(run.recordings.items()):
            remedy = f"delete {file.parent} and run `snakemake runs` to train the seed anew"
            try:
                sums = summary.read(run.pack).seeds[seed].get("files")
                if sums is not None:
                    read_checked(file, sums.get(file.name), remedy)
                known = read_arrays(file, remedy)
            except UserError as error:
                yield _lost(run, seed, RECORDINGS, error)
                continue
            for name, array in sorted(known.items()):
                if not name.startswith(KEPT_WEIGHT):
                    yield f"{run.run}/{run.point}/{seed}/{name}", array


def _lost(run: CollectedPack, seed: int | None, table: str, error: UserError) -> LeftOut:
    """A seed that is left out of arrays, or a whole pack."""
    return LeftOut(run.run, run.point, run.pack, seed, f"{table}.npz", error.sentences[0])


def collect_histories(runs: Sequence[CollectedPack], folder: Path, lose: Lose = refuse) -> Path:
    """Write ``histories.npz`` into ``folder``; the history of one pack at a time is in memory.

    Args:
        runs: the packs of the group.
        folder: where the tables are; it is made if need be.
        lose: is told which pack has no sound history, and is left out.

    Raises:
        UserError: if no history is sound; then nothing is written.
    """
    path = folder / f"{HISTORIES}.npz"
    ordered = sorted(runs, key=lambda run: (run.run, run.point, run.seeds))
    found = (one for run in ordered for one in _history_arrays(run))
    write_arrays(path, _sound(found, lose))
    return path


def _history_arrays(run: CollectedPack) -> Iterator[_Found]:
    remedy = f"delete {run.pack} and run `snakemake runs`: finished seeds are not trained again"
    try:
        sums = summary.read(run.pack).part("files")
        content = read_checked(run.pack / summary.HISTORY, sums.get(summary.HISTORY), remedy)
    except UserError as error:
        yield _lost(run, None, HISTORIES, error)
        return
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    for seed in sorted(run.seeds):
        its = [row for row in rows if row["seed"] == str(seed)]
        for column in [name for name in (its[0] if its else ()) if name != "seed"]:
            values = [float(row[column] or math.nan) for row in its]
            yield f"{run.run}/{run.point}/{seed}/{column}", np.array(values)


def _arrays_of_best_seeds(
    best: dict[tuple[str, str], tuple[CollectedPack, int]], table: str
) -> Iterator[_Found]:
    for (name, point), (run, seed) in best.items():
        results = run.file_of(table)
        remedy = f"delete {results} and run `snakemake tables`: what is missing is computed again"
        file = run.arrays[table] / ("run.csv" if table in run.of_run else f"{seed}.csv")
        known = stored.checked_arrays if file.is_file() else read_arrays
        try:
            arrays = known(file if file.is_file() else stored.arrays_of(file), remedy)
        except UserError as error:
            yield _lost(run, None if table in run.of_run else seed, table, error)
            continue
        if table not in run.of_run:
            yield f"{name}/{point}/seed", np.array(seed)
        for key, array in arrays.items():
            yield f"{name}/{point}/{key}", array


def best_seed(packs: Sequence[CollectedPack]) -> tuple[CollectedPack, int] | None:
    """The best seed of a run's point, with its pack; None if every seed has diverged.

    Raises:
        UserError: if a file of a pack is absent, damaged or of another training.
    """
    tables = [table for table in TESTED if all(table in pack.evaluations for pack in packs)]
    found = []
    for pack in packs:
        trained = [row for row in seed_rows(pack) if row["status"] != "diverged"]
        if tables:
            scores = _scores(pack, trained, tables[0])
        else:
            scores = {int(row["seed"]): _number(row) for row in trained}
        found += [
            (-math.inf if math.isnan(value) else value, -seed, pack)
            for seed, value in scores.items()
        ]
    if not found:
        return None
    _, seed, pack = max(found, key=lambda one: one[:2])
    return pack, -seed


def _scores(pack: CollectedPack, trained: Sequence[Row], table: str) -> dict[int, float]:
    rows = pack_rows(pack, trained, {table})[table]
    return {int(row["seed"]): float(row["value"]) for row in rows if row["metric"] == TESTED[table]}


def _number(row: Row) -> float:
    return float(row["best_validation_score"] or 0)
