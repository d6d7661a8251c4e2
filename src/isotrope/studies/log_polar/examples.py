"""Which images the log-polar study shows: one as it is, turned and scaled, each with its map.

The maps are those of a grid about the centre of the image with bilinear interpolation, in numpy and
float64: a turn by a multiple of the grid's angle shifts them along the angles, a scaling by a power
of its ratio along the radii, up to the interpolation of the image.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isotrope.datasets.images import Images
from isotrope.datasets.stream import Split
from isotrope.errors import UserError
from isotrope.files.arrays import Array

RADII, ANGLES = 20, 36
TURN, ROWS = 6, 3  # steps of the grid, by which the second and the third image differ

Floats = NDArray[np.float64]


def examples(data: Split) -> dict[str, Array]:
    """An image in three poses with its log-polar map in each.

    Args:
        data: the last split of the data set.

    Returns:
        ``images`` (3, height, width), with a last axis of 3 for colours, uint8; ``maps`` (3, radii,
        angles), 0..1; ``radii`` (radii,) in pixels and ``angles`` (angles,) in degrees,
        counter-clockwise; ``poses`` (3, 2), the turn in degrees and the scale of each; ``shifts``
        (3, 2), by how many rows and columns its map is shifted. Nothing of data sets that stay on
        the disk.

    Raises:
        UserError: if there is no image.
    """
    if not isinstance(data, Images):
        return {}
    if len(data) == 0:
        raise UserError("there is no image to show")
    classes, first = np.unique(data.labels.numpy(), return_index=True)
    image = data.images[int(first[len(classes) // 3])].numpy().astype(float)
    height, width = image.shape[1:]
    radii = np.geomspace(1, (min(height, width) - 1) / 2, RADII)
    angles = np.arange(ANGLES) * (2 * np.pi / ANGLES)
    ratio = radii[1] / radii[0]
    poses = [(0.0, 1.0), (TURN * 360 / ANGLES, 1.0), (0.0, ratio**ROWS)]
    views = np.stack([posed(image, turn, scale) for turn, scale in poses])
    shown = np.moveaxis(np.clip(np.round(views), 0, 255).astype(np.uint8), 1, -1)
    grey: Floats = views.mean(axis=1)
    maps = np.stack([log_polar_map(one, radii, angles) for one in grey])
    return {
        "images": shown[..., 0] if shown.shape[-1] == 1 else shown,
        "maps": (maps / 255).astype(np.float32),
        "radii": radii,
        "angles": np.degrees(angles),
        "poses": np.array(poses),
        "shifts": np.array([(0, 0), (0, TURN), (ROWS, 0)]),
    }


def posed(image: Floats, turn: float, scale: float) -> Floats:
    """An image, turned and scaled about its centre in one resampling; black where nothing was.

    Args:
        image: ``(channels, height, width)``.
        turn: degrees, counter-clockwise.
        scale: 2 makes the thing twice as large.
    """
    height, width = image.shape[1:]
    y, x = np.mgrid[:height, :width].astype(float)
    right, up = x - (width - 1) / 2, (height - 1) / 2 - y
    c, s = np.cos(np.radians(turn)) / scale, np.sin(np.radians(turn)) / scale
    return np.stack([_read(channel, right * c + up * s, up * c - right * s) for channel in image])


def log_polar_map(image: Floats, radii: NDArray[Any], angles: NDArray[Any]) -> Floats:
    """The map of an image about its centre.

    Args:
        image: ``(height, width)``.
        radii: in pixels.
        angles: in radians, counter-clockwise.

    Returns:
        ``(radii, angles)``.
    """
    return _read(image, np.outer(radii, np.cos(angles)), np.outer(radii, np.sin(angles)))


def _read(image: Floats, right: Floats, up: Floats) -> Floats:
    """Bilinear values at places that are given from the centre of the image; 0 outside."""
    height, width = image.shape
    around = np.pad(image, 2)
    x = np.clip(right + (width - 1) / 2, -2, width + 0.999) + 2
    y = np.clip((height - 1) / 2 - up, -2, height + 0.999) + 2
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    a, b = x - left, y - top
    upper = (1 - a) * around[top, left] + a * around[top, left + 1]
    lower = (1 - a) * around[top + 1, left] + a * around[top + 1, left + 1]
    found: Floats = (1 - b) * upper + b * lower
    return found
