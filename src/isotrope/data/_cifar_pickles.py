"""Read the batches of CIFAR-10, which are Python pickles, without running what a pickle may say.

Only files of the published checksums are opened, and of those only what they consist of: dicts,
lists, numbers, strings and arrays of NumPy.
"""

import hashlib
import io
import pickle
import tarfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isotrope.errors import UserError

FOLDER = "cifar-10-batches-py"
SHAPE = (3, 32, 32)
CLASSES = 10
BATCHES = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}  # the md5 of each, as torchvision publishes them
_LARGEST = 1 << 26  # bytes of a batch; each has 31 MB
_DAMAGE = (OSError, EOFError, tarfile.TarError, zlib.error)
_ARRAYS = ("numpy.core.multiarray", "numpy._core.multiarray")


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


def batches_in_folder(folder: Path, names: list[str]) -> list[Batch]:
    """Some batches, each a file of a folder.

    Raises:
        UserError: if a file is absent, altered, or no batch.
    """
    found = []
    for name in names:
        path = folder / name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UserError(
                f"{path}: cannot be read ({error.strerror}); put the file of CIFAR-10 there"
            ) from error
        found.append(read_batch(content, name, path))
    return found


def batches_in_archive(path: Path, names: list[str]) -> list[Batch]:
    """Some batches in the published ``.tar.gz``, of which nothing is unpacked onto the disk.

    Raises:
        UserError: if the archive is damaged or lacks a batch, or one is altered.
    """
    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                name = member.name.removeprefix(f"{FOLDER}/")
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
        raise UserError(f"{path}: lacks {FOLDER}/{absent[0]}; get the archive of CIFAR-10 again")
    return [read_batch(contents[name], name, path) for name in names]


def read_batch(content: bytes, name: str, path: Path) -> Batch:
    """The images in the content of a batch.

    Args:
        content: the bytes of the batch.
        name: of the batch; its checksum is that of ``BATCHES``.
        path: the file that holds it, for messages.

    Raises:
        UserError: if the content is altered, or is no batch.
    """
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if md5 != BATCHES[name]:
        raise UserError(
            f"{path}: {name} is altered or cut short: the md5 of its {len(content)} bytes begins "
            f"{md5[:8]}, that of CIFAR-10 {BATCHES[name][:8]}; get the file again"
        )
    try:
        return _parsed(_ArraysOnly(io.BytesIO(content), encoding="latin1").load())
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError) as error:
        reason = str(error) or type(error).__name__
        raise UserError(
            f"{path}: {name} is no batch of CIFAR-10 ({reason}); get the file again"
        ) from error


def _parsed(batch: Any) -> Batch:
    """The arrays in an unpickled batch."""
    if not isinstance(batch, dict):
        raise TypeError(f"it holds {type(batch).__name__}, not a dict")
    pixels, labels = batch["data"], np.asarray(batch["labels"], dtype=np.int64)
    shape = (len(labels), int(np.prod(SHAPE)))
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape != shape:
        raise ValueError(f"its data are not bytes of shape {shape}")
    if labels.ndim != 1 or not np.isin(labels, range(CLASSES)).all():
        raise ValueError(f"its labels are not classes 0 to {CLASSES - 1}")
    return Batch(pixels.reshape(-1, *SHAPE), labels)
