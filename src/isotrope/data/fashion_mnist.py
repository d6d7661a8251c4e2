"""Fashion-MNIST: pieces of clothing, 28 x 28 pixels, 60,000 for training and 10,000 for testing.

Classes 0 to 9: T-shirt or top, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle
boot.

Source: Xiao, Rasul and Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
Learning Algorithms", 2017, https://arxiv.org/abs/1708.07747; MIT licence. Its four files have the
names and the layout of MNIST's; they are compared with the published checksums where they are
packed. Nothing is resampled. There is no stand-in for it.
"""

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from isotrope.data import _digit_files, _idx
from isotrope.data._digit_files import Half, load
from isotrope.data._digits import (
    DigitSettings,
    classes,
    image_counts,
    image_shape,
    valid_is_test,
)

__all__ = ["classes", "image_counts", "image_shape", "load", "valid_is_test"]

REVISION = 1
SPLITS = ("train", "valid", "test")


class Params(DigitSettings):
    """Where Fashion-MNIST comes from, and how much of it is used."""

    source: Literal["local", "download"] = Field(
        description="local: the four files in $ISOTROPE_DATA/fashion_mnist; download: the same, "
        "fetched"
    )


def local_files(params: Params) -> list[str]:
    """The four files below ``$ISOTROPE_DATA``, if they are read there."""
    return _idx.local_files(_idx.FASHION) if params.source == "local" else []


def downloads(params: Params) -> list[str]:
    """The four files, if they are fetched."""
    return _idx.downloads(_idx.FASHION) if params.source == "download" else []


def credit(params: Params) -> str:
    """Whose images these are, and under which licence."""
    del params
    return "Fashion-MNIST, Zalando SE, MIT licence"


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Make ``<folder>/<key>.npz``.

    Raises:
        UserError: if a file is absent, damaged or another.
    """
    arrays, files = _idx.read(_idx.FASHION, params.source)
    halves, first = {}, 0
    for half in ("train", "test"):
        images = arrays[f"{half} images"]
        numbers = np.arange(first, first + len(images))
        halves[half] = Half(images, arrays[f"{half} labels"], numbers, {})
        first += len(images)
    return _digit_files.write(halves, files, folder, key)
