"""Means over each candidate of what a 3 x 3 convolution of it answers, from undivided maps.

A convolution of a phase is one of the undivided maps with dilated kernels, if its border goes
around the edge or is zero. Along a side that the stride does not divide, the neighbour beyond a
candidate's last position is its first one, which lies elsewhere than the others. There the
responses at every position are computed for each of three neighbourhoods: behind, away from and
before that seam. All candidates of a side then cost three convolutions of the maps, and not one
convolution of a candidate for each position. `phases` says what candidates are.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.layers.autocasting import autocasts, without_autocast
from isotrope.layers.constants import made_once
from isotrope.layers.forms import few_launches
from isotrope.layers.stackable_convolution import correlate
from isotrope.layers.wrapping import PaddingMode, padded


def exact_type(of: torch.dtype) -> torch.dtype:
    """The type in which phases are compared: float64 for float64, else float32."""
    return torch.promote_types(of, torch.float32)


def candidate_means(maps: Tensor, stride: int) -> Tensor:
    """The mean of each channel over each candidate, at least in float32.

    Shapes:
        maps: ``(batch, channels, height, width)``
        output: ``(batch, phases, channels)``
    """
    height, width = maps.shape[-2:]
    exact = exact_type(maps.dtype)
    if height % stride == width % stride == 0:
        if few_launches(maps):
            split = maps.view(*maps.shape[:2], height // stride, stride, width // stride, stride)
            return split.mean(dim=(2, 4), dtype=exact).flatten(2).mT
        shares = _shares_of_phases(height, width, stride, exact, maps.device)
        with without_autocast(maps.device.type):
            return (maps.flatten(2).to(exact) @ shares).mT
    return _weighed(maps, height, width, stride, seams=False)


def rectified_means(kernels: nn.Conv2d, maps: Tensor, stride: int) -> Tensor:
    """The means over each candidate of the ReLU of its 3 x 3 convolution, around the edge.

    Shapes:
        maps: ``(batch, channels, height, width)``
        output: ``(batch, phases, out_channels)``, at least in float32

    Args:
        kernels: whose weight and bias are taken, and nothing else of it.
        maps: what is divided into candidates.
        stride: in pixels.
    """
    height, width = maps.shape[-2:]
    if height % stride == width % stride == 0:
        bias = kernels.bias
        if bias is None or not _by_hand(maps, kernels.weight, bias):
            return candidate_means(dilated(kernels, maps, stride, "circular").relu(), stride)
        run: Any = _Rectified
        means: Tensor = run.apply(maps, kernels.weight, bias, stride)[0]
        return means
    steps, dilation, around = [1, 1], [1, 1], [0, 0]
    for axis, side in enumerate((height, width)):
        if side % stride:
            steps[axis] = 3
        else:
            dilation[axis] = around[axis] = stride
    wide = padded(maps, (around[1], around[1], around[0], around[0]), "circular")
    if height % stride:
        wide = _beside(wide, height, stride)
    if width % stride:
        wide = _beside(wide.mT, width, stride).mT
    found = correlate(wide, kernels.weight, kernels.bias, steps, (0, 0), dilation)
    return _weighed(found.relu(), height, width, stride, seams=True)


def dilated(kernels: nn.Conv2d, maps: Tensor, stride: int, mode: PaddingMode) -> Tensor:
    """The responses of all phases of maps whose sides the stride divides, undivided.

    Args:
        kernels: whose weight and bias are taken.
        maps: of shape ``(batch, channels, height, width)``.
        stride: in pixels.
        mode: the border of each phase, ``circular`` or ``zeros``: only these are borders of the
            undivided maps too.
    """
    wide = padded(maps, (stride,) * 4, mode)
    spacing = (stride, stride)
    return correlate(wide, kernels.weight, kernels.bias, (1, 1), (0, 0), spacing)


def _by_hand(maps: Tensor, kernels: Tensor, bias: Tensor) -> bool:
    """Whether `_Rectified` is quicker: on a CPU, unless kernels are larger than maps."""
    cast = autocasts(maps.device.type) or not maps.dtype == kernels.dtype == bias.dtype
    small = kernels.numel() <= maps.numel()
    return small and not (cast or few_launches(maps) or torch.compiler.is_compiling())


class _Rectified(torch.autograd.Function):
    """The means over phases of a rectified convolution, for a CPU.

    The gradient of the maps is a convolution of that of the responses with a border of its own, so
    that none is folded. Responses and maps with their border are outputs too, because they are kept
    for it; they have no gradient of their own. Of the responses only the signs are used.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(
        maps: Tensor, kernels: Tensor, bias: Tensor, stride: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        wide = padded(maps, (stride,) * 4, "circular")
        found = F.conv2d(wide, kernels, bias, dilation=stride).relu_()
        return candidate_means(found, stride), found, wide

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        maps, kernels, _, ctx.stride = inputs
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(maps, kernels, *output[1:])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        maps, kernels, found, wide = ctx.saved_tensors
        stride, (batch, channels, height, width) = ctx.stride, found.shape
        rows, columns = height // stride, width // stride
        of_phases = (gradient / (rows * columns)).to(found.dtype)  # means are float32 at least
        of_phases = of_phases.mT.reshape(batch, channels, 1, stride, 1, stride)
        strips = of_phases.expand(-1, -1, -1, -1, columns, -1).flatten(-2)
        split = (batch, channels, rows, stride, width)
        # the gradient of a ReLU, of numbers that are the same for all pixels of a phase
        back: Any = torch.ops.aten.threshold_backward
        of_found = back(strips.expand(split), found.view(split), 0).reshape(found.shape)
        of_maps = None
        if ctx.needs_input_grad[0]:
            around = padded(of_found, (stride,) * 4, "circular")
            of_maps = F.conv2d(around, kernels.transpose(0, 1).flip(-2, -1), dilation=stride)
        if torch.is_grad_enabled():  # for gradients of this gradient
            wide = padded(maps, (stride,) * 4, "circular")
        wanted = [False, *ctx.needs_input_grad[1:3]]
        backward: Any = torch.ops.aten.convolution_backward
        settings = ((1, 1), (0, 0), (stride, stride), False, (0, 0), 1)
        _, of_kernels, of_bias = backward(of_found, wide, kernels, [channels], *settings, wanted)
        return of_maps, of_kernels, of_bias, None


def _neighbourhoods(side: int, stride: int) -> list[tuple[int, int, int]]:
    """Where a kernel's taps are, from a candidate's first, inner and last positions."""
    back = stride * ((side - 1) // stride)  # from the first position to the last one
    if back == 0:
        return [(0, 0, 0)]
    return [(back, 0, stride), (-stride, 0, stride), (-stride, 0, -back)]


def _beside(maps: Tensor, side: int, stride: int) -> Tensor:
    """Rows and their neighbours, so that kernels three rows high meet them at every third row.

    Shapes:
        maps: ``(batch, channels, side, width)``
        output: ``(batch, channels, neighbourhoods * side * 3, width)``
    """
    found = [
        torch.stack([maps.roll(-offset, -2) for offset in offsets], dim=3).flatten(2, 3)
        for offsets in _neighbourhoods(side, stride)
    ]
    return torch.cat(found, dim=2)


def _weighed(maps: Tensor, height: int, width: int, stride: int, *, seams: bool) -> Tensor:
    """Means of responses at every position, once for each neighbourhood if there are seams."""
    exact = exact_type(maps.dtype)
    down, right = (
        _shares(
            side,
            stride,
            len(_neighbourhoods(side, stride)) if seams and side % stride else 1,
            exact,
            maps.device,
        )
        for side in (height, width)
    )
    with without_autocast(maps.device.type):
        return (down @ (maps.to(exact) @ right.mT)).flatten(2).mT


@made_once
def _shares_of_phases(
    height: int, width: int, stride: int, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """What each position adds to the mean of each phase: ``(height * width, phases)``."""
    down, right = (_shares(side, stride, 1, dtype, device) for side in (height, width))
    return torch.einsum("ky,lx->yxkl", down, right).reshape(height * width, -1)


@made_once
def _shares(
    side: int, stride: int, neighbourhoods: int, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """What each position adds to the mean of each candidate.

    Shape ``(candidates, neighbourhoods * side)``.
    """
    steps = -(-side // stride)
    first = torch.arange(side if side % stride else stride)
    shares = torch.zeros(len(first), neighbourhoods, side, dtype=torch.float64)
    for step in range(steps):
        place = 0 if neighbourhoods == 1 or step == 0 else 2 if step == steps - 1 else 1
        shares[first, place, (first + stride * step) % side] = 1 / steps
    return shares.flatten(1).to(device, dtype)
