"""Polar transformer network: it predicts a place in the image, and classifies the map around it.

A small fully convolutional network draws a heat map, whose centroid is the origin of a log-polar
map; a convolutional network on the cylinder of that map classifies it. A shift of the object moves
the origin, a turn rolls the map, a scaling moves it along the radii.

Source: Esteves, Allen-Blanchette, Zhou and Daniilidis, "Polar Transformer Networks", ICLR 2018,
https://arxiv.org/abs/1709.01889, and the code that the authors published with it.

* From that code: widths and strides of both sizes (``small`` is PTN-S, ``base`` is PTN-B) for
  images of 28, 42 and 96 pixels, those of the origin predictor, its first weights (a constant heat
  map, so that the first origins are the centre), the radii and their remapping, as many radii and
  angles as the image has pixels a side, the last convolution with an output for each class and the
  mean of its maps, zeros beyond the radii. With the 380 biases before batch norms, which change no
  answer and are left out here, ``base`` has the 131,959 weights of the authors' sample run; the
  paper says 129k. Sizes for images of other sides are those of the next larger of the three.
* From memory, not verified: that the paper trains SIM2MNIST with the same origin predictor.
* Departures: the weights of the heat map are positive (``origin_weighting: linear`` takes it as it
  is, as published: its sum can come near zero); the angles do not repeat the first one at their end
  (``angle_end: included`` does); they run counter-clockwise; positions are those of pixels' centres
  where the published ones are half a pixel off; outside the image lies ``border``, where the
  published code repeats edge pixels with weights that go wrong; all channels are mapped, not the
  first alone; the initial weights of other layers are those of torch; the origin is not shifted at
  random in training unless ``origin_shift`` says so (published: 2 pixels at 28).
"""

from functools import partial
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from isotrope.layers.cylindrical_padding import CylindricalPadding
from isotrope.layers.heat_map_centroid import HeatMapCentroid, Weighting
from isotrope.layers.sampling_around import sampled_around
from isotrope.models._fit import refuse_smaller
from isotrope.models._mean_convolution import MeanConvolution, MeansUnderRows
from isotrope.models._polar_rings import AngleEnd, RadiusMap, polar_offsets
from isotrope.models._stages import Width, block
from isotrope.settings import List, Settings

REVISION = 1
PARTS = {"features"}  # those before are maps around an origin that moves

_REACH = 0.7071  # largest radius, in widths of the image
_SIZES = {  # by size and side of the image in pixels: channels and strides
    "small": {
        28: ((20,) * 6, (1, 2, 1, 1, 1, 1)),
        42: ((20,) * 7, (2, 1, 2, 1, 1, 1, 1)),
        96: ((20,) * 8, (2, 2, 1, 2, 1, 1, 1, 1)),
    },
    "base": {
        28: ((16, 16, 32, 32, 32, 64, 64, 64), (1, 1, 2, 1, 1, 2, 1, 1)),
        42: ((16, 16, 16, 16, 32, 32, 32, 64, 64, 64), (1, 2, 1, 1, 2, 1, 1, 2, 1, 1)),
        96: ((16, 16, 16, 16, 32, 32, 32, 64, 64, 64), (2, 2, 1, 1, 2, 1, 1, 2, 1, 1)),
    },
}


class Params(Settings):
    """Settings of ``ptn``."""

    size: Literal["small", "base"] = Field("base", description="PTN-S or PTN-B of the paper")
    channels: List[Width] | None = Field(
        None, description="of each convolution of the classifier; left out, those of the size"
    )
    strides: List[Width] | None = Field(
        None, description="of each of these; left out, those of the size"
    )
    origin_channels: List[Width] = Field(
        (20, 20, 20), description="of each convolution of the origin predictor"
    )
    origin_strides: List[Width] = Field((2, 1, 1), description="of each of these")
    origin_weighting: Weighting = Field(
        "softplus", description="what a value of the heat map weighs: its softplus, or itself"
    )
    origin_shift: float = Field(
        0.0,
        ge=0,
        description="in training origins move by up to so many pixels along each axis, at random",
    )
    radii: int | None = Field(None, ge=2, description="left out: as many as an image has rows")
    angles: int | None = Field(None, ge=4, description="left out: as many as an image has rows")
    r_max: float | None = Field(
        None, gt=1, description="largest radius in pixels; left out: 0.7071 widths of the image"
    )
    radius_map: RadiusMap = Field(
        "remapped",
        description="remapped: geometric radii stretched to begin at 0, as published; geometric: "
        "from 1 pixel, so that a scaling is a shift",
    )
    angle_end: AngleEnd = Field(
        "excluded", description="whether the last angle is the first again, as published"
    )
    border: float = Field(0.0, description="what lies outside the image, as the network sees it")


