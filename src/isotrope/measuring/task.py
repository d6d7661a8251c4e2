"""What a job evaluates, as the param-file and the command line say it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from isotrope import devices, paths, registry
from isotrope.console.wording import range_text
from isotrope.packs.code_records import Code
from isotrope.params.blocks import Plugin
from isotrope.params.evaluations import Evaluation


@dataclass(frozen=True)
class TrainedSeed:
    """A trained seed of any run: the folder of its pack, its number, and how it was trained."""

    folder: Path
    seed: int
    training_digest: str


@dataclass(frozen=True)
class BoundEvaluation:
    """An evaluation of a param-file, bound to the point that it measures.

    Args:
        evaluation: as the param-file has it.
        dataset: the data set that it is given, the training's or its own.
        digest: stands for everything that its results depend on.
        against: for each seed the network of another run that it is measured against.
        trained_on: the training data set; an evaluation that chooses is given a split of it.
        code: what its results are computed with.
    """

    evaluation: Evaluation
    dataset: Plugin
    digest: str
    against: Mapping[int, TrainedSeed] = field(default_factory=dict)
    trained_on: Plugin | None = None
    code: Code = field(default_factory=Code)

    @property
    def name(self) -> str:
        """The evaluation's name."""
        return self.evaluation.name

    @property
    def alias(self) -> str:
        """The name of its table."""
        return self.evaluation.alias

    @property
    def has_arrays(self) -> bool:
        """Whether it gives arrays beside its rows."""
        return bool(registry.literal("evaluation", self.name, "ARRAYS", False))


@dataclass(frozen=True)
class EvaluationTask:
    """What a job evaluates: the seeds of a pack; or, for measures of a whole run, of all its packs.

    Args:
        run: the run's name, ``<model>/<dataset>/<variant>``.
        point: the point of its sweep, ``base`` without one.
        packs: the packs, named ``<first seed>-<last seed>``, each with the seeds wanted of it.
        training_digest: the digest of the param-file's training as it is now.
        evaluations: the measures, in the order of the results.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: CPU threads of one operation.
        selected: whether the packs' files stand for the chosen point of a sweep; what is computed
            is kept with the point's own.
        table: the name of the one evaluation, if it has a job of its own.
        of_run: whether the rows belong to the run, not to its seeds.
        save_every: seconds between two savings of a long evaluation's position.
    """

    run: str
    point: str
    packs: Mapping[str, Sequence[int]]
    training_digest: str
    evaluations: Sequence[BoundEvaluation]
    device: devices.DeviceName = "auto"
    threads: int = 1
    selected: bool = False
    table: str | None = None
    of_run: bool = False
    save_every: float = 30.0

    def __str__(self) -> str:
        seeds = range_text(self.seeds)
        measured = f", {self.table}" if self.table else ""
        return f"{self.run}, {self.point}, seeds {seeds}{measured}"

    @property
    def seeds(self) -> list[int]:
        """The seeds wanted."""
        return [seed for seeds in self.packs.values() for seed in seeds]

    @property
    def digests(self) -> dict[str, str]:
        """What the rows of each evaluation depend on, by the name of its table."""
        return {one.alias: one.digest for one in self.evaluations}

    @property
    def folders(self) -> dict[Path, Sequence[int]]:
        """The folders of the packs' files, each with the seeds wanted of it."""
        return {
            paths.pack_folder(self.run, self._place, pack): seeds
            for pack, seeds in self.packs.items()
        }

    @property
    def results(self) -> Path:
        """The table that the job writes."""
        if self.of_run:
            return paths.results_of_run(self.run, self._place, str(self.table))
        (pack,) = self.packs
        return paths.results(self.run, self._place, pack, self.table)

    @property
    def _place(self) -> str:
        return paths.SELECTED if self.selected else self.point

    def rows_file(self, evaluation: BoundEvaluation, seed: int | None) -> Path:
        """The file of one seed's rows under one evaluation; of the run's where no seed is given."""
        return paths.finished_evaluation(
            self.run, self.point, evaluation.name, evaluation.digest, seed
        )
