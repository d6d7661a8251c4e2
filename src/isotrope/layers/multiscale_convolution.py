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

from isotrope.layers.constants import made_once
from isotrope.layers.forms import few_launches, numbers_at_once
from isotrope.layers.peak_convolution import largest
from isotrope.layers.rescaling import Rescaling
from isotrope.layers.stackable_convolution import correlate


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
        if few_launches(maps):
            return self._largest_of_all(maps)
        best, *others = (
            self._responses(maps, factor, axes) for factor, axes in self._axes(maps).items()
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
        with torch.no_grad():
            best, top, left = self._places(maps)
            tables = self._tables(maps)
            rows, columns = tables.rows[best, top], tables.columns[best, left]
        strips = maps.flatten(1, 2) @ columns.to(maps.dtype).flatten(1, 2).mT
        strips = strips.view(*maps.shape[:3], *columns.shape[1:3])
        windows = torch.einsum("bouy,bcyov->bocuv", rows.to(maps.dtype), strips)
        peaks = torch.einsum("bocuv,ocuv->bo", windows, self.weight)
        peaks = peaks if self.bias is None else peaks + self.bias
        framed = any(axis.framed for axes in self._axes(maps).values() for axis in axes)
        return peaks.relu() if framed else peaks

    def _places(self, maps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Which factor has the largest response, and in which row and column, frames left out."""
        maps = maps.contiguous()
        found = []
        for factor, (y, x) in self._axes(maps).items():
            seen = maps if factor == 1 else _resample(maps, y.there, x.there)
            responses = correlate(seen, self.weight)  # the bias moves no maximum
            if factor != 1:
                responses = _resample_rows_first(responses, y.back[y.inside], x.back[x.inside])
            values, top, left = largest(responses)
            found.append((values, top + y.inside.start, left + x.inside.start))
        values, top, left = (torch.stack(one) for one in zip(*found, strict=True))
        best = values.argmax(dim=0, keepdim=True)
        return best[0], top.gather(0, best)[0], left.gather(0, best)[0]

    def _responses(self, maps: Tensor, factor: float, axes: "_Axes") -> Tensor:
        """The responses at one factor, rescaled to where they belong."""
        if factor == 1:
            return super().forward(maps)
        seen = _resample(maps, *(axis.there for axis in axes))
        return _resample(super().forward(seen), *(axis.back for axis in axes))

    def _largest_of_all(self, maps: Tensor) -> Tensor:
        """The largest responses, of kernels that see the images rescaled there and back.

        What a kernel's pixel sees at all factors comes from two products with constant matrices,
        since the rescaling of responses is that of what they are the responses to.
        """
        tables = self._tables(maps)
        weights = self.weight.flatten(1)
        shift = None  # there is no bias in a frame
        if self.bias is not None:
            shift = self.bias[:, None, None, None, None] * tables.drawn.to(maps.dtype)[:, None]
        factors, rows, k, _ = tables.rows.shape
        columns = tables.columns.shape[1]
        numbers = factors * rows * columns * max(weights.shape)
        images = max(1, numbers_at_once(maps, on_a_cpu=numbers) // numbers)
        across = tables.columns.flatten(0, 2).T
        down = tables.rows.transpose(1, 2).flatten(1, 2)  # (factors, k * rows, height)
        found = []
        for some in torch.split(maps, images):
            batch, channels = some.shape[:2]
            strips = (some.to(across.dtype) @ across).view(*some.shape[:3], factors, columns, k)
            strips = strips.permute(3, 2, 1, 5, 0, 4)  # (factors, height, channels, k, batch, x)
            seen = (down @ strips.flatten(2)).view(factors, k, rows, channels, k, batch, columns)
            seen = seen.permute(3, 1, 4, 0, 5, 2, 6).flatten(0, 2).to(maps.dtype)
            responses = correlate(seen.flatten(1, 2).transpose(0, 1), weights[:, :, None, None])
            by_channel = responses.transpose(0, 1)  # as they lie in memory in a stack
            by_factor = by_channel.view(-1, factors, batch, *responses.shape[2:])
            by_factor = by_factor if shift is None else by_factor + shift
            found.append(by_factor.amax(dim=1).transpose(0, 1))
        return found[0] if len(found) == 1 else torch.cat(found)

    def _axes(self, maps: Tensor) -> dict[float, "_Axes"]:
        """The rescaling of rows and columns at each factor."""
        place = _place_of(maps)
        return {
            factor: _Axes(*(_axis(side, k, factor, *place) for side, k in self._sides(maps)))
            for factor in self.factors
        }

    def _tables(self, maps: Tensor) -> "_Tables":
        (height, k), (width, _) = self._sides(maps)
        return _tables(height, width, k, self.factors, *_place_of(maps))

    def _sides(self, maps: Tensor) -> list[tuple[int, int]]:
        return list(zip(maps.shape[-2:], self.kernel_size, strict=True))


class _Axis(NamedTuple):
    """How rows or columns are rescaled at one factor, without those that are not used.

    Shapes (k is the kernel size):
        there: ``(seen, side)``
        back: ``(side - k + 1, seen - k + 1)``

    Attributes:
        inside: what a frame of zeros leaves of the responses.
    """

    there: Tensor
    back: Tensor
    inside: slice

    @property
    def framed(self) -> bool:
        """Whether there is a frame."""
        return self.inside != slice(0, len(self.back))

    def origins(self) -> Tensor:
        """The window that each response is the response to, as sums of the input's rows.

        Returns:
            Shape ``(side - k + 1, k, side)``.
        """
        windows = self.there.unfold(0, len(self.there) - self.back.shape[1] + 1, 1)
        return torch.einsum("yr,rsk->yks", self.back, windows)


class _Axes(NamedTuple):
    rows: _Axis
    columns: _Axis


class _Tables(NamedTuple):
    """What the responses at all factors are the responses to (k is the kernel size).

    Shapes:
        rows: ``(factors, height - k + 1, k, height)``, see `_Axis.origins`
        columns: ``(factors, width - k + 1, k, width)``
        drawn: ``(factors, height - k + 1, width - k + 1)``, zeros in a frame, ones elsewhere
    """

    rows: Tensor
    columns: Tensor
    drawn: Tensor


@made_once
def _axis(side: int, k: int, factor: float, dtype: torch.dtype, device: torch.device) -> _Axis:
    there = Rescaling(side, int(side * factor))
    back = Rescaling(side - k + 1, int((side - k + 1) * (1 / factor)))
    seen = slice(back.used.start, back.used.stop + k - 1)
    like = torch.empty(0, dtype=dtype, device=device)
    return _Axis(there.matrix(like)[seen], back.matrix(like)[:, back.used], back.drawn)


@made_once
def _tables(
    height: int,
    width: int,
    k: int,
    factors: tuple[float, ...],
    dtype: torch.dtype,
    device: torch.device,
) -> _Tables:
    rows, columns = (
        [_axis(side, k, factor, dtype, device) for factor in factors] for side in (height, width)
    )
    drawn = [y.back.sum(1)[:, None] * x.back.sum(1) for y, x in zip(rows, columns, strict=True)]
    origins = [torch.stack([axis.origins() for axis in one]) for one in (rows, columns)]
    return _Tables(origins[0], origins[1], torch.stack(drawn))


def _place_of(maps: Tensor) -> tuple[torch.dtype, torch.device]:
    """The type in which maps are rescaled, at least float32, and where."""
    return torch.promote_types(maps.dtype, torch.float32), maps.device


def _resample(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Multiply along both axes, at least in float32."""
    return (rows @ (images.to(rows.dtype) @ columns.T)).to(images.dtype)


def _resample_rows_first(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The same, of responses whose rows lie one after the other in memory if they are a stack's."""
    if not few_launches(images):
        return _resample(images, rows, columns)
    laid = images.to(rows.dtype).permute(2, 1, 0, 3)
    found = (rows @ laid.flatten(1)).view(len(rows), *laid.shape[1:]) @ columns.T
    return found.permute(2, 1, 0, 3)
