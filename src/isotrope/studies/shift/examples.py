"""Which images the shift study shows: one and its shifted copy, each with its four phases.

A stride keeps the first phase of each, which holds other pixels of the thing. The phase of the
largest norm, which ``aps`` keeps, holds the same pixels of both: the shift makes a permutation of
the phases.
"""

import numpy as np

from isotrope.datasets.images import Images
from isotrope.datasets.stream import Split
from isotrope.errors import UserError
from isotrope.files.arrays import Array

SHIFT = (1, 0)  # rows and columns, by which the second image differs
STRIDE = 2


def examples(data: Split) -> dict[str, Array]:
    """An image and its shifted copy with their phases.

    Args:
        data: the last split of the data set.

    Returns:
        ``images`` (2, height, width, 3), uint8, or without the last axis where they are grey;
        ``phases`` (2, 4, height / 2, width / 2, 3), or without the last axis, in the order of rows
        and columns 00, 01, 10, 11; ``norms`` (2, 4), of each phase in 0..1; ``shift`` (2,), rows
        and columns. Nothing of data sets that stay on the disk, or whose sides are odd.

    Raises:
        UserError: if there is no image.
    """
    if not isinstance(data, Images):
        return {}
    if len(data) == 0:
        raise UserError("there is no image to show")
    pixels = data.images[0].numpy()
    if pixels.shape[1] % STRIDE or pixels.shape[2] % STRIDE:
        return {}
    both = np.stack([pixels, np.roll(pixels, SHIFT, axis=(1, 2))])
    phases = np.stack(
        [both[..., y::STRIDE, x::STRIDE] for y in range(STRIDE) for x in range(STRIDE)], axis=1
    )
    norms = np.sqrt(((phases.astype(np.float64) / 255) ** 2).sum(axis=(2, 3, 4)))
    return {
        "images": _shown(both),
        "phases": _shown(phases),
        "norms": norms,
        "shift": np.array(SHIFT),
    }


def _shown(images: Array) -> Array:
    """Channels last; none where there is one."""
    last = np.moveaxis(images, -3, -1)
    return last[..., 0] if last.shape[-1] == 1 else last
