"""One log-polar map about each pixel, and the same small network on all of them.

Source: the author's code, param-files and result files of "Deep Log-Polar Networks", there called
SingleLP. What the network answers at each centre goes through a maximum over all positions. Size 1
has the published 38,378 parameters for grey images of 10 classes, with batch normalisation.

Known differences: centres may lie ``stride`` pixels apart, and with ``output: center`` only the
one that counts is computed. With ``border: background`` what lies outside of the image is a black
image and not zero.
"""

from itertools import pairwise
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.layers.batch_norm import BatchNorm2d
from isotrope.layers.centre_samples import CentreSamples
from isotrope.layers.cylinder_convolution import CylinderConv2d
from isotrope.layers.log_polar_bank import Grid, bank
from isotrope.layers.per_centre import Stage, per_centre
from isotrope.models._activations import Activation, activation
from isotrope.models._log_polar_settings import LogPolarParams, bank_settings
from isotrope.models._outside import of_images
from isotrope.models._positions import Output, PositionPool, draw_places
from isotrope.models._published_weights import drawn_linear

REVISION = 1
PARTS = {"layer1", "features"}
EXAMPLE = {  # without dropout, whose zeros are drawn where no engine keys them
    "channels": [6, 5, 4],
    "filter_sizes": [3, 2, 2],
    "ntau": 6,
    "num_angles": 4,
    "tau_max": 6.0,
    "stride": 2,
    "dropout": 0.0,
    "border": "background",
}
Count = Annotated[int, Field(ge=1)]
SIZES: dict[int, dict[str, Any]] = {
    1: {"channels": [32, 64, 32], "filter_sizes": [5, 3, 3]},
    2: {"channels": [32, 64, 128], "filter_sizes": [7, 5, 3]},
}


class Params(LogPolarParams):
    """Settings of ``single_lp``. Those left out are as published."""

    size: Literal[1, 2] = Field(1, description="the published network: 1 or 2")
    channels: list[Count] | None = Field(
        None, min_length=1, description="of each convolution; those of the size, if left out"
    )
    filter_sizes: list[Count] | None = Field(
        None,
        min_length=1,
        description="side of each convolution's kernels, in radii and angles; those of the size, "
        "if left out",
    )
    stride: int = Field(1, ge=1, description="pixels from one centre to the next")
    trim: int = Field(0, ge=0, description="pixels along each edge that are no centres")
    batch_norm: bool = Field(True, description="false: no batch normalisation")
    dropout: float = Field(0.2, ge=0, lt=1, description="share of outputs set to zero")
    act: Activation = Field("relu", description="activation")
    pooling: Literal["max", "average"] = Field(
        "max", description="what is kept of a centre's responses over radii and angles"
    )
    pool_out_size: tuple[Count, Count] = Field(
        (1, 1), strict=False, description="radii and angles that remain of them"
    )
    output: Output = Field(
        "max",
        description="what is kept over all positions: max, average, center, or random (in "
        "training; the centre in tests)",
    )


