"""Padding for convolutions over a log-polar map whose rows begin near its pole."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from isotrope.layers.forms import few_launches


class Edges(NamedTuple):
    """What is repeated of a map.

    Args:
        before: rows within the smallest radius.
        after: rows beyond the largest.
        angles: columns before the first.
        legacy: whether columns come first, and rows are not turned.
    """

    before: int
    after: int
    angles: int
    legacy: bool


class PolePadding(nn.Module):
    """What a kernel sees beyond the edges of a log-polar map.

    Beyond the last angle comes the first; beyond the smallest radius come the rows of the opposite
    angles, as if one walked through the centre; beyond the largest radius that row is repeated. A
    convolution behind it keeps the size of a map, and a map that is rolled by some columns gives a
    rolled result, exactly.

    Source: the convolutional networks of RAM-LPM (Kiritani and Ono, 2020,
    https://arxiv.org/abs/2002.05388), whose code puts all repeated angles before the first column,
    as is done here: what a kernel of odd width gives stands half of it to the right. Differs from
    that code, unless ``legacy``: it repeats the angles first and halves the wider map, so that the
    rows through the centre are off by half of what was repeated, and it does not turn their order,
    which counts for kernels higher than 3.

    Shapes:
        input: ``(batch, channels, radii, angles)``
        output: ``(batch, channels, radii + height - 1, angles + width - 1)``

    Args:
        kernel_size: height and width of the kernel, in radii and angles.
        legacy: as the published code has it.

    Raises:
        ValueError: if a map has an odd number of angles (unless ``legacy``), or fewer angles or
            radii than are repeated.
    """

    def __init__(self, kernel_size: tuple[int, int], legacy: bool = False) -> None:
        super().__init__()
        height, width = kernel_size
        self.edges = Edges(height // 2, (height - 1) // 2, width - 1, legacy)

    def forward(self, maps: Tensor) -> Tensor:
        """The padded maps."""
        radii, angles = maps.shape[-2:]
        before, _, repeated, legacy = self.edges
        if angles < repeated or radii < before:
            raise ValueError(
                f"a map of {radii} radii and {angles} angles is too small to repeat {before} "
                f"and {repeated} of them"
            )
        if before and angles % 2 and not legacy:
            raise ValueError(f"{angles} angles have no opposite ones; their number must be even")
        run: Any = _Padding
        found: Tensor = run.apply(maps, self.edges)
        return found.contiguous(memory_format=torch.channels_last) if _suits_cpu(maps) else found

    def extra_repr(self) -> str:
        """What is repeated."""
        return ", ".join(f"{name}={value}" for name, value in self.edges._asdict().items())


def _suits_cpu(maps: Tensor) -> bool:
    """Whether maps with the channels last in memory are faster: convolutions on a CPU's cache."""
    plain = not torch.compiler.is_compiling() and not few_launches(maps)
    if not plain or maps.shape[1] == 1:
        return False
    stacked: bool = torch._C._functorch.is_functorch_wrapped_tensor(maps)  # no public way
    return not stacked


class _Padding(torch.autograd.Function):
    """The padded maps, with a gradient that adds what is repeated in a few operations."""

    generate_vmap_rule = True

    @staticmethod
    def forward(maps: Tensor, edges: Edges) -> Tensor:
        if edges.legacy:
            return _in_rows(_in_columns(maps, edges), edges)
        return _in_columns(_in_rows(maps, edges), edges)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del output
        ctx.edges = inputs[1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        if ctx.edges.legacy:
            return _columns_added(_rows_added(gradient, ctx.edges), ctx.edges), None
        return _rows_added(_columns_added(gradient, ctx.edges), ctx.edges), None


def _in_columns(maps: Tensor, edges: Edges) -> Tensor:
    if not edges.angles:
        return maps.clone()
    return torch.cat((maps[..., maps.shape[-1] - edges.angles :], maps), dim=-1)


def _in_rows(maps: Tensor, edges: Edges) -> Tensor:
    parts = [maps]
    if edges.before:
        half = maps.shape[-1] // 2
        near = maps[..., : edges.before, :]
        if not edges.legacy and edges.before > 1:
            near = near.flip(-2)
        parts.insert(0, torch.cat((near[..., half:], near[..., :half]), dim=-1))
    if edges.after:
        last = maps[..., -1:, :]
        parts.append(last.expand(*maps.shape[:-2], edges.after, -1))
    return torch.cat(parts, dim=-2)


def _columns_added(gradient: Tensor, edges: Edges) -> Tensor:
    """A gradient with that of the repeated columns."""
    found = gradient[..., edges.angles :].clone()
    if edges.angles:
        found[..., found.shape[-1] - edges.angles :].add_(gradient[..., : edges.angles])
    return found


def _rows_added(gradient: Tensor, edges: Edges) -> Tensor:
    """A gradient with that of the repeated rows."""
    before, after = edges.before, edges.after
    found = gradient[..., before : gradient.shape[-2] - after, :].clone()
    if before:
        inner = gradient[..., :before, :]
        if not edges.legacy and before > 1:
            inner = inner.flip(-2)
        angles = gradient.shape[-1]
        half = angles // 2
        found[..., :before, half:].add_(inner[..., : angles - half])
        found[..., :before, :half].add_(inner[..., angles - half :])
    if after:
        beyond = gradient[..., gradient.shape[-2] - after :, :]
        found[..., -1, :].add_(beyond.sum(-2) if after > 1 else beyond[..., 0, :])
    return found
