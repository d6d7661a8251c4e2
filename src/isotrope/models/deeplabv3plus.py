"""DeepLabV3+: a class for each pixel; exactly shift-equivariant with learned or largest phases.

A trunk as that of ``shift_resnet``, maps of its end seen at several distances, and the way back to
the image, bilinear or by ``unpool``: each pixel goes back to the phase from which the trunk took
it.

Source: Rojas-Gomez, Lim, Schwing, Do and Yeh, "Learnable Polyphase Sampling for Shift Invariant and
Equivariant Convolutional Networks", NeurIPS 2022, https://arxiv.org/abs/2210.08001, and the code
that the authors published with it; Chen et al., "Encoder-Decoder with Atrous Separable Convolution
for Semantic Image Segmentation", ECCV 2018, https://arxiv.org/abs/1802.02611. Published variants:

* stock: ``downsampling: strided``, ``decoder: bilinear``, ``padding`` and ``head_padding: zeros``
* LPF, DDAC: ``downsampling: decimation``, ``antialias: lpf3`` or ``ddac3``, ``conv1_stride``,
  ``filter_padding: reflect``, else as stock
* APS: ``downsampling: aps``, ``decoder: bilinear``
* LPD only: ``downsampling: lps``, ``decoder: bilinear``
* LPS: ``downsampling: lps``, ``decoder: unpool``

With ``unpool``, ``aps`` or ``lps`` (``test_mode: hard``), circular padding and sides that are
multiples of 32, what a tested network answers to a circular shift by whole pixels is its answer,
shifted; with the bilinear decoder, zeros around maps or while it draws in training it is not. Other
sides are refused.

Numbers of parameters are the published ones: for 21 classes 22,360,501 at depth 18, 46,104,501 at
depth 50 and 65,096,629 at depth 101; with ``ddac3`` in the trunk and no weights in the filters of
the decoder 23,273,893, 47,888,805 and 66,880,933.

Strided and decimating trunks reach ``output_stride`` by dilation; all others shrink images by 32,
as published, where it gives the rates of the dilated branches alone. Differs from the published
network: see `isotrope.models._deeplab_head` and ``shift_resnet``. There, filters behind the classes
of each pixel could not be adaptive unless their number fits; here channels are put into as many
groups as divide them. Depth 34, ``tips``, ``avgpool`` and ``ideal`` are ours.
"""

import torch
from torch import Tensor, nn

from isotrope.layers.downsampling import Selection
from isotrope.layers.polyphase import LPU, APSUp
from isotrope.layers.preceded import takes_images
from isotrope.models._deeplab_head import (
    RATES,
    TO_IMAGE,
    TO_LOW_LEVEL,
    Head,
    Unpooling,
    filter_behind,
)
from isotrope.models._deeplab_settings import Params
from isotrope.models._dilated_trunk import dilate
from isotrope.models._fit import refuse_smaller
from isotrope.models._shift_learning import LearnedPhases
from isotrope.models._shift_record import PhaseRecord
from isotrope.models._shift_settings import DRAWN
from isotrope.models._shift_trunk import PLACES, ShiftTrunk
from isotrope.models._shift_weights import adopted

REVISION = 1
PARTS = {"stem", "layer1", "layer2", "layer3", "layer4"}
kind = "segmentation"
EXAMPLE = {  # without dropout, whose zeros are drawn where no engine keys them
    "width": 4,
    "head_channels": 6,
    "low_channels": 3,
    "dropout": 0.0,
}
_DILATED = ("strided", "decimation")
_REDUCTION = 32
_OF_CLASSIFIERS = ("lin", "fc", "phases")  # what is behind their trunks
_LAST = "head.classes."


