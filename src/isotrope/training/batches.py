"""What networks see in a step: images of an epoch's order, altered, and what the networks drew.

All numbers of an epoch are drawn before its first step and lie on the device that trains, so that
no step waits for the host. They depend on nothing but the seed, the epoch and the image's place in
the order, so that a seed sees the same alone, in any pack and after an interruption. What a step
needs of them is `Drawn`; `Batches.form` makes the batch of it, on the device alone.
"""

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from isotrope import registry
from isotrope.datasets.images import Images, to_unit
from isotrope.datasets.stream import Shuffle, Split, Stream
from isotrope.datasets.trees import joined, leaves, mapped
from isotrope.params.training import Training
from isotrope.settings import Settings
from isotrope.training import seeding
from isotrope.training.engines import Batch


class Drawn(NamedTuple):
    """What a step needs that is another in each step, on the device that trains.

    Shapes:
        places: where its images are among the training images, int64 ``(batch,)``, or
            ``(rows, batch)`` where rows see others; None for a stream
        images: of a stream, uint8 ``(batch, channels, height, width)``; else None
        labels: of a stream; else None
        numbers: for each augmentation what it has drawn, tensors ``(rows, batch, ...)``
        noises: what each row's network drew, as `Batch` has them
    """

    places: Tensor | None
    images: Tensor | None
    labels: Tensor | None
    numbers: Sequence[Any]
    noises: Sequence[Any]

    @property
    def size(self) -> int:
        """How many images the step sees."""
        if self.places is not None:
            return self.places.shape[-1]
        return 0 if self.images is None else len(self.images)


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
        self._alterations = [
            (registry.load("augmentation", block.name), block.params)
            for block in training.augmentation
        ]

    def size(self, position: int) -> int:
        """How many images a step sees: the last one of an epoch perhaps fewer."""
        size = self.training.batch_size
        return min(size, self.count - position * size)

    def form(self, drawn: Drawn) -> Batch:
        """The batch of a step: its images, altered, and what the networks drew for it."""
        images, labels = drawn.images, drawn.labels
        if images is None or labels is None:
            known: Any = self.train
            images, labels = known.images[drawn.places], known.labels[drawn.places]
        inputs, labels = to_unit(images), labels.long()
        if not self._alterations:
            return Batch(inputs, labels, drawn.noises)
        rows = next(leaves(drawn.numbers)).shape[0]
        if rows > 1 and inputs.ndim == 4:  # so far the same for all rows
            inputs, labels = (values.expand(rows, *values.shape) for values in (inputs, labels))
        if rows > 1:
            inputs, labels = inputs.flatten(0, 1), labels.flatten(0, 1)
        for (plugin, params), numbers in zip(self._alterations, drawn.numbers, strict=True):
            own = mapped(lambda values: values.flatten(0, 1), numbers)
            inputs, labels = plugin.augment(params, inputs, labels, own)
        if rows > 1:
            inputs, labels = (
                values.view(rows, -1, *values.shape[1:]) for values in (inputs, labels)
            )
        return Batch(inputs, labels, drawn.noises)

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
        if isinstance(source.train, Images):
            known = torch.arange(source.count) if indices is None else indices
            self.indices = known.to(source.device)
        self._numbers = [
            self._drawn_for(place, block.name, block.params)
            for place, block in enumerate(source.training.augmentation)
        ]
        self._last: tuple[int, Drawn] | None = None  # step of a stream that was asked for
        self._noises: list[Any] = []
        if hasattr(network, "draw"):
            for seed in seeds:
                generator = seeding.epoch_generator(seed, number, seeding.INSIDE)
                self._noises.append(self._moved(network.draw(generator, source.count)))

    def steps(self, position: int = 0) -> Generator[Drawn, None, None]:
        """What every step needs, from a position on."""
        yield from self._read(range(position, self.source.steps), by_workers=True)

    def at(self, position: int) -> Drawn:
        """What one step needs; asked again, files are not read again."""
        if self._last is None or self._last[0] != position:
            (drawn,) = self._read([position], by_workers=False)
            self._last = position, drawn
        return self._last[1]

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
                rows.append(joined(torch.cat, steps))
            else:
                key = (seed, self.number, seeding.ALTERING, place)
                rows.append(plugin.draw(params, seeding.epoch_generator(*key), source.count))
        return self._moved(joined(torch.stack, rows))

    def _read(self, steps: Sequence[int], *, by_workers: bool) -> Iterator[Drawn]:
        """What some steps need."""
        train, indices, device = self.source.train, self.indices, self.source.device
        if isinstance(train, Images):
            for step in steps:
                places = None if indices is None else indices[..., self._slice(step)]
                yield self._drawn(step, places=places)
            return
        train = train if by_workers else train.with_workers(0)
        every = torch.arange(self.source.count) if indices is None else indices
        parts = [every[self._slice(step)].tolist() for step in steps]
        own = self.source.training.order == "own"
        shuffle = Shuffle(self.seeds[0] if own else seeding.SHARED, self.number)
        found = train.chosen(parts, shuffle, pin=device.type == "cuda")
        for step, images in zip(steps, found, strict=True):
            if len(images) != 1:
                sizes = ", ".join(str(tuple(some.images.shape[2:])) for some in images)
                raise ValueError(f"training images must be of one size; `read` gave {sizes}")
            whole = images[0].to(device)
            yield self._drawn(step, images=whole.images, labels=whole.labels)

    def _slice(self, step: int) -> slice:
        begin = step * self.source.training.batch_size
        return slice(begin, begin + self.source.size(step))

    def _drawn(
        self,
        step: int,
        places: Tensor | None = None,
        images: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> Drawn:
        """A step's images, and its part of what was drawn for the epoch."""
        some = self._slice(step)
        numbers = tuple(mapped(lambda values: values[:, some], drawn) for drawn in self._numbers)
        noises = tuple((mapped(lambda values: values[some], noise),) for noise in self._noises)
        return Drawn(places, images, labels, numbers, noises)

    def _moved(self, drawn: Any) -> Any:
        """What was drawn, on the device that trains."""
        return mapped(lambda values: values.to(self.source.device), drawn)
