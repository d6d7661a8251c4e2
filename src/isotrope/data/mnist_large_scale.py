"""MNIST Large Scale: digits of 1/2 to 8 times their size on a canvas of 112 x 112 pixels.

Source: Jansson and Lindeberg, "Exploring the ability of CNNs to generalise to previously unseen
scales over wide scale ranges", ICPR 2020, https://arxiv.org/abs/2004.01536, and "Scale-Invariant
Scale-Channel Networks: Deep Networks That Generalise to Previously Unseen Scales", Journal of
Mathematical Imaging and Vision 64 (5), 2022. Training shows one size, 1, 2 or 4; testing all 17
sizes in steps of the fourth root of two, the same digits at each. 50,000 digits are for training,
10,000 for validation and 10,000 for testing. Above 4 a digit may reach beyond the canvas. Digits
are resized by cubic interpolation, smoothed by a Gaussian of 7/8 pixels times their size, sharpened
by an arctangent and stretched to 0..255, as in STIR's mnist (``_stir_mnist.py``).
Differs from it: resizing and smoothing are one linear step on an unbounded canvas, and nothing is
clipped in between; sizes below 1 are smoothed before they are resized, too.

What is built are the digits; they are resized when they are read, in some 15 seconds for 50,000.
The test split of all 10,000 digits takes 2.1 GB, and so the first 1,000 are tested unless
``test_images`` says otherwise. Sources: ``_digits.py``.
"""

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from isotrope.data import _digit_files
from isotrope.data._digit_files import Drawn
from isotrope.data._digits import (
    Counts,
    Digits,
    DigitSettings,
    classes,
    credit,
    downloads,
    local_files,
    valid_is_test,
)
from isotrope.data._warp import resize_weights
from isotrope.datasets.images import Images
from isotrope.settings import load_time

__all__ = ["classes", "credit", "downloads", "local_files", "valid_is_test"]

REVISION = 1
SPLITS = ("train", "valid", "test")
PACKAGES = ("scikit-learn",)
PREVIEW = ("scale", "times")
CANVAS = 112  # pixels
SIZES = tuple(2 ** (step / 4) for step in range(-4, 13))  # times the size in MNIST
TESTED = 1_000  # digits
_SIGMA = 7 / 8  # pixels at size 1
_STEEP, _MIDDLE = 0.02, 128  # of the arctangent, in grey values
_WEIGHT = 2.0**20
_CHUNK = 500  # images at a time


class Params(DigitSettings):
    """Which digits, how many of them, and the size that is trained on."""

    OF_MNIST: ClassVar[Counts] = Counts(60_000, 10_000, 10_000)

    train_size: Literal[1, 2, 4] = load_time(
        1, description="size of training and validation digits, times that in MNIST"
    )
    test_images: int | None = load_time(
        None,
        ge=1,
        description="the first so many test digits, each at 17 sizes; null: 1,000, or all of fewer",
    )


def image_shape(params: Params) -> tuple[int, int, int]:
    """Channels, height and width of an image."""
    del params
    return 1, CANVAS, CANVAS


def _tested_digits(params: Params) -> int:
    return params.test_images or min(TESTED, params.available().test)


def image_counts(params: Params) -> dict[str, int]:
    """How many images each split has."""
    tested = len(SIZES) * _tested_digits(params)
    counts = params.counts()._asdict() | {"test": tested}
    return counts | ({"valid": tested} if params.valid_from == "test" else {})


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Make ``<folder>/<key>.npz``, the digits as the source has them.

    Raises:
        UserError: if a file of MNIST is absent, damaged or another.
    """
    return _digit_files.build(params.source, _as_they_are, folder, key)


def _as_they_are(digits: Digits, half: int) -> Drawn:
    del half
    return Drawn(digits.images, {"zoom": np.full(len(digits.images), digits.zoom, np.float32)})


def load(params: Params, folder: Path, key: str, split: str) -> Images:
    """The images of a split; latent ``scale`` ``(n,)``, float32, 1 is the size in MNIST.

    ``train`` and ``valid`` have one size; ``test`` has all digits at each size, ascending.

    Raises:
        ValueError: if the split is unknown.
    """
    found = _digit_files.read_split(folder / f"{key}.npz", params, split)
    tested = split == "test" or (split == "valid" and params.valid_from == "test")
    if tested:
        found = found[: _tested_digits(params)]
    sizes = SIZES if tested else (float(params.train_size or 1),)
    count, zoom = len(found), float(found.latents["zoom"][0])
    digits = found.images[:, 0].numpy()
    images = np.empty((len(sizes) * count, CANVAS, CANVAS), dtype=np.uint8)
    for number, size in enumerate(sizes):
        resize(digits, size, zoom, images[number * count : (number + 1) * count])
    scale = torch.tensor(sizes, dtype=torch.float32).repeat_interleave(count)
    return Images(
        torch.from_numpy(images)[:, None], found.labels.repeat(len(sizes)), {"scale": scale}
    )


def resize(digits: NDArray[np.uint8], size: float, zoom: float, images: NDArray[np.uint8]) -> None:
    """Digits at one size in the middle of the canvas.

    Args:
        digits: ``(n, side, side)``.
        size: times that in MNIST.
        zoom: pixels of the canvas for a pixel of the digits at size 1.
        images: ``(n, 112, 112)``, written.
    """
    weights = _weights(digits.shape[-1], size, zoom)
    for start in range(0, len(digits), _CHUNK):
        some = digits[start : start + _CHUNK].astype(np.float64)
        values = np.matmul(np.matmul(weights, some), weights.T)
        values -= _MIDDLE
        values *= _STEEP
        np.arctan(values, out=values)
        values -= values.min(axis=(1, 2), keepdims=True)
        values *= 255 / values.max(axis=(1, 2), keepdims=True)
        images[start : start + _CHUNK] = np.rint(values, out=values)


def _weights(side: int, size: float, zoom: float) -> NDArray[np.float64]:
    """What each pixel along the canvas takes of those along a digit, ``(112, side)``.

    Multiples of 2**-20, so that sums of products are the same in whatever order they are added.
    """
    sigma = _SIGMA * size
    margin = int(np.ceil(4 * sigma))
    wide = CANVAS + 2 * margin
    middle = np.array([(wide - 1) / 2])
    resized = resize_weights(side, wide, np.array([size * zoom]), middle, "bicubic")[0]
    apart = np.arange(wide) - margin - np.arange(CANVAS)[:, None]
    gauss = np.where(np.abs(apart) <= margin, np.exp(-0.5 * (apart / sigma) ** 2), 0.0)
    both = gauss / gauss.sum(axis=1, keepdims=True) @ resized
    rounded: NDArray[np.float64] = np.rint(both * _WEIGHT) / _WEIGHT
    return rounded