class SingleLP(nn.Module):
    """Log-polar samples, convolutions at each centre, maximum over all positions, linear.

    Shapes:
        input: ``(batch, channels, height, width)``
        layer1: ``(batch, features, rows, columns)``, a position for each centre
        features: ``(batch, features)``
        output: ``(batch, classes)`` logits

    Attributes:
        takes_background: whether it is to be told what a black image is behind the normalisation.

    Raises:
        ValueError: if there are not as many channels as filter sizes, or the filters do not fit the
            radii.
    """

    def __init__(self, in_channels: int, classes: int, params: Params) -> None:
        super().__init__()
        settled = params.settled(SIZES[params.size])
        channels, sizes = settled["channels"], settled["filter_sizes"]
        self.bank = bank(**bank_settings(settled))
        _refuse_others(channels, sizes, self.bank.grid, params.pool_out_size)
        self.takes_background = params.border == "background"
        self.only_centre = params.output == "center"
        self.stride, self.trim, self.repeated = params.stride, params.trim, sizes[0] - 1
        angles = self.bank.grid.num_angles
        widths = [in_channels, *channels]
        self.convolutions = nn.ModuleList(
            CylinderConv2d(before, after, size, angles)
            for (before, after), size in zip(pairwise(widths), sizes, strict=True)
        )
        self.norms = nn.ModuleList(BatchNorm2d(width) for width in channels if params.batch_norm)
        self.dropouts = nn.ModuleList(nn.Dropout(params.dropout) for _ in channels)
        self.act = activation(params.act)
        self.average = params.pooling == "average"
        self.kept = params.pool_out_size
        self.layer1 = nn.Identity()
        self.features = PositionPool(params.output)
        self.lin = drawn_linear(channels[-1] * self.kept[0] * self.kept[1], classes)
        rows, numbers = self.bank.grid.rows, in_channels * self.bank.grid.rows * angles
        for width, size in zip(channels, sizes, strict=True):
            rows -= size - 1
            numbers += 4 * width * rows * angles
        self.numbers = numbers

    def forward(
        self, images: Tensor, noise: Tensor | None = None, *, background: Tensor | None = None
    ) -> Tensor:
        """Logits of the images.

        Args:
            images: ``(batch, channels, height, width)``
            noise: what `draw_places` drew, for ``output: random``.
            background: what a black image is behind the normalisation; 0 if there is none.
        """
        every: list[Any] = [self.convolutions, self.norms or [None] * len(self.dropouts)]
        stages = [
            Stage(self._layer(convolution), (convolution.kernels, convolution.bias), norm, dropout)
            for convolution, norm, dropout in zip(*every, self.dropouts, strict=True)
        ]
        height, width = images.shape[-2:]
        samples = CentreSamples(
            self.bank,
            (height, width),
            stride=max(height, width) if self.only_centre else self.stride,
            trim=self.trim,
            repeated=self.repeated,
        )
        outside = of_images(images, background, self.takes_background)
        found = per_centre(
            images, samples, [*stages, Stage(self._pooled)], self.numbers, background=outside
        )
        logits: Tensor = self.lin(self.features(self.layer1(found.maps), noise))
        return logits

    def _layer(self, convolution: CylinderConv2d) -> Any:
        def compute(values: Tensor, kernels: Tensor, bias: Tensor) -> Tensor:
            found: Tensor = self.act(convolution.apply_to(values, kernels, bias))
            return found

        return compute

    def _pooled(self, values: Tensor) -> Tensor:
        if self.kept == (1, 1):
            flat = values.flatten(2)
            return flat.mean(dim=-1) if self.average else flat.max(dim=-1).values
        pool = F.adaptive_avg_pool2d if self.average else F.adaptive_max_pool2d
        return pool(values, self.kept).flatten(1)


class RandomSingleLP(SingleLP):
    """One that is trained at a random position of each image."""

    def draw(self, generator: torch.Generator, count: int) -> Tensor:
        """The positions."""
        return draw_places(generator, count)


def _refuse_others(
    channels: list[int], sizes: list[int], grid: Grid, kept: tuple[int, int]
) -> None:
    if len(channels) != len(sizes):
        raise ValueError(
            f"need a filter size for each of {len(channels)} numbers of channels, got {len(sizes)}"
        )
    left = grid.rows - sum(size - 1 for size in sizes)
    if left < 1:
        raise ValueError(
            f"filters of {sizes} radii do not fit {grid.rows} radii, one after the other"
        )
    if kept[0] > left or kept[1] > grid.num_angles:
        raise ValueError(
            f"pool_out_size asks for {kept[0]} radii and {kept[1]} angles, and filters leave "
            f"{left} and {grid.num_angles}"
        )


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> SingleLP:
    """The network for images of a shape, which may be of any size.

    Raises:
        ValueError: if the filters do not fit the radii, or radii are out of order.
    """
    kind = RandomSingleLP if params.output == "random" else SingleLP
    return kind(image_shape[0], classes, params)
