"""Crops of ten photographs, which a network learns to tell apart: there without a download.

Source: the photographs lie in the package scikit-image (https://scikit-image.org, BSD licence),
which says of each that it is free, in the documentation of ``skimage.data``: ``PHOTOS`` lists them
with author and licence. Those whose licence is not said there, or is no more than "no known
restrictions", are left out.

Each photograph is reduced until its shorter side is 4.5 crops long. Its left half is for training,
the third quarter for validation and the right one for testing, so that no pixel is in two splits;
beside an edge pixels were reduced with their neighbours beyond it. An image shows one place of such
a region, drawn for it alone: image k is a crop of photograph k modulo 10, and every beginning of a
split has the classes in equal parts. Grey photographs have three equal channels.

It is a small stand-in for photos, not a benchmark: whoever knows a photograph's colours and
textures knows the most.
"""

import hashlib
import importlib.util
import io
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from isotrope.data._warp import pose_numbers
from isotrope.datasets.images import Images
from isotrope.errors import UserError
from isotrope.files.arrays import write_arrays
from isotrope.settings import Settings, load_time

REVISION = 1
SPLITS = ("train", "valid", "test")
PACKAGES = ("scikit-image",)
COUNTS = {"train": 1000, "valid": 300, "test": 500}
REGIONS = {"train": (0, 0.5), "valid": (0.5, 0.75), "test": (0.75, 1)}  # of the width
CROPS = 4.5  # that the shorter side of a reduced photograph is long


class Photo(NamedTuple):
    """A photograph: its class, its file in scikit-image, whose it is, and what its bytes are."""

    name: str
    file: str
    credit: str
    sha256: str


PHOTOS = (
    Photo(
        "astronaut",
        "astronaut.png",
        "NASA, public domain",
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    ),
    Photo(
        "brick",
        "brick.png",
        "CC0Textures, CC0",
        "7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf",
    ),
    Photo(
        "camera",
        "camera.png",
        "Lav Varshney, CC0",
        "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
    ),
    Photo(
        "cat",
        "chelsea.png",
        "Stefan van der Walt, CC0",
        "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    ),
    Photo(
        "coffee",
        "coffee.png",
        "Rachel Michetti, CC0",
        "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    ),
    Photo(
        "grass",
        "grass.png",
        "linolafett, CC0",
        "b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89",
    ),
    Photo(
        "gravel",
        "gravel.png",
        "CC0Textures, CC0",
        "c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12",
    ),
    Photo(
        "galaxies",
        "hubble_deep_field.jpg",
        "NASA, public domain",
        "3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4",
    ),
    Photo(
        "retina",
        "retina.jpg",
        "Mikael Haggstrom, CC0",
        "38a07f36f27f095e818aea7b96d34202c05176d30253c66733f2e00379e9e0e6",
    ),
    Photo(
        "rocket",
        "rocket.jpg",
        "SpaceX, public domain",
        "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
    ),
)


class Params(Settings):
    """How large the crops are, and how many of them are used."""

    source: Literal["embedded"] = Field("embedded", description="out of the package scikit-image")
    size: int = Field(32, ge=16, le=64, description="side of a crop, in pixels")
    seed: int = Field(0, ge=0, description="of the places of the crops; another one draws others")
    train_images: int = load_time(
        COUNTS["train"], ge=len(PHOTOS), le=COUNTS["train"], description="the first so many"
    )
    valid_images: int = load_time(
        COUNTS["valid"], ge=len(PHOTOS), le=COUNTS["valid"], description="the first so many"
    )
    test_images: int = load_time(
        COUNTS["test"], ge=len(PHOTOS), le=COUNTS["test"], description="the first so many"
    )


def image_shape(params: Params) -> tuple[int, int, int]:
    """Channels, height and width of an image."""
    return 3, params.size, params.size


def classes(params: Params) -> int:
    """How many photographs there are."""
    del params
    return len(PHOTOS)


def image_counts(params: Params) -> dict[str, int]:
    """Images of each split as they are read with these settings."""
    counts = (params.train_images, params.valid_images, params.test_images)
    return dict(zip(SPLITS, counts, strict=True))


def credit(params: Params) -> str:
    """Whose photographs these are, each with its licence."""
    del params
    return "; ".join(f"{photo.name}: {photo.credit}" for photo in PHOTOS)


def local_files(params: Params) -> list[str]:
    """None: the photographs come with a package."""
    del params
    return []


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Make ``<folder>/<key>.npz``.

    Raises:
        UserError: if a photograph is absent or another than this recipe was made for.
    """
    photos = [reduced(photograph(photo), round(CROPS * params.size)) for photo in PHOTOS]
    path = folder / f"{key}.npz"
    write_arrays(
        path, ((split, _crops(params, photos, number)) for number, split in enumerate(SPLITS))
    )
    return [path]


def photograph(photo: Photo) -> Image.Image:
    """A photograph in colour, as scikit-image has it.

    Raises:
        UserError: if it is absent or another than this recipe was made for.
    """
    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        raise UserError("photos: the package scikit-image is not installed; install it")
    path = Path(found.origin).parent / "data" / photo.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); install scikit-image 0.26 again"
        ) from error
    if hashlib.sha256(content).hexdigest() != photo.sha256:
        raise UserError(f"{path}: not the photograph of scikit-image 0.26; install that version")
    return Image.open(io.BytesIO(content)).convert("RGB")


def reduced(photo: Image.Image, shorter: int) -> NDArray[np.uint8]:
    """A photograph whose shorter side is so many pixels long, ``(height, width, 3)``."""
    scale = shorter / min(photo.size)
    size = (round(photo.width * scale), round(photo.height * scale))
    return np.asarray(photo.resize(size, Image.Resampling.LANCZOS))


def region(width: int, split: str) -> tuple[int, int]:
    """The columns of a reduced photograph that a split may show: from, and up to."""
    first, last = REGIONS[split]
    return int(width * first), int(width * last)


def _crops(params: Params, photos: list[NDArray[np.uint8]], number: int) -> NDArray[np.uint8]:
    """The images of a split, ``(n, 3, size, size)``."""
    split, size = SPLITS[number], params.size
    places = pose_numbers(params.seed, number, COUNTS[split], 2)
    images = np.empty((len(places), 3, size, size), np.uint8)
    for index, (across, down) in enumerate(places):
        photo = photos[index % len(photos)]
        first, last = region(photo.shape[1], split)
        left = first + int(across * (last - first - size + 1))
        top = int(down * (photo.shape[0] - size + 1))
        images[index] = photo[top : top + size, left : left + size].transpose(2, 0, 1)
    return images


def load(params: Params, folder: Path, key: str, split: str) -> Images:
    """The images of a split; the label of each is its photograph's place in ``PHOTOS``.

    Raises:
        ValueError: if the split is unknown.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got '{split}'")
    with np.load(folder / f"{key}.npz", allow_pickle=False) as arrays:
        images = torch.from_numpy(arrays[split][: image_counts(params)[split]].copy())
    return Images(images, torch.arange(len(images)) % len(PHOTOS))
