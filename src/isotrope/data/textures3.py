"""Patches of three photographed textures, brick, grass and gravel: there without a download.

Source: the photographs lie in the package scikit-image (https://scikit-image.org, BSD licence):
brick and gravel are CC0Textures', grass is linolafett's, all of them CC0. They are grey, 512 x 512
pixels.

The photographs are reduced until their sides are eight patches long. The left half is for
training, the third quarter for validation and the right one for testing, so that no pixel is in two
splits; beside an edge pixels were reduced with their neighbours beyond it. A patch shows one place
of such a region at an angle up to ``turn``, drawn for it alone: patch k is of texture k modulo 3,
and every beginning of a split has the textures in equal parts. With ``lighting: equal`` the
brightness of each patch is shifted and stretched to a mean of 127.5 and a standard deviation of 40,
cut off at black and white, so that only the texture tells the classes apart.

It is a small stand-in for data sets of materials such as KTH-TIPS2-b, not a benchmark: there is one
photograph of each material.
"""

import math
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator

from isotrope.data import photos
from isotrope.data._subsets import SubsetSettings, own_subsets, subset
from isotrope.data._warp import pose_numbers, warp
from isotrope.datasets.images import Images
from isotrope.files.arrays import write_arrays
from isotrope.settings import load_time

__all__ = ["own_subsets", "subset"]

REVISION = 1
SPLITS = ("train", "valid", "test")
PACKAGES = ("scikit-image",)
TEXTURES = ("brick", "grass", "gravel")
COUNTS = {"train": 600, "valid": 150, "test": 300}
PATCHES = 8  # that the side of a reduced photograph is long
MEAN, DEVIATION = 127.5, 40.0  # of a patch whose lighting is made equal, of 255
FLAT = 1.0  # the least deviation that is stretched, of 255


class Params(SubsetSettings):
    """How large the patches are, and how many of them are used."""

    CLASSES: ClassVar[int] = len(TEXTURES)

    source: Literal["embedded"] = Field("embedded", description="out of the package scikit-image")
    size: int = Field(32, ge=16, le=64, description="side of a patch, in pixels")
    seed: int = Field(0, ge=0, description="of the places of the patches; another one draws others")
    turn: float = Field(
        180.0,
        ge=0,
        le=180,
        description="angles are uniform between -turn and turn degrees, counter-clockwise positive",
    )
    lighting: Literal["equal", "photographed"] = Field(
        "equal",
        description="equal: all patches have one mean and one contrast; photographed: as they are",
    )
    channels: Literal[1, 3] = load_time(
        1, description="3: three equal ones, for networks of colour images"
    )
    train_images: int = load_time(
        COUNTS["train"],
        ge=len(TEXTURES),
        le=COUNTS["train"],
        validate_default=True,
        description="the first so many",
    )
    valid_images: int = load_time(
        COUNTS["valid"], ge=len(TEXTURES), le=COUNTS["valid"], description="the first so many"
    )
    test_images: int = load_time(
        COUNTS["test"], ge=len(TEXTURES), le=COUNTS["test"], description="the first so many"
    )

    @field_validator("train_images")
    @classmethod
    def _enough_for_samples(cls, images: int, info: ValidationInfo) -> int:
        most = cls.CLASSES * (images // cls.CLASSES)
        if (info.data.get("samples") or 0) > most:
            raise ValueError(f"`samples` asks for {info.data['samples']}; write at most {most}")
        return images


def image_shape(params: Params) -> tuple[int, int, int]:
    """Channels, height and width of an image."""
    return params.channels, params.size, params.size


def classes(params: Params) -> int:
    """How many textures there are."""
    return params.CLASSES


def image_counts(params: Params) -> dict[str, int]:
    """Images of each split as they are read with these settings, before seeds choose theirs."""
    counts = (params.train_images, params.valid_images, params.test_images)
    return dict(zip(SPLITS, counts, strict=True))


def credit(params: Params) -> str:
    """Whose photographs these are, each with its licence."""
    del params
    return "; ".join(f"{photo.name}: {photo.credit}" for photo in _textures())


def local_files(params: Params) -> list[str]:
    """None: the photographs come with a package."""
    del params
    return []


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Make ``<folder>/<key>.npz``.

    Raises:
        UserError: if a photograph is absent or another than this recipe was made for.
    """
    textures = [
        photos.reduced(photos.photograph(photo), PATCHES * params.size)[..., 0]
        for photo in _textures()
    ]
    path = folder / f"{key}.npz"
    write_arrays(
        path, ((split, _patches(params, textures, number)) for number, split in enumerate(SPLITS))
    )
    return [path]


def _textures() -> list[photos.Photo]:
    return [photo for photo in photos.PHOTOS if photo.name in TEXTURES]


def _patches(params: Params, textures: list[NDArray[np.uint8]], number: int) -> NDArray[np.uint8]:
    """The images of a split, ``(n, 1, size, size)``."""
    split, size = SPLITS[number], params.size
    cut = size if params.turn == 0 else size + 2 * math.ceil((math.sqrt(2) - 1) / 2 * size + 1)
    numbers = pose_numbers(params.seed, number, COUNTS[split], 3)
    pieces = np.empty((len(numbers), cut, cut), np.uint8)
    for index, (across, down, _) in enumerate(numbers):
        texture = textures[index % len(textures)]
        first, last = photos.region(texture.shape[1], split)
        left = first + int(across * (last - first - cut + 1))
        top = int(down * (texture.shape[0] - cut + 1))
        pieces[index] = texture[top : top + cut, left : left + cut]
    turned = warp(pieces, size, angle=params.turn * (2 * numbers[:, 2] - 1))
    if params.lighting == "equal":
        turned = np.stack([_equally_lit(patch) for patch in turned])
    return turned[:, None]


def _equally_lit(patch: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A patch of the mean and the contrast that all have."""
    known = patch.astype(np.float64)
    lit = MEAN + (known - known.mean()) * (DEVIATION / max(known.std(), FLAT))
    found: NDArray[np.uint8] = np.clip(np.rint(lit), 0, 255).astype(np.uint8)
    return found


def load(params: Params, folder: Path, key: str, split: str) -> Images:
    """The images of a split; the label of each is its texture's place in ``TEXTURES``.

    Raises:
        ValueError: if the split is unknown.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got '{split}'")
    with np.load(folder / f"{key}.npz", allow_pickle=False) as arrays:
        images = torch.from_numpy(arrays[split][: image_counts(params)[split]].copy())
    images = images.expand(-1, params.channels, -1, -1).contiguous()
    return Images(images, torch.arange(len(images)) % params.CLASSES)
