"""MNIST and sets of its layout: four IDX files, images and labels for training and testing.

The user's own lie at ``$ISOTROPE_DATA/<folder>/``, each as it is or packed as ``.gz``; downloaded
ones, packed, at ``out/downloads/<folder>/``, pinned in ``workflow/sources/<folder>.yaml``.

Sources: LeCun and Cortes, MNIST, CC BY-SA 3.0; Xiao, Rasul and Vollgraf, "Fashion-MNIST: a Novel
Image Dataset for Benchmarking Machine Learning Algorithms", 2017, https://arxiv.org/abs/1708.07747,
MIT licence. Checksums of unpacked content are known of MNIST; the files of Fashion-MNIST are
checked by their published MD5 where they are packed, and by their header where they are not.
"""

import gzip
import hashlib
import struct
import zlib
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isotrope.datasets import sources
from isotrope.datasets.local_data import local_file
from isotrope.errors import UserError

SIDE = 28  # pixels
IMAGES, LABELS = 2051, 2049  # magic numbers
COUNTS = {"train": 60_000, "test": 10_000}

Row = tuple[str, str]  # the name of a file and the SHA-256 of its content
Array = NDArray[np.uint8]


class IdxFile(NamedTuple):
    """One file: its name, its magic number, and what is known of its checksums.

    Args:
        name: without ``.gz``.
        magic: the first number in it.
        sha256: of the unpacked content; empty if unknown.
        md5: of the packed file; empty if the other is enough.
    """

    name: str
    magic: int
    sha256: str = ""
    md5: str = ""


class IdxSet(NamedTuple):
    """The four files of a data set; ``folder`` names its place and its sources."""

    folder: str
    title: str
    files: dict[str, IdxFile]


MNIST = IdxSet(
    "mnist",
    "MNIST",
    {
        "train images": IdxFile(
            "train-images-idx3-ubyte",
            IMAGES,
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        "train labels": IdxFile(
            "train-labels-idx1-ubyte",
            LABELS,
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        "test images": IdxFile(
            "t10k-images-idx3-ubyte",
            IMAGES,
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        "test labels": IdxFile(
            "t10k-labels-idx1-ubyte",
            LABELS,
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    },
)
FASHION = IdxSet(
    "fashion_mnist",
    "Fashion-MNIST",
    {
        "train images": IdxFile(
            "train-images-idx3-ubyte", IMAGES, md5="8d4fb7e6c68d591d4c3dfef9ec88bf0d"
        ),
        "train labels": IdxFile(
            "train-labels-idx1-ubyte", LABELS, md5="25c81989df183df01b3e8a0aad5dffbe"
        ),
        "test images": IdxFile(
            "t10k-images-idx3-ubyte", IMAGES, md5="bef4ecab320f06d8554ea6380940ec79"
        ),
        "test labels": IdxFile(
            "t10k-labels-idx1-ubyte", LABELS, md5="bb300cfdad3c16e7a12a480ee83cd310"
        ),
    },
)


def local_files(of: IdxSet) -> list[str]:
    """The four files below ``$ISOTROPE_DATA``, each as it is or packed as ``.gz``."""
    return [f"{of.folder}/{file.name}*" for file in of.files.values()]


def downloads(of: IdxSet) -> list[str]:
    """The four files that are fetched, for any data set that is made from them."""
    return [f"{of.folder}/{file.name}.gz" for file in of.files.values()]


def read(of: IdxSet, source: Literal["local", "download"]) -> tuple[dict[str, Array], list[Row]]:
    """The four arrays by the names of their files, and what they were read from.

    Raises:
        UserError: if a file is absent, damaged or another.
    """
    arrays, rows = {}, []
    for what, file in of.files.items():
        packed = f"{file.name}.gz"
        found = sources.check(of.folder, packed) if source == "download" else None
        path = found or local_file(f"{of.folder}/{file.name}*")
        content = unpacked(path, of, file)
        arrays[what] = _parsed(path, content, of, what)
        rows.append((file.name, hashlib.sha256(content).hexdigest()))
    return arrays, rows


def unpacked(path: Path, of: IdxSet, file: IdxFile) -> bytes:
    """The unpacked content of a file, after its checksum was compared.

    Raises:
        UserError: if the file is damaged or another.
    """
    try:
        stored = path.read_bytes()
        content = gzip.decompress(stored) if path.suffix == ".gz" else stored
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(
            f"{path}: cannot be unpacked ({str(error) or type(error).__name__}); "
            "the file is cut short or no gzip file: get it again"
        ) from error
    same = True
    if file.sha256:
        same = hashlib.sha256(content).hexdigest() == file.sha256
    elif file.md5 and path.suffix == ".gz":
        same = hashlib.md5(stored, usedforsecurity=False).hexdigest() == file.md5
    if not same:
        raise UserError(
            f"{path}: not {of.title}'s {file.name}: its {len(content)} bytes have another "
            "checksum; get the file again"
        )
    return content


def parse(content: bytes, magic: int) -> Array:
    """The array in an IDX file of bytes, ``(n, 28, 28)`` or ``(n,)``.

    Raises:
        ValueError: if it is no such file.
    """
    axes = magic % 256
    header = struct.Struct(f">{1 + axes}I")
    if len(content) < header.size:
        raise ValueError(f"no IDX file: it has {len(content)} bytes")
    found, *shape = header.unpack_from(content)
    if found != magic:
        raise ValueError(f"no IDX file of {axes} axes: its magic number is {found}, not {magic}")
    return np.frombuffer(content, dtype=np.uint8, offset=header.size).reshape(shape)


def _parsed(path: Path, content: bytes, of: IdxSet, what: str) -> Array:
    """The array of a file; of one without a checksum its shape is compared.

    Raises:
        UserError: if the file is another.
    """
    file = of.files[what]
    try:
        array = parse(content, file.magic)
        expected = (COUNTS[what.split()[0]], SIDE, SIDE)[: array.ndim]
        if not file.sha256 and array.shape != expected:
            raise ValueError(f"its shape is {array.shape}, not {expected}")
    except ValueError as error:
        raise UserError(f"{path}: not {of.title}'s {file.name}: {error}; get it again") from error
    return array
