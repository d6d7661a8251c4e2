"""The work of a pack's job: its missing seeds, some together, saved now and then, then stored.

Seeds that train together are saved together, each in a file of its own that names the others, so
that the next job finds them at one step again: a stack that was killed goes on as the same stack,
row by row, and ends with the bits that it would have had. That needs an order of things. A stack
is saved before its first step; when seeds end with an epoch, first all are saved as they are, then
the others without them, then the ended ones are stored, then their files removed.
"""

import time
from collections import deque
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from isotrope import devices, registry
from isotrope.datasets import loading
from isotrope.datasets.stream import Split, Stream, killed_workers_explained
from isotrope.errors import UserError
from isotrope.layers import normalising
from isotrope.packs import resume, store
from isotrope.packs.code_records import NOT_RECORDED
from isotrope.params import modelling
from isotrope.params.blocks import Plugin
from isotrope.params.wrapping import draws_of
from isotrope.processes import provenance
from isotrope.processes.signals import Interruption
from isotrope.training import compiling, initial_weights, seeding, stack_width
from isotrope.training.distributed import Ranks
from isotrope.training.graphs import recorder_of
from isotrope.training.loop import Finished, HeldOut, LockstepTraining
from isotrope.training.outputs import shape_of
from isotrope.training.progress import PackProgress, Report, model_summary
from isotrope.training.seed_groups import SeedGroup, Unfinished
from isotrope.training.steps import Workshop
from isotrope.training.task import TrainingTask