class DeepLab(nn.Module):
    """Trunk and head.

    Shapes:
        input: ``(batch, channels, height, width)`` in 0..1
        output: ``(batch, classes, height, width)`` logits

    Args:
        image_shape: channels, height and width of the images.
        classes: number of classes.
        params: settings.
    """

    def __init__(self, image_shape: tuple[int, int, int], classes: int, params: Params) -> None:
        super().__init__()
        channels, *size = image_shape
        trunk = ShiftTrunk(channels, params)
        for module in trunk.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = params.trunk_momentum
        if params.downsampling in _DILATED:
            dilate(trunk, params.output_stride)
        for place in PLACES:  # parts by short names; they are the identities of the trunk
            self.add_module(place, trunk.passed[place])
        self.trunk = trunk
        self.head = _head(trunk, classes, params)
        self.size = (size[0], size[1])
        self.params = params

    def forward(self, images: Tensor, noise: Tensor | None = None) -> Tensor:
        """Logits of each pixel.

        Args:
            images: ``(batch, channels, height, width)``
            noise: what `DrawingDeepLab.draw` gives; of no effect in tests, unless ``test_mode`` is
                gumbel.

        Raises:
            ValueError: if the sides are no multiples of 32 where phases are chosen.
        """
        refuse_indivisible(self.params, images.shape)
        names, drawn = self.trunk.selecting(), {}
        if noise is not None and noise.shape[1] > len(names):
            drawn = dict(zip(names, noise[:, len(names) :].unbind(dim=1), strict=True))
            noise = noise[:, : len(names)]
        maps, selections = self.trunk(images, noise)
        self._seen(selections)
        logits: Tensor = self.head(maps, selections, images.shape[-2:], drawn)
        return logits

    @takes_images
    def selections(self, images: Tensor) -> dict[str, Selection | None]:
        """What each layer that halves the maps has selected, by its name; None if it selects none.

        Args:
            images: ``(batch, channels, height, width)``, as ``forward`` takes them.
        """
        found: dict[str, Selection | None] = self.trunk(images).selections
        return found

    def _seen(self, selections: dict[str, Selection | None]) -> None:
        """Keep what is to be kept of what was selected."""

    def parameter_groups(self) -> dict[str, list[str]]:
        """``backbone``: the trunk; ``component_selection``: its logit networks, if it has any.

        As published the trunk is trained at a tenth of the head's rate, and logit networks at the
        same rate without weight decay.
        """
        groups: dict[str, list[str]] = {"backbone": [], "component_selection": []}
        for name, _ in self.trunk.named_parameters():
            of_logits = ".component_selection." in f".{name}"
            groups["component_selection" if of_logits else "backbone"].append(f"trunk.{name}")
        return {group: names for group, names in groups.items() if names}

    def adopt(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights that it takes: those of such a network, or of the trunk of a classifier.

        Of a classifier (a ``shift_resnet``, torchvision's, or a published one, see
        `isotrope.models._shift_weights`) the head is drawn; of a network for other classes, its
        last layer.
        """
        if not any(name.startswith("head.") for name in weights):
            given = {
                name: value
                for name, value in weights.items()
                if name.removeprefix("core.").partition(".")[0] not in _OF_CLASSIFIERS
            }
            return adopted(nn.ModuleDict({"trunk": self.trunk}), given)
        last = self.head.classes.state_dict(prefix=_LAST)
        return {
            name: value
            for name, value in weights.items()
            if name not in last or value.shape == last[name].shape
        }


class LearnedDeepLab(LearnedPhases, DeepLab):
    """One whose phases are learned: with a temperature, and a record."""

    def __init__(self, image_shape: tuple[int, int, int], classes: int, params: Params) -> None:
        super().__init__(image_shape, classes, params)
        self.phases = PhaseRecord(self.trunk.phases(self.size))


class DrawingDeepLab(LearnedDeepLab):
    """One whose phases are drawn in training, or in tests, too."""

    def draw(self, generator: torch.Generator, count: int) -> Tensor:
        """Standard Gumbel numbers for so many images, ``(count, layers, phases)`` float32.

        Those of the trunk's layers come first, then those of the up-samplings if they draw anew.
        """
        layers, phases = self.trunk.noise_shape(self.size)
        rows = layers * (1 + self.params.unpool_get_samples)
        return -torch.empty(count, rows, phases).exponential_(generator=generator).log()


def refuse_indivisible(params: Params, shape: tuple[int, ...]) -> None:
    """Refuse sides with which a network that chooses phases would not be exact.

    Raises:
        ValueError: if they are no multiples of 32 and phases are chosen.
    """
    height, width = shape[-2:]
    if params.exact_only_if_divisible and (height % _REDUCTION or width % _REDUCTION):
        raise ValueError(
            f"images of {height} x {width} pixels are no multiples of {_REDUCTION}, by which the "
            f"network with downsampling {params.downsampling} shrinks them; crop or scale them to "
            "such sides"
        )


def _head(trunk: ShiftTrunk, classes: int, params: Params) -> Head:
    padding = params.head_padding
    third = "zeros" if params.third_branch == "zeros" else padding
    unpool = None
    if params.decoder == "unpool":
        unpool = (
            _unpooling(TO_LOW_LEVEL, params.head_channels, params),
            _unpooling(TO_IMAGE, classes, params),
        )
    return Head(
        low_channels=trunk.widths[0],
        high_channels=trunk.widths[-1],
        channels=params.head_channels,
        projected=params.low_channels,
        classes=classes,
        rates=RATES[params.output_stride],
        padding=padding,
        third_padding=third,
        dropout=params.dropout,
        unpool=unpool,
    )


def _unpooling(names: tuple[str, ...], channels: int, params: Params) -> Unpooling:
    ups: list[LPU | APSUp] = []
    for _ in names:
        antialias = filter_behind(params.decoder_antialias, channels, params.head_padding)
        if params.downsampling == "aps":
            ups.append(APSUp(antialias=antialias))
        else:
            ups.append(LPU(antialias=antialias, fresh_sample=params.unpool_get_samples))
    return Unpooling(names, ups)


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> DeepLab:
    """The network for images of a shape.

    Raises:
        ValueError: if the images are smaller than 32 pixels a side, or no multiples of it where
            phases are chosen.
    """
    refuse_smaller(image_shape, _REDUCTION, f"a network that shrinks them by {_REDUCTION}")
    refuse_indivisible(params, image_shape)
    if params.downsampling != "lps":
        return DeepLab(image_shape, classes, params)
    if params.train_mode in DRAWN or params.test_mode in DRAWN:
        return DrawingDeepLab(image_shape, classes, params)
    return LearnedDeepLab(image_shape, classes, params)
