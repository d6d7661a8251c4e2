"""One convolution of an image at several sizes, and the best of them at each pixel.

Source: Kanazawa, Sharma and Jacobs, "Locally Scale-Invariant Convolutional Neural Networks", 2014,
https://arxiv.org/abs/1412.5104, as Altstidl et al. used it, https://arxiv.org/abs/2211.10288.
Differs from the published layer: it resizes by matrices instead of
``torch.nn.functional.interpolate``, whose gradient on CUDA varies from run to run.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from isotrope.layers.rescaling import Rescaling


class MultiscaleConv2d(nn.Conv2d):
    """Rescale, convolve, rescale back, at several factors, and take the largest at each pixel.

    `Rescaling` keeps the size of the canvas; where it frames responses by zeros the output is
    never negative.

    Shapes (k is the kernel size):
        input: ``(batch, in_channels, height, width)``
        output: ``(batch, out_channels, height - k + 1, width - k + 1)``

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: side of the kernels, in pixels.
        factors: the sizes at which the input is seen, relative to its own.

    Raises:
        ValueError: if the input is so small that a factor leaves nothing of it.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, factors: Sequence[float]
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size)
        self.factors = tuple(factors)

    def forward(self, maps: Tensor) -> Tensor:
        """The largest response at each pixel."""
        best, *others = (
            self._responses(maps, factor, *axes)
            for factor, axes in zip(self.factors, self._axes(maps), strict=True)
        )
        for responses in others:
            best = torch.where(responses > best, responses, best)
        return best

    def peak(self, maps: Tensor) -> Tensor:
        """The largest response of each channel anywhere, cheap to differentiate.

        The same as the maximum over the last two dimensions of ``forward``, up to rounding.

        Shapes:
            maps: ``(batch, in_channels, height, width)``
            output: ``(batch, out_channels)``
        """
        axes = self._axes(maps)
        with torch.no_grad():
            found = [
                self._responses(maps, factor, *both).flatten(2)
                for factor, both in zip(self.factors, axes, strict=True)
            ]
            places = torch.stack([responses.argmax(dim=-1) for responses in found], dim=-1)
            values = [
                responses.take_along_dim(place[..., None], -1)
                for responses, place in zip(found, places.unbind(-1), strict=True)
            ]
            best = torch.cat(values, dim=-1).argmax(dim=-1, keepdim=True)
            place = places.take_along_dim(best, -1)[..., 0]
            best, across = best[..., 0], maps.shape[-1] - self.kernel_size[1] + 1
            rows = torch.stack([y.origins() for y, _ in axes])[best, place // across]
            columns = torch.stack([x.origins() for _, x in axes])[best, place % across]
            drawn = torch.stack([y.back.sum(1)[:, None] * x.back.sum(1) for y, x in axes])
            inside = drawn.flatten(1)[best, place]  # 0 in a frame, where there is no bias
        strips = maps.flatten(1, 2) @ columns.to(maps.dtype).flatten(1, 2).mT
        strips = strips.view(*maps.shape[:3], *columns.shape[1:3])
        windows = torch.einsum("bouy,bcyov->bocuv", rows.to(maps.dtype), strips)
        peaks = torch.einsum("bocuv,ocuv->bo", windows, self.weight)
        return peaks if self.bias is None else peaks + self.bias * inside.to(maps.dtype)

    def _responses(self, maps: Tensor, factor: float, rows: "_Axis", columns: "_Axis") -> Tensor:
        """The responses at one factor, rescaled to where they belong."""
        if factor == 1:
            return super().forward(maps)
        seen = _resample(maps, rows.there, columns.there)
        return _resample(super().forward(seen), rows.back, columns.back)

    def _axes(self, maps: Tensor) -> list[tuple["_Axis", "_Axis"]]:
        """The rescaling of rows and columns at each factor."""
        height, width = maps.shape[-2:]
        return [(self._axis(height, f, maps), self._axis(width, f, maps)) for f in self.factors]

    def _axis(self, side: int, factor: float, like: Tensor) -> "_Axis":
        k = self.kernel_size[0]
        there = Rescaling(side, int(side * factor))
        back = Rescaling(side - k + 1, int((side - k + 1) * (1 / factor)))
        seen = slice(back.used.start, back.used.stop + k - 1)
        return _Axis(there.matrix(like)[seen], back.matrix(like)[:, back.used])


class _Axis(NamedTuple):
    """How rows or columns are rescaled at one factor, without those that are not used.

    Shapes (k is the kernel size):
        there: ``(seen, side)``
        back: ``(side - k + 1, seen - k + 1)``
    """

    there: Tensor
    back: Tensor

    def origins(self) -> Tensor:
        """The window that each response is the response to, as sums of the input's rows.

        Returns:
            Shape ``(side - k + 1, k, side)``.
        """
        windows = self.there.unfold(0, len(self.there) - self.back.shape[1] + 1, 1)
        return torch.einsum("yr,rsk->yks", self.back, windows)


def _resample(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Multiply along both axes, at least in float32."""
    return (rows @ (images.to(rows.dtype) @ columns.T)).to(images.dtype)
