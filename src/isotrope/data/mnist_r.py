"""MNIST R: MNIST's digits, each turned by up to 90 degrees either way; 28 x 28 pixels.

Source: Jaderberg, Simonyan, Zisserman and Kavukcuoglu, "Spatial Transformer Networks", NIPS 2015,
https://arxiv.org/abs/1506.02025; so too in Esteves, Allen-Blanchette, Zhou and Daniilidis, "Polar
Transformer Networks", ICLR 2018, https://arxiv.org/abs/1709.01889.
Differs from them: each image has one angle, drawn when the data set is built; there the training
images were turned anew whenever they were seen, which the augmentations do here. Resampling is
cubic, once, from the digit as it is.

``turn`` takes other ranges: 180 is all angles. Sources and splits: ``_digits.py``.

The latent is ``angle`` ``(n,)``, float32 degrees.
"""

from functools import partial
from pathlib import Path

import numpy as np
from pydantic import Field

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
from isotrope.data._warp import pose_numbers, warp

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
PREVIEW = (None, "", None, ("angle",))


class Params(DigitSettings):
    """Which digits, how many of them, and how far they are turned."""

    turn: float = Field(
        90.0,
        gt=0,
        le=180,
        description="angles are uniform between -turn and turn degrees, counter-clockwise positive",
    )
    seed: int = Field(0, ge=0, description="of the angles; another one draws others")


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Make ``<folder>/<key>.npz``.

    Raises:
        UserError: if a file of MNIST is absent, damaged or another.
    """
    return _digit_files.build(params.source, partial(_draw, params), folder, key)


def _draw(params: Params, digits: Digits, half: int) -> Drawn:
    """Each digit of a half at an angle of its own."""
    drawn = pose_numbers(params.seed, half, len(digits.images), 1)[:, 0]
    angle = (params.turn * (2 * drawn - 1)).astype(np.float32)
    images = warp(digits.images, SIDE, angle, digits.zoom, interpolation="bicubic")
    return Drawn(images, {"angle": angle})
