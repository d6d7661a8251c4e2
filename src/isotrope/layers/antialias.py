"""What filters maps before they are sampled, and computes only what is kept."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class AntialiasFilter(nn.Module, ABC):
    """A filter that keeps the size of maps, or of its output every n-th pixel.

    Shapes:
        input: ``(batch, channels, height, width)``
        output: ``(batch, channels, ceil(height / stride), ceil(width / stride))``
    """

    @abstractmethod
    def forward(self, maps: Tensor, stride: int = 1) -> Tensor:
        """The same as filtering and then slicing ``[..., ::stride, ::stride]``.

        Args:
            maps: what is filtered.
            stride: distance of the pixels that are kept.
        """


def decimated(maps: Tensor, stride: int, antialias: nn.Module | None = None) -> Tensor:
    """Every n-th pixel of filtered maps; of an `AntialiasFilter` no other pixel is computed."""
    if isinstance(antialias, AntialiasFilter):
        filtered: Tensor = antialias(maps, stride)
        return filtered
    if antialias is not None:
        maps = antialias(maps)
    return maps[..., ::stride, ::stride]
