"""What networks see in a step: images of an epoch's order, altered, and what the networks drew."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from isotrope.datasets.images import to_unit
from isotrope.params.training import Training
from isotrope.training import seeding
from isotrope.training.augmentation import augmented
from isotrope.training.engines import Batch, Engine


class Labelled(NamedTuple):
    """Images and their classes on the device that trains.

    Shapes:
        images: ``(n, channels, height, width)`` uint8 in 0..255
        labels: ``(n,)`` int64
    """

    images: Tensor
    labels: Tensor


class Batches:
    """The training batches of an epoch, the same for all rows or images for each.

    Args:
        train: the training images in their fixed order.
        training: how to train.
    """

    def __init__(self, train: Labelled, training: Training) -> None:
        self.train = train
        self.training = training
        self.count = len(train.labels)
        self.steps = math.ceil(self.count / training.batch_size)

    def orders(self, epoch: int, seeds: Sequence[int]) -> Tensor | None:
        """The order of each row's images, ``(rows, n)``; none where all see the fixed one."""
        if not self.training.reshuffle:
            return None
        drawn = [seeding.epoch_order(seed, epoch, self.count) for seed in seeds]
        return torch.stack(drawn).to(self.train.images.device)

    def size(self, position: int) -> int:
        """How many images a step sees: the last one of an epoch perhaps fewer."""
        size = self.training.batch_size
        return min(size, self.count - position * size)

    def at(
        self, epoch: int, position: int, orders: Tensor | None, seeds: Sequence[int], engine: Engine
    ) -> Batch:
        """What the networks see in a step.

        Args:
            epoch: from 1.
            position: steps of the epoch before this one.
            orders: of this epoch.
            seeds: of the rows.
            engine: whose networks they are.
        """
        begin = position * self.training.batch_size
        some = slice(begin, begin + self.size(position))
        chosen = some if orders is None else orders[:, some]
        labels = self.train.labels[chosen]
        inputs, noises = to_unit(self.train.images[chosen]), []
        jitter = self.training.augmentation
        if jitter is not None:
            own = inputs if labels.ndim == 2 else inputs.expand(engine.rows, *inputs.shape)
            inputs = torch.stack(
                [
                    augmented(images, jitter, seed, epoch, position)
                    for images, seed in zip(own, seeds, strict=True)
                ]
            )
            labels = labels.expand(inputs.shape[:2])
        network: Any = engine.network
        if hasattr(network, "draw"):
            for seed in seeds:
                generator = seeding.step_generator(seed, epoch, position, seeding.INSIDE)
                noises.append(_moved(network.draw(generator, labels.shape[-1]), labels.device))
        if labels.ndim == 2 and engine.rows == 1:
            inputs, labels = inputs[0], labels[0]
        return Batch(inputs, labels, noises)


def _moved(drawn: Any, device: torch.device) -> Any:
    """What a network drew, on the device that trains."""
    if isinstance(drawn, Tensor):
        return drawn.to(device)
    if isinstance(drawn, dict):
        return {key: _moved(value, device) for key, value in drawn.items()}
    return tuple(_moved(value, device) for value in drawn)
