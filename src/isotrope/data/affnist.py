"""Digits like affNIST's: trained on shifted ones, tested on turned, sheared and stretched ones.

Sources: Tieleman, affNIST, https://www.cs.toronto.edu/~tijmen/affNIST; the protocol is that of
Sabour, Frosst and Hinton, "Dynamic Routing Between Capsules", NIPS 2017,
https://arxiv.org/abs/1710.09829. Digits: MNIST (LeCun and Cortes, CC BY-SA 3.0), or those that
stand in for them (``_digits.py``).

Images are 40 x 40 pixels. A training image shows the 28 x 28 pixels of a training digit at a place
drawn among the whole pixels where they fit: it is shifted, and nothing else. A test image shows a
test digit under an affine map: it is stretched by 0.8 to 1.2 across and, by another factor, down,
sheared by -0.2 to 0.2 (the pixels that a row moves to the right for each row further down), turned
by -20 to 20 degrees, and put at a place drawn among those where no ink leaves the canvas. All are
uniform. These ranges are written down as they are remembered of affNIST's page, not read again.

Differs from the original: its files are not read, and its 32 maps of each digit are not these ones:
``draws`` says how many each test digit has, 5 for 50,000 images, 32 for as many as there; a digit
is resampled once, by cubic interpolation; training digits have one place each, there a new one
whenever they were seen.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator

from isotrope import paths
from isotrope.data import _idx
from isotrope.data._affnist import CANVAS, mapped, shifted
from isotrope.data._digits import COUNTS8, Digits, Source, classes, credit_of, read
from isotrope.data._image_blocks import SIZE, Block, read_blocks, starts, write_blocks
from isotrope.data._splits import VALID, Part, rows_of_split
from isotrope.data._stir_archive import write_sources
from isotrope.datasets.images import Images
from isotrope.settings import Settings, load_time

__all__ = ["classes"]

REVISION = 1
SPLITS = ("train", "valid", "test")
PACKAGES = ("scikit-learn",)
PREVIEW = (None, "", None, ("angle", "shear"))

Draw = Callable[[Digits, NDArray[np.integer], int], Block]


class Params(Settings):
    """Which digits, how often each is tested, and how many images are used."""

    source: Source = Field(
        description="digits8: scikit-learn's small digits, nothing is needed; local: MNIST in "
        "$ISOTROPE_DATA/mnist; download: MNIST, fetched"
    )
    draws: int = Field(
        5, ge=1, le=32, description="test images of each test digit; 32 in the original"
    )
    seed: int = Field(0, ge=0, description="of places and maps; another one draws others")
    valid_images: int | None = load_time(
        None,
        ge=1,
        description="so many of the last training images validate; null: 5,000 of MNIST's 60,000, "
        "and the same part of digits8",
    )
    train_images: int | None = load_time(
        None, ge=1, description="the first so many of the remaining training images; null: all"
    )
    test_images: int | None = load_time(
        None, ge=1, description="the first so many test images; null: all"
    )
    valid_from: Literal["train", "test"] = load_time(
        "train",
        description="train: some training images are kept for validation; test: the test images "
        "are looked at while training, with `training.keep: last` only",
    )

    @field_validator("valid_images", "train_images", "test_images")
    @classmethod
    def _are_there(cls, wanted: int | None, info: ValidationInfo) -> int | None:
        if wanted is None or not {"source", "draws"} <= info.data.keys():
            return wanted
        counts = _counts(info.data["source"], info.data["draws"])
        most = counts["test"] if info.field_name == "test_images" else counts["train"]
        if wanted > most:
            raise ValueError(f"there are {most} with `source: {info.data['source']}`")
        return wanted


def _counts(source: Source, draws: int) -> dict[Part, int]:
    digits = COUNTS8 if source == "digits8" else _idx.COUNTS
    return {"train": digits["train"], "test": draws * digits["test"]}


def image_shape(params: Params) -> tuple[int, int, int]:
    """Channels, height and width of an image."""
    del params
    return 1, CANVAS, CANVAS


def image_counts(params: Params) -> dict[str, int]:
    """How many images each split has."""
    rows = (_rows(params, split)[1] for split in SPLITS)
    return {split: found.stop - found.start for split, found in zip(SPLITS, rows, strict=True)}


def credit(params: Params) -> str:
    """Whose digits these are, and under which licence pictures of them are."""
    return credit_of(params.source)


def valid_is_test(params: Params) -> bool:
    """Whether the validation images are the test images, which must choose nothing."""
    return params.valid_from == "test"


def local_files(params: Params) -> list[str]:
    """MNIST's four files below ``$ISOTROPE_DATA``, if they are read there."""
    return _idx.local_files(_idx.MNIST) if params.source == "local" else []


def downloads(params: Params) -> list[str]:
    """MNIST's four files, if they are fetched; all forms share them."""
    return _idx.downloads(_idx.MNIST) if params.source == "download" else []


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Make ``<folder>/<key>.npz``, and beside it the list of the files it was made from.

    Raises:
        UserError: if a file of MNIST is absent, damaged or another.
    """
    raw = read(params.source)
    tests = np.arange(params.draws * len(raw.test.labels)) % len(raw.test.labels)
    parts = (
        ("train", _blocks(shifted, raw.train, np.arange(len(raw.train.labels)), params.seed)),
        ("test", _blocks(mapped, raw.test, tests, params.seed)),
    )
    path = write_blocks(folder / f"{key}.npz", parts)
    if not raw.files:
        return [path]
    return [path, write_sources(raw.files, folder / f"{key}{paths.SOURCES_OF}")]


def _blocks(draw: Draw, digits: Digits, shown: NDArray[np.integer], seed: int) -> Iterator[Block]:
    """Images of the digits that are shown, given by their numbers, block by block."""
    for start in starts(len(shown)):
        some = shown[start : start + SIZE]
        yield draw(digits.some(some), np.arange(start, start + len(some)), seed)


def _rows(params: Params, split: str) -> tuple[Part, slice]:
    counts = _counts(params.source, params.draws)
    return rows_of_split(
        split,
        counts,
        train_images=params.train_images,
        valid_images=params.valid_images or counts["train"] * VALID // _idx.COUNTS["train"],
        test_images=params.test_images,
        valid_from=params.valid_from,
    )


def load(params: Params, folder: Path, key: str, split: str) -> Images:
    """The images of a split with their maps.

    Latents, float32: ``angle`` in degrees, ``shear``, ``stretch`` across and down ``(n, 2)``, and
    ``position`` ``(n, 2)``, x and y of the middle of MNIST's image in pixels.

    Raises:
        UserError: if more images are asked for than there are.
        ValueError: if the split is unknown.
    """
    part, rows = _rows(params, split)
    return read_blocks(folder / f"{key}.npz", part, rows.stop)[rows]
