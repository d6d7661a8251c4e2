"""A residual network without its head, for classifiers and for segmentation.

The stem and four stages of residual blocks. Where a stage halves its maps one layer chooses how
they are sampled, and the shortcut follows it. What was selected is given with the maps, so that an
up-sampling can put pixels back to where they came from.

Source: Rojas-Gomez et al., "Learnable Polyphase Sampling for Shift Invariant and Equivariant
Convolutional Networks", NeurIPS 2022, https://arxiv.org/abs/2210.08001, and the code that the
authors published with it. Differs from it: see ``shift_resnet``.

A network whose layers are all circular and whose phases are chosen by ``aps`` or ``lps`` (``hard``)
answers a circular shift by any whole pixels with maps that are shifted by whole pixels, if both
sides are multiples of ``TrunkParams.reduction`` or ``indivisible`` is ``wrap``. A mixture of phases
(``convex``) does not, because a shift moves each phase by another number of its own pixels.
"""

from collections.abc import Iterator
from typing import NamedTuple, cast

from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.layers.batch_norm import BatchNorm2d
from isotrope.layers.downsampling import Downsampling, Selection
from isotrope.layers.phase_mixtures import phase_grid
from isotrope.layers.wrapping import PaddingMode, padded
from isotrope.models._shift_blocks import Block, Bottleneck, convolution
from isotrope.models._shift_settings import STRIDE, TrunkParams, downsampling_of

_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
PLACES = ("stem", "layer1", "layer2", "layer3", "layer4")


class Trunk(NamedTuple):
    """What the trunk makes of images.

    Args:
        maps: by the names in ``PLACES``, ``(batch, channels, height, width)``.
        selections: by the names of the layers that halve, from the first on: ``stem0``, ``stem1``,
            ``layer2``, ``layer3``, ``layer4``, those of them that there are; None where a layer
            selects nothing.
    """

    maps: dict[str, Tensor]
    selections: dict[str, Selection | None]


