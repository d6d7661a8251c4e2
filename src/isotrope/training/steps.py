"""The steps of an engine with all that belongs to them on the device: images, sums, the optimizer.

On a GPU each of them is a CUDA graph, one for every shape of a batch; see `graphs`.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from isotrope import devices
from isotrope.datasets.images import to_unit
from isotrope.layers import forms
from isotrope.training.batches import Batches, Drawn
from isotrope.training.engines import WHOLE, Batch, Engine, Part
from isotrope.training.graphs import Log, Recorder, Replays
from isotrope.training.sums import Sums

_BYTES_PER_NUMBER = 256  # of a GPU's memory: a step holds some such results, and graphs theirs


class Limits(NamedTuple):
    """How much is computed at once. A training keeps them to its end: they decide the last bits.

    Args:
        numbers: of one intermediate result of a layer on a GPU, of all rows together.
        tested_at_once: images of a batch without gradients, of all rows together.
    """

    numbers: int
    tested_at_once: int

    @classmethod
    def of(cls, device: torch.device) -> "Limits":
        """Those that suit a device; they depend on how much memory it has, not on what is free."""
        numbers = devices.memory_total(device) // _BYTES_PER_NUMBER or forms.NUMBERS
        return cls(numbers, devices.evaluation_batch(device))


class Tested(NamedTuple):
    """Images that networks are tested on, and what each row's network drew for them."""

    images: Tensor
    labels: Tensor
    noises: Any


class Workshop:
    """What the trainings of a job share: steps, and how they are recorded.

    Trainings that differ in their seeds alone go through the same steps, so that a graph serves
    all of them.

    Args:
        recorder: records steps on the device that trains; without one they are done as they are.
        log: is told why steps cannot be recorded.

    Attributes:
        known: steps by the rows of their engine and by their limits.
    """

    def __init__(self, recorder: Recorder | None = None, log: Log = lambda _: None) -> None:
        self.recorder = recorder
        self.log = log
        self.known: dict[tuple[int, Limits], Steps] = {}


class Steps:
    """Trains and tests the rows of an engine, and adds up what is measured.

    Args:
        engine: computes.
        batches: the training images, the same for all trainings that use these steps.
        limits: how much is computed at once.
        workshop: says how steps are recorded.

    Attributes:
        engine: as given.
        limits: as given.
        trained: what training steps have added up.
        tested: what tests have added up.
    """

    def __init__(
        self, engine: Engine, batches: Batches, limits: Limits, workshop: Workshop
    ) -> None:
        self.engine = engine
        self.limits = limits
        self.trained, self.tested = (Sums(engine.rows, batches.device) for _ in range(2))
        self._form: Callable[[Drawn], Batch] = batches.form
        self._replays = Replays(workshop.recorder, self._changed, workshop.log)

    def begin(self, networks: Sequence[nn.Module]) -> None:
        """Put every row to the beginning of a training of its network."""
        for row, network in enumerate(networks):
            self.engine.restore(row, {"weights": network.state_dict(), "optimizer": {"steps": 0}})
        self.trained.begin()

    def train(self, drawn: Drawn, part: Part = WHOLE) -> None:
        """A training step of all rows; its rates and keys are those of the engine."""
        count = drawn.size

        def work(given: Drawn) -> None:
            self.trained.add(self.engine.step(self._form(given), part), count)

        with forms.memory(self.limits.numbers):
            self._replays.do(("train", part), work, drawn)
        self.trained.seen(count)

    def test(self, given: Tested) -> None:
        """Test all rows on some images."""
        count = len(given.images)

        def work(given: Tested) -> None:
            batch = Batch(to_unit(given.images), given.labels.long(), given.noises)
            self.tested.add(self.engine.test(batch), count)

        with forms.memory(self.limits.numbers):
            self._replays.do("test", work, given)
        self.tested.seen(count)

    def forget_graphs(self) -> None:
        """Give back the memory of the graphs; they are recorded again when they are needed."""
        self._replays.forget()

    def _changed(self) -> dict[str, Tensor]:
        """All that a step changes."""
        return {
            **self.engine.changed(),
            **{f"trained.{name}": value for name, value in self.trained.tensors().items()},
            **{f"tested.{name}": value for name, value in self.tested.tensors().items()},
        }
