"""What a network keeps of its features at all positions."""

from typing import Literal

import torch
from torch import Tensor, nn

Output = Literal["max", "center", "average", "random"]


class PositionPool(nn.Module):
    """One value of each feature, of all positions.

    Shapes:
        maps: ``(batch, features, rows, columns)``
        places: ``(batch,)`` in 0..1, which position of each image, from the first to the last
        output: ``(batch, features)``

    Args:
        output: ``max``, ``average``, ``center`` (the position at the centre or just before it) or
            ``random`` (another one for each image and step in training, the centre in tests).
    """

    def __init__(self, output: Output) -> None:
        super().__init__()
        self.output = output

    def forward(self, maps: Tensor, places: Tensor | None = None) -> Tensor:
        """The features."""
        if self.output == "max":
            return maps.flatten(2).max(dim=-1).values
        if self.output == "average":
            return maps.flatten(2).mean(dim=-1)
        if self.output == "center" or not self.training:
            return maps[..., (maps.shape[-2] - 1) // 2, (maps.shape[-1] - 1) // 2]
        count = maps.shape[-2] * maps.shape[-1]
        if places is None:
            places = torch.rand(len(maps), device=maps.device)
        chosen = (places * count).long().clamp(max=count - 1)
        here = chosen[:, None] == torch.arange(count, device=maps.device)
        return (maps.flatten(2) * here[:, None].to(maps.dtype)).sum(dim=-1)

    def extra_repr(self) -> str:
        """What ``print`` shows."""
        return self.output


def draw_places(generator: torch.Generator, count: int) -> Tensor:
    """Which position each of ``count`` images is asked for, ``(count,)`` in 0..1."""
    return torch.rand(count, generator=generator)
