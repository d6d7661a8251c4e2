"""Convolutions with one kernel at many sizes, and for each channel the size with the largest sum.

Source: Altstidl et al., "Just a Matter of Scale? Reevaluating Scale Equivariance in Convolutional
Neural Networks", 2022, https://arxiv.org/abs/2211.10288, there called "Energy Pool". With the same
torch seed it has the published initial weights, which are those of ``standard``, and outputs.

As published, the "energy" is the signed sum of a map, and the frames of zeros count: where sums are
negative the largest kernel wins, whose map is nearly empty. ``statistic`` offers measures that look
inside the frames alone.
"""

from pydantic import Field

from isotrope.layers.scale_pool import Statistic
from isotrope.models._scaled_pooling import PoolParams, ScaledPooling

REVISION = 1
PARTS = {"stage1", "stage2", "pool1", "pool2", "features"}


class Params(PoolParams):
    """Settings of ``energy_pool``."""

    statistic: Statistic = Field(
        "signed_sum",
        description="what the maps are compared by: their sum as published, or the mean or mean "
        "square of what lies inside their frames",
    )


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> ScaledPooling:
    """The network for images of a shape.

    Raises:
        ValueError: if the images are smaller than the two smallest kernels together.
    """
    return ScaledPooling(image_shape, classes, params, "energy", params.statistic)
