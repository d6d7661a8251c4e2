"""What `deep_lp`, `single_lp` and `lp_resnet` can all be told about their log-polar samples."""

from typing import Any, Literal

from pydantic import Field

from isotrope.settings import Settings

PUBLISHED = {
    "bank": "bilinear",
    "tau_max": 30.0,
    "ntau": 20,
    "num_angles": 12,
    "filter_window": "step",
    "filter_k": 50,
}


class LogPolarParams(Settings):
    """Settings of log-polar samples. Those left out are as published."""

    bank: Literal["bilinear", "gaussian", "sith_v1", "sith_v2"] | None = Field(
        None,
        description="what each sample reads. bilinear: the four pixels about it; gaussian: a spot "
        "that grows with the radius; sith_v1, sith_v2: the published filters",
    )
    smooth: bool = Field(False, description="true: bilinear reads an image smoothed by (1 2 1) / 4")
    blur: float = Field(
        1.0,
        ge=0,
        description="standard deviation of gaussian, in halves of the distance between two angles",
    )
    filter_k: int | None = Field(None, ge=1, description="sharpness of sith_* along the radius")
    filter_distance: Literal["arc", "line"] = Field(
        "arc", description="how far a pixel is from a direction of sith_*"
    )
    filter_window: Literal["step", "gaussian"] | None = Field(
        None, description="window of sith_* across the direction"
    )
    filter_sharpness: float = Field(
        1.0, gt=0, description="half the spacing of angles over the deviation of that window"
    )
    filter_normalise: bool | None = Field(
        None, description="whether each filter of sith_* sums to one; as published, if left out"
    )
    tau_min: float = Field(1.0, gt=0, description="smallest radius, in pixels")
    tau_max: float | None = Field(None, gt=0, description="largest radius, in pixels")
    ntau: int | None = Field(None, ge=2, description="number of radii, in geometric steps")
    num_angles: int | None = Field(None, ge=1, description="number of angles on the circle")
    include_center: bool = Field(
        False, description="true: the centre itself comes before the smallest radius"
    )
    border: Literal["zeros", "background"] = Field(
        "zeros",
        description="what lies beyond images and maps. zeros: zeros, as published, which frames "
        "a normalised image; background: what the layers before answer to a black image",
    )

    def settled(self, published: dict[str, Any]) -> dict[str, Any]:
        """All settings by name, with published ones for those left out."""
        own = {name: value for name, value in self.model_dump().items() if value is not None}
        return {**PUBLISHED, **published, **own}


def bank_settings(settled: dict[str, Any]) -> dict[str, Any]:
    """What ``isotrope.layers.log_polar_bank.bank`` takes, of settings that are settled."""
    from isotrope.layers.log_polar_bank import Grid
    from isotrope.layers.log_polar_stencils import Sith

    names = ("tau_min", "tau_max", "ntau", "num_angles", "include_center")
    sith = Sith(
        settled["filter_k"],
        settled["filter_distance"],
        settled["filter_window"],
        settled["filter_sharpness"],
        settled.get("filter_normalise"),
    )
    return {
        "kind": settled["bank"],
        "grid": Grid(**{name: settled[name] for name in names}),
        "blur": settled["blur"],
        "smooth": settled["smooth"],
        "sith": sith,
    }
