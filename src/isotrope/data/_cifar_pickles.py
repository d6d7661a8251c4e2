"""Read the pickles of CIFAR-10, CIFAR-100 and ciFAIR-10 without running what a pickle may say.

Only files of the published checksums are opened, and of those only what they consist of: dicts,
lists, numbers, strings and arrays of NumPy.
"""

import hashlib
import io
import pickle
import tarfile
import zlib
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isotrope import paths
from isotrope.data._splits import Part
from isotrope.datasets import sources
from isotrope.datasets.local_data import local_file
from isotrope.errors import UserError

SHAPE = (3, 32, 32)
COUNTS: dict[Part, int] = {"train": 50_000, "test": 10_000}
_LARGEST = 1 << 28  # bytes of a file; the largest has 155 MB
_DAMAGE = (OSError, EOFError, tarfile.TarError, zlib.error)
_ARRAYS = ("numpy.core.multiarray", "numpy._core.multiarray")

Source = Literal["local", "download"]


class PickledSet(NamedTuple):
    """A data set of 32 x 32 colour images in pickles.

    Args:
        name: of its entry in ``workflow/sources``.
        title: how messages call it.
        folder: where its files lie below ``$ISOTROPE_DATA``, and in its archive.
        archive: its archive, as it is published.
        md5: of each file by its name, as torchvision publishes them; those of the test images
            begin with ``test``.
        labels: the names that labels have in a file, each with how many classes there are.
        beside: another folder below ``$ISOTROPE_DATA`` that may hold the training images, if they
            are the same.
    """

    name: str
    title: str
    folder: str
    archive: str
    md5: dict[str, str]
    labels: dict[str, int]
    beside: str | None = None

    def local_files(self) -> list[str]:
        """The files below ``$ISOTROPE_DATA``."""
        return [self.local(name) for name in self.md5]

    def local(self, name: str) -> str:
        """Where a file lies below ``$ISOTROPE_DATA``."""
        path = f"{self.folder}/{name}"
        if self.beside is None or name not in self.of_part("train"):
            return path
        return f"{path} or {self.beside}/{name}"

    def of_part(self, part: Part) -> list[str]:
        """The names of the files that hold a part, in their order."""
        return [name for name in self.md5 if name.startswith("test") == (part == "test")]


CIFAR10 = PickledSet(
    "cifar10",
    "CIFAR-10",
    "cifar-10-batches-py",
    "cifar-10-python.tar.gz",
    {
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
    },
    {"labels": 10},
)
CIFAIR10 = PickledSet(
    "cifair10",
    "ciFAIR-10",
    "ciFAIR-10",
    "ciFAIR-10.zip",
    {**CIFAR10.md5, "test_batch": "01290e6b622a1977a000eff13650aca2"},
    CIFAR10.labels,
    beside=CIFAR10.folder,
)
CIFAR100 = PickledSet(
    "cifar100",
    "CIFAR-100",
    "cifar-100-python",
    "cifar-100-python.tar.gz",
    {
        "train": "16019d7e3df5f24257cddd939b257f8d",
        "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
    },
    {"fine_labels": 100, "coarse_labels": 20},
)


