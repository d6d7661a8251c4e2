"""The network that ``hermite`` and ``disco`` share; they differ in the basis of their kernels."""

from collections.abc import Mapping

from torch import Tensor

from isotrope.layers.steerable_convolution import SteerableConv2d
from isotrope.models._scale_weights import steerable
from isotrope.models._two_convolutions import TwoConvolutions


class Steerable(TwoConvolutions[SteerableConv2d]):
    """Steerable convolution, ReLU, the same at each scale by itself, maximum of all, linear.

    Shapes (k is the side of the kernels in the basis):
        input: ``(batch, channels, height, width)`` in 0..1
        stage1: ``(batch, 16, scales, height - k + 1, width - k + 1)``
        stage2: ``(batch, 32, scales, height - 2 k + 2, width - 2 k + 2)``
        features: ``(batch, 32)``, the maximum over scales and positions
        output: ``(batch, classes)`` logits
    """

    def __init__(self, channels: int, classes: int, basis: Tensor) -> None:
        super().__init__(
            SteerableConv2d(channels, 16, basis), SteerableConv2d(16, 32, basis), classes
        )

    def peak(self, images: Tensor) -> Tensor:
        """The maximum of ``conv2`` over all but the channels."""
        maximum: Tensor = self.conv2.peak(images)
        return maximum

    def adopt(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Its own weights, or those of the published network with the same basis.

        Raises:
            UserError: if any is missing, or they belong to another basis.
        """
        layers = {"conv1": self.conv1, "conv2": self.conv2}
        return steerable(self, weights, {name: layer.basis for name, layer in layers.items()})
