"""RotSVHN: digits of house numbers, each cut out of its photo at an angle of its own, 32 x 32.

Source: the photos are those of SVHN ("format 1", full numbers): Netzer, Wang, Coates, Bissacco, Wu
and Ng, "Reading Digits in Natural Images with Unsupervised Feature Learning", NIPS Workshop on Deep
Learning 2011, http://ufldl.stanford.edu/housenumbers; for non-commercial use only. They lie at
``$ISOTROPE_DATA/svhn/train`` and ``test``, as the archives unpack, with ``digitStruct.mat`` beside
them; reading this takes the package h5py. The recipe is that of the authors of Deep Log-Polar
Networks: each digit is turned by a whole number of degrees, 0 to 359, about the middle of its box,
the upright square about its turned box is cut out and resized to 32 x 32 pixels by cubic
interpolation; a zero has the label 0, where SVHN says 10.

Differs from theirs: an image is resampled once, straight from the photo, with a wider kernel where
it shrinks; angles come from a stream of their own for each digit (``pose_numbers``), as theirs are
not published; boxes count pixels from 1, as MATLAB does. Outside of a photo all is black.
"""

import hashlib
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from isotrope import paths
from isotrope.console.terminal import with_progress
from isotrope.data._digit_struct import DigitBox, read_boxes
from isotrope.data._image_blocks import SIZE, Block, read_blocks, starts, write_blocks
from isotrope.data._splits import (
    Part,
    TwoPartSettings,
    classes,
    image_counts,
    image_shape,
    valid_is_test,
)
from isotrope.data._stir_archive import write_sources
from isotrope.data._warp import pose_numbers, warp
from isotrope.datasets.images import Images
from isotrope.datasets.local_data import local_file
from isotrope.errors import UserError

__all__ = ["classes", "image_counts", "image_shape", "valid_is_test"]

REVISION = 1
SPLITS = ("train", "valid", "test")
PREVIEW = (None, "", None, ("angle",))
SIDE = 32
_MIDDLE = (SIDE - 1) / 2


class Params(TwoPartSettings):
    """Where the photos are, how the digits are turned, and how many of them are used."""

    COUNTS: ClassVar[dict[Part, int]] = {"train": 73_257, "test": 26_032}
    SHAPE: ClassVar[tuple[int, int, int]] = (3, SIDE, SIDE)
    CLASSES: ClassVar[int] = 10

    source: Literal["local"] = Field(
        description="local: photos and digitStruct.mat in $ISOTROPE_DATA/svhn/train and test"
    )
    seed: int = Field(0, ge=0, description="of the angles; another one draws others")


def credit(params: Params) -> str:
    """Whose photos these are, and what they may be used for."""
    del params
    return (
        "SVHN: Y. Netzer et al., 2011, http://ufldl.stanford.edu/housenumbers; non-commercial use"
    )


def local_files(params: Params) -> list[str]:
    """The lists of boxes and the photos below ``$ISOTROPE_DATA``."""
    return [
        f"svhn/{part}/{what}" for part in params.COUNTS for what in ("digitStruct.mat", "**/*.png")
    ]


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Make ``<folder>/<key>.npz``, and beside it the list of the files it was made from.

    Raises:
        UserError: if h5py is not installed, or a file is absent, damaged or another.
    """
    listed: list[tuple[str, str]] = []
    parts = ((part, _blocks(params, part, listed)) for part in params.COUNTS)
    path = write_blocks(folder / f"{key}.npz", parts)
    return [path, write_sources(listed, folder / f"{key}{paths.SOURCES_OF}")]


def _blocks(params: Params, part: Part, listed: list[tuple[str, str]]) -> Iterator[Block]:
    """The digits of a part, block by block; the files that are read are added to a list."""
    path = local_file(f"svhn/{part}/digitStruct.mat")
    boxes = read_boxes(path)
    if len(boxes) != params.COUNTS[part]:
        raise UserError(
            f"{path}: lists {len(boxes)} digits, not the {params.COUNTS[part]} of SVHN; unpack the "
            "archive again"
        )
    listed.append((f"{part}/{path.name}", hashlib.sha256(path.read_bytes()).hexdigest()))
    number = list(params.COUNTS).index(part)
    angles = np.floor(360 * pose_numbers(params.seed, number, len(boxes), 1)[:, 0])
    photo, name = np.empty((3, 0, 0), np.uint8), ""
    for start in with_progress(starts(len(boxes)), f"rot_svhn: {part}"):
        some = boxes[start : start + SIZE]
        images = np.empty((len(some), 3, SIDE, SIDE), np.uint8)
        for index, box in enumerate(some):
            if box.photo != name:
                photo, sha256 = _read_photo(path.parent / box.photo)
                name = box.photo
                listed.append((f"{part}/{name}", sha256))
            images[index] = cut_out(photo, box, float(angles[start + index]))
        labels = np.array([box.label % 10 for box in some], np.uint8)
        turned = angles[start : start + len(some)].astype(np.float32)
        yield {"images": images, "labels": labels, "angle": turned}


def _read_photo(path: Path) -> tuple[NDArray[np.uint8], str]:
    """A photo, ``(3, height, width)``, and the SHA-256 of its file."""
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as opened:
            pixels = np.asarray(opened.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise UserError(
            f"{path}: cannot be read as a photo ({error}); unpack the archive of SVHN again"
        ) from error
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)), hashlib.sha256(content).hexdigest()


def side_of(box: DigitBox, angle: float) -> float:
    """The side of the upright square about the turned box, in pixels of the photo."""
    cosine, sine = (abs(turn(math.radians(angle))) for turn in (math.cos, math.sin))
    return max(box.width * cosine + box.height * sine, box.width * sine + box.height * cosine)


def cut_out(photo: NDArray[np.uint8], box: DigitBox, angle: float) -> NDArray[np.uint8]:
    """A digit, turned about the middle of its box, ``(3, 32, 32)``.

    Args:
        photo: ``(3, height, width)``.
        box: where the digit is.
        angle: degrees, counter-clockwise as seen.
    """
    side = side_of(box, angle)
    scale = SIDE / side
    reach = math.ceil(side * math.sqrt(0.5) + 2 * max(1.0, 1 / scale)) + 1  # with the kernel
    x, y = box.centre
    (left, right), (top, bottom) = (
        (min(max(round(at) - reach, 0), size - 1), min(max(round(at) + reach + 1, 1), size))
        for at, size in ((x, photo.shape[2]), (y, photo.shape[1]))
    )
    part = photo[:, top:bottom, left:right]
    across, down = (left + right - 1) / 2 - x, (top + bottom - 1) / 2 - y
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    position = (
        _MIDDLE + scale * (cosine * across + sine * down),
        _MIDDLE + scale * (cosine * down - sine * across),
    )
    digit: NDArray[np.uint8] = warp(part[None], SIDE, angle, scale, position, "bicubic")[0]
    return digit


def load(params: Params, folder: Path, key: str, split: str) -> Images:
    """The digits of a split, in the order of the photos; latent ``angle`` ``(n,)``, degrees.

    Raises:
        UserError: if more images are asked for than there are.
        ValueError: if the split is unknown.
    """
    part, rows = params.rows(split)
    return read_blocks(folder / f"{key}.npz", part, rows.stop)[rows]
