"""Two convolutions, a global maximum and a linear layer: the network that knows nothing of scale.

Source: Altstidl et al., "Just a Matter of Scale? Reevaluating Scale Equivariance in Convolutional
Neural Networks", 2022, https://arxiv.org/abs/2211.10288, there called "Standard". With the same
torch seed it has the published initial weights and outputs.
"""

from pydantic import Field
from torch import Tensor, nn

from isotrope.layers.peak_convolution import convolution_peak
from isotrope.models._fit import refuse_smaller
from isotrope.models._two_convolutions import TwoConvolutions
from isotrope.settings import Settings

REVISION = 1
PARTS = {"stage1", "stage2", "features"}


class Params(Settings):
    """Settings of ``standard``."""

    kernel_size: int = Field(7, ge=1, description="side of both convolutions' kernels, in pixels")


class Standard(TwoConvolutions[nn.Conv2d]):
    """Convolution, ReLU, convolution, ReLU, global maximum, linear.

    Shapes (k is the kernel size):
        input: ``(batch, channels, height, width)`` in 0..1
        stage1: ``(batch, 16, height - k + 1, width - k + 1)``
        stage2: ``(batch, 32, height - 2 k + 2, width - 2 k + 2)``
        features: ``(batch, 32)``
        output: ``(batch, classes)`` logits
    """

    def __init__(self, channels: int, classes: int, kernel_size: int) -> None:
        super().__init__(
            nn.Conv2d(channels, 16, kernel_size), nn.Conv2d(16, 32, kernel_size), classes
        )

    def peak(self, images: Tensor) -> Tensor:
        """The maximum of ``conv2`` over all but the channels."""
        return convolution_peak(images, self.conv2)


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> Standard:
    """The network for images of a shape.

    Raises:
        ValueError: if the images are smaller than the two kernels together.
    """
    k = params.kernel_size
    refuse_smaller(image_shape, 2 * k - 1, f"two convolutions of {k} x {k} pixels")
    return Standard(image_shape[0], classes, k)
