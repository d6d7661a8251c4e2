"""One small filter along rows and columns of every map, at every n-th pixel only.

On a CPU each tap adds a slice of the maps to the result, which is quicker than a depthwise
convolution behind a padding (benchmarks/results/shift_filters.md). Each pixel is then summed in the
same order wherever it lies, so that with a circular border filtering commutes with circular shifts
to the last bit. On a GPU, and for halved numbers, it is a depthwise convolution, which sums in
float32.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from isotrope.layers.constants import made_once
from isotrope.layers.forms import few_launches
from isotrope.layers.wrapping import PaddingMode, padded

Sides = tuple[int, int]


def filtered(
    maps: Tensor, taps: tuple[float, ...], mode: PaddingMode = "circular", stride: int = 1
) -> Tensor:
    """The maps correlated with the outer product of the taps, at every ``stride``-th pixel.

    Of ``k`` taps ``(k - 1) // 2`` lie to the left and above, so that an even number looks half a
    pixel to the right and below.

    Shapes:
        maps: ``(batch, channels, height, width)``
        output: ``(batch, channels, ceil(height / stride), ceil(width / stride))``

    Args:
        maps: of any floating dtype, which the output has, too.
        taps: the filter along each axis.
        mode: the border; a circular one may be wider than the map.
        stride: distance of the pixels that are kept, in both directions, from the first.

    Raises:
        ValueError: if the mode is unknown, or a reflected border is not narrower than the map.
    """
    count = (maps.shape[-2] - 1) // stride + 1, (maps.shape[-1] - 1) // stride + 1
    before = (len(taps) - 1) // 2
    after = len(taps) - 1 - before
    around = (before, after, before, after)
    compiling = torch.compiler.is_compiling()
    if few_launches(maps) or (maps.dtype not in (torch.float32, torch.float64) and not compiling):
        kernel = _kernel(taps, maps.shape[-3], maps.dtype, maps.device)
        return F.conv2d(padded(maps, around, mode), kernel, stride=stride, groups=len(kernel))
    if mode in ("circular", "zeros") and not compiling:
        filtering = _Filter(taps, stride, -before, count, mode == "circular")
    else:
        maps = padded(maps, around, mode)
        filtering = _Filter(taps, stride, 0, count, False)
    sides = maps.shape[-2], maps.shape[-1]
    if compiling:  # which makes one loop of these
        return filtering.sums(filtering.sums(maps, -2), -1)
    run: Any = _Filtering
    found: Tensor = run.apply(maps, filtering, sides, False)
    return found


@made_once
def _kernel(
    taps: tuple[float, ...], channels: int, dtype: torch.dtype, device: torch.device
) -> Tensor:
    along = torch.tensor(taps, dtype=torch.float64)
    kernel = torch.outer(along, along).to(device, dtype)
    return kernel.expand(channels, 1, -1, -1).contiguous()


class _Filter(NamedTuple):
    """Where each tap reads.

    Attributes:
        taps: the filter along one axis.
        stride: of the pixels that are kept.
        first: where the first tap lies, from a pixel that is kept.
        outputs: rows and columns that are kept.
        circular: whether indices are taken modulo the size; if not, zeros are around the map.
    """

    taps: tuple[float, ...]
    stride: int
    first: int
    outputs: Sides
    circular: bool

    def runs(self, tap: int, size: int, dim: int) -> Iterator[tuple[slice, slice]]:
        """Which pixels of the output a tap adds to, and which of the input it reads for them."""
        count, offset = self.outputs[dim], self.first + tap
        least, most = offset, offset + self.stride * (count - 1)
        rounds = range(least // size, most // size + 1) if self.circular else (0,)
        for turn in rounds:
            begin = offset - turn * size  # of what the first pixel reads
            first = max(0, -(begin // self.stride))
            last = min(count - 1, (size - 1 - begin) // self.stride)
            if first <= last:
                start, stop = begin + first * self.stride, begin + last * self.stride + 1
                yield slice(first, last + 1), slice(start, stop, self.stride)

    def along(self, maps: Tensor, dim: int) -> Tensor:
        """The maps filtered along one axis."""
        size, found = maps.shape[dim], maps
        for tap in self.from_nearest():
            for kept, read in self.runs(tap, size, dim):
                if self.first + tap == 0:
                    found = _part(maps, read, dim) * self.taps[tap]
                else:
                    _part(found, kept, dim).add_(_part(maps, read, dim), alpha=self.taps[tap])
        return found

    def back(self, gradient: Tensor, size: int, dim: int) -> Tensor:
        """The adjoint of `along`."""
        found = gradient
        for tap in self.from_nearest():
            for kept, read in self.runs(tap, size, dim):
                if self.first + tap == 0 and self.stride == 1 and size == self.outputs[dim]:
                    found = gradient * self.taps[tap]
                    continue
                if found is gradient:
                    shape = list(gradient.shape)
                    shape[dim] = size
                    found = gradient.new_zeros(shape)
                given = _part(gradient, kept, dim)
                _part(found, read, dim).add_(given, alpha=self.taps[tap])
        return found

    def sums(self, maps: Tensor, dim: int) -> Tensor:
        """As `along`, of maps that have their border already, without writing in place."""
        found = None
        for tap in self.from_nearest():
            ((_, read),) = self.runs(tap, maps.shape[dim], dim)
            one = _part(maps, read, dim) * self.taps[tap]
            found = one if found is None else found + one
        return maps if found is None else found

    def from_nearest(self) -> list[int]:
        """The taps, beginning with that which reads the pixel itself."""
        return sorted(range(len(self.taps)), key=lambda tap: abs(self.first + tap))


def _part(maps: Tensor, pixels: slice, dim: int) -> Tensor:
    return maps[..., pixels, :] if dim == -2 else maps[..., pixels]


class _Filtering(torch.autograd.Function):
    """A filter along both axes, or its adjoint, which is its gradient."""

    @staticmethod
    def forward(maps: Tensor, filtering: _Filter, sides: Sides, adjoint: bool) -> Tensor:
        if adjoint:
            return filtering.back(filtering.back(maps, sides[1], -1), sides[0], -2)
        return filtering.along(filtering.along(maps, -2), -1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del output
        _, *ctx.settings, ctx.adjoint = inputs

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        run: Any = _Filtering
        return run.apply(gradient, *ctx.settings, not ctx.adjoint), None, None, None

    @staticmethod
    def vmap(
        info: Any, axes: tuple[int | None, ...], maps: Tensor, *settings: Any
    ) -> tuple[Tensor, int]:
        del info
        run: Any = _Filtering
        return run.apply(maps.movedim(axes[0] or 0, 0), *settings), 0
