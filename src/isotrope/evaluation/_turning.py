"""Images and maps scaled, turned and shifted about their centre, resampled once.

A resampling is a table: for each pixel of the result the pixels that it is read from, and their
weights. All channels of all images of a batch are read by one operation. Quarter turns about the
centre of a square, and shifts by whole pixels, are exact: they have one weight, which is 1.

``bicubic`` is cubic convolution, Keys, "Cubic Convolution Interpolation for Digital Image
Processing", IEEE Trans. ASSP 29 (6), 1981, with his a = -1/2; ``pillow`` the same with a = -1,
which Pillow's ``Image.rotate`` and ``Image.transform`` have under the name bicubic (as of version
13). Differs from Pillow: results are not rounded to whole grey values, and what lies beyond the
edge counts as black already where a kernel reaches over it. Where an image shrinks, the kernel is
as much wider as it shrinks, along rows and columns; ``nearest`` is never widened.
"""

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

Interpolation = Literal["nearest", "bilinear", "bicubic", "pillow"]
Border = Literal["black", "repeat"]

_REACH = {"bilinear": 1, "bicubic": 2, "pillow": 2}  # of the kernels, in pixels
_SHARPNESS = {"bicubic": -0.5, "pillow": -1.0}


class Pose(NamedTuple):
    """What becomes of an image: scaled and turned about its centre, then shifted.

    Args:
        angle: degrees, counter-clockwise as seen on the screen.
        scale: 2 makes the thing twice as large.
        x: pixels to the right.
        y: pixels downwards.
    """

    angle: float = 0.0
    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0

    @property
    def turn(self) -> tuple[float, float]:
        """Cosine and sine of the angle, exact at quarter turns."""
        quarters = round(self.angle / 90)
        rest = math.radians(self.angle - 90 * quarters)
        cosine, sine = math.cos(rest), math.sin(rest)
        for _ in range(quarters % 4):
            cosine, sine = -sine, cosine
        return cosine, sine


class Resampling:
    """What a pose makes of images of one size, on a canvas of the same size.

    Args:
        pose: scale, turn and shift.
        size: height and width of the images in pixels.
        interpolation: how they are read between their pixels.
        border: what lies beyond the edge: black, or the outermost pixels again.
        like: a tensor on the device of the images, of the type of the results.
    """

    def __init__(
        self,
        pose: Pose,
        size: tuple[int, int],
        interpolation: Interpolation,
        like: Tensor,
        border: Border = "black",
    ) -> None:
        rows, columns = _sources(pose, size)
        width = max(1.0, 1 / pose.scale)
        row, row_weights = taps(rows, size[0], interpolation, width, border)
        column, column_weights = taps(columns, size[1], interpolation, width, border)
        weights = (row_weights[:, :, None] * column_weights[:, None, :]).flatten(1)
        places = (row[:, :, None] * size[1] + column[:, None, :]).flatten(1)
        used = (weights != 0).any(dim=0)
        used[0] |= not bool(used.any())
        self._size = size
        self._weights = weights[:, used].to(like.device, like.dtype)
        self._places = places[:, used].to(like.device, torch.int32)

    def __call__(self, maps: Tensor) -> Tensor:
        """The maps ``(..., height, width)`` in the pose, of the type and the shape that they have.

        Raises:
            ValueError: if they have another size.
        """
        if tuple(maps.shape[-2:]) != self._size:
            raise ValueError(f"need maps of {self._size}, got {tuple(maps.shape[-2:])}")
        pixels = maps.reshape(-1, self._size[0] * self._size[1]).T.contiguous()
        found = F.embedding_bag(self._places, pixels, mode="sum", per_sample_weights=self._weights)
        return found.T.reshape(maps.shape)

    def images(self, images: Tensor) -> Tensor:
        """Images of 0..255 (uint8), in the pose and in 0..1, float."""
        return self(images.to(self._weights.dtype).div_(255)).clamp_(0, 1)


