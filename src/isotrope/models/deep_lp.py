"""Log-polar convolutions one after the other, each with its maximum over scales and turns.

Source: the author's code, param-files and result files of "Deep Log-Polar Networks", there called
DeepLP. Numbers of parameters are the published ones: 81,354 of ``standard`` for grey images of 10
classes, 4,724,522 of ``local``, the network for CIFAR-10.

Known differences: what is drawn at the beginning follows from torch's seed in another order. Of
``local`` the published files tell channels, kernels, radii, angles, stride and pooling; that all
layers have the stride, and that its filters are those of the other Gaussian runs (``sith_v2``,
sharpness 35), is inferred. With ``border: background`` maps go on with what the layers before
answer to a black image, and not with zeros; dropout leaves it alone.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from isotrope.layers.batch_norm import BatchNorm2d
from isotrope.layers.channel_moments import along_channels, normalised
from isotrope.layers.log_polar_convolution import LPConv
from isotrope.models._activations import Activation, activation
from isotrope.models._fit import refuse_smaller
from isotrope.models._log_polar_settings import LogPolarParams, bank_settings
from isotrope.models._outside import Outside, centred, of_images
from isotrope.models._positions import Output, PositionPool, draw_places
from isotrope.models._published_weights import drawn_linear
from isotrope.settings import Settings

REVISION = 1
PARTS = {"layer1", "layer2", "layer3", "features"}
EXAMPLE = {  # without dropout, whose zeros are drawn where no engine keys them
    "channels": [6, 5, 4],
    "kernel_sizes": [3, 3, 3],
    "widths": [4, 4],
    "ntau": 5,
    "num_angles": 4,
    "tau_max": 6.0,
    "topk": 4,
    "dropout": 0.0,
    "border": "background",
}
Count = Annotated[int, Field(ge=1)]
Sides = Annotated[list[int], Field(min_length=2, max_length=2)]
SIZES: dict[str, dict[str, Any]] = {
    "standard": {
        "channels": [32, 32, 32],
        "kernel_sizes": [7, 5, 5],
        "widths": [32, 32],
        "topk": 12,
    },
    "large": {"channels": [32, 64, 64], "kernel_sizes": [7, 5, 5], "widths": [32, 32], "topk": 12},
    "local": {
        "channels": [32, 64, 128, 256, 512],
        "kernel_sizes": [5, 5, 5, 5, 5],
        "widths": [32, 64, 128, 256],
        "topk": 0,
        "theta_pooling": 2,
        "stride": 2,
        "bank": "sith_v2",
        "filter_window": "gaussian",
        "filter_k": 35,
        "tau_max": 8.0,
        "ntau": 8,
        "num_angles": 8,
    },
}


class LayerChange(Settings):
    """What one layer has otherwise than the settings of all layers say."""

    tau_min: float | None = Field(None, gt=0, description="smallest radius, in pixels")
    tau_max: float | None = Field(None, gt=0, description="largest radius, in pixels")
    ntau: int | None = Field(None, ge=2, description="number of radii")
    num_angles: int | None = Field(None, ge=1, description="number of angles")
    topk: int | None = Field(None, ge=0, description="angles that remain")
    tau_pooling: int | None = Field(None, ge=1, description="radii in a window")
    theta_pooling: int | None = Field(None, ge=1, description="angles in a window")
    relative_encoding: bool | None = Field(None, description="whether maxima tell where they are")
    trim: int | None = Field(None, ge=0, description="pixels along each edge that are no centres")
    stride: int | None = Field(None, ge=1, description="pixels from one centre to the next")

    def on(self, settled: dict[str, Any]) -> dict[str, Any]:
        """The settings of the layer: those of all with what this one changes."""
        own = {name: value for name, value in self.model_dump().items() if value is not None}
        return {**settled, **own}


class Params(LogPolarParams):
    """Settings of ``deep_lp``. Those left out are as published for the size."""

    size: Literal["standard", "large", "local"] = Field(
        "standard",
        description="the published network: standard (also called md), large (lg), or local, that "
        "of CIFAR-10",
    )
    channels: list[Count] | None = Field(
        None, min_length=1, description="kernels of each log-polar convolution"
    )
    kernel_sizes: list[int | Sides] | None = Field(
        None,
        min_length=1,
        description="their sides, in radii and angles; [radii, angles] if unlike",
    )
    widths: list[Count] | None = Field(
        None, description="outputs of the linear layer behind each of them but the last"
    )
    topk: int | None = Field(
        None,
        ge=0,
        description="angles that remain, the largest responses of each row turned to the first; "
        "0 for the maxima of windows",
    )
    align: Literal["row", "joint"] = Field(
        "row", description="whether each row is turned by its own largest response, or all alike"
    )
    tau_pooling: int | None = Field(None, ge=1, description="radii in a window; all, if left out")
    theta_pooling: int | None = Field(
        None, ge=1, description="angles in a window, with topk 0; all, if left out"
    )
    pooling: Literal["max", "average"] = Field("max", description="what is kept of a window")
    relative_encoding: bool = Field(
        False,
        description="true: each maximum is followed by its scale and direction relative to the "
        "others'; an experiment",
    )
    trim: int = Field(0, ge=0, description="pixels along each edge that are no centres, per layer")
    stride: int | None = Field(None, ge=1, description="pixels from one centre to the next")
    layers: list[LayerChange] | None = Field(
        None,
        description="for each layer what it has otherwise, as in [{tau_max: 8}, {trim: 2}, {}]",
    )
    batch_norm: bool = Field(False, description="true: batch normalisation behind activations")
    dropout: float = Field(0.2, ge=0, lt=1, description="share of outputs set to zero")
    act: Activation = Field("relu", description="activation")
    output: Output = Field(
        "max",
        description="what is kept over all positions: max, average, center, or random (in "
        "training; the centre in tests)",
    )


class Layer(nn.Module):
    """Log-polar convolution, activation, batch normalisation if there is any, dropout.

    Shapes:
        input: ``(batch, in_channels, height, width)``
        output: ``(batch, features, rows, columns)``
    """

    def __init__(self, convolution: LPConv, params: Params, relative: bool) -> None:
        super().__init__()
        self.convolution = convolution
        self.act = activation(params.act)
        of_each = 4 if relative else 1
        self.norm = BatchNorm2d(of_each * convolution.out_channels) if params.batch_norm else None
        self.dropout = nn.Dropout(params.dropout)

    def forward(self, maps: Tensor, outside: Outside) -> tuple[Tensor, Outside]:
        """The layer's output, and what it is of a canvas of what lies outside."""
        found = self.convolution.pooled(centred(maps, outside))
        around = None
        if outside is not None:
            around = outside @ self.convolution.weight.to(outside.dtype).sum(dim=(2, 3)).mT
            found = found + around[..., None, None, None, None]
            around = self.act(around)
        found = self.act(found)
        if self.norm is not None:
            found, affine = normalised(self.norm, found, around is not None)
            around = None if affine is None or around is None else along_channels(around, *affine)
        found = self.dropout(found).flatten(1, 3)
        if around is None:
            return found, None
        return found, around.repeat_interleave(self.convolution.kept.slots, dim=1)


