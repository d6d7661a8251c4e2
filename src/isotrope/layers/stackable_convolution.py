"""Convolutions that stay one large operation when a stack of networks is computed at once.

Under `torch.func.vmap` a convolution with a kernel for each row of the stack becomes a grouped
convolution, for which cuDNN computes one row after the other. On a GPU these are batched products
here. The images are unfolded along their columns only: the rows under a kernel lie one after the
other in memory, so that the matrices of neighbouring output rows overlap and are not copied. Where
that saves nothing, images are unfolded along both axes. On a CPU, and without a stack, everything
is `torch.nn.functional.conv2d`. Numbers agree up to rounding.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.grad import conv2d_input

from isotrope.layers.autocasting import autocasts
from isotrope.layers.forms import few_launches, numbers_at_once

Pair = tuple[int, int]
Gradients = tuple[Tensor | None, ...]


class StackableConv2d(nn.Conv2d):
    """`nn.Conv2d` for networks that are trained in stacks, with the same parameters.

    With groups, or padded with anything but zeros, it computes as `nn.Conv2d` does.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """The responses."""
        if self.groups != 1 or self.padding_mode != "zeros" or input.ndim != 4:
            return super().forward(input)
        return correlate(input, self.weight, self.bias, self.stride, self.padding, self.dilation)


def with_stackable(network: nn.Module) -> None:
    """Turn every plain `nn.Conv2d` of a network into a `StackableConv2d`, which it then is.

    The modules themselves stay, with their parameters and hooks. Subclasses are left as they are.
    """
    for module in network.modules():
        if type(module) is nn.Conv2d:
            module.__class__ = StackableConv2d


def correlate(
    maps: Tensor,
    kernels: Tensor,
    bias: Tensor | None = None,
    stride: Sequence[int] = (1, 1),
    padding: str | Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
) -> Tensor:
    """The same as `torch.nn.functional.conv2d` of one group, up to rounding.

    Shapes:
        maps: ``(batch, in_channels, height, width)``
        kernels: ``(out_channels, in_channels, kernel_height, kernel_width)``
        bias: ``(out_channels,)``
    """
    if not few_launches(maps):
        return F.conv2d(maps, kernels, bias, tuple(stride), _of_torch(padding), tuple(dilation))
    maps, kernels = _cast(maps), _cast(kernels)
    bias = None if bias is None else _cast(bias)
    around = zeros_around(padding, kernels.shape[-2:], dilation)
    if around[::2] == around[1::2]:
        symmetric = (around[2], around[0])
    else:
        maps, symmetric = F.pad(maps, around), (0, 0)
    run: Any = _Correlation
    found: Tensor = run.apply(maps, kernels, bias, tuple(stride), symmetric, tuple(dilation))
    return found


def _cast(tensor: Tensor) -> Tensor:
    """As `torch.autocast` would, which does not reach into the gradient of a function of ours."""
    kind = tensor.device.type
    if not autocasts(kind) or tensor.dtype == torch.float64:
        return tensor
    return tensor.to(torch.get_autocast_dtype(kind))


def correlate_with_all(
    images: Tensor, kernels: Tensor, bias: Tensor | None, padding: Sequence[int] = (0, 0)
) -> Tensor:
    """The responses of images to several kernels for each output channel, in one convolution.

    Shapes:
        images: ``(batch, in_channels, height, width)``
        kernels: ``(out_channels, in_channels, several, kernel_height, kernel_width)``
        bias: ``(out_channels,)``, of all kernels of a channel
        output: ``(batch, out_channels, several, rows, columns)``
    """
    out_channels, _, several = kernels.shape[:3]
    if bias is not None:
        bias = bias[:, None].expand(-1, several).flatten()
    found = correlate(images, kernels.transpose(1, 2).flatten(0, 1), bias, padding=padding)
    return found.view(len(images), out_channels, several, *found.shape[-2:])


