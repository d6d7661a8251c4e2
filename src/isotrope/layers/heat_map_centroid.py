"""Where the mass of a heat map lies, in pixels of the image that it is a map of."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.layers.constants import made_once

Weighting = Literal["softplus", "linear"]


class HeatMapCentroid(nn.Module):
    """The centroid of one map for each image.

    A shift of the map moves it by as much, where nothing leaves; it is differentiable.

    Shapes:
        input: ``(batch, 1, rows, columns)``
        output: ``(batch, 2)``: x and y in pixels, 0 at the centre of the first, y down

    Args:
        weighting: what a value weighs: ``softplus`` of it, so that the sum is never zero, or
            ``linear`` the value itself, which may be negative.

    Raises:
        ValueError: if the weighting is none of these.
    """

    def __init__(self, weighting: Weighting = "softplus") -> None:
        super().__init__()
        if weighting not in get_args(Weighting):
            known = ", ".join(get_args(Weighting))
            raise ValueError(f"weighting must be one of {known}, got '{weighting}'")
        self.weighting = weighting

    def forward(self, heat: Tensor, height: int, width: int) -> Tensor:
        """The centroid, in pixels of an image of a height and width that the map covers."""
        exact = torch.promote_types(heat.dtype, torch.float32)  # bfloat16 cannot tell pixels apart
        mass = heat[:, 0].to(exact)
        if self.weighting == "softplus":
            mass = F.softplus(mass)
        total = mass.sum(dim=(-2, -1))
        rows, columns = mass.shape[-2:]
        x = (mass.sum(dim=-2) * _cells(columns, width, exact, heat.device)).sum(dim=-1)
        y = (mass.sum(dim=-1) * _cells(rows, height, exact, heat.device)).sum(dim=-1)
        return torch.stack((x, y), dim=-1) / total[:, None]


@made_once
def _cells(cells: int, side: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The centres of cells that divide a side, in pixels."""
    return (torch.arange(cells, dtype=dtype, device=device) + 0.5) * (side / cells) - 0.5
