"""A residual network that samples its maps in one of seven ways, exactly shift-invariant in two.

Source: Rojas-Gomez, Lim, Schwing, Do and Yeh, "Learnable Polyphase Sampling for Shift Invariant and
Equivariant Convolutional Networks", NeurIPS 2022, https://arxiv.org/abs/2210.08001, and the code
that the authors published with it (``lps``; their settings of all others, too). ``aps``: Chaman and
Dokmanic, "Truly Shift-Invariant Convolutional Neural Networks", CVPR 2021,
https://arxiv.org/abs/2011.14214. ``decimation`` behind ``lpf2`` to ``lpf5``: Zhang, "Making
Convolutional Networks Shift-Invariant Again", ICML 2019, https://arxiv.org/abs/1904.11486.
``ddac3``: Zou et al., "Delving Deeper into Anti-Aliasing in ConvNets", BMVC 2020,
https://arxiv.org/abs/2008.09604. ``tips``: Saha and Gokhale, "Improving Shift Invariance in
Convolutional Neural Networks with Translation Invariant Polyphase Sampling", WACV 2025,
https://arxiv.org/abs/2404.07410. ``strided`` is the network of torchvision.

With ``aps`` or ``lps`` (``test_mode: hard``), circular padding everywhere (of filters and logit
networks, too, as is the default), neither ``conv1_stride`` nor ``maxpool_zpad``, and sides that are
multiples of the whole stride (8 with the cifar stem, 32 with the other) or ``indivisible: wrap``,
the logits of a tested network are the same for every circular shift by whole pixels, trained or
not. With zeros around the maps, odd sides, mixtures of phases, shifts that crop or move by parts of
a pixel, and while it draws in training, they are not.

Numbers of parameters are the published ones: 11,173,962 for 10 classes at depth 18 with the cifar
stem, 17,368,906 with the default logit networks of ``lps``, 11,609,642 with the small ones. A
network of ``width: 80`` without logit networks has 17,454,170, which is 0.5 % more than the default
``lps``: a fair comparison needs it.

Differs from the published networks: they return the logarithm of the softmax and are trained by its
negative at the label, which is the cross-entropy of the logits here. Odd sides are refused or exact
(``indivisible``), where the published ones add a row of zeros. With the bottleneck blocks a
swapped sampling sees all channels of the last convolution, where the published layer was made for
a quarter of them. What is drawn at the beginning follows from torch's seed in another order.
``width`` other than 64, depth 34, the cifar stem of depths 50 and 101, and ``tips`` and ``ideal``
in such a network are ours.
"""

from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from isotrope.layers.downsampling import Selection
from isotrope.layers.global_average_pool import GlobalAveragePool
from isotrope.layers.preceded import takes_images
from isotrope.layers.tips import Mixing
from isotrope.models._fit import refuse_smaller
from isotrope.models._shift_learning import LearnedPhases
from isotrope.models._shift_record import PhaseRecord
from isotrope.models._shift_settings import DRAWN, TrunkParams, WatchedTips
from isotrope.models._shift_tips import TipsLoss
from isotrope.models._shift_trunk import PLACES, ShiftTrunk
from isotrope.models._shift_weights import adopted
from isotrope.models._temperature import Temperature, default_temperature

REVISION = 1
PARTS = {"stem", "layer1", "layer2", "layer3", "layer4", "features"}
EXAMPLE = {"width": 8}  # depth 18 with learned phases that are drawn in training


class Params(TrunkParams):
    """Settings of ``shift_resnet``."""

    tips: TipsLoss = Field(TipsLoss(), description="the loss with which tips is trained")
    temperature: Temperature = Field(
        default_factory=default_temperature,
        description="of the softmax over phases in the training of lps",
    )


