"""The residual network of 50 layers, layer by layer and name by name that of torchvision.

The user's file with torchvision's ImageNet weights is where a training begins: ``start_from:
{file: weights/resnet50.pth}``. Images are taken at any size; of 32 x 32 pixels the last maps have
a single one.

Source: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016,
https://arxiv.org/abs/1512.03385; torchvision.models.resnet50, whose stride lies on the 3 x 3
convolution, and whose initial weights these are. ``width`` and ``blocks`` are ours, for trials.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field
from torch import Tensor, nn

from isotrope.errors import UserError
from isotrope.layers.batch_norm import BatchNorm2d
from isotrope.layers.global_average_pool import GlobalAveragePool
from isotrope.settings import Settings

REVISION = 1
PARTS = {"layer1", "layer2", "layer3", "layer4", "features"}
EXAMPLE = {"width": 4, "blocks": [1, 1, 1, 1]}
EXPANSION = 4  # times the width of a block, of its output
_HEAD = ("fc.weight", "fc.bias")
_COUNTED = ".num_batches_tracked"  # which older files do not have
Count = Annotated[int, Field(ge=1)]
Blocks = Annotated[
    tuple[Count, Count, Count, Count],
    BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
]


class Params(Settings):
    """Settings of ``resnet50``."""

    width: int = Field(64, ge=1, description="channels of the first convolution")
    blocks: Blocks = Field((3, 4, 6, 3), description="residual blocks of each stage")


class Bottleneck(nn.Module):
    """Convolutions of 1, 3 and 1 pixels with batch norm; the shortcut comes before the last ReLU.

    Shapes:
        input: ``(batch, in_channels, height, width)``
        output: ``(batch, planes * 4, height / stride, width / stride)``, rounded up
    """

    def __init__(self, in_channels: int, planes: int, stride: int) -> None:
        super().__init__()
        channels = planes * EXPANSION
        self.conv1 = nn.Conv2d(in_channels, planes, 1, bias=False)
        self.bn1 = BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, padding=1, bias=False)
        self.bn2 = BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, channels, 1, bias=False)
        self.bn3 = BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.downsample: nn.Module | None = None
        if stride > 1 or in_channels != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False), BatchNorm2d(channels)
            )

    def forward(self, maps: Tensor) -> Tensor:
        """The maps, changed by what the convolutions find in them."""
        found = self.relu(self.bn1(self.conv1(maps)))
        found = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(found)))))
        changed: Tensor = self.relu(
            found + (maps if self.downsample is None else self.downsample(maps))
        )
        return changed


class ResNet50(nn.Module):
    """A stem, four stages of blocks, a mean over the map, a linear layer.

    Shapes (w is the width; sides are rounded up):
        input: ``(batch, channels, height, width)`` of any size
        layer1: ``(batch, 4 * w, height / 4, width / 4)``
        layer2: ``(batch, 8 * w, height / 8, width / 8)``, and so on
        layer4: ``(batch, 32 * w, height / 32, width / 32)``
        features: ``(batch, 32 * w)``
        output: ``(batch, classes)`` logits

    Args:
        channels: of the images.
        classes: number of classes.
        params: settings.
    """

    def __init__(self, channels: int, classes: int, params: Params) -> None:
        super().__init__()
        width = params.width
        self.conv1 = nn.Conv2d(channels, width, 7, 2, padding=3, bias=False)
        self.bn1 = BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        before, stages = width, []
        for number, count in enumerate(params.blocks):
            planes, blocks = width * 2**number, []
            for place in range(count):
                stride = 2 if place == 0 and number > 0 else 1
                blocks.append(Bottleneck(before, planes, stride))
                before = planes * EXPANSION
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.features = GlobalAveragePool()
        self.fc = nn.Linear(before, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the images."""
        maps = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        maps = self.layer4(self.layer3(self.layer2(self.layer1(maps))))
        logits: Tensor = self.fc(self.features(maps))
        return logits

    def adopt(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Its own weights or torchvision's; a linear layer for other classes stays as drawn.

        Raises:
            UserError: if a layer before it is missing.
        """
        own = self.state_dict()
        found = dict(weights)
        if _HEAD[0] in found and found[_HEAD[0]].shape[0] != own[_HEAD[0]].shape[0]:
            found = {name: value for name, value in found.items() if name not in _HEAD}
        missing = [
            name
            for name in own
            if name not in found and name not in _HEAD and not name.endswith(_COUNTED)
        ]
        if missing:
            raise UserError(f"the weights lack {missing[0]}, and {len(missing)} in all")
        return found


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> ResNet50:
    """The network for images of a shape, which may be of any size."""
    return ResNet50(image_shape[0], classes, params)
