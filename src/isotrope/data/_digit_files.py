"""How a form of MNIST is kept: one npz file of two halves, for training and for testing.

Arrays of a half, as in ``train_images``: ``images`` uint8 ``(n, [channels,] side, side)``,
``labels`` uint8, ``digit`` int32, the number of the digit among all of its source (training first),
and the latents, float32. The validation images are the last of the training half; they are told
apart when it is read.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from isotrope import paths
from isotrope.data._digits import Digits, DigitSettings, Source, read, stratified_order
from isotrope.data._idx import Row
from isotrope.data._stir_archive import write_sources
from isotrope.data._warp import pose_numbers
from isotrope.datasets.images import Images
from isotrope.files.arrays import write_arrays

SPLITS = ("train", "valid", "test")
_NO_LATENTS = ("images", "labels", "digit")


class Half(NamedTuple):
    """The images of training or testing; see the module for their shapes."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    digit: NDArray[np.integer]
    latents: Mapping[str, NDArray[np.float32]]


class Drawn(NamedTuple):
    """Digits as a form shows them: images, and what is known of each."""

    images: NDArray[np.uint8]
    latents: Mapping[str, NDArray[np.float32]]


def build(
    source: Source, draw: Callable[[Digits, int], Drawn], folder: Path, key: str
) -> list[Path]:
    """Make the files of a form that divides the digits as MNIST does.

    Args:
        source: where the digits come from.
        draw: shows the digits of a half, whose number it is given: 0 for training, 1 for testing.
        folder: an empty folder.
        key: the name of the settings.

    Raises:
        UserError: if a file of MNIST is absent, damaged or another.
    """
    raw = read(source)
    halves, first = {}, 0
    for number, (half, digits) in enumerate((("train", raw.train), ("test", raw.test))):
        images, latents = draw(digits, number)
        numbers = np.arange(first, first + len(images))
        halves[half] = Half(images, digits.labels, numbers, latents)
        first += len(images)
    return write(halves, raw.files, folder, key)


def build_pooled(
    params: DigitSettings,
    seed: int,
    draw: Callable[[Digits, NDArray[np.float64]], Drawn],
    folder: Path,
    key: str,
) -> list[Path]:
    """Make the files of a form whose halves are drawn from all digits together.

    Training and testing have each class in its proportion, and so has every beginning of them.

    Args:
        params: says the source, and how many digits each half has.
        seed: of the choice of digits and of the poses.
        draw: shows digits, each by a uniform number of its own ``(n,)``.
        folder: an empty folder.
        key: the name of the settings.

    Raises:
        UserError: if a file of MNIST is absent, damaged or another.
    """
    raw = read(params.source)
    every = raw.pooled()
    numbers = pose_numbers(seed, 0, len(every.labels), 2)
    order, (train, _, test) = stratified_order(every.labels, numbers[:, 0]), params.available()
    halves = {}
    for half, of_half in (("train", order[:train]), ("test", order[train : train + test])):
        digits = every.some(of_half)
        images, latents = draw(digits, numbers[of_half, 1])
        halves[half] = Half(images, digits.labels, of_half, latents)
    return write(halves, raw.files, folder, key)


def write(halves: Mapping[str, Half], files: list[Row], folder: Path, key: str) -> list[Path]:
    """Write ``<folder>/<key>.npz``, and beside it which of the user's files it was made from.

    Args:
        halves: ``train`` and ``test``.
        files: names and SHA-256 of the files; none, no list.
        folder: an empty folder.
        key: the name of the settings.
    """
    path = folder / f"{key}.npz"
    arrays: list[tuple[str, NDArray[Any]]] = []
    for name, half in halves.items():
        arrays.append((f"{name}_images", half.images))
        arrays.append((f"{name}_labels", half.labels.astype(np.uint8)))
        arrays.append((f"{name}_digit", half.digit.astype(np.int32)))
        arrays += [(f"{name}_{latent}", values) for latent, values in half.latents.items()]
    write_arrays(path, arrays)
    return [path, *([write_sources(files, folder / f"{key}{paths.SOURCES_OF}")] if files else [])]


def chosen(params: DigitSettings, split: str) -> tuple[str, slice]:
    """The half that holds a split, and which of its images these are.

    Raises:
        ValueError: if the split is unknown.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got '{split}'")
    counts = params.counts()
    if split == "train":
        return "train", slice(counts.train)
    if split == "test" or params.valid_from == "test":
        return "test", slice(counts.test)
    return "train", slice(-counts.valid, None)


def read_split(path: Path, params: DigitSettings, split: str) -> Images:
    """The images of a split with their latents.

    Raises:
        ValueError: if the split is unknown.
    """
    half, some = chosen(params, split)
    with np.load(path, allow_pickle=False) as arrays:
        names = [name.removeprefix(f"{half}_") for name in arrays if name.startswith(f"{half}_")]
        found = {name: torch.from_numpy(arrays[f"{half}_{name}"][some].copy()) for name in names}
    images = found["images"] if found["images"].ndim == 4 else found["images"][:, None]
    latents = {name: values for name, values in found.items() if name not in _NO_LATENTS}
    return Images(images, found["labels"].long(), latents)


def load(params: DigitSettings, folder: Path, key: str, split: str) -> Images:
    """The images of a split with their latents; the file of the form says which these are.

    Raises:
        ValueError: if the split is unknown.
    """
    return read_split(folder / f"{key}.npz", params, split)
