"""The network that ``hermite`` and ``disco`` share; they differ in the basis of their kernels."""

from torch import Tensor, nn

from isotrope.layers.global_max_pool import GlobalMaxPool
from isotrope.layers.steerable_convolution import SteerableConv2d


class Steerable(nn.Module):
    """Steerable convolution, ReLU, the same at each scale by itself, maximum of all, linear.

    Shapes (k is the side of the kernels in the basis):
        input: ``(batch, channels, height, width)`` in 0..1
        stage1: ``(batch, 16, scales, height - k + 1, width - k + 1)``
        stage2: ``(batch, 32, scales, height - 2 k + 2, width - 2 k + 2)``
        features: ``(batch, 32)``, the maximum over scales and positions
        output: ``(batch, classes)`` logits
    """

    def __init__(self, channels: int, classes: int, basis: Tensor) -> None:
        super().__init__()
        self.conv1 = SteerableConv2d(channels, 16, basis)
        self.stage1 = nn.ReLU()
        self.conv2 = SteerableConv2d(16, 32, basis)
        self.stage2 = nn.ReLU()
        self.features = GlobalMaxPool()
        self.lin = nn.Linear(32, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the images."""
        first = self.stage1(self.conv1(images))
        if self.training:  # the same numbers with a cheaper gradient, but no map of stage 2
            features = self.stage2(self.conv2.peak(first))
        else:
            features = self.features(self.stage2(self.conv2(first)))
        logits: Tensor = self.lin(features)
        return logits
