"""The colour tasks of STIR: things cut out of photos that are scaled down, background included.

Source: Altstidl, Nguyen, Schwinn, Köferl, Mutschler, Eskofier and Zanca, "Just a Matter of Scale?
Reevaluating Scale Equivariance in Convolutional Neural Networks", IJCNN 2023,
https://arxiv.org/abs/2211.10288.
Differs from the published generators in two ways. They drew the places of the windows without a
seed, so that nobody can make their archives again; here each sample has a Philox stream of its own,
by class, scale, instance and split. And they resized the whole photo for each sample, where Pillow
resizes the window alone here: compared in eight scalings of a photo full of noise, at most 0.11 %
of the values of a window differ, each by 1 of 255.

Things are ranked by size, and the ranks dealt to train, valid and test in turn. So neighbours in
one aerial photo, or two photos of one traffic sign, may stand in different splits, as published.
"""

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from isotrope.console.terminal import with_progress
from isotrope.data._stir_archive import CANVAS, SCALES, SPLITS
from isotrope.datasets.local_data import files_anywhere
from isotrope.errors import UserError

SEED = 42


@dataclass(frozen=True)
class Thing:
    """A thing in a photo, its box in whole pixels; ``right`` and ``bottom`` lie outside."""

    photo: str
    label: str
    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Pixels."""
        return self.bottom - self.top


class Fit(NamedTuple):
    """A photo scaled for a thing: its size and where the thing's box begins and ends, in pixels."""

    width: int
    height: int
    left: int
    top: int
    right: int
    bottom: int


FitTo = Callable[[Thing, int, tuple[int, int]], Fit]  # thing, scale, width and height of the photo


class Photos:
    """Photos by name, wherever they lie below a folder: as files, or in zip archives.

    Args:
        folders: the folders to look in; files come before archives, earlier folders before later.
        suffix: the ending of the photos' files.

    Raises:
        UserError: if an archive cannot be read.
    """

    def __init__(self, folders: Sequence[Path], suffix: str) -> None:
        self.folders = folders
        self.suffix = suffix
        self._files: dict[str, Path] = {}
        self._packed: dict[str, tuple[ZipFile, str]] = {}
        for folder in folders:
            for path in sorted(files_anywhere(folder, f"*{suffix}")):
                self._files.setdefault(path.stem, path)
            for path in sorted(folder.glob("*.zip")):
                archive = _open(path)
                for name in archive.namelist():
                    if name.endswith(suffix):
                        self._packed.setdefault(PurePosixPath(name).stem, (archive, name))

    def read(self, name: str) -> bytes:
        """The content of a photo's file.

        Raises:
            UserError: if there is none.
        """
        if name in self._files:
            return self._files[name].read_bytes()
        if name in self._packed:
            archive, member = self._packed[name]
            try:
                return archive.read(member)
            except BadZipFile as error:
                raise UserError(
                    f"{archive.filename}: {member} is damaged; unpack it again"
                ) from error
        looked = ", ".join(str(folder) for folder in self.folders)
        raise UserError(
            f"{name}{self.suffix}: no such photo, neither unpacked nor in a zip archive in "
            f"{looked}; put it there"
        )

    def open(self, name: str) -> Image.Image:
        """A photo, its pixels not decoded yet.

        Raises:
            UserError: if there is none, or it is no picture.
        """
        return _picture(self.read(name), name)


def _open(path: Path) -> ZipFile:
    try:
        return ZipFile(path)
    except BadZipFile as error:
        raise UserError(f"{path}: no zip archive, or cut short; get it again") from error


def _picture(content: bytes, name: str) -> Image.Image:
    try:
        return Image.open(io.BytesIO(content))
    except OSError as error:
        raise UserError(f"photo {name} cannot be read ({error}); get the file again") from error


def deal(ranked: Sequence[Thing], instances: int) -> list[Sequence[Thing]]:
    """The largest things by split: ranks 0, 3, 6, ... to train, 1, 4, ... to valid, 2, ... to test.

    Raises:
        ValueError: if there are fewer than ``instances`` for each split.
    """
    count = len(SPLITS) * instances
    if len(ranked) < count:
        raise ValueError(f"need {count} things, got {len(ranked)}")
    return [ranked[split : count : len(SPLITS)] for split in range(len(SPLITS))]


