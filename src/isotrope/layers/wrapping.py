"""Padding that goes round the map, and convolutions that pad so.

A convolution whose padding is circular and whose stride is 1 is exactly equivariant to circular
shifts: rolling the map rolls the responses. Unlike `torch.nn.functional.pad`, the padding may be
wider than the map, which dilated convolutions over small maps need: indices are taken modulo the
size of the map.
"""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.layers.forms import few_launches
from isotrope.layers.stackable_convolution import correlate

PaddingMode = Literal["circular", "zeros", "reflect", "replicate"]
Widths = tuple[int, int, int, int]


def padded(maps: Tensor, widths: Widths, mode: PaddingMode) -> Tensor:
    """The maps with a border.

    Shapes:
        maps: ``(..., height, width)``, of 3 or 4 dimensions
        output: ``(..., top + height + bottom, left + width + right)``

    Args:
        maps: of any floating dtype.
        widths: left, right, top and bottom, in pixels, none negative.
        mode: what is in the border: the map again and again (``circular``, of any width),
            ``zeros``, the map mirrored about its outermost pixels (``reflect``, narrower than the
            map), or its outermost pixels (``replicate``).

    Raises:
        ValueError: if the mode is none of these, or a reflected border is not narrower than the
            map.
    """
    check_padding_mode(mode)
    if not any(widths):
        return maps
    if mode == "circular":
        return _wrapped(maps, widths)
    if mode == "zeros":
        return F.pad(maps, widths)
    height, width = maps.shape[-2:]
    if mode == "reflect" and (max(widths[:2]) >= width or max(widths[2:]) >= height):
        raise ValueError(
            f"a reflected border must be narrower than the map, got {widths} (left, right, top,"
            f" bottom) for {height} x {width} pixels"
        )
    return F.pad(maps, widths, mode=mode)


def same_widths(size: Sequence[int], dilation: Sequence[int] = (1, 1)) -> Widths:
    """The border with which a kernel of this height and width keeps the size of a map.

    The smaller half of an odd number of pixels is on the left and at the top.
    """
    height, width = (step * (side - 1) for side, step in zip(size, dilation, strict=True))
    return width // 2, width - width // 2, height // 2, height - height // 2


class PaddedConv2d(nn.Conv2d):
    """`nn.Conv2d` that keeps the size of its input, with a circular border of any width.

    Its parameters and their first draw are those of `nn.Conv2d`. In a stack of networks it stays
    one large operation (`isotrope.layers.stackable_convolution`) if it has one group.

    Shapes:
        input: ``(batch, in_channels, height, width)``
        output: ``(batch, out_channels, ceil(height / stride), ceil(width / stride))`` without
            ``padding``

    Args:
        in_channels: of the input.
        out_channels: of the output.
        kernel_size: in pixels; one number, or height and width.
        stride: in pixels; above 1 the responses are those at every so many pixels from the first.
        dilation: distance of the kernel's taps, in pixels.
        groups: into which channels are divided.
        bias: whether a constant is added to each output channel.
        padding_mode: what `padded` puts into the border.
        padding: pixels on all four sides; if left out, the border that keeps the size, of which
            an even kernel has the larger half on the right and at the bottom.

    Raises:
        ValueError: if the mode is unknown or the padding negative.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        *,
        stride: int | tuple[int, int] = 1,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "circular",
        padding: int | None = None,
    ) -> None:
        check_padding_mode(padding_mode)
        if padding is not None and padding < 0:
            raise ValueError(f"padding must not be negative, got {padding}")
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            dilation=dilation,
            groups=groups,
            bias=bias,
            padding_mode=padding_mode,
        )
        if padding is None:
            self.widths = same_widths(self.kernel_size, self.dilation)
        else:
            self.widths = (padding,) * 4

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """The responses."""
        left, right, top, bottom = self.widths
        around = (0, 0)
        if self.padding_mode == "zeros" and left == right and top == bottom:
            around = (top, left)  # which the convolution puts in itself
        else:
            input = padded(input, self.widths, self.padding_mode)  # noqa: A001
        if self.groups == 1 and input.ndim == 4:
            return correlate(input, self.weight, self.bias, self.stride, around, self.dilation)
        return F.conv2d(
            input, self.weight, self.bias, self.stride, around, self.dilation, self.groups
        )

    def extra_repr(self) -> str:
        """As of `nn.Conv2d`, with the border."""
        described: str = super().extra_repr()  # type: ignore[no-untyped-call]
        return f"{described}, widths={self.widths}"


def check_padding_mode(mode: str) -> None:
    """Refuse what is no `PaddingMode`.

    Raises:
        ValueError: if it is none.
    """
    if mode not in get_args(PaddingMode):
        raise ValueError(
            f"the padding mode must be one of {', '.join(get_args(PaddingMode))}, got '{mode}'"
        )


def _wrapped(maps: Tensor, widths: Widths) -> Tensor:
    left, right, top, bottom = widths
    height, width = maps.shape[-2:]
    if max(left, right) > width or max(top, bottom) > height:
        return _repeated(_repeated(maps, left, right, -1), top, bottom, -2)
    if torch.compiler.is_compiling():  # which makes one loop of these
        return _joined(maps, widths)
    run: Any = _Wrapping
    found: Tensor = run.apply(maps, widths)
    return found


def _joined(maps: Tensor, widths: Widths) -> Tensor:
    left, right, top, bottom = widths
    for dim, before, after in ((-1, left, right), (-2, top, bottom)):
        size, parts = maps.shape[dim], [maps]
        if before:
            parts.insert(0, maps.narrow(dim, size - before, before))
        if after:  # an empty part would order the channels first
            parts.append(maps.narrow(dim, 0, after))
        maps = torch.cat(parts, dim) if len(parts) > 1 else maps
    return maps


def _repeated(maps: Tensor, before: int, after: int, dim: int) -> Tensor:
    """Indices modulo the size, as repetitions: their gradient is a sum and needs no sorting."""
    size = maps.shape[dim]
    first, length = -before % size, before + size + after
    times = [1] * maps.ndim
    times[dim] = -(-(first + length) // size)
    return maps.repeat(times).narrow(dim, first, length)


class _Wrapping(torch.autograd.Function):
    """A circular border that is not wider than the map.

    The gradient that torch has for it copies the whole map once for each side, and its border of
    maps whose channels are last has them first.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(maps: Tensor, widths: Widths) -> Tensor:
        if maps.is_contiguous() and not few_launches(maps):
            return F.pad(maps, widths, mode="circular")
        return _joined(maps, widths)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del output
        ctx.widths = inputs[1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        left, right, top, bottom = ctx.widths
        gradient = _folded(gradient, top, bottom, -2)
        return _folded(gradient, left, right, -1), None


def _folded(gradient: Tensor, before: int, after: int, dim: int) -> Tensor:
    """Add what is in the border to the pixels that it repeats."""
    if before == after == 0:
        return gradient
    size = gradient.shape[dim] - before - after
    found = gradient.narrow(dim, before, size).clone()
    if before:
        found.narrow(dim, size - before, before).add_(gradient.narrow(dim, 0, before))
    if after:
        found.narrow(dim, 0, after).add_(gradient.narrow(dim, before + size, after))
    return found
