"""Columns that share one kernel at sizes from 3 to 11 pixels, as published: none is enlarged.

Source: Xu, Xiao, Zhang, Yang and Zhang, "Scale-Invariant Convolutional Neural Networks", 2014,
https://arxiv.org/abs/1411.6369, in the network of Altstidl et al., "Just a Matter of Scale?
Reevaluating Scale Equivariance in Convolutional Neural Networks", 2022,
https://arxiv.org/abs/2211.10288, there called "Xu". With the same torch seed it has the published
initial weights and outputs.

What is resized is not the kernel but its canvas of 11 x 11 pixels, zeros around the kernel. Of the
kernel of 7 x 7 pixels the column 3 therefore keeps the central pixel, 5 shrinks it to 3 x 3, 9
drops its middle row and column and sets it half a pixel off the centre, and 11 is the kernel
itself, as 7 is. ``xu_fixed`` resizes the kernel. Equal columns are computed once; the
maximum over columns and its gradient are the same.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from isotrope.models._columns import SIZES, Columns
from isotrope.settings import Settings

REVISION = 1
PARTS = {"features"}


class Params(Settings):
    """Settings of ``xu``."""

    kernel_size: Literal[3, 5, 7, 9, 11] = Field(
        7,
        description="side of the kernel that is learned, in pixels; the columns' kernels are made "
        "from it on a canvas of 11 x 11 pixels",
    )


def column_ratios(kernel_size: int, size: int) -> tuple[Tensor, int]:
    """What the published network makes of a kernel in the column of a size, along one axis.

    Zeros are added up to 11 pixels, then all of it is resized to ``size`` (bilinear, the
    outermost pixels on each other, if ``size`` is below that of the kernel; nearest if above) and
    zeros are added again.

    Returns:
        Numerators of shape ``(11, kernel_size)``, int64, and their denominator.
    """
    canvas, rim = max(SIZES), (max(SIZES) - kernel_size) // 2
    cell, pixel = torch.arange(size, device="cpu"), torch.arange(canvas, device="cpu")
    if size < kernel_size:
        steps = size - 1
        resized = (steps - (cell[:, None] * (canvas - 1) - pixel * steps).abs()).clamp(min=0)
    else:
        steps, source = 1, canvas if size > kernel_size else size
        resized = F.one_hot(cell * source // size + (canvas - source) // 2, canvas)
    frame = (canvas - size) // 2
    return F.pad(resized[:, rim : canvas - rim], (0, 0, frame, frame)), steps


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> Columns:
    """The network for images of a shape, which may be of any size."""
    found: list[tuple[Tensor, int]] = []
    for size in SIZES:
        numerators, denominator = column_ratios(params.kernel_size, size)
        if not any(torch.equal(numerators * below, above * denominator) for above, below in found):
            found.append((numerators, denominator))
    return Columns(image_shape[0], classes, found)
