"""The index: what param-files ask for, checked, as rules need to know it: runs and data sets."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from isotrope import paths
from isotrope.datasets.local_data import absent_files, checksums, in_bulk, sizes
from isotrope.datasets.sources import unpinned
from isotrope.digests import with_local_files
from isotrope.errors import UserError, did_you_mean
from isotrope.params.seeds import packs_of_seeds

MOST_NAMED = 10  # param-files with mistakes
LEFT_OUT = (
    "runs whose param-file has mistakes are left out; `isotrope check` says what is wrong with each"
)
WITHOUT_FIGURES = "figures of a study can be drawn once its cells.py is right"


@dataclass(frozen=True)
class DatasetEntry:
    """A data set as built: what its rule needs to know."""

    name: str
    key: str
    settings: dict[str, Any]  # its build-time values
    digest: str
    local_files: list[str]  # below $ISOTROPE_DATA
    download_files: list[str] = field(default_factory=list)  # named in workflow/sources

    @property
    def manifest(self) -> str:
        """The rule's output that stands for the data set."""
        return paths.manifest(self.name, self.key).as_posix()

    @property
    def preview(self) -> str:
        """The picture that the same rule makes."""
        return paths.preview(self.name, self.key).as_posix()

    @property
    def words(self) -> str:
        """Its settings for people to read."""
        return " ".join(f"{key}={value}" for key, value in self.settings.items())

    @property
    def downloads(self) -> list[str]:
        """The files that are fetched for it, outputs of a rule of their own."""
        return [paths.download(self.name, file).as_posix() for file in self.download_files]

    @property
    def made_from(self) -> str:
        """What its files depend on: its digest, and the user's files with their sizes."""
        found = [sizes(path) for path in self.local_files]
        return " ".join([self.digest, *(one for one in found if one)])

    @cached_property
    def missing_files(self) -> list[str]:
        """The user's files that are not there, and those to be fetched whose sums are unknown.

        Files in bulk are needed until the data set is built. They are looked for once.
        """
        built = Path(self.manifest).is_file()
        needed = [path for path in self.local_files if not (built and in_bulk(path))]
        return [*absent_files(needed), *unpinned(self.name, self.download_files)]


@dataclass(frozen=True)
class JobEntry:
    """What a job asks for: GPUs, CPU cores, wall time in minutes, main memory in MB."""

    gpu: int
    cpus: int
    minutes: int
    megabytes: int


@dataclass(frozen=True)
class OtherEntry:
    """The network of another run that an evaluation measures against.

    Args:
        run: the run's name.
        point: the point's name.
        seed: one of its seeds; None where it is that of the same number.
        datasets: the data sets whose files it depends on, keys of ``Index.datasets``.
        files: the user's files that it depends on besides, below ``$ISOTROPE_DATA``.
    """

    run: str
    point: str
    seed: int | None
    datasets: list[str]
    files: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class EvaluationEntry:
    """An evaluation of a point: ``dataset`` is a key of ``Index.datasets``.

    Args:
        name: the evaluation's name.
        digest: what its rows depend on, the user's files excluded.
        dataset: the data set that it is given.
        job: what its job asks for, if it has a job of its own.
        of_run: whether it measures all seeds together, and its rows belong to the run.
        against: the network of another run that it measures against.
        plugins: those whose code its rows depend on, as in ``evaluation/accuracy``.
    """

    name: str
    digest: str
    dataset: str
    job: JobEntry | None = None
    of_run: bool = False
    against: OtherEntry | None = None
    plugins: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class StartEntry:
    """What a training begins with instead of drawn weights.

    Args:
        run: the other run's name; empty of a file.
        point: the other run's point.
        seed: one of its seeds; None where it is that of the same number.
        datasets: the data sets whose files the other weights depend on, keys of ``Index.datasets``.
        files: the user's files that they depend on, below ``$ISOTROPE_DATA``.
    """

    run: str
    point: str
    seed: int | None
    datasets: list[str]
    files: list[str]


