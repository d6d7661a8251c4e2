"""Images with masks in the user's files: how many are used, how a pair is read and checked."""

import io
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field
from torch import Tensor

from isotrope.data._splits import Part, rows_of_split
from isotrope.datasets.archived_files import Place, TreeOrArchives, read_place
from isotrope.datasets.file_index import read_file_index, write_file_index
from isotrope.datasets.images import VOID
from isotrope.datasets.stream import Stream
from isotrope.errors import UserError
from isotrope.settings import Settings, load_time

Parts = dict[Part, list[tuple[str, str]]]


class MaskedSettings(Settings):
    """What data sets of masks have in common.

    Attributes:
        CLASSES: how many classes masks have.
        crop: pixels of the training images' sides; each data set says which it takes by default.
    """

    CLASSES: ClassVar[int]

    source: Literal["local"] = Field(description="local: the user's files in $ISOTROPE_DATA")
    complete: bool = Field(
        True,
        description="true: there must be as many images as are published; false: a part of them, "
        "or other images in the same layout",
    )
    crop: int = Field(ge=8, description="pixels of the training images' sides")
    train_images: int | None = load_time(
        None, ge=1, description="train on so many, the first ones; null: all"
    )
    valid_images: int = load_time(
        500, ge=1, description="so many of the last training images validate"
    )
    test_images: int | None = load_time(
        None, ge=1, description="test so many, the first ones; null: all"
    )
    valid_from: Literal["train", "test"] = load_time(
        "train",
        description="train: some training images are kept for validation; test: the test images "
        "are looked at while training, as published, with `training.keep: last` only",
    )


def image_shape(params: MaskedSettings) -> tuple[int, int, int]:
    """Channels, height and width of a training image."""
    return 3, params.crop, params.crop


def classes(params: MaskedSettings) -> int:
    """How many classes there are."""
    return params.CLASSES


def image_counts(params: MaskedSettings) -> dict[str, int]:
    """Nothing: how many images there are is known when they are looked for."""
    del params
    return {}


def valid_is_test(params: MaskedSettings) -> bool:
    """Whether the validation images are the test images, which must choose nothing."""
    return params.valid_from == "test"


class Pair(NamedTuple):
    """An image and its mask.

    Args:
        name: how errors name it.
        image: where the image is.
        mask: where its mask is.
    """

    name: str
    image: Place
    mask: Place


def write_pairs(files: TreeOrArchives, parts: Parts, folder: Path, key: str) -> Path:
    """Write the index of all images and masks.

    Args:
        files: where they are looked for.
        parts: of each part the paths of images and masks below ``$ISOTROPE_DATA``.
        folder: of the data set.
        key: of the data set's settings.

    Raises:
        UserError: if a file is absent.
    """
    rows = []
    for part, pairs in parts.items():
        for image, mask in pairs:
            there, its = files.place(image), files.place(mask)
            rows.append(
                {"part": part, "file": there.file, "at": there.at, "name": image}
                | {"mask": its.file, "mask_at": its.at}
            )
    return write_file_index(rows, folder, key)


def check_counts(found: Mapping[Part, int], published: Mapping[Part, int], where: str) -> None:
    """Compare how many images there are with how many are published.

    Raises:
        UserError: if they differ.
    """
    for part, count in published.items():
        if found[part] != count:
            raise UserError(
                f"{where}: has {found[part]} {part} images, not the {count} that are published; "
                "complete it, or write `complete: false` under dataset"
            )


def joint_views() -> Any:
    """The module of views of image and mask, imported when it is used: that takes seconds."""
    from isotrope.data import _joint_views

    return _joint_views


def stream_of(params: MaskedSettings, folder: Path, key: str, split: str) -> Stream:
    """The index of a split.

    Raises:
        UserError: if more images are asked for than there are.
        ValueError: if the split is unknown.
    """
    joint_views()  # else each process that reads imports it
    known: dict[Part, list[Pair]] = {"train": [], "test": []}
    for row in read_file_index(folder, key):
        part: Part = "train" if row["part"] == "train" else "test"
        mask = Place(row["mask"], row["mask_at"])
        known[part].append(Pair(row["name"], Place(row["file"], row["at"]), mask))
    part, rows = rows_of_split(
        split,
        {one: len(pairs) for one, pairs in known.items()},
        train_images=params.train_images,
        valid_images=params.valid_images,
        test_images=params.test_images,
        valid_from=params.valid_from,
    )
    return Stream(known[part][rows])


def read_pair(pair: Pair, classes_of: NDArray[np.uint8], labels: str) -> tuple[Tensor, Tensor]:
    """An image, uint8 ``(3, height, width)``, and its mask, uint8 ``(height, width)``.

    Args:
        pair: where they are.
        classes_of: the class of each value of a pixel of the mask, ``(256,)``; 254 where a value
            means nothing.
        labels: which values have a meaning, for errors.

    Raises:
        UserError: if the mask is damaged, has another size than the image, is no picture of
            numbers, or has a value that means nothing.
        OSError: if the image is damaged.
    """
    with Image.open(io.BytesIO(read_place(pair.image))) as opened:
        image = np.asarray(opened.convert("RGB"))
    values = _values(pair)
    if values.shape != image.shape[:2]:
        sizes = (f"{size[1]} x {size[0]}" for size in (values.shape, image.shape))
        raise UserError(
            "{}: the mask has {} pixels, the image {}; restore both".format(pair.name, *sizes)
        )
    mask = classes_of[values]
    if unknown := sorted(set(values[mask == UNKNOWN].tolist())):
        raise UserError(
            f"{pair.mask.file}: the mask of {pair.name} has pixels of "
            f"{', '.join(map(str, unknown[:5]))}; they must be {labels}"
        )
    return torch.from_numpy(image.transpose(2, 0, 1).copy()), torch.from_numpy(mask)


def _values(pair: Pair) -> NDArray[np.uint8]:
    """The numbers that a mask holds."""
    try:
        with Image.open(io.BytesIO(read_place(pair.mask))) as opened:
            if opened.mode not in ("L", "P"):
                raise UserError(
                    f"{pair.mask.file}: the mask of {pair.name} is a picture of mode "
                    f"{opened.mode}; a mask holds the number of a class in each pixel (L or P)"
                )
            return np.asarray(opened)
    except (OSError, SyntaxError, ValueError, zlib.error) as error:
        raise UserError(
            f"{pair.mask.file}: the mask of {pair.name} cannot be read ({error}); restore it"
        ) from error


UNKNOWN = 254  # stands for values of a mask that mean nothing


def class_table(known: Mapping[int, int], void: Sequence[int] = (VOID,)) -> NDArray[np.uint8]:
    """The class of each value of a mask's pixel, ``(256,)``, as `read_pair` takes it.

    Args:
        known: values and their classes.
        void: values of pixels that are of no class.
    """
    table = np.full(256, UNKNOWN, np.uint8)
    table[list(void)] = VOID
    table[list(known)] = list(known.values())
    return table
