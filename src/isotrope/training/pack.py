"""A pack: the seeds that one job trains, and the files that it promises.

Seeds that are finished in the store, or come with the project, are taken from there; the others are
trained, one after the other, and put into the store. Then the pack's files are written:
``weights.safetensors`` (every parameter and buffer with a leading axis of seeds), ``history.csv``
and ``run.json``.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from isotrope import dataset, devices, files, paths, registry
from isotrope.envelope import Training
from isotrope.errors import UserError
from isotrope.settings import Settings
from isotrope.training import provenance, resume, seeding, shipped, store
from isotrope.training.loop import Labelled, SeedTraining
from isotrope.training.outputs import OUTPUTS, assemble, shape_of
from isotrope.training.progress import PackProgress, Report, model_summary
from isotrope.training.signals import Interruption

COLLAPSED = 1.3  # times chance level: a network that is not better has learnt nothing


@dataclass(frozen=True)
class PackTask:
    """What a job trains.

    Args:
        run: the run's name, ``<model>/<dataset>/<variant>``.
        point: the point of its sweep, ``base`` without one.
        pack: the pack's name, ``<first seed>-<last seed>``.
        seeds: the seeds wanted of it.
        model_name: the model's name.
        model_params: the model's settings.
        dataset_name: the data set's name.
        dataset_params: the data set's settings.
        training: how to train.
        training_digest: stands for everything that the trained weights depend on.
        settings: the param-file as parsed, at this point; goes into ``run.json``.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: CPU threads of one operation.
        save_every: seconds between two savings of an unfinished seed.
        selected: whether the pack's files stand for the chosen point of a sweep; its seeds are kept
            with the point's own.
    """

    run: str
    point: str
    pack: str
    seeds: Sequence[int]
    model_name: str
    model_params: Settings
    dataset_name: str
    dataset_params: Settings
    training: Training
    training_digest: str
    settings: dict[str, Any]
    device: devices.DeviceName = "auto"
    threads: int = 1
    save_every: float = 30.0
    selected: bool = False

    @property
    def folder(self) -> Path:
        """The folder of the pack's files."""
        return paths.pack_folder(self.run, self._place, self.pack)

    @property
    def heartbeat(self) -> Path:
        """The file that says how the job fares."""
        return paths.heartbeat(self.run, self._place, self.pack)

    @property
    def _place(self) -> str:
        return paths.SELECTED if self.selected else self.point

    def stored(self, seed: int) -> Path:
        """The folder of a finished seed."""
        return paths.finished_seed(self.run, self.point, seed, self.training_digest)

    def unfinished(self, seed: int) -> Path:
        """The file of an unfinished seed."""
        return paths.resume_file(self.run, self.point, seed, self.training_digest)


def train_pack(task: PackTask, report: Report) -> None:
    """Train the seeds of a pack that are missing, and write the pack's files.

    Raises:
        UserError: if the device or the data are not there, the model does not take the images, a
            file cannot be written, or a stored seed is damaged or of another training.
        SystemExit: after a signal that asks the job to end; every unfinished seed is saved.
    """
    began = time.monotonic()
    device = devices.choose(task.device)
    shipped.take(task, report.log)
    missing = [seed for seed in task.seeds if not store.holds(task.stored(seed))]
    report.log(
        f"{task.run}, {task.point}, seeds {task.pack}: {len(missing)} to train, "
        f"{len(task.seeds) - len(missing)} are finished; {devices.describe(device)}, "
        f"{task.threads} CPU threads"
    )
    with devices.repeatable(device, task.threads), Interruption() as interruption:
        if missing:
            _PackJob(task, report, device, interruption, len(missing)).train(missing)
        assemble(task, device, began)
    for seed in task.seeds:  # what killed jobs left behind
        resume.discard(task.unfinished(seed))
        files.remove_parts(task.stored(seed))
    for path in (*(task.folder / name for name in OUTPUTS), task.heartbeat):
        files.remove_parts(path)
    task.heartbeat.unlink(missing_ok=True)


