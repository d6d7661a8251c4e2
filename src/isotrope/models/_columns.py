"""The network that ``xu`` and ``xu_fixed`` share; they differ in the kernels of its columns."""

from collections.abc import Sequence

from torch import Tensor, nn

from isotrope.layers.column_convolution import ColumnConv2d
from isotrope.layers.global_max_pool import GlobalMaxPool

SIZES = (3, 5, 7, 9, 11)  # sides of the columns' kernels, in pixels


class Columns(nn.Module):
    """Convolution, ReLU and the same again in columns of their own, maximum of all, linear.

    Each column has the kernel of one size; all have the same weights. There are no biases before
    the linear layer.

    Shapes:
        input: ``(batch, channels, height, width)`` in 0..1
        features: ``(batch, 32)``, the maximum over columns and positions
        output: ``(batch, classes)`` logits
    """

    def __init__(self, channels: int, classes: int, ratios: Sequence[tuple[Tensor, int]]) -> None:
        super().__init__()
        self.conv1 = ColumnConv2d(channels, 16, ratios)
        self.conv2 = ColumnConv2d(16, 32, ratios)
        self.features = GlobalMaxPool()
        self.lin = nn.Linear(32, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the images."""
        first = self.conv1(images).relu()
        if self.training:  # the same numbers with a cheaper gradient
            features = self.conv2.peak(first).relu()
        else:
            features = self.features(self.conv2(first).relu())
        logits: Tensor = self.lin(features)
        return logits
