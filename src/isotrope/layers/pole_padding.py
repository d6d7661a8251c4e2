"""Padding for convolutions over a log-polar map whose rows begin near its pole."""

import torch
from torch import Tensor, nn


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
        self.before, self.after = height // 2, (height - 1) // 2
        self.angles = width - 1
        self.legacy = legacy

    def forward(self, maps: Tensor) -> Tensor:
        """The padded maps."""
        radii, angles = maps.shape[-2:]
        if angles < self.angles or radii < self.before:
            raise ValueError(
                f"a map of {radii} radii and {angles} angles is too small to repeat {self.before} "
                f"and {self.angles} of them"
            )
        if self.legacy:
            return self._in_rows(self._in_columns(maps))
        if self.before and angles % 2:
            raise ValueError(f"{angles} angles have no opposite ones; their number must be even")
        return self._in_columns(self._in_rows(maps))

    def _in_columns(self, maps: Tensor) -> Tensor:
        if not self.angles:
            return maps
        return torch.cat((maps[..., maps.shape[-1] - self.angles :], maps), dim=-1)

    def _in_rows(self, maps: Tensor) -> Tensor:
        parts = [maps]
        if self.before:
            half = maps.shape[-1] // 2
            near = maps[..., : self.before, :]
            if not self.legacy:
                near = near.flip(-2)
            parts.insert(0, torch.cat((near[..., half:], near[..., :half]), dim=-1))
        if self.after:
            last = maps[..., -1:, :]
            parts.append(last.expand(*maps.shape[:-2], self.after, -1))
        return torch.cat(parts, dim=-2) if len(parts) > 1 else maps

    def extra_repr(self) -> str:
        """What is repeated."""
        return f"rows={self.before}+{self.after}, angles={self.angles}, legacy={self.legacy}"
