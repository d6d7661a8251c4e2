"""What networks see in a step: images of an epoch's order, altered, and what the networks drew.

All numbers of an epoch are drawn before its first step and lie on the device that trains, so that
no step waits for the host. They depend on nothing but the seed, the epoch and the image's place in
the order, so that a seed sees the same alone, in any pack and after an interruption.
"""

import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from isotrope import registry
from isotrope.datasets.images import Images, to_unit
from isotrope.datasets.stream import Shuffle, Split, Stream
from isotrope.params.training import Training
from isotrope.settings import Settings
from isotrope.training import seeding
from isotrope.training.engines import Batch


class Batches:
    """The training batches of every epoch, the same for all rows or other images for each.

    Args:
        train: the training images; those in memory lie on the device.
        training: how to train; its order is known.
        device: what trains.
        subsets: for each seed the indices of its own training images; all images without.

    Raises:
        ValueError: if the order is not known, or the subsets are not equally long.
    """

    def __init__(
        self,
        train: Split,
        training: Training,
        device: torch.device,
        subsets: Mapping[int, Tensor] | None = None,
    ) -> None:
        if training.order is None:
            raise ValueError("the order of the training images is not known; see `on_dataset`")
        lengths = {len(subset) for subset in subsets.values()} if subsets else {len(train)}
        if len(lengths) > 1:
            raise ValueError(f"the seeds' subsets differ in length: {sorted(lengths)} images")
        self.train = train
        self.training = training
        self.device = device
        self.subsets = subsets
        (self.count,) = lengths
        self.steps = math.ceil(self.count / training.batch_size)

    def size(self, position: int) -> int:
        """How many images a step sees: the last one of an epoch perhaps fewer."""
        size = self.training.batch_size
        return min(size, self.count - position * size)

    def epoch(self, number: int, seeds: Sequence[int], network: Any) -> "Epoch":
        """All that is drawn for an epoch.

        Args:
            number: from 1.
            seeds: of the rows.
            network: its ``draw`` is asked, if it has one.

        Raises:
            ValueError: if rows would see different images of a stream.
        """
        return Epoch(self, number, seeds, network)


class _Alteration(NamedTuple):
    """An augmentation, and the numbers that it has drawn: tensors ``(rows, n, ...)``."""

    plugin: ModuleType
    params: Settings
    numbers: Any