@dataclass(frozen=True)
class PointEntry:
    """A point of a run: what its rules need to know."""

    training_digest: str
    dataset: str  # a key of Index.datasets
    evaluations: dict[str, EvaluationEntry]  # by the name of the table
    parameters: dict[str, Any]
    start: StartEntry | None = None
    plugins: list[str] = field(default_factory=list)  # whose code its weights depend on

    @property
    def trained_on(self) -> list[str]:
        """The data sets whose files its weights depend on, its own first."""
        return list(dict.fromkeys([self.dataset, *(self.start.datasets if self.start else ())]))

    @property
    def files(self) -> list[str]:
        """The user's files that its weights depend on besides, below ``$ISOTROPE_DATA``."""
        return self.start.files if self.start else []

    @property
    def datasets(self) -> list[str]:
        """The data sets that it is trained and tested on, the training one first."""
        keys = (key for table in self.evaluations for key in self.datasets_behind(table))
        return list(dict.fromkeys([*self.trained_on, *keys]))

    def datasets_behind(self, table: str) -> list[str]:
        """The data sets whose files the rows of a table depend on, the training one first."""
        one = self.evaluations[table]
        others = one.against.datasets if one.against else []
        return list(dict.fromkeys([*self.trained_on, one.dataset, *others]))

    def files_behind(self, table: str) -> list[str]:
        """The user's files that the rows of a table depend on besides, below ``$ISOTROPE_DATA``."""
        against = self.evaluations[table].against
        return list(dict.fromkeys([*self.files, *(against.files if against else ())]))

    @property
    def shared_tables(self) -> list[str]:
        """The tables of the evaluations that share a job."""
        return [table for table, one in self.evaluations.items() if one.job is None]


@dataclass(frozen=True)
class SelectEntry:
    """How a point is chosen, as ``envelope.Select`` describes it."""

    by: str
    statistic: str
    seeds: list[int]
    ties: str


@dataclass(frozen=True)
class RunEntry:
    """A run: what its rules need to know."""

    study: str
    series: str
    label: str
    source: str
    model: str
    dataset: str
    seeds: list[int]
    gpu: int
    cpus: int
    minutes: int
    megabytes: int
    seeds_per_job: int
    points: dict[str, PointEntry]
    select: SelectEntry | None = None
    evaluation_minutes: int = 30
    broken: list[str] = field(default_factory=list)  # plug-ins that it waits for; then no points

    @property
    def group(self) -> str:
        """Whose tables and figures it belongs to: the study's, or those of the study's demo."""
        return paths.group_of(self.study, self.series)

    @property
    def seeds_to_train(self) -> int:
        """How many trainings it takes, all points together."""
        if self.select is None:
            return len(self.points) * len(self.seeds)
        return (len(self.points) - 1) * len(self.select.seeds) + len(self.seeds)

    @property
    def needed_runs(self) -> set[str]:
        """Other runs whose networks it begins with, or measures against."""
        points = self.points.values()
        behind = {point.start.run for point in points if point.start is not None}
        entries = [one for point in points for one in point.evaluations.values()]
        return (behind | {one.against.run for one in entries if one.against is not None}) - {""}

    @property
    def tables(self) -> list[str]:
        """The evaluations of its points, by the names of their tables."""
        return sorted({table for point in self.points.values() for table in point.evaluations})

    @property
    def records(self) -> bool:
        """Whether networks may record something of themselves while they train."""
        keys = (key for point in self.points.values() for key in point.parameters)
        return any(key.startswith("training.monitor.") for key in keys)

    @property
    def evaluated(self) -> list[str]:
        """The points whose packs are evaluated and stand in tables, as paths name them."""
        return [paths.SELECTED] if self.select else list(self.points)

    def behind(self, point: str) -> list[PointEntry]:
        """The point of that name; every candidate behind ``selected``; none if there is none."""
        if self.select and point == paths.SELECTED:
            return list(self.points.values())
        return [self.points[point]] if point in self.points else []

    def packs(self, point: str) -> dict[str, list[int]]:
        """The packs of a point, with the seeds of each; a candidate has those of the choice."""
        return self._packs_of_choice if point != paths.SELECTED else self._packs

    @cached_property
    def _packs(self) -> dict[str, list[int]]:
        return packs_of_seeds(self.seeds, self.seeds_per_job)

    @cached_property
    def _packs_of_choice(self) -> dict[str, list[int]]:
        seeds = self.select.seeds if self.select else self.seeds
        return packs_of_seeds(seeds, self.seeds_per_job)


