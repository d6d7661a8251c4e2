"""PneumoniaMNIST: 5,856 small grey X-rays of chests, normal or with pneumonia.

Class 0 is normal, class 1 pneumonia. 4,708 images are for training, 524 for validation and 624 for
testing, as published.

Source: Yang et al., "MedMNIST v2 - A large-scale lightweight benchmark for 2D and 3D biomedical
image classification", Scientific Data 10, 2023, https://arxiv.org/abs/2110.14795; the X-rays are
from Kermany et al., Cell 172(5), 2018. CC BY 4.0; pictures of them carry this licence.

Nothing is copied: the images are read from ``medmnist/pneumoniamnist.npz`` below
``$ISOTROPE_DATA``, or ``medmnist/pneumoniamnist_64.npz`` and so on for larger ones, with the arrays
``train_images``, ``train_labels``, ``val_images``, ``val_labels``, ``test_images`` and
``test_labels``: images uint8 ``(n, size, size)``, labels 0 or 1 ``(n,)`` or ``(n, 1)``. It is a
small stand-in for data sets of X-rays such as COVIDx, not one of them.
"""

import zipfile
import zlib
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from isotrope.data._subsets import SubsetSettings, own_subsets, subset
from isotrope.datasets.images import Images
from isotrope.datasets.local_data import local_file
from isotrope.errors import UserError
from isotrope.settings import load_time

__all__ = ["own_subsets", "subset"]

REVISION = 1
SPLITS = ("train", "valid", "test")
COUNTS = {"train": 4708, "valid": 524, "test": 624}
_CALLED = {"train": "train", "valid": "val", "test": "test"}  # the splits in the file
_DAMAGE = (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error)


class Params(SubsetSettings):
    """How large the images are, and how many of them are used."""

    CLASSES: ClassVar[int] = 2

    source: Literal["local"] = Field(
        description="local: $ISOTROPE_DATA/medmnist/pneumoniamnist.npz"
    )
    size: Literal[28, 64, 128, 224] = Field(
        28, description="side of an image, in pixels; 64: of pneumoniamnist_64.npz, and so on"
    )
    complete: bool = Field(
        True,
        description="true: there must be as many images as are published; false: any number, of "
        "both classes",
    )
    channels: Literal[1, 3] = load_time(
        1, description="3: three equal ones, for networks of colour images"
    )
    test_images: int | None = load_time(
        None, ge=1, description="test so many, the first ones; null: all"
    )


class _Part(NamedTuple):
    """Images, uint8 ``(n, 1, size, size)``, and their classes, int64 ``(n,)``."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


def image_shape(params: Params) -> tuple[int, int, int]:
    """Channels, height and width of an image."""
    return params.channels, params.size, params.size


def classes(params: Params) -> int:
    """Two: normal, and with pneumonia."""
    return params.CLASSES


def image_counts(params: Params) -> dict[str, int]:
    """Images of each split, before seeds choose theirs; nothing where the file says how many."""
    if not params.complete:
        return {}
    return COUNTS | {"test": min(COUNTS["test"], params.test_images or COUNTS["test"])}


def credit(params: Params) -> str:
    """Whose images these are, and their licence."""
    del params
    return "PneumoniaMNIST: J. Yang et al., MedMNIST v2, 2023; D. Kermany et al., 2018; CC BY 4.0"


def local_files(params: Params) -> list[str]:
    """The file below ``$ISOTROPE_DATA``."""
    size = "" if params.size == 28 else f"_{params.size}"
    return [f"medmnist/pneumoniamnist{size}.npz"]


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Check the file, and name it; nothing is made.

    Raises:
        UserError: if it is absent, damaged, or of another layout.
    """
    del folder, key
    path = _file(params)
    for split, expected in COUNTS.items():
        found = _read(params, split).labels
        if params.complete and len(found) != expected:
            raise UserError(
                f"{path}: has {len(found)} {_CALLED[split]}_images, not the {expected} that are "
                "published; get the file again, or write `complete: false` under dataset"
            )
        if sorted(set(found.tolist())) != [0, 1]:
            raise UserError(f"{path}: {_CALLED[split]}_labels are not 0 and 1, both of them")
    return [path]


def load(params: Params, folder: Path, key: str, split: str) -> Images:
    """The images of a split, in the published order; of them `subset` takes a seed's own.

    Raises:
        UserError: if the file is absent or damaged.
        ValueError: if the split is unknown.
    """
    del folder, key
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got '{split}'")
    count = params.test_images if split == "test" else None
    images, labels = (torch.from_numpy(one[:count]) for one in _read(params, split))
    return Images(images.expand(-1, params.channels, -1, -1).contiguous(), labels)


def _file(params: Params) -> Path:
    (path,) = local_files(params)
    return local_file(path)


def _read(params: Params, split: str) -> _Part:
    path, name = _file(params), _CALLED[split]
    try:
        with np.load(path, allow_pickle=False) as arrays:
            pixels, labels = arrays[f"{name}_images"], arrays[f"{name}_labels"]
        shape = (len(labels), params.size, params.size)
        if pixels.dtype != np.uint8 or pixels.shape != shape:
            raise ValueError(f"{name}_images are {pixels.dtype} {pixels.shape}, not uint8 {shape}")
        if labels.dtype.kind not in "iu" or labels.size != len(labels):
            raise ValueError(f"{name}_labels are {labels.dtype} {labels.shape}")
    except _DAMAGE as error:
        reason = str(error) or type(error).__name__
        raise UserError(
            f"{path}: no npz file of PneumoniaMNIST ({reason}); get the file again"
        ) from error
    return _Part(pixels[:, None], labels.reshape(-1).astype(np.int64))
