"""Kernels that are sums of Hermite functions, at four scales that do not mix before the maximum.

Source: Sosnovik, Szmaja and Smeulders, "Scale-Equivariant Steerable Networks", ICLR 2020,
https://arxiv.org/abs/1910.11093, in the network of Altstidl et al., "Just a Matter of Scale?
Reevaluating Scale Equivariance in Convolutional Neural Networks", 2022,
https://arxiv.org/abs/2211.10288, there called "Hermite". With the same torch seed it has the
published initial weights and outputs.
"""

from typing import Literal

import torch
from pydantic import Field

from isotrope.layers.steerable_bases import hermite_basis
from isotrope.models._fit import refuse_smaller
from isotrope.models._steerable import Steerable
from isotrope.settings import Settings

REVISION = 1
PARTS = {"stage1", "stage2", "features"}
SIZE = 15  # of the kernels, in pixels
SCALES = (2.0, 2.52, 3.17, 4.0)  # widths of the Gaussian windows, in pixels


class Params(Settings):
    """Settings of ``hermite``."""

    kernel_size: Literal[3, 5, 7] = Field(
        7,
        description="side of a plain kernel with as many weights, in pixels; the kernels are 15 "
        "pixels wide in any case, but 7 at the smallest scale, where more functions than 7 x 7 "
        "would depend on each other",
    )


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> Steerable:
    """The network for images of a shape.

    Raises:
        ValueError: if the images are smaller than the two kernels together.
    """
    refuse_smaller(image_shape, 2 * SIZE - 1, f"two convolutions of {SIZE} x {SIZE} pixels")
    basis = torch.tensor(hermite_basis(SIZE, SCALES, params.kernel_size), device="cpu")
    return Steerable(image_shape[0], classes, basis)
