"""ciFAIR-10: CIFAR-10 with new test images for those that training images nearly repeat.

The training images, the classes and their numbers are CIFAR-10's (`cifar10.py`), so that a network
trained on one can be tested on the other; the published subsets (``samples``) are the same, too.

Source: Barz and Denzler, "Do We Train on Test Data? Purging CIFAR of Near-Duplicates", Journal of
Imaging 6(6), 2020, https://arxiv.org/abs/1902.00423; https://cvjena.github.io/cifair/. No licence
is stated; cite this paper and Krizhevsky's report.

Nothing is copied: the images are read from the user's files after their checksums were compared
with the published ones. The training batches may be those of ``cifar-10-batches-py``.
"""

from pathlib import Path
from typing import ClassVar, Literal

import torch
from pydantic import Field

from isotrope.data import _cifar_pickles
from isotrope.data._cifar_pickles import CIFAIR10, COUNTS, SHAPE
from isotrope.data._cifar_subsets import CifarSettings, image_counts, own_subsets, splits, subset
from isotrope.data._splits import Part, classes, image_shape, valid_is_test
from isotrope.datasets.images import Images

__all__ = [
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
    """How much of ciFAIR-10 is used."""

    COUNTS: ClassVar[dict[Part, int]] = COUNTS
    SHAPE: ClassVar[tuple[int, int, int]] = SHAPE
    CLASSES: ClassVar[int] = 10

    source: Literal["local"] = Field(
        description="local: the six batches in $ISOTROPE_DATA/ciFAIR-10; those for training may "
        "lie in $ISOTROPE_DATA/cifar-10-batches-py"
    )


def credit(params: Params) -> str:
    """Whose images these are; no licence is stated."""
    del params
    return (
        "ciFAIR-10: B. Barz and J. Denzler, 2020; CIFAR-10: A. Krizhevsky, Learning Multiple "
        "Layers of Features from Tiny Images, 2009"
    )


def local_files(params: Params) -> list[str]:
    """The six batches below ``$ISOTROPE_DATA``."""
    del params
    return CIFAIR10.local_files()


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Check all files, and name them; nothing is made.

    Raises:
        UserError: if a file is absent, altered, or not ciFAIR-10's.
    """
    del folder, key
    return _cifar_pickles.files(CIFAIR10, params.source, params.COUNTS, "labels")


def load(params: Params, folder: Path, key: str, split: str) -> Images:
    """The images of a split, in the published order; of them `subset` takes a seed's own.

    Raises:
        UserError: if a file is absent or altered, or more images are asked for than there are.
        ValueError: if the split is unknown.
    """
    del folder, key
    part, rows = params.rows(split)
    found = _cifar_pickles.read(CIFAIR10, params.source, part, "labels")
    images, labels = (torch.from_numpy(one[rows]) for one in found)
    return params.pooled(split, Images(images, labels))
