"""Configurations of log-polar foveas, and the settings that go before them."""

from typing import Any, Literal

from pydantic import Field

from isotrope.layers.foveal_sensor import Fovea
from isotrope.models._polar_stack import Norm, Pairs, Stack
from isotrope.models._stages import Width
from isotrope.settings import List, Settings

Configuration = Literal["sim2mnist", "imagenet", "digits"]

_THREE = ((3, 3),)
_CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "sim2mnist": {
        "glimpses": 20,
        "radii": 20,
        "angles": 24,
        "r_min": 0.05,
        "r_max": 0.8,
        "what_channels": (32, 32, 64, 64, 64, 64, 64),
        "what_kernels": _THREE * 7,
        "what_poolings": ((1, 1), (1, 1), (3, 3), (1, 1), (1, 1), (1, 1), (2, 8)),
        "where_channels": (32, 32, 32, 4),
        "where_kernels": _THREE * 4,
        "where_poolings": ((3, 3), (1, 1), (1, 1), (2, 3)),
        "what_hidden": 128,
        "where_hidden": 128,
        "head": "hidden",
    },
    "imagenet": {
        "glimpses": 10,
        "radii": 54,
        "angles": 108,
        "r_min": 0.02,
        "r_max": 1.0,
        "what_channels": (128,) * 4 + (256,) * 4 + (512,) * 3,
        "what_kernels": _THREE * 11,
        "what_poolings": (
            *((3, 3), (1, 1), (1, 1), (1, 1), (3, 3), (1, 1), (1, 1), (1, 1), (1, 2), (1, 1)),
            (3, 3),
        ),
        "where_channels": (32, 32, 4),
        "where_kernels": _THREE * 3,
        "where_poolings": ((3, 3), (1, 1), (1, 3)),
        "what_hidden": 512,
        "where_hidden": 128,
        "head": "direct",
    },
    "digits": {
        "glimpses": 4,
        "radii": 12,
        "angles": 16,
        "r_min": 0.05,
        "r_max": 1.0,
        "what_channels": (16, 32, 32),
        "what_kernels": _THREE * 3,
        "what_poolings": ((2, 2), (1, 1), (3, 8)),
        "where_channels": (8, 4),
        "where_kernels": _THREE * 2,
        "where_poolings": ((2, 2), (3, 2)),
        "what_hidden": 64,
        "where_hidden": 32,
        "head": "direct",
    },
}


class FoveaParams(Settings):
    """Settings of a log-polar fovea and of the convolutions that recognise what it sees."""

    configuration: Configuration = Field(
        "sim2mnist",
        description="settings that are left out are those of this configuration: sim2mnist and "
        "imagenet, as published; digits, a small one",
    )
    radii: int | None = Field(None, ge=1, description="rows of a glimpse")
    angles: int | None = Field(None, ge=2, description="columns of a glimpse")
    r_min: float | None = Field(
        None, gt=0, description="smallest radius, in halves of the image's shorter side"
    )
    r_max: float | None = Field(None, gt=0, description="largest radius, in the same")
    log_r: bool = Field(True, description="false: radii grow by a difference, not by a factor")
    linear_rows: int = Field(
        0, ge=0, description="rows within the smallest radius, at radii r_min * sqrt(k / rows)"
    )
    upsampling_r: int = Field(1, ge=1, description="radii whose mean is a row")
    upsampling_theta: int = Field(1, ge=1, description="angles whose mean is a column")
    what_channels: List[Width] | None = Field(
        None, description="of each convolution that recognises"
    )
    what_kernels: Pairs | None = Field(
        None, description="of each of these, height and width in radii and angles"
    )
    what_poolings: Pairs | None = Field(
        None, description="behind each of these, maxima over so many radii and angles"
    )
    norm: Norm = Field(
        "batch",
        description="batch, as published; layer: each glimpse of each image by itself, so that no "
        "statistics are mixed over glimpses",
    )
    legacy_pole_pad: bool = Field(
        False, description="whether rows beyond the pole are off by half a kernel, as published"
    )

    def settled(self) -> dict[str, Any]:
        """All settings by name; those left out are those of the configuration."""
        own = {name: value for name, value in self if value is not None}
        return {**_CONFIGURATIONS[self.configuration], **own}


def fovea_of(settled: dict[str, Any]) -> Fovea:
    """The fovea of settings that are settled."""
    return Fovea(
        settled["radii"],
        settled["angles"],
        settled["r_min"],
        settled["r_max"],
        settled["log_r"],
        settled["linear_rows"],
        (settled["upsampling_r"], settled["upsampling_theta"]),
    )


def stack_of(settled: dict[str, Any], name: Literal["what", "where"]) -> Stack:
    """The convolutions of a stream, of settings that are settled."""
    parts = ("channels", "kernels", "poolings")
    return Stack(*(settled[f"{name}_{part}"] for part in parts))
