"""A wide residual network: blocks that normalise and rectify before their convolutions.

Source: Zagoruyko and Komodakis, "Wide Residual Networks", BMVC 2016,
https://arxiv.org/abs/1605.07146, with the settings (depth 16, width 8, dropout 0.3) with which the
code published with "Parametric Scattering Networks", CVPR 2022, https://arxiv.org/abs/2107.09539,
counts its costs: 10,961,370 parameters for ten classes of CIFAR-10.

Known differences: what is drawn at the beginning follows from torch's seed in another order.
"""

from typing import Any

from pydantic import Field, field_validator
from torch import Tensor, nn

from isotrope.layers.batch_norm import BatchNorm2d
from isotrope.layers.global_average_pool import GlobalAveragePool
from isotrope.settings import Settings

REVISION = 1
PARTS = {"stage1", "stage2", "stage3", "features"}
EXAMPLE = {  # without dropout, whose zeros are drawn where no engine keys them
    "depth": 10,
    "width": 1,
    "dropout": 0.0,
}
PLANES = (16, 32, 64)


class Params(Settings):
    """Settings of ``wide_resnet``."""

    depth: int = Field(
        16, ge=10, description="layers with weights: 4 and 6 for each block of a stage"
    )
    width: int = Field(8, ge=1, description="the stages have 16, 32 and 64 times as many channels")
    dropout: float = Field(
        0.3, ge=0, lt=1, description="share of zeros between the convolutions of a block"
    )

    @field_validator("depth")
    @classmethod
    def _has_whole_blocks(cls, depth: int) -> int:
        if (depth - 4) % 6:
            near = depth - (depth - 4) % 6
            raise ValueError(f"must be 4 more than a multiple of 6, as in {near} or {near + 6}")
        return depth


class PreActivationBlock(nn.Module):
    """Norm, ReLU, convolution, norm, ReLU, dropout, convolution; and the shortcut.

    Where channels or sides change, the shortcut is a convolution of single pixels behind the first
    norm and ReLU.

    Shapes:
        input: ``(batch, in_channels, height, width)``
        output: ``(batch, channels, height / stride, width / stride)``, rounded up
    """

    def __init__(self, in_channels: int, channels: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.bn1 = BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn2 = BatchNorm2d(channels)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.relu = nn.ReLU()
        self.shortcut: nn.Module | None = None
        if in_channels != channels or stride > 1:
            self.shortcut = nn.Conv2d(in_channels, channels, 1, stride, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """The maps, changed by what the convolutions find in them."""
        active = self.relu(self.bn1(maps))
        found = self.conv2(self.dropout(self.relu(self.bn2(self.conv1(active)))))
        changed: Tensor = found + (maps if self.shortcut is None else self.shortcut(active))
        return changed


class WideResNet(nn.Module):
    """A convolution, three stages of blocks, norm and ReLU, a mean over the map, a linear layer.

    Shapes (k is the width):
        input: ``(batch, channels, height, width)`` of any size
        stage1: ``(batch, 16 * k, height, width)``
        stage2: ``(batch, 32 * k, height / 2, width / 2)``, sides rounded up
        stage3: ``(batch, 64 * k, height / 4, width / 4)``, likewise
        features: ``(batch, 64 * k)``
        output: ``(batch, classes)`` logits

    Args:
        channels: of the images.
        classes: number of classes.
        params: settings.
    """

    def __init__(self, channels: int, classes: int, params: Params) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, PLANES[0], 3, padding=1, bias=False)
        before, stages = PLANES[0], []
        for planes in PLANES:
            blocks: list[nn.Module] = []
            for number in range((params.depth - 4) // 6):
                stride = 2 if number == 0 and planes > PLANES[0] else 1
                blocks.append(
                    PreActivationBlock(before, planes * params.width, stride, params.dropout)
                )
                before = planes * params.width
            stages.append(nn.Sequential(*blocks))
        self.stage1, self.stage2, self.stage3 = stages
        self.bn = BatchNorm2d(before)
        self.relu = nn.ReLU()
        self.features = GlobalAveragePool()
        self.lin = nn.Linear(before, classes)
        self.apply(_draw)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the images."""
        maps = self.stage3(self.stage2(self.stage1(self.conv(images))))
        logits: Tensor = self.lin(self.features(self.relu(self.bn(maps))))
        return logits


def _draw(module: Any) -> None:
    """The initial weights: convolutions by their outgoing numbers, no bias in the linear layer."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> WideResNet:
    """The network for images of a shape, which may be of any size."""
    return WideResNet(image_shape[0], classes, params)
