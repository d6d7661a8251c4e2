"""Splits on disk that are too large to be held twice: an npz file of blocks of images.

Each split is kept in blocks of some thousand images, which are made and written one after the
other, and of which no more are read than are asked for. The arrays of block 2 of ``train`` are
``train/2/images``, ``train/2/labels`` and one for each latent.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from isotrope.datasets.images import Images
from isotrope.files.arrays import write_arrays

SIZE = 5000  # images of a block
Block = Mapping[str, NDArray[Any]]  # images uint8 (n, height, width), labels (n,), latents (n, ...)


def starts(count: int) -> range:
    """Where the blocks of so many images begin."""
    return range(0, count, SIZE)


def write_blocks(path: Path, splits: Iterable[tuple[str, Iterable[Block]]]) -> Path:
    """Write an npz file; no more than one block need be in memory.

    Args:
        path: the file.
        splits: names, each with its blocks in their order.
    """
    write_arrays(path, _arrays(splits))
    return path


def _arrays(
    splits: Iterable[tuple[str, Iterable[Block]]],
) -> Iterator[tuple[str, NDArray[Any]]]:
    for split, blocks in splits:
        for number, block in enumerate(blocks):
            yield from ((f"{split}/{number}/{name}", array) for name, array in block.items())


def read_blocks(path: Path, split: str, count: int | None) -> Images:
    """The first images of a split with their latents; fewer than ``count`` if it has no more.

    Args:
        path: what ``write_blocks`` wrote.
        split: its name.
        count: how many images; None: all.
    """
    with np.load(path, allow_pickle=False) as archive:
        labels: list[NDArray[Any]] = []
        left = count
        while f"{split}/{len(labels)}/labels" in archive and (left is None or left > 0):
            some = archive[f"{split}/{len(labels)}/labels"][:left]
            left = None if left is None else left - len(some)
            labels.append(some)
        start = f"{split}/0/"
        names = [name.removeprefix(start) for name in archive if name.startswith(start)]
        arrays = {
            name: torch.from_numpy(_joined(archive, f"{split}/{{}}/{name}", labels))
            for name in names
            if name != "labels"
        }
    images = arrays.pop("images")
    planes = images[:, None] if images.ndim == 3 else images
    return Images(planes, torch.from_numpy(np.concatenate(labels)).long(), arrays)


def _joined(
    archive: Mapping[str, NDArray[Any]], name: str, labels: list[NDArray[Any]]
) -> NDArray[Any]:
    """An array of all blocks; each is let go as soon as it is copied."""
    first, done = archive[name.format(0)], 0
    whole = np.empty((sum(map(len, labels)), *first.shape[1:]), first.dtype)
    for number, some in enumerate(labels):
        whole[done : done + len(some)] = archive[name.format(number)][: len(some)]
        done += len(some)
    return whole
