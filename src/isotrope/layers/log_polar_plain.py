"""Log-polar convolutions in operations of torch that suit a CPU's cache.

Arguments as in `isotrope.layers.log_polar_products`. Forward: some rows of centres at a time are
sampled (sums of weighted rows of a table, whose rows are the channels of a pixel), convolved and
pooled, so that samples and responses stay small. Backward: for one cell of the kernels after the
other, the gradient of each winner is put at the pixels that the cell reads there; products with
images and weights follow. That takes as many sums as there are winners, cells and taps, whatever
the number of input channels.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from isotrope.layers.constants import made_once
from isotrope.layers.log_polar_bank import Bank
from isotrope.layers.log_polar_jobs import Job, Site
from isotrope.layers.log_polar_pooling import largest

_AT_ONCE = 2**19  # numbers
Around = tuple[int, int, int, int]  # above, left, below, right


def forward(maps: Tensor, weight: Tensor, job: Job) -> tuple[Tensor, Tensor]:
    """Values and winners."""
    site, around = job.site, _around(job.bank, job.site, maps.shape[-2], maps.shape[-1])
    stack, _, batch = maps.shape[:3]
    shape = (stack, batch, weight.shape[1], job.pooling.slots, site.height, site.width)
    values = maps.new_empty(shape)
    winners = torch.empty(shape, dtype=torch.int16, device=maps.device)
    tables = _tables(maps, around)
    for start, some in _tiles(weight, job):
        taps = _taps(job.bank, some, around, weight.shape[-1], maps)
        for row in range(stack):
            for image in range(batch):
                found = _responses(tables[row, image].flatten(0, 2), weight[row], job, taps)
                for whole, part in zip((values, winners), largest(found, job.pooling), strict=True):
                    part = part.permute(2, 1, 0).reshape(*shape[2:4], -1, site.width)
                    whole[row, image, :, :, start : start + some.height] = part
    return values, winners


def _tables(maps: Tensor, around: Around) -> Tensor:
    """All pixels, and zeros around: ``(stack, batch, levels, height, width, channels)``."""
    above, left, below, right = around
    seen = maps[:1] if maps.stride(0) == 0 else maps
    padded = F.pad(seen, (left, right, above, below)).permute(0, 2, 1, 4, 5, 3).contiguous()
    return padded.expand(len(maps), *padded.shape[1:])


def _tiles(weight: Tensor, job: Job) -> list[tuple[int, Site]]:
    """Rows of centres to be computed together, and where they begin."""
    grid, site, (channels, _, more) = job.bank.grid, job.site, weight.shape[2:]
    samples = grid.rows * (grid.num_angles + more - 1) * channels
    responses = job.pooling.rows * grid.num_angles * weight.shape[1]
    rows = max(1, _AT_ONCE // ((samples + responses) * site.width))
    starts = range(0, site.height, rows)
    return [(start, site.rows(start, min(start + rows, site.height))) for start in starts]


def _taps(
    bank: Bank, site: Site, around: Around, cells: int, maps: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """What is read at some centres, one bag for each of their points; angles go on by some cells.

    Returns:
        Places in the table, where bags begin, and weights.
    """
    height, width = (maps.shape[i - 2] + around[i] + around[i + 2] for i in (0, 1))
    offsets, starts, weights = _taps_of_pixel(bank, height, width, cells, maps.dtype, maps.device)
    places = _centres(site, around, width, maps.device)[:, None] + offsets
    first = torch.arange(len(places), device=maps.device)[:, None] * len(offsets)
    bags = (first + starts).flatten().to(places.dtype)
    return places.flatten(), bags, weights.expand(len(places), -1).flatten()


@made_once
def _taps_of_pixel(
    bank: Bank, height: int, width: int, cells: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Offsets in a table of levels of this size, where points begin, and weights."""
    angles = np.arange(bank.grid.num_angles + cells - 1) % bank.grid.num_angles
    points = (np.arange(bank.grid.rows)[:, None] * bank.grid.num_angles + angles).ravel()
    counts = np.diff(bank.starts)[points]
    starts = np.concatenate(([0], np.cumsum(counts)))
    taps = np.arange(starts[-1]) + np.repeat(bank.starts[points] - starts[:-1], counts)
    levels = np.repeat(bank.levels[points // bank.grid.num_angles], counts)
    offsets = (levels * height + bank.down[taps]) * width + bank.across[taps]
    return (
        torch.tensor(offsets, dtype=torch.int32, device=device),
        torch.tensor(starts[:-1], device=device),
        torch.tensor(bank.weights[taps], dtype=dtype, device=device),
    )


def _responses(
    table: Tensor, weight: Tensor, job: Job, taps: tuple[Tensor, Tensor, Tensor]
) -> Tensor:
    """All responses at some centres of an image: ``(pixels, rows, angles, out_channels)``."""
    places, bags, weights = taps
    samples = F.embedding_bag(places, table, bags, mode="sum", per_sample_weights=weights)
    shape = (job.bank.grid.rows, job.bank.grid.num_angles + weight.shape[-1] - 1, -1)
    samples = samples.view(-1, *shape[:2], table.shape[1]).permute(0, 3, 1, 2)
    return F.conv2d(samples, weight).permute(0, 2, 3, 1)


def backward(
    gradient: Tensor,
    winners: Tensor,
    maps: Tensor,
    weight: Tensor,
    job: Job,
    wanted: tuple[bool, bool],
) -> tuple[Tensor | None, Tensor | None]:
    """The gradients of maps and weights, each where it is wanted."""
    of_maps = torch.zeros_like(maps, memory_format=torch.contiguous_format) if wanted[0] else None
    of_weight = weight.new_zeros(weight.shape) if wanted[1] else None
    stack, _, batch = maps.shape[:3]
    for row in range(stack):
        for image in range(batch):
            spread = _Spread(gradient[row, image], winners[row, image], job, maps, weight)
            seen = maps[row, :, image].transpose(0, 1)
            for i in range(weight.shape[3]):
                for j in range(weight.shape[4]):
                    found = spread.of_cell(i, j).flatten(1)
                    if of_weight is not None:
                        of_weight[row, :, :, i, j].addmm_(found, seen.flatten(1).T)
                    if of_maps is not None:
                        part = (weight[row, :, :, i, j].T @ found).view(seen.shape)
                        of_maps[row, :, image].add_(part.transpose(0, 1))
    return of_maps, of_weight


class _Spread:
    """The gradient of an image's projections onto the cells of the kernels.

    Shapes:
        gradient, winners: ``(out_channels, slots, rows, columns)``
    """

    def __init__(
        self, gradient: Tensor, winners: Tensor, job: Job, maps: Tensor, weight: Tensor
    ) -> None:
        self.size = (maps.shape[-2], maps.shape[-1])
        self.around = _around(job.bank, job.site, *self.size)
        height, width = (self.size[i] + self.around[i] + self.around[i + 2] for i in (0, 1))
        self.padded = (len(gradient), maps.shape[1], height, width)
        self.offsets, self.weights = _reads(
            job, height, width, weight.shape[-1], gradient.dtype, gradient.device
        )
        self.winners = winners.flatten().int()
        channel = torch.arange(len(gradient), device=maps.device)[:, None, None]
        centres = _centres(job.site, self.around, width, maps.device)
        first = channel * (maps.shape[1] * height * width) + centres
        self.first = first.expand(-1, winners.shape[1], -1).flatten()
        self.gradient = gradient.flatten()

    def of_cell(self, i: int, j: int) -> Tensor:
        """That of row i and column j: ``(out_channels, levels, height, width)``."""
        found = self.gradient.new_zeros(self.padded)
        for tap in range(len(self.offsets)):
            offsets = self.offsets[tap, i, j].index_select(0, self.winners)
            shares = self.weights[tap, i, j].index_select(0, self.winners)
            found.view(-1).scatter_add_(0, offsets.add_(self.first), shares.mul_(self.gradient))
        above, left, _, _ = self.around
        return found[..., above : above + self.size[0], left : left + self.size[1]]


@made_once
def _reads(
    job: Job, height: int, width: int, cells: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Where the cells of a kernel read, and how much, for each response.

    Taps that a point lacks have the weight zero.

    Returns:
        Both ``(taps, kernel_rows, kernel_angles, responses)``; the first counted in levels of this
        size.
    """
    bank, pooling = job.bank, job.pooling
    counts = np.diff(bank.starts)
    points = np.repeat(np.arange(len(counts)), counts)
    order = np.arange(len(points)) - bank.starts[points]
    offsets = np.zeros((max(1, counts.max(initial=0)), len(counts)), dtype=np.int64)
    weights = np.zeros(offsets.shape)
    offsets += (np.repeat(bank.levels, pooling.angles) * height * width)[None]
    offsets[order, points] += bank.down * width + bank.across
    weights[order, points] = bank.weights
    across = np.arange(cells)[:, None, None] + np.arange(pooling.angles)
    down = np.arange(bank.grid.rows - pooling.rows + 1)[:, None, None, None]
    down = down + np.arange(pooling.rows)[:, None]
    read = (down * pooling.angles + across % pooling.angles).reshape(*down.shape[:1], cells, -1)
    return (
        torch.tensor(offsets[:, read], device=device),
        torch.tensor(weights[:, read], dtype=dtype, device=device),
    )


def _around(bank: Bank, site: Site, height: int, width: int) -> Around:
    """How far taps reach beyond maps."""
    down = site.top + site.stride * (site.height - 1) + bank.reach - (height - 1)
    across = site.left + site.stride * (site.width - 1) + bank.reach - (width - 1)
    sides = (bank.reach - site.top, bank.reach - site.left, down, across)
    above, left, below, right = (max(0, side) for side in sides)
    return above, left, below, right


@made_once
def _centres(site: Site, around: Around, width: int, device: torch.device) -> Tensor:
    """The places of all centres in flat maps that are so wide."""
    rows = torch.arange(site.height, device=device) * site.stride + site.top + around[0]
    columns = torch.arange(site.width, device=device) * site.stride + site.left + around[1]
    return (rows[:, None] * width + columns).flatten().int()
