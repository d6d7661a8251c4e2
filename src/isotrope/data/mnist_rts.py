"""MNIST RTS: digits turned, resized and moved on a canvas of 42 x 42 pixels.

Source: Jaderberg, Simonyan, Zisserman and Kavukcuoglu, "Spatial Transformer Networks", NIPS 2015,
https://arxiv.org/abs/1506.02025; so too in Esteves, Allen-Blanchette, Zhou and Daniilidis, "Polar
Transformer Networks", ICLR 2018, https://arxiv.org/abs/1709.01889. Angles are uniform in +-45
degrees, sizes in 0.7..1.2 of MNIST's (boxes of 20 to 34 pixels), and places anywhere where the box,
not turned, fits the canvas. 60,000 images are for training and 10,000 for testing.
Differs from them: each image has one pose, drawn when the data set is built, and is resampled
once, by cubic interpolation, straight from the digit; there training images were posed anew
whenever they were seen. Sources and splits: ``_digits.py``.

Latents, float32: ``angle`` ``(n,)`` degrees, ``scale`` ``(n,)``, 1 is the size in MNIST, and
``position`` ``(n, 2)``, where the middle of the digit lies, x and y in pixels.
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
    local_files,
    valid_is_test,
)
from isotrope.data._warp import pose_numbers, warp

__all__ = ["classes", "credit", "downloads", "image_counts", "load", "local_files", "valid_is_test"]

REVISION = 1
SPLITS = ("train", "valid", "test")
PACKAGES = ("scikit-learn",)
PREVIEW = (None, "", None, ("angle", "scale"))
CANVAS = 42  # pixels
TURN = 45.0  # degrees either way
SMALLEST, LARGEST = 0.7, 1.2  # of the size in MNIST


class Params(DigitSettings):
    """Which digits, how many of them, and which of all possible poses."""

    seed: int = Field(0, ge=0, description="of the poses; another one draws others")


def image_shape(params: Params) -> tuple[int, int, int]:
    """Channels, height and width of an image."""
    del params
    return 1, CANVAS, CANVAS


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Make ``<folder>/<key>.npz``.

    Raises:
        UserError: if a file of MNIST is absent, damaged or another.
    """
    return _digit_files.build(params.source, partial(_draw, params), folder, key)


def _draw(params: Params, digits: Digits, half: int) -> Drawn:
    """Each digit of a half in a pose of its own."""
    drawn = pose_numbers(params.seed, half, len(digits.images), 4)
    angle = (TURN * (2 * drawn[:, 0] - 1)).astype(np.float32)
    scale = (SMALLEST + (LARGEST - SMALLEST) * drawn[:, 1]).astype(np.float32)
    room = CANVAS - SIDE * scale[:, None].astype(np.float64)  # pixels that the box may move by
    position = ((CANVAS - 1) / 2 + room * (drawn[:, 2:] - 0.5)).astype(np.float32)
    sizes = digits.zoom * scale.astype(np.float64)
    images = warp(digits.images, CANVAS, angle, sizes, position, "bicubic")
    return Drawn(images, {"angle": angle, "scale": scale, "position": position})