class Ptn(nn.Module):
    """Origin predictor, polar map, convolutions on its cylinder.

    Shapes:
        input: ``(batch, channels, height, width)`` in 0..1
        features: ``(batch, 3 * last channels)``: means that the last convolution sees
        output: ``(batch, classes)`` logits
    """

    def __init__(self, image_shape: tuple[int, int, int], classes: int, params: Params) -> None:
        super().__init__()
        channels, height, width = image_shape
        widths, strides = _classifier(params, max(height, width))
        self.predictor = nn.Sequential(
            *_blocks(channels, params.origin_channels, params.origin_strides)
        )
        self.heat = nn.Conv2d(params.origin_channels[-1], 1, kernel_size=1)
        for weight, value in zip(self.heat.parameters(), (0.0, 1.0), strict=True):
            nn.init.constant_(weight, value)
        self.centroid = HeatMapCentroid(params.origin_weighting)
        self.classifier = nn.Sequential(*_blocks(channels, widths, strides, cylinder=True))
        self.features = MeansUnderRows()
        self.last = MeanConvolution(widths[-1], classes)
        reach = _REACH * width if params.r_max is None else params.r_max
        self.rings = (params.radii or height, params.angles or height, reach)
        self.params = params

    def origins(self, images: Tensor) -> Tensor:
        """Where the network looks, ``(batch, 2)``: x and y in pixels."""
        heat = self.heat(self.predictor(images))
        found: Tensor = self.centroid(heat, *images.shape[-2:])
        return found

    def polar_maps(self, images: Tensor, origins: Tensor) -> Tensor:
        """The maps around some origins, ``(batch, channels, radii, angles)``."""
        dtype = torch.promote_types(images.dtype, torch.float32)
        ends = self.params.radius_map, self.params.angle_end
        offsets = polar_offsets(*self.rings, *ends, dtype, images.device)
        return sampled_around(images, origins, offsets, border=self.params.border)

    def forward(self, images: Tensor, shift: Tensor | None = None) -> Tensor:
        """Logits of the images; in training the origins are shifted first, if so asked."""
        origins = self.origins(images)
        if shift is not None and self.training:
            origins = origins + shift.to(origins.dtype)
        maps = self.classifier(self.polar_maps(images, origins))
        logits: Tensor = self.last(self.features(maps))
        return logits


class ShiftedPtn(Ptn):
    """A polar transformer network whose origins move at random while it is trained."""

    def draw(self, generator: torch.Generator, count: int) -> Tensor:
        """By how much the origins of so many images move, ``(count, 2)`` in pixels."""
        drawn = torch.rand(count, 2, generator=generator)
        return (2 * drawn - 1) * self.params.origin_shift


def _classifier(params: Params, side: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Channels and strides of the classifier."""
    known = _SIZES[params.size]
    channels, strides = known[next((one for one in known if side <= one), max(known))]
    channels, strides = params.channels or channels, params.strides or strides
    if len(channels) != len(strides):
        raise ValueError(f"the classifier has {len(channels)} channels, but {len(strides)} strides")
    return channels, strides


def _blocks(
    channels: int, widths: tuple[int, ...], strides: tuple[int, ...], cylinder: bool = False
) -> list[nn.Module]:
    around = partial(CylindricalPadding, 3, "zeros") if cylinder else None
    modules: list[nn.Module] = []
    for width, stride in zip(widths, strides, strict=True):
        modules += block(channels, width, 3, stride=stride, around=around)
        channels = width
    return modules


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> Ptn:
    """The network for images of a shape.

    Raises:
        ValueError: if the images are too small to have radii, or channels and strides are not as
            many.
    """
    refuse_smaller(image_shape, 4, "a polar map with as many radii and angles as pixels")
    if len(params.origin_channels) != len(params.origin_strides):
        raise ValueError(
            f"the origin predictor has {len(params.origin_channels)} channels, but "
            f"{len(params.origin_strides)} strides"
        )
    kind = ShiftedPtn if params.origin_shift > 0 else Ptn
    return kind(image_shape, classes, params)
