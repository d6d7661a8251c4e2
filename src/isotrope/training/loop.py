"""The training of some seeds in lockstep: a plain loop that can be left and taken up at any step.

Source: Altstidl et al., "Just a Matter of Scale? Reevaluating Scale Equivariance in Convolutional
Neural Networks", 2022, https://arxiv.org/abs/2211.10288, and its published code: Adam without
weight decay or schedule, cross-entropy, every epoch in the same order, the last partial batch kept,
early stopping on a strictly better validation accuracy, the best epoch's weights kept.
Differs from the published code: validation takes larger batches (the same numbers up to rounding),
and a loss that is not finite ends the seed.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from isotrope import devices
from isotrope.datasets.images import Images, to_unit
from isotrope.datasets.stream import Split
from isotrope.params.optimizer import Adam
from isotrope.params.training import Training
from isotrope.training import seeding
from isotrope.training.batches import Batches
from isotrope.training.data_parallel import Shared
from isotrope.training.distributed import Ranks
from isotrope.training.engines import Batch, Engine, Weights
from isotrope.training.records import EpochRow, SeedRecord
from isotrope.training.single import Alone
from isotrope.training.stacked import Stacked
from isotrope.training.stopwatch import Stopwatch


class Finished(NamedTuple):
    """A seed that has ended.

    Args:
        record: its history.
        weights: those of its best epoch, the initial ones if there is none.
    """

    record: SeedRecord
    weights: Weights


class LockstepTraining:
    """Networks in training at the same step of the same epoch, each with a seed of its own.

    A seed that ends (by patience, divergence or its last epoch) leaves; its row of the stack is
    computed on, and what it gives is nobody's, until half of the rows are such: then the stack
    is built anew without them.

    Args:
        networks: each seed's network with its initial weights, on the device of the images. One
            trains by itself, several are stacked.
        seeds: the seeds.
        training: how to train.
        train: the training images in their fixed order.
        validation: the images that choose the best epoch.
        rows: for each seed its row; and
        width: the number of rows, where a stack is taken up again that has lost some.
        ranks: the processes that train one seed together, if there are several.
        subsets: for each seed the indices of its own training images; all images without.

    Raises:
        ValueError: if the networks cannot be stacked.
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        seeds: Sequence[int],
        training: Training,
        train: Split,
        validation: Split,
        rows: Sequence[int] | None = None,
        width: int | None = None,
        ranks: Ranks | None = None,
        subsets: Mapping[int, Tensor] | None = None,
    ) -> None:
        self.training = training
        self.train = train
        self.validation = validation
        self.device = next(networks[0].parameters()).device
        self.batches = Batches(train, training, self.device, subsets)
        self.position = 0  # steps done of the epoch in hand
        self._rows = dict(zip(seeds, range(len(seeds)) if rows is None else rows, strict=True))
        self.records = {seed: SeedRecord(seed, training) for seed in seeds}
        width = width or len(seeds)
        by_row = dict(zip(self._rows.values(), networks, strict=True))
        filled = [by_row.get(row, networks[0]) for row in range(width)]
        self.ranks = ranks
        self.engine = _engine(filled, width, training, ranks)
        self._best = {seed: self.engine.weights(row) for seed, row in self._rows.items()}
        self.clock = Stopwatch(self.device)  # of the epoch in hand, of all seeds together
        self._clear_sums()

    @property
    def seeds(self) -> list[int]:
        """The seeds that are in training."""
        return list(self._rows)

    @property
    def epochs(self) -> int:
        """The epochs that are done."""
        return max((len(record.history) for record in self.records.values()), default=0)

    @property
    def share(self) -> float:
        """How much of the epoch in hand is done, from 0 to 1."""
        return self.position / self.batches.steps

    @property
    def stacked(self) -> bool:
        """Whether several rows are computed at once."""
        return self.engine.rows > 1

    def run(
        self,
        after_step: Callable[[], None],
        after_epoch: Callable[[], None],
        at_end: Callable[[list[Finished]], None],
    ) -> None:
        """Train until every seed has ended.

        Args:
            after_step: called after each training step and each batch of validation images; it
                may ask for ``states`` and may end the training by an exception.
            after_epoch: called when an epoch's rows have joined the histories.
            at_end: called with the seeds that have ended with an epoch, when the others are
                ready for the next.
        """
        while self._rows:
            self._train_epoch(after_step)
            loss, correct = self._loss_sum.tolist(), self._correct.tolist()
            if any(math.isfinite(loss[row]) for row in self._rows.values()):
                validation = self.validate(after_step)
            else:
                validation = [(math.nan, math.nan)] * self.engine.rows
            self._close_epoch(loss, correct, validation)
            after_epoch()
            if ended := self._leave():
                at_end(ended)

    def _train_epoch(self, after_step: Callable[[], None]) -> None:
        """The rest of the epoch in hand, step by step."""
        epoch, seeds = self.epochs + 1, self._row_seeds
        drawn = self.batches.epoch(epoch, seeds, self.engine.network)
        self.clock.start()
        for batch in drawn.batches(self.position):
            losses, correct = self.engine.step(batch, self._rates())
            self._loss_sum += losses * self.batches.size(self.position)
            self._correct += correct
            self.position += 1
            after_step()
        self.clock.stop()

    @property
    def _row_seeds(self) -> list[int]:
        """The seed of each row; one whose seed has ended sees what the first of the others does."""
        by_row = {row: seed for seed, row in self._rows.items()}
        return [by_row.get(row, self.seeds[0]) for row in range(self.engine.rows)]

    def _rates(self) -> list[float]:
        """The learning rate of each row."""
        steps = self.batches.steps
        done = self.epochs * steps + self.position
        return [self.records[seed].rates(done, steps)[0] for seed in self._row_seeds]

    def validate(self, after_batch: Callable[[], None]) -> list[tuple[float, float]]:
        """Mean loss and accuracy of each row on the validation images."""
        size = self._tested_at_once
        losses, corrects = self._zeros(torch.float64), self._zeros(torch.int64)
        for images in self.validation.batches(size):
            loss, correct = self.engine.test(self._tested(images))
            losses += loss
            corrects += correct
            after_batch()
        count = len(self.validation)
        return [
            (loss / count, correct / count)
            for loss, correct in zip(losses.tolist(), corrects.tolist(), strict=True)
        ]

    @property
    def _tested_at_once(self) -> int:
        """Validation images of a batch; those of a stack take its rows' share of the memory."""
        size = devices.evaluation_batch(self.device)
        return max(self.training.batch_size, size // self.engine.rows) if self.stacked else size

    def _close_epoch(
        self, losses: list[float], correct: list[int], validation: list[tuple[float, float]]
    ) -> None:
        """Add the epoch to each history, and keep the weights of those whose best it is."""
        count, seconds = self.batches.count, self.clock.seconds / len(self._rows)
        epoch = self.epochs + 1
        for seed, row in self._rows.items():
            finite = math.isfinite(losses[row])
            validation_loss, accuracy = validation[row] if finite else (math.nan, math.nan)
            closed = EpochRow(
                seed=seed,
                epoch=epoch,
                train_loss=losses[row] / count,
                train_accuracy=correct[row] / count,
                validation_loss=validation_loss,
                validation_accuracy=accuracy,
                train_seconds=seconds,
            )
            if self.records[seed].close(closed):
                self._best[seed] = self.engine.weights(row)
        self.position, self.clock.seconds = 0, 0.0
        self._clear_sums()

    def _leave(self) -> list[Finished]:
        """Part with the seeds that have ended, and with their rows if they are half of all."""
        gone = [seed for seed in self.seeds if self.records[seed].finished]
        for seed in gone:
            del self._rows[seed]
        if self._rows and 2 * len(self._rows) <= self.engine.rows:
            states = [self.engine.state(row) for row in self._rows.values()]
            network = self.engine.network
            self.engine = _engine([network] * len(states), len(states), self.training, self.ranks)
            for row, state in enumerate(states):
                self.engine.restore(row, state)
            self._rows = {seed: row for row, seed in enumerate(self._rows)}
            self._clear_sums()
        return [Finished(self.records.pop(seed), self._best.pop(seed)) for seed in gone]

    def try_out(self, steps: int) -> None:
        """Do the first step so many times, then test a batch; the training is of no use after."""
        seeds = self._row_seeds
        drawn = self.batches.epoch(1, seeds, self.engine.network)
        for _ in range(steps):
            self.engine.step(drawn.at(0), self._rates())
        self.engine.test(self._tested(self.validation[: self._tested_at_once]))

    def rehearse(self) -> None:
        """Compute a batch of every size that comes; the training is of no use after."""
        seeds, last = self._row_seeds, self.batches.steps - 1
        drawn = self.batches.epoch(1, seeds, self.engine.network)
        for position in dict.fromkeys((0, last)):
            self.engine.step(drawn.at(position), self._rates())
        size, count = self._tested_at_once, len(self.validation)
        for start in dict.fromkeys((0, (count - 1) // size * size)):
            self.engine.test(self._tested(self.validation[start : start + size]))

    def _tested(self, images: Images) -> Batch:
        """Validation images as networks take them."""
        images = images.to(self.device)
        return Batch(to_unit(images.images), images.labels.long())

    def states(self) -> dict[int, dict[str, Any]]:
        """For each seed all that is needed to go on from here, as ``restore`` takes it.

        Holds tensors, numbers and words in plain dicts and lists; the tensors are those in use.
        """
        self.clock.read()
        together = {"seeds": self.seeds, "width": self.engine.rows}
        return {
            seed: {
                "stack": {**together, "row": row},
                "seed": seed,
                "epochs": self.epochs,
                "position": self.position,
                "record": self.records[seed].state(),
                "best_weights": self._best[seed],
                "engine": self.engine.state(row),
                "loss_sum": self._loss_sum[row].clone(),
                "correct": self._correct[row].clone(),
                "train_seconds": self.clock.seconds,
                "random": seeding.random_state(self.device),
            }
            for seed, row in self._rows.items()
        }

    def restore(self, states: Mapping[int, dict[str, Any]]) -> None:
        """Go back to a state of every seed, all at the same step, with tensors of any device."""
        for seed, row in self._rows.items():
            state = states[seed]
            self.records[seed].restore(state["record"])
            self.engine.restore(row, state["engine"])
            best: Weights = state["best_weights"]
            self._best[seed] = {name: value.to(self.device) for name, value in best.items()}
            self._loss_sum[row] = state["loss_sum"].to(self.device)
            self._correct[row] = state["correct"].to(self.device)
            self.position, self.clock.seconds = state["position"], state["train_seconds"]
            seeding.restore_random_state(state["random"], self.device)

    def _clear_sums(self) -> None:
        self._loss_sum, self._correct = self._zeros(torch.float64), self._zeros(torch.int64)

    def _zeros(self, dtype: torch.dtype) -> Tensor:
        """A number for each row."""
        return torch.zeros(self.engine.rows, dtype=dtype, device=self.device)


def _engine(
    networks: Sequence[nn.Module], width: int, training: Training, ranks: Ranks | None
) -> Engine:
    """What computes the steps of ``width`` networks."""
    optimizer = training.optimizer
    plain = optimizer.model_copy(update={"schedule": None, "warm_up": None, "learning_rate": 1.0})
    if plain != Adam(name="adam", learning_rate=1.0) or optimizer.cycles_momentum:
        raise ValueError(f"the optimizer {optimizer.name} cannot be trained with here yet")
    if width > 1:
        return Stacked(networks, training)
    return Alone(networks[0], training) if ranks is None else Shared(networks[0], training, ranks)
