"""Which outputs of packs were deleted and can be made again from what is kept.

Snakemake asks for a file that is gone only where something newer is to be made from it. So weights
that were deleted after their tables were made would never be missed.
"""

import os
from pathlib import Path

from isotrope import paths
from isotrope.packs.summary import OUTPUTS, RESULTS
from isotrope.plan.index import RunEntry


def outputs_gone(name: str, run: RunEntry) -> list[str]:
    """The outputs that a run's packs have lost, where their seeds are all in the store.

    Nothing is trained for them. A pack of which nothing is there has lost nothing.

    Args:
        name: the run's name.
        run: what the index knows of it.
    """
    found: list[str] = []
    for point in run.evaluated:
        there = _names_in(paths.point_folder(name, point))
        results = _results_in_packs(name, run, point)
        made = {*OUTPUTS, *results}
        if there.issuperset(paths.pack_folder(name, point, pack).name for pack in run.packs(point)):
            of_run = _results_of_run(name, run, point)
            found += [path.as_posix() for path in of_run if path.name not in there]
        kept: set[str] | None = None
        for pack, seeds in run.packs(point).items() if there else ():
            folder = paths.pack_folder(name, point, pack)
            names = _names_in(folder) if folder.name in there else set[str]()
            gone = made - names
            if not gone or gone == made:
                continue
            if kept is None:
                kept = _seeds_kept(name, run, point)
            if gone <= results or kept.issuperset(map(str, seeds)):
                found += [(folder / file).as_posix() for file in sorted(gone)]
    return found


def _results_in_packs(name: str, run: RunEntry, point: str) -> set[str]:
    """The names of the tables of results in a pack, those of evaluations with own jobs included."""
    found = set[str]()
    for one in run.behind(point):
        own = (table for table, job in one.evaluations.items() if job.job and not job.of_run)
        found |= {paths.results(name, point, "", table).name for table in own}
        found |= {RESULTS} if one.shared_tables else set()
    return found


def _results_of_run(name: str, run: RunEntry, point: str) -> list[Path]:
    """The tables of results of evaluations that measure all seeds of a point together."""
    entries = [entry for one in run.behind(point) for entry in one.evaluations.items()]
    tables = dict.fromkeys(table for table, job in entries if job.of_run)
    return [paths.results_of_run(name, point, table) for table in tables]


def _seeds_kept(name: str, run: RunEntry, point: str) -> set[str]:
    """The numbers of the seeds in the store of a point, or of all points that may be chosen."""
    points = run.points if point == paths.SELECTED else [point]
    stores = (paths.finished_seed(name, one, 0, "").parent for one in points)
    return {stored.partition("-")[0] for store in stores for stored in _names_in(store)}


def _names_in(folder: Path) -> set[str]:
    """The names in a folder; none if it is not there or may not be read."""
    try:
        return set(os.listdir(folder))  # noqa: PTH208 (there may be thousands of packs)
    except OSError:
        return set()
