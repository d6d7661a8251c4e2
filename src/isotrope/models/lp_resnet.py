"""A residual network whose blocks convolve log-polar samples about each pixel.

Source: the author's code, param-files and result files of "Deep Log-Polar Networks", there called
LP-ResNet. A block samples its input once, about every pixel; its two convolutions run over radii
and angles, and the largest response at each pixel is its output. Numbers of parameters are the
published ones, 270,666 of depth 20 and 465,994 of depth 32.

Published as well: between stages maps do not shrink by strides, but 8 pixels along each edge are
cut off where the next stage begins. A cut that would leave nothing is left out, so that of 32 x 32
pixels the third stage sees 16 x 16 as the second does. Depth 8 is ours, for tests and trials.

Known differences: what is drawn at the beginning follows from torch's seed in another order.
With ``border: background`` maps go on with what the layers before answer to a black image, and not
with zeros; dropout leaves it alone. ``blur_pool`` is ours.
"""

from typing import Any, Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.layers.batch_norm import BatchNorm2d
from isotrope.layers.centre_samples import CentreSamples
from isotrope.layers.channel_moments import along_channels, normalised
from isotrope.layers.cylinder_convolution import CylinderConv2d
from isotrope.layers.global_max_pool import GlobalAveragePool, GlobalMaxPool
from isotrope.layers.log_polar_bank import bank
from isotrope.layers.per_centre import Stage, per_centre
from isotrope.models._activations import Activation, activation
from isotrope.models._log_polar_settings import LogPolarParams, bank_settings
from isotrope.models._outside import Outside, blurred_half, of_images
from isotrope.models._published_weights import drawn_linear

REVISION = 1
PARTS = {"stage1", "stage2", "stage3", "features"}
EXAMPLE = {  # without dropout, whose zeros are drawn where no engine keys them
    "depth": 8,
    "ntau": 5,
    "num_angles": 4,
    "tau_max": 6.0,
    "dropout": 0.0,
    "border": "background",
}
PLANES = (16, 32, 64)
KERNEL_SIZE = 3


class Params(LogPolarParams):
    """Settings of ``lp_resnet``."""

    depth: Literal[8, 20, 32, 44, 56] = Field(
        20, description="layers with weights, three stages of (depth - 2) / 6 blocks"
    )
    downsampling: Literal["trim", "blur_pool"] = Field(
        "trim",
        description="what the first blocks of stages 2 and 3 do. trim: cut off edges, as "
        "published; blur_pool: smooth by (1 2 1) / 4 and take every second pixel",
    )
    trim: int = Field(8, ge=0, description="pixels that trim cuts off along each edge")
    block_pooling: Literal["max", "average"] = Field(
        "max", description="what a block keeps of its responses over radii and angles"
    )
    pooling: Literal["max", "average"] = Field(
        "max", description="what is kept over all positions before the linear layer"
    )
    batch_norm: bool = Field(True, description="false: no batch normalisation")
    dropout: float = Field(0.2, ge=0, lt=1, description="share of a block's outputs set to zero")
    act: Activation = Field("relu", description="activation")


