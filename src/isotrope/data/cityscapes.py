"""Cityscapes: streets of German cities, each pixel of one of 19 kinds or of none, 1024 x 2048.

Classes in the order of their training numbers: road, sidewalk, building, wall, fence, pole, traffic
light, traffic sign, vegetation, terrain, sky, person, rider, car, truck, bus, train, motorcycle,
bicycle. All else is void (255).

Source: Cordts, Omran, Ramos, Rehfeld, Enzweiler, Benenson, Franke, Roth and Schiele, "The
Cityscapes Dataset for Semantic Urban Scene Understanding", CVPR 2016,
https://www.cityscapes-dataset.com; after registration, for non-commercial use only.

Nothing is copied. In ``$ISOTROPE_DATA/cityscapes`` lie ``leftImg8bit`` and ``gtFine``, or the
archives as they are published, ``leftImg8bit_trainvaltest.zip`` and ``gtFine_trainvaltest.zip``,
which are read in place. Masks are the files ``*_gtFine_labelIds.png``; their 34 numbers become the
19 classes when they are read.

The test images are the official validation images, at their full size: the labels of the official
test images are not published, their files are void everywhere. Training images are prepared as in
"Learnable Polyphase Sampling for Shift Invariant and Equivariant Convolutional Networks"
(Rojas-Gomez et al., NeurIPS 2022): a random square of ``crop`` pixels; brightness, contrast and
saturation each multiplied by 0.5 to 1.5, in a random order; mirrored every second time. There the
validation images are the test images (``valid_from: test``); here the last training images, of
cities of their own, validate unless that is asked for.
"""

from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import Field

from isotrope.data._masked_images import (
    MaskedSettings,
    Pair,
    Parts,
    check_counts,
    class_table,
    classes,
    image_counts,
    image_shape,
    joint_views,
    read_pair,
    stream_of,
    valid_is_test,
    write_pairs,
)
from isotrope.data._splits import Part
from isotrope.datasets.archived_files import TreeOrArchives
from isotrope.datasets.stream import Stream
from isotrope.errors import UserError
from isotrope.settings import load_time

__all__ = ["classes", "image_counts", "image_shape", "valid_is_test"]

REVISION = 1
SPLITS = ("train", "valid", "test")
kind = "segmentation"
COUNTS: dict[Part, int] = {"train": 2975, "test": 500}
SIZE = 1024, 2048  # height and width of every image
FOLDER = "cityscapes"
IMAGES, MASKS = "leftImg8bit", "gtFine"
ARCHIVES = {f"{FOLDER}/{name}_trainvaltest.zip": f"{FOLDER}/" for name in (IMAGES, MASKS)}
OFFICIAL: dict[Part, str] = {"train": "train", "test": "val"}
# numbers in the masks that have a class, in the order of the classes; 34 numbers in all
NUMBERS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
_VOID = (*(number for number in range(34) if number not in NUMBERS), 255)
_TABLE = class_table({number: place for place, number in enumerate(NUMBERS)}, _VOID)


class Params(MaskedSettings):
    """How training images are cut and coloured."""

    CLASSES: ClassVar[int] = len(NUMBERS)

    crop: int = Field(768, ge=8, description="pixels of the training images' sides")
    colour_jitter: float = load_time(
        0.5, ge=0, le=1, description="brightness, contrast and saturation are changed by so much"
    )


def image_shapes(params: Params) -> dict[str, tuple[int, int, int]]:
    """Those of images that are tested: they are whole."""
    del params
    return dict.fromkeys(("valid", "test"), (3, *SIZE))


def credit(params: Params) -> str:
    """Whose images these are, and what they may be used for."""
    del params
    return "Cityscapes, M. Cordts et al., CVPR 2016; non-commercial use only"


def local_files(params: Params) -> list[str]:
    """What is looked for below ``$ISOTROPE_DATA``."""
    del params
    return [
        f"{FOLDER}/{name}/**/*.png or {archive}"
        for name, archive in zip((IMAGES, MASKS), ARCHIVES, strict=True)
    ]


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Write the index of images and masks.

    Raises:
        UserError: if there is no image, a mask is absent, an archive is damaged, or there are fewer
            or more than are published.
    """
    files = TreeOrArchives(ARCHIVES)
    parts: Parts = {part: _pairs(files, name) for part, name in OFFICIAL.items()}
    if params.complete:
        check_counts({part: len(pairs) for part, pairs in parts.items()}, COUNTS, FOLDER)
    return [write_pairs(files, parts, folder, key)]


def _pairs(files: TreeOrArchives, part: str) -> list[tuple[str, str]]:
    """Images and masks of an official part, by city and number."""
    ending = f"_{IMAGES}.png"
    images = files.below(f"{FOLDER}/{IMAGES}/{part}", ending)
    if not images:
        raise UserError(
            f"{FOLDER}/{IMAGES}/{part}: no file *{ending} under $ISOTROPE_DATA, and none in "
            f"{next(iter(ARCHIVES))}; put them there"
        )
    found = []
    for image in images:
        city, name = image.removesuffix(ending).split("/")[-2:]
        found.append((image, f"{FOLDER}/{MASKS}/{part}/{city}/{name}_{MASKS}_labelIds.png"))
    return found


def load(params: Params, folder: Path, key: str, split: str) -> Stream:
    """The index of a split, by city and number.

    Raises:
        UserError: if more images are asked for than there are.
        ValueError: if the split is unknown.
    """
    return stream_of(params, folder, key, split)


def read(params: Params, entry: Pair, generator: torch.Generator | None) -> tuple[Any, ...]:
    """An image, uint8 ``(3, height, width)``, and its mask, uint8 ``(height, width)``.

    Raises:
        UserError: if the mask does not fit, or the image has another size than all others.
    """
    image, mask = read_pair(entry, _TABLE, "0 to 33, or 255 for void")
    if mask.shape != SIZE:
        raise UserError(
            f"{entry.name}: has {mask.shape[1]} x {mask.shape[0]} pixels; images of Cityscapes "
            f"have {SIZE[1]} x {SIZE[0]}"
        )
    if generator is None:
        return image, mask
    views = joint_views()
    image, mask = views.randomly_cropped(image, mask, params.crop, False, generator)
    image = views.coloured(image, params.colour_jitter, generator)
    image, mask = views.flipped_or_not(image, mask, generator)
    return image, mask
