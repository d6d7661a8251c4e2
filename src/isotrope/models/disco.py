"""Kernels that agree with rescaled images, at four scales that do not mix before the maximum.

Source: Sosnovik, Moskalev and Smeulders, "DISCO: accurate Discrete Scale Convolutions", BMVC 2021,
https://arxiv.org/abs/2106.02733, in the network of Altstidl et al., "Just a Matter of Scale?
Reevaluating Scale Equivariance in Convolutional Neural Networks", 2022,
https://arxiv.org/abs/2211.10288, there called "Disco". With the same torch seed it has the
published initial weights.
Differs from the published network: the kernels at the scales 1.26 and 1.59, which were found by
gradient descent and read from a file, are computed anew, as the minimum of the same error. The
logits are therefore not the published ones.
"""

from typing import Literal

import torch
from pydantic import Field

from isotrope.layers.steerable_bases import disco_basis
from isotrope.models._fit import refuse_smaller
from isotrope.models._steerable import Steerable
from isotrope.settings import Settings

REVISION = 1
PARTS = {"stage1", "stage2", "features"}
SIZE = 15  # of the kernels, in pixels
SCALES = (1.0, 1.26, 1.59, 2.0)  # relative to the small kernel


class Params(Settings):
    """Settings of ``disco``."""

    kernel_size: Literal[3, 5, 7] = Field(
        7,
        description="side of the kernels at the scale 1, in pixels; a larger one would not fit 15 "
        "pixels at the scale 2",
    )


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> Steerable:
    """The network for images of a shape.

    Raises:
        ValueError: if the images are smaller than the two kernels together.
    """
    refuse_smaller(image_shape, 2 * SIZE - 1, f"two convolutions of {SIZE} x {SIZE} pixels")
    basis = torch.tensor(disco_basis(SIZE, SCALES, params.kernel_size), device="cpu")
    return Steerable(image_shape[0], classes, basis)
