"""Computing what is missing of a task: one evaluation after the other, seed after seed.

A plain ``evaluate`` is called for each seed by itself; where it says ``TOGETHER``, on a GPU for all
missing seeds at once. One that is a generator is called once for all missing seeds, and yields the
rows of a seed when it has them: for measures whose seeds share costly work. Always the rows of a
seed are written as soon as they are known.

Evaluations that look inside networks come first: what the networks answer meanwhile need not be
computed again for those that ask for answers alone.
"""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from isotrope import devices, registry
from isotrope.datasets import loading
from isotrope.datasets.stream import Split, Stream, killed_workers_explained
from isotrope.errors import UserError
from isotrope.measuring.answers import Answers
from isotrope.measuring.networks import Networks
from isotrope.measuring.position import Position, Stops
from isotrope.measuring.task import BoundEvaluation, EvaluationTask, TrainedSeed
from isotrope.packs import rows as stored
from isotrope.packs import summary
from isotrope.packs.rows import Row
from isotrope.params.blocks import Plugin

Seed = int | None  # None stands for the run


class Computation:
    """The missing rows of a task.

    Args:
        task: what is evaluated.
        device: where.
        stops: tells whether the process is to end.
    """

    def __init__(self, task: EvaluationTask, device: torch.device, stops: Stops) -> None:
        self.task = task
        self.device = device
        self.stops = stops
        self._loaded: dict[tuple[str, str, str], Split] = {}
        self._opened = cache(self._open)
        self._answers = Answers()

    def run(self, missing: Mapping[str, Sequence[int]]) -> dict[tuple[str, Seed], list[Row]]:
        """Compute rows, and write those of each seed as soon as they are known.

        Args:
            missing: the seeds that lack rows under an evaluation, by the name of its table.

        Returns:
            The new rows by table and seed.

        Raises:
            UserError: if data or weights are not there, or a file cannot be written.
            SystemExit: after a signal; what is computed is kept.
        """
        found: dict[tuple[str, Seed], list[Row]] = {}
        if sum(map(bool, missing.values())) == 1:  # nobody will ask for the answers again
            self._answers = Answers(most=0)
        with devices.arithmetic(self.device, self.task.threads), killed_workers_explained():
            for evaluation in sorted(self.task.evaluations, key=_needs_nothing):
                if seeds := missing[evaluation.alias]:
                    for seed, rows in self._evaluate(evaluation, seeds):
                        found[evaluation.alias, seed] = rows
        return found

    def _evaluate(
        self, evaluation: BoundEvaluation, seeds: Sequence[int]
    ) -> Iterator[tuple[Seed, list[Row]]]:
        """The rows of each seed, after they were written."""
        plugin = registry.load("evaluation", evaluation.name)
        split = evaluation.evaluation.split
        data = self._load(evaluation.dataset, split)
        given = [data, evaluation.evaluation.params, *self._to_choose_by(evaluation)]
        waiting: list[Seed] = [None] if self.task.of_run else list(seeds)
        for part in self._parts(plugin, evaluation, seeds, given):
            rows, arrays = part if evaluation.has_arrays else (part, {})
            for seed in [one for one in waiting if any(row.get("seed") == one for row in rows)]:
                its = (row for row in rows if row.get("seed") == seed)
                cells = [stored.cells_of(row, evaluation.name) for row in its]
                path = self.task.rows_file(evaluation, seed)
                given_arrays = arrays[seed] if evaluation.has_arrays else None
                stored.write(path, cells, given_arrays, evaluation.code.digest)
                self._position(evaluation, seed).discard()
                waiting.remove(seed)
                self.stops.kept += 1
                yield seed, cells
            self.stops.when_kept()
        if waiting:
            where, name = registry.shown_source("evaluation", evaluation.name), evaluation.name
            lacking = ", ".join(f"of seed {seed}" for seed in waiting if seed is not None)
            raise UserError(
                f"{where}: the evaluation {name} gave no row {lacking or 'without a seed'}"
            )
        self.stops.log(
            f"{evaluation.alias}: {len(seeds)} seeds on {len(data)} images "
            f"of {evaluation.dataset.name}, {split}"
        )

    def _parts(
        self,
        plugin: ModuleType,
        evaluation: BoundEvaluation,
        seeds: Sequence[int],
        arguments: Sequence[Any],
    ) -> Iterator[Any]:
        """What the plug-in gives: for each call, or each time that it yields.

        Args:
            plugin: the evaluation's module.
            evaluation: as the task has it.
            seeds: which networks it is given.
            arguments: what it is given after the networks.
        """
        networks = self._networks(evaluation, seeds)
        with_gradients = getattr(plugin, "GRADIENTS", False)
        at_once = (
            self.task.of_run
            or inspect.isgeneratorfunction(plugin.evaluate)
            or (getattr(plugin, "TOGETHER", False) and networks.at_once)
        )
        for chosen in [seeds] if at_once else [[seed] for seed in seeds]:
            self.stops.saves_positions = False
            self.stops.between_batches()
            with torch.inference_mode(not with_gradients):
                given = plugin.evaluate(networks.only(chosen), *arguments)
            if not inspect.isgenerator(given):
                yield given
                continue
            while True:
                with torch.inference_mode(not with_gradients):
                    part = next(given, None)
                if part is None:
                    break
                yield part

    def _networks(self, evaluation: BoundEvaluation, seeds: Sequence[int]) -> Networks:
        """The networks of some seeds, with those that they are measured against."""
        parts = [
            self._opened(folder, tuple(one for one in held if one in seeds))
            for folder, held in self.task.folders.items()
            if any(one in seeds for one in held)
        ]
        networks = Networks.joined(parts)
        if evaluation.against:
            networks.against = self._against({one: evaluation.against[one] for one in seeds})
        return networks.under(
            self.stops.between_batches,
            lambda seed: self._position(evaluation, seed),
            self._answers,
            self.stops.log,
        )

    def _to_choose_by(self, evaluation: BoundEvaluation) -> list[Split]:
        """The images by which an evaluation chooses something, if it does."""
        split = evaluation.evaluation.chooses_on
        if split is None:
            return []
        return [self._load(evaluation.trained_on or evaluation.dataset, split)]

    def _load(self, dataset: Plugin, split: str) -> Split:
        """A split of a data set, read once."""
        key = dataset.name, dataset.params.model_dump_json(), split
        if key not in self._loaded:
            found = loading.load_split(dataset.name, dataset.params, split)
            if isinstance(found, Stream):
                found = found.with_workers(self.task.threads - 1)
            self._loaded[key] = found
        return self._loaded[key]

    def _open(self, folder: Path, seeds: tuple[int, ...]) -> Networks:
        return Networks.open(folder, self.device, seeds)

    def _against(self, others: Mapping[int, TrainedSeed]) -> Networks:
        """The networks of another run, by the seeds that are measured against them.

        Raises:
            UserError: if a pack was trained otherwise than its param-file says now.
        """
        folders: dict[Path, set[int]] = {}
        for other in others.values():
            folders.setdefault(other.folder, set()).add(other.seed)
            trained_with = summary.read(other.folder).training_digest
            if trained_with != other.training_digest:
                raise UserError(
                    f"{other.folder} was trained with settings of digest {trained_with}, its "
                    f"param-file now has {other.training_digest}; run `snakemake runs` to retrain, "
                    "or restore the param-file"
                )
        found = {path: self._opened(path, tuple(sorted(held))) for path, held in folders.items()}
        networks = {seed: dict(found[one.folder])[one.seed] for seed, one in others.items()}
        first, *_ = found.values()
        return Networks(networks, self.device, first.draws, alike=first.alike)

    def _position(self, evaluation: BoundEvaluation, seed: Seed) -> Position:
        key = None if self.task.of_run else seed
        path = self.task.rows_file(evaluation, key).with_suffix(".position.pt")
        return Position(path, evaluation.digest, self.stops, self.task.save_every)


def _needs_nothing(evaluation: BoundEvaluation) -> bool:
    return not registry.literal("evaluation", evaluation.name, "NEEDS")
