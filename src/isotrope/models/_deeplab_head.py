"""The head of DeepLabV3+: what it reads at several distances, and how it comes back to full size.

Source: Chen et al., "Encoder-Decoder with Atrous Separable Convolution for Semantic Image
Segmentation", ECCV 2018, https://arxiv.org/abs/1802.02611, with plain convolutions; and for
``unpool`` Rojas-Gomez et al., "Learnable Polyphase Sampling for Shift Invariant and Equivariant
Convolutional Networks", NeurIPS 2022, https://arxiv.org/abs/2210.08001, and the code that the
authors published with it: numbers of weights are theirs.

Differs from the published head: circular borders may be wider than the maps, so that it is exactly
equivariant at every size that the trunk takes. There the third dilated branch has zeros around it
(``third_branch: zeros``), because the others could not be padded on small maps and that one is a
1 x 1 convolution as long as maps are not larger than its rate. A batch of one image has no variance
of its means in training: the running statistics are used.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.layers.adaptive_blur import AdaptiveBlur
from isotrope.layers.batch_norm import BatchNorm2d
from isotrope.layers.blur import BinomialBlur
from isotrope.layers.phases import Selection
from isotrope.layers.polyphase import LPU, APSUp
from isotrope.layers.wrapping import PaddedConv2d, PaddingMode

RATES = {16: (6, 12, 18), 8: (12, 24, 36)}  # of the dilated branches, by output stride
TO_LOW_LEVEL = ("layer4", "layer3", "layer2")  # whose samplings are undone before low-level maps
TO_IMAGE = ("stem1", "stem0")  # and behind the classes
_GAIN = 4.0  # of filters behind an up-sampling, three quarters of whose pixels are zeros
_SIZES = {"lpf2": 2, "lpf3": 3, "lpf5": 5, "ddac3": 3}
_GROUPS = 8  # of ddac3; fewer where 8 does not divide the channels


class Branch(nn.Sequential):
    """A convolution without a bias, batch normalisation, activation.

    Shapes:
        input: ``(batch, in_channels, height, width)``
        output: ``(batch, channels, height, width)``
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel_size: int = 1,
        padding: PaddingMode = "circular",
        dilation: int = 1,
    ) -> None:
        convolution = PaddedConv2d(
            in_channels,
            channels,
            kernel_size,
            dilation=dilation,
            bias=False,
            padding_mode=padding,
        )
        super().__init__(convolution, BatchNorm2d(channels), nn.ReLU())


class NormOfMeans(BatchNorm2d):
    """Batch normalisation of one pixel an image, which one image alone passes as in tests."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """The normalised maps."""
        if not self.training or len(input) > 1:
            return super().forward(input)
        exact = self.running_mean.dtype
        weight, bias = self.weight.to(exact), self.bias.to(exact)
        known = self.running_mean, self.running_var, weight, bias
        return F.batch_norm(input.to(exact), *known, eps=self.eps).to(input.dtype)


class Aspp(nn.Module):
    """Atrous spatial pyramid pooling: the same maps seen at several distances, side by side.

    Shapes:
        input: ``(batch, in_channels, height, width)``
        output: ``(batch, channels, height, width)``

    Args:
        in_channels, channels: of input and output.
        rates: dilations of the three 3 x 3 convolutions, in pixels of the maps.
        paddings: what is around each of them.
        dropout: share of the outputs that are set to zero in training.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        rates: Sequence[int],
        paddings: Sequence[PaddingMode],
        dropout: float,
    ) -> None:
        super().__init__()
        self.point = Branch(in_channels, channels)
        self.dilated = nn.ModuleList(
            Branch(in_channels, channels, 3, padding, rate)
            for rate, padding in zip(rates, paddings, strict=True)
        )
        self.means = Branch(in_channels, channels)
        self.means[1] = NormOfMeans(channels)
        self.project = Branch((2 + len(rates)) * channels, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, maps: Tensor) -> Tensor:
        """All branches, made one."""
        means = self.means(maps.mean(dim=(-2, -1), keepdim=True))
        found = [self.point(maps), *(branch(maps) for branch in self.dilated)]
        found.append(means.expand(-1, -1, *maps.shape[-2:]))
        whole: Tensor = self.dropout(self.project(torch.cat(found, dim=1)))
        return whole