def resized(images: Tensor, size: tuple[int, int], interpolation: Interpolation) -> Tensor:
    """Images of 0..255 (uint8) on a canvas of another size, float32 in 0..1.

    As Pillow resizes: low-passed where they shrink, but for ``nearest``. ``pillow`` is
    ``bicubic`` here, since Pillow resizes with a = -1/2.
    """
    unit = images.to(torch.float32).div_(255)
    if tuple(images.shape[-2:]) == tuple(size):
        return unit
    if interpolation == "nearest":
        return F.interpolate(unit, size=size, mode="nearest-exact")
    mode = "bilinear" if interpolation == "bilinear" else "bicubic"
    return F.interpolate(unit, size=size, mode=mode, antialias=True).clamp_(0, 1)


def lost(images: Tensor, pose: Pose) -> Tensor:
    """Which part of the brightness of each image leaves the canvas in a pose.

    Args:
        images: ``(batch, channels, height, width)`` uint8.
        pose: scale, turn and shift.

    Returns:
        ``(batch,)`` float64 in 0..1: the brightness of the pixels whose centres leave; nan where
        an image is black.
    """
    height, width = images.shape[-2:]
    (cosine, sine), scale = pose.turn, pose.scale
    down, right = _from_centre(height)[:, None], _from_centre(width)
    x = scale * (cosine * right + sine * down) + pose.x
    y = scale * (cosine * down - sine * right) + pose.y
    gone = (x.abs() > width / 2) | (y.abs() > height / 2)
    bright = images.to(torch.float64).sum(dim=1)
    return (bright * gone.to(images.device)).sum(dim=(-2, -1)) / bright.sum(dim=(-2, -1))


def disc(size: tuple[int, int], radius: float, device: torch.device) -> Tensor:
    """The pixels whose centres lie within a radius, in half-sides, ``(height, width)`` bool."""
    down, right = _from_centre(size[0])[:, None], _from_centre(size[1])
    limit = radius * min(size) / 2 + 1e-9  # centres on the circle count
    return (down.square() + right.square() <= limit**2).to(device)


def _from_centre(side: int) -> Tensor:
    return torch.arange(side, dtype=torch.float64) - (side - 1) / 2


def _sources(pose: Pose, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Rows and columns ``(pixels,)`` at which the pixels of the result are read."""
    (cosine, sine), (height, width) = pose.turn, size
    down, right = _from_centre(height)[:, None] - pose.y, _from_centre(width) - pose.x
    x = (cosine * right - sine * down) / pose.scale + (width - 1) / 2
    y = (sine * right + cosine * down) / pose.scale + (height - 1) / 2
    return y.flatten(), x.flatten()


def taps(
    points: Tensor, cells: int, interpolation: Interpolation, width: float, border: Border
) -> tuple[Tensor, Tensor]:
    """The cells along one axis that points are read from, and their weights, ``(points, taps)``.

    Args:
        points: places along the axis, in cells, float64 ``(points,)``.
        cells: how many there are.
        interpolation: the kernel.
        width: by how much it is widened.
        border: what lies beyond the cells.
    """
    if interpolation == "nearest":
        taps = (points + 0.5).floor()[:, None]
        weights = torch.ones_like(taps)
    else:
        reach = math.ceil(_REACH[interpolation] * width)
        steps = torch.arange(1 - reach, reach + 1, dtype=points.dtype)
        taps = points.floor()[:, None] + steps
        weights = _kernel((taps - points[:, None]) / width, interpolation)
        weights = weights / weights.sum(dim=1, keepdim=True)
    if border == "black":
        weights = weights.where((taps >= 0) & (taps < cells), 0.0)
    return taps.clamp(0, cells - 1).long(), weights


def _kernel(distance: Tensor, interpolation: Interpolation) -> Tensor:
    x = distance.abs()
    if interpolation == "bilinear":
        return (1 - x).clamp(min=0)
    a = _SHARPNESS[interpolation]
    near = ((a + 2) * x - (a + 3)) * x**2 + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return torch.where(x <= 1, near, torch.where(x < 2, far, 0.0))
