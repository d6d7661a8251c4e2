"""Downsampling by whole steps: the face of what makes maps smaller, and its simplest kinds.

What phases are, and what a selection of them is, `phases` says.
"""

from abc import ABC, abstractmethod

from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.layers.antialias import decimated
from isotrope.layers.phases import Selection, phases, taken

__all__ = [
    "AveragePool",
    "Decimation",
    "Downsampling",
    "Selection",
    "checked_stride",
    "phases",
    "taken",
]


class Downsampling(nn.Module, ABC):
    """What keeps ``1 / stride`` of rows and columns.

    Shapes:
        input: ``(batch, channels, height, width)``
        output: ``(batch, channels, ceil(height / stride), ceil(width / stride))``

    Args:
        stride: at least 2, in pixels.

    Raises:
        ValueError: if the stride is less than 2.
    """

    def __init__(self, stride: int = 2) -> None:
        super().__init__()
        self.stride = checked_stride(stride)

    @abstractmethod
    def down(
        self, maps: Tensor, selection: Selection | None = None, noise: Tensor | None = None
    ) -> tuple[Tensor, Selection | None]:
        """Smaller maps, and what was selected where something is.

        Args:
            maps: what is sampled.
            selection: of another layer, taken instead of an own one; the shortcut of a residual
                block takes that of the main branch, or the two would not lie on each other.
            noise: standard Gumbel numbers of shape ``(batch, phases)``, for layers that draw.
        """

    def forward(self, maps: Tensor) -> Tensor:
        """Smaller maps."""
        return self.down(maps)[0]


class Decimation(Downsampling):
    """Every ``stride``-th row and column from the first one on, whatever was selected elsewhere.

    Args:
        stride: in pixels.
        antialias: filters the maps before; an `AntialiasFilter` only where they are kept.
    """

    def __init__(self, stride: int = 2, antialias: nn.Module | None = None) -> None:
        super().__init__(stride)
        self.antialias = antialias

    def down(
        self, maps: Tensor, selection: Selection | None = None, noise: Tensor | None = None
    ) -> tuple[Tensor, Selection | None]:
        """The first phase; it neither takes nor makes a selection."""
        del selection, noise
        return decimated(maps, self.stride, self.antialias), None


class AveragePool(Downsampling):
    """The mean of each ``stride`` by ``stride`` pixels; at the edge, of those that there are."""

    def down(
        self, maps: Tensor, selection: Selection | None = None, noise: Tensor | None = None
    ) -> tuple[Tensor, Selection | None]:
        """The means; there is nothing to select."""
        del selection, noise
        return F.avg_pool2d(maps, self.stride, ceil_mode=True), None


def checked_stride(stride: int) -> int:
    """The stride, if it is one.

    Raises:
        ValueError: if it is less than 2.
    """
    if stride < 2:
        raise ValueError(f"a stride is at least 2, got {stride}")
    return stride
