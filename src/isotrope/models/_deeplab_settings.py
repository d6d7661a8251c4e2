"""Settings of ``deeplabv3plus``."""

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, model_validator

from isotrope.models._shift_settings import DRAWN, TrunkParams
from isotrope.models._temperature import Temperature, default_temperature

_OF_UNPOOL = ("decoder_antialias", "unpool_get_samples")


class Params(TrunkParams):
    """Settings of ``deeplabv3plus``."""

    stem: Literal["imagenet"] = Field("imagenet", description="7 x 7 and a pooling")
    decoder: Literal["bilinear", "unpool"] = Field(
        "unpool",
        description="back to the image's size by interpolation, or with each pixel put back to "
        "where aps or lps took it",
    )
    decoder_antialias: Literal["none", "lpf2", "lpf3", "lpf5", "ddac3"] = Field(
        "lpf3", description="filter behind each step of unpool, as antialias"
    )
    unpool_get_samples: bool = Field(
        False,
        description="unpool of lps draws anew in training, in place of taking what the trunk drew",
    )
    output_stride: Literal[8, 16] = Field(
        16,
        description="sides of the last maps, by dilation of strided and decimating trunks; others "
        "shrink by 32. 8: rates 12, 24, 36; 16: rates 6, 12, 18",
    )
    head_padding: Literal["circular", "zeros"] = Field(
        "circular", description="of the convolutions and filters behind the trunk"
    )
    third_branch: Literal["wrapped", "zeros"] = Field(
        "wrapped",
        description="around the maps of the third dilated branch: as head_padding, or zeros as "
        "published, which are exact up to 576 pixels alone (1152 with output_stride: 8)",
    )
    head_channels: int = Field(256, ge=1, description="channels of the head; published: 256")
    low_channels: int = Field(48, ge=1, description="of what it takes from layer1; published: 48")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of the head's maps set to zero")
    trunk_momentum: float = Field(
        0.01, gt=0, le=1, description="of running statistics in the trunk: a batch's share"
    )
    temperature: Temperature = Field(
        default_factory=default_temperature,
        description="of the softmax over phases in the training of lps",
    )

    def _idle(self) -> Iterator[tuple[str, str]]:
        yield from super()._idle()
        if self.decoder == "bilinear":
            yield from ((name, "decoder: unpool") for name in _OF_UNPOOL)
        if self.downsampling != "lps":
            yield "unpool_get_samples", "downsampling: lps"
        if self.head_padding == "zeros":
            yield "third_branch", "head_padding: circular"

    @model_validator(mode="after")
    def _can_unpool(self) -> Self:
        if self.decoder == "bilinear":
            return self
        if not self.selects:
            raise ValueError(
                f"decoder: unpool puts pixels back to where aps or lps took them, and downsampling "
                f"is {self.downsampling}; take decoder: bilinear"
            )
        if self.conv1_stride:
            raise ValueError("conv1_stride: unpool cannot undo a stride; take decoder: bilinear")
        if self.indivisible != "error":
            raise ValueError(
                "indivisible: unpool needs sides that are multiples of 32; leave it out, or take "
                "decoder: bilinear"
            )
        if self.unpool_get_samples and self.train_mode not in DRAWN:
            raise ValueError(
                f"unpool_get_samples: draws anew what the trunk draws in training, and train_mode: "
                f"{self.train_mode} draws nothing; take train_mode: gumbel, or leave "
                "unpool_get_samples out"
            )
        return self
