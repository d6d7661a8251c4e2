"""What a job trains, as the param-file and the command line say it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isotrope import devices, paths
from isotrope.packs.code_records import Code
from isotrope.params.training import Training
from isotrope.settings import Settings
from isotrope.training.initial_weights import Start


@dataclass(frozen=True)
class TrainingTask:
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
        stack: seeds that train at once, at most; as many as suit the device if none is given.
        start: the weights that the training begins with; drawn ones if there are none.
        eager: whether steps on a GPU are launched one by one, not replayed as CUDA graphs.
        selected: whether the pack's files stand for the chosen point of a sweep; its seeds are kept
            with the point's own.
        code: what its seeds are trained with.
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
    stack: int | None = None
    start: Start | None = None
    eager: bool = False
    selected: bool = False
    code: Code = field(default_factory=Code)

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
