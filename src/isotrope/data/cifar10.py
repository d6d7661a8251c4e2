"""CIFAR-10: 60,000 colour photos of 32 x 32 pixels, of ten kinds of animals and vehicles.

Classes 0 to 9: airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck.

Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009,
https://www.cs.toronto.edu/~kriz/cifar.html. Its author states no licence; cite this report.

Nothing is copied: the images are read from the user's files, or from the archive that was
downloaded, after their checksums were compared with the published ones. The published data have no
validation images: those are the last of the training images, or the test images.
"""

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from isotrope import paths
from isotrope.data._cifar_pickles import (
    BATCHES,
    CLASSES,
    FOLDER,
    SHAPE,
    Batch,
    batches_in_archive,
    batches_in_folder,
)
from isotrope.data._splits import (
    Part,
    TwoPartSettings,
    classes,
    image_counts,
    image_shape,
    valid_is_test,
)
from isotrope.datasets import sources
from isotrope.datasets.images import Images
from isotrope.datasets.local_data import local_file
from isotrope.errors import UserError

__all__ = ["classes", "image_counts", "image_shape", "valid_is_test"]

REVISION = 1
SPLITS = ("train", "valid", "test")
ARCHIVE = "cifar-10-python.tar.gz"


class Params(TwoPartSettings):
    """Where CIFAR-10 comes from, and how much of it is used."""

    COUNTS: ClassVar[dict[Part, int]] = {"train": 50_000, "test": 10_000}
    SHAPE: ClassVar[tuple[int, int, int]] = SHAPE
    CLASSES: ClassVar[int] = CLASSES

    source: Literal["local", "download"] = Field(
        description="local: the six batches in $ISOTROPE_DATA/cifar-10-batches-py; download: the "
        "published archive"
    )


def credit(params: Params) -> str:
    """Whose images these are; their author states no licence."""
    del params
    return "CIFAR-10: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009"


def local_files(params: Params) -> list[str]:
    """The six batches below ``$ISOTROPE_DATA``, if they are the user's."""
    return [f"{FOLDER}/{name}" for name in BATCHES] if params.source == "local" else []


def downloads(params: Params) -> list[str]:
    """The archive, by its name in ``workflow/sources/cifar10.yaml``, if it is downloaded."""
    return [ARCHIVE] if params.source == "download" else []


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Check all files, and name them; nothing is made.

    Raises:
        UserError: if a file is absent, altered, or not CIFAR-10's.
    """
    del folder, key
    if params.source == "download":
        files = [sources.check("cifar10", ARCHIVE)]
    else:
        files = [local_file(path) for path in local_files(params)]
    for part, expected in params.COUNTS.items():
        found = sum(len(batch.labels) for batch in _batches(params, part))
        if found != expected:
            raise UserError(f"{files[0].parent}: holds {found} {part} images, not {expected}")
    return files


def _batches(params: Params, part: Part) -> list[Batch]:
    names = [name for name in BATCHES if name.startswith("test") == (part == "test")]
    if params.source == "download":
        return batches_in_archive(paths.download("cifar10", ARCHIVE), names)
    return batches_in_folder(local_file(f"{FOLDER}/{names[0]}").parent, names)


def load(params: Params, folder: Path, key: str, split: str) -> Images:
    """The images of a split, in the published order.

    Raises:
        UserError: if a file is absent or altered, or more images are asked for than there are.
        ValueError: if the split is unknown.
    """
    del folder, key
    part, rows = params.rows(split)
    batches = _batches(params, part)
    images = np.concatenate([batch.images for batch in batches])[rows]
    labels = np.concatenate([batch.labels for batch in batches])[rows]
    return Images(torch.from_numpy(images), torch.from_numpy(labels))
