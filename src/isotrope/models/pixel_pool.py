"""Convolutions with one kernel at many sizes, and the best size at each pixel.

Source: Altstidl et al., "Just a Matter of Scale? Reevaluating Scale Equivariance in Convolutional
Neural Networks", 2022, https://arxiv.org/abs/2211.10288, there called "Pixel Pool". With the same
torch seed it has the published initial weights, which are those of ``standard``, and outputs.
"""

from pydantic import Field
from torch import Tensor, nn

from isotrope.geometry import Interpolation
from isotrope.layers.global_max_pool import GlobalMaxPool
from isotrope.layers.scale_pool import ScalePool
from isotrope.layers.scaled_convolution import SiConv2d
from isotrope.models._fit import refuse_smaller
from isotrope.settings import Settings

REVISION = 1
PARTS = {"stage1", "stage2", "pool1", "pool2", "features"}


class Params(Settings):
    """Settings of ``pixel_pool``."""

    kernel_size: int = Field(
        7, ge=1, description="side of the smallest kernels, in pixels; the others are 2 larger each"
    )
    interpolation: Interpolation = Field(
        "bicubic", description="how the larger kernels come from the smallest"
    )


class PixelPool(nn.Module):
    """Scaled convolution, pool, ReLU, the same again, global maximum, linear.

    As many kernel sizes are used as fit the shorter side. The pools compare the responses with the
    zeros that frame the larger kernels' maps, so what they return is negative in the
    central pixels only.

    Shapes (k is the smallest kernel's size):
        input: ``(batch, channels, height, width)`` in 0..1
        pool1, stage1: ``(batch, 16, height - k + 1, width - k + 1)``
        pool2, stage2: ``(batch, 32, height - 2 k + 2, width - 2 k + 2)``
        features: ``(batch, 32)``
        output: ``(batch, classes)`` logits
    """

    def __init__(
        self, image_shape: tuple[int, int, int], classes: int, k: int, interpolation: Interpolation
    ) -> None:
        super().__init__()
        channels, side = image_shape[0], min(image_shape[1:])
        scales = [(side - k) // 2 + 1, (side - 2 * k + 1) // 2 + 1]
        self.conv1 = SiConv2d(channels, 16, scales[0], k, interp_mode=interpolation)
        self.pool1 = ScalePool("pixel")
        self.stage1 = nn.ReLU()
        self.conv2 = SiConv2d(16, 32, scales[1], k, interp_mode=interpolation)
        self.pool2 = ScalePool("pixel")
        self.stage2 = nn.ReLU()
        self.features = GlobalMaxPool()
        self.lin = nn.Linear(32, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the images."""
        first = self.stage1(self.pool1(self.conv1(images)))
        second = self.stage2(self.pool2(self.conv2(first)))
        logits: Tensor = self.lin(self.features(second))
        return logits


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> PixelPool:
    """The network for images of a shape.

    Raises:
        ValueError: if the images are smaller than the two smallest kernels together.
    """
    k = params.kernel_size
    refuse_smaller(image_shape, 2 * k - 1, f"two convolutions of {k} x {k} pixels")
    return PixelPool(image_shape, classes, k, params.interpolation)
