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
from isotrope.status.folders import PointFolder, read_point, under_point
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
    points = [(run, point) for run in runs for point in run.entry.points]
    listed = dict(
        zip(((r.name, p) for r, p in points), overlapped(_point_folder, points), strict=True)
    )
    chosen = overlapped(lambda run: _selected_packs(run, listed), runs)
    return [
        pack
        for run, selected in zip(runs, chosen, strict=True)
        for pack in (*_packs_without_plugin(run), *_candidate_packs(run, listed), *selected)
    ]


def _read_run(index: Index, name: str, sums: Mapping[str, list[str]]) -> _Run:
    entry = index.runs[name]
    digests, stores = {}, {}
    for point, point_entry in entry.points.items():
        trained_on = (sums[key] for key in point_entry.trained_on)
        digests[point] = with_sums(
            point_entry.training_digest, *trained_on, _checksums_if_there(point_entry.files)
        )
        stores[point] = {
            table: f"{evaluation.name}-"
            + with_sums(
                evaluation.digest,
                *(sums[key] for key in point_entry.datasets_behind(table)),
                _checksums_if_there(point_entry.files_behind(table)),
            )
            for table, evaluation in point_entry.evaluations.items()
        }
    made = choice.read(name, entry.select, digests) if entry.select else None
    return _Run(name, entry, digests, stores, made)


def _checksums_if_there(files: list[str]) -> list[str]:
    """The checksums of the user's files; none if one of them is not there."""
    return [] if absent_files(files) else checksums(files)


def _point_folder(run_and_point: tuple[_Run, str]) -> PointFolder:
    run, point = run_and_point
    stores = run.stores[point].values() if point in run.evaluated else ()
    return read_point(run.name, point, run.digests[point], stores)


def _candidate_packs(run: _Run, listed: Mapping[tuple[str, str], PointFolder]) -> Iterator[Pack]:
    """The packs of the points that a param-file names."""
    lost = {c.point: frozenset(c.diverged) for c in run.made.candidates} if run.made else {}
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
                own_jobs={} if stores is None else _evaluations_with_own_jobs(run, point),
                evaluating=run.entry.evaluation_minutes * 60.0,
                diverged=lost.get(point),
            )


def _evaluations_with_own_jobs(run: _Run, point: str) -> dict[str, EvaluationEntry]:
    """The evaluations of a point that have jobs of their own, by the names of their tables."""
    known = run.entry.points[point].evaluations
    return {table: entry for table, entry in known.items() if entry.job is not None}


def _packs_without_plugin(run: _Run) -> Iterator[Pack]:
    """The packs of a run that names a broken plug-in: what its points are is not known."""
    if not run.entry.broken:
        return
    point_in_path = paths.SELECTED if run.entry.select else "base"
    detail = f"waits for a broken plug-in to be mended: {'; '.join(run.entry.broken)}"
    waits = Finding("waiting", detail=detail, blocked=True)
    for pack, seeds in run.entry.packs(point_in_path).items():
        yield Pack(run.name, point_in_path, pack, seeds, "", PointFolder(), None, waits=waits)


def _selected_packs(run: _Run, listed: Mapping[tuple[str, str], PointFolder]) -> list[Pack]:
    """The packs of the chosen point, or those that wait for the choice."""
    if run.entry.select is None or run.entry.broken:
        return []
    point_in_path, made = paths.SELECTED, run.made
    packs = run.entry.packs(point_in_path)
    if made:
        digest, stores = run.digests[made.winner], run.stores[made.winner]
        folder = under_point(listed[run.name, made.winner], run.name, point_in_path)
        return [
            Pack(
                run.name,
                point_in_path,
                pack,
                seeds,
                digest,
                folder,
                stores,
                own_jobs=_evaluations_with_own_jobs(run, made.winner),
                evaluating=run.entry.evaluation_minutes * 60.0,
                chosen=made.winner,
            )
            for pack, seeds in packs.items()
        ]
    folder = under_point(PointFolder(), run.name, point_in_path)
    waits = Finding("queued", detail="waits for the choice")
    if all(listed[run.name, point].names for point in run.entry.points):
        log = paths.choice(run.name).with_name("choose.log")
        word = last_word(log)
        if word and word.is_error:
            waits = Finding("failed", detail=f"choice: {word.line}", log=log.as_posix())
    return [
        Pack(run.name, point_in_path, pack, seeds, "", folder, None, waits=waits)
        for pack, seeds in packs.items()
    ]
