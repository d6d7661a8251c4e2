"""Images between their pixels by cubic splines, as `scipy.ndimage` has them by default.

A cubic B-spline goes through all pixels; beyond the border it is that of the mirrored image, whose
border pixels are not repeated. Nothing is seen outside of the middles of the border pixels.
"""

import torch
from torch import Tensor

from isotrope.layers.constants import made_once


def spline_sampled(images: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Images at other points, zeros outside.

    Agrees with ``scipy.ndimage.map_coordinates(image, (y, x), order=3)`` up to float64 rounding.

    Shapes:
        images: ``(n, channels, height, width)`` of any type
        y: float64 ``(n, height, width)``, in pixels from the middle of the first one
        x: as y
        output: float64, as the images
    """
    count, channels, height, width = images.shape
    heights, widths = (_coefficients(side, str(images.device)) for side in (height, width))
    coefficients = (heights @ images.double() @ widths.mT).flatten(2)
    rows, down = _taps(y, height)
    columns, across = _taps(x, width)
    found = torch.zeros_like(coefficients)
    for row, weight in zip((rows * width).unbind(1), down.unbind(1), strict=True):
        for column, other in zip(columns.unbind(1), across.unbind(1), strict=True):
            places = (row + column).view(count, 1, -1).expand(-1, channels, -1)
            found.addcmul_((weight * other).view(count, 1, -1), coefficients.gather(2, places))
    inside = (y >= 0) & (y <= height - 1) & (x >= 0) & (x <= width - 1)
    return found.view(images.shape) * inside[:, None]


def _taps(places: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """The four pixels around each place along an axis, mirrored at the border; their weights.

    Shapes:
        places: ``(n, height, width)``
        output: int64 and float64 ``(n, 4, height, width)``
    """
    tap = torch.arange(-1, 3, device=places.device)[:, None, None]
    first = places.floor()[:, None]
    far = (places[:, None] - first - tap).abs()
    near = 2 / 3 - far**2 * (1 - far / 2)
    weights = torch.where(far < 1, near, (2 - far) ** 3 / 6)
    return _mirrored(first.long() + tap, side), weights


def _mirrored(indices: Tensor, side: int) -> Tensor:
    """Indices of pixels in the mirrored image: 0 1 2 1 0 1 2 for three pixels."""
    if side == 1:
        return torch.zeros_like(indices)
    period = 2 * (side - 1)
    within = indices % period
    return torch.minimum(within, period - within)


@made_once
def _coefficients(side: int, device: str) -> Tensor:
    """The matrix that turns pixels along an axis into coefficients of the spline."""
    pixels = torch.arange(side)
    matrix = torch.zeros(side, side, dtype=torch.float64)
    for tap, weight in ((-1, 1 / 6), (0, 2 / 3), (1, 1 / 6)):
        neighbours = _mirrored(pixels + tap, side)
        matrix.index_put_((pixels, neighbours), torch.tensor(weight).double(), accumulate=True)
    inverse: Tensor = torch.linalg.inv(matrix)
    return inverse.to(device)
