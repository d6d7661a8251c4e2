"""The 1,797 handwritten digits of scikit-learn, 8 x 8 pixels: small, and there without a file.

Source: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
Repository, 1998, https://doi.org/10.24432/C50P49, CC BY 4.0; the test part, as scikit-learn (BSD
licence) has it. The first 1,500 digits are for training and validation, the last 297 for testing.

``size`` enlarges them by cubic interpolation, so that they fill the image: beside ``mnist`` with
``source: digits8`` there is no margin.
"""

from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import Field

from isotrope.data import _digit_files
from isotrope.data._digit_files import Drawn, load
from isotrope.data._digits import (
    Digits,
    DigitSettings,
    classes,
    credit,
    image_counts,
    valid_is_test,
)
from isotrope.data._warp import warp

__all__ = ["classes", "credit", "image_counts", "load", "valid_is_test"]

REVISION = 1
SPLITS = ("train", "valid", "test")
PACKAGES = ("scikit-learn",)


class Params(DigitSettings):
    """How large the digits are, and how many of them."""

    source: Literal["digits8"] = Field("digits8", description="out of the package scikit-learn")
    size: int = Field(8, ge=8, le=256, description="side of the images, in pixels")


def image_shape(params: Params) -> tuple[int, int, int]:
    """Channels, height and width of an image."""
    return 1, params.size, params.size


def local_files(params: Params) -> list[str]:
    """None: the digits come with a package."""
    del params
    return []


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Make ``<folder>/<key>.npz``."""
    return _digit_files.build("digits8", partial(_draw, params.size), folder, key)


def _draw(size: int, digits: Digits, half: int) -> Drawn:
    del half
    scale = size / digits.images.shape[-1]
    return Drawn(warp(digits.images, size, scale=scale, interpolation="bicubic"), {})
