"""Photos of the user's in a folder for each class, or in tar archives of such folders.

Nothing is copied: an index says where each photo lies, and a photo is read when it is needed.
Classes are numbered in the order of the names of their folders, as torchvision numbers them.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field, ValidationInfo, field_validator
from torch import Tensor

from isotrope.data._photo_listing import Classes
from isotrope.data._splits import Part, interleaved, rows_of_split
from isotrope.datasets.archived_files import Place, read_place
from isotrope.datasets.file_index import indexed_file, rows_of_file_index, write_file_index
from isotrope.datasets.stream import Stream
from isotrope.errors import UserError
from isotrope.settings import Settings, load_time


class FolderSettings(Settings):
    """How photos are prepared, and how many of them are used.

    Args:
        COUNTS: how many photos each part has as it is published.
        CLASSES: how many classes there are.
    """

    COUNTS: ClassVar[dict[Part, int]]
    CLASSES: ClassVar[int]

    source: Literal["local"] = Field(description="local: the user's files in $ISOTROPE_DATA")
    complete: bool = Field(
        True,
        description="true: there must be as many photos as are published; false: a part of them, "
        "of all classes",
    )
    fit: Literal["crop", "pad"] = load_time(
        "crop",
        description="crop: the shorter side is resized, and the middle cut out; pad: black makes "
        "the photo a square, which is resized to `size`",
    )
    resize: int = load_time(256, ge=8, description="pixels of the shorter side of a photo")
    size: int = load_time(
        224, ge=8, description="side of the square in its middle that is tested, in pixels"
    )
    view: Literal["basic", "circular", "randomresized", "plain"] = load_time(
        "randomresized",
        description="of training photos; basic: as tested, mirrored every second time; circular: "
        "basic, rolled by up to 32 pixels along each axis; randomresized: a random part, resized, "
        "mirrored every second time; plain: as tested",
    )
    tested: Literal["square", "whole"] = load_time(
        "square",
        description="of photos that are tested; square: as `fit` says; whole: as large as they "
        "are, for networks that take images of any size",
    )
    train_images: int | None = load_time(
        None, ge=1, description="train on so many, of all classes; null: all"
    )
    valid_images: int = load_time(
        1, ge=1, description="so many of the training photos validate, of all classes"
    )
    test_images: int | None = load_time(
        None, ge=1, description="test so many, of all classes; null: all"
    )
    valid_from: Literal["train", "test"] = load_time(
        "train",
        description="train: some training images are kept for validation; test: the test images "
        "are looked at while training, as published, with `training.keep: last` only",
    )

    @field_validator("size")
    @classmethod
    def _it_fits(cls, size: int, info: ValidationInfo) -> int:
        shorter = info.data.get("resize", size)
        if size > shorter and info.data.get("fit") != "pad":
            raise ValueError(f"the shorter side of photos has {shorter} pixels (`resize`)")
        return size

    def rows(self, split: str, counts: dict[Part, int]) -> tuple[Part, slice]:
        """The part that a split is of, and the rows of it.

        Raises:
            UserError: if the part has too few images.
            ValueError: if the split is unknown.
        """
        return rows_of_split(
            split,
            counts,
            train_images=self.train_images,
            valid_images=self.valid_images,
            test_images=self.test_images,
            valid_from=self.valid_from,
        )


def image_shape(params: FolderSettings) -> tuple[int, int, int]:
    """Channels, height and width of an image."""
    return 3, params.size, params.size


def classes(params: FolderSettings) -> int:
    """How many classes there are."""
    return params.CLASSES


def image_counts(params: FolderSettings) -> dict[str, int]:
    """Images of each split; nothing where that is known when the files are listed only."""
    if not params.complete:
        return {}
    rows = {split: params.rows(split, params.COUNTS)[1] for split in ("train", "valid", "test")}
    return {split: found.stop - found.start for split, found in rows.items()}


def valid_is_test(params: FolderSettings) -> bool:
    """Whether the validation images are the test images, which must choose nothing."""
    return params.valid_from == "test"


class Photo(NamedTuple):
    """A photo: how errors name it, where it is, and its class."""

    name: str
    place: Place
    label: int


class PhotoIndex(Sequence[Photo]):
    """Very many photos, in little memory, which processes that read share.

    Args:
        texts: names, files and bytes in files of all photos, UTF-8, each ``(n,)``.
        labels: int64 ``(n,)``.
    """

    def __init__(self, texts: list[NDArray[np.bytes_]], labels: NDArray[np.int64]) -> None:
        self.texts = texts
        self.labels = labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, chosen: Any) -> Any:
        """A photo by its number, or some by a slice or by their numbers ``(m,)``."""
        if not isinstance(chosen, int):
            return PhotoIndex([text[chosen] for text in self.texts], self.labels[chosen])
        name, file, at = (bytes(text[chosen]).decode() for text in self.texts)
        return Photo(name or file, Place(file, at), int(self.labels[chosen]))


def write_index(
    params: FolderSettings,
    parts: Mapping[Part, Classes],
    places: Mapping[Part, str],
    folder: Path,
    key: str,
) -> list[Path]:
    """Write the index of all photos.

    Args:
        params: say whether there must be all that are published.
        parts: the classes of both parts.
        places: where each part lies, for errors.
        folder: of the data set.
        key: of the data set's settings.

    Raises:
        UserError: if a class has no folder or no photo, or there are fewer or more photos than are
            published.
    """
    every = sorted({name for found in parts.values() for name in found})
    for part, found in parts.items():
        if absent := [name for name in every if name not in found]:
            raise UserError(
                f"{indexed_file(places[part])}: has no class {absent[0]}"
                f"{_and_others(len(absent) - 1)}; add what is missing"
            )
    if len(every) != params.CLASSES:
        raise UserError(
            f"{indexed_file(places['train'])}: has {len(every)} classes, not {params.CLASSES}; add "
            "what is missing, or remove folders of no class"
        )
    counts: dict[Part, int] = dict.fromkeys(parts, 0)
    path = write_file_index(_rows(parts, places, counts), folder, key)
    for part, count in counts.items():
        if params.complete and count != params.COUNTS[part]:
            raise UserError(
                f"{indexed_file(places[part])}: has {count} photos, not the {params.COUNTS[part]} "
                "that are published; complete it, or write `complete: false` under dataset"
            )
    return [path]


def _and_others(count: int) -> str:
    return f" and {count} others" if count else ""


def _rows(
    parts: Mapping[Part, Classes], places: Mapping[Part, str], counts: dict[Part, int]
) -> Iterator[dict[str, str | int]]:
    """A row for each photo; how many there are is counted."""
    for part, found in parts.items():
        for label, folder in enumerate(sorted(found)):
            photos = found[folder]()
            if not photos:
                raise UserError(
                    f"{indexed_file(places[part])}: class {folder} has no photo; complete it"
                )
            counts[part] += len(photos)
            for name, (file, at) in photos:
                called = f"{folder}/{name}" if at else ""
                yield {"part": part, "label": label, "file": file, "at": at, "name": called}


def stream_of(params: FolderSettings, folder: Path, key: str, split: str) -> Stream:
    """The index of a split, with the classes mixed so that every beginning has all.

    Raises:
        UserError: if more images are asked for than there are.
        ValueError: if the split is unknown.
    """
    _views()  # else each process that reads imports it
    columns = ("name", "file", "at")
    texts: dict[Part, list[list[bytes]]] = {part: [[], [], []] for part in params.COUNTS}
    labels: dict[Part, list[int]] = {part: [] for part in params.COUNTS}
    for row in rows_of_file_index(folder, key):
        part: Part = "train" if row["part"] == "train" else "test"
        labels[part].append(int(row["label"]))
        for column, name in zip(texts[part], columns, strict=True):
            column.append(row[name].encode())
    part, rows = params.rows(split, {one: len(its) for one, its in labels.items()})
    its_labels = np.array(labels[part], dtype=np.int64)
    index = PhotoIndex([np.array(column) for column in texts[part]], its_labels)
    found = index[interleaved(its_labels)[rows]]
    return Stream(found, torch.from_numpy(found.labels))


def read(
    params: FolderSettings, entry: Photo, generator: torch.Generator | None
) -> tuple[Tensor, int]:
    """A photo, uint8 ``(3, size, size)`` unless it is tested whole, and its class.

    Raises:
        OSError: if the file is not there, or damaged.
    """
    views = _views()
    with Image.open(io.BytesIO(read_place(entry.place))) as opened:
        photo = opened.convert("RGB")
    sizes = (params.resize, params.size)
    if generator is not None:
        return views.trained(photo, params.view, *sizes, generator, params.fit), entry.label
    if params.tested == "whole":
        return views.whole(photo), entry.label
    if params.fit == "pad":
        return views.padded(photo, params.size), entry.label
    return views.tested(photo, *sizes), entry.label


def _views() -> Any:
    """The module of views, imported when it is used: that takes seconds."""
    from isotrope.data import _photo_views

    return _photo_views