@dataclass(frozen=True)
class Index:
    """All runs and the data sets that they need.

    Args:
        runs: by their names.
        datasets: by their keys.
        code: the modules that can change a result, each with a digest of its syntax.
        mistakes: what is wrong with param-files, by their paths; their runs are left out.
        earlier: runs that are left out, as they were before their param-file had a mistake.
        claims: of each path in ``mistakes`` the study and the series that the file names, each
            empty if it does not say.
        studies: what is wrong with what studies say of their figures, which stops no training.
        untried: runs of which it is not known whether their networks can be built still; since
            their code changed nobody asked for them but to look.
    """

    runs: dict[str, RunEntry]
    datasets: dict[str, DatasetEntry]
    code: dict[str, str] = field(default_factory=dict)
    mistakes: dict[str, list[str]] = field(default_factory=dict)
    earlier: dict[str, RunEntry] = field(default_factory=dict)
    claims: dict[str, tuple[str, str]] = field(default_factory=dict)
    studies: list[str] = field(default_factory=list)
    untried: list[str] = field(default_factory=list)

    @property
    def notes(self) -> list[str]:
        """What a user is told of param-files with mistakes: a sentence of each, of many the first.

        And of studies. None if there are none.
        """
        all_wait = any(one.partition(":")[0].endswith("/cells.py") for one in self.studies)
        studies = [*self.studies, *([WITHOUT_FIGURES] if all_wait else [])]
        if not self.mistakes:
            return studies
        first = [sentences[0] for sentences in self.mistakes.values()]
        found = first[:MOST_NAMED]
        if len(first) > MOST_NAMED:
            found.append(f"{len(first) - MOST_NAMED} more param-files have mistakes")
        return [*found, LEFT_OUT, *studies]

    def untried_notes(self, names: Iterable[str]) -> list[str]:
        """What a user is told of runs that he asks for and that are ``untried``, if any are."""
        count = len(self.needed_by(names).intersection(self.untried))
        if not count:
            return []
        whose, them = (f"{count} runs", "them") if count > 1 else ("1 run", "it")
        tried = "their networks were" if count > 1 else "its network was"
        return [
            f"the code of {whose} changed since {tried} tried: `snakemake` tries {them} before it "
            "starts anything, `isotrope check` now"
        ]

    def needed_by(self, names: Iterable[str]) -> set[str]:
        """Runs, and all whose networks they begin with or measure against, directly or not."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found and name in self.runs:
                found.add(name)
                waiting += self.runs[name].needed_runs
        return found

    def with_earlier(self) -> "Index":
        """The same with runs that are left out as they were: for what looks at results alone."""
        return replace(self, runs={**self.runs, **self.earlier})

    def mistakes_of(self, run: str) -> list[str]:
        """What is wrong with the param-file of a run or, where it is a pattern, with all such."""
        return [
            sentence
            for path, sentences in self.mistakes.items()
            if fnmatchcase(path, f"{paths.PARAM_FILES}/{run}.yaml")
            for sentence in sentences
        ]

    def waiting_for(self, run: str) -> list[str]:
        """The user's files without which the run cannot be made."""
        entry = self.runs[run]
        needed = {key for point in entry.points.values() for key in point.datasets}
        missing = {f for key in needed for f in self.datasets[key].missing_files}
        own = {file for point in entry.points.values() for file in point.files}
        for point in entry.points.values():
            own.update(file for table in point.evaluations for file in point.files_behind(table))
        return sorted(missing.union(absent_files(sorted(own))))

    def digests(self, run: str) -> dict[str, str]:
        """The training digest of each point of a run, with the sums of the user's files.

        Raises:
            UserError: if the manifest of a data set is damaged.
        """
        found = {}
        for name, point in self.runs[run].points.items():
            manifests = [Path(self.datasets[key].manifest) for key in point.trained_on]
            known = [manifest for manifest in manifests if manifest.is_file()]
            own = checksums(point.files)
            found[name] = with_local_files(point.training_digest, *known, own=own)
        return found

    def run(self, name: str) -> RunEntry:
        """The run of that name.

        Raises:
            UserError: if there is none, or its param-file has mistakes.
        """
        if name not in self.runs:
            if wrong := self.mistakes_of(name):
                raise UserError(*wrong)
            hint = did_you_mean(name, self.runs)
            raise UserError(f"{paths.PARAM_FILES}/{name}.yaml: no such param-file{hint}")
        return self.runs[name]