def zeros_around(
    padding: str | Sequence[int], size: Sequence[int], dilation: Sequence[int]
) -> tuple[int, int, int, int]:
    """Zeros left, right, above and below, as ``F.pad`` takes them."""
    if padding == "valid":
        return 0, 0, 0, 0
    if padding == "same":
        height, width = (step * (side - 1) for side, step in zip(size, dilation, strict=True))
        return width // 2, width - width // 2, height // 2, height - height // 2
    vertical, horizontal = (int(side) for side in padding)
    return horizontal, horizontal, vertical, vertical


def _of_torch(padding: str | Sequence[int]) -> Any:
    return padding if isinstance(padding, str) else tuple(padding)


class _Correlation(torch.autograd.Function):
    """A convolution of torch; a stack of them is `_Stack`."""

    @staticmethod
    def forward(
        maps: Tensor,
        kernels: Tensor,
        bias: Tensor | None,
        stride: Pair,
        padding: Pair,
        dilation: Pair,
    ) -> Tensor:
        return F.conv2d(maps, kernels, bias, stride, padding, dilation)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del output
        maps, kernels, bias, *ctx.settings = inputs
        ctx.biases = None if bias is None else list(bias.shape)
        ctx.save_for_backward(maps, kernels)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        maps, kernels = ctx.saved_tensors
        wanted = list(ctx.needs_input_grad[:3])
        found = torch.ops.aten.convolution_backward(
            gradient, maps, kernels, ctx.biases, *ctx.settings, False, (0, 0), 1, wanted
        )
        return (*found, None, None, None)

    @staticmethod
    def vmap(
        info: Any,
        axes: tuple[int | None, ...],
        maps: Tensor,
        kernels: Tensor,
        bias: Tensor | None,
        *settings: Pair,
    ) -> tuple[Tensor, int]:
        run: Any
        if axes[0] is not None:
            maps = maps.movedim(axes[0], 0)
        if axes[1] is None and (bias is None or axes[2] is None):
            run = _Correlation
            found = run.apply(maps.flatten(0, 1), kernels, bias, *settings)
            return found.unflatten(0, (info.batch_size, -1)), 0
        stacks = [
            None
            if one is None
            else one.expand(info.batch_size, *one.shape)
            if axis is None
            else one.movedim(axis, 0)
            for one, axis in ((kernels, axes[1]), (bias, axes[2]))
        ]
        run = _Stack
        return run.apply(maps, *stacks, *settings), 0


