"""Padding for convolutions over a map whose columns are angles: its ends meet."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Rows = Literal["replicate", "zeros", "valid"]


class CylindricalPadding(nn.Module):
    """Repeat columns from the other end on both sides; pad rows as is asked for.

    A convolution behind it gives as many columns as there were, and turning the image rolls its
    output as it rolls the map.

    Shapes:
        input: ``(batch, channels, radii, angles)``
        output: ``kernel_size - 1`` more angles and, unless rows are ``valid``, as many more radii

    Args:
        kernel_size: of the convolution behind it.
        rows: what lies within the smallest radius and beyond the largest: ``replicate`` the
            outermost row, ``zeros``, or ``valid``: the convolution stays inside.

    Raises:
        ValueError: if rows are none of these, or a map has fewer angles than must be repeated.
    """

    def __init__(self, kernel_size: int, rows: Rows = "replicate") -> None:
        super().__init__()
        if rows not in get_args(Rows):
            raise ValueError(f"rows must be one of {', '.join(get_args(Rows))}, got '{rows}'")
        self.before, self.after = (kernel_size - 1) // 2, kernel_size // 2
        self.rows = rows

    def forward(self, maps: Tensor) -> Tensor:
        """The padded maps."""
        before, after, angles = self.before, self.after, maps.shape[-1]
        if after > angles:
            raise ValueError(f"{angles} angles are too few to repeat {after} of them")
        maps = torch.cat((maps[..., angles - before :], maps, maps[..., :after]), dim=-1)
        if self.rows == "zeros":
            return F.pad(maps, (0, 0, before, after))
        if self.rows == "replicate":
            first = maps[..., :1, :].expand(*maps.shape[:-2], before, -1)
            last = maps[..., -1:, :].expand(*maps.shape[:-2], after, -1)
            return torch.cat((first, maps, last), dim=-2)
        return maps
