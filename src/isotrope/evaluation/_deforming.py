"""Images that are deformed, by so much: each pixel of the result is read at another place.

A place is ``u - tau(u)`` for the pixel at ``u``: of a turn, a shear, a shift and a perspective it
is found by a matrix, of the others by the formula of ``tau``, on coordinates that go from -1 to 1
between the outermost pixel centres, the first along rows (to the right), the second downwards. What
is read beyond the edge is black. ``sharpness`` moves nothing. What is drawn at random (the side to
which an image turns, the corners of a perspective) depends on a seed and the number of the image
alone, and is the same at every level.

Source of the deformations and their ranges: the code published for Gauthier et al., "Parametric
Scattering Networks", CVPR 2022, and the operations of torchvision that it calls; its first ``tau``
is ``mallat``. Differs from it: corners are no whole pixels, and the same ones move on from level to
level; images turn, shear and shift to both sides; the largest level is among the levels.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from isotrope.data._warp import pose_numbers
from isotrope.evaluation._turning import Interpolation, taps

Name = Literal[
    "rotation",
    "perspective",
    "shear",
    "sharpness",
    "translation",
    "mallat",
    "isotropic",
    "swap",
    "diagonal",
    "saddle",
    "quadratic_plus",
    "quadratic_minus",
    "exponential",
]
Tau = Callable[[Tensor, float], Tensor]  # (points, 2) and epsilon to (points, 2)

SIDE = 128  # points along an axis on which the size of a deformation is looked for
DRAWN = 9  # numbers of each image: a side, and two for each corner
_STREAM = 17  # tells these numbers from those of the poses of data sets
_GRID = 2.0**20  # places are multiples of 1 / this, so that no place is off by rounding
_AT_ONCE = 2**22  # pixels of results that are read at once

LARGEST: dict[Name, float] = {
    "rotation": 10.0,  # degrees
    "perspective": 0.2,  # of half the image, how far its corners move inwards
    "shear": 10.0,  # degrees
    "sharpness": 50.0,  # factor; 1 is the image itself
    "translation": 0.1,  # of the image's height, rounded down to whole pixels
    "mallat": 1.0,  # epsilon, as of all that follow; sizes stay below 1, so that nothing folds
    "isotropic": 0.8,
    "swap": 0.8,
    "diagonal": 0.4,
    "saddle": 0.55,
    "quadratic_plus": 0.2,
    "quadratic_minus": 0.2,
    "exponential": 0.45,
}


def _pair(first: Tensor, second: Tensor) -> Tensor:
    return torch.stack((first, second), dim=-1)


def _mallat(u: Tensor, eps: float) -> Tensor:
    return eps * _pair(0.5 * u[..., 0] + 0.3 * u[..., 1] ** 2, 0.3 * u[..., 1])


def _diagonal(u: Tensor, eps: float) -> Tensor:
    return eps * _pair(u.sum(dim=-1), u.sum(dim=-1))


def _saddle(u: Tensor, eps: float) -> Tensor:
    return eps * _pair(u[..., 0] + u[..., 1], u[..., 0] - u[..., 1])


def _quadratic(sign: float) -> Tau:
    return lambda u, eps: eps * _pair((u**2).sum(dim=-1), 2 * sign * u[..., 0] * u[..., 1])


TAUS: dict[Name, Tau] = {
    "mallat": _mallat,
    "isotropic": lambda u, eps: eps * u,
    "swap": lambda u, eps: eps * u.flip(-1),
    "diagonal": _diagonal,
    "saddle": _saddle,
    "quadratic_plus": _quadratic(1.0),
    "quadratic_minus": _quadratic(-1.0),
    "exponential": lambda u, eps: torch.expm1(eps * u),
}


class Level(NamedTuple):
    """A deformation and how much of it.

    Args:
        name: of the deformation.
        amount: degrees, pixels, a factor or epsilon, as ``LARGEST`` has it.
        size: what tells how large it is: for those with a ``tau`` see `size_of`, else the amount.
    """

    name: Name
    amount: float
    size: float


def levels(name: Name, steps: int, largest: float, height: int) -> list[Level]:
    """The image itself, and so many levels at equal distances up to the largest.

    Args:
        name: of the deformation.
        steps: how many, at least 1.
        largest: as in ``LARGEST``.
        height: of the images, in pixels.
    """
    if name == "translation":
        largest = float(max(1, int(largest * height)))
    amounts = [largest * step / steps for step in range(steps + 1)]
    if name == "sharpness":
        amounts[0] = 1.0
    return [Level(name, amount, size_of(name, amount)) for amount in amounts]


def size_of(name: Name, amount: float) -> float:
    """The size of a deformation with a ``tau``: the supremum of the norm of its Jacobian matrix.

    It is the largest spectral norm on ``SIDE`` times ``SIDE`` points that reach from edge to edge;
    below 1 nothing folds. Of other deformations it is the amount.
    """
    if name not in TAUS:
        return amount
    with torch.inference_mode(False):
        line = torch.linspace(-1, 1, SIDE, dtype=torch.float64)
        points = torch.cartesian_prod(line, line)
        columns = [
            torch.func.jvp(lambda u: TAUS[name](u, amount), (points,), (along.expand_as(points),))[
                1
            ]
            for along in torch.eye(2, dtype=torch.float64)
        ]
        jacobian = torch.stack(columns, dim=-1)
        return float(torch.linalg.matrix_norm(jacobian, 2).max())


def drawn(seed: int, numbers: Sequence[int]) -> Tensor:
    """What is drawn for images: uniform in 0..1, float64 ``(images, DRAWN)``.

    Args:
        seed: of all that is drawn.
        numbers: of the images in their split.
    """
    return torch.from_numpy(pose_numbers(seed, _STREAM, torch.tensor(numbers).numpy(), DRAWN))


def deformed(images: Tensor, level: Level, draws: Tensor, interpolation: Interpolation) -> Tensor:
    """Images at a level.

    Args:
        images: ``(batch, channels, height, width)`` float in 0..1.
        level: the deformation.
        draws: of each image, as `drawn` gives it.
        interpolation: how images are read between their pixels.

    Returns:
        The same shape, type and device; at the first level the same numbers.
    """
    if level.name == "sharpness":
        return sharpened(images, level.amount)
    height, width = images.shape[-2:]
    rows, columns = places(level, (height, width), draws)
    rows, columns = (one.expand(len(images), -1) for one in (rows, columns))
    some = max(1, _AT_ONCE // (height * width))
    found = torch.empty_like(images, memory_format=torch.contiguous_format)  # strides of their own
    for i in range(0, len(images), some):
        one = slice(i, i + some)
        found[one] = _read(images[one], rows[one], columns[one], interpolation)
    return found.clamp_(0, 1)


def places(level: Level, size: tuple[int, int], draws: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns at which pixels are read, float64 ``(images or 1, height * width)``.

    Args:
        level: a deformation that moves pixels.
        size: height and width of the images.
        draws: of each image.
    """
    height, width = size
    if level.name in TAUS:
        down = torch.linspace(-1, 1, height, dtype=torch.float64)
        right = torch.linspace(-1, 1, width, dtype=torch.float64)
        u = torch.cartesian_prod(down, right).flip(-1)
        x, y = (u - TAUS[level.name](u, level.amount)).unbind(dim=-1)
        found = (y + 1) / 2 * (height - 1), (x + 1) / 2 * (width - 1)
        return _rounded(found[0])[None], _rounded(found[1])[None]
    down = torch.arange(height, dtype=torch.float64) - (height - 1) / 2
    right = torch.arange(width, dtype=torch.float64) - (width - 1) / 2
    y, x = torch.cartesian_prod(down, right).unbind(dim=-1)
    matrices = homographies(level, size, draws)
    read = matrices @ torch.stack((x, y, torch.ones_like(x)))  # (images, 3, pixels)
    read = read[:, :2] / read[:, 2:]
    return _rounded(read[:, 1] + (height - 1) / 2), _rounded(read[:, 0] + (width - 1) / 2)


