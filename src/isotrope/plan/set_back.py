"""Outputs of settings that were set back: what is asked for again is kept, but lies in no output.

A ``REVISION`` or a setting is changed, `isotrope train` or `isotrope evaluate` is called by hand,
and the change is taken back. Then Snakemake remembers that the outputs were made for what is asked
for, and makes nothing, although they hold something else. So such an output is removed: it is put
together anew from the finished seeds and rows, which are not computed again. A dry run removes
nothing: it plans the jobs of such outputs as if they were asked for otherwise.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from isotrope import paths
from isotrope.errors import UserError
from isotrope.packs import code_records, lease_files
from isotrope.packs.summary import RUN
from isotrope.plan.code_state import CodeStates
from isotrope.plan.index import PointEntry, RunEntry

SET_BACK = "of settings or a REVISION that were set back since"
AGAIN = "it is put together anew from what is kept"
_LOCKS = Path(".snakemake/locks")  # of a Snakemake that is at work here


def all_set_back(names: Iterable[str], states: CodeStates) -> list[Path]:
    """The outputs of runs that hold something else than is asked for, and is kept.

    There are none while a job of the run or another Snakemake may be at work.

    Args:
        names: the runs.
        states: knows what outputs were made for.
    """
    if _LOCKS.is_dir() and any(_LOCKS.iterdir()):
        return []
    found: list[Path] = []
    for name in names:
        its = outputs_set_back(name, states)
        if its and not any(lease_files.read_all(paths.leases(name))):
            found += its
    return found


def remove_set_back(found: Iterable[Path]) -> list[str]:
    """Remove such outputs, and say so of each; where one cannot be removed, that is said."""
    said = []
    for path in found:
        try:
            path.unlink()
            what = AGAIN
        except OSError as error:
            what = f"it could not be removed: {(error.strerror or str(error)).lower()}"
        said.append(f"{path} was {SET_BACK}; {what}")
    return said


def outputs_set_back(name: str, states: CodeStates) -> list[Path]:
    """The outputs of a run that hold something else than is asked for, where that is kept.

    Args:
        name: the run's name.
        states: knows what outputs were made for.
    """
    run = states.index.runs[name]
    places = dict.fromkeys([*run.points, *run.evaluated])
    packs = [(place, pack, seeds) for place in places for pack, seeds in run.packs(place).items()]
    found: dict[Path, None] = {}
    for place, pack, seeds in packs:
        made = code_records.trained_with(paths.pack_folder(name, place, pack))
        if made is None:
            continue
        if (point := states.point_made(name, place, made.digest)) is None:
            if place in run.points and _is_kept(name, place, run, seeds, states):
                found[paths.pack_folder(name, place, pack) / RUN] = None
        elif place in run.evaluated:
            at = name, place, pack
            found |= dict.fromkeys(_results_set_back(*at, point, run.points[point], states))
    return list(found)


def _is_kept(
    name: str, place: str, run: RunEntry, seeds: Iterable[int], states: CodeStates
) -> bool:
    """Whether all seeds of a pack are finished as they are asked for."""
    point = run.points[place]
    digest = _digest(states, point.training_digest, point.trained_on)
    kept = (paths.finished_seed(name, place, seed, digest) for seed in seeds)
    return bool(digest) and all(folder.is_dir() for folder in kept)


def _results_set_back(
    name: str, place: str, pack: str, made: str, point: PointEntry, states: CodeStates
) -> Iterator[Path]:
    """The tables of results of a pack with rows of another digest, where those asked for are kept.

    Args:
        name: the run's name.
        place: the point as paths name it.
        pack: the pack's name.
        made: the point that the seeds lie at.
        point: what the index knows of it.
        states: knows what outputs were made for.
    """
    for table, one in point.evaluations.items():
        if one.of_run:
            results = paths.results_of_run(name, place, table)
        else:
            results = paths.results(name, place, pack, table if one.job else None)
        rows_digest, codes = states.rows_in(results).get(table, ("", {}))
        behind = point.datasets_behind(table)
        if not rows_digest or states.is_current(
            rows_digest, one.digest, behind, point.files_behind(table)
        ):
            continue
        digest = _digest(states, one.digest, behind)
        seeds = [seed for seeds in codes.values() for seed in seeds]
        kept = (paths.finished_evaluation(name, made, one.name, digest, seed) for seed in seeds)
        if digest and results.is_file() and all(path.is_file() for path in kept):
            yield results


def _digest(states: CodeStates, of_settings: str, datasets: Iterable[str]) -> str:
    """A digest with the files of data sets; empty if one is not there, or damaged."""
    try:
        return states.digest_now(of_settings, datasets)
    except UserError:
        return ""
