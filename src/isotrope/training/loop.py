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
from contextlib import closing
from typing import Any, NamedTuple

from torch import Tensor, nn

from isotrope import devices
from isotrope.datasets.draws import is_stochastic, noise_of_images
from isotrope.datasets.images import Images
from isotrope.datasets.stream import Split
from isotrope.errors import UserError
from isotrope.files.arrays import Array
from isotrope.params.training import Training
from isotrope.training import seeding
from isotrope.training.batches import Batches
from isotrope.training.data_parallel import DataParallel
from isotrope.training.distributed import Ranks
from isotrope.training.engines import Engine, Part, Weights
from isotrope.training.epoch_rates import EpochRates
from isotrope.training.monitoring import Recordings
from isotrope.training.objective import Objective
from isotrope.training.records import EpochRow, SeedRecord
from isotrope.training.single import Single
from isotrope.training.stacked import Stacked
from isotrope.training.steps import Limits, Steps, Tested, Workshop
from isotrope.training.stopwatch import Stopwatch
from isotrope.training.sums import Result, of_older_state

UNKNOWN = Result(math.nan, math.nan, {})


class HeldOut(NamedTuple):
    """Images that networks are tested on while they train.

    Args:
        validation: choose the best epoch; none, if the last one is kept.
        monitored: their loss and score join the history, and choose nothing.
        draws: predictions of a stochastic network that are averaged for an image.
    """

    validation: Split | None
    monitored: Split | None = None
    draws: int = 1


class Finished(NamedTuple):
    """A seed that has ended.

    Args:
        record: its history.
        weights: those of the epoch that is kept, the initial ones if there is none.
        recordings: what was recorded of it, by name.
    """

    record: SeedRecord
    weights: Weights
    recordings: dict[str, Array]


