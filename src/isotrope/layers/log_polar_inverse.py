"""Images from log-polar maps."""

import math

import torch
from torch import Tensor

from isotrope.layers.log_polar import largest_radius, ring_growth
from isotrope.layers.sampling_around import (
    Mode,
    at_pixels,
    middle,
    outside,
    pixels,
    refuse_other_centres,
    refuse_other_modes,
)

_AROUND = 2  # columns and rows that are repeated around a map: what a bicubic sample reaches


def from_log_polar(
    maps: Tensor,
    centres: Tensor | None,
    size: int | tuple[int, int],
    *,
    r_min: float = 1.0,
    r_max: float | None = None,
    mode: Mode = "bilinear",
    border: float | Tensor = 0.0,
) -> Tensor:
    """Images from log-polar maps: the way back from `log_polar`.

    Within the smallest radius a pixel has the value of that radius at its angle; beyond the largest
    one it is the border. It is differentiable in maps and, but for ``nearest``, in centres. Maps of
    less than 32 bits are sampled in float32.

    Args:
        maps: ``(batch, channels, radii, angles)``, or of several centres
            ``(batch, channels, n, radii, angles)``.
        centres: as in `log_polar`, but not ``"pixels"``; None for the centre of the image.
        size: height and width of the images in pixels, or one number for both.
        r_min: smallest radius of the maps, in pixels.
        r_max: their largest radius, in pixels; left out, as in `log_polar`, by the size.
        mode: how to interpolate between the samples of a map, as in `log_polar`.
        border: what lies beyond the largest radius, as in `log_polar`.

    Returns:
        ``(batch, channels, height, width)``; of several centres
        ``(batch, channels, n, height, width)``.

    Raises:
        ValueError: if numbers or shapes do not fit.
    """
    refuse_other_modes(mode)
    height, width = (size, size) if isinstance(size, int) else size
    if min(height, width) < 1:
        raise ValueError(f"size must be height and width in pixels, got {size}")
    several = maps.ndim == 5
    _refuse_other_maps(maps, centres)
    radii, angles = maps.shape[-2:]
    reach = largest_radius((height, width), r_max)
    growth = ring_growth(radii, angles, r_min, reach)
    dtype = torch.promote_types(maps.dtype, torch.float32)
    where = middle(height, width, dtype, maps.device) if centres is None else centres.to(dtype)
    offsets = pixels(height, width, dtype, maps.device) - where.reshape(-1, 1, 1, 2)
    rings = maps.transpose(1, 2).flatten(0, 1) if several else maps
    rings = _wrapped(rings.to(dtype) - outside(border, 3))
    if centres is None:  # all maps are looked at in the same places
        rings = rings.flatten(0, 1)[None]
    places, inside = _places(offsets, growth, angles, r_min, reach)
    found = at_pixels(rings, places + _AROUND, mode) * inside[:, None]
    found = found.reshape(-1, maps.shape[1], height, width) + outside(border, 3)
    if several:
        found = found.view(len(maps), -1, *found.shape[1:]).transpose(1, 2)
    return found.to(maps.dtype)


def _wrapped(maps: Tensor) -> Tensor:
    """Maps with their last columns before the first and so on, and their outermost rows twice."""
    columns = maps.shape[-1]
    turns = 1 + 2 * -(-_AROUND // columns)  # several where there is one angle only
    repeated = torch.cat([maps] * turns, dim=-1)
    first = columns * (turns // 2) - _AROUND
    around = repeated[..., first : first + columns + 2 * _AROUND]
    shape = (*around.shape[:-2], _AROUND, around.shape[-1])
    return torch.cat(
        (around[..., :1, :].expand(shape), around, around[..., -1:, :].expand(shape)), dim=-2
    )


def _places(
    offsets: Tensor, growth: float, angles: int, r_min: float, r_max: float
) -> tuple[Tensor, Tensor]:
    """Column and row of each offset in a map, ``(..., 2)``, and 1 where the map reaches so far."""
    x, y = offsets.unbind(dim=-1)
    square = x.square() + y.square()
    row = square.clamp(min=r_min**2, max=r_max**2).log() / (2 * growth) - math.log(r_min) / growth
    x = torch.where(square > 0, x, 1.0)  # the centre has no angle, and no gradient
    column = torch.atan2(-y, x) * (angles / (2 * math.pi))
    column = torch.where(column < 0, column + angles, column)
    inside = (square <= r_max**2 * (1 + 1e-6)).to(offsets.dtype)
    return torch.stack((column, row), dim=-1), inside


def _refuse_other_maps(maps: Tensor, centres: Tensor | None) -> None:
    shape = tuple(maps.shape)
    if maps.ndim not in (4, 5):
        raise ValueError(f"maps must be (batch, channels, [n,] radii, angles), got {shape}")
    if centres is not None:
        refuse_other_centres(centres, len(maps))
    if (maps.ndim == 5) != (centres is not None and centres.ndim == 3) or (
        maps.ndim == 5 and centres is not None and maps.shape[2] != centres.shape[1]
    ):
        found = None if centres is None else tuple(centres.shape)
        raise ValueError(f"maps of several centres need as many centres, got {shape} and {found}")
