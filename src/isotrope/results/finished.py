"""The packs of a point whose results are up to date, and what of them nothing vouches for.

What cannot be read stops nothing else: the seeds behind it are left out and named.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path

from isotrope import paths, registry
from isotrope.datasets.local_data import absent_files, checksums
from isotrope.digests import with_local_files
from isotrope.errors import UserError
from isotrope.packs import state, summary
from isotrope.packs.summary import RUN, WEIGHTS
from isotrope.plan.index import EvaluationEntry, Index, PointEntry, RunEntry
from isotrope.results import verifying
from isotrope.results.choice import Choice
from isotrope.results.tables import CollectedPack, LeftOut, seed_rows


@dataclass(frozen=True)
class _Asked:
    """What is asked for of a point.

    Args:
        name: the run's name.
        run: what the index knows of it.
        place: the point as paths name it.
        point: the point.
        digest: its training digest, the user's files included.
        stores: for each of its tables the evaluation's name and digest.
    """

    name: str
    run: RunEntry
    place: str
    point: str
    digest: str
    stores: Mapping[str, tuple[str, str]]

    @property
    def entry(self) -> PointEntry:
        """What the index knows of the point."""
        return self.run.points[self.point]


def finished_packs(
    known: Index,
    name: str,
    run: RunEntry,
    place: str,
    made: Choice | None,
    wanted: Set[str] | None = None,
) -> list[CollectedPack]:
    """The packs of a point, each with the seeds and evaluations that are up to date.

    Each says what of it is left out, since nothing vouches for it; one of which all is left out has
    no seeds.

    Args:
        known: all runs.
        name: the run's name.
        run: what the index knows of it.
        place: the point as paths name it.
        made: the choice of the run that the point was made by; the point is then its winner.
        wanted: the tables whose rows are compared with what was computed; all if left out.
    """
    point = made.winner if made else place
    if point not in run.points:
        return []  # nothing is chosen yet
    entry = run.points[point]
    manifests = {key: Path(known.datasets[key].manifest) for key in entry.datasets}
    if absent_files(entry.files) or not all(path.is_file() for path in manifests.values()):
        return []
    try:
        asked = _asked(name, run, place, point, manifests)
    except UserError as error:  # the manifest of a data set is damaged
        return [
            _lost(name, run, point, pack, tuple(seeds), error.sentences[0])
            for pack, seeds in _trained_packs(name, run, place).items()
        ]
    found = []
    for pack, seeds in run.packs(place).items():
        folder = paths.pack_folder(name, place, pack)
        try:
            one = _finished_pack(asked, pack, seeds, wanted)
        except UserError as error:
            one = _lost(name, run, point, folder, tuple(seeds), error.sentences[0])
        found += [one] if one is not None else []
    return found


def _asked(
    name: str, run: RunEntry, place: str, point: str, manifests: Mapping[str, Path]
) -> _Asked:
    """What is asked for of a point.

    Raises:
        UserError: if the manifest of a data set is damaged.
    """
    entry = run.points[point]
    own = checksums(entry.files)
    trained_on = [manifests[key] for key in entry.trained_on]
    stores = {
        table: (
            one.name,
            with_local_files(
                one.digest,
                *(manifests[key] for key in entry.datasets_behind(table)),
                own=checksums(entry.files_behind(table)),
            ),
        )
        for table, one in entry.evaluations.items()
        if not absent_files(entry.files_behind(table))
    }
    digest = with_local_files(entry.training_digest, *trained_on, own=own)
    return _Asked(name, run, place, point, digest, stores)


def _trained_packs(name: str, run: RunEntry, place: str) -> dict[Path, list[int]]:
    """The folders of packs of a point in which a training has left something, with their seeds."""
    folders = {
        paths.pack_folder(name, place, one): seeds for one, seeds in run.packs(place).items()
    }
    return {path: seeds for path, seeds in folders.items() if (path / RUN).exists()}


def _finished_pack(
    asked: _Asked, pack: str, seeds: list[int], wanted: Set[str] | None
) -> CollectedPack | None:
    """A pack with what of it is up to date; None if that is nothing.

    Raises:
        UserError: if its summary is damaged, or gone.
    """
    name, entry, stores = asked.name, asked.entry, asked.stores
    folder = paths.pack_folder(name, asked.place, pack)
    if (folder / WEIGHTS).exists() or (folder / RUN).exists():
        known = summary.read(folder)
        if (other := known.content.get("pack", pack)) != pack:
            raise UserError(f"{known.path} is of seeds {other}; {summary.AGAIN}")
    status = state.trained(folder, asked.digest)
    trained = tuple(seed for seed in seeds if seed in status)
    if not trained:
        return None
    evaluated = state.sound(status, trained)
    files = {
        table: _results_file(name, asked.place, pack, table, one)
        for table, one in entry.evaluations.items()
    }
    listed = {path: state.listed(path) for path in files.values()}
    complete = tuple(
        table
        for table, store in stores.items()
        if all(
            paths.finished_evaluation(name, asked.point, *store, seed).exists()
            for seed in ([None] if entry.evaluations[table].of_run else evaluated)
        )
    )
    known_here = tuple(table for table in complete if table in listed[files[table]])
    recordings = {seed: paths.recordings(name, asked.point, seed, asked.digest) for seed in trained}
    found = replace(
        _collected(name, asked.run, asked.point, folder, trained, asked.digest, known_here),
        arrays={
            table: paths.finished_evaluation(name, asked.point, *store, 0).parent
            for table, store in stores.items()
            if registry.literal("evaluation", store[0], "ARRAYS", False)
        },
        files=files,
        of_run=frozenset(t for t in known_here if entry.evaluations[t].of_run),
        recordings={seed: file for seed, file in recordings.items() if file.is_file()},
    )
    found = verifying.verified(found, summary.read(folder), stores, complete, wanted)
    seed_rows(found)  # an entry may lack what stands in the table of runs
    return found


def _lost(
    name: str, run: RunEntry, point: str, folder: Path, seeds: tuple[int, ...], reason: str
) -> CollectedPack:
    """A pack of which nothing can be read."""
    left = LeftOut(name, point, folder, None, "", reason)
    return replace(_collected(name, run, point, folder, (), "", ()), left_out=(left,), lost=seeds)


def lost_with_its_choice(name: str, run: RunEntry) -> CollectedPack:
    """The seeds of a run whose choice is there and cannot be used."""
    path, file = paths.choice(name), f"{paths.PARAM_FILES}/{name}.yaml"
    reason = (
        f"{path} is damaged, or made from other candidates than those of the param-file; "
        f"run `isotrope choose {file}`"
    )
    return _lost(name, run, paths.SELECTED, path.parent, tuple(run.seeds), reason)


def _results_file(run: str, point: str, pack: str, table: str, evaluation: EvaluationEntry) -> Path:
    """The file that holds a pack's rows of an evaluation."""
    if evaluation.of_run:
        return paths.results_of_run(run, point, table)
    return paths.results(run, point, pack, table if evaluation.job else None)


def _collected(
    name: str,
    run: RunEntry,
    point: str,
    folder: Path,
    seeds: tuple[int, ...],
    digest: str,
    evaluations: tuple[str, ...],
) -> CollectedPack:
    known = run.points[point].parameters if point in run.points else {}
    names = ("dataset.name", "model.name", "dataset.source")
    return CollectedPack(
        run=name,
        study=run.study,
        series=run.series,
        label=run.label,
        source=run.source,
        model=run.model,
        dataset=run.dataset,
        point=point,
        parameters={key: value for key, value in known.items() if key not in names},
        pack=folder,
        seeds=seeds,
        training_digest=digest,
        evaluations=evaluations,
    )
