"""Scales and directions of the largest responses, relative to those of the other channels.

An experiment of the author of "Deep Log-Polar Networks": besides each response its scale and
direction are handed on, as seen from a mean over channels, so that scaling and turning the image
leaves them as they are. The published code is not followed in detail.
"""

import math

import torch
from torch import Tensor

from isotrope.layers.log_polar_pooling import Pooling


def relative_codes(values: Tensor, winners: Tensor, pooling: Pooling) -> Tensor:
    """Responses, then relative scales, then cosines and sines of relative directions.

    The means over channels are weighted with the softmax of the responses. A scale is the winner's
    row less the mean row, over the number of rows; a direction is turned back by that of the mean
    of all directions on the unit circle, and as long as that mean.

    Shapes:
        values, winners: ``(batch, channels, slots, rows, columns)``
        output: ``(batch, 4 * channels, slots, rows, columns)``

    Args:
        values: the responses.
        winners: ``row * angles + angle`` of each.
        pooling: how they were found.
    """
    shares = values.softmax(dim=1)
    places = winners.long()
    rows = (places // pooling.angles).to(values.dtype) / pooling.rows
    turns = (places % pooling.angles).to(values.dtype) * (2 * math.pi / pooling.angles)
    cosine, sine = turns.cos(), turns.sin()
    mean_cosine, mean_sine, mean_row = (
        (shares * one).sum(dim=1, keepdim=True) for one in (cosine, sine, rows)
    )
    codes = (
        rows - mean_row,
        cosine * mean_cosine + sine * mean_sine,
        sine * mean_cosine - cosine * mean_sine,
    )
    return torch.cat((values, *codes), dim=1)
