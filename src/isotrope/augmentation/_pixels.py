"""Taking each image's pixels from other places of the image, on any device."""

import torch
from torch import Tensor

from isotrope.datasets.images import VOID


def taken(images: Tensor, rows: Tensor, columns: Tensor, wrap: bool = False) -> Tensor:
    """Images whose pixel ``(i, j)`` is the pixel ``(rows[i], columns[j])`` of what is given.

    What lies outside is 0 in an image and ``VOID`` in a mask, or wraps around.

    Shapes:
        images: ``(n, channels, height, width)`` float, or masks ``(n, height, width)``
        rows: ``(n, height)`` int64, of any value
        columns: ``(n, width)`` int64, of any value
        output: as the images
    """
    height, width = images.shape[-2:]
    numbers = torch.arange(len(images), device=images.device)[:, None, None]
    if wrap:
        inside = None
        rows, columns = rows % height, columns % width
    else:
        inside = _within(rows, height)[:, :, None] & _within(columns, width)[:, None, :]
        rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    if images.ndim == 3:
        found = images[numbers, rows[:, :, None], columns[:, None, :]]
        return found if inside is None else found.where(inside, VOID)
    found = images.movedim(1, -1)[numbers, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
    return found if inside is None else found * inside[:, None]


def sampled(images: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Images at other points, bilinear, zeros outside; masks take the nearest, ``VOID`` outside.

    Shapes:
        images: ``(n, channels, height, width)`` float, or masks ``(n, height, width)``
        y: ``(n, height, width)``, in pixels from the middle of the first one
        x: as y
        output: as the images
    """
    if images.ndim == 3:
        return _at(images[..., None], y.round().long(), x.round().long(), VOID)[..., 0]
    channels_last = images.movedim(1, -1)
    top, left = y.floor(), x.floor()
    down, right = (y - top)[..., None], (x - left)[..., None]
    rows, columns = top.long(), left.long()
    above, below = (
        _at(channels_last, rows + one, columns, 0) * (1 - right)
        + _at(channels_last, rows + one, columns + 1, 0) * right
        for one in (0, 1)
    )
    return (above * (1 - down) + below * down).movedim(-1, 1)


def nearest(images: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Images at other points, each that of the nearest pixel, zeros outside.

    Shapes:
        images: ``(n, channels, height, width)`` of any type
        y: ``(n, height, width)``, in pixels from the middle of the first one
        x: as y
        output: as the images
    """
    rows, columns = y.round().long(), x.round().long()
    return _at(images.movedim(1, -1), rows, columns, 0).movedim(-1, 1)


def _at(pixels: Tensor, rows: Tensor, columns: Tensor, outside: int) -> Tensor:
    """The pixels ``(n, height, width, channels)`` at these places."""
    height, width = pixels.shape[1:3]
    inside = _within(rows, height) & _within(columns, width)
    numbers = torch.arange(len(pixels), device=pixels.device)[:, None, None]
    found = pixels[numbers, rows.clamp(0, height - 1), columns.clamp(0, width - 1)]
    return found.where(inside[..., None], outside)


def _within(places: Tensor, side: int) -> Tensor:
    return (places >= 0) & (places < side)
