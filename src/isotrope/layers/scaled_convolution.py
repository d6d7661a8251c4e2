"""Convolution with one kernel at many sizes.

Source: Altstidl et al., "Just a Matter of Scale? Reevaluating Scale Equivariance in Convolutional
Neural Networks", 2022, https://arxiv.org/abs/2211.10288.
Differs from the published layer: fewer scales than fit the image, and oblong images, are allowed;
``stride`` acts, where it was accepted and ignored; the kernels are resized by matrices instead of
``torch.nn.functional.interpolate``, whose bicubic gradient on CUDA varies from run to run.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.geometry import Interpolation, resize_ratios


class SiConv2d(nn.Module):
    """Convolve with kernels of ``kernel_size + 2 * i`` pixels, all resized from one weight.

    Each kernel is the weight, interpolated and divided by its growth in area, so that its sum
    is kept (exactly by ``area``, roughly by ``bilinear`` and ``bicubic``, badly by ``nearest``).
    Larger kernels fit fewer positions; map ``i`` is therefore framed by ``i`` zeros on each
    side. The frame is added after the bias and so is zero, whatever the bias.

    Shapes:
        input: ``(batch, in_channels, height, width)``
        output: ``(batch, out_channels, num_scales, height - kernel_size + 1,
            width - kernel_size + 1)``; with ``padding`` the height and width of the input (one more
            where ``kernel_size`` is even); with a stride, every ``stride``-th row and column
            of that, from the first

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        num_scales: number of kernel sizes; ``(side - kernel_size) // 2 + 1`` of them fit the
            shorter side of an image, and this is the published number.
        kernel_size: size of the smallest kernel, in pixels.
        stride: distance between neighbours in the output, in pixels of the input.
        padding: surround the image by zeros instead of the maps, ``size // 2`` for each kernel.
        interp_mode: ``nearest``, ``bilinear``, ``bicubic`` or ``area``.

    Raises:
        ValueError: if a number is below 1, the interpolation is unknown, or (without padding)
            the largest kernel does not fit the image.
    """

    numerators: Tensor
    denominators: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_scales: int,
        kernel_size: int,
        stride: int = 1,
        padding: bool = False,
        interp_mode: Interpolation = "bicubic",
    ) -> None:
        super().__init__()
        numbers = {
            "in_channels": in_channels,
            "out_channels": out_channels,
            "num_scales": num_scales,
            "kernel_size": kernel_size,
            "stride": stride,
        }
        for name, number in numbers.items():
            if number < 1:
                raise ValueError(f"{name} must be at least 1, got {number}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.num_scales = num_scales
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.interp_mode = interp_mode
        self.sizes = [kernel_size + 2 * i for i in range(num_scales)]
        ratios = [resize_ratios(kernel_size, size, interp_mode) for size in self.sizes]
        # whole numbers, because a change of the module's dtype would round anything else
        device = torch.get_default_device()
        numerators = torch.cat([numerator for numerator, _ in ratios]).to(device)
        denominators = torch.tensor([[below] for above, below in ratios for _ in range(len(above))])
        self.register_buffer("numerators", numerators, persistent=False)
        self.register_buffer("denominators", denominators, persistent=False)
        self.weights = nn.Parameter(
            torch.empty(out_channels, in_channels, kernel_size, kernel_size)
        )
        self.bias = nn.Parameter(torch.empty(out_channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights, then the biases, as ``nn.Conv2d`` of the same kernel size does."""
        nn.init.kaiming_uniform_(self.weights, a=5**0.5)
        bound = (self.in_channels * self.kernel_size**2) ** -0.5
        nn.init.uniform_(self.bias, -bound, bound)

    def kernels(self) -> Iterator[Tensor]:
        """The kernels by size, each of shape ``(out_channels, in_channels, size, size)``."""
        dtype = torch.promote_types(self.weights.dtype, torch.float32)
        weights = self.weights.to(dtype)
        matrices = self.numerators.to(dtype) / self.denominators.to(dtype)
        for size, matrix in zip(self.sizes, torch.split(matrices, self.sizes), strict=True):
            if size == self.kernel_size:
                yield self.weights
            else:
                resize = matrix * (self.kernel_size / size)
                yield (resize @ weights @ resize.T).to(self.weights.dtype)

    def forward(self, images: Tensor) -> Tensor:
        """The responses at every scale."""
        height, width = images.shape[-2:]
        if not self.padding and self.sizes[-1] > min(height, width):
            fitting = max(0, (min(height, width) - self.kernel_size) // 2 + 1)
            raise ValueError(
                f"kernels of up to {self.sizes[-1]} pixels do not fit images of {height} x {width}"
                f" pixels; {fitting} scales from {self.kernel_size} pixels on would, or set padding"
            )
        if self.padding:
            maps = [
                F.conv2d(images, kernel, self.bias, self.stride, kernel.shape[-1] // 2)
                for kernel in self.kernels()
            ]
        else:
            maps = [self._framed(images, kernel, i) for i, kernel in enumerate(self.kernels())]
        return torch.stack(maps, dim=2)

    def _framed(self, images: Tensor, kernel: Tensor, frame: int) -> Tensor:
        """Responses where the kernel fits, framed by zeros, at every ``stride``-th position."""
        skip = -frame % self.stride  # from the frame's inner edge to the next position
        fitting = images[..., skip:, skip:]
        sides = []
        for side, rest in zip(images.shape[-2:], fitting.shape[-2:], strict=True):
            whole = (side - self.kernel_size) // self.stride + 1
            inner = max(0, (rest - kernel.shape[-1]) // self.stride + 1)
            before = (frame + skip) // self.stride if inner else 0
            sides.append((before, inner, whole - before - inner))
        (top, rows, bottom), (left, columns, right) = sides
        if rows and columns:
            maps = F.conv2d(fitting, kernel, self.bias, self.stride)
        else:  # the stride passes over the few positions that fit
            maps = images.new_zeros(len(images), self.out_channels, rows, columns)
        return F.pad(maps, (left, right, top, bottom)) if frame else maps

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        return (
            f"{self.in_channels}, {self.out_channels}, num_scales={self.num_scales}, "
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"interp_mode={self.interp_mode!r}"
        )
