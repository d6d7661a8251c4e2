"""COVIDx CXR-2: X-rays of chests, with COVID-19 (positive) or without (negative).

Class 0 is negative, class 1 positive. 15,951 images are for training and 400 for testing, 200 of
each class, in the version of the data set that was published in 2021; it was enlarged and split
anew since, and results on other versions are not to be compared.

Source: Pavlova et al., "COVIDx CXR-2", https://www.kaggle.com/datasets/andyczhao/covidx-cxr2, of
many open collections, each with a licence of its own.

Nothing is copied. Below ``$ISOTROPE_DATA`` lies ``covidx/`` with ``train.txt``, ``test.txt``,
``train/`` and ``test/``, or an archive of it, ``covidx-cxr2.zip``. A line of a list has a patient,
the name of a file, its class and where it is from. The images of a class are taken in the order of
their names. Training images are resized to 260 x 260, cut to 224 x 224 and mirrored as published;
tests are on the middle.

The settings and subsets are those of Gauthier et al., "Parametric Scattering Networks", CVPR 2022.
Its code lost the first line of each list; ``lists: published`` loses it, too. ``test: published``
then cuts both classes to the size of the smaller, as there: 398 images. ``samples: 5000`` asks for
more positive images than there are; all of them are taken, and as many negative ones, as there.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator
from torch import Tensor

from isotrope.data import _square_photos, _subsets
from isotrope.data._class_folders import Photo
from isotrope.data._splits import interleaved
from isotrope.data._square_photos import SquareSettings, image_shape, read
from isotrope.data._subsets import SubsetSettings, own_subsets
from isotrope.datasets.archived_files import Place, TreeOrArchives, read_place
from isotrope.datasets.file_index import indexed_file, read_file_index, write_file_index
from isotrope.datasets.stream import Stream
from isotrope.errors import UserError
from isotrope.settings import load_time

__all__ = ["image_shape", "own_subsets", "read"]

REVISION = 1
SPLITS = ("train", "valid", "test")
CLASSES = ("negative", "positive")
COUNTS = {"train": 15_951, "test": 400}  # of the test images half are of each class
TREE, ARCHIVE = "covidx", "covidx-cxr2.zip"
_HELD_OUT = 0  # seed of the choice of validation images


class Params(SubsetSettings, SquareSettings):
    """Which images are used, and how they are prepared."""

    CLASSES: ClassVar[int] = len(CLASSES)

    source: Literal["local"] = Field(
        description=f"local: {TREE}/ or {ARCHIVE} in $ISOTROPE_DATA, nothing is copied"
    )
    complete: bool = Field(
        True,
        description="true: there must be as many images as in the version of 2021; false: any "
        "number, of both classes",
    )
    lists: Literal["repaired", "published"] = load_time(
        "repaired",
        description="repaired: all lines of the lists; published: all but the first of each, which "
        "the published code took for a header",
    )
    test: Literal["whole", "published"] = load_time(
        "whole",
        description="whole: all test images; published: of both classes as many as of the smaller",
    )
    valid_images: int = load_time(
        0,
        ge=0,
        description="so many training images validate, equally many of each class; 0: none, and "
        "the last epoch is kept, as published",
    )
    resize: int = load_time(260, ge=8, description="side of a resized image, in pixels")
    size: int = load_time(224, ge=8, description="side of what is cut out of it, in pixels")
    turn: float = load_time(
        0.0, ge=0, le=180, description="training images are turned by up to so many degrees"
    )

    @field_validator("valid_images")
    @classmethod
    def _of_both_classes(cls, valid: int) -> int:
        if valid % cls.CLASSES:
            raise ValueError("there are two classes; write a multiple of 2")
        return valid


class _Line(NamedTuple):
    """A line of a list."""

    file: str
    label: int


def splits(params: Params) -> tuple[str, ...]:
    """The splits that there are: nothing validates unless it is asked for."""
    return SPLITS if params.valid_images else ("train", "test")


def classes(params: Params) -> int:
    """Two: negative and positive."""
    return params.CLASSES


def image_counts(params: Params) -> dict[str, int]:
    """Images of each split before seeds choose theirs; nothing where the lists say how many."""
    if not params.complete:
        return {}
    lost = int(params.lists == "published")
    test = COUNTS["test"] - lost * (2 if params.test == "published" else 1)
    counts = {"train": COUNTS["train"] - lost - params.valid_images, "test": test}
    return counts | ({"valid": params.valid_images} if params.valid_images else {})


def credit(params: Params) -> str:
    """Whose collection it is; its images have several licences."""
    del params
    return "COVIDx CXR-2: M. Pavlova, A. Zhao et al.; of many collections, see its page"


def local_files(params: Params) -> list[str]:
    """What is looked for below ``$ISOTROPE_DATA``."""
    del params
    return [f"{TREE}/{name} or {ARCHIVE}" for name in ("train.txt", "test.txt")]


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Write the index of all images that the lists name.

    Raises:
        UserError: if a list or an image is absent, a line is no line of such a list, or there are
            fewer or more images than were published.
    """
    files = TreeOrArchives({ARCHIVE: f"{TREE}/"})
    rows: list[dict[str, str | int]] = []
    for part, expected in COUNTS.items():
        listed = list(_lines(files, part))
        labels = [line.label for line in listed]
        halves = part == "test" and 2 * sum(labels) != len(labels)
        if params.complete and (len(listed) != expected or halves):
            raise UserError(
                f"{indexed_file(f'{TREE}/{part}.txt')}: lists {len(listed)} images, "
                f"{sum(labels)} of them positive, not the {expected} of the version of 2021; get "
                "that version, or write `complete: false` under dataset"
            )
        for number, (name, label) in enumerate(listed):
            file, at = files.place(f"{TREE}/{part}/{name}")
            row: dict[str, str | int] = {"part": part, "line": number, "label": label}
            rows.append(row | {"file": file, "at": at, "name": f"{part}/{name}"})
    return [write_file_index(rows, folder, key)]


