"""Photos of the user's that are resized to a square, from which training cuts random pieces.

Nothing is copied: an index says where each photo lies, and a photo is read when it is needed. A
training photo is resized, turned by a random angle, cut at a random place and mirrored every second
time; a photo that is tested is resized, and its middle is cut out. Photos are resized with
bilinear, anti-aliased interpolation and turned to the nearest pixels, black beyond their edges, as
torchvision does with photos of Pillow.
"""

import io
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from PIL import Image
from pydantic import ValidationInfo, field_validator
from torch import Tensor

from isotrope.data._class_folders import Photo, PhotoIndex
from isotrope.datasets.archived_files import read_place
from isotrope.datasets.stream import Stream
from isotrope.settings import Settings, load_time


class SquareSettings(Settings):
    """How photos are prepared."""

    resize: int = load_time(ge=8, description="side of a resized photo, in pixels")
    size: int = load_time(ge=8, description="side of what is cut out of it, in pixels")
    turn: float = load_time(
        ge=0, le=180, description="training photos are turned by up to so many degrees"
    )
    view: Literal["random", "plain"] = load_time(
        "random",
        description="of training photos; random: turned, cut anywhere, mirrored every second time; "
        "plain: as tested",
    )

    @field_validator("size")
    @classmethod
    def _it_fits(cls, size: int, info: ValidationInfo) -> int:
        side = info.data.get("resize", size)
        if size > side:
            raise ValueError(f"a resized photo has {side} pixels (`resize`)")
        return size


def stream(photos: Sequence[Photo]) -> Stream:
    """Photos in their order, to be read by `read`."""
    columns = (
        [one.name for one in photos],
        [one.place.file for one in photos],
        [one.place.at for one in photos],
    )
    labels = np.array([one.label for one in photos], np.int64)
    texts = [np.array([text.encode() for text in column], np.bytes_) for column in columns]
    return Stream(PhotoIndex(texts, labels), torch.from_numpy(labels))


def image_shape(params: SquareSettings) -> tuple[int, int, int]:
    """Channels, height and width of an image."""
    return 3, params.size, params.size


def read(
    params: SquareSettings, entry: Photo, generator: torch.Generator | None
) -> tuple[Tensor, int]:
    """A photo, uint8 ``(3, size, size)``, and its class.

    Args:
        params: of the data set.
        entry: of its index.
        generator: of what training draws; None where photos are tested.

    Raises:
        OSError: if the file is not there, or damaged.
    """
    with Image.open(io.BytesIO(read_place(entry.place))) as opened:
        photo = opened.convert("RGB")
    photo = photo.resize((params.resize, params.resize), Image.Resampling.BILINEAR)
    room = params.resize - params.size
    if generator is None or params.view == "plain":
        top = left = round(room / 2)
        mirrored = False
    else:
        if params.turn:
            angle = params.turn * (2 * _number(generator) - 1)
            photo = photo.rotate(angle, Image.Resampling.NEAREST)
        top, left = (int(torch.randint(0, room + 1, (), generator=generator)) for _ in range(2))
        mirrored = _number(generator) < 0.5
    pixels = np.asarray(photo)[top : top + params.size, left : left + params.size]
    if mirrored:
        pixels = pixels[:, ::-1]
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))), entry.label


def _number(generator: torch.Generator) -> float:
    """A number in 0..1."""
    return float(torch.rand((), generator=generator))
