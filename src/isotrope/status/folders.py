"""What lies in the folders of points, listed: names say nearly all, and few files are read.

The kind of an entry is never asked for: some network file systems answer that with one more
question to the server for each name.
"""

import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from isotrope import paths
from isotrope.files import json_files, regular

SEEDS = paths.finished_seed("", "", 0, "").parent.name
RESUME = paths.resume_file("", "", 0, "").parent.name
EVALUATIONS = paths.finished_evaluation("", "", "", "", 0).parent.parent.name
HEARTBEAT = paths.heartbeat("", "", "").name
TRAIN_LOG, EVALUATE_LOG = "train.log", "evaluate.log"
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ESTALE)


def names_in(folder: Path) -> frozenset[str]:
    """The names in a folder; none if it is not there, or vanishes meanwhile.

    Raises:
        PermissionError: if it may not be read.
    """
    try:
        # names without an object for each, as Path.iterdir makes them: there may be a million
        return frozenset(os.listdir(folder))  # noqa: PTH208
    except OSError as error:
        if error.errno in _GONE:
            return frozenset()
        raise


def read_json(path: Path) -> dict[str, Any] | None:
    """An object in a JSON file; None if there is none, or it is damaged, or another writes it."""
    try:
        return json_files.parse_object(regular.read_bytes(path))
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class PointFolder:
    """The folder of a point.

    Args:
        names: what lies in it.
        finished: the seeds that are trained as the param-file says now.
        others: for seeds that were trained otherwise, with which training digests.
        stores: the folders of evaluations in it, ``<name>-<digest>``.
        evaluated: by those of them that the param-file asks for now, the seeds in it.
        unfinished: the seeds that a job left half-way, and the next one takes up.
        refused: the sentence that says so, if a folder may not be read.
    """

    names: frozenset[str] = frozenset()
    finished: frozenset[int] = frozenset()
    others: dict[int, set[str]] = field(default_factory=dict)
    stores: frozenset[str] = frozenset()
    evaluated: dict[str, frozenset[int]] = field(default_factory=dict)
    unfinished: frozenset[int] = frozenset()
    refused: str = ""


def read_point(run: str, point: str, digest: str, stores: Iterable[str]) -> PointFolder:
    """List the folder of a point.

    Args:
        run: the run's name.
        point: the point's name.
        digest: its training digest, the user's files included.
        stores: the folders of its evaluations, ``<name>-<digest>``.
    """
    folder = paths.point_folder(run, point)
    try:
        names = names_in(folder)
        inside = {
            name: names_in(folder / name) if name in names else frozenset()
            for name in (SEEDS, EVALUATIONS, RESUME)
        }
        known = {
            store: _numbers(names_in(folder / EVALUATIONS / store), ".csv")
            for store in inside[EVALUATIONS].intersection(stores)
        }
    except PermissionError as error:
        return PointFolder(refused=refusal(error))
    finished, others = _seeds(inside[SEEDS], digest)
    unfinished = _numbers(inside[RESUME], f"-{digest}.pt")
    return PointFolder(names, finished, others, inside[EVALUATIONS], known, unfinished)


def under_point(point: PointFolder, run: str, point_in_path: str) -> PointFolder:
    """A point's folder, with the names of packs below ``point_in_path``, as in ``selected``."""
    try:
        return replace(point, names=names_in(paths.point_folder(run, point_in_path)))
    except PermissionError as error:
        return replace(point, refused=refusal(error))


def refusal(error: OSError) -> str:
    """A sentence about a folder that may not be read."""
    return f"{error.filename}: may not be read; ask its owner for permission"


def _seeds(names: frozenset[str], digest: str) -> tuple[frozenset[int], dict[int, set[str]]]:
    """The seeds in a store that have the digest, and the digests of others."""
    finished: set[int] = set()
    others: dict[int, set[str]] = {}
    for name in names:
        number, _, trained_with = name.partition("-")
        if not number.isdecimal():
            continue  # what a killed job left behind
        if trained_with == digest:
            finished.add(int(number))
        else:
            others.setdefault(int(number), set()).add(trained_with)
    return frozenset(finished), others


def _numbers(names: frozenset[str], ending: str) -> frozenset[int]:
    """The numbers that stand before an ending."""
    cut = -len(ending)
    found = [name[:cut] for name in names if name.endswith(ending)]
    return frozenset([int(number) for number in found if number.isdecimal()])
