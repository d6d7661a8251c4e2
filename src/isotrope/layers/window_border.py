"""What lies around maps under windows that move by one pixel where they moved by more.

A window of stride 1 that begins where the strided one began gives the same responses at every
``stride``-th pixel, and at those between as well.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.layers.wrapping import PaddingMode, Widths, padded


class Border(nn.Module):
    """Maps with the border that windows of stride 1 need.

    Shapes:
        input: ``(batch, channels, height, width)``
        output: ``(batch, channels, top + height + bottom + more, left + width + right + more)``;
            ``more`` is 0 unless ``whole`` is asked for

    Args:
        widths: left, right, top and bottom, in pixels.
        mode: what is in the border, see `padded`; None for minus infinity, of which no maximum is.
        reach: height and width of a window less 1, in pixels.
        whole: a stride: the border is made longer at the right and at the bottom, with zeros or
            minus infinity, until windows of stride 1 give ``whole`` times the rows and columns that
            those of stride ``whole`` give; 1 for no more border.
        ceil: whether the last window of stride ``whole`` may begin inside and end outside.
    """

    def __init__(
        self,
        widths: Widths,
        mode: PaddingMode | None,
        reach: tuple[int, int] = (0, 0),
        whole: int = 1,
        ceil: bool = False,
    ) -> None:
        super().__init__()
        self.widths, self.mode, self.reach = widths, mode, reach
        self.whole, self.ceil = whole, ceil

    def forward(self, maps: Tensor) -> Tensor:
        """The maps with their border."""
        right, bottom = self.more(maps.shape[-1], 1), self.more(maps.shape[-2], 0)
        if self.mode is None:
            left, after, top, below = self.widths
            return F.pad(maps, (left, after + right, top, below + bottom), value=-torch.inf)
        return F.pad(padded(maps, self.widths, self.mode), (0, right, 0, bottom))

    def more(self, side: int, axis: int) -> int:
        """Pixels that make the border of a side longer.

        Args:
            side: of the maps, in pixels.
            axis: 0 for their height, 1 for their width.
        """
        if self.whole == 1:
            return 0
        before, after = self.widths[2:] if axis == 0 else self.widths[:2]
        responses = before + side + after - self.reach[axis]
        if self.ceil:
            kept = -(-(responses - 1) // self.whole) + 1
            kept -= int((kept - 1) * self.whole >= side + before)
        else:
            kept = -(-responses // self.whole)
        return max(0, self.whole * kept - responses)

    def extra_repr(self) -> str:
        """Its settings."""
        return f"{self.widths}, mode={self.mode!r}, whole={self.whole}"


class WindowMean(nn.Module):
    """The mean under each window that moves by one pixel.

    Shapes:
        input: ``(batch, channels, height, width)``
        output: ``(batch, channels, height + top + bottom - kernel[0] + 1, ...)``, more if the
            border is longer; see `Border`

    Args:
        kernel: height and width of the window, in pixels.
        border: around the maps.
        counts_border: whether the means of windows that reach into zeros divide by these, too.
        divisor: divides the sums, if it is given, instead of the number of pixels.
    """

    def __init__(
        self,
        kernel: tuple[int, int],
        border: Border,
        counts_border: bool = True,
        divisor: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel, self.border = kernel, border
        self.counts_border, self.divisor = counts_border, divisor

    def forward(self, maps: Tensor) -> Tensor:
        """The means."""
        sums = self._sums(self.border(maps))
        if self.divisor is not None:
            return sums / self.divisor
        if self.border.mode == "circular":
            return sums / (self.kernel[0] * self.kernel[1])
        ones = maps.new_ones(1, 1, *maps.shape[-2:])
        if self.counts_border:
            right, bottom = self.border.more(maps.shape[-1], 1), self.border.more(maps.shape[-2], 0)
            ones = F.pad(F.pad(ones, self.border.widths, value=1.0), (0, right, 0, bottom))
        else:
            ones = self.border(ones)
        return sums / self._sums(ones).clamp(min=1)

    def _sums(self, maps: Tensor) -> Tensor:
        return F.avg_pool2d(maps, self.kernel, 1, divisor_override=1)
