"""The training of one seed: a plain loop that can be left at any step and taken up again.

Source: Altstidl et al., "Just a Matter of Scale? Reevaluating Scale Equivariance in Convolutional
Neural Networks", 2022, https://arxiv.org/abs/2211.10288, and its published code: Adam without
weight decay or schedule, cross-entropy, every epoch in the same order, the last partial batch kept,
early stopping on a strictly better validation accuracy, the best epoch's weights kept.
Differs from the published code: validation takes larger batches (the same numbers up to rounding),
and a loss that is not finite ends the seed.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope import devices
from isotrope.envelope import Training
from isotrope.training import seeding
from isotrope.training.augmentation import augmented

Weights = dict[str, Tensor]


class Labelled(NamedTuple):
    """Images and their classes on the device that trains.

    Shapes:
        images: ``(n, channels, height, width)`` uint8 in 0..255
        labels: ``(n,)`` int64
    """

    images: Tensor
    labels: Tensor


@dataclass(frozen=True)
class EpochRow:
    """What is recorded of one epoch.

    Losses are means over images, accuracies fractions. Those of the training images are running:
    each batch is counted with the weights before its step, in training mode. ``train_seconds`` is
    the time of the training steps alone.
    """

    seed: int
    epoch: int  # from 1
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    train_seconds: float


def to_unit(images: Tensor) -> Tensor:
    """Images of 0..255 (uint8) as float32 in 0..1, as networks take them."""
    return images.to(torch.float32).div_(255)


class SeedTraining:
    """A network in training: it runs, says where it is, and can be put back to where it was.

    Args:
        network: with its initial weights, on the device of the images.
        seed: the network's seed.
        training: how to train.
        train: the training images in their fixed order.
        validation: the images that choose the best epoch.
    """

    def __init__(
        self,
        network: nn.Module,
        seed: int,
        training: Training,
        train: Labelled,
        validation: Labelled,
    ) -> None:
        self.network = network
        self.seed = seed
        self.training = training
        self.train = train
        self.validation = validation
        self.device = train.images.device
        self.optimizer = torch.optim.Adam(network.parameters(), lr=training.optimizer.learning_rate)
        self.steps = math.ceil(len(train.labels) / training.batch_size)
        self.position = 0  # steps done of the epoch in hand
        self.history: list[EpochRow] = []
        self.diverged = False
        self.best_epoch = 0  # 0 are the initial weights
        self.best_accuracy: float | None = None
        self.best_weights = self._copy_weights()
        self._train_seconds = 0.0  # of the epoch in hand
        self._clock: float | None = None  # when it was read last, while it runs
        self._clear_sums()

    @property
    def finished(self) -> bool:
        """Whether no epoch follows: the last is done, patience is spent, or the loss diverged."""
        done = len(self.history)
        stopping = self.training.early_stopping
        impatient = stopping is not None and done - self.best_epoch >= stopping.patience
        return self.diverged or impatient or done >= self.training.epochs

    def run(self, after_step: Callable[[], None], after_epoch: Callable[[], None]) -> None:
        """Train until finished.

        Args:
            after_step: called after each training step and each batch of validation images; it
                may ask for ``state`` and may end the training by an exception.
            after_epoch: called when an epoch's row has joined the history.
        """
        while not self.finished:
            self._train_epoch(after_step)
            loss, accuracy = self._mean(self._loss_sum, self._correct, len(self.train.labels))
            if math.isfinite(loss):
                validation_loss, validation_accuracy = self.validate(after_step)
            else:
                validation_loss = validation_accuracy = math.nan
            self._close_epoch(loss, accuracy, validation_loss, validation_accuracy)
            after_epoch()

    def _train_epoch(self, after_step: Callable[[], None]) -> None:
        """The rest of the epoch in hand, step by step."""
        size, order = self.training.batch_size, None
        if self.training.reshuffle:
            count, epoch = len(self.train.labels), len(self.history) + 1
            order = seeding.epoch_order(self.seed, epoch, count).to(self.device)
        self.network.train()
        self._clock = time.perf_counter()
        while self.position < self.steps:
            chosen: slice | Tensor = slice(self.position * size, (self.position + 1) * size)
            if order is not None:
                chosen = order[chosen]
            self._step(self.train.images[chosen], self.train.labels[chosen])
            self.position += 1
            after_step()
        self._read_clock()
        self._clock = None

    def _step(self, images: Tensor, labels: Tensor) -> None:
        """One step of the optimizer; sums stay on the device, so that nothing waits for them."""
        inputs = to_unit(images)
        if (jitter := self.training.augmentation) is not None:
            epoch = len(self.history) + 1
            inputs = augmented(inputs, jitter, self.seed, epoch, self.position)
        logits = self.network(inputs)
        loss = F.cross_entropy(logits, labels)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self._loss_sum += loss.detach().double() * len(labels)
        self._correct += (logits.detach().argmax(dim=1) == labels).sum()

    def validate(self, after_batch: Callable[[], None]) -> tuple[float, float]:
        """Mean loss and accuracy on the validation images."""
        size = devices.evaluation_batch(self.device)
        loss = torch.zeros((), dtype=torch.float64, device=self.device)
        correct = torch.zeros((), dtype=torch.int64, device=self.device)
        self.network.eval()
        for start in range(0, len(self.validation.labels), size):
            images, labels = (tensor[start : start + size] for tensor in self.validation)
            with torch.inference_mode():
                logits = self.network(to_unit(images))
                loss += F.cross_entropy(logits, labels, reduction="sum").double()
                correct += (logits.argmax(dim=1) == labels).sum()
            after_batch()
        return self._mean(loss, correct, len(self.validation.labels))

    def _close_epoch(
        self, loss: float, accuracy: float, validation_loss: float, validation_accuracy: float
    ) -> None:
        """Add the epoch to the history and keep its weights if it is the best."""
        epoch = len(self.history) + 1
        self.diverged = not (math.isfinite(loss) and math.isfinite(validation_loss))
        row = EpochRow(
            seed=self.seed,
            epoch=epoch,
            train_loss=loss,
            train_accuracy=accuracy,
            validation_loss=validation_loss,
            validation_accuracy=validation_accuracy,
            train_seconds=self._train_seconds,
        )
        self.history.append(row)
        if not self.diverged and validation_accuracy > (
            -1.0 if self.best_accuracy is None else self.best_accuracy
        ):
            self.best_accuracy, self.best_epoch = validation_accuracy, epoch
            self.best_weights = self._copy_weights()
        self.position, self._train_seconds = 0, 0.0
        self._clear_sums()

    def state(self) -> dict[str, Any]:
        """All that is needed to go on from here, as ``restore`` takes it.

        Holds tensors, numbers and words in plain dicts and lists; the tensors are those in use.
        """
        self._read_clock()
        return {
            "seed": self.seed,
            "position": self.position,
            "history": [asdict(row) for row in self.history],
            "diverged": self.diverged,
            "best_epoch": self.best_epoch,
            "best_accuracy": self.best_accuracy,
            "best_weights": self.best_weights,
            "weights": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "loss_sum": self._loss_sum,
            "correct": self._correct,
            "train_seconds": self._train_seconds,
            "random": seeding.random_state(self.device),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state, with tensors of any device."""
        self.network.load_state_dict(state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.position = state["position"]
        self.history = [EpochRow(**row) for row in state["history"]]
        self.diverged = state["diverged"]
        self.best_epoch = state["best_epoch"]
        self.best_accuracy = state["best_accuracy"]
        best: Weights = state["best_weights"]
        self.best_weights = {name: value.to(self.device) for name, value in best.items()}
        self._loss_sum = state["loss_sum"].to(self.device)
        self._correct = state["correct"].to(self.device)
        self._train_seconds = state["train_seconds"]
        seeding.restore_random_state(state["random"], self.device)

    def restart_clock(self) -> None:
        """Leave out the time since ``state`` was asked for, if the clock runs."""
        if self._clock is not None:
            self._clock = time.perf_counter()

    def _read_clock(self) -> None:
        """Add the time since the clock was read last, if it runs."""
        if self._clock is not None:
            devices.synchronize(self.device)
            now = time.perf_counter()
            self._train_seconds += now - self._clock
            self._clock = now

    def _clear_sums(self) -> None:
        self._loss_sum = torch.zeros((), dtype=torch.float64, device=self.device)
        self._correct = torch.zeros((), dtype=torch.int64, device=self.device)

    def _copy_weights(self) -> Weights:
        return {name: value.detach().clone() for name, value in self.network.state_dict().items()}

    @staticmethod
    def _mean(loss_sum: Tensor, correct: Tensor, count: int) -> tuple[float, float]:
        """Mean loss and accuracy; waits for the device."""
        return float(loss_sum) / count, int(correct) / count
