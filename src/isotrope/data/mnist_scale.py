"""MNIST-scale: digits at sizes of 0.3 to 1 of their own, in the middle of 28 x 28 pixels.

Source: Sosnovik, Szmaja and Smeulders, "Scale-Equivariant Steerable Networks", ICLR 2020,
https://arxiv.org/abs/1910.11093: 10,000 images are for training, 2,000 for validation and 50,000
for testing, drawn from all 70,000 digits with each class in its proportion; sizes are uniform, by
cubic interpolation; six realisations are trained on, and their mean and spread reported.
Differs from it: other digits and sizes are drawn than there, and images that shrink are smoothed
first, where the published ones skip pixels; ``antialias: false`` skips them, too. From ``digits8``
all 1,797 digits are divided likewise: 348 and 1,449. As published, most of the test digits are
training digits of ``mnist``: networks that were trained on that one have seen them. Sources and
splits: ``_digits.py``.

The latent is ``scale`` ``(n,)``, float32: 1 is the size in MNIST.
"""

from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from isotrope.data import _digit_files
from isotrope.data._digit_files import Drawn, load
from isotrope.data._digits import (
    SIDE,
    Counts,
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
PREVIEW = (None, "", None, ("scale",))
SMALLEST = 0.3  # of the size in MNIST


class Params(DigitSettings):
    """Which digits, how many of them, and which realisation of the data set."""

    OF_MNIST: ClassVar[Counts] = Counts(12_000, 2_000, 50_000)

    realisation: int = Field(
        0, ge=0, description="which drawing of digits and sizes; the published protocol has six"
    )
    antialias: bool = Field(
        True, description="smooth digits that shrink; false: skip pixels, as published"
    )


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Make ``<folder>/<key>.npz``.

    Raises:
        UserError: if a file of MNIST is absent, damaged or another.
    """
    draw = partial(_resize, params.antialias)
    return _digit_files.build_pooled(params, params.realisation, draw, folder, key)


def _resize(antialias: bool, digits: Digits, drawn: NDArray[np.float64]) -> Drawn:
    """Each digit at a size of its own."""
    scale = (SMALLEST + (1 - SMALLEST) * drawn).astype(np.float32)
    sizes = digits.zoom * scale.astype(np.float64)
    images = warp(digits.images, SIDE, 0.0, sizes, None, "bicubic", antialias=antialias)
    return Drawn(images, {"scale": scale})