class Epoch:
    """An epoch of `Batches`, drawn as `Batches.epoch` says."""

    def __init__(self, source: Batches, number: int, seeds: Sequence[int], network: Any) -> None:
        self.source = source
        self.number = number
        self.seeds = seeds
        self.rows = len(seeds)
        indices = self._indices()
        if isinstance(source.train, Stream) and indices is not None and indices.ndim == 2:
            raise ValueError(
                "seeds that train at once must see the same images of a stream; write "
                "`order: shared` under `training`, and let the data set choose no subsets"
            )
        self.indices = indices
        if indices is not None and isinstance(source.train, Images):
            self.indices = indices.to(source.device)
        self._alterations = [
            _Alteration(
                registry.load("augmentation", block.name),
                block.params,
                self._drawn_for(place, block.name, block.params),
            )
            for place, block in enumerate(source.training.augmentation)
        ]
        self._last: tuple[int, Tensor, Tensor] | None = None  # step of a stream that was asked for
        self._noises: list[Any] = []
        if hasattr(network, "draw"):
            for seed in seeds:
                generator = seeding.epoch_generator(seed, number, seeding.INSIDE)
                self._noises.append(self._moved(network.draw(generator, source.count)))

    def batches(self, position: int = 0) -> Generator[Batch, None, None]:
        """What the networks see in every step, from a position on."""
        steps = range(position, self.source.steps)
        for step, (images, labels) in zip(steps, self._read(steps), strict=True):
            yield self._batch(step, images, labels)

    def at(self, position: int) -> Batch:
        """What the networks see in one step; asked again, files are not read again."""
        if isinstance(self.source.train, Images):
            ((images, labels),) = self._read([position])
            return self._batch(position, images, labels)
        if self._last is None or self._last[0] != position:
            ((images, labels),) = self._read([position], by_workers=False)
            self._last = position, images, labels
        return self._batch(*self._last)

    def _indices(self) -> Tensor | None:
        """Which image is where in the order, ``(n,)`` or ``(rows, n)``; None: all as they lie."""
        source, count = self.source, self.source.count
        order = source.training.order
        if order == "own":
            drawn = [seeding.epoch_order(seed, self.number, count) for seed in self.seeds]
        elif order == "shared":
            drawn = [seeding.epoch_order(seeding.SHARED, self.number, count)]
        else:
            drawn = [torch.arange(count)]
        if source.subsets is not None:
            drawn = drawn * self.rows if len(drawn) == 1 else drawn
            own = (source.subsets[seed] for seed in self.seeds)
            drawn = [subset[order] for subset, order in zip(own, drawn, strict=True)]
        elif order == "fixed":
            return None
        return drawn[0] if len(drawn) == 1 else torch.stack(drawn)

    def _drawn_for(self, place: int, name: str, params: Settings) -> Any:
        """What an augmentation draws, one block for each row; ``place`` tells it from others."""
        plugin, source = registry.load("augmentation", name), self.source
        rows = []
        for seed in self.seeds:
            if getattr(plugin, "DRAWN", "epoch") == "step":
                steps = [
                    plugin.draw(
                        params,
                        seeding.step_generator(seed, self.number, step, seeding.altering(place)),
                        source.size(step),
                    )
                    for step in range(source.steps)
                ]
                rows.append(_together(torch.cat, steps))
            else:
                key = (seed, self.number, seeding.ALTERING, place)
                rows.append(plugin.draw(params, seeding.epoch_generator(*key), source.count))
        return self._moved(_together(torch.stack, rows))

    def _read(
        self, steps: Sequence[int], by_workers: bool = True
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Images and labels of steps, ``(batch, ...)`` or ``(rows, batch, ...)``."""
        train, indices, device = self.source.train, self.indices, self.source.device
        if isinstance(train, Images):
            for step in steps:
                some = self._slice(step)
                chosen = some if indices is None else indices[..., some]
                yield train.images[chosen], train.labels[chosen]
            return
        train = train if by_workers else train.with_workers(0)
        every = torch.arange(self.source.count) if indices is None else indices
        parts = [every[self._slice(step)].tolist() for step in steps]
        own = self.source.training.order == "own"
        shuffle = Shuffle(self.seeds[0] if own else seeding.SHARED, self.number)
        for found in train.chosen(parts, shuffle, pin=device.type == "cuda"):
            if len(found) != 1:
                sizes = ", ".join(str(tuple(some.images.shape[2:])) for some in found)
                raise ValueError(f"training images must be of one size; `read` gave {sizes}")
            whole = found[0].to(device)
            yield whole.images, whole.labels

    def _slice(self, step: int) -> slice:
        begin = step * self.source.training.batch_size
        return slice(begin, begin + self.source.size(step))

    def _batch(self, step: int, images: Tensor, labels: Tensor) -> Batch:
        """A step's images, altered, with what the networks drew for them."""
        some = self._slice(step)
        inputs, labels = to_unit(images), labels.long()
        if self._alterations:
            if self.rows > 1 and inputs.ndim == 4:  # so far the same for all rows
                inputs, labels = (
                    values.expand(self.rows, *values.shape) for values in (inputs, labels)
                )
            if self.rows > 1:
                inputs, labels = inputs.flatten(0, 1), labels.flatten(0, 1)
            for plugin, params, numbers in self._alterations:
                own = _mapped(lambda values: values[:, some].flatten(0, 1), numbers)
                inputs, labels = plugin.augment(params, inputs, labels, own)
            if self.rows > 1:
                inputs, labels = (
                    values.view(self.rows, -1, *values.shape[1:]) for values in (inputs, labels)
                )
        noises = [(_mapped(lambda values: values[some], noise),) for noise in self._noises]
        return Batch(inputs, labels, noises)

    def _moved(self, drawn: Any) -> Any:
        """What was drawn, on the device that trains."""
        return _mapped(lambda values: values.to(self.source.device), drawn)


def _mapped(work: Callable[[Tensor], Tensor], values: Any) -> Any:
    """Something done to a tensor, or to each in a dict, a list or a tuple."""
    if isinstance(values, Tensor):
        return work(values)
    if isinstance(values, dict):
        return {key: _mapped(work, value) for key, value in values.items()}
    return tuple(_mapped(work, value) for value in values)


def _together(join: Callable[[list[Tensor]], Tensor], drawn: Sequence[Any]) -> Any:
    """Several draws as one: tensors, or dicts, lists or tuples of them, each joined."""
    first = drawn[0]
    if isinstance(first, Tensor):
        return join(list(drawn))
    if isinstance(first, dict):
        return {key: _together(join, [one[key] for one in drawn]) for key in first}
    return tuple(_together(join, column) for column in zip(*drawn, strict=True))