def homographies(level: Level, size: tuple[int, int], draws: Tensor) -> Tensor:
    """From x and y of a pixel about the centre to where it is read, float64 ``(images, 3, 3)``."""
    amount = torch.full((len(draws),), level.amount, dtype=torch.float64)
    amount = amount * torch.where(draws[:, 0] < 0.5, -1.0, 1.0)
    found = torch.eye(3, dtype=torch.float64).repeat(len(draws), 1, 1)
    if level.name == "rotation":
        cosine, sine = amount.deg2rad().cos(), amount.deg2rad().sin()
        found[:, 0, 0] = found[:, 1, 1] = cosine
        found[:, 0, 1], found[:, 1, 0] = -sine, sine
    elif level.name == "shear":
        found[:, 0, 1] = amount.deg2rad().tan()
    elif level.name == "translation":
        found[:, 0, 2] = -amount
    else:
        found = _perspective(level.amount, size, draws[:, 1:])
    return found


def _perspective(amount: float, size: tuple[int, int], draws: Tensor) -> Tensor:
    """What shows the corners of an image at places that are drawn inside of it.

    Args:
        amount: the largest part of half the image by which a corner moves.
        size: height and width.
        draws: two for each corner, ``(images, 8)``.
    """
    half = torch.tensor([size[1], size[0]], dtype=torch.float64) / 2
    signs = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]], dtype=torch.float64)
    corners = signs * (half - 0.5)
    moved = corners - signs * half * amount * draws.reshape(-1, 4, 2)
    x, y = moved.unbind(dim=-1)
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    to_x, to_y = corners.expand_as(moved).unbind(dim=-1)
    across = torch.stack((x, y, one, zero, zero, zero, -to_x * x, -to_x * y), dim=-1)
    along = torch.stack((zero, zero, zero, x, y, one, -to_y * x, -to_y * y), dim=-1)
    unknown = torch.linalg.solve(torch.cat((across, along), 1), torch.cat((to_x, to_y), 1))
    whole = torch.cat((unknown, torch.ones(len(draws), 1, dtype=torch.float64)), 1)
    return whole.reshape(-1, 3, 3)


