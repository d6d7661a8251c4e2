"""Two groups of wide residual blocks without a stride, and a mean over each quarter of the maps.

Source: the code that Gauthier et al. published with "Parametric Scattering Networks", CVPR 2022,
https://arxiv.org/abs/2107.09539, where these layers stand on scattering coefficients, or on images
as they are; its tables call both a wide residual network. Numbers of parameters are the published
ones, 22,597,232 on the 243 coefficients of CIFAR-10 and 22,320,272 on its three colours. Initial
weights are torch's own, as there.
"""

from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn

from isotrope.layers.batch_norm import BatchNorm2d
from isotrope.settings import Settings


class WideParams(Settings):
    """How wide and how deep the groups are."""

    width: int = Field(8, ge=1, description="channels are 16, 32 and 64 times as many")
    blocks: int = Field(4, ge=1, description="residual blocks of each of the two groups")
    eps: float = Field(
        1e-5, gt=0, description="what the first two norms add to the variances of their input"
    )


class WideNetwork(nn.Module):
    """Two norms, a convolution, two groups of blocks, a mean over each quarter, a linear layer.

    Shapes (k is the width):
        input: ``(batch, channels, height, width)`` of any size
        stem: ``(batch, 16 * k, height, width)``
        group1: ``(batch, 32 * k, height, width)``
        group2: ``(batch, 64 * k, height, width)``
        features: ``(batch, 64 * k * 4)``
        output: ``(batch, classes)`` logits

    Args:
        channels: of the input.
        classes: number of classes.
        params: settings.
    """

    def __init__(self, channels: int, classes: int, params: WideParams) -> None:
        super().__init__()
        k = params.width
        self.norm = BatchNorm2d(channels, eps=params.eps)
        self.stem = nn.Sequential(
            BatchNorm2d(channels, eps=params.eps, affine=False),
            _convolution(channels, 16 * k),
            BatchNorm2d(16 * k),
            nn.ReLU(),
        )
        self.group1 = _group(16 * k, 32 * k, params.blocks)
        self.group2 = _group(32 * k, 64 * k, params.blocks)
        self.features = QuarterPool()
        self.lin = nn.Linear(64 * k * 4, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the images, or of what stands in their place."""
        maps = self.group2(self.group1(self.stem(self.norm(images))))
        logits: Tensor = self.lin(self.features(maps))
        return logits


class WideBlock(nn.Module):
    """Two convolutions with batch norm; the shortcut is added before the last ReLU.

    Shapes:
        input: ``(batch, in_channels, height, width)``
        output: ``(batch, channels, height, width)``
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.conv1 = _convolution(in_channels, channels)
        self.bn1 = BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.conv2 = _convolution(channels, channels)
        self.bn2 = BatchNorm2d(channels)
        self.shortcut: nn.Module = nn.Identity()
        if in_channels != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, bias=False), BatchNorm2d(channels)
            )

    def forward(self, maps: Tensor) -> Tensor:
        """The maps, changed by what the convolutions find in them."""
        found = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(maps)))))
        changed: Tensor = self.relu(found + self.shortcut(maps))
        return changed


class QuarterPool(nn.Module):
    """The mean over each quarter of a map, as `nn.AdaptiveAvgPool2d` has it for 2 x 2 cells.

    The middle row or column of an odd side counts on both sides of it. The gradient has the same
    bits each time, on a GPU, too.

    Shapes:
        input: ``(batch, channels, height, width)``
        output: ``(batch, channels * 4)``, of each channel top left, top right, bottom left, right
    """

    def forward(self, maps: Tensor) -> Tensor:
        """The four means of each channel."""
        height, width = maps.shape[-2:]
        halves = [maps[..., : (height + 1) // 2, :], maps[..., height // 2 :, :]]
        means = [
            columns.mean(dim=(-2, -1))
            for rows in halves
            for columns in (rows[..., : (width + 1) // 2], rows[..., width // 2 :])
        ]
        return torch.stack(means, dim=-1).flatten(1)


def _convolution(in_channels: int, channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)


def _group(in_channels: int, channels: int, blocks: int) -> nn.Sequential:
    widths = [in_channels] + [channels] * blocks
    return nn.Sequential(*(WideBlock(a, b) for a, b in pairwise(widths)))
