"""Settings of the residual network of the shift study, and the downsampling layers that they name.

Published names of what the settings say: ``strided`` is "skip", ``aps`` "max_2_norm" and ``lps``
"LPS"; ``small`` is the file ``resnet18_imagenet.json`` of hidden channels.
"""

import math
from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.layers.adaptive_blur import AdaptiveBlur
from isotrope.layers.blur import BinomialBlur
from isotrope.layers.downsampling import (
    AveragePool,
    Decimation,
    Downsampling,
    Selection,
    taken,
)
from isotrope.layers.ideal_downsample import IdealDownsample
from isotrope.layers.polyphase import APS, LPD
from isotrope.layers.tips import TIPS, Mixing
from isotrope.layers.wrapping import PaddingMode
from isotrope.settings import Settings

STRIDE = 2
_SIZES = {"lpf2": 2, "lpf3": 3, "lpf5": 5, "ddac3": 3}
_GROUPS = 8  # of ddac3, as published; fewer where 8 does not divide the channels
_DIVISORS = {"default": 1, "small": 8, "tiny": 16}  # of a stage's width, for the logit network's
DRAWN = ("gumbel", "straight_through")  # modes of lps that draw
_OF_LPS = ("logits", "logit_width", "logit_padding", "train_mode", "test_mode", "temperature")
_OF_PHASES = ("indivisible", "selection_noantialias")
_OF_FILTER = ("filter_padding", "selection_noantialias", "stem_antialias")
_OF_STEM = ("stem_antialias", "conv1_stride", "maxpool_zpad")


