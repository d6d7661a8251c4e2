"""Any network of the project behind a log-polar map of its images.

The network sees the map as if it were an image: a turn about the centre is a shift along the
columns, a scaling one along the rows. A plain convolution does not know that the columns are a
ring; ``wrap`` repeats the first ones behind the last, so that kernels that do not pad see every
neighbourhood across the seam. What stages of the network show are maps of the map: they do not turn
and grow with the image.

Source: a design of this project; polar coordinates as the input of a network are an old idea, as in
Esteves, Allen-Blanchette, Zhou and Daniilidis, "Polar Transformer Networks", ICLR 2018,
https://arxiv.org/abs/1709.01889, where the origin is predicted.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from isotrope.layers.log_polar import LogPolarMap
from isotrope.layers.preceded import Preceded
from isotrope.models._rings import Rings, map_of
from isotrope.params import modelling
from isotrope.params.blocks import Plugin
from isotrope.params.wrapping import InnerModel, inner

REVISION = 1
PARTS: set[str] = set()
WRAPS = "network"
WRAPS_PARTS = {"features"}  # its stages are maps that do not turn as the image does


class Params(Rings):
    """Settings of ``log_polar_input``."""

    network: InnerModel = Field(
        default_factory=lambda: inner("standard"),
        description="what sees the map: {name, ...settings} of a model; standard, if left out",
    )
    wrap: int = Field(
        12,
        ge=0,
        description="first columns that are repeated behind the last; k - 1 for each k x k kernel "
        "without padding",
    )


class WrappedMap(nn.Module):
    """A log-polar map whose first columns are repeated behind its last.

    Shapes:
        input: ``(batch, channels, height, width)``
        output: ``(batch, channels, radii, angles + wrap)``

    Args:
        rings: the map.
        wrap: number of columns.

    Raises:
        ValueError: if the map has fewer columns than are to be repeated.
    """

    def __init__(self, rings: LogPolarMap, wrap: int) -> None:
        super().__init__()
        if wrap > rings.angles:
            raise ValueError(f"wrap must be {rings.angles}, the number of angles, at most: {wrap}")
        self.rings = rings
        self.wrap = wrap

    def forward(self, images: Tensor) -> Tensor:
        """The maps."""
        maps: Tensor = self.rings(images)
        return torch.cat((maps, maps[..., : self.wrap]), dim=-1) if self.wrap else maps


class LogPolarInput(Preceded):
    """A network behind a log-polar map, with all that the network offers.

    Shapes:
        input: ``(batch, channels, height, width)`` in 0..1, of any size
        log_polar: ``(batch, channels, radii, angles + wrap)``
        output: what the network gives, ``(batch, classes)`` logits
    """

    def __init__(self, log_polar: WrappedMap, network: nn.Module) -> None:
        super().__init__("log_polar", log_polar, network)


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> LogPolarInput:
    """The network for images of a shape.

    Raises:
        ValueError: if the images are too small for the smallest radius, or the map does not fit the
            network inside.
    """
    first = WrappedMap(map_of(params, image_shape), params.wrap)
    model: Plugin = params.network
    shape = (image_shape[0], params.radii, params.angles + params.wrap)
    try:
        network = modelling.build(model.name, model.params, shape, classes)
    except ValueError as error:
        raise ValueError(f"the map of {shape[1]} radii and {shape[2]} columns: {error}") from error
    return LogPolarInput(first, network)
