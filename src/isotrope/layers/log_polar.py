"""Log-polar maps: a turn of the image becomes a shift along the angles, a scaling one along radii.

Rows of a map are radii in pixels, geometric from the smallest to the largest, both included.
Columns are angles, from the x axis counter-clockwise as seen on the screen, the full turn excluded.
Turning the image about the centre by ``2 pi / angles`` counter-clockwise rolls the map by one
column; enlarging it by ``(r_max / r_min) ** (1 / (radii - 1))`` moves it by one row outwards, and
what was within the smallest radius comes in. Quarter turns of square images are exact if ``angles``
is a multiple of 4; all else is as exact as the interpolation.

Agreement with others, on noise of 64 x 64 pixels: ``warp_polar(scaling="log")`` of scikit-image
0.26 is the same up to 2e-14; it begins at one pixel, leaves the largest radius out, turns clockwise
and has the angles along its rows. ``warpPolar`` of OpenCV 5.0 has other radii, each smaller by one
pixel, so that a scaling is no shift; at those radii it is the same up to 3e-6 (it is float32).
"""

import math

import torch
from torch import Tensor, nn

from isotrope.layers.constants import made_once
from isotrope.layers.sampling_around import Centres, Mode, sampled_around


def log_polar(
    images: Tensor,
    centres: Centres = None,
    *,
    radii: int,
    angles: int,
    r_min: float = 1.0,
    r_max: float | None = None,
    mode: Mode = "bilinear",
    border: float | Tensor = 0.0,
    antialias: float = 0.0,
) -> Tensor:
    """Log-polar maps of images about their centres, or about any other places.

    It is differentiable in images and centres (with ``nearest`` in images alone), and may be called
    under `torch.func.vmap`. Images of less than 32 bits are sampled in float32.

    With ``antialias`` a sample is the mean under a Gaussian that grows with the radius as the
    distances between samples do. Its variance is exact; it is a mixture of two Gaussians of a
    stack in which each has twice the variance of the one before, and interpolation adds its own.

    Args:
        images: ``(batch, channels, height, width)``.
        centres: x and y in pixels, 0 at the centre of the first pixel, y down: one for each image,
            ``(batch, 2)``; several for each, ``(batch, n, 2)``; ``"pixels"`` for the centre of
            every pixel; left out, the centre of the image.
        radii: number of radii, at least 2.
        angles: number of angles.
        r_min: smallest radius, in pixels.
        r_max: largest radius, in pixels; left out, that of the largest circle through centres of
            pixels about the centre of the image.
        mode: ``bilinear``, ``bicubic`` (a = -0.75) or ``nearest``.
        border: what lies outside the image: a number, or one for each channel, ``(channels,)``.
        antialias: standard deviation of the Gaussian, in distances between neighbouring samples
            (the geometric mean of those along radius and angle). 0 samples points; 0.5 leaves
            little that the map cannot hold.

    Returns:
        ``(batch, channels, radii, angles)``; with several centres
        ``(batch, channels, n, radii, angles)``; with ``"pixels"``
        ``(batch, channels, height, width, radii, angles)``.

    Raises:
        ValueError: if numbers or shapes do not fit.
    """
    if antialias < 0:
        raise ValueError(f"antialias must be 0 or more, got {antialias}")
    rings = radii, angles, float(r_min), largest_radius(images.shape[-2:], r_max)
    dtype = torch.promote_types(images.dtype, torch.float32)
    offsets = ring_offsets(*rings, dtype, images.device)
    variances = footprints(*rings, float(antialias)) if antialias > 0 else ()
    return sampled_around(images, centres, offsets, mode, border, variances)


@made_once
def ring_offsets(
    radii: int, angles: int, r_min: float, r_max: float, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Where the samples of a log-polar map lie around its centre, in pixels.

    Returns:
        ``(radii, angles, 2)``: x and y, y down.

    Raises:
        ValueError: if there are fewer than 2 radii or no angle, or the radii are out of order.
    """
    radius = torch.tensor(
        ring_radii(radii, angles, r_min, r_max), dtype=torch.float64, device="cpu"
    )
    angle = torch.arange(angles, dtype=torch.float64, device="cpu") * (2 * math.pi / angles)
    directions = torch.stack((angle.cos(), -angle.sin()), dim=-1)  # rows count downwards
    return (radius[:, None, None] * directions).to(device, dtype)


def ring_radii(radii: int, angles: int, r_min: float, r_max: float) -> list[float]:
    """The radii of a log-polar map, in pixels; errors as `ring_offsets`."""
    growth = ring_growth(radii, angles, r_min, r_max)
    return [r_min * math.exp(row * growth) for row in range(radii)]


def ring_growth(radii: int, angles: int, r_min: float, r_max: float) -> float:
    """The logarithm of the ratio of two neighbouring radii; errors as `ring_offsets`."""
    if radii < 2 or angles < 1:
        raise ValueError(f"need 2 radii or more and an angle or more, got {radii} and {angles}")
    if not 0 < r_min < r_max < math.inf:
        raise ValueError(f"need 0 < r_min < r_max, got r_min={r_min} and r_max={r_max}")
    return math.log(r_max / r_min) / (radii - 1)


def footprints(
    radii: int, angles: int, r_min: float, r_max: float, antialias: float
) -> tuple[float, ...]:
    """The variance of the Gaussian under the samples of each row, in square pixels."""
    cell = ring_growth(radii, angles, r_min, r_max) * 2 * math.pi / angles
    return tuple(antialias**2 * cell * r**2 for r in ring_radii(radii, angles, r_min, r_max))


def largest_radius(sides: tuple[int, ...], r_max: float | None) -> float:
    """The largest radius in pixels: the one given, or the largest through centres of pixels."""
    return (min(sides) - 1) / 2 if r_max is None else float(r_max)


class LogPolarMap(nn.Module):
    """The log-polar map of each image about its centre, in pixels that do not follow its size.

    Shapes:
        input: ``(batch, channels, height, width)``, of any size
        output: ``(batch, channels, radii, angles)``

    Args:
        radii: as in `log_polar`.
        angles: as in `log_polar`.
        r_min: as in `log_polar`.
        r_max: as in `log_polar`, but never left out.
        border: a number, as in `log_polar`.
        antialias: as in `log_polar`.

    Raises:
        ValueError: as `log_polar`.
    """

    def __init__(
        self,
        radii: int,
        angles: int,
        r_min: float,
        r_max: float,
        border: float = 0.0,
        antialias: float = 0.0,
    ) -> None:
        super().__init__()
        ring_growth(radii, angles, r_min, r_max)
        self.radii, self.angles = radii, angles
        self.r_min, self.r_max = r_min, r_max
        self.border, self.antialias = border, antialias

    def forward(self, images: Tensor) -> Tensor:
        """The maps."""
        return log_polar(
            images,
            radii=self.radii,
            angles=self.angles,
            r_min=self.r_min,
            r_max=self.r_max,
            border=self.border,
            antialias=self.antialias,
        )
