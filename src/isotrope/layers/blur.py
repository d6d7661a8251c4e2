"""Binomial low-pass filters, and sampling behind them.

Source: Zhang, "Making Convolutional Networks Shift-Invariant Again", ICML 2019,
https://arxiv.org/abs/1904.11486, written from the paper. Its Rect-2, Tri-3 and Bin-5 are sizes 2, 3
and 5. Differs from it: the border is circular unless asked for otherwise, and there are no
buffers, so that nothing of a filter is in saved weights.
"""

import math

from torch import Tensor

from isotrope.layers.antialias import AntialiasFilter
from isotrope.layers.downsampling import Downsampling, Selection
from isotrope.layers.separable_filter import filtered
from isotrope.layers.wrapping import PaddingMode, check_padding_mode

LARGEST = 7


class BinomialBlur(AntialiasFilter):
    """The outer product of two rows of Pascal's triangle with the sum ``gain``, on every channel.

    With a circular border it commutes with circular shifts, to the last bit on a CPU in float32
    and float64. An even size moves the maps by half a pixel: of ``size`` taps ``(size - 1) // 2``
    lie to the left and above.

    Behind a circular one of size 2 or more, the means of all phases at stride 2 are equal. A
    choice of a phase by anything linear in the maps (`LPD` with the scores ``perceptron``, `APS`
    with the first norm of maps of one sign) is then a choice between equals, which follows no
    shift. So are the other scores of `LPD` where each of their hidden channels keeps its sign.

    Shapes:
        input: ``(batch, channels, height, width)``, of any number of channels
        output: the same, or every ``stride``-th row and column of it

    Args:
        size: taps along each axis, 1 (none but the gain) to 7.
        gain: the sum of the kernel; ``stride**2`` behind up-sampling that fills with zeros.
        padding_mode: what is around the maps.

    Raises:
        ValueError: if the size, the gain or the mode is none of these.
    """

    def __init__(
        self, size: int, *, gain: float = 1.0, padding_mode: PaddingMode = "circular"
    ) -> None:
        super().__init__()
        if not 1 <= size <= LARGEST:
            raise ValueError(f"the size of a blur is 1 to {LARGEST} pixels, got {size}")
        if not gain > 0:
            raise ValueError(f"the gain must be above 0, got {gain}")
        check_padding_mode(padding_mode)
        self.size, self.gain, self.padding_mode = size, gain, padding_mode
        self.taps = tuple(
            math.comb(size - 1, i) * math.sqrt(gain) / 2 ** (size - 1) for i in range(size)
        )

    def forward(self, maps: Tensor, stride: int = 1) -> Tensor:
        """The blurred maps, or every ``stride``-th pixel of them."""
        return filtered(maps, self.taps, self.padding_mode, stride)

    def extra_repr(self) -> str:
        """Its settings."""
        return f"{self.size}, gain={self.gain}, padding_mode={self.padding_mode!r}"


class BlurPool(Downsampling):
    """Every ``stride``-th pixel of blurred maps; no other pixel is computed.

    It is not invariant to shifts: it weakens what aliases, and removes none of it but at the
    highest frequency.

    Shapes:
        input: ``(batch, channels, height, width)``
        output: ``(batch, channels, ceil(height / stride), ceil(width / stride))``

    Args:
        size: taps of the blur along each axis, 1 to 7.
        stride: at least 2, in pixels.
        padding_mode: what is around the maps.

    Raises:
        ValueError: if one of them is none of these.
    """

    def __init__(
        self, size: int = 3, stride: int = 2, *, padding_mode: PaddingMode = "circular"
    ) -> None:
        super().__init__(stride)
        self.blur = BinomialBlur(size, padding_mode=padding_mode)

    def down(
        self, maps: Tensor, selection: Selection | None = None, noise: Tensor | None = None
    ) -> tuple[Tensor, Selection | None]:
        """The first phase of the blurred maps; it neither takes nor makes a selection."""
        del selection, noise
        return self.blur(maps, self.stride), None