def _rounded(values: Tensor) -> Tensor:
    return (values * _GRID).round() / _GRID


def _read(images: Tensor, rows: Tensor, columns: Tensor, interpolation: Interpolation) -> Tensor:
    """Images read at places of their own, ``(images, height * width)`` each."""
    count, channels, height, width = images.shape
    row, row_weights = taps(rows.flatten(), height, interpolation, 1.0, "black")
    column, column_weights = taps(columns.flatten(), width, interpolation, 1.0, "black")
    weights = (row_weights[:, :, None] * column_weights[:, None, :]).flatten(1)
    first = torch.arange(count).repeat_interleave(height * width) * height * width
    inside = (row[:, :, None] * width + column[:, None, :]).flatten(1) + first[:, None]
    pixels = images.movedim(1, -1).reshape(-1, channels)
    found = F.embedding_bag(
        inside.to(images.device),
        pixels,
        mode="sum",
        per_sample_weights=weights.to(images.device, images.dtype),
    )
    return found.reshape(count, height, width, channels).movedim(-1, 1)


def sharpened(images: Tensor, factor: float) -> Tensor:
    """Images ``(batch, channels, height, width)`` in 0..1, so many times as sharp.

    Each pixel but those at the edge goes away from the weighted mean of its neighbourhood of 3 x 3
    pixels (the middle counts five times), by ``factor`` times its distance; 0 is the mean, 1 the
    image itself.
    """
    if min(images.shape[-2:]) < 3:
        return images.clone()
    weights = torch.ones(3, 3, dtype=images.dtype, device=images.device)
    weights[1, 1] = 5
    channels = images.shape[1]
    kernel = (weights / 13).expand(channels, 1, 3, 3)
    inner = images[..., 1:-1, 1:-1]
    away = inner - F.conv2d(images, kernel, groups=channels)
    found = images.clone()
    found[..., 1:-1, 1:-1] = inner + (factor - 1) * away
    return found.clamp_(0, 1)
