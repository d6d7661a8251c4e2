"""The rods, with a mask of the pixels that each covers instead of a class."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from plugins.data import rods
from plugins.data.rods import Params, image_counts, image_shape, local_files

from isotrope.datasets.images import VOID, Images

__all__ = ["Params", "image_counts", "image_shape", "local_files"]

REVISION = 1
SPLITS = ("train", "valid", "test")
kind = "segmentation"


def classes(params: Params) -> int:
    del params
    return 2


def build(params: Params, folder: Path, key: str) -> list[Path]:
    arrays: dict[str, Any] = {}
    for number, split in enumerate(SPLITS):
        found = [rods.sample(params.noise, number, i) for i in range(rods.COUNTS[split])]
        arrays[f"{split}_images"] = np.stack([sample.image for sample in found])
        arrays[f"{split}_masks"] = np.stack([sample.mask for sample in found])
        arrays[f"{split}_masks"][:, 0, 0] = VOID  # a corner of no class
        arrays[f"{split}_lengths"] = np.array([sample.length for sample in found])
    path = folder / f"{key}.npz"
    np.savez_compressed(path, **arrays)
    return [path]


def load(params: Params, folder: Path, key: str, split: str) -> Images:
    del params
    with np.load(folder / f"{key}.npz", allow_pickle=False) as arrays:
        images, masks, lengths = (
            torch.from_numpy(arrays[f"{split}_{what}"]) for what in ("images", "masks", "lengths")
        )
    return Images(images[:, None], masks, {"length": lengths})
