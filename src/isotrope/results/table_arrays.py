"""The arrays beside a table: those of the best seed of each run and point, in one npz file.

What networks recorded while they trained is in ``recordings.npz``, of every seed:
``<run>/<point>/<seed>/<name>``, each with a first axis of the epochs that ``.../epoch`` lists.
Weights that were kept after every so many epochs are left out: they are whole networks.

The histories of all seeds are in ``histories.npz``: ``<run>/<point>/<seed>/<column>``, a number for
each epoch, NaN where there is none.

``<evaluation>.npz`` holds ``<run>/<point>/<array>`` and the number of the seed as
``<run>/<point>/seed``. The best seed has the highest accuracy in the table ``accuracy``, or the
highest mean IoU in the table ``segmentation``, where its run has that, else the
best score in validation; of equals it is the first.
"""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from isotrope.errors import UserError
from isotrope.files.arrays import Array, read_arrays, write_arrays
from isotrope.files.disk import read_checked
from isotrope.packs import rows as stored
from isotrope.packs import summary
from isotrope.packs.summary import KEPT_WEIGHT
from isotrope.paths import HISTORIES, RECORDINGS
from isotrope.results.tables import CollectedPack, Row, pack_rows, seed_rows

TESTED = {"accuracy": "accuracy", "segmentation": "mean_iou"}  # tables, and what tells in each


def collect_arrays(runs: Sequence[CollectedPack], table: str, folder: Path) -> Path:
    """Write ``<table>.npz`` into ``folder``; the arrays of one seed at a time are in memory.

    Args:
        runs: the packs of the group.
        table: the name under which the runs are evaluated.
        folder: where the tables are; it is made if need be.

    Raises:
        UserError: if no run has such arrays, or a file of a pack is absent, damaged or of another
            training than the param-file's; then nothing is written.
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
    write_arrays(path, _arrays_of_best_seeds(best, table))
    return path


def collect_recordings(runs: Sequence[CollectedPack], folder: Path) -> Path:
    """Write ``recordings.npz`` into ``folder``; the arrays of one seed at a time are in memory.

    It is empty where no network recorded anything.

    Args:
        runs: the packs of the group.
        folder: where the tables are; it is made if need be.

    Raises:
        UserError: if a recording is damaged; then nothing is written.
    """
    path = folder / f"{RECORDINGS}.npz"
    write_arrays(path, _recorded_arrays(sorted(runs, key=lambda run: (run.run, run.point))))
    return path


def _recorded_arrays(runs: Sequence[CollectedPack]) -> Iterator[tuple[str, Array]]:
    for run in runs:
        for seed, file in sorted(run.recordings.items()):
            remedy = f"delete {file.parent} and run `snakemake runs` to train the seed anew"
            sums = summary.read(run.pack).seeds[seed].get("files")
            if sums is not None:
                read_checked(file, sums.get(file.name), remedy)
            for name, array in sorted(read_arrays(file, remedy).items()):
                if not name.startswith(KEPT_WEIGHT):
                    yield f"{run.run}/{run.point}/{seed}/{name}", array


def collect_histories(runs: Sequence[CollectedPack], folder: Path) -> Path:
    """Write ``histories.npz`` into ``folder``; the history of one pack at a time is in memory.

    Args:
        runs: the packs of the group.
        folder: where the tables are; it is made if need be.

    Raises:
        UserError: if a history is absent or damaged; then nothing is written.
    """
    path = folder / f"{HISTORIES}.npz"
    ordered = sorted(runs, key=lambda run: (run.run, run.point, run.seeds))
    write_arrays(path, (one for run in ordered for one in _history_arrays(run)))
    return path


def _history_arrays(run: CollectedPack) -> Iterator[tuple[str, Array]]:
    known = summary.read(run.pack)
    remedy = f"delete {run.pack} and run `snakemake runs`: finished seeds are not trained again"
    content = read_checked(
        run.pack / summary.HISTORY, known.part("files").get(summary.HISTORY), remedy
    )
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    for seed in sorted(run.seeds):
        its = [row for row in rows if row["seed"] == str(seed)]
        for column in [name for name in (its[0] if its else ()) if name != "seed"]:
            values = [float(row[column] or math.nan) for row in its]
            yield f"{run.run}/{run.point}/{seed}/{column}", np.array(values)


def _arrays_of_best_seeds(
    best: dict[tuple[str, str], tuple[CollectedPack, int]], table: str
) -> Iterator[tuple[str, Array]]:
    for (name, point), (run, seed) in best.items():
        results = run.file_of(table)
        remedy = f"delete {results} and run `snakemake tables`: what is missing is computed again"
        file = run.arrays[table] / ("run.csv" if table in run.of_run else f"{seed}.csv")
        if table not in run.of_run:
            yield f"{name}/{point}/seed", np.array(seed)
        known = stored.checked_arrays if file.is_file() else read_arrays
        for key, array in known(file if file.is_file() else stored.arrays_of(file), remedy).items():
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