class TrunkParams(Settings):
    """What the trunk is made of; ``shift_resnet`` and ``deeplabv3plus`` share it."""

    depth: Literal[18, 34, 50, 101] = Field(18, description="18, 34: two convolutions a block")
    width: int = Field(
        64,
        ge=1,
        description="channels of the first stage, doubled by each later one; published: 64",
    )
    stem: Literal["cifar", "imagenet"] = Field(
        "cifar",
        description="cifar: 3 x 3 pixels, the whole shrinks by 8; imagenet: 7 x 7 and a pooling, "
        "it shrinks by 32",
    )
    downsampling: Literal["strided", "decimation", "avgpool", "aps", "lps", "tips", "ideal"] = (
        Field(
            "lps",
            description="strided: strided convolutions; decimation: every second pixel; avgpool: "
            "means of 2 x 2; aps: the phase of the largest norm; lps: the learned phase; tips: a "
            "learned mixture of each channel; ideal: cut off in the Fourier domain",
        )
    )
    antialias: Literal["none", "lpf2", "lpf3", "lpf5", "ddac3"] = Field(
        "none", description="filter before it: binomial of 2, 3, 5 pixels, or adaptive of 3"
    )
    padding: Literal["circular", "zeros"] = Field("circular", description="of all convolutions")
    filter_padding: PaddingMode = Field("circular", description="of the filter, as published")
    logit_padding: PaddingMode = Field("circular", description="of logit networks, as published")
    logits: Literal["convolutions", "skip", "attention", "attention_bn", "graph", "perceptron"] = (
        Field("convolutions", description="the logit network of lps")
    )
    logit_width: Literal["default", "small", "tiny"] = Field(
        "default",
        description="its channels: those of the stage, an eighth (8 to 64), or a sixteenth",
    )
    train_mode: Literal["gumbel", "straight_through", "convex", "hard"] = Field(
        "gumbel", description="how lps takes phases in training"
    )
    test_mode: Literal["hard", "convex", "gumbel"] = Field(
        "hard", description="how lps takes phases in tests"
    )
    indivisible: Literal["error", "wrap", "zeros"] = Field(
        "error",
        description="aps and lps where a side is odd. error: refused; wrap: exact, by positions "
        "modulo the side; zeros: as published, which is not exact",
    )
    selection_noantialias: bool = Field(
        False, description="true: aps and lps compare the phases before the filter"
    )
    stem_antialias: bool = Field(
        False, description="whether the first downsampling of the imagenet stem is filtered, too"
    )
    conv1_stride: bool = Field(
        False, description="imagenet stem: the first convolution keeps its stride of 2"
    )
    maxpool_zpad: bool = Field(
        False, description="imagenet stem: zeros around the pooling in place of circular padding"
    )
    swap_conv_pool: bool = Field(
        False, description="blocks sample behind their last convolution, not before it"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.downsampling == "strided" and self.antialias != "none":
            raise ValueError(
                "antialias: a strided network has no place for a filter; take downsampling: "
                "decimation, which is every second pixel behind one"
            )
        if self.logits == "skip" and self.downsampling == "lps":
            if self.logit_width != "default":
                raise ValueError(
                    "logits: skip adds maps of equal width: logit_width must be default"
                )
            if self.swap_conv_pool and self.depth >= 50:
                raise ValueError(
                    f"logits: skip adds maps of equal width, and behind the last convolution of a "
                    f"block of depth {self.depth} they have four times that of the stage; take "
                    "other logits, or swap_conv_pool: false"
                )
        if self.downsampling == "lps" and self.logits == "perceptron" and self._phases_tie:
            raise ValueError(
                f"logits: perceptron sees means of phases, which are all alike behind "
                f"{self.antialias}; take other logits, or selection_noantialias: true"
            )
        for name, needed in self._idle():
            if self._is_set(name):
                raise ValueError(
                    f"{name}: has no effect without {needed}; take that, or leave {name} out"
                )
        return self

    def _idle(self) -> Iterator[tuple[str, str]]:
        """The settings that others leave without effect, and what they would need."""
        if self.downsampling != "lps":
            yield from ((name, "downsampling: lps") for name in _OF_LPS)
        if not self.selects:
            yield from ((name, "downsampling: aps or lps") for name in _OF_PHASES)
        if self.downsampling != "tips":
            yield "tips", "downsampling: tips"
        if self.stem != "imagenet":
            yield from ((name, "stem: imagenet") for name in _OF_STEM)
        if self.downsampling == "strided":
            needed = "a downsampling other than strided"
            yield from ((name, needed) for name in (*_OF_STEM, "swap_conv_pool"))
        if self.antialias == "none":
            yield from ((name, "an antialias other than none") for name in _OF_FILTER)
        if self.conv1_stride:
            yield "stem_antialias", "conv1_stride: false"

    def _is_set(self, name: str) -> bool:
        """Whether a setting, if there is one of this name, has another value than by default."""
        field = type(self).model_fields.get(name)
        if field is None:
            return False
        return bool(getattr(self, name) != field.get_default(call_default_factory=True))

    @property
    def _phases_tie(self) -> bool:
        """Whether what is linear in a phase cannot tell it from the others, see `BinomialBlur`."""
        return self.antialias in ("lpf2", "lpf3", "lpf5") and not self.selection_noantialias

    @property
    def selects(self) -> bool:
        """Whether phases are chosen."""
        return self.downsampling in ("aps", "lps")

    @property
    def exact_only_if_divisible(self) -> bool:
        """Whether sides must be multiples of the whole stride."""
        return self.selects and self.indivisible == "error"

    @property
    def reduction(self) -> int:
        """By how much sides shrink in all."""
        return 32 if self.stem == "imagenet" else 8

    def hidden(self, stage_width: int) -> int:
        """Channels of the logit network of a stage of such a width."""
        return max(1, stage_width // _DIVISORS[self.logit_width])


def antialias_of(params: TrunkParams, channels: int) -> nn.Module | None:
    """The filter before a downsampling, if there is one."""
    if params.antialias == "none":
        return None
    size = _SIZES[params.antialias]
    if params.antialias == "ddac3":
        return AdaptiveBlur(
            channels, size, math.gcd(channels, _GROUPS), padding_mode=params.filter_padding
        )
    return BinomialBlur(size, padding_mode=params.filter_padding)


def downsampling_of(
    params: TrunkParams, channels: int, hidden: int, filtered: bool = True
) -> Downsampling:
    """The layer that halves maps of so many channels.

    Args:
        params: settings; not strided ones.
        channels: of the maps.
        hidden: channels of its logit network, if it has one.
        filtered: whether the filter stands before it.
    """
    antialias = antialias_of(params, channels) if filtered else None
    kind = params.downsampling
    if kind == "lps":
        return LPD(
            channels,
            hidden,
            logits=params.logits,
            padding_mode=params.logit_padding,
            antialias=antialias,
            select_from=_select_from(params),
            train_mode=params.train_mode,
            test_mode=params.test_mode,
            indivisible=params.indivisible,
        )
    if kind == "aps":
        return APS(
            antialias=antialias, select_from=_select_from(params), indivisible=params.indivisible
        )
    if kind == "decimation":
        return Decimation(STRIDE, antialias)
    inner: Downsampling
    if kind == "tips":
        inner = WatchedTips(channels, padding_mode=params.padding)
    elif kind == "ideal":
        inner = IdealDownsample()
    else:
        inner = AveragePool()
    return inner if antialias is None else Filtered(antialias, inner)


def shortcut_of(params: TrunkParams, channels: int) -> Downsampling:
    """The layer that halves the shortcut: where phases are chosen it follows the main branch."""
    if params.selects:
        return Following(antialias_of(params, channels), params.indivisible == "zeros")
    return downsampling_of(params, channels, 1)


def _select_from(params: TrunkParams) -> Literal["filtered", "unfiltered"]:
    return "unfiltered" if params.selection_noantialias else "filtered"


class WatchedTips(TIPS):
    """`TIPS` whose mixing a loss may look at.

    Attributes:
        watch: takes the mixing of every call while it is set.
    """

    watch: list[Mixing] | None = None

    def down(
        self, maps: Tensor, selection: Selection | None = None, noise: Tensor | None = None
    ) -> tuple[Tensor, Selection | None]:
        """The mixtures."""
        del selection, noise
        mixing = self.mixed(maps)
        if self.watch is not None:
            self.watch.append(mixing)
        return mixing.maps, None


class Filtered(Downsampling):
    """A filter, and a downsampling that has no place for one of its own."""

    def __init__(self, antialias: nn.Module, inner: Downsampling) -> None:
        super().__init__(inner.stride)
        self.antialias = antialias
        self.inner = inner

    def down(
        self, maps: Tensor, selection: Selection | None = None, noise: Tensor | None = None
    ) -> tuple[Tensor, Selection | None]:
        """What the downsampling makes of the filtered maps."""
        return self.inner.down(self.antialias(maps), selection, noise)


class Following(Downsampling):
    """Takes the phases that another layer has chosen, and chooses none.

    Args:
        antialias: filters the maps before, if there is one.
        padded: whether the other layer puts zeros to the right and below of odd maps.
    """

    def __init__(self, antialias: nn.Module | None, padded: bool = False) -> None:
        super().__init__(STRIDE)
        self.antialias = antialias
        self.padded = padded

    def down(
        self, maps: Tensor, selection: Selection | None = None, noise: Tensor | None = None
    ) -> tuple[Tensor, Selection | None]:
        """What was selected, of these maps.

        Raises:
            ValueError: if nothing was selected.
        """
        del noise
        if selection is None:
            raise ValueError("a shortcut follows the selection of its block, and was given none")
        if self.antialias is not None:
            maps = self.antialias(maps)
        if self.padded:
            height, width = maps.shape[-2:]
            maps = F.pad(maps, (0, width % self.stride, 0, height % self.stride))
        return taken(maps, selection, self.stride), selection
