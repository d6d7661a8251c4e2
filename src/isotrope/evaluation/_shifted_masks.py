"""What networks answer for each pixel of an image and of shifted copies, and where these differ.

Shifts are whole pixels, rows and columns for each image. ``mascc``: the image is rolled, and the
answer rolled back. ``massc``: the window of a padded image is shown that begins so many rows and
columns further, and what both windows see is compared. Both are compared where the pixel is in the
image that was not shifted.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from isotrope.datasets.images import Images
from isotrope.errors import UserError
from isotrope.evaluation._shifting import Border, widened, window
from isotrope.measuring.networks import Networks

Measure = Literal["mascc", "massc"]
MEASURES: tuple[Measure, ...] = ("mascc", "massc")


class Batch(NamedTuple):
    """Images of one size on the device, and which of the split they are."""

    images: Images
    numbers: range

    @property
    def places(self) -> slice:
        """Where they are in what is kept of all images."""
        return slice(self.numbers.start, self.numbers.stop)


class Answers(NamedTuple):
    """The class that each pixel is taken for.

    Shapes:
        classes: ``(seeds, batch, height, width)`` int64
        margins: how far the highest logit is above the second, of the same shape
        kinds: how many classes there are
    """

    classes: Tensor
    margins: Tensor
    kinds: int


class Compared(NamedTuple):
    """Answers to shifted images beside those to the same images as they are.

    Shapes:
        back: the answers to the shifted ones, put back, ``(seeds, batch, height, width)``
        apart: where both differ, of the same shape
        pixels: how many are compared, ``(batch,)`` int64
        least, largest: of the margins of pixels that differ, in the image where it is more,
            ``(seeds, batch)``; infinite and its negative where none differs
    """

    back: Tensor
    apart: Tensor
    pixels: Tensor
    least: Tensor
    largest: Tensor


def answers(networks: Networks, images: Tensor, numbers: range) -> Answers:
    """What networks answer to images in 0..1.

    Raises:
        UserError: if it is not a logit for each class and pixel.
    """
    logits = networks.predictions(images, numbers)
    if logits.ndim != 5 or logits.shape[-2:] != images.shape[-2:]:
        found = " x ".join(map(str, logits.shape[2:]))
        wanted = " x ".join(map(str, images.shape[-2:]))
        raise UserError(
            f"segmentation needs logits for each pixel, classes x {wanted}, and the networks "
            f"answer with {found}; take it out of evaluations"
        )
    highest, classes = logits.max(dim=2)  # the first of equals
    others = logits.scatter(2, classes[:, :, None], -torch.inf).amax(dim=2)
    return Answers(classes, highest - others, logits.shape[2])


def shifted(images: Tensor, shifts: Tensor, measure: Measure, border: Border) -> Tensor:
    """Images that are shown in place of others.

    Args:
        images: ``(batch, channels, height, width)`` in 0..1.
        shifts: rows and columns, ``(batch, 2)`` int64.
        measure: by which they are shifted.
        border: what lies around them, for ``massc``.
    """
    size = images.shape[-2], images.shape[-1]
    down, right = shifts.unbind(dim=-1)
    if measure == "mascc":
        return window(images, -down, -right, size)
    reach = int(shifts.abs().max())
    return window(widened(images, reach, border), reach + down, reach + right, size)


def compared(plain: Answers, other: Answers, shifts: Tensor, measure: Measure) -> Compared:
    """Answers to images and to their shifted copies, pixel by pixel."""
    sign = 1 if measure == "mascc" else -1
    down, right = (sign * values for values in shifts.unbind(dim=-1))
    height, width = plain.classes.shape[-2:]
    back, margins = (
        window(values.transpose(0, 1), down, right, (height, width)).transpose(0, 1)
        for values in (other.classes, other.margins)
    )
    apart = back != plain.classes
    if measure == "mascc":
        pixels = torch.full_like(down, height * width)
    else:
        rows, columns = (
            _inside(start.to(apart.device), side)
            for start, side in ((down, height), (right, width))
        )
        apart &= rows[:, :, None] & columns[:, None, :]
        pixels = (height - down.abs()) * (width - right.abs())
    more = torch.maximum(margins, plain.margins)
    least = torch.where(apart, more, torch.inf).amin(dim=(-2, -1))
    largest = torch.where(apart, more, -torch.inf).amax(dim=(-2, -1))
    return Compared(back, apart, pixels, least, largest)


def check_size(batch: Images, reach: int) -> None:
    """Refuse shifts after which nothing is left to compare.

    Raises:
        UserError: if an image may be shifted out of itself.
    """
    height, width = batch.images.shape[-2:]
    if reach >= min(height, width):
        raise UserError(
            f"segmentation: images of {height} x {width} pixels are shifted by up to {reach}; set "
            f"max_shift below {min(height, width)}"
        )


def _inside(start: Tensor, side: int) -> Tensor:
    """Which of the places from ``start`` on are in 0..side - 1, ``(batch, side)``."""
    places = start[:, None] + torch.arange(side, device=start.device)
    return (places >= 0) & (places < side)