class Bilinear(nn.Module):
    """Bilinear interpolation to a size; corners of pixels lie on each other."""

    def forward(self, maps: Tensor, size: Sequence[int]) -> Tensor:
        """The maps, of this height and width."""
        return F.interpolate(maps, tuple(size), mode="bilinear", align_corners=False)


class Unpooling(nn.Module):
    """Some halvings undone one after the other: each pixel goes back to where it was taken.

    Shapes:
        input: ``(batch, channels, height, width)``
        output: ``(batch, channels, ...)``, with twice the sides for each halving

    Args:
        names: of the layers that halved, in the order in which they are undone.
        ups: up-samplings, with their filters, in that order.
    """

    def __init__(self, names: Sequence[str], ups: Sequence[LPU | APSUp]) -> None:
        super().__init__()
        self.ups = nn.ModuleDict(dict(zip(names, ups, strict=True)))

    def forward(
        self,
        maps: Tensor,
        selections: Mapping[str, Selection | None],
        noises: Mapping[str, Tensor],
    ) -> Tensor:
        """The maps at the larger size.

        Args:
            maps: the small ones.
            selections: what was selected, by the names of the layers.
            noises: standard Gumbel numbers ``(batch, phases)`` by these names, for up-samplings
                that draw.
        """
        for name, up in self.ups.items():
            if isinstance(up, LPU):
                maps = up(maps, selections[name], noises.get(name))
            else:
                maps = up(maps, selections[name])
        return maps


class Head(nn.Module):
    """From the maps of a trunk to logits of each pixel of the image.

    Shapes:
        maps: by the trunk's names; of ``layer1`` and ``layer4``
        output: ``(batch, classes, height, width)`` logits, of the image's sides

    Args:
        low_channels: of ``layer1``.
        high_channels: of ``layer4``.
        channels: of the head's own layers.
        projected: to how many channels ``layer1`` is brought.
        classes: number of classes.
        rates: dilations of `Aspp`.
        padding: what is around maps.
        third_padding: what is around those of the third dilated branch.
        dropout: of `Aspp`.
        unpool: two up-samplings for the maps and the logits; None for bilinear interpolation.
    """

    def __init__(
        self,
        low_channels: int,
        high_channels: int,
        channels: int,
        projected: int,
        classes: int,
        rates: Sequence[int],
        padding: PaddingMode,
        third_padding: PaddingMode,
        dropout: float,
        unpool: tuple[Unpooling, Unpooling] | None,
    ) -> None:
        super().__init__()
        paddings = (padding, padding, third_padding)
        self.aspp = Aspp(high_channels, channels, rates, paddings, dropout)
        self.low = Branch(low_channels, projected)
        self.join = Branch(channels + projected, channels, 3, padding)
        self.classes = PaddedConv2d(channels, classes, 1)
        for module in self.modules():
            if isinstance(module, PaddedConv2d):
                nn.init.kaiming_normal_(module.weight)
        self.to_low_level: Unpooling | None = unpool[0] if unpool else None
        self.to_image: Unpooling | None = unpool[1] if unpool else None
        self.interpolate = Bilinear()

    def forward(
        self,
        maps: Mapping[str, Tensor],
        selections: Mapping[str, Selection | None],
        size: Sequence[int],
        noises: Mapping[str, Tensor],
    ) -> Tensor:
        """Logits of images of this height and width; see `Unpooling` for the rest."""
        high, low = self.aspp(maps["layer4"]), self.low(maps["layer1"])
        if self.to_low_level is None:
            high = self.interpolate(high, low.shape[-2:])
        else:
            high = self.to_low_level(high, selections, noises)
        logits: Tensor = self.classes(self.join(torch.cat((low, high), dim=1)))
        if self.to_image is None:
            found: Tensor = self.interpolate(logits, size)
        else:
            found = self.to_image(logits, selections, noises)
        return found


def filter_behind(kind: str, channels: int, padding: PaddingMode) -> nn.Module | None:
    """The filter of an up-sampling, which restores the mean that the zeros have taken.

    Args:
        kind: ``none``, ``lpf2``, ``lpf3``, ``lpf5`` or ``ddac3``.
        channels: of the maps.
        padding: what is around them.
    """
    if kind == "none":
        return None
    if kind == "ddac3":
        groups = math.gcd(channels, _GROUPS)
        return AdaptiveBlur(channels, _SIZES[kind], groups, gain=_GAIN, padding_mode=padding)
    return BinomialBlur(_SIZES[kind], gain=_GAIN, padding_mode=padding)