class PackJob:
    """The training of a pack's missing seeds in one process.

    Args:
        task: what to train.
        report: where the job says how far it is.
        device: where it trains.
        interruption: the signals that end it.
        seeds: how many seeds are missing.
        ranks: the processes that train each seed together, if there are several.
    """

    def __init__(
        self,
        task: TrainingTask,
        report: Report,
        device: torch.device,
        interruption: Interruption,
        seeds: int,
        ranks: Ranks | None = None,
    ) -> None:
        self.task = task
        self.report = report
        self.device = device
        self.interruption = interruption
        self.ranks = ranks
        self.image_shape, self.classes = shape_of(task)
        self.train_images = self._load("train")
        self.held_out = self._held_out()
        validation = self.held_out.validation
        validated = "no" if validation is None else str(len(validation))
        report.log(
            f"{len(self.train_images)} training and {validated} "
            f"validation images of {' x '.join(map(str, self.image_shape))}, {self.classes} classes"
        )
        self._compiled: set[int] = set()  # how many seeds together
        self._graphs = not task.eager and ranks is None
        self.workshop = self._new_workshop()
        self.unfinished = Unfinished(task, report.log)
        self.progress = PackProgress(report, task.heartbeat, seeds, task.training.epochs)
        self._commit, self._versions = provenance.git_commit(), provenance.versions()

    def train(self, seeds: Sequence[int]) -> None:
        """Train seeds and store each when it is finished.

        Raises:
            UserError: if one seed alone needs more memory than the device has, or what is to be
                compiled cannot be.
        """
        with self.progress, compiling.explained(), killed_workers_explained():
            for line in model_summary(self._network(seeds[0])):
                self.report.log(line)
            taken_up = self.unfinished.taken_up(seeds)
            begun = {seed for group in taken_up for seed in group.seeds}
            waiting = deque(taken_up + self._new([s for s in seeds if s not in begun]))
            while waiting:
                group = waiting.popleft()
                if self.ranks is not None:
                    self.ranks.hand_out(group)
                try:
                    self._compile(group.width)
                    _Training(self, group).run()
                except torch.OutOfMemoryError as error:
                    self.progress.put_off()
                    waiting.extendleft(reversed(self._in_less_memory(group, error)))
                devices.free_memory(self.device)  # that of what is over; an error holds its own
        if self.ranks is not None:
            self.ranks.hand_out(None)

    def _in_less_memory(self, group: SeedGroup, error: torch.OutOfMemoryError) -> list[SeedGroup]:
        """What is tried after memory ran out: half of the seeds, or one without graphs."""
        if group.width == 1 and self.workshop.recorder is not None:
            self._graphs = False
            self.report.log(
                "steps need more memory as CUDA graphs than the device has; they are launched one "
                "by one, which takes longer"
            )
            again = [self.unfinished.again(group)]
        else:
            again = self.unfinished.halves(group, error, self.device)
        self.workshop = self._new_workshop()
        self._forget_compiled()
        return again

    def _new_workshop(self) -> Workshop:
        """An empty workshop, whose graphs have memory of their own."""
        return Workshop(recorder_of(self.device) if self._graphs else None, self.report.log)

    def follow(self, ranks: Ranks) -> None:
        """Compute what the leader of several processes trains; write nothing.

        Raises:
            SystemExit: if the leader is told to end.
        """

        def after_step() -> None:
            if not ranks.tell():
                ranks.outlive_leader()

        with compiling.explained(), killed_workers_explained():
            while (group := ranks.hand_out()) is not None:
                self._compile(group.width)
                self.training(group, self.workshop).run(after_step, lambda: None, lambda _: None)

    def _compile(self, width: int) -> None:
        """Compile for so many seeds together, if that is asked for, before a step is timed."""
        if self.task.training.compile and width not in self._compiled:
            with compiling.announced(self.report.log):
                group = SeedGroup.new(range(1, width + 1))
                self.training(group, self.workshop).rehearse()
            self._compiled.add(width)

    def _forget_compiled(self) -> None:
        """Free the memory that CUDA graphs hold."""
        if self._compiled:
            torch.compiler.reset()
            self._compiled.clear()

    def _load(self, split: str) -> Split:
        """The images of a split on the device, or a stream of them."""
        found = loading.load_split(self.task.dataset_name, self.task.dataset_params, split)
        if isinstance(found, Stream):
            return found.with_workers(self.task.threads - 1)
        return found.to(self.device)

    def _held_out(self) -> HeldOut:
        """The images that networks are tested on while they train."""
        splits = registry.splits(self.task.dataset_name, self.task.dataset_params)
        monitor = self.task.training.monitor
        split = monitor.split if monitor is not None else None
        if split is not None and split not in splits:
            raise UserError(
                f"{self.task.run}: training.monitor.split: {self.task.dataset_name} has no split "
                f"{split}; it has {', '.join(splits)}"
            )
        return HeldOut(
            self._load("valid") if "valid" in splits else None,
            self._load(split) if split is not None else None,
            draws_of(Plugin(self.task.model_name, self.task.model_params)),
        )

    def _subsets(self, seeds: Sequence[int]) -> dict[int, Tensor] | None:
        """For each seed the indices of its own training images, if it is not all."""
        name, params = self.task.dataset_name, self.task.dataset_params
        return loading.subsets(name, params, self.train_images.labels, seeds)

    @cached_property
    def _statistics(self) -> tuple[Tensor, Tensor]:
        if isinstance(self.train_images, Stream):
            raise ValueError("normalise: images that are not in memory need a mean and std given")
        return normalising.statistics(self.train_images.images)

    def _network(self, seed: int) -> nn.Module:
        """A network with the seed's initial weights; nothing is drawn between seed and model."""
        seeding.seed_everything(seed)
        try:
            network = modelling.build(
                self.task.model_name, self.task.model_params, self.image_shape, self.classes
            )
            normalising.fit(network, lambda: self._statistics)
        except ValueError as error:
            raise UserError(f"{self.task.run}: model {self.task.model_name}: {error}") from error
        start = self.task.start
        if start is not None and seed in self.task.seeds:  # else it is built to be measured
            initial_weights.take_over(network, start.weights(seed), f"{self.task.run}: {start}")
        return network.to(self.device)

    def training(
        self, group: SeedGroup, workshop: Workshop, plain: bool = False
    ) -> LockstepTraining:
        """The training of these seeds from where they were saved; plain is not compiled."""
        settings = self.task.training
        training = LockstepTraining(
            [self._network(seed) for seed in group.seeds],
            group.seeds,
            settings.model_copy(update={"compile": False}) if plain else settings,
            self.train_images,
            self.held_out,
            group.rows,
            group.width,
            self.ranks,
            self._subsets(group.seeds),
            group.limits,
            workshop,
            self.classes,
        )
        if group.saved:
            training.restore({seed: one["training"] for seed, one in group.saved.items()})
        return training

    def _new(self, seeds: Sequence[int]) -> list[SeedGroup]:
        """Seeds that begin, as many together as the device and the param-file allow."""
        if not seeds:
            return []
        if self.ranks is not None:
            return [SeedGroup.new([seed]) for seed in seeds]
        width = stack_width.width_of(
            self.task, self.device, self._trial, len(seeds), self.report.log
        )
        return [
            SeedGroup.new(seeds[start : start + width]) for start in range(0, len(seeds), width)
        ]

    def _trial(self, width: int, plain: bool = False) -> LockstepTraining:
        """A training of some seeds to be measured and thrown away."""
        workshop = Workshop() if plain else self._new_workshop()
        return self.training(SeedGroup.new(range(1, width + 1)), workshop, plain)

    def store(self, ended: Finished, record: dict[str, Any]) -> None:
        """Put a finished seed into the store, and remove what was saved of it before."""
        seed, known = ended.record.seed, ended.record.summary(self.classes)
        summary = {
            **known,
            "seconds": round(record["seconds"], 3),
            "peak_memory_mb": record["peak_memory_mb"],
            "together": record["together"],
            "device": _device_text(self.device, record["together"]),
            "threads": self.task.threads,
            "versions": self._versions,
            "git_commit": self._commit,
            "started": record["started"],
            "finished": provenance.now(),
            "resumed": record["resumed"],
            "resumed_epochs": record["resumed_epochs"],
            "code": record["code"],
            "training_digest": self.task.training_digest,
        }
        history = ended.record.table()
        store.save(self.task.stored(seed), ended.weights, history, summary, ended.recordings)
        self.progress.end(ended.record, known["status"])
        resume.discard(self.task.unfinished(seed))


