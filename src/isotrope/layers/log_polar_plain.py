"""Log-polar convolutions in small operations of torch, for a CPU's cache.

Arguments as in `isotrope.layers.log_polar_products`. Forward: rows of centres are sampled, so many
at once that samples and responses stay small; then the samples of the radii under a kernel are one
matrix, which is not copied, and each angle of the kernel is one product. Backward: the gradient of
what each channel's kernel reads, projected to one number, is put where it was read, one cell of the
kernels after the other; products with images and weights follow. That takes as many sums as there
are winners, cells and taps, independently of the number of input channels.
"""

import numpy as np
import torch
from torch import Tensor

from isotrope.layers.constants import made_once
from isotrope.layers.log_polar_bank import Bank
from isotrope.layers.log_polar_jobs import Job
from isotrope.layers.log_polar_pooling import largest
from isotrope.layers.log_polar_sampling import Site, moves

_AT_ONCE = 2**21  # numbers


def forward(maps: Tensor, weight: Tensor, job: Job) -> tuple[Tensor, Tensor]:
    """Values and winners."""
    site = job.site
    stack, _, batch = maps.shape[:3]
    shape = (stack, batch, weight.shape[1], job.pooling.slots, site.height, site.width)
    values = maps.new_empty(shape)
    winners = torch.empty(shape, dtype=torch.int16, device=maps.device)
    for row in range(stack):
        kernel = weight[row].permute(3, 0, 2, 1).flatten(2)
        for image in range(batch):
            for start, some in _tiles(weight, job):
                found = largest(_responses(maps[row, :, image], kernel, job, some), job.pooling)
                end = start + some.height
                for whole, part in zip((values, winners), found, strict=True):
                    whole[row, image, :, :, start:end] = part.view(*part.shape[:2], -1, site.width)
    return values, winners


