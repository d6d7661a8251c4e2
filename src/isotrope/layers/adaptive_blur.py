"""Low-pass filters that the network predicts for every pixel and group of channels.

Source: Zou, Xiao, Yu and Lee, "Delving Deeper into Anti-aliasing in ConvNets", BMVC 2020,
https://arxiv.org/abs/2008.09604, written from the paper. Differs from it: filtering and sampling
are two steps, of which the second may be any `Downsampling`, and the border is circular unless
asked for otherwise.
"""

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from isotrope.layers.antialias import AntialiasFilter
from isotrope.layers.batch_norm import BatchNorm2d
from isotrope.layers.local_filters import locally_filtered
from isotrope.layers.stackable_convolution import correlate
from isotrope.layers.wrapping import PaddingMode, check_padding_mode, padded

Softmax = Literal["joint", "group"]


class AdaptiveBlur(AntialiasFilter):
    """Filter each group of channels with weights that a convolution predicts at every pixel.

    The weights are a convolution of the maps, batch norm and softmax: positive, so that they can
    smooth but not sharpen. With a circular border it commutes with circular shifts, when training
    if all images of the batch are shifted alike.

    Shapes:
        input: ``(batch, channels, height, width)``
        output: the same, or every ``stride``-th row and column of it

    Args:
        channels: of the maps, a multiple of ``groups``.
        size: taps of the predicted filters along each axis, odd; also of the convolution.
        groups: of neighbouring channels that share a filter.
        gain: of the output; ``stride**2`` behind up-sampling that fills with zeros.
        padding_mode: what is around the maps.
        softmax: over what the weights of a pixel sum to 1. ``joint``, as in the published program:
            over all taps of all groups, so that a group's weights sum to ``1 / groups`` on average
            and groups compete. ``group``, as in the paper: over the taps of each group, so that
            constant maps stay as they are.

    Raises:
        ValueError: if one of them is none of these.
    """

    def __init__(
        self,
        channels: int,
        size: int = 3,
        groups: int = 8,
        *,
        gain: float = 1.0,
        padding_mode: PaddingMode = "circular",
        softmax: Softmax = "joint",
    ) -> None:
        super().__init__()
        if size < 1 or size % 2 == 0:
            raise ValueError(f"the size of an adaptive blur is odd, got {size}")
        if groups < 1 or channels % groups:
            raise ValueError(f"{channels} channels do not divide into {groups} groups")
        if not gain > 0:
            raise ValueError(f"the gain must be above 0, got {gain}")
        if softmax not in get_args(Softmax):
            raise ValueError(f"softmax must be joint or group, got '{softmax}'")
        check_padding_mode(padding_mode)
        self.size, self.groups, self.gain = size, groups, gain
        self.padding_mode, self.softmax = padding_mode, softmax
        self.convolution = nn.Conv2d(channels, groups * size**2, size, bias=False)
        nn.init.kaiming_normal_(self.convolution.weight, mode="fan_out", nonlinearity="relu")
        self.norm = BatchNorm2d(groups * size**2)

    def forward(self, maps: Tensor, stride: int = 1) -> Tensor:
        """The filtered maps, or every ``stride``-th pixel of them.

        While training, batch norm takes its statistics from all pixels.
        """
        bordered = padded(maps, (self.size // 2,) * 4, self.padding_mode)
        found = locally_filtered(bordered, self._weights(bordered, stride), self.size, stride)
        return found if self.gain == 1 else found * self.gain

    def weights(self, maps: Tensor) -> Tensor:
        """The filters, to be looked at.

        Returns:
            Shape ``(batch, groups, size**2, height, width)``, taps row by row.
        """
        return self._weights(padded(maps, (self.size // 2,) * 4, self.padding_mode), 1)

    def _weights(self, bordered: Tensor, stride: int) -> Tensor:
        at_once = 1 if self.norm.training else stride
        correlated = correlate(bordered, self.convolution.weight, stride=(at_once, at_once))
        logits: Tensor = self.norm(correlated)
        if at_once != stride:
            logits = logits[..., ::stride, ::stride]
        exact = torch.promote_types(logits.dtype, torch.float32)
        batch, channels, *sides = logits.shape
        shape = (batch, self.groups, channels // self.groups, *sides)
        if self.softmax == "joint":
            return logits.softmax(dim=1, dtype=exact).reshape(shape)
        return logits.reshape(shape).softmax(dim=2, dtype=exact)

    def extra_repr(self) -> str:
        """Its settings."""
        return (
            f"size={self.size}, groups={self.groups}, gain={self.gain}, "
            f"padding_mode={self.padding_mode!r}, softmax={self.softmax!r}"
        )