class Batch(NamedTuple):
    """Images, uint8 ``(n, 3, 32, 32)``, and their classes, int64 ``(n,)``."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


class _ArraysOnly(pickle.Unpickler):
    """Makes arrays of NumPy and what Python has built in; knows no other class or function."""

    def find_class(self, module: str, name: str) -> Any:
        if module in _ARRAYS and name == "_reconstruct":
            return np._core.multiarray._reconstruct  # type: ignore[attr-defined]
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def files(of: PickledSet, source: Source, counts: dict[Part, int], labels: str) -> list[Path]:
    """All files, after their checksums and their numbers of images were compared.

    Args:
        of: the data set.
        source: the user's files, or the downloaded archive.
        counts: how many images each part must have.
        labels: one of the names that labels have.

    Raises:
        UserError: if a file is absent, altered, or not the data set's.
    """
    if source == "download":
        found = [sources.check(of.name, of.archive)]
    else:
        found = [local_file(path) for path in of.local_files()]
    for part, expected in counts.items():
        there = len(read(of, source, part, labels).labels)
        if there != expected:
            raise UserError(f"{found[0].parent}: holds {there} {part} images, not {expected}")
    return found


def read(of: PickledSet, source: Source, part: Part, labels: str) -> Batch:
    """The images of a part, in the published order.

    Args:
        of: the data set.
        source: the user's files, or the downloaded archive.
        part: of the two that are published.
        labels: one of the names that labels have.

    Raises:
        UserError: if a file is absent or altered.
    """
    names = of.of_part(part)
    if source == "download":
        path = paths.download(of.name, of.archive)
        contents = _in_archive(of, path, names)
        found = [read_batch(of, contents[name], name, path, labels) for name in names]
    else:
        found = []
        for name in names:
            path = local_file(of.local(name))
            found.append(read_batch(of, _content(of, path), name, path, labels))
    images, classes = ([getattr(one, what) for one in found] for what in Batch._fields)
    return Batch(np.concatenate(images), np.concatenate(classes))


def _content(of: PickledSet, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); put the file of {of.title} there"
        ) from error


def _in_archive(of: PickledSet, path: Path, names: list[str]) -> dict[str, bytes]:
    """Some files in the published ``.tar.gz``, of which nothing is unpacked onto the disk.

    Raises:
        UserError: if the archive is damaged or lacks a file.
    """
    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                name = member.name.removeprefix(f"{of.folder}/")
                if name not in names or not member.isfile() or member.size > _LARGEST:
                    continue
                opened = archive.extractfile(member)
                contents[name] = opened.read() if opened else b""
    except _DAMAGE as error:
        raise UserError(
            f"{path}: cannot be unpacked ({str(error) or type(error).__name__}); delete it, and it "
            "is downloaded again"
        ) from error
    if absent := [name for name in names if name not in contents]:
        raise UserError(f"{path}: lacks {of.folder}/{absent[0]}; get the archive again")
    return contents


def read_batch(of: PickledSet, content: bytes, name: str, path: Path, labels: str) -> Batch:
    """The images in the content of a file.

    Args:
        of: the data set.
        content: the bytes of the file.
        name: of the file, whose checksum is known.
        path: the file on the disk that holds it, for messages.
        labels: one of the names that labels have.

    Raises:
        UserError: if the content is altered, or holds no such images.
    """
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if md5 != of.md5[name]:
        raise UserError(
            f"{path}: {name} is altered or cut short: the md5 of its {len(content)} bytes begins "
            f"{md5[:8]}, that of {of.title} {of.md5[name][:8]}; get the file again"
        )
    try:
        unpickled = _ArraysOnly(io.BytesIO(content), encoding="latin1").load()
        return _parsed(unpickled, labels, of.labels[labels])
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError) as error:
        reason = str(error) or type(error).__name__
        raise UserError(
            f"{path}: {name} is no batch of {of.title} ({reason}); get the file again"
        ) from error


def _parsed(batch: Any, name: str, classes: int) -> Batch:
    """The arrays in an unpickled file."""
    if not isinstance(batch, dict):
        raise TypeError(f"it holds {type(batch).__name__}, not a dict")
    pixels, labels = batch["data"], np.asarray(batch[name], dtype=np.int64)
    shape = (len(labels), int(np.prod(SHAPE)))
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape != shape:
        raise ValueError(f"its data are not bytes of shape {shape}")
    if labels.ndim != 1 or not np.isin(labels, range(classes)).all():
        raise ValueError(f"its labels are not classes 0 to {classes - 1}")
    return Batch(pixels.reshape(-1, *SHAPE), labels)