class Block(nn.Module):
    """Samples, convolution, normalisation, activation, convolution, maximum; and the shortcut.

    Shapes:
        input: ``(batch, in_channels, height, width)``
        output: ``(batch, channels, ...)``, of the input's sides or of those that are left of them

    Args:
        in_channels, channels: of input and output.
        params: settings.
        settled: settings with those that were left out.
        first: whether maps shrink here.
        blocks: how many there are in the network.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        params: Params,
        settled: dict[str, Any],
        first: bool,
        blocks: int,
    ) -> None:
        super().__init__()
        self.bank = bank(**bank_settings(settled))
        self.halves = first and params.downsampling == "blur_pool"
        self.trim = params.trim if first and params.downsampling == "trim" else 0
        self.blocks = blocks
        self.average = params.block_pooling == "average"
        angles, normalise = self.bank.grid.num_angles, params.batch_norm
        self.conv1 = CylinderConv2d(in_channels, channels, KERNEL_SIZE, angles, weight_norm=True)
        self.conv2 = CylinderConv2d(channels, channels, KERNEL_SIZE, angles, weight_norm=True)
        self.norm1 = BatchNorm2d(channels) if normalise else None
        self.norm2 = BatchNorm2d(channels) if normalise else None
        self.act = activation(params.act)
        self.dropout = nn.Dropout(params.dropout)
        rows = self.bank.grid.rows
        of_samples = in_channels * rows * (angles + KERNEL_SIZE - 1)
        self.numbers = of_samples + 4 * channels * (rows - KERNEL_SIZE + 1) * angles

    def forward(self, maps: Tensor, outside: Outside) -> tuple[Tensor, Outside]:
        """The block's output, and what lies outside of it."""
        if self.halves:
            maps = blurred_half(maps, outside)
        samples = CentreSamples(
            self.bank, (maps.shape[-2], maps.shape[-1]), trim=self.trim, repeated=KERNEL_SIZE - 1
        )
        found, beyond = per_centre(
            maps,
            samples,
            [
                Stage(self.conv1.apply_to, (self.conv1.kernels, self.conv1.bias), self.norm1),
                Stage(self._largest, (self.conv2.kernels, self.conv2.bias)),
            ],
            self.numbers,
            background=outside,
            layers=self.blocks,
        )
        own = None if outside is None else beyond
        if self.norm2 is not None:
            found, affine = normalised(self.norm2, found, own is not None)
            own = None if affine is None or own is None else along_channels(own, *affine)
        shortcut = self._shortcut(maps, samples)
        output = self.dropout(self.act(found + shortcut))
        if own is None or outside is None:
            return output, None
        return output, self.act(own + self._widened(outside))

    def _largest(self, responses: Tensor, kernels: Tensor, bias: Tensor) -> Tensor:
        found = self.conv2.apply_to(self.act(responses), kernels, bias)
        return found.mean(dim=(2, 3)) if self.average else found.flatten(2).max(dim=-1).values

    def _shortcut(self, maps: Tensor, samples: CentreSamples) -> Tensor:
        top, left = samples.starts
        return self._widened(maps[..., top : top + samples.rows, left : left + samples.columns])

    def _widened(self, maps: Tensor) -> Tensor:
        """Zero channels on both sides where there are to be more of them."""
        missing = len(self.conv1.bias) - maps.shape[1]
        around = (0, 0) * (maps.ndim - 2)
        return F.pad(maps, (*around, missing // 2, missing - missing // 2)) if missing else maps


class LPResNet(nn.Module):
    """Convolution of single pixels, three stages of blocks, maximum over all positions, linear.

    Shapes:
        input: ``(batch, channels, height, width)``
        stage1, stage2, stage3: ``(batch, 16 | 32 | 64, ...)``
        features: ``(batch, 64)``
        output: ``(batch, classes)`` logits

    Attributes:
        takes_background: whether it is to be told what a black image is behind the normalisation.
    """

    def __init__(self, channels: int, classes: int, params: Params) -> None:
        super().__init__()
        settled, count = params.settled({}), (params.depth - 2) // 6
        rows, least = settled["ntau"] + settled["include_center"], 2 * KERNEL_SIZE - 1
        if rows < least:
            raise ValueError(f"need {least} radii for two kernels of {KERNEL_SIZE}, got {rows}")
        self.takes_background = params.border == "background"
        self.conv = nn.Conv2d(channels, PLANES[0], 1)
        nn.init.kaiming_normal_(self.conv.weight)
        self.act = activation(params.act)
        before, self.blocks = PLANES[0], nn.ModuleList()
        for planes in PLANES:
            for number in range(count):
                first = number == 0 and planes > PLANES[0]
                self.blocks.append(Block(before, planes, params, settled, first, 3 * count))
                before = planes
        self.stage1, self.stage2, self.stage3 = (nn.Identity() for _ in PLANES)
        self.features = GlobalMaxPool() if params.pooling == "max" else GlobalAveragePool()
        self.lin = drawn_linear(PLANES[-1], classes)

    def forward(self, images: Tensor, *, background: Tensor | None = None) -> Tensor:
        """Logits of the images.

        Args:
            images: ``(batch, channels, height, width)``
            background: what a black image is behind the normalisation; 0 if there is none.
        """
        outside = of_images(images, background, self.takes_background)
        maps = self.act(self.conv(images))
        if outside is not None:
            outside = self.act(F.linear(outside, self.conv.weight.flatten(1), self.conv.bias))
        stages = (self.stage1, self.stage2, self.stage3)
        for number, block in enumerate(self.blocks, 1):
            maps, outside = block(maps, outside)
            stage, left = divmod(number * len(stages), len(self.blocks))
            if left == 0:
                maps = stages[stage - 1](maps)
        logits: Tensor = self.lin(self.features(maps))
        return logits


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> LPResNet:
    """The network for images of a shape, which may be of any size.

    Raises:
        ValueError: if two kernels do not fit the radii, or radii are out of order.
    """
    return LPResNet(image_shape[0], classes, params)
