"""Convolutions with one kernel at many sizes, and the best size at each pixel.

Source: Altstidl et al., "Just a Matter of Scale? Reevaluating Scale Equivariance in Convolutional
Neural Networks", 2022, https://arxiv.org/abs/2211.10288, there called "Pixel Pool". With the same
torch seed it has the published initial weights, which are those of ``standard``, and outputs.
"""

from isotrope.models._scaled_pooling import PoolParams, ScaledPooling

REVISION = 1
PARTS = {"stage1", "stage2", "pool1", "pool2", "features"}


class Params(PoolParams):
    """Settings of ``pixel_pool``."""


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> ScaledPooling:
    """The network for images of a shape.

    Raises:
        ValueError: if the images are smaller than the two smallest kernels together.
    """
    return ScaledPooling(image_shape, classes, params, "pixel")