class DeepLP(nn.Module):
    """Layers with a linear layer at each pixel between them, maximum over positions, linear.

    Shapes:
        input: ``(batch, channels, height, width)``
        layer1: ``(batch, ...)``, the output of the first layer, with a position for each centre;
            layer2 and so on likewise, up to layer3 at least: what follows the last layer is as it
        features: ``(batch, features)``
        output: ``(batch, classes)`` logits

    Attributes:
        takes_background: whether it is to be told what a black image is behind the normalisation.

    Raises:
        ValueError: if lists of settings are not equally long, or kernels do not fit the samples.
    """

    def __init__(self, channels: int, classes: int, params: Params) -> None:
        super().__init__()
        settled = params.settled(SIZES[params.size])
        kernels, sides, widths = (settled[name] for name in ("channels", "kernel_sizes", "widths"))
        if not len(kernels) == len(sides) == len(widths) + 1:
            raise ValueError(
                "need as many kernel_sizes as channels and one width less, got "
                f"{len(kernels)} channels, {len(sides)} kernel_sizes and {len(widths)} widths"
            )
        changes = params.layers or [LayerChange() for _ in kernels]
        if len(changes) != len(kernels):
            raise ValueError(f"layers tells of {len(changes)} layers, and there are {len(kernels)}")
        own = [change.on(settled) for change in changes]
        self.takes_background = params.border == "background"
        self.trims: list[int] = [one["trim"] for one in own]
        self.strides: list[int] = [one.get("stride", 1) for one in own]
        convolutions = [
            _convolution(*each)
            for each in zip([channels, *widths], kernels, sides, own, strict=True)
        ]
        relative = [bool(one["relative_encoding"]) for one in own]
        self.layers = nn.ModuleList(
            Layer(convolution, params, its)
            for convolution, its in zip(convolutions, relative, strict=True)
        )
        if self.takes_background and any(relative):
            raise ValueError("border: background does not go with relative_encoding")
        if self.takes_background and not all(one.bank.normalised for one in convolutions):
            raise ValueError(
                "border: background needs filters that sum to one; use another bank, or "
                "filter_normalise: true"
            )
        self.linears = nn.ModuleList(
            drawn_linear(convolution.features, width)
            for convolution, width in zip(convolutions, widths, strict=False)
        )
        self.marks = [f"layer{number}" for number in range(1, max(3, len(self.layers)) + 1)]
        for mark in self.marks:
            self.add_module(mark, nn.Identity())
        self.features = PositionPool(params.output)
        self.lin = drawn_linear(convolutions[-1].features, classes)

    def forward(
        self, images: Tensor, noise: Tensor | None = None, *, background: Tensor | None = None
    ) -> Tensor:
        """Logits of the images.

        Args:
            images: ``(batch, channels, height, width)``
            noise: what `draw_places` drew, for ``output: random``.
            background: what a black image is behind the normalisation; 0 if there is none.
        """
        outside = of_images(images, background, self.takes_background)
        maps = images
        for number, layer in enumerate(self.layers):
            maps, outside = layer(maps, outside)
            maps = self.get_submodule(self.marks[number])(maps)
            if number < len(self.linears):
                linear = self.linears[number]
                maps = linear(maps.movedim(1, -1)).movedim(-1, 1)
                outside = None if outside is None else linear(outside)
        for mark in self.marks[len(self.layers) :]:
            maps = self.get_submodule(mark)(maps)
        logits: Tensor = self.lin(self.features(maps, noise))
        return logits


