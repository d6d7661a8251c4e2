"""The largest response of each channel, wherever and at whatever scale it is."""

from torch import Tensor, nn


class GlobalMaxPool(nn.Module):
    """Maximum over all dimensions behind the channels.

    Where several positions tie, the gradient goes to one of them, as in any max pooling.

    Shapes:
        input: ``(batch, channels, ...)``, at least one dimension more
        output: ``(batch, channels)``
    """

    def forward(self, maps: Tensor) -> Tensor:
        """The maximum of each channel."""
        return maps.flatten(2).max(dim=-1).values


class GlobalAveragePool(nn.Module):
    """Mean over all dimensions behind the channels.

    Shapes:
        input: ``(batch, channels, ...)``, at least one dimension more
        output: ``(batch, channels)``
    """

    def forward(self, maps: Tensor) -> Tensor:
        """The mean of each channel."""
        return maps.flatten(2).mean(dim=-1)
