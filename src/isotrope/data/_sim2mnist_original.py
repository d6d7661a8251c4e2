"""The authors' own file of SIM2MNIST, read block by block.

Arrays: ``x_train``, ``x_validation`` and ``x_test``, grey values in 96 x 96 = 9,216 columns or in
two or three more axes; ``y_train``, ``y_validation`` and ``y_test``, classes as one-hot rows or as
numbers. Grey values are in 0..1 or in 0..255, which the first images tell: if none of these is
above 1, the file is taken to be in 0..1, and is stretched. Which of the two was found is written
into the list of files beside the built data set. Poses are not in the file.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isotrope import paths
from isotrope.data._digits import CLASSES
from isotrope.data._image_blocks import SIZE, Block, write_blocks
from isotrope.data._sim2mnist import CANVAS
from isotrope.data._stir_archive import write_sources
from isotrope.datasets.local_data import local_file
from isotrope.errors import UserError

FILE = "sim2mnist/sim2mnist.npz"
KEYS = {"train": "train", "valid": "validation", "test": "test"}  # our words, theirs
_DAMAGE = (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error)


def build(folder: Path, key: str) -> list[Path]:
    """Make ``<folder>/<key>.npz`` from the authors' file, and a list of what it was made from.

    Raises:
        UserError: if the file is absent, damaged or of another layout.
    """
    source = local_file(FILE)
    try:
        with source.open("rb") as opened:
            sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
        with zipfile.ZipFile(source) as archive:
            white = _white(archive)
            splits = ((split, _blocks(archive, name, white)) for split, name in KEYS.items())
            path = write_blocks(folder / f"{key}.npz", splits)
    except _DAMAGE as error:
        reason = str(error).strip("'\"") or type(error).__name__
        raise UserError(
            f"{source}: not the authors' SIM2MNIST without pickles ({reason}); get the file again, "
            "or write another source"
        ) from error
    found = f"{source.name} (grey values 0..{white})"
    return [path, write_sources([(found, sha256)], folder / f"{key}{paths.SOURCES_OF}")]


def _white(archive: zipfile.ZipFile) -> int:
    """The grey value of white, 1 or 255, as the first training images have it."""
    first = next(_pieces(archive, "x_train"))
    return 1 if first.max() <= 1 else 255


def _blocks(archive: zipfile.ZipFile, name: str, white: int) -> Iterator[Block]:
    labels = _classes(np.concatenate(list(_pieces(archive, f"y_{name}"))), f"y_{name}")
    done = 0
    for values in _pieces(archive, f"x_{name}"):
        if not (values.min() >= 0 and values.max() <= white):
            raise ValueError(f"x_{name} has grey values outside 0..{white}")
        images = np.rint(values * (255 / white)).astype(np.uint8)
        images = images.reshape(-1, CANVAS, CANVAS)
        some = labels[done : done + len(images)]
        if len(some) != len(images):
            raise ValueError(f"x_{name} has more images than y_{name} has labels")
        yield {"images": images, "labels": some}
        done += len(images)
    if done != len(labels):
        raise ValueError(f"x_{name} has {done} images, y_{name} {len(labels)} labels")


def _classes(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Classes, from numbers ``(n,)`` or one-hot rows ``(n, 10)``."""
    found = values.reshape(len(values), -1)
    if found.shape[1] == CLASSES:
        if not (np.isin(found, (0, 1)).all() and (found.sum(axis=1) == 1).all()):
            raise ValueError(f"the rows of {name} are not one-hot")
        classes: NDArray[np.uint8] = found.argmax(axis=1).astype(np.uint8)
        return classes
    if found.shape[1] != 1 or not np.isin(found, range(CLASSES)).all():
        raise ValueError(f"{name} has neither one-hot rows of {CLASSES} nor classes 0 to 9")
    return found[:, 0].astype(np.uint8)


def _pieces(archive: zipfile.ZipFile, name: str) -> Iterator[NDArray[Any]]:
    """An array, some thousand rows at a time.

    Raises:
        ValueError: if it holds Python objects, is kept by columns, has no row, or ends early.
    """
    with archive.open(f"{name}.npy") as member:
        version = np.lib.format.read_magic(member)
        known = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        if version not in known:
            raise ValueError(f"{name} is an array of the unknown version {version}")
        shape, by_columns, kind = known[version](member)
        if kind.hasobject or (by_columns and len(shape) > 1) or not shape or not shape[0]:
            raise ValueError(f"{name} is {kind} {shape}, which cannot be read row by row")
        row = int(np.prod(shape[1:])) * kind.itemsize
        if name.startswith("x_") and np.prod(shape[1:]) != CANVAS**2:
            raise ValueError(f"{name} has the shape {shape}, not (n, {CANVAS**2})")
        for start in range(0, shape[0], SIZE):
            count = min(SIZE, shape[0] - start)
            content = member.read(count * row)
            if len(content) < count * row:
                raise EOFError(f"{name} ends early")
            yield np.frombuffer(content, kind).reshape(count, *shape[1:])
