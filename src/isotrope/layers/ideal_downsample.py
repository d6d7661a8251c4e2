"""Sampling behind the ideal low-pass filter of periodic maps, and an activation that fits it.

Source: Michaeli, Michaeli and Soudry, "Alias-Free Convnets: Fractional Shift Invariance via
Polynomial Activations", CVPR 2023, https://arxiv.org/abs/2303.08085. Differs from it: sides that
the stride does not divide are sampled at ``ceil(side / stride)`` even places.
"""

import math

import torch
from torch import Tensor, nn

from isotrope.layers.downsampling import Downsampling, Selection
from isotrope.layers.fourier_resampling import resampled


class IdealDownsample(Downsampling):
    """Remove all frequencies that would alias, then keep every ``stride``-th pixel.

    Where the stride does not divide a side, the kept places are evenly spaced between pixels. The
    output of maps that are shifted by any part of a pixel, as periodic band-limited functions, is
    the output shifted by that part divided by the spacing. Its mean is that of the input, and so
    exactly invariant. An activation such as ReLU behind it makes new high frequencies, which alias:
    the network as a whole is *not* invariant. `PolynomialActivation` keeps it so.

    Shapes:
        input: ``(batch, channels, height, width)``, as if periodic
        output: ``(batch, channels, ceil(height / stride), ceil(width / stride))``

    Args:
        stride: at least 2, in pixels.

    Raises:
        ValueError: if the stride is less than 2.
    """

    def down(
        self, maps: Tensor, selection: Selection | None = None, noise: Tensor | None = None
    ) -> tuple[Tensor, Selection | None]:
        """The filtered and sampled maps; it neither takes nor makes a selection."""
        del selection, noise
        rows, columns = (-(-side // self.stride) for side in maps.shape[-2:])
        return resampled(maps, rows, columns), None


class PolynomialActivation(nn.Module):
    """A parabola for each channel, without aliasing: ``a + b * x + c * x**2``.

    Its square has twice the highest frequency. It is therefore computed at twice as many rows and
    columns, and what they had not is removed. Shifting by any part of a pixel and activating
    commute, of maps without the highest frequency of an even number of pixels.

    Shapes:
        input: ``(batch, channels, height, width)``, as if periodic
        output: the same

    Args:
        channels: of the maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        even = 1 / math.sqrt(
            8 * math.pi
        )  # the parabola nearest to ReLU for standard normal numbers
        start = torch.tensor([even, 0.5, even])
        self.coefficients = nn.Parameter(start[:, None].repeat(1, channels))

    def forward(self, maps: Tensor) -> Tensor:
        """The activated maps."""
        height, width = maps.shape[-2:]
        maps = resampled(maps, 2 * height, 2 * width)
        constant, slope, curve = self.coefficients[:, :, None, None].to(maps.dtype)
        return resampled(constant + maps * (slope + curve * maps), height, width)
