"""Two convolutions, each of its input at six sizes of which the best at each pixel is kept.

Source: Kanazawa, Sharma and Jacobs, "Locally Scale-Invariant Convolutional Neural Networks", 2014,
https://arxiv.org/abs/1412.5104, in the network of Altstidl et al., "Just a Matter of Scale?
Reevaluating Scale Equivariance in Convolutional Neural Networks", 2022,
https://arxiv.org/abs/2211.10288, there called "Kanazawa". With the same torch seed it has the
published initial weights, which are those of ``standard``, and outputs.
"""

from pydantic import Field
from torch import Tensor

from isotrope.layers.multiscale_convolution import MultiscaleConv2d
from isotrope.models._fit import refuse_smaller
from isotrope.models._two_convolutions import TwoConvolutions
from isotrope.settings import Settings

REVISION = 1
PARTS = {"stage1", "stage2", "features"}
FACTORS = tuple(1.26**exponent for exponent in range(-2, 4))  # three to the octave


class Params(Settings):
    """Settings of ``kanazawa``."""

    kernel_size: int = Field(
        7, ge=1, description="side of both convolutions' kernels, in pixels of the resized images"
    )


class Kanazawa(TwoConvolutions[MultiscaleConv2d]):
    """Multiscale convolution, ReLU, the same again, global maximum, linear.

    Shapes (k is the kernel size):
        input: ``(batch, channels, height, width)`` in 0..1
        stage1: ``(batch, 16, height - k + 1, width - k + 1)``
        stage2: ``(batch, 32, height - 2 k + 2, width - 2 k + 2)``
        features: ``(batch, 32)``
        output: ``(batch, classes)`` logits
    """

    def __init__(self, channels: int, classes: int, kernel_size: int) -> None:
        super().__init__(
            MultiscaleConv2d(channels, 16, kernel_size, FACTORS),
            MultiscaleConv2d(16, 32, kernel_size, FACTORS),
            classes,
        )

    def peak(self, images: Tensor) -> Tensor:
        """The maximum of ``conv2`` over all but the channels."""
        maximum: Tensor = self.conv2.peak(images)
        return maximum


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> Kanazawa:
    """The network for images of a shape.

    Raises:
        ValueError: if nothing would be left of the responses where images are seen enlarged.
    """
    k = params.kernel_size
    refuse_smaller(image_shape, 2 * k + 1, f"two convolutions of {k} x {k} pixels at a double size")
    return Kanazawa(image_shape[0], classes, k)
