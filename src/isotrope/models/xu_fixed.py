"""Columns that share one kernel, really resized to sizes from 3 to 11 pixels: ``xu`` as intended.

Source: Xu, Xiao, Zhang, Yang and Zhang, "Scale-Invariant Convolutional Neural Networks", 2014,
https://arxiv.org/abs/1411.6369, in the network of Altstidl et al., "Just a Matter of Scale?
Reevaluating Scale Equivariance in Convolutional Neural Networks", 2022,
https://arxiv.org/abs/2211.10288.
Differs from the published network, which is ``xu``: each column resizes the kernel, not the kernel
with the zeros around it, so that every size has a kernel of its own, centred on its pixel; the
resize is the same for smaller and larger sizes, on half-pixel centres as in `SiConv2d`. As
published, each filter keeps its L1 norm at all sizes.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from isotrope.geometry import Interpolation, resize_ratios
from isotrope.models._columns import SIZES, Columns
from isotrope.settings import Settings

REVISION = 1
PARTS = {"features"}


class Params(Settings):
    """Settings of ``xu_fixed``."""

    kernel_size: Literal[3, 5, 7, 9, 11] = Field(
        7,
        description="side of the learned kernel, in pixels; it is resized to 3, 5, 7, 9 and "
        "11 pixels",
    )
    interpolation: Interpolation = Field(
        "bilinear", description="how the columns' kernels come from the one that is learned"
    )


def column_ratios(kernel_size: int, size: int, interpolation: Interpolation) -> tuple[Tensor, int]:
    """The resize of a kernel to ``size`` pixels along one axis, zeros around up to 11 pixels.

    Returns:
        Numerators of shape ``(11, kernel_size)``, int64, and their denominator.
    """
    numerators, denominator = resize_ratios(kernel_size, size, interpolation)
    frame = (max(SIZES) - size) // 2
    return F.pad(numerators, (0, 0, frame, frame)), denominator


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> Columns:
    """The network for images of a shape, which may be of any size."""
    ratios = [column_ratios(params.kernel_size, size, params.interpolation) for size in SIZES]
    return Columns(image_shape[0], classes, ratios)
