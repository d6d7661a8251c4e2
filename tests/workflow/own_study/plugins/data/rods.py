"""Bright rods that lie or stand, of several lengths, in noise."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from pydantic import Field

from isotrope.datasets.images import Images
from isotrope.settings import Settings

REVISION = 1
SPLITS = ("train", "valid", "test")
COUNTS = {"train": 64, "valid": 32, "test": 32}
SIZE = 12  # pixels
LENGTHS = (4, 8)  # pixels


class Params(Settings):
    """What a param-file may say."""

    noise: int = Field(10, ge=0, le=100, description="standard deviation of the noise")


def image_shape(params: Params) -> tuple[int, int, int]:
    del params
    return 1, SIZE, SIZE


def classes(params: Params) -> int:
    del params
    return 2


def image_counts(params: Params) -> dict[str, int]:
    del params
    return dict(COUNTS)


def local_files(params: Params) -> list[str]:
    del params
    return []


def build(params: Params, folder: Path, key: str) -> list[Path]:
    arrays: dict[str, Any] = {}
    for number, split in enumerate(SPLITS):
        found = [sample(params.noise, number, i) for i in range(COUNTS[split])]
        arrays[f"{split}_images"] = np.stack([rod.image for rod in found])
        arrays[f"{split}_labels"] = np.array([rod.label for rod in found], dtype=np.int64)
        arrays[f"{split}_lengths"] = np.array([rod.length for rod in found], dtype=np.int64)
    path = folder / f"{key}.npz"
    np.savez_compressed(path, **arrays)
    return [path]


class Rod(NamedTuple):
    """An image with what it shows: whether the rod lies, where it is, and how long."""

    image: np.ndarray
    label: int
    mask: np.ndarray
    length: int


def sample(noise: int, split: int, index: int) -> Rod:
    random = np.random.Generator(np.random.Philox(key=[split, index]))
    label, length = index % 2, LENGTHS[index // 2 % 2]
    mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
    top, left = random.integers(0, SIZE - length + 1, 2)
    mask[top : top + length, left] = 1
    if label:
        mask = mask.T.copy()
    image = (200 * mask + random.normal(0, noise, mask.shape)).clip(0, 255).astype(np.uint8)
    return Rod(image, label, mask, length)


def load(params: Params, folder: Path, key: str, split: str) -> Images:
    del params
    with np.load(folder / f"{key}.npz", allow_pickle=False) as arrays:
        images, labels, lengths = (
            torch.from_numpy(arrays[f"{split}_{what}"]) for what in ("images", "labels", "lengths")
        )
    return Images(images[:, None], labels, {"length": lengths})
