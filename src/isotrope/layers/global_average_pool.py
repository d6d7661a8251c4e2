"""The mean response of each channel."""

from torch import Tensor, nn


class GlobalAveragePool(nn.Module):
    """Mean over all dimensions behind the channels.

    Shapes:
        input: ``(batch, channels, ...)``, at least one dimension more
        output: ``(batch, channels)``
    """

    def forward(self, maps: Tensor) -> Tensor:
        """The mean of each channel."""
        return maps.flatten(2).mean(dim=-1)
