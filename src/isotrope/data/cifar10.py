"""CIFAR-10: 60,000 colour photos of 32 x 32 pixels, of ten kinds of animals and vehicles.

Classes 0 to 9: airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck.

Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009,
https://www.cs.toronto.edu/~kriz/cifar.html. Its author states no licence; cite this report.

Nothing is copied: the images are read from the user's files, or from the archive that was
downloaded, after their checksums were compared with the published ones. The published data have no
validation images: those are the last of the training images, or the test images.

The user's files are the six batches as they are published, or with ``form: npz`` one file,
``cifar10/cifar10.npz``, with the arrays ``train_images``, ``train_labels``, ``test_images`` and
``test_labels``: images uint8 ``(n, 3, 32, 32)``, ``(n, 32, 32, 3)`` or ``(n, 3072)`` as in the
batches, labels whole numbers ``(n,)`` or ``(n, 1)``, in the published order. What they hold must be
CIFAR-10, pixel by pixel.

With ``samples: 100`` each seed is trained on a hundred images of its own, ten of each class: the
subsets of Gauthier et al., "Parametric Scattering Networks", CVPR 2022, for the ten published
seeds (`_cifar_subsets.py`, where ``pool`` is explained, too).
"""

from pathlib import Path
from typing import ClassVar, Literal

import torch
from pydantic import Field, ValidationInfo, field_validator

from isotrope.data import _cifar_npz, _cifar_pickles
from isotrope.data._cifar_pickles import CIFAR10, COUNTS, SHAPE
from isotrope.data._cifar_subsets import (
    PUBLISHED_SEEDS,
    CifarSettings,
    image_counts,
    own_subsets,
    splits,
    subset,
)
from isotrope.data._splits import Part, classes, image_shape, valid_is_test
from isotrope.data._subsets import balanced_subset
from isotrope.datasets.images import Images

__all__ = [
    "PUBLISHED_SEEDS",
    "balanced_subset",
    "classes",
    "image_counts",
    "image_shape",
    "own_subsets",
    "splits",
    "subset",
    "valid_is_test",
]

REVISION = 1
SPLITS = ("train", "valid", "test")


class Params(CifarSettings):
    """Where CIFAR-10 comes from, and how much of it is used."""

    COUNTS: ClassVar[dict[Part, int]] = COUNTS
    SHAPE: ClassVar[tuple[int, int, int]] = SHAPE
    CLASSES: ClassVar[int] = 10

    source: Literal["local", "download"] = Field(
        description="local: the user's files in $ISOTROPE_DATA; download: the published archive"
    )
    form: Literal["batches", "npz"] = Field(
        "batches",
        description="of local files; batches: the six of $ISOTROPE_DATA/cifar-10-batches-py; npz: "
        "$ISOTROPE_DATA/cifar10/cifar10.npz",
    )

    @field_validator("form")
    @classmethod
    def _an_npz_is_local(cls, form: str, info: ValidationInfo) -> str:
        if form == "npz" and info.data.get("source") == "download":
            raise ValueError("the published archive holds batches; write `source: local`")
        return form


def credit(params: Params) -> str:
    """Whose images these are; their author states no licence."""
    del params
    return "CIFAR-10: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009"


def local_files(params: Params) -> list[str]:
    """The six batches or the npz file below ``$ISOTROPE_DATA``, if they are the user's."""
    if params.source == "download":
        return []
    return CIFAR10.local_files() if params.form == "batches" else [_cifar_npz.FILE]


def downloads(params: Params) -> list[str]:
    """The archive, by its name in ``workflow/sources/cifar10.yaml``, if it is downloaded."""
    return [CIFAR10.archive] if params.source == "download" else []


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Check all files, and name them; nothing is made.

    Raises:
        UserError: if a file is absent, altered, or not CIFAR-10's.
    """
    del folder, key
    if params.form == "npz":
        return [_cifar_npz.check()]
    return _cifar_pickles.files(CIFAR10, params.source, params.COUNTS, "labels")


def load(params: Params, folder: Path, key: str, split: str) -> Images:
    """The images of a split, in the published order; of them `subset` takes a seed's own.

    Raises:
        UserError: if a file is absent or altered, or more images are asked for than there are.
        ValueError: if the split is unknown.
    """
    del folder, key
    part, rows = params.rows(split)
    if params.form == "npz":
        found = _cifar_npz.read(part)
    else:
        found = _cifar_pickles.read(CIFAR10, params.source, part, "labels")
    images, labels = (torch.from_numpy(one[rows]) for one in found)
    return params.pooled(split, Images(images, labels))
