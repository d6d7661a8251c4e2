"""What is known of a seed in training besides its tensors: epochs, best one, when it ends, rate."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from isotrope.params.schedule import Plateau
from isotrope.params.training import Training
from isotrope.training import schedules
from isotrope.training.chance_level import at_chance


@dataclass(frozen=True)
class EpochRow:
    """What is recorded of one epoch.

    Losses are means over what was counted, images or pixels; scores are fractions. Those of the
    training images are running: each batch is counted with the weights before its step, in training
    mode. ``train_seconds`` is the time of the training steps alone; of seeds that train together
    each has an equal share. ``more`` are further columns by their names: what a network's own loss
    reports, and loss and score of the split that is monitored.
    """

    seed: int
    epoch: int  # from 1
    train_loss: float
    train_score: float
    validation_loss: float | None  # none where there are no validation images
    validation_score: float | None
    train_seconds: float
    more: dict[str, float] = field(default_factory=dict)

    def cells(self, score: str, columns: Sequence[str]) -> dict[str, float]:
        """The row of ``history.csv``, of a score of that name.

        Args:
            score: the name of the score, as in ``accuracy``.
            columns: names in ``more`` that the table has; what is not known is not a number.
        """
        validated = {}
        if self.validation_loss is not None and self.validation_score is not None:
            validated = {
                "validation_loss": self.validation_loss,
                f"validation_{score}": self.validation_score,
            }
        return {
            "seed": self.seed,
            "epoch": self.epoch,
            "train_loss": self.train_loss,
            f"train_{score}": self.train_score,
            **validated,
            **{name: self.more.get(name, math.nan) for name in columns},
            "train_seconds": self.train_seconds,
        }


@dataclass
class SeedRecord:
    """A seed's history, and what follows from it.

    Args:
        seed: the seed.
        training: how it is trained.
        images: how many its scores are of: validation images, else training images.
        score: the name of the score, as in ``accuracy``.
        validated: whether there are validation images; without them the last epoch is kept.
    """

    seed: int
    training: Training
    images: int
    score: str = "accuracy"
    validated: bool = True
    history: list[EpochRow] = field(default_factory=list)
    diverged: bool = False
    best_epoch: int = 0  # the one that is kept; 0 are the initial weights
    best_score: float | None = None  # on the validation images, of that epoch
    best_loss: float | None = None
    top_score: float | None = None  # the best on the validation images, whatever is kept
    top_loss: float | None = None
    lowered: int = 0  # how often a plateau has lowered the learning rate
    waited: int = 0  # epochs since the best one, or since the rate was lowered

    @property
    def keeps_last(self) -> bool:
        """Whether the last epoch is kept, not the best one."""
        return self.training.keep == "last" or not self.validated

    @property
    def finished(self) -> bool:
        """Whether no epoch follows: the last is done, patience is spent, or the loss diverged."""
        done = len(self.history)
        stopping = self.training.early_stopping
        impatient = stopping is not None and done - self.best_epoch >= stopping.patience
        return self.diverged or impatient or done >= self.training.epochs

    def close(self, row: EpochRow) -> bool:
        """Add an epoch; whether its weights are those to be kept so far."""
        self.history.append(row)
        losses = [row.train_loss, *([] if row.validation_loss is None else [row.validation_loss])]
        self.diverged = not all(math.isfinite(loss) for loss in losses)
        improved = not self.diverged and self._is_better(row)
        better = improved or (self.keeps_last and not self.diverged)
        self.waited = 0 if improved else self.waited + 1
        if improved:
            self.top_score, self.top_loss = row.validation_score, row.validation_loss
        if better:
            self.best_score, self.best_loss = row.validation_score, row.validation_loss
            self.best_epoch = row.epoch
        schedule = self.training.optimizer.schedule
        if isinstance(schedule, Plateau) and self.waited >= schedule.patience:
            self.lowered, self.waited = self.lowered + 1, 0
        return better

    def _is_better(self, row: EpochRow) -> bool:
        """Whether an epoch is strictly better than the best one."""
        stopping = self.training.early_stopping
        if stopping is not None and stopping.by == "validation_loss":
            return row.validation_loss is not None and (
                self.top_loss is None or row.validation_loss < self.top_loss
            )
        return row.validation_score is not None and row.validation_score > (
            -1.0 if self.top_score is None else self.top_score
        )

    @property
    def columns(self) -> list[str]:
        """The further columns of the history, in their order."""
        return list(dict.fromkeys(name for row in self.history for name in row.more))

    def table(self) -> list[dict[str, float]]:
        """The rows of ``history.csv``."""
        columns = self.columns
        return [row.cells(self.score, columns) for row in self.history]

    def _collapsed(self, reached: float | None, classes: int) -> bool:
        """Whether a network is no better than guessing; of masks no score tells that."""
        if self.score != "accuracy":
            return False
        return reached is None or at_chance(reached, classes, self.images)

    def summary(self, classes: int) -> dict[str, Any]:
        """What ``run.json`` says of the seed's epochs, and whether it has learned anything.

        ``best_validation_accuracy`` is none where the score is another, or nothing is validated.
        """
        seconds = [row.train_seconds for row in self.history]
        reached = self.best_score if self.validated else self.history[-1].train_score
        if self.diverged:
            status = "diverged"
        else:
            status = "collapsed" if self._collapsed(reached, classes) else "done"
        best = {"best_validation_accuracy": None, f"best_validation_{self.score}": self.best_score}
        if self.training.early_stopping and self.training.early_stopping.by == "validation_loss":
            best["best_validation_loss"] = self.best_loss
        return {
            "seed": self.seed,
            "status": status,
            "epochs": len(self.history),
            "best_epoch": self.best_epoch,
            **best,
            "seconds_per_epoch_last": seconds[-1],
            "seconds_per_epoch_mean": math.fsum(seconds) / len(seconds),
        }

    def rates(self, step: int, per_epoch: int, groups: Sequence[str] = ("",)) -> list[float]:
        """The learning rate of every group in the next step, then the momentum.

        Args:
            step: steps of the optimizer that are done, of all epochs, and count for the schedule.
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
        """Take over what ``state`` returned, or an older version of this program."""
        for name in _KEPT:
            setattr(self, name, state.get(_OLDER.get(name, name), state.get(name)))
        self.history = [
            EpochRow(**{_NEWER.get(key, key): value for key, value in row.items()})
            for row in state["history"]
        ]


_KEPT = (
    *("diverged", "best_epoch", "best_score", "best_loss", "top_score", "top_loss"),
    *("lowered", "waited"),
)
# what unfinished seeds of before say; they kept the best epoch
_OLDER = {"best_score": "best_accuracy", "top_score": "best_accuracy"}
_NEWER = {"train_accuracy": "train_score", "validation_accuracy": "validation_score"}
