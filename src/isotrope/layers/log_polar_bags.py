"""Log-polar sampling in one operation: weighted sums of the rows of a table.

A row of the table is a pixel with all channels and images; a *bag* are the rows that one point
reads about one centre. The transpose has a bag for each pixel and sums what was read there, so that
gradients are gathered, too, in the same order each time.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from isotrope.layers.constants import made_once
from isotrope.layers.log_polar_bank import Bank
from isotrope.layers.log_polar_jobs import Site

Integers = NDArray[np.int64]


class Bags(NamedTuple):
    """Which rows of a table are summed.

    Args:
        places: rows of the table.
        starts: where each bag begins.
        weights: what each row counts.
    """

    places: Tensor
    starts: Tensor
    weights: Tensor


def bag_sums(table: Tensor, bags: Bags) -> Tensor:
    """The sum of each bag: ``(bags, features)`` from a table ``(rows, features)``."""
    found: Tensor = F.embedding_bag(
        bags.places, table, bags.starts, mode="sum", per_sample_weights=bags.weights
    )
    return found


@made_once
def reading(
    bank: Bank, site: Site, height: int, width: int, dtype: torch.dtype, device: torch.device
) -> Bags:
    """A bag for each ``(angle, radius, centre)``, of a table ``(level, row, column)``."""
    points, pixels, weights = _taps(bank, site, height, width)
    count = bank.grid.rows * bank.grid.num_angles * site.height * site.width
    return _bags(points, pixels, weights, count, dtype, device)


@made_once
def spreading(
    bank: Bank, site: Site, height: int, width: int, dtype: torch.dtype, device: torch.device
) -> Bags:
    """A bag for each ``(level, row, column)``, of a table ``(angle, radius, centre)``."""
    points, pixels, weights = _taps(bank, site, height, width)
    return _bags(pixels, points, weights, len(bank.smoothing) * height * width, dtype, device)


def _bags(
    bags: Integers,
    places: Integers,
    weights: NDArray[np.float64],
    count: int,
    dtype: torch.dtype,
    device: torch.device,
) -> Bags:
    order = np.argsort(bags, kind="stable")
    starts = np.concatenate(([0], np.cumsum(np.bincount(bags, minlength=count))[:-1]))
    return Bags(
        torch.tensor(places[order], dtype=torch.int32, device=device),
        torch.tensor(starts, dtype=torch.int32, device=device),
        torch.tensor(weights[order], dtype=dtype, device=device),
    )


def _taps(
    bank: Bank, site: Site, height: int, width: int
) -> tuple[Integers, Integers, NDArray[np.float64]]:
    """All that is read inside of maps: the point with its centre, the pixel, and the weight."""
    numbers = np.repeat(np.arange(len(bank.starts) - 1), np.diff(bank.starts))
    radii, angles = np.divmod(numbers, bank.grid.num_angles)
    centres = np.arange(site.height * site.width)
    rows, columns = np.divmod(centres, site.width)
    down = bank.down[:, None] + site.top + site.stride * rows
    across = bank.across[:, None] + site.left + site.stride * columns
    inside = (down >= 0) & (down < height) & (across >= 0) & (across < width)
    points = (angles * bank.grid.rows + radii)[:, None] * len(centres) + centres
    pixels = (bank.levels[radii][:, None] * height + down) * width + across
    weights = np.broadcast_to(bank.weights[:, None], inside.shape)
    return points[inside], pixels[inside], weights[inside]