class _PackJob:
    """The training of a pack's missing seeds in one process."""

    def __init__(
        self,
        task: PackTask,
        report: Report,
        device: torch.device,
        interruption: Interruption,
        seeds: int,
    ) -> None:
        self.task = task
        self.report = report
        self.device = device
        self.interruption = interruption
        self.image_shape, self.classes = shape_of(task)
        self.train_images = self._load("train")
        self.validation_images = self._load("valid")
        report.log(
            f"{len(self.train_images.labels)} training and {len(self.validation_images.labels)} "
            f"validation images of {' x '.join(map(str, self.image_shape))}, {self.classes} classes"
        )
        self.progress = PackProgress(report, task.heartbeat, seeds, task.training.epochs)
        self._commit, self._versions = provenance.git_commit(), provenance.versions()

    def train(self, seeds: Sequence[int]) -> None:
        """Train seeds and store each when it is finished."""
        with self.progress:
            for place, seed in enumerate(seeds):
                devices.start_memory_peak(self.device)
                training = self._begin(seed)
                if place == 0:
                    for line in model_summary(training.network):
                        self.report.log(line)
                self._train_seed(training)

    def _load(self, split: str) -> Labelled:
        """The images of a split on the device."""
        found = dataset.load_split(self.task.dataset_name, self.task.dataset_params, split)
        return Labelled(found.images.to(self.device), found.labels.to(self.device))

    def _begin(self, seed: int) -> SeedTraining:
        """A network with the seed's initial weights; nothing is drawn between seed and model."""
        plugin = registry.load("models", self.task.model_name)
        seeding.seed_everything(seed)
        try:
            network: nn.Module = plugin.build(
                self.task.model_params, self.image_shape, self.classes
            )
        except ValueError as error:
            raise UserError(f"{self.task.run}: model {self.task.model_name}: {error}") from error
        return SeedTraining(
            network.to(self.device),
            seed,
            self.task.training,
            self.train_images,
            self.validation_images,
        )

    def _train_seed(self, training: SeedTraining) -> None:
        """Train a seed to its end from where the last job left it, saving it now and then."""
        task, path = self.task, self.task.unfinished(training.seed)
        record: dict[str, Any] = {"started": provenance.now(), "resumed": 0}
        record |= {"seconds": 0.0, "peak_memory_mb": 0.0}
        if (saved := resume.load(path, task.training_digest, self.report.log)) is not None:
            training.restore(saved["training"])
            record = {**saved["record"], "resumed": saved["record"]["resumed"] + 1}
        counted = saved_at = time.monotonic()

        def count() -> None:
            nonlocal counted
            now = time.monotonic()
            record["seconds"] += now - counted
            counted = now
            peak = devices.memory_peak_mb(self.device)
            record["peak_memory_mb"] = max(record["peak_memory_mb"], peak)

        def save() -> None:
            nonlocal saved_at
            count()
            resume.save(
                path, {"training": training.state(), "record": record}, task.training_digest
            )
            training.restart_clock()
            saved_at = time.monotonic()

        def after_step() -> None:
            self.progress.step()
            if self.interruption.signal is not None:
                save()
                self.interruption.leave(self.report.log, self.progress.steps)
            if time.monotonic() - saved_at >= task.save_every:
                save()

        self.progress.begin(training)
        training.run(after_step, self.progress.epoch)
        count()
        self._store(training, record)
        resume.discard(path)

    def _store(self, training: SeedTraining, record: dict[str, Any]) -> None:
        """Put a finished seed into the store."""
        seconds = [row.train_seconds for row in training.history]
        best = training.best_accuracy
        if training.diverged:
            status = "diverged"
        else:
            chance = 1 / self.classes
            status = "done" if best is not None and best > COLLAPSED * chance else "collapsed"
        summary = {
            "seed": training.seed,
            "status": status,
            "epochs": len(training.history),
            "best_epoch": training.best_epoch,
            "best_validation_accuracy": best,
            "seconds": round(record["seconds"], 3),
            "seconds_per_epoch_last": seconds[-1],
            "seconds_per_epoch_mean": math.fsum(seconds) / len(seconds),
            "peak_memory_mb": record["peak_memory_mb"],
            "device": devices.describe(self.device),
            "threads": self.task.threads,
            "versions": self._versions,
            "git_commit": self._commit,
            "started": record["started"],
            "finished": provenance.now(),
            "resumed": record["resumed"],
            "training_digest": self.task.training_digest,
        }
        folder = self.task.stored(training.seed)
        store.save(folder, training.best_weights, training.history, summary)
        self.progress.end(status)
