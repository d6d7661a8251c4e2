"""MNIST, upright: handwritten digits, 28 x 28 pixels, 60,000 for training and 10,000 for testing.

Source: LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document
Recognition", Proceedings of the IEEE 86 (11), 1998; the files are CC BY-SA 3.0. Nothing is
resampled. Sources are those of every form of MNIST: ``_digits.py``; ``digits8`` enlarges its 8 x 8
pixels to 20 x 20 in the middle of the 28 x 28, by cubic interpolation.
"""

from pathlib import Path

from isotrope.data import _digit_files
from isotrope.data._digit_files import Drawn, load
from isotrope.data._digits import (
    SIDE,
    Digits,
    DigitSettings,
    classes,
    credit,
    downloads,
    image_counts,
    image_shape,
    local_files,
    valid_is_test,
)
from isotrope.data._warp import warp

__all__ = [
    "classes",
    "credit",
    "downloads",
    "image_counts",
    "image_shape",
    "load",
    "local_files",
    "valid_is_test",
]

REVISION = 1
SPLITS = ("train", "valid", "test")
PACKAGES = ("scikit-learn",)


class Params(DigitSettings):
    """Which digits, and how many of them."""


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Make ``<folder>/<key>.npz``.

    Raises:
        UserError: if a file of MNIST is absent, damaged or another.
    """
    return _digit_files.build(params.source, _draw, folder, key)


def _draw(digits: Digits, half: int) -> Drawn:
    del half
    return Drawn(warp(digits.images, SIDE, scale=digits.zoom, interpolation="bicubic"), {})