class LockstepTraining:
    """Networks in training at the same step of the same epoch, each with a seed of its own.

    A seed that ends (by patience, divergence or its last epoch) leaves. Its row of the stack is
    still computed, and its outputs are ignored; when half of the seeds have ended, the stack is
    rebuilt without them.

    Args:
        networks: each seed's network with its initial weights, on the device that trains. One
            trains by itself, several are stacked.
        seeds: the seeds.
        training: how to train.
        train: the training images in their fixed order.
        held_out: the images that networks are tested on.
        rows: for each seed its row; and
        width: the number of rows, where a stack is taken up again that has lost some.
        ranks: the processes that train one seed together, if there are several.
        subsets: for each seed the indices of its own training images; all images without.
        limits: how much is computed at once; those that suit the device, if none are given.
        workshop: what it shares with trainings that differ in their seeds alone.
        classes: of the data set; a network that answers for another number is refused with its
            first batch. Not compared without.

    Raises:
        ValueError: if the networks cannot be stacked, or do not fit how they are to be trained.
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        seeds: Sequence[int],
        training: Training,
        train: Split,
        held_out: HeldOut,
        rows: Sequence[int] | None = None,
        width: int | None = None,
        ranks: Ranks | None = None,
        subsets: Mapping[int, Tensor] | None = None,
        limits: Limits | None = None,
        workshop: Workshop | None = None,
        classes: int | None = None,
    ) -> None:
        self.training = training
        self.train = train
        self.held_out = held_out
        self.device = next(networks[0].parameters()).device
        self.batches = Batches(train, training, self.device, subsets)
        self.position = 0  # batches done of the epoch in hand
        self.objective = Objective(training.objective, train.kind, classes)
        validated = held_out.validation is not None
        scored = self.batches.count if held_out.validation is None else len(held_out.validation)
        _check(training, self.objective, validated)
        self._rows = dict(zip(seeds, range(len(seeds)) if rows is None else rows, strict=True))
        score = self.objective.score_name
        self.records = {
            seed: SeedRecord(seed, training, scored, score, validated) for seed in seeds
        }
        width = width or len(seeds)
        by_row = dict(zip(self._rows.values(), networks, strict=True))
        filled = [by_row.get(row, networks[0]) for row in range(width)]
        self.ranks = ranks
        self.limits = limits or Limits.of(self.device)
        self.workshop = workshop or Workshop()
        self.steps = self._steps(filled)
        self._best = {seed: self.engine.weights(row) for seed, row in self._rows.items()}
        self.recordings = Recordings(training.monitor)
        self.clock = Stopwatch(self.device)  # of the epoch in hand, of all seeds together
        self._drawn: dict[tuple[int, int, int], Any] = {}  # for test images: by seed and images

    def _steps(self, networks: Sequence[nn.Module]) -> Steps:
        """The steps of these networks, which begin anew: new ones, or such as are known."""
        key = (len(networks), self.limits)
        if (known := self.workshop.known.get(key)) is not None:
            known.begin(networks)
            return known
        steps = Steps(self._engine(networks), self.batches, self.limits, self.workshop)
        if self.ranks is None:
            self.workshop.known[key] = steps
        return steps

    def _engine(self, networks: Sequence[nn.Module]) -> Engine:
        """What computes the steps of these networks."""
        if len(networks) > 1:
            return Stacked(networks, self.training, self.objective)
        if self.ranks is None:
            return Single(networks[0], self.training, self.objective)
        return DataParallel(networks[0], self.training, self.objective, self.ranks)

    @property
    def engine(self) -> Engine:
        """What computes the steps."""
        return self.steps.engine

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
        before_end: Callable[[], None] = lambda: None,
    ) -> None:
        """Train until every seed has ended.

        Args:
            after_step: called after each training step and each batch of test images; it may ask
                for ``states`` and may end the training by an exception.
            after_epoch: called when an epoch's rows have joined the histories.
            at_end: called with the seeds that have ended with an epoch, when the others are
                ready for the next.
            before_end: called before that, when ``states`` still tells of all of them.
        """
        if self._some_finished:  # all was saved, and not all stored
            at_end(self._leave())
        while self._rows:
            if self.epochs == 0 and self.position == 0:
                self.recordings.take(0, self.engine, self._rows)
            self._train_epoch(after_step)
            trained = self.steps.trained.results(self.objective)
            finite = any(math.isfinite(trained[row].loss) for row in self._rows.values())
            validation = self.validate(after_step) if finite else [UNKNOWN] * self.engine.rows
            monitored = self._monitor(after_step) if finite else None
            self._close_epoch(trained, validation, monitored)
            self.recordings.take(self.epochs, self.engine, self._rows)
            after_epoch()
            if self._some_finished:
                before_end()
                at_end(self._leave())

    def _train_epoch(self, after_step: Callable[[], None]) -> None:
        """The rest of the epoch in hand, batch by batch."""
        epoch = self.epochs + 1
        drawn = self.batches.epoch(epoch, self._row_seeds, self.engine.network)
        self._write_schedules()
        self.clock.start()
        plan = self._planned()
        with closing(drawn.steps(self.position)) as steps:
            for step in steps:
                part = self._part(self.position)
                if part.first:
                    self._write("on_step", *self._steps_of(self.position))
                plan.set(self.position)
                self.steps.train(step, part)
                self.position += 1
                after_step()
        self.clock.stop()

    def _planned(self) -> EpochRates:
        """The rates and keys of the epoch in hand."""
        rates = [self._rates(position) for position in range(self.batches.steps)]
        keys = None
        if self.engine.has_dropout:
            epoch, seeds = self.epochs + 1, self._row_seeds
            keys = [
                [seeding.dropout_key(seed, epoch, position) for seed in seeds]
                for position in range(self.batches.steps)
            ]
        return EpochRates(self.engine, rates, keys, self.device)

    def _part(self, position: int) -> Part:
        """The part of a batch in its step of the optimizer."""
        every, accumulate = self.training.batches_per_step, self.training.accumulate
        start = position - position % every
        stop = min(start + every, self.batches.steps)
        averaged = accumulate is not None and accumulate.reduce == "mean" and stop - start > 1
        return Part(averaged, first=position == start, last=position == stop - 1)

    def _steps_of(self, position: int) -> tuple[int, int]:
        """Steps of the optimizer before a batch of the epoch in hand, and those of all epochs."""
        done = self.epochs * self._steps_per_epoch + position // self.training.batches_per_step
        return done, self.training.epochs * self._steps_per_epoch

    def _advances_before(self, position: int) -> int:
        """How often the schedule has gone on before a batch of the epoch in hand."""
        if not self.training.schedule_advances_by_whole_groups:
            return self._steps_of(position)[0]
        every = self.training.batches_per_step
        return self.epochs * (self.batches.steps // every) + position // every

    @property
    def _steps_per_epoch(self) -> int:
        """Steps of the optimizer in an epoch."""
        return math.ceil(self.batches.steps / self.training.batches_per_step)

    def _write_schedules(self) -> None:
        """Set the buffers that a network schedules to their values at this place of an epoch."""
        self._write("on_epoch", self.epochs, self.training.epochs)
        if self.position:
            self._write("on_step", *self._steps_of(self.position - 1))

    def _write(self, hook: str, done: int, whole: int) -> None:
        """Set the buffers that a hook of the network gives; every row is at the same place."""
        network: Any = self.engine.network
        if hasattr(network, hook):
            values = getattr(network, hook)(done, whole)
            if lost := sorted(set(values) - set(network.state_dict())):
                raise UserError(
                    f"{hook} sets {lost[0]}, which is not kept with the weights: it would be "
                    "another where the network is tested; register it as a persistent buffer"
                )
            self.engine.write(values)

    @property
    def _row_seeds(self) -> list[int]:
        """The seed of each row; one whose seed has ended sees what the first of the others does."""
        by_row = {row: seed for seed, row in self._rows.items()}
        return [by_row.get(row, self.seeds[0]) for row in range(self.engine.rows)]

    def _rates(self, position: int) -> list[list[float]]:
        """For each row the learning rate of every group, then the momentum, of a batch."""
        done = self._advances_before(position)
        groups = self.engine.layout.group_names
        known: dict[int, list[float]] = {}
        for record in self.records.values():
            if record.lowered not in known:
                known[record.lowered] = record.rates(done, self._steps_per_epoch, groups)
        return [known[self.records[seed].lowered] for seed in self._row_seeds]

    def validate(self, after_batch: Callable[[], None]) -> list[Result] | None:
        """What each row's network reaches on the validation images; none where there are none."""
        split = self.held_out.validation
        return None if split is None else self._test(split, after_batch)

    def _monitor(self, after_batch: Callable[[], None]) -> list[Result] | None:
        """What each row's network reaches on the monitored images, if that is due."""
        split = self.held_out.monitored
        if split is None or not self.recordings.is_due(self.epochs + 1):
            return None
        return self._test(split, after_batch)

    def _test(self, split: Split, after_batch: Callable[[], None]) -> list[Result]:
        """What each row's network reaches on some images."""
        self.steps.tested.begin()
        start = 0
        with closing(split.batches(self._tested_at_once)) as batches:
            for images in batches:
                self.steps.test(self._test_batch(images, start))
                start += len(images)
                after_batch()
        return self.steps.tested.results(self.objective)

    def _test_batch(self, images: Images, start: int) -> Tested:
        """Images as networks are tested on them, the first number ``start`` of their split."""
        images = images.to(self.device)
        noises = []
        if is_stochastic(self.engine.network):
            numbers = range(start, start + len(images))
            noises = [self._noises(seed, numbers) for seed in self._row_seeds]
        return Tested(images.images, images.labels, noises)

    def _noises(self, seed: int, numbers: range) -> tuple[Any, ...]:
        """What a seed's network draws for some images, the same in every epoch."""
        key = (seed, numbers.start, numbers.stop)
        if key not in self._drawn:
            network = self.engine.network
            self._drawn[key] = tuple(
                noise_of_images(network, seed, numbers, draw, self.device)
                for draw in range(self.held_out.draws)
            )
        return tuple(self._drawn[key])

    @property
    def _tested_at_once(self) -> int:
        """Test images of a batch; those of a stack take its rows' share of the memory."""
        size = self.limits.tested_at_once
        return max(self.training.batch_size, size // self.engine.rows) if self.stacked else size

    def _close_epoch(
        self,
        trained: Sequence[Result],
        validation: Sequence[Result] | None,
        monitored: Sequence[Result] | None,
    ) -> None:
        """Add the epoch to each history, and keep the weights of those whose best it is."""
        seconds = self.clock.seconds / len(self._rows)
        epoch = self.epochs + 1
        for seed, row in self._rows.items():
            finite = math.isfinite(trained[row].loss)
            known = None if validation is None else validation[row] if finite else UNKNOWN
            closed = EpochRow(
                seed=seed,
                epoch=epoch,
                train_loss=trained[row].loss,
                train_score=trained[row].score,
                validation_loss=None if known is None else known.loss,
                validation_score=None if known is None else known.score,
                train_seconds=seconds,
                more=self._more(trained[row], known, monitored[row] if monitored else None),
            )
            if self.records[seed].close(closed):
                self._best[seed] = self.engine.weights(row)
        self.position, self.clock.seconds = 0, 0.0
        self.steps.trained.begin()

    def _more(
        self, trained: Result, validation: Result | None, monitored: Result | None
    ) -> dict[str, float]:
        """The further columns of a row of the history."""
        more = {f"train_{name}": value for name, value in trained.reported.items()}
        if validation is not None:
            more |= {f"validation_{name}": value for name, value in validation.reported.items()}
        monitor = self.training.monitor
        if monitored is not None and monitor is not None:
            split = monitor.split
            more[f"{split}_loss"] = monitored.loss
            more[f"{split}_{self.objective.score_name}"] = monitored.score
        return more

    @property
    def _some_finished(self) -> bool:
        """Whether no epoch follows for a seed that is in training."""
        return any(record.finished for record in self.records.values())

    def _leave(self) -> list[Finished]:
        """Part with the seeds that have ended, and with their rows if they are half of all."""
        gone = [seed for seed in self.seeds if self.records[seed].finished]
        for seed in gone:
            del self._rows[seed]
        if self._rows and 2 * len(self._rows) <= self.engine.rows:
            states = [self.engine.state(row) for row in self._rows.values()]
            self.steps.forget_graphs()  # beside which those of fewer rows may have no room
            devices.free_memory(self.device)
            self.steps = self._steps([self.engine.network] * len(states))
            for row, state in enumerate(states):
                self.engine.restore(row, state)
            self._rows = {seed: row for row, seed in enumerate(self._rows)}
        self._drawn = {key: drawn for key, drawn in self._drawn.items() if key[0] in self._rows}
        return [
            Finished(self.records.pop(seed), self._best.pop(seed), self.recordings.pop(seed))
            for seed in gone
        ]

    def try_out(self, steps: int) -> None:
        """Do the first step so many times, then test a batch; the training is of no use after."""
        drawn = self.batches.epoch(1, self._row_seeds, self.engine.network)
        self._planned().set(0)
        for _ in range(steps):
            self.steps.train(drawn.at(0))
        if (split := self.held_out.validation) is not None:
            self.steps.test(self._test_batch(next(split.batches(self._tested_at_once)), 0))

    def rehearse(self) -> None:
        """Compute a batch of every size that comes; the training is of no use after."""
        last = self.batches.steps - 1
        drawn = self.batches.epoch(1, self._row_seeds, self.engine.network)
        planned = self._planned()
        for position in dict.fromkeys((0, last)):
            planned.set(position)
            self.steps.train(drawn.at(position))
        for split in (self.held_out.validation, self.held_out.monitored):
            if split is not None:
                size, count = self._tested_at_once, len(split)
                for start in dict.fromkeys((0, (count - 1) // size * size)):
                    self.steps.test(self._test_batch(split[start : start + size], start))

    def states(self) -> dict[int, dict[str, Any]]:
        """For each seed all that is needed to go on from here, as ``restore`` takes it.

        Holds tensors, numbers and words in plain dicts and lists; the tensors are those in use.
        """
        self.clock.read()
        together = {"seeds": self.seeds, "width": self.engine.rows}
        pending = self._needs_gradients
        return {
            seed: {
                "stack": {**together, "row": row},
                "limits": self.limits._asdict(),
                "seed": seed,
                "epochs": self.epochs,
                "position": self.position,
                "record": self.records[seed].state(),
                "best_weights": self._best[seed],
                "engine": self.engine.state(row, pending),
                "sums": self.steps.trained.state(row),
                "recordings": self.recordings.state(seed),
                "train_seconds": self.clock.seconds,
                "random": seeding.random_state(self.device),
            }
            for seed, row in self._rows.items()
        }

    @property
    def _needs_gradients(self) -> bool:
        """Whether the gradients there are go on: in a step's next batch, or to be recorded."""
        if self.position == self.batches.steps:
            return self.recordings.takes_gradients
        return self.position > 0 and not self._part(self.position).first

    def restore(self, states: Mapping[int, dict[str, Any]]) -> None:
        """Go back to a state of every seed, all at the same step, with tensors of any device."""
        for seed, row in self._rows.items():
            state = states[seed]
            self.records[seed].restore(state["record"])
            self.engine.restore(row, state["engine"])
            best: Weights = state["best_weights"]
            self._best[seed] = {name: value.to(self.device) for name, value in best.items()}
            self.recordings.restore(seed, state.get("recordings", []))
            self.position, self.clock.seconds = state["position"], state["train_seconds"]
            seen = min(self.batches.count, self.position * self.training.batch_size)
            self.steps.trained.restore(row, state.get("sums") or of_older_state(state, seen))
            seeding.restore_random_state(state["random"], self.device)


def _check(training: Training, objective: Objective, validated: bool) -> None:
    """Refuse what needs validation images where there are none, or another score.

    Raises:
        ValueError: if it does not fit.
    """
    stopping = training.early_stopping
    if not validated and (stopping is not None or training.keep == "best"):
        word = "early_stopping" if stopping is not None else "keep: best"
        raise ValueError(f"training.{word} needs validation images, and the data set has none")
    known = ("validation_loss", f"validation_{objective.score_name}")
    if stopping is not None and stopping.by not in known:
        raise ValueError(
            f"training.early_stopping.by is {stopping.by}, and the score is "
            f"{objective.score_name}; choose from {', '.join(known)}"
        )
