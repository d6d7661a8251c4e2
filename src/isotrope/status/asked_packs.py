"""The packs of runs, with all that listing the folders of their points tells of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from isotrope import paths
from isotrope.datasets.local_data import absent_files, checksums
from isotrope.digests import with_sums
from isotrope.files.overlapping import overlapped
from isotrope.plan.index import EvaluationEntry, Index, RunEntry
from isotrope.results import choice
from isotrope.results.choice import Choice
from isotrope.status.folders import PointFolder, in_place, read_point
from isotrope.status.logs import last_word
from isotrope.status.packs import Pack
from isotrope.status.states import Finding


@dataclass(frozen=True)
class _Run:
    """A run with its digests, the user's files included, and its choice if one is up to date.

    Args:
        name: its name.
        entry: what the index knows of it.
        digests: the training digest of each point.
        stores: for each point the folders of its evaluations, by the names of their tables.
        made: the choice.
    """

    name: str
    entry: RunEntry
    digests: dict[str, str]
    stores: dict[str, dict[str, str]]
    made: Choice | None

    @property
    def evaluated(self) -> set[str]:
        """The points under which evaluations lie."""
        chosen = {self.made.winner} if self.made else set()
        return chosen if self.entry.select else set(self.entry.points)


def packs_of(index: Index, names: Sequence[str], sums: Mapping[str, list[str]]) -> list[Pack]:
    """The packs of runs, in the order of the names; candidates before what is chosen.

    Args:
        index: all runs.
        names: the runs that are meant.
        sums: for each data set that they need the checksums of the user's files in it.
    """
    runs = overlapped(lambda name: _read_run(index, name, sums), names)
    places = [(run, point) for run in runs for point in run.entry.points]
    listed = dict(zip(((r.name, p) for r, p in places), overlapped(_listed, places), strict=True))
    chosen = overlapped(lambda run: _selected(run, listed), runs)
    return [
        pack
        for run, selected in zip(runs, chosen, strict=True)
        for pack in (*_waiting(run), *_candidates(run, listed), *selected)
    ]


def _read_run(index: Index, name: str, sums: Mapping[str, list[str]]) -> _Run:
    entry = index.runs[name]
    digests, stores = {}, {}
    for point, one in entry.points.items():
        trained_on = (sums[key] for key in one.trained_on)
        digests[point] = with_sums(one.training_digest, *trained_on, _own(one.files))
        stores[point] = {
            table: f"{each.name}-"
            + with_sums(
                each.digest,
                *(sums[key] for key in one.datasets_behind(table)),
                _own(one.files_behind(table)),
            )
            for table, each in one.evaluations.items()
        }
    made = choice.read(name, entry.select, digests) if entry.select else None
    return _Run(name, entry, digests, stores, made)


def _own(files: list[str]) -> list[str]:
    """The checksums of the user's files; none if one of them is not there."""
    return [] if absent_files(files) else checksums(files)


def _listed(place: tuple[_Run, str]) -> PointFolder:
    run, point = place
    stores = run.stores[point].values() if point in run.evaluated else ()
    return read_point(run.name, point, run.digests[point], stores)


def _candidates(run: _Run, listed: Mapping[tuple[str, str], PointFolder]) -> Iterator[Pack]:
    """The packs of the points that a param-file names."""
    lost = {one.point: frozenset(one.diverged) for one in run.made.candidates} if run.made else {}
    for point, digest in run.digests.items():
        stores = None if run.entry.select else run.stores[point]
        for pack, seeds in run.entry.packs(point).items():
            folder = listed[run.name, point]
            yield Pack(
                run.name,
                point,
                pack,
                seeds,
                digest,
                folder,
                stores,
                own_jobs={} if stores is None else _own_jobs(run, point),
                evaluating=run.entry.evaluation_minutes * 60.0,
                diverged=lost.get(point),
            )


def _own_jobs(run: _Run, point: str) -> dict[str, EvaluationEntry]:
    """The evaluations of a point that have jobs of their own, by the names of their tables."""
    known = run.entry.points[point].evaluations
    return {table: one for table, one in known.items() if one.job is not None}


def _waiting(run: _Run) -> Iterator[Pack]:
    """The packs of a run that names a broken plug-in: what its points are is not known."""
    if not run.entry.broken:
        return
    place = paths.SELECTED if run.entry.select else "base"
    detail = f"waits for a plug-in: {'; '.join(run.entry.broken)}"
    waits = Finding("waiting", detail=detail, blocked=True)
    for pack, seeds in run.entry.packs(place).items():
        yield Pack(run.name, place, pack, seeds, "", PointFolder(), None, waits=waits)


def _selected(run: _Run, listed: Mapping[tuple[str, str], PointFolder]) -> list[Pack]:
    """The packs of the chosen point, or those that wait for the choice."""
    if run.entry.select is None or run.entry.broken:
        return []
    place, made = paths.SELECTED, run.made
    packs = run.entry.packs(place)
    if made:
        digest, stores = run.digests[made.winner], run.stores[made.winner]
        folder = in_place(listed[run.name, made.winner], run.name, place)
        return [
            Pack(
                run.name,
                place,
                pack,
                seeds,
                digest,
                folder,
                stores,
                own_jobs=_own_jobs(run, made.winner),
                evaluating=run.entry.evaluation_minutes * 60.0,
                chosen=made.winner,
            )
            for pack, seeds in packs.items()
        ]
    folder = in_place(PointFolder(), run.name, place)
    waits = Finding("queued", detail="waits for the choice")
    if all(listed[run.name, point].names for point in run.entry.points):
        log = paths.choice(run.name).with_name("choose.log")
        word = last_word(log)
        if word and word.is_error:
            waits = Finding("failed", detail=f"choice: {word.line}", log=log.as_posix())
    return [
        Pack(run.name, place, pack, seeds, "", folder, None, waits=waits)
        for pack, seeds in packs.items()
    ]
