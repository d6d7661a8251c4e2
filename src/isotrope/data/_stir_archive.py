"""What an archive of the STIR data set consists of, and how its four tasks are laid out.

Source: Altstidl, Nguyen, Schwinn, Köferl, Mutschler, Eskofier and Zanca, "Just a Matter of Scale?
Reevaluating Scale Equivariance in Convolutional Neural Networks", IJCNN 2023,
https://arxiv.org/abs/2211.10288; archives at https://zenodo.org/record/6578038.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SPLITS = ("train", "valid", "test")
LARGEST, SMALLEST = 64, 17  # pixels
CANVAS = LARGEST  # pixels
SCALES = range(LARGEST, SMALLEST - 1, -1)  # pixels, in the order of the second axis
KEYS = ("imgs", "lbls", "scls", "psts", "metadata", "lbldata")
ABOUT = ("title", "description", "author", "license", "version", "date")


class Archive(NamedTuple):
    """The arrays of an archive under its keys; see ``STIRDataset`` for what they mean."""

    imgs: NDArray[np.uint8]
    lbls: NDArray[np.int32]
    scls: NDArray[np.int32]
    psts: NDArray[np.int32]
    metadata: NDArray[np.str_]
    lbldata: NDArray[np.str_]


def assemble(
    images: NDArray[np.uint8],
    positions: NDArray[np.int32],
    names: Sequence[str],
    about: Mapping[str, str],
) -> Archive:
    """An archive of these images: labels and scales follow from the axes.

    Args:
        images: ``(3 splits, 48 scales, classes, instances, 64, 64)``, colours in a seventh axis.
        positions: left and top edge of each box in pixels, ``(3, 48, classes, instances, 2)``.
        names: the classes.
        about: title, description, author, license, version and date.
    """
    counts = images.shape[:4]
    labels = np.arange(counts[2], dtype=np.int32)[:, None]
    scales = np.array(SCALES, dtype=np.int32)[:, None, None]
    return Archive(
        imgs=images,
        lbls=np.broadcast_to(labels, counts),
        scls=np.broadcast_to(scales, counts),
        psts=positions,
        metadata=np.array([(key, about[key]) for key in ABOUT]),
        lbldata=np.array(list(names)),
    )


def write(archive: Archive, path: Path) -> Path:
    """Write an archive as npz; needs little memory besides the arrays."""
    arrays: dict[str, Any] = archive._asdict()
    np.savez_compressed(path, **arrays)
    return path


def write_sources(rows: Sequence[tuple[str, str]], path: Path) -> Path:
    """List the user's files that an archive was made from: their names and SHA-256 as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("file", "sha256"), *rows])
    path.write_text(text.getvalue(), encoding="utf-8")
    return path
