"""The grid on which polar transformer networks sample an image, around a place that they predict.

Source: Esteves, Allen-Blanchette, Zhou and Daniilidis, "Polar Transformer Networks", ICLR 2018,
https://arxiv.org/abs/1709.01889, and the code published with it.
"""

import math
from typing import Literal

import torch
from torch import Tensor

from isotrope.layers.constants import made_once

RadiusMap = Literal["remapped", "geometric"]
AngleEnd = Literal["excluded", "included"]


@made_once
def polar_offsets(
    radii: int,
    angles: int,
    r_max: float,
    radius_map: RadiusMap,
    angle_end: AngleEnd,
    dtype: torch.dtype,
    device: torch.device,
) -> Tensor:
    """Where the samples lie around their centre.

    Args:
        radii: number of radii, at least 2.
        angles: number of angles, at least 2.
        r_max: largest radius, in pixels, above 1.
        radius_map: ``geometric``: radii from 1 to ``r_max`` pixels with a fixed ratio;
            ``remapped``: those, stretched linearly to 0 to ``r_max``, as published.
        angle_end: whether the last angle is the first again (``included``, as published) or one
            step before it.
        dtype: the type to sample in.
        device: where to sample.

    Returns:
        ``(radii, angles, 2)``: x and y in pixels, y down; angles run counter-clockwise from the
        right.
    """
    step = torch.linspace(0, 1, radii, dtype=torch.float64, device="cpu")
    radius = (step * math.log(r_max)).exp()
    if radius_map == "remapped":
        radius = (radius - 1) * (r_max / (r_max - 1))
    steps = angles - 1 if angle_end == "included" else angles
    angle = torch.arange(angles, dtype=torch.float64, device="cpu") * (2 * math.pi / steps)
    directions = torch.stack((angle.cos(), -angle.sin()), dim=-1)
    return (radius[:, None, None] * directions).to(device, dtype)
