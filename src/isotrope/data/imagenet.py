"""ImageNet (ILSVRC 2012): 1,281,167 training and 50,000 test photos of a thousand kinds of things.

Classes are numbered in the order of their folders' names (``n01440764`` is 0), as torchvision's
weights number them. The tests are on the official validation photos, whose labels are published.

Source: Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", International
Journal of Computer Vision 115, 2015, https://arxiv.org/abs/1409.0575; for non-commercial research,
by the terms of access of https://image-net.org.

Nothing is copied. Below ``$ISOTROPE_DATA/imagenet`` lie

* ``train/<class>/*.JPEG``, or the archive as it is published, ``ILSVRC2012_img_train.tar``, which
  is read in place, the archives of classes inside it, too;
* ``val/<class>/*.JPEG``, or ``val/*.JPEG`` as the archive unpacks, or ``ILSVRC2012_img_val.tar``,
  which is read in place. The last two need a list of classes: see ``_imagenet_labels.py``.

Photos are prepared as in "Learnable Polyphase Sampling for Shift Invariant and Equivariant
Convolutional Networks" (Rojas-Gomez et al., NeurIPS 2022, https://arxiv.org/abs/2210.08001): for
tests the shorter side is resized to 256 pixels and the middle 224 x 224 are cut out, or 256 x 256
with ``size: 256``, from which its consistencies are measured; ``view`` names its three ways to
train. The published validation photos are its test photos (``valid_from: test``); here some of the
training photos validate unless that is asked for, the same for all seeds.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from isotrope.data import _class_folders, _photo_listing
from isotrope.data._class_folders import (
    FolderSettings,
    classes,
    image_counts,
    image_shape,
    read,
    valid_is_test,
)
from isotrope.data._imagenet_labels import classes_of_photos
from isotrope.data._photo_listing import Classes
from isotrope.data._splits import Part
from isotrope.datasets.archived_files import Place
from isotrope.datasets.file_index import indexed_file
from isotrope.datasets.stream import Stream
from isotrope.errors import UserError
from isotrope.settings import load_time

__all__ = ["classes", "image_counts", "image_shape", "read", "valid_is_test"]

REVISION = 1
SPLITS = ("train", "valid", "test")
PACKAGES = ("scipy", "torchvision")
FOLDER = "imagenet"
TRAIN, VAL = f"{FOLDER}/train", f"{FOLDER}/val"
TRAIN_ARCHIVE = f"{FOLDER}/ILSVRC2012_img_train.tar"
VAL_ARCHIVE = f"{FOLDER}/ILSVRC2012_img_val.tar"


class Params(FolderSettings):
    """How photos are prepared, and how many of them are used."""

    COUNTS: ClassVar[dict[Part, int]] = {"train": 1_281_167, "test": 50_000}
    CLASSES: ClassVar[int] = 1000

    valid_images: int = load_time(
        50_000, ge=1, description="so many of the training photos validate, of all classes"
    )


def credit(params: Params) -> str:
    """Whose photos these are, and what they may be used for."""
    del params
    return "ImageNet, ILSVRC 2012, O. Russakovsky et al.; non-commercial research, image-net.org"


def local_files(params: Params) -> list[str]:
    """What is looked for below ``$ISOTROPE_DATA``."""
    del params
    return [f"{TRAIN}/**/*.JPEG or {TRAIN_ARCHIVE}", f"{VAL}/**/*.JPEG or {VAL_ARCHIVE}"]


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Write the index of all photos.

    Raises:
        UserError: if photos or their classes are absent, an archive is damaged, or there are fewer
            or more photos than are published.
    """
    train = _photo_listing.in_tree(TRAIN)
    places: dict[Part, str] = {"train": TRAIN, "test": VAL}
    if not train and indexed_file(TRAIN_ARCHIVE).is_file():
        train, places["train"] = _photo_listing.in_tar_of_tars(TRAIN_ARCHIVE), TRAIN_ARCHIVE
    test = _photo_listing.in_tree(VAL) or _flat()
    for part, found in (("train", train), ("test", test)):
        if not found:
            raise UserError(
                f"{indexed_file(FOLDER)}: holds no {part} photos; put "
                f"{' or '.join(_places(part))} there"
            )
    parts: dict[Part, Classes] = {"train": train, "test": test}
    return _class_folders.write_index(params, parts, places, folder, key)


def _places(part: str) -> tuple[str, str]:
    found = (TRAIN, TRAIN_ARCHIVE) if part == "train" else (VAL, VAL_ARCHIVE)
    folder, archive = (path.removeprefix(f"{FOLDER}/") for path in found)
    return f"{folder}/<class>/*.JPEG", archive


def _flat() -> Classes:
    """The classes of validation photos that are not sorted."""
    photos = _photo_listing.flat_photos(VAL, VAL_ARCHIVE)
    return _photo_listing.grouped(_with_classes(photos)) if photos else {}


def _with_classes(photos: _photo_listing.Photos) -> Iterator[tuple[str, str, Place]]:
    known = classes_of_photos(FOLDER)
    for name, place in photos:
        if (stem := Path(name).stem) not in known:
            raise UserError(
                f"{indexed_file(place.file)}: {name} is in no list of validation photos; remove "
                "it, or sort the photos into a folder for each class"
            )
        yield known[stem], name, place


def load(params: Params, folder: Path, key: str, split: str) -> Stream:
    """The index of a split, its classes mixed.

    Raises:
        UserError: if more images are asked for than there are.
        ValueError: if the split is unknown.
    """
    return _class_folders.stream_of(params, folder, key, split)
