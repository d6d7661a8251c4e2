"""Convolution of log-polar samples: all the way round along the angles, inside along the radii."""

import math

import torch
from torch import Tensor, nn

from isotrope.layers.stackable_convolution import correlate


class CylinderConv2d(nn.Module):
    """A convolution over radii and angles, without padding along the radii.

    Shapes (k is the kernel size):
        input: ``(batch, in_channels, radii, angles)``, or with the first angles again at the end
        output: ``(batch, out_channels, radii - k + 1, angles)``

    Args:
        in_channels, out_channels: number of channels.
        kernel_size: side of the kernels.
        angles: number of angles on the circle.
        weight_norm: whether a kernel is a length times a direction (Salimans and Kingma, "Weight
            Normalization", 2016, https://arxiv.org/abs/1602.07868), as ``weight_g`` and
            ``weight_v``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        angles: int,
        *,
        weight_norm: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.angles = angles
        kernels = torch.empty(out_channels, in_channels, kernel_size, kernel_size)
        if weight_norm:
            nn.init.kaiming_uniform_(kernels, a=math.sqrt(5))
            self.weight: nn.Parameter | None = None
            self.weight_g = nn.Parameter(kernels.flatten(1).norm(dim=1)[:, None, None, None])
            self.weight_v = nn.Parameter(kernels)
        else:
            nn.init.kaiming_normal_(kernels)
            self.weight = nn.Parameter(kernels)
        reach = 1 / math.sqrt(in_channels * kernel_size**2)
        self.bias = nn.Parameter(torch.empty(out_channels).uniform_(-reach, reach))

    @property
    def kernels(self) -> Tensor:
        """The kernels as they are used."""
        if self.weight is not None:
            return self.weight
        length = self.weight_v.flatten(1).norm(dim=1)[:, None, None, None]
        kernels: Tensor = self.weight_v * (self.weight_g / length)
        return kernels

    def apply_to(self, samples: Tensor, kernels: Tensor, bias: Tensor) -> Tensor:
        """The responses to kernels and a bias that are given."""
        whole = self.angles + self.kernel_size - 1
        if samples.shape[-1] < whole:
            once = samples[..., : self.angles]
            turns = -(-(whole - self.angles) // self.angles)
            again = [once] * turns
            again[-1] = once[..., : whole - turns * self.angles]
            samples = torch.cat([once, *again], dim=-1)
        return correlate(samples, kernels, bias)

    def forward(self, samples: Tensor) -> Tensor:
        """The responses."""
        return self.apply_to(samples, self.kernels, self.bias)
