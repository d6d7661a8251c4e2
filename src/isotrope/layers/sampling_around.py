"""Images sampled at the same offsets around one centre, around several, or around every pixel."""

from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from isotrope.layers.bilinear_sampling import sampled
from isotrope.layers.constants import made_once
from isotrope.layers.gaussian_stack import blurred_rows

Mode = Literal["bilinear", "bicubic", "nearest"]
Centres = Tensor | Literal["pixels"] | None


def sampled_around(
    images: Tensor,
    centres: Centres,
    offsets: Tensor,
    mode: Mode = "bilinear",
    border: float | Tensor = 0.0,
    variances: tuple[float, ...] = (),
) -> Tensor:
    """The images at some offsets from each centre.

    It is differentiable in images, centres and offsets (with ``nearest`` in images alone). Images
    of less than 32 bits are sampled in float32.

    Args:
        images: ``(batch, channels, height, width)``.
        centres: x and y in pixels, 0 at the centre of the first pixel, y down: one for each image,
            ``(batch, 2)``; several for each, ``(batch, n, 2)``; ``"pixels"`` for the centre of
            every pixel; None for the centre of the image.
        offsets: ``(rows, columns, 2)``: x and y in pixels, in the type that is sampled in.
        mode: ``bilinear``, ``bicubic`` (a = -0.75) or ``nearest``.
        border: what lies outside the image: a number, or one for each channel, ``(channels,)``.
        variances: of the Gaussian under the samples of each row, in square pixels, above 0, none
            smaller than the one before; left out, points are sampled.

    Returns:
        ``(batch, channels, rows, columns)``; with several centres ``(batch, channels, n, rows,
        columns)``; with ``"pixels"`` ``(batch, channels, height, width, rows, columns)``.

    Raises:
        ValueError: if the mode is unknown, or shapes or types do not fit.
    """
    refuse_other_modes(mode)
    if images.ndim != 4 or not images.is_floating_point():
        raise ValueError(
            "images must be (batch, channels, height, width) of floating numbers, "
            f"got {tuple(images.shape)} {images.dtype}"
        )
    batch, channels, height, width = images.shape
    dtype, device = offsets.dtype, images.device
    among: tuple[int, ...] = ()
    if isinstance(centres, Tensor):
        refuse_other_centres(centres, batch)
        among, where = tuple(centres.shape[1:-1]), centres.to(dtype)
    elif centres is None:
        where = middle(height, width, dtype, device)
    elif centres == "pixels":
        among, where = (height, width), pixels(height, width, dtype, device)
    else:
        raise ValueError(f"centres must be a tensor, 'pixels' or None, got {centres!r}")
    seen, bordered = images.to(dtype), isinstance(border, Tensor) or border != 0
    if bordered:
        seen = seen - outside(border, 3)
    if not isinstance(centres, Tensor):  # all images and channels are looked at in the same places
        seen = seen.flatten(0, 1)[None]
    positions = where.reshape(len(seen), -1, 1, 1, 2) + offsets

    def sample(level: Tensor, rows: slice) -> Tensor:
        some = positions[:, :, rows]
        found = at_pixels(level, some.flatten(1, 2), mode)
        return found.view(*found.shape[:2], *some.shape[1:4])

    found = blurred_rows(seen, variances, sample) if variances else sample(seen, slice(None))
    found = found.reshape(batch, channels, *among, *offsets.shape[:2])
    if bordered:
        found = found + outside(border, found.ndim - 1)
    return found.to(images.dtype)


def at_pixels(images: Tensor, positions: Tensor, mode: Mode) -> Tensor:
    """Images at positions in pixels, ``(batch, rows, columns, 2)``, with zeros outside."""
    height, width = images.shape[-2:]
    grid = (2 * positions + 1) / _sides(height, width, positions.dtype, positions.device) - 1
    if mode == "bilinear":
        return sampled(images, grid)
    return F.grid_sample(images, grid, mode=mode, align_corners=False)


@made_once
def _sides(height: int, width: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.tensor([width, height], dtype=dtype, device=device)


@made_once
def middle(height: int, width: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The centre of images, ``(1, 2)``: x and y in pixels."""
    return torch.tensor([[(width - 1) / 2, (height - 1) / 2]], dtype=dtype, device=device)


@made_once
def pixels(height: int, width: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The centres of pixels, ``(height, width, 2)``: x and y."""
    y, x = (torch.arange(side, dtype=dtype, device=device) for side in (height, width))
    return torch.stack((x.expand(height, -1), y[:, None].expand(-1, width)), dim=-1)


def outside(border: float | Tensor, behind: int) -> float | Tensor:
    """What lies outside images; one number for each channel has so many dimensions in all."""
    return border.view(-1, *(1,) * (behind - 1)) if isinstance(border, Tensor) else border


def refuse_other_modes(mode: str) -> None:
    """Refuse what is no interpolation."""
    if mode not in get_args(Mode):
        raise ValueError(f"unknown mode '{mode}'; choose from {', '.join(get_args(Mode))}")


def refuse_other_centres(centres: Tensor, batch: int) -> None:
    """Refuse centres that are not one or several for each image."""
    if centres.ndim not in (2, 3) or len(centres) != batch or centres.shape[-1] != 2:
        shape = tuple(centres.shape)
        raise ValueError(f"centres must be ({batch}, 2) or ({batch}, n, 2), got {shape}")
