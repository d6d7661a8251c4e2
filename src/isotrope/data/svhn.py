"""SVHN: 99,289 digits of house numbers, cut out of photos, 32 x 32 pixels in colour.

Source: Netzer, Wang, Coates, Bissacco, Wu and Ng, "Reading Digits in Natural Images with
Unsupervised Feature Learning", NIPS Workshop on Deep Learning 2011,
http://ufldl.stanford.edu/housenumbers; for non-commercial use only. These are its cropped digits
("format 2") without the easier ``extra`` images. A digit's neighbours are seen beside it.
Differs from the files: a zero has the label 0, where they say 10.

Nothing is copied: the images are read from the user's files, or from those that were downloaded,
after their checksums were compared with the published ones. The published data have no validation
images: those are the last of the training images, or the test images.
"""

import zlib
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from isotrope import paths
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
from isotrope.datasets.sources import PinnedFile
from isotrope.errors import UserError

__all__ = ["classes", "image_counts", "image_shape", "valid_is_test"]

REVISION = 1
SPLITS = ("train", "valid", "test")
PACKAGES = ("scipy",)
FILES = {"train": "train_32x32.mat", "test": "test_32x32.mat"}


class Params(TwoPartSettings):
    """Where SVHN comes from, and how much of it is used."""

    COUNTS: ClassVar[dict[Part, int]] = {"train": 73_257, "test": 26_032}
    SHAPE: ClassVar[tuple[int, int, int]] = (3, 32, 32)
    CLASSES: ClassVar[int] = 10

    source: Literal["local", "download"] = Field(
        description="local: train_32x32.mat and test_32x32.mat in $ISOTROPE_DATA/svhn; download: "
        "the same, published files"
    )


def credit(params: Params) -> str:
    """Whose photos these are, and what they may be used for."""
    del params
    return (
        "SVHN: Y. Netzer et al., 2011, http://ufldl.stanford.edu/housenumbers; non-commercial use"
    )


def local_files(params: Params) -> list[str]:
    """The two files below ``$ISOTROPE_DATA``, if they are the user's."""
    return [f"svhn/{name}" for name in FILES.values()] if params.source == "local" else []


def downloads(params: Params) -> list[str]:
    """The two files by their names in ``workflow/sources/svhn.yaml``, if they are downloaded."""
    return list(FILES.values()) if params.source == "download" else []


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Check both files, and name them; nothing is made.

    Raises:
        UserError: if a file is absent, altered, or not SVHN's.
    """
    del folder, key
    files = [_file(params, part) for part in FILES]
    for path, expected in zip(files, params.COUNTS.values(), strict=True):
        pin = sources.pinned("svhn", path.name)
        if found := _difference(path, pin):
            raise UserError(f"{path}: not SVHN's {path.name}: {found}; get the file again")
        labels = _read(path)[1]
        if len(labels) != expected:
            raise UserError(f"{path}: holds {len(labels)} digits, not {expected}; get it again")
    return files


def _difference(path: Path, pin: PinnedFile) -> str:
    try:
        return sources.difference(path, pin)
    except OSError as error:
        return f"it cannot be read ({error.strerror})"


def _file(params: Params, part: str) -> Path:
    if params.source == "download":
        return paths.download("svhn", FILES[part])
    return local_file(f"svhn/{FILES[part]}")


def _read(path: Path) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], np.ndarray[Any, Any]]:
    """Images ``(n, 3, 32, 32)`` and their digits, int64 ``(n,)``.

    Raises:
        UserError: if the file is damaged, or holds other arrays.
    """
    from scipy.io import loadmat  # slow to load, and checking imports this module

    try:
        arrays = loadmat(path, variable_names=("X", "y"))
        pixels, labels = arrays["X"], arrays["y"].reshape(-1).astype(np.int64)
        if pixels.dtype != np.uint8 or pixels.shape != (32, 32, 3, len(labels)):
            raise ValueError(f"X is {pixels.dtype} {pixels.shape}, y has {len(labels)} labels")
        if not np.isin(labels, range(1, 11)).all():
            raise ValueError("y has labels outside 1 to 10")
    except (OSError, ValueError, TypeError, KeyError, NotImplementedError, zlib.error) as error:
        reason = str(error) or type(error).__name__
        raise UserError(f"{path}: no file of SVHN's digits ({reason}); get it again") from error
    return np.ascontiguousarray(pixels.transpose(3, 2, 0, 1)), labels % 10


def load(params: Params, folder: Path, key: str, split: str) -> Images:
    """The images of a split, in the published order.

    Raises:
        UserError: if a file is absent or damaged, or more images are asked for than there are.
        ValueError: if the split is unknown.
    """
    del folder, key
    part, rows = params.rows(split)
    images, labels = _read(_file(params, part))
    return Images(torch.from_numpy(images[rows]), torch.from_numpy(labels[rows]))