class _Training:
    """Seeds that train together until all have ended.

    Args:
        job: whose seeds they are.
        group: the seeds.
    """

    def __init__(self, job: PackJob, group: SeedGroup) -> None:
        self.job = job
        self.group = group
        devices.start_memory_peak(job.device)
        try:
            self.training = job.training(group, job.workshop)
        except ValueError as error:
            raise UserError(f"{job.task.run}: model {job.task.model_name}: {error}") from error
        self.records = {seed: self._record(seed) for seed in group.seeds}
        self._counted = self._saved_at = time.monotonic()

    def _record(self, seed: int) -> dict[str, Any]:
        """What a seed's summary says besides its training: of an earlier job, or begun here."""
        if (saved := self.group.saved.get(seed)) is not None:
            record = saved["record"]
            before = record.get("resumed_epochs", [])  # older files do not tell
            epochs = [*before, self.training.epochs + 1]
            code = self._codes(seed, record.get("code", [NOT_RECORDED]))
            resumed = {"resumed": record["resumed"] + 1, "resumed_epochs": epochs, "code": code}
            return {**record, **resumed}
        return {
            "code": [self.job.task.code.digest],
            "started": provenance.now(),
            "resumed": 0,
            "resumed_epochs": [],
            "seconds": 0.0,
            "peak_memory_mb": 0.0,
            "together": self.group.width,
        }

    def _codes(self, seed: int, before: list[str]) -> list[str]:
        """The code that a seed which is taken up was trained with so far, and is from now on."""
        code = self.job.task.code.digest
        if code in before:
            return before
        self.job.report.log(f"seed {seed} goes on with other code than it began with")
        return [*before, code]

    def run(self) -> None:
        """Train, save, store."""
        if self.training.stacked and not self.group.saved:
            self._save()
        self.job.progress.begin(self.training)
        progress = self.job.progress
        self.training.run(self._after_step, progress.epoch, self._at_end, self._save)

    def _after_step(self) -> None:
        job = self.job
        job.progress.step()
        ends = job.interruption.signal is not None
        if ends or time.monotonic() - self._saved_at >= job.task.save_every:
            self._save()
        if job.ranks is not None:
            job.ranks.tell(not ends)
        if ends:
            job.interruption.leave(job.report.log, job.progress.steps)

    def _at_end(self, ended: list[Finished]) -> None:
        self._count(len(ended))
        if self.training.seeds:
            self._save()
        for one in ended:
            self.job.store(one, self.records.pop(one.record.seed))

    def _save(self) -> None:
        """Save every seed in training."""
        self._count()
        states, task = self.training.states(), self.job.task
        for seed, state in states.items():
            saved = {"training": state, "record": self.records[seed]}
            resume.save(task.unfinished(seed), saved, task.training_digest)
        self.training.clock.skip()
        self._saved_at = time.monotonic()

    def _count(self, ended: int = 0) -> None:
        """Share the time since the last count among the seeds, and note the most memory."""
        now = time.monotonic()
        seconds = (now - self._counted) / max(1, len(self.training.seeds) + ended)
        peak = devices.memory_peak_mb(self.job.device)
        for record in self.records.values():
            record["seconds"] += seconds
            record["peak_memory_mb"] = max(record["peak_memory_mb"], peak)
        self._counted = now


def _device_text(device: torch.device, together: int) -> str:
    """The device, and with how many seeds one has shared it: their times are shares, too."""
    name = devices.describe(device)
    return name if together == 1 else f"{name}, {together} seeds at once"