class RandomDeepLP(DeepLP):
    """One that is trained at a random position of each image."""

    def draw(self, generator: torch.Generator, count: int) -> Tensor:
        """The positions."""
        return draw_places(generator, count)


def _convolution(
    before: int, after: int, side: int | Sequence[int], settled: dict[str, Any]
) -> LPConv:
    bank = bank_settings(settled)
    grid = bank.pop("grid")
    return LPConv(
        before,
        after,
        side if isinstance(side, int) else (side[0], side[1]),
        ntau=grid.ntau,
        num_angles=grid.num_angles,
        tau_min=grid.tau_min,
        tau_max=grid.tau_max,
        include_center=grid.include_center,
        topk=settled["topk"] or None,
        align=settled["align"],
        tau_pooling=settled.get("tau_pooling"),
        theta_pooling=settled.get("theta_pooling"),
        pooling="avg" if settled["pooling"] == "average" else "max",
        relative_encoding=settled["relative_encoding"],
        spatial_trim=settled["trim"],
        stride=settled.get("stride", 1),
        **bank,
    )


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> DeepLP:
    """The network for images of a shape.

    Raises:
        ValueError: if trimming leaves nothing of the images, or settings do not fit each other.
    """
    kind = RandomDeepLP if params.output == "random" else DeepLP
    network = kind(image_shape[0], classes, params)
    least = 1
    for stride, trim in zip(reversed(network.strides), reversed(network.trims), strict=True):
        least = (least - 1) * stride + 1 + 2 * trim
    trims = ", ".join(map(str, network.trims))
    refuse_smaller(image_shape, least, f"layers that trim {trims} pixels")
    return network
