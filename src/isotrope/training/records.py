"""What is known of a seed in training besides its tensors: epochs, best one, when it ends, rate."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from isotrope.params.schedule import Plateau
from isotrope.params.training import Training
from isotrope.training import schedules

COLLAPSED = 1.3  # times chance level: a network that is not better has learnt nothing


@dataclass(frozen=True)
class EpochRow:
    """What is recorded of one epoch.

    Losses are means over images, accuracies fractions. Those of the training images are running:
    each batch is counted with the weights before its step, in training mode. ``train_seconds`` is
    the time of the training steps alone; of seeds that train together each has an equal share.
    """

    seed: int
    epoch: int  # from 1
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    train_seconds: float


@dataclass
class SeedRecord:
    """A seed's history, and what follows from it.

    Args:
        seed: the seed.
        training: how it is trained.
    """

    seed: int
    training: Training
    history: list[EpochRow] = field(default_factory=list)
    diverged: bool = False
    best_epoch: int = 0  # 0 are the initial weights
    best_accuracy: float | None = None
    lowered: int = 0  # how often a plateau has lowered the learning rate
    waited: int = 0  # epochs since the best one, or since the rate was lowered

    @property
    def finished(self) -> bool:
        """Whether no epoch follows: the last is done, patience is spent, or the loss diverged."""
        done = len(self.history)
        stopping = self.training.early_stopping
        impatient = stopping is not None and done - self.best_epoch >= stopping.patience
        return self.diverged or impatient or done >= self.training.epochs

    def close(self, row: EpochRow) -> bool:
        """Add an epoch; whether it is the best so far."""
        self.history.append(row)
        self.diverged = not (math.isfinite(row.train_loss) and math.isfinite(row.validation_loss))
        better = not self.diverged and row.validation_accuracy > (
            -1.0 if self.best_accuracy is None else self.best_accuracy
        )
        self.waited = 0 if better else self.waited + 1
        if better:
            self.best_accuracy, self.best_epoch = row.validation_accuracy, row.epoch
        schedule = self.training.optimizer.schedule
        if isinstance(schedule, Plateau) and self.waited >= schedule.patience:
            self.lowered, self.waited = self.lowered + 1, 0
        return better

    def summary(self, classes: int) -> dict[str, Any]:
        """What ``run.json`` says of the seed's epochs, and whether it has learned anything."""
        seconds = [row.train_seconds for row in self.history]
        if self.diverged:
            status = "diverged"
        else:
            learned = self.best_accuracy is not None and self.best_accuracy > COLLAPSED / classes
            status = "done" if learned else "collapsed"
        return {
            "seed": self.seed,
            "status": status,
            "epochs": len(self.history),
            "best_epoch": self.best_epoch,
            "best_validation_accuracy": self.best_accuracy,
            "seconds_per_epoch_last": seconds[-1],
            "seconds_per_epoch_mean": math.fsum(seconds) / len(seconds),
        }

    def rates(self, step: int, per_epoch: int, groups: Sequence[str] = ("",)) -> list[float]:
        """The learning rate of every group in the next step, then the momentum.

        Args:
            step: steps of the optimizer that are done, of all epochs.
            per_epoch: steps of the optimizer in an epoch.
            groups: the names of the model's groups of parameters.
        """
        position = schedules.Position(step, per_epoch, self.training.epochs, self.lowered)
        return schedules.rates(self.training.optimizer, groups, position)

    def state(self) -> dict[str, Any]:
        """The record as numbers and words, as ``restore`` takes it."""
        values = {name: getattr(self, name) for name in _KEPT}
        return {**values, "history": [asdict(row) for row in self.history]}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what ``state`` returned."""
        for name in _KEPT:
            setattr(self, name, state[name])
        self.history = [EpochRow(**row) for row in state["history"]]


_KEPT = ("diverged", "best_epoch", "best_accuracy", "lowered", "waited")
