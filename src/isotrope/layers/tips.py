"""Mixtures of phases with weights that each channel finds in the quadrants of its map.

Source: Saha and Gokhale, "Improving Shift Invariance in Convolutional Neural Networks with
Translation Invariant Polyphase Sampling", WACV 2025, https://arxiv.org/abs/2404.07410.
"""

from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.layers.downsampling import Downsampling, Selection
from isotrope.layers.phase_mixtures import mixture
from isotrope.layers.wrapping import PaddedConv2d, PaddingMode, padded

Spread = Literal["norm", "entropy"]


class Mixing(NamedTuple):
    """What `TIPS` makes of maps.

    Attributes:
        maps: the mixtures, ``(batch, channels, rows, columns)``.
        weights: of the phases row by row, ``(batch, channels, stride**2)``, with the sum 1.
        features: in which the weights were found, of the size of the maps with their border,
            ``(batch, channels, stride * rows, stride * columns)``.
        bordered: the maps with their border, of the same shape.
    """

    maps: Tensor
    weights: Tensor
    features: Tensor
    bordered: Tensor


class TIPS(Downsampling):
    """Mix the phases of each channel, with weights from the means over parts of its map.

    The weights are a depthwise convolution of 3 x 3 taps, ReLU, the mean over each of ``stride`` x
    ``stride`` equal parts of the map, a factor for each channel, and softmax over the parts. The
    part in row ``i`` and column ``j`` weighs the phase in row ``i`` and column ``j``.

    It is *not* invariant to circular shifts, with any border. A shift by one pixel permutes the
    phases, and the weights would have to be permuted alike. But a part, such as the upper left
    quarter, is no phase: its mean hardly changes. So weights stay where they are while the phases
    move, and the mixture changes, unless all weights are equal and it is average pooling.

    Differs from the published program: the border may be circular, and is so unless asked for
    otherwise (there the convolution is padded with zeros, and sides that the stride does not
    divide are made longer at the left and at the top by reflection, here with the same border); any
    stride; the published program weighs the phase in row ``i`` and column ``j`` with the part in
    row ``j`` and column ``i``.

    Shapes:
        input: ``(batch, channels, height, width)``
        output: ``(batch, channels, ceil(height / stride), ceil(width / stride))``

    Args:
        channels: of the maps.
        stride: at least 2, in pixels.
        padding_mode: what is around the maps.

    Raises:
        ValueError: if the stride or the mode is none of these.
    """

    def __init__(
        self, channels: int, stride: int = 2, *, padding_mode: PaddingMode = "circular"
    ) -> None:
        super().__init__(stride)
        self.padding_mode = padding_mode
        self.convolution = PaddedConv2d(
            channels, channels, 3, groups=channels, bias=False, padding_mode=padding_mode
        )
        self.factor = nn.Conv2d(channels, channels, 1, groups=channels, bias=False)

    def down(
        self, maps: Tensor, selection: Selection | None = None, noise: Tensor | None = None
    ) -> tuple[Tensor, Selection | None]:
        """The mixtures. As they differ between channels, no selection is taken or made."""
        del selection, noise
        return self.mixed(maps).maps, None

    def mixed(self, maps: Tensor) -> Mixing:
        """The mixtures, and what the regularisers need."""
        stride = self.stride
        rows, columns = (-side % stride for side in maps.shape[-2:])
        maps = padded(maps, (columns, 0, rows, 0), self.padding_mode)
        features = F.relu(self.convolution(maps))
        batch, channels, height = maps.shape[:3]
        parts = features.reshape(batch, channels, stride, height // stride, stride, -1)
        exact = torch.promote_types(maps.dtype, torch.float32)
        logits = parts.mean(dim=(3, 5), dtype=exact) * self.factor.weight[:, 0].to(exact)
        weights = logits.flatten(2).softmax(dim=-1)
        found = mixture(maps.flatten(0, 1)[:, None], weights.flatten(0, 1), stride)
        return Mixing(found.view(batch, channels, *found.shape[2:]), weights, features, maps)


def feature_shift_error(mixing: Mixing, shift: tuple[int, int] | Tensor) -> Tensor:
    """The mean squared difference of the features of `TIPS` and its rolled input.

    It is added to the loss with the published weight 0.35 divided by the number of layers, the
    other losses with 0.65, after some epochs of training. There the shift is drawn in every step,
    up to a quarter of the image. Differs from the published program: the input is a target without
    a gradient, which there is said and not done.

    Args:
        mixing: of `TIPS.mixed`.
        shift: pixels downwards and to the right, the same for all images, or int64 ``(batch, 2)``
            on the device of the maps.
    """
    bordered = mixing.bordered.detach()
    if isinstance(shift, Tensor):
        target = _rolled(bordered, shift)
    else:
        target = bordered.roll(shift, dims=(-2, -1))
    return F.mse_loss(mixing.features, target)


def _rolled(maps: Tensor, shifts: Tensor) -> Tensor:
    """Each image rolled by its own pixels downwards and to the right."""
    height, width = maps.shape[-2:]
    rows, columns = (
        (torch.arange(side, device=maps.device) - shifts[:, axis : axis + 1]) % side
        for axis, side in enumerate((height, width))
    )
    numbers = torch.arange(len(maps), device=maps.device)[:, None, None]
    moved = maps.movedim(1, -1)[numbers, rows[:, :, None], columns[:, None, :]]
    return moved.movedim(-1, 1)


def index_spread(mixing: Mixing, measure: Spread = "norm") -> Tensor:
    """How far the weights of `TIPS` are from choosing one phase, 0 where each channel does.

    Args:
        mixing: of `TIPS.mixed`.
        measure: ``norm``, as published: the mean of 1 less the Euclidean norm of the weights, at
            most ``1 - 1 / stride``; or ``entropy``: their mean entropy, at most
            ``log(stride**2)`` nats.

    Raises:
        ValueError: if the measure is none of these.
    """
    if measure not in get_args(Spread):
        raise ValueError(f"measure must be norm or entropy, got '{measure}'")
    weights = mixing.weights
    if measure == "norm":
        return (1 - weights.square().sum(dim=-1).sqrt()).mean()
    entropies: Tensor = torch.special.entr(weights)
    return entropies.sum(dim=-1).mean()