def _lines(files: TreeOrArchives, part: str) -> Iterator[_Line]:
    path = f"{TREE}/{part}.txt"
    text = read_place(files.place(path)).decode("utf-8", errors="replace")
    seen = set()
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if len(words) < 4 or words[-2] not in CLASSES:
            raise UserError(
                f"{indexed_file(path)}:{number}: '{line}' is no line of COVIDx; it needs a "
                "patient, a file, negative or positive, and a source"
            )
        name, label = " ".join(words[1:-2]), CLASSES.index(words[-2])
        seen.add(label)
        yield _Line(name, label)
    if len(seen) < len(CLASSES):
        raise UserError(f"{indexed_file(path)}: lists no images of one of the classes; complete it")


def load(params: Params, folder: Path, key: str, split: str) -> Stream:
    """The index of a split; training images lie class by class, in the order of their names.

    Raises:
        UserError: if fewer images are left than are to validate.
        ValueError: if the split is unknown, or not there with these settings.
    """
    if split not in splits(params):
        raise ValueError(f"split must be one of {', '.join(splits(params))}, got '{split}'")
    part = "test" if split == "test" else "train"
    lost = {"0"} if params.lists == "published" else set()
    found = [
        Photo(row["name"], Place(row["file"], row["at"]), int(row["label"]))
        for row in read_file_index(folder, key)
        if row["part"] == part and row["line"] not in lost
    ]
    found.sort(key=lambda photo: (photo.label, photo.name))
    labels = np.array([photo.label for photo in found], np.int64)
    rows = np.arange(len(found))
    if split == "test":
        rows = _equal_classes(labels) if params.test == "published" else rows
        rows = rows[interleaved(labels[rows])]
    elif params.valid_images:
        validates = _held_out(labels, params.valid_images)
        rows = rows[validates if split == "valid" else ~validates]
    return _square_photos.stream([found[row] for row in rows])


def _equal_classes(labels: NDArray[np.int64]) -> NDArray[np.intp]:
    """The first images of each class, as many as the smaller class has."""
    each = int(np.bincount(labels, minlength=len(CLASSES)).min())
    return np.concatenate([np.flatnonzero(labels == one)[:each] for one in range(len(CLASSES))])


def _held_out(labels: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """Which training images validate: ranks of each class that are drawn once for all seeds."""
    smaller = int(np.bincount(labels, minlength=len(CLASSES)).min())
    if count // len(CLASSES) >= smaller:
        raise UserError(
            f"dataset.valid_images: {count} images are asked for where the smaller class has "
            f"{smaller}; write a multiple of 2 below {2 * smaller}"
        )
    found = np.zeros(len(labels), np.bool_)
    found[_subsets.balanced_subset(labels, count, _HELD_OUT)] = True
    return found


def subset(params: Params, labels: Tensor, seed: int) -> Tensor | None:
    """The indices of a seed's training images; None where it trains on all.

    Args:
        params: of the data set.
        labels: of its training images, ``(n,)``.
        seed: of the training.
    """
    if params.chosen is None:
        return None
    most = len(CLASSES) * int(labels.bincount(minlength=len(CLASSES)).min())
    fewer = params.model_copy(update={"samples": min(params.chosen, most)})
    return _subsets.subset(fewer, labels, seed)
