"""Which packs a family of runs consists of, what each asks for, and what must be there before.

For quick trials: what is sent is trained and evaluated as Snakemake would do it, with the same
files in the same places, but no table or figure is made, and no workflow watches over it.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from isotrope import paths
from isotrope.cluster import recording
from isotrope.cluster.submitted_pack import SubmittedPack
from isotrope.console.printing import say
from isotrope.console.wording import range_text
from isotrope.datasets.building import build_dataset
from isotrope.datasets.manifest import read_manifest
from isotrope.errors import UserError
from isotrope.mistakes import complaints_of
from isotrope.params.param_file import Run, read_each
from isotrope.params.param_folder import find, name_of
from isotrope.params.resources import Resources
from isotrope.plan import index_file
from isotrope.plan.index import DatasetEntry, Index
from isotrope.plan.indexing import index_of
from isotrope.plan.nearest import nearest_runs
from isotrope.plan.needs import under_local_root
from isotrope.results import choice
from isotrope.tasks import by_hand
from isotrope.tasks.building import params_of


@dataclass(frozen=True)
class TaskResources:
    """What a task asks for: GPUs, CPU cores, main memory in MB and wall time in minutes."""

    gpu: int
    cpus: int
    memory: int
    minutes: int

    @property
    def processes(self) -> int:
        """How many processes share the training: one for each GPU."""
        return max(1, self.gpu)

    @property
    def threads(self) -> int:
        """CPU cores of each process."""
        return max(1, self.cpus // self.processes)

    @property
    def warning(self) -> int:
        """Seconds before the time limit at which a task is told to save."""
        return min(120, 15 * self.minutes)

    def __str__(self) -> str:
        return ",".join(f"{key}={value}" for key, value in vars(self).items())


@dataclass(frozen=True)
class Array:
    """Packs that ask for the same and may start at the same time: one job array of SLURM.

    Args:
        resources: what each of its tasks asks for.
        packs: what they do.
        after_choice: whether they wait for the candidates of sweeps.
    """

    resources: TaskResources
    packs: Sequence[SubmittedPack]
    after_choice: bool


@dataclass(frozen=True)
class Family:
    """The packs of one `isotrope submit`.

    Args:
        arrays: what is to be done, the candidates of sweeps first.
        finished: packs that are trained and evaluated already.
    """

    arrays: Sequence[Array]
    finished: Sequence[SubmittedPack]

    @property
    def packs(self) -> list[SubmittedPack]:
        """All that is to be done."""
        return [pack for array in self.arrays for pack in array.packs]


def runs_of(words: Iterable[str]) -> list[Run]:
    """The runs that are named by param-file, by name, or by a pattern of names such as ``a/*/b``.

    A word may hold several, with commas between them.

    Raises:
        UserError: with every mistake of every param-file, and every word that names none.
    """
    files = find()
    known = {name_of(path): path for path, misnamed in files.items() if not misnamed}
    found: dict[str, Path] = {}
    unknown = []
    for word in (part for one in words for part in one.split(",") if part):
        name = word.removeprefix(f"{paths.PARAM_FILES}/").removesuffix(".yaml")
        if os.path.isfile(word):  # noqa: PTH113 (Path would raise of a long name)
            found[name_of(Path(word))] = Path(word)
        elif matches := [one for one in known if one == name or fnmatchcase(one, name)]:
            found |= {one: known[one] for one in matches}
        else:
            unknown.append(f"{word}: no param-file is called so{nearest_runs(name, known)}")
    if unknown:
        raise UserError(*unknown, *(misnamed for misnamed in files.values() if misnamed))
    return read_each(list(found.values()))


def minutes_of(time: str) -> int:
    """A wall time such as ``45m`` in minutes.

    Raises:
        UserError: if it is written otherwise.
    """
    resources, _ = complaints_of(Resources, {"runtime": time})
    if resources is None:
        raise UserError(f"--time {time}: write a wall time as in 45m, 4h or 2d")
    return resources.minutes


def unbuilt(runs: Sequence[Run]) -> list[DatasetEntry]:
    """The data sets of runs that are not built yet, or were built otherwise.

    Raises:
        UserError: if one is to be made from files that are not in the project.
    """
    missing = [one for one in index_of(list(runs)).datasets.values() if not _is_built(one)]
    wrong = []
    for entry in missing:
        if absent := entry.missing_files:
            wrong.append(f"{entry.manifest}: not built; it needs {under_local_root(absent)}")
        elif entry.local_files or entry.download_files:
            wrong.append(f"{entry.manifest}: not built; run `snakemake {entry.manifest}`")
    if wrong:
        raise UserError(*wrong)
    return missing


def _is_built(entry: DatasetEntry) -> bool:
    manifest = Path(entry.manifest)
    return manifest.is_file() and read_manifest(manifest).digest == entry.digest


def build(entry: DatasetEntry) -> None:
    """Build a data set that needs no file of the user's."""
    params = params_of(entry)
    build_dataset(entry.name, params, entry.digest)
    recording.record(["build_dataset"], [Path(entry.manifest), Path(entry.preview)], say)


def refresh_index() -> None:
    """Make the index that Snakemake reads, so that not every task has to make it at its end.

    It is of all param-files. If another one has a mistake, Snakemake says so when it is asked.
    """
    with suppress(UserError):
        index_file.current()


def family(
    runs: Sequence[Run], point: str | None, seeds: str | None, time: str | None, evaluate: bool
) -> Family:
    """The packs of runs.

    Args:
        runs: the runs.
        point: the one point of each that is wanted. If left out, all of them; then those of a run
            that chooses are its candidates, with the seeds of the choice, and ``selected`` follows.
        seeds: the seeds wanted; all if left out.
        time: the wall time of a task, if not that of the param-file.
        evaluate: whether packs are evaluated; candidates never are.

    Raises:
        UserError: for a point, or seeds, that a run does not have; and if ``point`` is
            ``selected`` and candidates are not trained.
    """
    arrays: dict[tuple[bool, TaskResources], list[SubmittedPack]] = {}
    finished = []
    wrong: list[str] = []
    for run in runs:
        try:
            resources = _resources_of(run, time)
            for pack in _packs(run, point, seeds, resources.threads, evaluate):
                if pack.is_finished():
                    finished.append(pack)
                else:
                    after_choice = point is None and pack.point == paths.SELECTED
                    arrays.setdefault((after_choice, resources), []).append(pack)
        except UserError as error:
            wrong += error.sentences
    if wrong:
        raise UserError(*wrong)
    in_order = sorted(arrays.items(), key=lambda item: item[0][0])
    return Family(
        [Array(resources, packs, late) for (late, resources), packs in in_order], finished
    )


def _resources_of(run: Run, time: str | None) -> TaskResources:
    resources = run.envelope.resources
    minutes = minutes_of(time) if time else resources.minutes
    return TaskResources(resources.gpu, resources.cpus, resources.megabytes, minutes)


def _packs(
    run: Run, point: str | None, seeds: str | None, threads: int, evaluate: bool
) -> Iterator[SubmittedPack]:
    known = index_of([run])
    digests = known.digests(run.name)
    chooses = run.envelope.select is not None
    if point is None:
        names = [*digests, *([paths.SELECTED] if chooses else [])]
    elif chooses and point == paths.SELECTED:
        names = [point]
        _check_choice(known, run.name)
    else:
        names = [run.point(point).name]
    file = f"{paths.PARAM_FILES}/{run.name}.yaml"
    for name in names:
        candidate = chooses and name != paths.SELECTED
        wanted = None if candidate and point is None else seeds
        possible = (digests[name],) if name in digests else tuple(digests.values())
        for pack, held in by_hand.packs_asked_for(run, name, None, wanted).items():
            fields = (file, name, pack, wanted, possible, threads)
            evaluates = evaluate and not candidate
            yield SubmittedPack(*fields, evaluate=evaluates, shown=range_text(held))


def _check_choice(known: Index, name: str) -> None:
    """See that the choice of a run is made, or can be."""
    if choice.current(known, name) is not None:
        return
    try:
        choice.choose(name, known.run(name), known.digests(name))
    except UserError as error:
        raise UserError(
            *error.sentences, f"{name}: leave out --point to send the candidates of its choice, too"
        ) from error
