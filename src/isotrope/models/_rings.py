"""Settings of a log-polar map about the centre of an image, as several models have them."""

from pydantic import Field

from isotrope.layers.log_polar import LogPolarMap, largest_radius
from isotrope.settings import Settings


class Rings(Settings):
    """Where a map is sampled, and how."""

    radii: int = Field(24, ge=2, description="rows of the map, geometric in pixels, both ends in")
    angles: int = Field(48, ge=1, description="columns of the map, over the full turn")
    r_min: float = Field(1.0, gt=0, description="smallest radius, in pixels")
    r_max: float | None = Field(
        None,
        gt=0,
        description="largest radius, in pixels; left out, it reaches the outermost pixels of the "
        "training images",
    )
    border: float = Field(0.0, description="what lies outside the image, as the network sees it")
    antialias: float = Field(
        0.0,
        ge=0,
        description="standard deviation of a Gaussian under each sample, in distances between "
        "neighbouring samples; 0 samples points",
    )


def map_of(params: Rings, image_shape: tuple[int, int, int]) -> LogPolarMap:
    """The map, for images of a shape.

    Raises:
        ValueError: if the radii are out of order, as in images that are too small.
    """
    sides = image_shape[1:]
    reach = largest_radius(sides, params.r_max)
    if not params.r_min < reach:
        raise ValueError(
            f"a log-polar map of images of {sides[0]} x {sides[1]} pixels would have radii from "
            f"{params.r_min} to {reach} pixels; r_max must be larger than r_min"
        )
    return LogPolarMap(
        params.radii, params.angles, params.r_min, reach, params.border, params.antialias
    )
