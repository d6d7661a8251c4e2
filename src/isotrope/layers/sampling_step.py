"""The step at which a converted network makes its maps smaller."""

import torch
from torch import Tensor, nn

from isotrope.layers.downsampling import Downsampling, Selection


class SamplingStep(nn.Module):
    """A downsampling as a step of a graph, which gives and takes selections.

    Shapes:
        input: ``(batch, channels, height, width)``, and the selection of another step, or None
        output: ``(batch, channels, ceil(height / stride), ceil(width / stride))``, and what was
            selected

    Args:
        layer: the downsampling.
        pool: what of its filter is a pooling of the network.

    Attributes:
        phase: if it is a number, this phase is kept of the pooled maps, whatever the layer would
            do; row by row, as `Selection` counts them.
    """

    def __init__(self, layer: Downsampling, pool: nn.Module | None = None) -> None:
        super().__init__()
        self.layer, self.pool = layer, pool
        self.phase: int | None = None

    def forward(
        self, maps: Tensor, selection: Selection | None = None
    ) -> tuple[Tensor, Selection | None]:
        """The smaller maps, and the selection."""
        if self.phase is None:
            return self.layer.down(maps, selection)
        if self.pool is not None:
            maps = self.pool(maps)
        stride = self.layer.stride
        row, column = divmod(self.phase, stride)
        sides = [-side % stride for side in maps.shape[-2:]]
        if row or column:  # each phase is as large as the first
            maps = torch.nn.functional.pad(maps, (0, sides[1], 0, sides[0]))
        return maps[..., row::stride, column::stride], None

    def extra_repr(self) -> str:
        """The phase, if it is fixed."""
        return "" if self.phase is None else f"phase={self.phase}"
