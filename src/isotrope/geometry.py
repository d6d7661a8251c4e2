"""Resampling as pure functions: matrices that resize or roll along one axis, the image pyramid,
affine grids.

A resize is separable, so one matrix per axis says all of it. Its entries are ratios of whole
numbers and are kept as such until a floating-point type is chosen.
"""

import math
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

Interpolation = Literal["nearest", "bilinear", "bicubic", "area"]
INTERPOLATIONS: tuple[Interpolation, ...] = get_args(Interpolation)
Spacing = Literal["arithmetic", "logarithmic"]
Reading = Literal["fourier", "bilinear"]


def kernel_sizes(smallest: int, side: int, spacing: Spacing) -> list[int]:
    """Sizes of kernels that share their centres: all are odd or all are even.

    ``arithmetic`` takes every size from the smallest on; ``logarithmic`` the smallest times the
    powers of the cube root of two (1.26, 1.59, 2, ...), each rounded to a size of its parity.

    Args:
        smallest: the smallest size, in pixels, at least 1.
        side: the side that the largest has to fit, in pixels.
        spacing: ``arithmetic`` or ``logarithmic``.

    Raises:
        ValueError: if not even the smallest fits, or the spacing is unknown.
    """
    if not 1 <= smallest <= side:
        raise ValueError(f"kernels of {smallest} pixels do not fit a side of {side} pixels")
    sizes = list(range(smallest, side + 1, 2))
    if spacing == "arithmetic":
        return sizes
    if spacing != "logarithmic":
        raise ValueError(f"unknown spacing '{spacing}'; choose from {', '.join(get_args(Spacing))}")
    thirds = range(3 * (side // smallest).bit_length() + 1)
    growth = (smallest * (2 ** (third / 3) - 1) for third in thirds)
    wanted = {smallest + 2 * math.floor(more / 2 + 0.5) for more in growth}
    return [size for size in sizes if size in wanted]


def resize_ratios(source: int, target: int, interpolation: Interpolation) -> tuple[Tensor, int]:
    """The resize from ``source`` to ``target`` cells as whole numbers over one denominator.

    ``area`` averages the source cells by the part of the target cell that each covers, whether the
    image grows or shrinks; the other three are those of ``torch.nn.functional.interpolate``
    without antialiasing: ``nearest`` takes the cell ``floor(j * source / target)``; ``bilinear``
    and ``bicubic`` (a = -0.75) stand on half-pixel centres (``align_corners=False``) and repeat the
    outermost cell beyond the border.

    Args:
        source: number of cells before, at least 1.
        target: number of cells after, at least 1.
        interpolation: one of ``INTERPOLATIONS``.

    Returns:
        Numerators of shape ``(target, source)``, int64 and always on the CPU, and their
        denominator. The numerators of a row sum to the denominator.

    Raises:
        ValueError: if a size is below 1 or the interpolation is unknown.
    """
    if source < 1 or target < 1:
        raise ValueError(f"sizes must be at least 1, got {source} and {target}")
    if interpolation == "area":
        return _overlaps(source, target), source
    cell = torch.arange(target, device="cpu")
    if interpolation == "nearest":
        taps, weights, denominator = (cell * source // target)[:, None], cell.new_ones(target, 1), 1
    elif interpolation in ("bilinear", "bicubic"):
        steps = 2 * target  # a source cell holds this many of the steps that centres fall on
        centre = (2 * cell + 1) * source - target
        below, past = centre.div(steps, rounding_mode="floor"), centre.remainder(steps)
        if interpolation == "bilinear":
            offsets, weights, denominator = [0, 1], torch.stack((steps - past, past), 1), steps
        else:
            offsets, weights = [-1, 0, 1, 2], _cubic_weights(past, steps)
            denominator = 4 * steps**3
        taps = (below[:, None] + below.new_tensor(offsets)).clamp(0, source - 1)
    else:
        raise ValueError(
            f"unknown interpolation '{interpolation}'; choose from {', '.join(INTERPOLATIONS)}"
        )
    numerators = weights.new_zeros(target, source).scatter_add(1, taps, weights)
    return numerators, denominator


def _overlaps(source: int, target: int) -> Tensor:
    """What each target cell shares with each source cell, in parts ``1 / source`` of the former."""
    row = torch.arange(target, device="cpu")[:, None]
    column = torch.arange(source, device="cpu")
    end = torch.minimum((row + 1) * source, (column + 1) * target)
    return (end - torch.maximum(row * source, column * target)).clamp(min=0)


def _cubic_weights(past: Tensor, steps: int) -> Tensor:
    """Weights of the four taps around a point ``past / steps`` beyond a centre, times ``4 steps³``.

    Cubic convolution of Keys, "Cubic Convolution Interpolation for Digital Image Processing",
    IEEE Trans. ASSP 29 (6), 1981, with a = -3/4 in place of his -1/2, as torch has it.
    """

    def near(x: Tensor) -> Tensor:
        return 5 * x**3 - 9 * x**2 * steps + 4 * steps**3

    def far(x: Tensor) -> Tensor:
        return -3 * (x**3 - 5 * x**2 * steps + 8 * x * steps**2 - 4 * steps**3)

    rest = steps - past
    return torch.stack((far(steps + past), near(past), near(rest), far(steps + rest)), dim=1)


def resize_matrix(
    source: int,
    target: int,
    interpolation: Interpolation,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
) -> Tensor:
    """The matrix that resizes ``source`` cells to ``target`` along one axis; see `resize_ratios`.

    ``rows @ image @ columns.T`` resizes an image along both.

    Returns:
        Shape ``(target, source)``; each row sums to 1.

    Raises:
        ValueError: if a size is below 1 or the interpolation is unknown.
    """
    numerators, denominator = resize_ratios(source, target, interpolation)
    where = torch.get_default_device() if device is None else device
    return (numerators.to(torch.float64) / denominator).to(where, dtype)


def roll_matrix(
    side: int,
    shift: float,
    reading: Reading,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
) -> Tensor:
    """The matrix that rolls cells along one axis, by any part of a cell.

    ``fourier`` is exact for what the cells can hold: the trigonometric polynomial through them is
    rolled and read anew, so that rolls add up and none loses anything, but for the alternating
    pattern of an even side, whose roll is cos(pi shift) times itself. ``bilinear`` reads between
    the two nearest cells. Both roll by whole cells exactly.

    ``rows @ image @ columns.T`` rolls an image along both.

    Args:
        side: how many cells there are, at least 1.
        shift: towards higher indices, in cells.
        reading: how cells are read between their centres.
        dtype: of the matrix, which is computed in float64.
        device: of the matrix.

    Returns:
        Shape ``(side, side)``; each row sums to 1.

    Raises:
        ValueError: if the side is below 1 or the reading is unknown.
    """
    if side < 1:
        raise ValueError(f"need a side of at least 1 cell, got {side}")
    if reading not in get_args(Reading):
        raise ValueError(f"unknown reading '{reading}'; choose from {', '.join(get_args(Reading))}")
    whole = math.floor(shift)
    cells = torch.eye(side, dtype=torch.float64).roll(whole, 0)
    if (part := shift - whole) == 0:
        found = cells
    elif reading == "bilinear":
        found = (1 - part) * cells + part * cells.roll(1, 0)
    else:
        steps = torch.arange(side // 2 + 1, dtype=torch.float64) * (2 * math.pi * part / side)
        turned = torch.fft.rfft(cells, dim=0) * torch.polar(torch.ones_like(steps), -steps)[:, None]
        found = torch.fft.irfft(turned, n=side, dim=0)
    return found.to(torch.get_default_device() if device is None else device, dtype)


def pyramid_down(images: Tensor) -> Tensor:
    """Blur images and halve both sides: one step of a Gaussian pyramid.

    The blur is the binomial filter (1, 4, 6, 4, 1) / 16 along each axis over the image reflected at
    its borders (the outermost pixel is not repeated); the resize is bilinear with half-pixel
    centres, that is the mean of 2 x 2 pixels where the sides are even.

    Source: Burt and Adelson, "The Laplacian Pyramid as a Compact Image Code", IEEE Trans.
    Communications 31 (4), 1983; the resize is that of kornia's ``pyrdown``.

    Shapes:
        images: ``(batch, channels, height, width)``
        output: ``(batch, channels, height // 2, width // 2)``

    Raises:
        ValueError: if a side is shorter than 3 pixels, which the reflection needs.
    """
    batch, channels, height, width = images.shape
    if min(height, width) < 3:
        raise ValueError(f"images must have 3 pixels or more a side, got {height} x {width}")
    squares = torch.arange(-2, 3, dtype=images.dtype, device=images.device).square()
    binomial = 6 - squares * (9 - squares) / 4  # 1, 4, 6, 4, 1, without a copy from the host
    kernel = (binomial[:, None] * binomial / 256)[None, None]
    padded = F.pad(images, (2, 2, 2, 2), mode="reflect").flatten(0, 1)[:, None]
    blurred = F.conv2d(padded, kernel).view(batch, channels, height, width)
    size = (height // 2, width // 2)
    return F.interpolate(blurred, size=size, mode="bilinear", align_corners=False)


def pixel_centres(side: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Where the pixels along a side are, in half-sides from the centre of the image."""
    return (2 * torch.arange(side, dtype=dtype, device=device) + 1) / side - 1


def affine_grid(maps: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Where affine maps look for each pixel, as ``torch.nn.functional.grid_sample`` wants it.

    The same as ``torch.nn.functional.affine_grid`` with ``align_corners=False``, which has no
    batching rule for ``torch.func.vmap`` as of torch 2.13.

    Args:
        maps: shape ``(batch, 2, 3)``; rows x and y, the last column the shift; in half-widths and
            half-heights from the centre.
        x: the `pixel_centres` along the width of the output.
        y: those along its height.

    Returns:
        Shape ``(batch, height, width, 2)``: x and y, -1 and 1 at the edges of the image.
    """
    by_x, by_y, shift = maps[:, None, None].unbind(dim=-1)
    return x[:, None] * by_x + y[:, None, None] * by_y + shift