def _tiles(weight: Tensor, job: Job) -> list[tuple[int, Site]]:
    """Rows of centres to be computed together, and where they begin."""
    grid, (channels, _, more) = job.bank.grid, weight.shape[2:]
    samples = grid.rows * channels * (grid.num_angles + more - 1)
    responses = 2 * weight.shape[1] * job.pooling.rows * grid.num_angles
    rows = max(1, _AT_ONCE // ((samples + responses) * job.site.width))
    starts = range(0, job.site.height, rows)
    return [(start, job.site.rows(start, min(start + rows, job.site.height))) for start in starts]


def _responses(maps: Tensor, kernel: Tensor, job: Job, site: Site) -> Tensor:
    """All responses at some centres of an image.

    Shapes:
        maps: ``(levels, channels, height, width)``
        kernel: ``(kernel_angles, out_channels, kernel_rows * channels)``
        output: ``(out_channels, rows, angles, pixels)``
    """
    grid, channels = job.bank.grid, maps.shape[1]
    cells, out_channels, depth = kernel.shape
    around, pixels = grid.num_angles + cells - 1, site.height * site.width
    samples = maps.new_zeros(grid.rows, channels, around, site.height, site.width)
    for move in moves(job.bank, site, *maps.shape[-2:]):
        part = samples[move.radius, :, move.angle, move.target[0], move.target[1]]
        part.add_(maps[move.level][:, move.source[0], move.source[1]], alpha=move.weight)
    for angle in range(grid.num_angles, around):
        samples[:, :, angle] = samples[:, :, angle - grid.num_angles]
    rows, line = job.pooling.rows, around * pixels
    found = maps.new_zeros(rows, out_channels, grid.num_angles * pixels)
    for cell in range(cells):
        seen = samples.as_strided(
            (rows, depth, grid.num_angles * pixels), (channels * line, line, 1), cell * pixels
        )
        found.baddbmm_(kernel[cell].expand(rows, -1, -1), seen)
    return found.view(rows, out_channels, grid.num_angles, pixels).transpose(0, 1)


def backward(
    gradient: Tensor,
    winners: Tensor,
    maps: Tensor,
    weight: Tensor,
    job: Job,
    wanted: tuple[bool, bool],
) -> tuple[Tensor | None, Tensor | None]:
    """The gradients of maps and weights, each where it is wanted."""
    of_maps = maps.new_zeros(maps.shape) if wanted[0] else None
    of_weight = weight.new_zeros(weight.shape) if wanted[1] else None
    stack, _, batch = maps.shape[:3]
    for row in range(stack):
        for image in range(batch):
            spread = _Spread(gradient[row, image], winners[row, image], job, maps.shape)
            flat = maps[row, :, image].transpose(0, 1).flatten(1)
            for i in range(weight.shape[3]):
                for j in range(weight.shape[4]):
                    found = spread.of_cell(i, j)
                    if of_weight is not None:
                        of_weight[row, :, :, i, j].addmm_(found, flat.T)
                    if of_maps is not None:
                        part = (weight[row, :, :, i, j].T @ found).view(
                            -1, maps.shape[1], *maps.shape[-2:]
                        )
                        of_maps[row, :, image].add_(part.transpose(0, 1))
    return of_maps, of_weight


class _Spread:
    """The gradient of an image's projections onto the cells of the kernels.

    Shapes:
        gradient, winners: ``(out_channels, slots, rows, columns)``
    """

    def __init__(self, gradient: Tensor, winners: Tensor, job: Job, shape: torch.Size) -> None:
        self.angles = job.bank.grid.num_angles
        self.channels, self.levels, self.size = len(gradient), shape[1], shape[-2:]
        self.around = _around(job.bank, job.site, *self.size)
        above, left, below, right = self.around
        height, width = self.size[0] + above + below, self.size[1] + left + right
        self.padded = (self.channels, self.levels, height, width)
        self.offsets, self.weights = _taps(job.bank, height, width, gradient.dtype, gradient.device)
        places = winners.flatten(1).long()
        self.rows, self.turns = places // self.angles, places % self.angles
        first = _centres(job.site, self.around, width, gradient.device)
        first = first + torch.arange(self.channels, device=first.device)[:, None, None] * (
            self.levels * height * width
        )
        self.first = first.expand(-1, winners.shape[1], -1).flatten(1)
        self.gradient = gradient.flatten(1)

    def of_cell(self, i: int, j: int) -> Tensor:
        """That of the kernels' cell in row i and column j: ``(out_channels, levels * pixels)``."""
        points = (self.rows + i) * self.angles + (self.turns + j) % self.angles
        found = self.gradient.new_zeros(self.padded)
        for offsets, weights in zip(self.offsets, self.weights, strict=True):
            places = (offsets[points] + self.first).flatten()
            found.view(-1).scatter_add_(0, places, (weights[points] * self.gradient).flatten())
        above, left, _, _ = self.around
        return found[..., above : above + self.size[0], left : left + self.size[1]].flatten(1)


def _around(bank: Bank, site: Site, height: int, width: int) -> tuple[int, int, int, int]:
    """How far taps reach beyond maps: above, left, below, right."""
    down = site.top + site.stride * (site.height - 1) + bank.reach - (height - 1)
    across = site.left + site.stride * (site.width - 1) + bank.reach - (width - 1)
    sides = (bank.reach - site.top, bank.reach - site.left, down, across)
    above, left, below, right = (max(0, side) for side in sides)
    return above, left, below, right


@made_once
def _centres(
    site: Site, around: tuple[int, int, int, int], width: int, device: torch.device
) -> Tensor:
    """The places of all centres in flat maps that are so wide."""
    rows = torch.arange(site.height, device=device) * site.stride + site.top + around[0]
    columns = torch.arange(site.width, device=device) * site.stride + site.left + around[1]
    return (rows[:, None] * width + columns).flatten()


@made_once
def _taps(
    bank: Bank, height: int, width: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Offsets in flat maps, levels included, and weights of all points: ``(taps, points)``.

    Points with fewer taps have some of weight zero.
    """
    counts = np.diff(bank.starts)
    points = np.repeat(np.arange(len(counts)), counts)
    order = np.arange(len(points)) - bank.starts[points]
    offsets = np.zeros((max(1, counts.max(initial=0)), len(counts)), dtype=np.int64)
    weights = np.zeros(offsets.shape)
    offsets += (np.repeat(bank.levels, bank.grid.num_angles) * height * width)[None]
    offsets[order, points] += bank.down * width + bank.across
    weights[order, points] = bank.weights
    return (
        torch.tensor(offsets, device=device),
        torch.tensor(weights, dtype=dtype, device=device),
    )