class _Stack(torch.autograd.Function):
    """Convolutions with a stack of kernels.

    Shapes:
        maps: ``(stack, batch, in_channels, height, width)``, or without a stack: shared by all
        kernels: ``(stack, out_channels, in_channels, kernel_height, kernel_width)``
        bias: ``(stack, out_channels)``
        output: ``(stack, batch, out_channels, rows, columns)``
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(
        maps: Tensor,
        kernels: Tensor,
        bias: Tensor | None,
        stride: Pair,
        padding: Pair,
        dilation: Pair,
    ) -> Tensor:
        found = _responses(_padded(maps, padding), kernels, stride, dilation)
        return found if bias is None else found + bias[:, None, :, None, None]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del output
        maps, kernels, _, *ctx.settings = inputs
        ctx.save_for_backward(maps, kernels)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        maps, kernels = ctx.saved_tensors
        stride, padding, dilation = ctx.settings
        of_maps = of_kernels = of_bias = None
        if ctx.needs_input_grad[0]:
            of_maps = _map_gradient(gradient, kernels, maps.shape, *ctx.settings)
        if ctx.needs_input_grad[1]:
            seen = _padded(maps, padding)
            of_kernels = _kernel_gradient(gradient, seen, kernels.shape, stride, dilation)
        if ctx.needs_input_grad[2]:
            of_bias = gradient.sum(dim=(1, 3, 4))
        return of_maps, of_kernels, of_bias, None, None, None


class _Products:
    """How a stack of convolutions becomes products of matrices.

    Args:
        maps: with their padding, and with a stack (of 1, if all kernels see the same).
        kernels: the shape of the stack of kernels.
        stride: in pixels.
        dilation: in pixels.

    Attributes:
        overlapping: whether one product yields an output row, of maps unfolded along their
            columns; if not, one product yields all, of maps unfolded along both axes.
        sides: rows and columns of the output.
    """

    def __init__(self, maps: Tensor, kernels: Sequence[int], stride: Pair, dilation: Pair) -> None:
        self.stack, self.out_channels, self.channels, *self.size = kernels
        self.stride, self.dilation = stride, dilation
        self.sides = [
            (side - step * (k - 1) - 1) // jump + 1
            for side, k, jump, step in zip(
                maps.shape[-2:], self.size, stride, dilation, strict=True
            )
        ]
        self.volume = self.channels * self.size[0] * self.size[1]
        self.steps = -(-maps.shape[-2] // stride[0])  # output rows, with those between two maps
        rows, columns = self.sides
        both = self.volume * rows * columns
        along_columns = self.steps * stride[0] * self.channels * self.size[1] * columns
        copies = self.steps * self.out_channels * self.volume if self.stack > 1 else 0
        batch = maps.shape[1]
        self.overlapping = (
            dilation[0] == 1
            and self.volume
            > 2 * self.out_channels  # else unfolded maps are hardly larger than others
            and along_columns * batch + copies < both * batch
        )
        numbers = along_columns if self.overlapping else both
        self.images = max(1, numbers_at_once(maps, on_a_cpu=numbers * batch) // numbers)

    @property
    def batches(self) -> int:
        """Output rows of the whole stack, with those between two maps."""
        return (self.stack - 1) * self.steps + self.sides[0]

    def unfolded(self, maps: Tensor) -> Tensor:
        """The matrices on the right.

        Returns:
            Shape ``(batches, kernel_height * channels * kernel_width, batch * columns)`` if they
            overlap, else ``(stack, channels * kernel_height * kernel_width, batch * rows *
            columns)``.
        """
        (height, width), (down, right) = self.size, self.dilation
        strips = maps.unfold(-1, right * (width - 1) + 1, self.stride[1])[..., ::right]
        if not self.overlapping:
            windows = strips.unfold(-3, down * (height - 1) + 1, self.stride[0])[..., ::down]
            windows = windows.permute(0, 2, 6, 5, 1, 3, 4)
            return windows.reshape(len(maps), self.volume, -1)
        strips = strips.permute(0, 3, 2, 5, 1, 4)  # (stack, height, channels, kernel_width, ...)
        missing = self.steps * self.stride[0] - strips.shape[1]
        if self.stack > 1 and missing:
            strips = F.pad(strips, (0, 0) * 4 + (0, missing))
        strips = strips.contiguous()
        across = strips.shape[-2] * strips.shape[-1]
        row = self.channels * width * across
        shape = (self.batches, height * row // across, across)
        return strips.as_strided(shape, (self.stride[0] * row, across, 1))

    def left(self, kernels: Tensor) -> Tensor:
        """The kernels as matrices, one for each on the right."""
        if not self.overlapping:
            return kernels.flatten(2)
        matrices = kernels.transpose(2, 3).flatten(2)[:, None].expand(-1, self.steps, -1, -1)
        return matrices.flatten(0, 1)[: self.batches]

    def as_maps(self, products: Tensor) -> Tensor:
        """The output, of shape ``(stack, batch, out_channels, rows, columns)``."""
        rows, columns = self.sides
        if not self.overlapping:
            shaped = products.view(*products.shape[:2], -1, rows, columns)
            return shaped.transpose(1, 2)
        shaped = self.rows_of(products)
        return shaped.view(*shaped.shape[:3], -1, columns).permute(0, 3, 2, 1, 4)

    def rows_of(self, products: Tensor) -> Tensor:
        """Products of output rows by the maps that they belong to: ``(stack, rows, ...)``."""
        one = products[0].numel()
        strides = (self.steps * one, one, products.shape[-1], 1)
        return products.as_strided((self.stack, self.sides[0], *products.shape[1:]), strides)

    def left_gradient(self, gradient: Tensor, maps: Tensor) -> Tensor:
        """The gradient of the matrices on the left, from that of the output."""
        right = self.unfolded(maps)
        if self.overlapping or self.stack > 1:
            return torch.bmm(self.as_products(gradient), right.mT)
        # one product with so small a result would leave most of a GPU idle
        by_image = right[0].view(self.volume, maps.shape[1], -1).permute(1, 2, 0)
        return torch.bmm(gradient[0].flatten(2), by_image).sum(dim=0, keepdim=True)

    def as_products(self, gradient: Tensor) -> Tensor:
        """The gradient of the output as that of the products."""
        if not self.overlapping:
            return gradient.transpose(1, 2).flatten(2)
        rows = gradient.permute(0, 3, 2, 1, 4)
        if self.stack > 1:
            rows = F.pad(rows, (0, 0) * 3 + (0, self.steps - self.sides[0]))
        return rows.flatten(3).flatten(0, 1)[: self.batches]

    def as_kernels(self, products: Tensor) -> Tensor:
        """The gradient of the kernels from that of each matrix on the left."""
        if not self.overlapping:
            return products.view(self.stack, self.out_channels, self.channels, *self.size)
        summed = self.rows_of(products).sum(dim=1)
        height, width = self.size
        shaped = summed.view(self.stack, self.out_channels, height, self.channels, width)
        return shaped.transpose(2, 3)


def _responses(maps: Tensor, kernels: Tensor, stride: Pair, dilation: Pair) -> Tensor:
    if maps.ndim == 4:
        responses = _responses(maps[None], kernels.flatten(0, 1)[None], stride, dilation)[0]
        shape = (len(maps), *kernels.shape[:2], *responses.shape[-2:])
        return responses.view(shape).movedim(1, 0)
    products = _Products(maps, kernels.shape, stride, dilation)
    left = products.left(kernels)
    found = [
        products.as_maps(torch.bmm(left, products.unfolded(some)))
        for some in torch.split(maps, products.images, dim=1)
    ]
    return found[0] if len(found) == 1 else torch.cat(found, dim=1)


def _kernel_gradient(
    gradient: Tensor, maps: Tensor, shape: Sequence[int], stride: Pair, dilation: Pair
) -> Tensor:
    if maps.ndim == 4:
        gradient = gradient.movedim(0, 1).flatten(1, 2)[None]
        of_all = (1, shape[0] * shape[1], *shape[2:])
        return _kernel_gradient(gradient, maps[None], of_all, stride, dilation).view(shape)
    products = _Products(maps, shape, stride, dilation)
    parts = (torch.split(one, products.images, dim=1) for one in (gradient, maps))
    found = [products.left_gradient(part, some) for part, some in zip(*parts, strict=True)]
    return products.as_kernels(found[0] if len(found) == 1 else torch.stack(found).sum(dim=0))


def _map_gradient(
    gradient: Tensor,
    kernels: Tensor,
    shape: Sequence[int],
    stride: Pair,
    padding: Pair,
    dilation: Pair,
) -> Tensor:
    if len(shape) == 4:
        gradient = gradient.movedim(0, 1).flatten(1, 2)
        dense: Any = conv2d_input
        of_all: Tensor = dense(shape, kernels.flatten(0, 1), gradient, stride, padding, dilation)
        return of_all
    around: list[int] = []
    spread = [stride[i] * (gradient.shape[i - 2] - 1) + 1 for i in (0, 1)]
    for i in (1, 0):
        reach = dilation[i] * (kernels.shape[i - 2] - 1)
        left_over = shape[i - 2] + 2 * padding[i] - spread[i] - reach
        around += [reach - padding[i], reach + left_over - padding[i]]
    if max(stride) > 1:
        between = gradient.new_zeros(*gradient.shape[:-2], *spread)
        between[..., :: stride[0], :: stride[1]] = gradient
        gradient = between
    if any(around):
        gradient = F.pad(gradient, around)
    return _responses(gradient, kernels.flip(-2, -1).transpose(1, 2), (1, 1), dilation)


def _padded(maps: Tensor, padding: Pair) -> Tensor:
    vertical, horizontal = padding
    if vertical == horizontal == 0:
        return maps
    return F.pad(maps, (horizontal, horizontal, vertical, vertical))
