"""What evaluations share that average what networks answer to an image and to its mirror image."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from isotrope import devices
from isotrope.datasets.images import to_unit
from isotrope.datasets.stream import Split
from isotrope.evaluation._intervals import wilson
from isotrope.evaluation._sweeps import Row
from isotrope.measuring.networks import Networks


class Answered(NamedTuple):
    """What networks answer to a batch.

    Args:
        labels: ``(batch,)``.
        plain: to the images, ``(seeds, batch, classes)``.
        mirrored: to the images with left and right exchanged; of the same shape.
    """

    labels: Tensor
    plain: Tensor
    mirrored: Tensor

    @property
    def averaged(self) -> Tensor:
        """The mean of both."""
        return (self.plain + self.mirrored) / 2


def answers_with_mirrors(networks: Networks, data: Split) -> Iterator[Answered]:
    """What networks answer to images and to their mirror images, batch by batch.

    What a network draws for an image it draws for its mirror image, too.
    """
    first, size = 0, devices.evaluation_batch(networks.device)
    with torch.inference_mode():
        for batch in data.batches(size):
            there = batch.to(networks.device)
            images, numbers = to_unit(there.images), range(first, first + len(batch))
            plain = networks.predictions(images, numbers).float()
            mirrored = networks.predictions(images.flip(-1).contiguous(), numbers).float()
            yield Answered(there.labels, plain, mirrored)
            first += len(batch)


def right_answers(logits: Tensor, labels: Tensor) -> Tensor:
    """How many images are recognised, int64 ``(...)`` of logits ``(..., batch, classes)``."""
    return (logits.argmax(dim=-1) == labels).sum(dim=-1)


def accuracy_rows(settings: dict[str, Any], right: float, count: int) -> list[Row]:
    """``accuracy``, with Wilson's 95 % interval over images."""
    low, high = wilson(right / count, count)
    numbers = {"accuracy": right / count, "accuracy_low": low, "accuracy_high": high}
    return [
        {**settings, "metric": metric, "value": value, "n": count}
        for metric, value in numbers.items()
    ]