class ShiftTrunk(nn.Module):
    """The stem and the stages.

    Shapes (w is the width, e is 1 for depths 18 and 34, else 4):
        input: ``(batch, channels, height, width)``
        stem: ``(batch, w, height, width)``, of the imagenet stem a quarter of each side
        layer1: ``(batch, w * e, ...)``, as the stem
        layer2, layer3, layer4: ``(batch, 2 * w * e, ...)`` and so on, each half as high and wide
        noise: ``(batch, len(selecting()), phases)``, standard Gumbel numbers, a row for each layer
            that selects; see `noise_shape`

    Args:
        channels: of the images.
        params: settings.

    Attributes:
        passed: an identity behind the stem and each stage, by the names in ``PLACES``.
    """

    def __init__(self, channels: int, params: TrunkParams) -> None:
        super().__init__()
        self.params, width = params, params.width
        imagenet = params.stem == "imagenet"
        strided = params.downsampling == "strided"
        first = STRIDE if imagenet and (strided or params.conv1_stride) else 1
        self.conv1 = convolution(channels, width, 7 if imagenet else 3, params, first)
        self.bn1 = BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.stem0: Downsampling | None = None
        self.stem1: Downsampling | None = None
        if imagenet and not strided:
            hidden = params.hidden(width)
            if not params.conv1_stride:
                self.stem0 = downsampling_of(params, width, hidden, params.stem_antialias)
            self.stem1 = downsampling_of(params, width, hidden)
        kind = Bottleneck if params.depth >= 50 else Block
        before, stages = width, [nn.ModuleList() for _ in PLACES[1:]]
        for number, stage in enumerate(stages):
            planes = width * 2**number
            for place in range(_BLOCKS[params.depth][number]):
                stage.append(kind(before, planes, params, halves=place == 0 and number > 0))
                before = planes * kind.expansion
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.passed = nn.ModuleDict({place: nn.Identity() for place in PLACES})
        self.widths = tuple(width * 2**number * kind.expansion for number in range(4))

    def forward(self, images: Tensor, noise: Tensor | None = None) -> Trunk:
        """Maps of the stem and of each stage, and what was selected."""
        selections: dict[str, Selection | None] = {}
        drawn = _Drawn(noise, self.selecting(), self.params.indivisible == "wrap")
        maps = self.relu(self.bn1(self.conv1(images)))
        if self.params.stem == "imagenet":
            maps = self._halved_twice(maps, selections, drawn)
        found = {"stem": self.passed["stem"](maps)}
        for (name, stage), place in zip(self._stages(), PLACES, strict=False):
            maps = found[place]
            for block in stage:
                part = drawn.of(name, maps) if block.down is not None else None
                maps, selection = block(maps, part)
                if block.down is not None:
                    selections[name] = selection
            found[name] = self.passed[name](maps)
        return Trunk(found, selections)

    def _halved_twice(
        self, maps: Tensor, selections: dict[str, Selection | None], drawn: "_Drawn"
    ) -> Tensor:
        """The rest of the imagenet stem: two halvings with a pooling between them."""
        if self.stem1 is None:
            return F.max_pool2d(maps, 3, STRIDE, padding=1)
        if self.stem0 is not None:
            maps, selections["stem0"] = self.stem0.down(maps, noise=drawn.of("stem0", maps))
        mode: PaddingMode = "zeros" if self.params.maxpool_zpad else "circular"
        maps = F.max_pool2d(padded(maps, (0, 1, 0, 1), mode), 2, 1)
        maps, selections["stem1"] = self.stem1.down(maps, noise=drawn.of("stem1", maps))
        return maps

    def _stages(self) -> Iterator[tuple[str, nn.ModuleList]]:
        return zip(PLACES[1:], (self.layer1, self.layer2, self.layer3, self.layer4), strict=True)

    def downsamplings(self) -> dict[str, Downsampling]:
        """The layers that halve maps, shortcuts excluded, from the first on."""
        first = {"stem0": self.stem0, "stem1": self.stem1}
        last = {name: cast("Block", stage[0]).down for name, stage in self._stages()}
        return {name: layer for name, layer in (first | last).items() if layer is not None}

    def selecting(self) -> list[str]:
        """The names of those that select phases, from the first on."""
        return list(self.downsamplings()) if self.params.selects else []

    def noise_shape(self, size: tuple[int, int]) -> tuple[int, int]:
        """The shape of an image's noise, for images of a height and width.

        Returns:
            The number of layers that select, and the largest number of phases: 4 unless
            ``indivisible: wrap`` has to take more.
        """
        numbers = self.phases(size).values()
        return len(numbers), max([STRIDE**2, *numbers])

    def phases(self, size: tuple[int, int]) -> dict[str, int]:
        """How many phases each layer selects from, by name, for images of a height and width."""
        height, width = size
        if self.params.stem == "imagenet" and self.stem0 is None:
            height, width = (-(-side // STRIDE) for side in size)
        found = {}
        for name in self.selecting():
            rows = columns = STRIDE
            if self.params.indivisible == "wrap":
                rows, columns = phase_grid(height, width, STRIDE)
            found[name] = rows * columns
            height, width = -(-height // STRIDE), -(-width // STRIDE)
        return found


class _Drawn:
    """The noise of each layer that selects."""

    def __init__(self, noise: Tensor | None, names: list[str], wraps: bool) -> None:
        self.noise, self.wraps = noise, wraps
        self.numbers = {name: number for number, name in enumerate(names)}

    def of(self, name: str, maps: Tensor) -> Tensor | None:
        """What a layer draws for maps of this size."""
        if self.noise is None or name not in self.numbers:
            return None
        rows = columns = STRIDE
        if self.wraps:
            rows, columns = phase_grid(maps.shape[-2], maps.shape[-1], STRIDE)
        return self.noise[:, self.numbers[name], : rows * columns]