class ShiftResNet(nn.Module):
    """The trunk, a mean over the map, and a linear layer.

    Shapes (w, e: see `ShiftTrunk`):
        input: ``(batch, channels, height, width)`` in 0..1
        stem, layer1, layer2, layer3, layer4: the maps of the trunk
        features: ``(batch, 8 * w * e)``
        output: ``(batch, classes)`` logits

    Args:
        image_shape: channels, height and width of the images.
        classes: number of classes.
        params: settings.
    """

    def __init__(self, image_shape: tuple[int, int, int], classes: int, params: Params) -> None:
        super().__init__()
        channels, *size = image_shape
        trunk = ShiftTrunk(channels, params)
        for place in PLACES:  # parts by short names; they are the identities of the trunk
            self.add_module(place, trunk.passed[place])
        self.trunk = trunk
        self.features = GlobalAveragePool()
        self.lin = nn.Linear(trunk.widths[-1], classes)
        self.size = (size[0], size[1])
        self.params = params

    def forward(self, images: Tensor, noise: Tensor | None = None) -> Tensor:
        """Logits of the images.

        Args:
            images: ``(batch, channels, height, width)``
            noise: what `draw` gives; of no effect in tests, unless ``test_mode`` is gumbel.
        """
        found = self.trunk(images, noise)
        self._seen(found.selections)
        logits: Tensor = self.lin(self.features(found.maps[PLACES[-1]]))
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

    def adopt(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights that it takes: its own, torchvision's, or those of the published networks.

        See `isotrope.models._shift_weights`.
        """
        return adopted(self, weights)


class LearnedShiftResNet(LearnedPhases, ShiftResNet):
    """One whose phases are learned: with a temperature, weights of a group of its own, a record."""

    def __init__(self, image_shape: tuple[int, int, int], classes: int, params: Params) -> None:
        super().__init__(image_shape, classes, params)
        self.phases = PhaseRecord(self.trunk.phases(self.size))

    def parameter_groups(self) -> dict[str, list[str]]:
        """``component_selection``: the logit networks, which are published without weight decay."""
        names = [name for name, _ in self.named_parameters() if ".component_selection." in name]
        return {"component_selection": names}


class DrawingShiftResNet(LearnedShiftResNet):
    """One whose phases are drawn in training, or in tests, too."""

    def draw(self, generator: torch.Generator, count: int) -> Tensor:
        """Standard Gumbel numbers for so many images, ``(count, layers, phases)`` float32."""
        shape = (count, *self.trunk.noise_shape(self.size))
        return -torch.empty(shape).exponential_(generator=generator).log()


class TipsShiftResNet(ShiftResNet):
    """One that mixes phases by `TIPS`, with the loss that belongs to it."""

    draws_in_tests = False
    counts: Tensor

    def __init__(self, image_shape: tuple[int, int, int], classes: int, params: Params) -> None:
        super().__init__(image_shape, classes, params)
        self.register_buffer("counts", torch.zeros(()))

    def draw(self, generator: torch.Generator, count: int) -> Tensor:
        """Where the shifts of so many images lie in their range, ``(count, 2)`` in 0..1."""
        return torch.rand(count, 2, generator=generator)

    def on_epoch(self, epoch: int, epochs: int) -> dict[str, Any]:
        """Whether feature shift errors count."""
        return {"counts": self.params.tips.counts(epoch, epochs)}

    def forward(self, images: Tensor, noise: Tensor | None = None) -> Tensor:
        """Logits of the images; what was drawn has no part in them."""
        del noise
        return super().forward(images)

    def loss(
        self, images: Tensor, labels: Tensor, noise: Tensor | None
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """The loss of `TipsLoss` in training, the cross-entropy in tests; and the logits.

        Shapes:
            images: ``(batch, channels, height, width)``
            labels: ``(batch,)`` int64
            noise: as `draw` gives it; None in tests
        """
        watched = [
            module
            for layer in self.trunk.downsamplings().values()
            for module in layer.modules()
            if isinstance(module, WatchedTips)
        ]
        mixings: list[Mixing] = []
        for layer in watched:
            layer.watch = mixings
        try:
            logits = self(images)
        finally:
            for layer in watched:
                layer.watch = None
        exact = logits.to(torch.promote_types(logits.dtype, torch.float32))
        classes = -exact.log_softmax(dim=1).gather(1, labels[:, None]).mean()
        if noise is None:
            return classes, logits, {}
        total, parts = self.params.tips.total(classes, mixings, noise, self.counts)
        return total, logits, parts


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> ShiftResNet:
    """The network for images of a shape.

    Raises:
        ValueError: if the images are smaller than the whole stride, or no multiples of it where
            phases are chosen and ``indivisible`` is error.
    """
    stride = params.reduction
    refuse_smaller(image_shape, stride, f"a network that shrinks them by {stride}")
    _, height, width = image_shape
    if params.exact_only_if_divisible and (height % stride or width % stride):
        raise ValueError(
            f"images of {height} x {width} pixels are no multiples of {stride}, by which the "
            "network shrinks them; take other sides, or set indivisible"
        )
    kind: type[ShiftResNet]
    if params.downsampling != "lps":
        kind = TipsShiftResNet if params.downsampling == "tips" else ShiftResNet
    elif params.train_mode in DRAWN or params.test_mode in DRAWN:
        kind = DrawingShiftResNet
    else:
        kind = LearnedShiftResNet
    return kind(image_shape, classes, params)
