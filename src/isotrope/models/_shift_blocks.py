"""Residual blocks whose branches sample by one layer and one selection.

Source: the residual blocks of He et al., "Deep Residual Learning for Image Recognition", CVPR 2016,
https://arxiv.org/abs/1512.03385, with the stride on the 3 x 3 convolution as torchvision has it,
and the place of the downsampling of Rojas-Gomez et al., "Learnable Polyphase Sampling", NeurIPS
2022, https://arxiv.org/abs/2210.08001: before the last convolution of the first block of a stage.
"""

from torch import Tensor, nn

from isotrope.layers.batch_norm import BatchNorm2d
from isotrope.layers.downsampling import Selection
from isotrope.layers.wrapping import PaddedConv2d
from isotrope.models._shift_settings import STRIDE, TrunkParams, downsampling_of, shortcut_of


def convolution(
    in_channels: int, channels: int, kernel_size: int, params: TrunkParams, stride: int = 1
) -> PaddedConv2d:
    """A convolution without a bias, drawn as published: Kaiming-normal by its outputs."""
    made = PaddedConv2d(
        in_channels,
        channels,
        kernel_size,
        stride=stride,
        bias=False,
        padding_mode=params.padding,
    )
    nn.init.kaiming_normal_(made.weight, mode="fan_out", nonlinearity="relu")
    return made


class Block(nn.Module):
    """Convolutions, and a shortcut around them.

    Shapes:
        input: ``(batch, in_channels, height, width)``
        output: ``(batch, planes * expansion, ...)`` of the same sides, or of half of them

    Args:
        in_channels: of the input.
        planes: width of the inner convolutions.
        params: settings.
        halves: whether maps are halved here.

    Attributes:
        down: what halves the main branch; None where nothing or a stride does.
    """

    expansion = 1

    def __init__(
        self, in_channels: int, planes: int, params: TrunkParams, halves: bool = False
    ) -> None:
        super().__init__()
        out_channels = planes * self.expansion
        sampled = halves and params.downsampling != "strided"
        stride = STRIDE if halves and not sampled else 1
        self._convolutions(in_channels, planes, params, stride)
        self.relu = nn.ReLU()
        self.swapped = params.swap_conv_pool
        self.down = None
        if sampled:
            channels = out_channels if self.swapped else planes
            self.down = downsampling_of(params, channels, params.hidden(planes))
        self.shortcut_down = shortcut_of(params, in_channels) if sampled else None
        self.shortcut = self.shortcut_bn = None
        if halves or in_channels != out_channels:
            self.shortcut = convolution(in_channels, out_channels, 1, params, stride)
            self.shortcut_bn = BatchNorm2d(out_channels)

    def _convolutions(
        self, in_channels: int, planes: int, params: TrunkParams, stride: int
    ) -> None:
        self.conv1 = convolution(in_channels, planes, 3, params, stride)
        self.bn1 = BatchNorm2d(planes)
        self.conv2 = convolution(planes, planes, 3, params)
        self.bn2 = BatchNorm2d(planes)

    def _before_last(self, maps: Tensor) -> Tensor:
        """What the last convolution sees, at full size."""
        found: Tensor = self.relu(self.bn1(self.conv1(maps)))
        return found

    @property
    def _last(self) -> tuple[nn.Module, nn.Module]:
        return self.conv2, self.bn2

    def forward(self, maps: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Selection | None]:
        """The block's output, and what was selected where something was."""
        last, norm = self._last
        found, selection = self._before_last(maps), None
        if self.swapped:
            found = last(found)
        if self.down is not None:
            found, selection = self.down.down(found, noise=noise)
        if not self.swapped:
            found = last(found)
        return self.relu(norm(found) + self._around(maps, selection)), selection

    def _around(self, maps: Tensor, selection: Selection | None) -> Tensor:
        if self.shortcut is None or self.shortcut_bn is None:
            return maps
        if self.shortcut_down is not None:
            maps, _ = self.shortcut_down.down(maps, selection)
        found: Tensor = self.shortcut_bn(self.shortcut(maps))
        return found


class Bottleneck(Block):
    """A block of three convolutions, of which the first makes the maps narrower."""

    expansion = 4

    def _convolutions(
        self, in_channels: int, planes: int, params: TrunkParams, stride: int
    ) -> None:
        self.conv1 = convolution(in_channels, planes, 1, params)
        self.bn1 = BatchNorm2d(planes)
        self.conv2 = convolution(planes, planes, 3, params, stride)
        self.bn2 = BatchNorm2d(planes)
        self.conv3 = convolution(planes, planes * self.expansion, 1, params)
        self.bn3 = BatchNorm2d(planes * self.expansion)

    def _before_last(self, maps: Tensor) -> Tensor:
        inner = self.relu(self.bn1(self.conv1(maps)))
        found: Tensor = self.relu(self.bn2(self.conv2(inner)))
        return found

    @property
    def _last(self) -> tuple[nn.Module, nn.Module]:
        return self.conv3, self.bn3
