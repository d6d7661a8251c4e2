"""Convolution with one kernel at many sizes.

Source: Altstidl et al., "Just a Matter of Scale? Reevaluating Scale Equivariance in Convolutional
Neural Networks", 2022, https://arxiv.org/abs/2211.10288.
Differs from the published layer: kernels are resized by ``bicubic`` unless said otherwise, as all
published networks do, where the published layer says ``nearest``; fewer scales than fit the image,
and oblong images, are allowed; ``stride`` acts, where it was accepted and ignored; the kernels are
resized by matrices instead of ``torch.nn.functional.interpolate``, whose bicubic gradient on CUDA
varies from run to run; most sizes are computed in Fourier space, with the same numbers up to
rounding.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import isotrope.layers.scaled_constants as constants
import isotrope.layers.scaled_spectra as spectral
from isotrope.geometry import Interpolation, resize_ratios
from isotrope.layers.scaled_constants import Kernels
from isotrope.layers.scaled_gradients import responses
from isotrope.layers.scaled_spectra import Bases
from isotrope.layers.scales_at_once import every_response, rectified_responses, see, suits

Frame = Literal["zero", "excluded"]


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
        frame: ``zero`` as published, or ``excluded``: minus infinity, which no pool chooses.
        sizes: other kernel sizes than the published ones, in pixels: growing from ``kernel_size``,
            all odd or all even.

    Raises:
        ValueError: if a number is below 1, the interpolation or the frame is unknown, the sizes are
            no such sizes, or (without padding) the largest kernel does not fit the image.
    """

    numerators: Tensor
    denominators: Tensor
    frame_widths: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_scales: int,
        kernel_size: int,
        stride: int = 1,
        padding: bool = False,
        interp_mode: Interpolation = "bicubic",
        *,
        frame: Frame = "zero",
        sizes: Sequence[int] | None = None,
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
        if frame not in get_args(Frame):
            raise ValueError(f"unknown frame '{frame}'; choose from {', '.join(get_args(Frame))}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.num_scales = num_scales
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.interp_mode = interp_mode
        self.frame = frame
        self.sizes = _sizes(num_scales, kernel_size, sizes)
        self.frames = tuple((size - kernel_size) // 2 for size in self.sizes)
        ratios = [resize_ratios(kernel_size, size, interp_mode) for size in self.sizes]
        # whole numbers, because a change of the module's dtype would round anything else
        device, last = torch.get_default_device(), self.frames[-1]
        numerators = [
            F.pad(above, (0, 0, last - frame, last - frame))
            for frame, (above, _) in zip(self.frames, ratios, strict=True)
        ]
        denominators = torch.tensor([below for _, below in ratios])
        self.register_buffer("numerators", torch.stack(numerators).to(device), persistent=False)
        self.register_buffer("denominators", denominators, persistent=False)
        self.register_buffer("frame_widths", torch.tensor(self.frames), persistent=False)
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

    @property
    def resized(self) -> Kernels:
        """The sizes of the kernels and how they are resized."""
        return Kernels(self.kernel_size, tuple(self.sizes), self.interp_mode)

    @property
    def symmetric(self) -> bool:
        """Whether mirroring the weights mirrors every kernel."""
        return self.interp_mode != "nearest"

    def lines(self, dtype: torch.dtype) -> Tensor:
        """The matrices that resize a line of the weights to each size, centred among zeros.

        Shapes:
            output: ``(num_scales, largest size, kernel_size)``
        """
        sizes = self.kernel_size + 2 * self.frame_widths
        growth = sizes.double() * self.denominators / self.kernel_size
        return (self.numerators / growth[:, None, None]).to(dtype)

    def kernels(self) -> Iterator[Tensor]:
        """The kernels by size, each of shape ``(out_channels, in_channels, size, size)``."""
        lines = self.lines(torch.promote_types(self.weights.dtype, torch.float32))
        return (self._kernel(scale, lines) for scale in range(self.num_scales))

    def _kernel(self, scale: int, lines: Tensor) -> Tensor:
        if self.frames[scale] == 0:
            return self.weights
        rest = self.frames[-1] - self.frames[scale]
        resize = lines[scale, rest : self.sizes[-1] - rest]
        return (resize @ self.weights.to(lines.dtype) @ resize.T).to(self.weights.dtype)

    def forward(self, images: Tensor) -> Tensor:
        """The responses at every scale."""
        if not self.padding:
            self._refuse_small(images)
            if self.stride == 1 and suits(images):
                return self._all_at_once(images)
        lines = self.lines(torch.promote_types(self.weights.dtype, torch.float32))
        quick = self._quicker_in_fourier_space(images)
        transformed = self.in_fourier_space(images) if quick else None
        maps = []
        for scale in range(self.num_scales):
            if transformed is not None and scale in quick:
                maps.append(self._from_fourier_space(scale, *transformed).to(images.dtype))
            elif self.padding:
                kernel = self._kernel(scale, lines)
                padding = kernel.shape[-1] // 2
                maps.append(F.conv2d(images, kernel, self.bias, self.stride, padding))
            else:
                kernel = self._kernel(scale, lines)
                maps.append(self._where_it_fits(images, kernel, self.frames[scale]))
        return torch.stack(maps, dim=2)

    def rectified(self, images: Tensor) -> Tensor:
        """The ReLU of the responses at every scale, on a GPU in fewer passes over memory."""
        if self.padding or self.stride != 1 or not suits(images):
            return F.relu(self(images))
        self._refuse_small(images)
        dtype = torch.promote_types(images.dtype, torch.float32)
        seen = see(self.resized, images.to(dtype), self.out_channels)
        maps = rectified_responses(seen, self.weights.to(dtype), self.bias.to(dtype))
        return maps.to(images.dtype)

    def _all_at_once(self, images: Tensor) -> Tensor:
        """The responses at every scale, without stride and padding."""
        dtype = torch.promote_types(images.dtype, torch.float32)
        seen = see(self.resized, images.to(dtype), self.out_channels)
        maps = every_response(seen, self.weights.to(dtype))
        maps = maps + self.bias.to(dtype)[:, None, None, None]
        outside = constants.outside(self.resized, images.shape[-2:], images.device)
        return maps.masked_fill(outside, self.around).to(images.dtype)

    def in_fourier_space(self, images: Tensor) -> tuple[Tensor, Tensor, Bases]:
        """The images' transform, the folded weights and the matrices for this image size.

        See `isotrope.layers.scaled_spectra`. Those of bfloat16 and float16 are float32.

        Raises:
            ValueError: if the layer has a stride or padding, or its kernels do not fit the images.
        """
        self.refuse_others(images)
        dtype = torch.promote_types(images.dtype, torch.float32)
        bases = spectral.bases(self.lines(dtype), self.symmetric, *images.shape[-2:])
        folded = spectral.fold(self.weights.to(dtype), self.symmetric)
        return spectral.transform(images.to(dtype)), folded, bases

    def refuse_others(self, images: Tensor) -> None:
        """Refuse what a pool cannot be told from.

        Raises:
            ValueError: if the layer has a stride or padding, or its kernels do not fit the images.
        """
        if self.stride != 1 or self.padding:
            raise ValueError(f"need a convolution without stride and padding, got {self}")
        self._refuse_small(images)

    def _quicker_in_fourier_space(self, images: Tensor) -> set[int]:
        """The scales that take fewer multiplications there."""
        if self.stride != 1 or self.padding:
            return set()
        return {
            scale
            for scale, size in enumerate(self.sizes)
            if spectral.multiplications(self.weights.shape, images.shape, size)
            < spectral.direct_multiplications(self.weights.shape, images.shape, size)
        }

    def _from_fourier_space(
        self, scale: int, spectra: Tensor, folded: Tensor, bases: Bases
    ) -> Tensor:
        """Responses at one scale, framed."""
        frame = self.frames[scale]
        rows, columns, inverse = bases.rows[scale], bases.columns[scale], bases.inside(frame)
        maps = responses(spectra, folded, rows, columns, *inverse)
        maps = maps.permute(3, 2, 0, 1) + self.bias.to(maps.dtype)[:, None, None]
        return F.pad(maps, (frame,) * 4, value=self.around)

    @property
    def around(self) -> float:
        """The value of the frames around the maps."""
        return 0.0 if self.frame == "zero" else -math.inf

    def _refuse_small(self, images: Tensor) -> None:
        height, width = images.shape[-2:]
        if self.sizes[-1] > min(height, width):
            fitting = sum(size <= min(height, width) for size in self.sizes)
            raise ValueError(
                f"kernels of up to {self.sizes[-1]} pixels do not fit images of {height} x {width}"
                f" pixels; {fitting} scales from {self.kernel_size} pixels on would, or set padding"
            )

    def _where_it_fits(self, images: Tensor, kernel: Tensor, frame: int) -> Tensor:
        """Responses where the kernel fits, framed, at every ``stride``-th position."""
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
        return F.pad(maps, (left, right, top, bottom), value=self.around) if frame else maps

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        usual = self.sizes == _sizes(self.num_scales, self.kernel_size, None)
        return (
            f"{self.in_channels}, {self.out_channels}, num_scales={self.num_scales}, "
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"interp_mode={self.interp_mode!r}"
            + ("" if self.frame == "zero" else f", frame={self.frame!r}")
            + ("" if usual else f", sizes={self.sizes}")
        )


def _sizes(count: int, smallest: int, sizes: Sequence[int] | None) -> list[int]:
    """The kernel sizes, checked."""
    if sizes is None:
        return [smallest + 2 * i for i in range(count)]
    steps = [b - a for a, b in pairwise(sizes)]
    if len(sizes) != count or sizes[0] != smallest or any(s < 2 or s % 2 for s in steps):
        raise ValueError(
            f"need {count} sizes that grow from {smallest} by even steps, got {list(sizes)}"
        )
    return list(sizes)
