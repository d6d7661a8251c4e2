"""CIFAR-100: 60,000 colour photos of 32 x 32 pixels, of a hundred kinds of things.

The kinds are in alphabetical order, apple to worm, 500 training and 100 test images of each; with
``labels: coarse`` five kinds each are one of twenty classes, aquatic mammals to vehicles 2.

Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009,
https://www.cs.toronto.edu/~kriz/cifar.html. Its author states no licence; cite this report.

Nothing is copied: the images are read from the user's files, or from the archive that was
downloaded, after their checksums were compared with the published ones. The published data have no
validation images: those are the last of the training images, or the test images.
"""

from pathlib import Path
from typing import ClassVar, Literal

import torch
from pydantic import Field

from isotrope.data import _cifar_pickles
from isotrope.data._cifar_pickles import CIFAR100, COUNTS, SHAPE
from isotrope.data._splits import Part, TwoPartSettings, image_counts, image_shape, valid_is_test
from isotrope.datasets.images import Images

__all__ = ["image_counts", "image_shape", "valid_is_test"]

REVISION = 1
SPLITS = ("train", "valid", "test")


class Params(TwoPartSettings):
    """Where CIFAR-100 comes from, which classes it has, and how much of it is used."""

    COUNTS: ClassVar[dict[Part, int]] = COUNTS
    SHAPE: ClassVar[tuple[int, int, int]] = SHAPE

    source: Literal["local", "download"] = Field(
        description="local: `train` and `test` in $ISOTROPE_DATA/cifar-100-python; download: the "
        "published archive"
    )
    labels: Literal["fine", "coarse"] = Field(
        "fine", description="fine: a hundred classes; coarse: twenty, of five of these each"
    )


def classes(params: Params) -> int:
    """How many classes there are."""
    return CIFAR100.labels[_labels(params)]


def credit(params: Params) -> str:
    """Whose images these are; their author states no licence."""
    del params
    return "CIFAR-100: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009"


def local_files(params: Params) -> list[str]:
    """The two files below ``$ISOTROPE_DATA``, if they are the user's."""
    return CIFAR100.local_files() if params.source == "local" else []


def downloads(params: Params) -> list[str]:
    """The archive, by its name in ``workflow/sources/cifar100.yaml``, if it is downloaded."""
    return [CIFAR100.archive] if params.source == "download" else []


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Check all files, and name them; nothing is made.

    Raises:
        UserError: if a file is absent, altered, or not CIFAR-100's.
    """
    del folder, key
    return _cifar_pickles.files(CIFAR100, params.source, params.COUNTS, _labels(params))


def load(params: Params, folder: Path, key: str, split: str) -> Images:
    """The images of a split, in the published order.

    Raises:
        UserError: if a file is absent or altered, or more images are asked for than there are.
        ValueError: if the split is unknown.
    """
    del folder, key
    part, rows = params.rows(split)
    found = _cifar_pickles.read(CIFAR100, params.source, part, _labels(params))
    return Images(torch.from_numpy(found.images[rows]), torch.from_numpy(found.labels[rows]))


def _labels(params: Params) -> str:
    return f"{params.labels}_labels"