def _start(first: int, last: int, size: int, stream: np.random.Generator) -> int:
    """Where a window begins that holds the box ``first..last`` and lies in a photo of that size.

    Raises:
        ValueError: if there is no such window.
    """
    low, high = max(0, last - CANVAS), min(size - CANVAS, first)
    if low > high:
        raise ValueError(f"a window of {CANVAS} pixels around {first}..{last} leaves 0..{size}")
    return int(stream.integers(low, high, endpoint=True))


def cut(photo: Image.Image, fit: Fit, left: int, top: int) -> NDArray[np.uint8]:
    """The window of the scaled photo that begins at ``left`` and ``top``, ``(64, 64, 3)``.

    Args:
        photo: the photo as it is, in colour.
        fit: the size it is scaled to.
        left: pixels of the scaled photo.
        top: pixels of the scaled photo.
    """
    across, down = photo.width / fit.width, photo.height / fit.height
    box = (
        left * across,
        top * down,
        min((left + CANVAS) * across, photo.width),
        min((top + CANVAS) * down, photo.height),
    )
    window = photo.resize((CANVAS, CANVAS), Image.Resampling.LANCZOS, box=box)
    return np.asarray(window)


def make_images(
    things: Sequence[Sequence[Sequence[Thing]]], photos: Photos, fit_to: FitTo, task: str
) -> tuple[NDArray[np.uint8], NDArray[np.int32], list[tuple[str, str]]]:
    """All images and positions of a task, with a bar on a terminal; each photo is opened once.

    Args:
        things: by class, split and instance.
        photos: where the photos are.
        fit_to: how the photo is scaled for a thing.
        task: its name, for the bar and for messages.

    Returns:
        Images ``(3, 48, classes, instances, 64, 64, 3)``, positions ``(3, 48, classes, instances,
        2)`` in pixels, and the photos with the checksums of their files.

    Raises:
        UserError: if a photo is absent or damaged, or no window fits around a thing.
    """
    counts = (len(SPLITS), len(SCALES), len(things), len(things[0][0]))
    images = np.zeros((*counts, CANVAS, CANVAS, 3), dtype=np.uint8)
    positions = np.zeros((*counts, 2), dtype=np.int32)
    places: dict[str, list[tuple[int, int, int]]] = {}
    for kind, splits in enumerate(things):
        for split, chosen in enumerate(splits):
            for instance, thing in enumerate(chosen):
                places.setdefault(thing.photo, []).append((kind, split, instance))
    rows = []
    for name in with_progress(sorted(places), f"{task}: photos"):
        content = photos.read(name)
        rows.append((f"{name}{photos.suffix}", hashlib.sha256(content).hexdigest()))
        photo = _decoded(content, name)
        for kind, split, instance in places[name]:
            thing = things[kind][split][instance]
            for index, scale in enumerate(SCALES):
                counter = [0, instance, scale, len(SPLITS) * kind + split]
                stream = np.random.Generator(np.random.Philox(key=SEED, counter=counter))
                at = (split, index, kind, instance)
                try:
                    images[at], positions[at] = _sample(
                        photo, fit_to(thing, scale, photo.size), stream
                    )
                except ValueError as error:
                    raise UserError(
                        f"task {task}: no window fits around the {thing.label} at {thing.left}, "
                        f"{thing.top} of photo {name} when it is {scale} pixels large ({error}); "
                        "the published generator fails here too: get the published archive"
                    ) from error
    return images, positions, rows


def _decoded(content: bytes, name: str) -> Image.Image:
    try:
        return _picture(content, name).convert("RGB")
    except OSError as error:
        raise UserError(f"photo {name} is damaged ({error}); get the file again") from error


def _sample(
    photo: Image.Image, fit: Fit, stream: np.random.Generator
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """The window around a thing, and where the thing's box begins in it."""
    left = _start(fit.left, fit.right, fit.width, stream)
    top = _start(fit.top, fit.bottom, fit.height, stream)
    return cut(photo, fit, left, top), (fit.left - left, fit.top - top)


def read_json(path: Path) -> dict[str, object]:
    """The object in a JSON file.

    Raises:
        UserError: if the file is absent or holds none.
    """
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; unpack the annotations there again") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: no JSON ({error}); unpack it again") from error
    if not isinstance(found, dict):
        raise UserError(f"{path}: should hold an object, not {type(found).__name__}")
    return found
