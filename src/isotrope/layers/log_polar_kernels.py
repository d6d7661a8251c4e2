"""Log-polar convolutions on a CPU, compiled by numba when they are first used.

The passes are in `isotrope.layers.log_polar_kernels_forward` and
`isotrope.layers.log_polar_kernels_backward`; here images and channels are handed to as many threads
as torch has. Arguments as in `isotrope.layers.log_polar_products`. What is compiled is kept in
``__pycache__`` beside the modules or, where that cannot be written, in the user's cache folder. The
results do not depend on the number of threads: nothing is added up in an order that they change.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import isotrope.layers.log_polar_kernels_backward as backward_pass
import isotrope.layers.log_polar_kernels_forward as forward_pass
from isotrope.layers.log_polar_bank import Bank
from isotrope.layers.log_polar_jobs import Job
from isotrope.layers.log_polar_kernels_vectors import lanes, multiplies_and_adds
from isotrope.layers.log_polar_pooling import Pooling

_GROUPS = 16  # of images, whose gradients of weights are added up one after the other


def fits_here() -> bool:
    """Whether the processor has what the kernels are made of."""
    return multiplies_and_adds()


def forward(maps: Tensor, weight: Tensor, job: Job) -> tuple[Tensor, Tensor]:
    """Values and winners."""
    pooling = _computed(job.pooling)
    stack, _, batch = maps.shape[:3]
    sizes = (pooling.slots, job.site.height, job.site.width)
    values = maps.new_empty((stack, batch, weight.shape[1], *sizes))
    winners = torch.empty(values.shape, dtype=torch.int16)
    wide = lanes(_array(weight).dtype)
    blocks = -(-weight.shape[1] // wide)
    kernels = _in_blocks(weight, blocks, wide)
    taps, site = _taps(job.bank, kernels.dtype.name), np.array(job.site, dtype=np.int64)
    kept = np.array(
        [pooling.rows, pooling.angles, pooling.tau, pooling.theta, pooling.topk or 0],
        dtype=np.int64,
    )
    into = [_array(one.view(*one.shape[:4], sizes[1] * sizes[2])) for one in (values, winners)]

    def compute(row: int, image: int, block: int) -> None:
        some = slice(block * wide, (block + 1) * wide)
        forward_pass.forward(
            _array(maps[row, :, image].contiguous()),
            kernels[row, block],
            *taps,
            site,
            kept,
            *(one[row, image, some] for one in into),
        )

    _run(compute, np.ndindex(stack, batch, blocks))
    return (values, winners) if pooling is job.pooling else _turned_jointly(values, winners, job)


def _computed(pooling: Pooling) -> Pooling:
    """What the compiled pass keeps: of rows that are turned alike all angles."""
    if pooling.topk is None or pooling.align == "row":
        return pooling
    tau = pooling.tau if pooling.rows % pooling.tau == 0 else 1
    return Pooling(pooling.rows, pooling.angles, tau, 1)


def _turned_jointly(values: Tensor, winners: Tensor, job: Job) -> tuple[Tensor, Tensor]:
    """The angles that remain where all rows are turned alike, of the largest of each angle."""
    pooling, angles = job.pooling, job.pooling.angles
    kept = pooling.topk or angles
    peak = values.amax(dim=3, keepdim=True)
    first = winners.masked_fill(values != peak, torch.iinfo(torch.int16).max)
    first = first.amin(dim=3, keepdim=True).long() % angles
    order = (first + torch.arange(angles)[:, None, None]) % angles
    shape = (*values.shape[:3], -1, angles, *values.shape[4:])
    values, winners = values.view(shape), winners.view(shape)
    if kept < angles:
        score = values.amax(dim=3).gather(3, order)
        best = score.sort(dim=3, descending=True, stable=True).indices[:, :, :, :kept]
        order = order.gather(3, best.sort(dim=3).values)
    high, rows = pooling.shape[0], values.shape[3]
    order = order[:, :, :, None].expand(-1, -1, -1, rows, -1, -1, -1)
    values, winners = values.gather(4, order), winners.gather(4, order)
    if rows > high:
        per_window = rows // high if pooling.rows % pooling.tau == 0 else pooling.tau
        shape = (*values.shape[:3], high, per_window, *values.shape[4:])
        values = values[:, :, :, : high * per_window].reshape(shape)
        winners = winners[:, :, :, : high * per_window].reshape(shape)
        values, places = values.max(dim=4, keepdim=True)
        values, winners = values.squeeze(4), winners.gather(4, places).squeeze(4)
    return values.flatten(3, 4), winners.flatten(3, 4)


def backward(
    gradient: Tensor,
    winners: Tensor,
    maps: Tensor,
    weight: Tensor,
    job: Job,
    wanted: tuple[bool, bool],
) -> tuple[Tensor | None, Tensor | None]:
    """The gradients of maps and weights, each where it is wanted."""
    stack, levels, batch, channels, *size = maps.shape
    out, _, *cells = weight.shape[1:]
    count = cells[0] * cells[1]
    dtype = _array(weight).dtype
    filled = (_up(channels, backward_pass.CHANNELS), _up(size[0] * size[1], 2 * lanes(dtype)))
    kernels = np.zeros((stack, out, _up(count, backward_pass.CELLS), filled[0]), dtype)
    kernels[:, :, :count, :channels] = _array(weight.flatten(-2).transpose(-1, -2))
    groups = max(1, min(batch, _GROUPS))
    of_weight = np.zeros((stack, groups if wanted[1] else 0, *kernels.shape[1:]), dtype)
    of_maps = torch.empty(maps.shape, dtype=maps.dtype) if wanted[0] else None
    settings = (
        np.array(size, dtype=np.int64),
        *_taps(job.bank, dtype.name),
        np.array(job.site, dtype=np.int64),
        np.array([job.pooling.angles, *cells], dtype=np.int64),
    )
    from_above = _array(gradient.contiguous().flatten(-2))
    places = _array(winners.contiguous().flatten(-2))

    def compute(row: int, group: int) -> None:
        seen = np.zeros((levels, *filled), dtype)
        into = np.zeros((levels, *(filled if wanted[0] else (0, 0))), dtype)
        total = of_weight[row, group] if wanted[1] else np.zeros((0, 0, 0), dtype)
        for image in range(group, batch, groups):
            pixels = slice(None), slice(channels), slice(size[0] * size[1])
            seen[pixels] = _array(maps[row, :, image]).reshape(levels, channels, -1)
            into[...] = 0
            backward_pass.backward(
                from_above[row, image],
                places[row, image],
                seen,
                kernels[row],
                *settings,
                into,
                total,
            )
            if of_maps is not None:
                _array(of_maps[row, :, image])[...] = into[pixels].reshape(levels, channels, *size)

    _run(compute, np.ndindex(stack, groups))
    return of_maps, _sum_of_groups(of_weight, weight) if wanted[1] else None


def _sum_of_groups(found: NDArray[Any], weight: Tensor) -> Tensor:
    """The gradient of weights: ``(stack, groups, out_channels, cells, in_channels)`` as these."""
    total = found[:, 0]
    for group in range(1, found.shape[1]):
        total += found[:, group]
    count = weight.shape[-2] * weight.shape[-1]
    kept = total[:, :, :count, : weight.shape[2]].transpose(0, 1, 3, 2)
    return torch.from_numpy(np.ascontiguousarray(kept)).view(weight.shape)


def _in_blocks(weight: Tensor, blocks: int, wide: int) -> NDArray[Any]:
    """Kernels as vectors of output channels.

    Shapes:
        output: ``(stack, blocks, kernel_rows, kernel_angles, in_channels, lanes)``
    """
    stack, out, channels, *cells = weight.shape
    found = weight.new_zeros(stack, blocks * wide, channels, *cells)
    found[:, :out] = weight
    blocked = found.view(stack, blocks, wide, channels, *cells).permute(0, 1, 4, 5, 3, 2)
    return _array(blocked.contiguous())


def _array(tensor: Tensor) -> NDArray[Any]:
    found: NDArray[Any] = tensor.detach().numpy()
    return found


def _up(number: int, step: int) -> int:
    return -(-number // step) * step


@lru_cache(64)
def _taps(bank: Bank, dtype: str) -> tuple[NDArray[Any], ...]:
    """All taps of a bank, with the first and last row and column of each point's."""
    boxes = np.zeros((len(bank.starts) - 1, 4), dtype=np.int64)
    for point, (start, end) in enumerate(zip(bank.starts[:-1], bank.starts[1:], strict=True)):
        if end > start:
            down, across = bank.down[start:end], bank.across[start:end]
            boxes[point] = down.min(), down.max(), across.min(), across.max()
    return bank.starts, bank.down, bank.across, bank.weights.astype(dtype), boxes, bank.levels


def _run(compute: Callable[..., None], places: Iterable[tuple[int, ...]]) -> None:
    """Compute all places, shared among as many threads as torch has."""
    todo = list(places)
    threads = min(torch.get_num_threads(), len(todo))
    if threads <= 1:
        for place in todo:
            compute(*place)
    else:
        for _ in _pool(os.getpid(), threads).map(lambda place: compute(*place), todo):
            pass


@lru_cache(4)
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Threads of this process; those of another are not to be had after a fork."""
    del process
    return ThreadPoolExecutor(threads, "log-polar")
