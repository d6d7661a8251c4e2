"""Which class each validation photo of ILSVRC 2012 is of, as its organisers and Kaggle publish it.

Below ``$ISOTROPE_DATA/imagenet`` one of these, the first that is there:

* ``LOC_val_solution.csv``: the name of a photo and, behind it, its class and boxes;
* ``ILSVRC2012_validation_ground_truth.txt``, a number for each photo, and ``meta.mat``, which says
  the class of each number; as in the development kit, there or in ``ILSVRC2012_devkit_t12/data``;
* ``ILSVRC2012_devkit_t12.tar.gz``, which holds both.
"""

import csv
import io
import re
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from isotrope.datasets.file_index import indexed_file
from isotrope.errors import UserError

TRUTH, META = "ILSVRC2012_validation_ground_truth.txt", "meta.mat"
KIT = "ILSVRC2012_devkit_t12"
SOLUTION = "LOC_val_solution.csv"
_DAMAGED = (OSError, EOFError, ValueError, TypeError, KeyError, IndexError, NotImplementedError)
_WNID = re.compile(r"n\d{8}")


def classes_of_photos(folder: str) -> dict[str, str]:
    """The class of each validation photo, by the name of its file without its ending.

    Args:
        folder: below ``$ISOTROPE_DATA``.

    Raises:
        UserError: if no such list is there, or one is damaged.
    """
    if (path := indexed_file(f"{folder}/{SOLUTION}")).is_file():
        return _of_solution(path)
    for data in (folder, f"{folder}/{KIT}/data"):
        truth, meta = (indexed_file(f"{data}/{name}") for name in (TRUTH, META))
        if truth.is_file() and meta.is_file():
            return _of_kit(truth, _content(truth), meta, _content(meta))
    if (path := indexed_file(f"{folder}/{KIT}.tar.gz")).is_file():
        contents = _packed(path)
        return _of_kit(path, contents[TRUTH], path, contents[META])
    raise UserError(
        f"{indexed_file(folder)}: nothing says the classes of the validation photos; put "
        f"{SOLUTION}, {KIT}.tar.gz, or {TRUTH} and {META} there, or sort the photos into a folder "
        "for each class"
    )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); get it again") from error


def _of_solution(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    text = _content(path).decode("utf-8", "replace")
    for number, row in enumerate(csv.reader(io.StringIO(text)), start=1):
        if not row or row[0] == "ImageId":
            continue
        words = row[1].split() if len(row) > 1 else []
        if not words or not _WNID.fullmatch(words[0]):
            raise UserError(f"{path}:{number}: names no class such as n01440764; get it again")
        found[row[0]] = words[0]
    return found


def _packed(path: Path) -> dict[str, bytes]:
    """Both files of the development kit, which is small."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                name = Path(member.name).name
                if name in (TRUTH, META) and member.isfile():
                    opened = archive.extractfile(member)
                    found[name] = opened.read() if opened else b""
    except (tarfile.TarError, zlib.error, OSError, EOFError) as error:
        raise UserError(f"{path}: cannot be unpacked ({error}); get it again") from error
    if absent := [name for name in (TRUTH, META) if name not in found]:
        raise UserError(f"{path}: holds no {absent[0]}; get it again")
    return found


def _of_kit(truth: Path, numbers: bytes, meta: Path, synsets: bytes) -> dict[str, str]:
    """The classes of the photos, which are numbered from 1 in the order of the ground truth."""
    wnids = _wnids(meta, synsets)
    found = {}
    for line, text in enumerate(numbers.decode("ascii", "replace").split(), start=1):
        if not text.isdecimal() or int(text) not in wnids:
            raise UserError(
                f"{truth}: line {line} of {TRUTH} is '{text[:20]}', the number of no class in "
                f"{META}; get it again"
            )
        found[f"ILSVRC2012_val_{line:08d}"] = wnids[int(text)]
    return found


def _wnids(path: Path, content: bytes) -> dict[int, str]:
    """The class of each number; synsets that contain others are no classes."""
    from scipy.io import loadmat  # slow to load, and checking imports this module

    try:
        synsets: Any = np.atleast_1d(loadmat(io.BytesIO(content), squeeze_me=True)["synsets"])
        found = {
            int(one["ILSVRC2012_ID"]): str(one["WNID"])
            for one in synsets
            if int(one["num_children"]) == 0
        }
    except _DAMAGED as error:
        reason = str(error) or type(error).__name__
        raise UserError(f"{path}: {META} holds no table of classes ({reason})") from error
    return found
