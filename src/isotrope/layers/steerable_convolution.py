"""Convolutions whose kernels exist at several scales, as sums of functions given at all of them.

Source: Sosnovik, Szmaja and Smeulders, "Scale-Equivariant Steerable Networks", ICLR 2020,
https://arxiv.org/abs/1910.11093.
Differs from the published layers: there is no interaction between scales (their ``scale_size`` is
1), and no padding.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.layers.forms import few_launches
from isotrope.layers.fourier_correlation import fourier_correlation
from isotrope.layers.peak_convolution import largest, responses_at
from isotrope.layers.stackable_convolution import correlate_with_all


class SteerableConv2d(nn.Module):
    """Correlate an image with each kernel at every scale, or each scale's map at its own.

    A kernel is a sum of the basis' functions; its weights are the same at all scales. Maps with a
    scale axis meet the kernels of their scale alone. Weights begin as those of ``nn.Conv2d`` of as
    many inputs, biases at zero.

    Shapes:
        input: ``(batch, in_channels, height, width)``, or
            ``(batch, in_channels, scales, height, width)``
        output: ``(batch, out_channels, scales, height - size + 1, width - size + 1)``

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        basis: the functions, of shape ``(functions, scales, size, size)``.

    Raises:
        ValueError: if the maps are smaller than the kernels or have another number of scales.
    """

    basis: Tensor

    def __init__(self, in_channels: int, out_channels: int, basis: Tensor) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        functions, self.scales, self.size, _ = basis.shape
        filled = basis.cpu().count_nonzero(dim=0)
        filled = filled.sum(dim=1) + filled.sum(dim=2)
        filled = filled + filled.flip(1)
        self.rims = [int(sides.nonzero()[0]) for sides in filled]  # of zeros around each scale
        placed = basis.to(torch.get_default_device(), torch.get_default_dtype())
        self.register_buffer("basis", placed, persistent=False)
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, functions))
        self.bias = nn.Parameter(torch.empty(out_channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights and set the biases to zero."""
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)
        nn.init.zeros_(self.bias)

    def kernels(self) -> Tensor:
        """Shape ``(out_channels, in_channels, scales, size, size)``."""
        kernels = self.weight @ self.basis.flatten(1)
        return kernels.view(*kernels.shape[:2], *self.basis.shape[1:])

    def forward(self, maps: Tensor) -> Tensor:
        """The responses at every scale."""
        self._refuse_misfits(maps)
        if maps.ndim == 4:
            return self._lift(maps)
        return fourier_correlation(maps, self.kernels()) + self.bias[:, None, None, None]

    def peak(self, maps: Tensor) -> Tensor:
        """The largest response of each channel at any scale and position, cheap to differentiate.

        The same as the maximum over the last three dimensions of ``forward``, up to rounding.

        Shapes:
            maps: ``(batch, in_channels, scales, height, width)``
            output: ``(batch, out_channels)``
        """
        self._refuse_misfits(maps)
        kernels = self.kernels()
        with torch.no_grad():
            responses = fourier_correlation(maps, kernels)  # the bias moves no maximum
            values, top, left = largest(responses)
            scale = values.argmax(dim=-1, keepdim=True)
            top, left = top.gather(-1, scale)[..., 0], left.gather(-1, scale)[..., 0]
        return responses_at(maps, kernels, scale[..., 0], top, left) + self.bias

    def _lift(self, images: Tensor) -> Tensor:
        """The responses of images; the zeros around the smaller kernels are left out."""
        kernels = self.kernels()
        if few_launches(images):  # one convolution, zeros included
            return correlate_with_all(images, kernels, self.bias)
        maps = []
        for kernel, rim in zip(kernels.unbind(2), self.rims, strict=True):
            inner = [slice(rim, side - rim) for side in (*images.shape[-2:], self.size, self.size)]
            seen = images[..., inner[0], inner[1]]
            maps.append(F.conv2d(seen, kernel[..., inner[2], inner[3]], self.bias))
        return torch.stack(maps, dim=2)

    def _refuse_misfits(self, maps: Tensor) -> None:
        height, width = maps.shape[-2:]
        if min(height, width) < self.size:
            raise ValueError(
                f"kernels of {self.size} pixels do not fit maps of {height} x {width} pixels"
            )
        if maps.ndim == 5 and maps.shape[2] != self.scales:
            raise ValueError(f"need maps at {self.scales} scales, got {maps.shape[2]}")

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        return (
            f"{self.in_channels}, {self.out_channels}, functions={self.weight.shape[-1]}, "
            f"scales={self.scales}, size={self.size}"
        )
