"""Imagenette: 13,394 photos of ImageNet of ten kinds of things that are easily told apart.

Classes 0 to 9: tench, English springer, cassette player, chain saw, church, French horn, garbage
truck, petrol pump, golf ball, parachute. The tests are on its validation photos.

Source: Howard, Imagenette (its second version), https://github.com/fastai/imagenette; the photos
are ImageNet's, for non-commercial research.

Nothing is copied. Below ``$ISOTROPE_DATA`` lies one of ``imagenette2``, ``imagenette2-320`` and
``imagenette2-160``, as ``resolution`` says, with ``train/<class>/*.JPEG`` and
``val/<class>/*.JPEG``, or a tar archive of it, ``imagenette2-320.tar``, which is read in place. The
published ``.tgz`` is packed as a whole, so that no photo in it can be found without unpacking all
before it: ``tar xzf`` it, or ``gunzip`` it to a ``.tar``.

Photos are prepared as ImageNet's are: see ``imagenet.py``. Photos of 160 pixels are enlarged.
"""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from isotrope.data import _class_folders, _photo_listing
from isotrope.data._class_folders import (
    FolderSettings,
    classes,
    image_counts,
    image_shape,
    read,
    valid_is_test,
)
from isotrope.data._photo_listing import Classes
from isotrope.data._splits import Part
from isotrope.datasets.file_index import indexed_file
from isotrope.datasets.stream import Stream
from isotrope.errors import UserError
from isotrope.settings import load_time

__all__ = ["classes", "image_counts", "image_shape", "read", "valid_is_test"]

REVISION = 1
SPLITS = ("train", "valid", "test")
PACKAGES = ("torchvision",)
FOLDERS = {"full": "imagenette2", "320": "imagenette2-320", "160": "imagenette2-160"}
WNIDS = (
    "n01440764",
    "n02102040",
    "n02979186",
    "n03000684",
    "n03028079",
    "n03394916",
    "n03417042",
    "n03425413",
    "n03445777",
    "n03888257",
)


class Params(FolderSettings):
    """Which of the three sizes there is, how photos are prepared, and how many are used."""

    COUNTS: ClassVar[dict[Part, int]] = {"train": 9469, "test": 3925}
    CLASSES: ClassVar[int] = 10

    resolution: Literal["full", "320", "160"] = Field(
        "320", description="full: photos as in ImageNet; 320, 160: pixels of their shorter side"
    )
    valid_images: int = load_time(
        1000, ge=1, description="so many of the training photos validate, of all classes"
    )


def credit(params: Params) -> str:
    """Whose photos these are, and what they may be used for."""
    del params
    return "Imagenette, J. Howard; photos of ImageNet, for non-commercial research"


def local_files(params: Params) -> list[str]:
    """What is looked for below ``$ISOTROPE_DATA``."""
    folder = FOLDERS[params.resolution]
    return [f"{folder}/{part}/**/*.JPEG or {folder}.tar" for part in ("train", "val")]


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Write the index of all photos.

    Raises:
        UserError: if photos are absent or only in the packed archive, an archive is damaged, or
            there are fewer or more photos than are published.
    """
    name = FOLDERS[params.resolution]
    places: dict[Part, str] = {"train": f"{name}/train", "test": f"{name}/val"}
    parts = {part: _classes(name, place) for part, place in places.items()}
    for part, found in parts.items():
        if absent := [wnid for wnid in WNIDS if wnid not in found]:
            raise UserError(
                f"{indexed_file(places[part])}: has no class {absent[0]}; complete it{_hint(name)}"
            )
    return _class_folders.write_index(params, parts, places, folder, key)


def _classes(name: str, place: str) -> Classes:
    found = _photo_listing.in_tree(place)
    if not found and indexed_file(f"{name}.tar").is_file():
        return _photo_listing.in_tar(f"{name}.tar", place)
    return found


def _hint(name: str) -> str:
    """What to do about an archive that is packed as a whole."""
    if not indexed_file(f"{name}.tgz").is_file():
        return ""
    return f" ({name}.tgz cannot be read in place: `tar xzf` it, or `gunzip` it to {name}.tar)"


def load(params: Params, folder: Path, key: str, split: str) -> Stream:
    """The index of a split, its classes mixed.

    Raises:
        UserError: if more images are asked for than there are.
        ValueError: if the split is unknown.
    """
    return _class_folders.stream_of(params, folder, key, split)
