"""PASCAL VOC 2012: photos in which each pixel is of one of 20 kinds of things or of none.

Class 0 is the background, then in the order of VOC: aeroplane, bicycle, bird, boat, bottle, bus,
car, cat, chair, cow, diningtable, dog, horse, motorbike, person, pottedplant, sheep, sofa, train,
tvmonitor. Borders of things and what is hard to tell are void (255).

Sources: Everingham, Van Gool, Williams, Winn and Zisserman, "The PASCAL Visual Object Classes
Challenge 2012", http://host.robots.ox.ac.uk/pascal/VOC/voc2012; its photos are from Flickr, whose
terms of use hold for them. Masks of 10,582 training images (``train: aug``): Hariharan, Arbelaez,
Bourdev, Maji and Malik, "Semantic Contours from Inverse Detectors", ICCV 2011.

Nothing is copied. Below ``$ISOTROPE_DATA`` lie ``VOCdevkit/VOC2012`` with ``JPEGImages``,
``SegmentationClass`` and ``ImageSets/Segmentation``, or the archive as it is published,
``VOCtrainval_11-May-2012.tar``, which is read in place; for ``train: aug`` also the list
``ImageSets/Segmentation/train_aug.txt`` (or ``trainaug.txt``) and the folder
``SegmentationClassAug`` beside ``SegmentationClass``, or ``SegmentationClassAug.zip``.

Training images are prepared as in "Learnable Polyphase Sampling for Shift Invariant and Equivariant
Convolutional Networks" (Rojas-Gomez et al., NeurIPS 2022): scaled by 0.5 to 2, a random square of
``crop`` pixels, mirrored every second time. What lies outside of a photo is void and of the mean
colour; the published code calls it background (``crop_fill: background``). The test images are the
official validation images, whose shorter side the published code resizes to ``crop``, mask
included, and cuts a square out of the middle (``test_form: published``); ``standard`` resizes
nothing, so that its mean IoU is that of VOC, and pads to multiples of 32 pixels with void. The
published validation images are the test images (``valid_from: test``); here the last training
images validate unless that is asked for.

Differs from the published code: a photo smaller than the square is padded evenly on both sides, by
no more than is needed; masks are read at the pixel whose centre is nearest.
"""

from pathlib import Path
from typing import Any, ClassVar, Literal

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
from isotrope.datasets.archived_files import TreeOrArchives, read_place
from isotrope.datasets.stream import Stream
from isotrope.errors import UserError
from isotrope.settings import load_time

__all__ = ["classes", "image_counts", "image_shape", "valid_is_test"]

REVISION = 1
SPLITS = ("train", "valid", "test")
kind = "segmentation"
CLASSES = 21
COUNTS: dict[str, dict[Part, int]] = {
    "aug": {"train": 10_582, "test": 1449},
    "plain": {"train": 1464, "test": 1449},
}
SCALES = (0.5, 2.0)
MULTIPLE = 32  # pixels, the total stride of networks
FOLDER = "VOCdevkit/VOC2012"
LISTS = f"{FOLDER}/ImageSets/Segmentation"
ARCHIVES = {"VOCtrainval_11-May-2012.tar": "", "SegmentationClassAug.zip": f"{FOLDER}/"}
MASKS = {"aug": "SegmentationClassAug", "plain": "SegmentationClass"}
TRAIN_LISTS = {"aug": ("train_aug.txt", "trainaug.txt"), "plain": ("train.txt",)}
_TABLE = class_table({number: number for number in range(CLASSES)})


class Params(MaskedSettings):
    """Which masks are trained on, and how images are prepared."""

    CLASSES: ClassVar[int] = CLASSES

    train: Literal["aug", "plain"] = Field(
        "aug", description="train on the 10,582 images with masks of SBD, or on the 1,464 of VOC"
    )
    crop: int = Field(
        513,
        ge=8,
        description="pixels of the training images' sides; 512 for networks that sample up what "
        "they sampled down",
    )
    crop_fill: Literal["void", "background"] = load_time(
        "void", description="what lies outside of a photo; background: as published"
    )
    test_form: Literal["standard", "published"] = load_time(
        "standard",
        description="standard: whole photos, padded to multiples of 32 pixels with void; "
        "published: photo and mask resized and cut to squares of `crop` pixels",
    )


def credit(params: Params) -> str:
    """Whose photos and masks these are."""
    del params
    return "PASCAL VOC 2012, M. Everingham et al.; photos from Flickr, under its terms of use"


def local_files(params: Params) -> list[str]:
    """What is looked for below ``$ISOTROPE_DATA``."""
    photos, masks = ARCHIVES
    needed = [f"{LISTS}/val.txt or {photos}", f"{FOLDER}/JPEGImages/**/*.jpg or {photos}"]
    if params.train == "aug":
        needed.append(" or ".join(f"{LISTS}/{name}" for name in TRAIN_LISTS["aug"]))
        needed.append(f"{FOLDER}/{MASKS['aug']}/**/*.png or {masks}")
    return needed


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Write the index of photos and masks.

    Raises:
        UserError: if a list, a photo or a mask is absent, an archive is damaged, or there are
            fewer or more than are published.
    """
    files = TreeOrArchives(ARCHIVES)
    parts: Parts = {
        "train": _pairs(files, TRAIN_LISTS[params.train], MASKS[params.train]),
        "test": _pairs(files, ("val.txt",), MASKS["plain"]),
    }
    if params.complete:
        found: dict[Part, int] = {part: len(pairs) for part, pairs in parts.items()}
        check_counts(found, COUNTS[params.train], LISTS)
    return [write_pairs(files, parts, folder, key)]


def _pairs(files: TreeOrArchives, lists: tuple[str, ...], masks: str) -> list[tuple[str, str]]:
    """Photos and masks of the first list that is there."""
    found = [place for name in lists if (place := files.find(f"{LISTS}/{name}"))]
    place = found[0] if found else files.place(f"{LISTS}/{lists[0]}")
    lines = read_place(place).decode("utf-8", "replace").splitlines()
    names = [Path(line.split()[0]).stem for line in lines if line.strip()]
    if not names:
        raise UserError(f"{place.file}: the list names no image; restore it")
    return [(f"{FOLDER}/JPEGImages/{name}.jpg", f"{FOLDER}/{masks}/{name}.png") for name in names]


def load(params: Params, folder: Path, key: str, split: str) -> Stream:
    """The index of a split, in the order of its list.

    Raises:
        UserError: if more images are asked for than there are.
        ValueError: if the split is unknown.
    """
    return stream_of(params, folder, key, split)


def read(params: Params, entry: Pair, generator: torch.Generator | None) -> tuple[Any, ...]:
    """A photo, uint8 ``(3, height, width)``, and its mask, uint8 ``(height, width)``.

    Raises:
        UserError: if the mask does not fit.
    """
    views = joint_views()
    image, mask = read_pair(entry, _TABLE, f"0 to {CLASSES - 1}, or 255 for void")
    if generator is not None:
        image, mask = views.scaled(image, mask, *SCALES, generator)
        background = params.crop_fill == "background"
        image, mask = views.randomly_cropped(image, mask, params.crop, background, generator)
        image, mask = views.flipped_or_not(image, mask, generator)
    elif params.test_form == "published":
        image, mask = views.central_square(image, mask, params.crop)
    else:
        image, mask = views.padded_to_multiple(image, mask, MULTIPLE)
    return image, mask
