"""Files that the user has, in the folder that ``$ISOTROPE_DATA`` names. They are only read.

A path below that folder may be a pattern, ``mnist/train-images-idx3-ubyte*`` for a file that may be
packed, ``dota/train/labelTxt*/*.txt`` for a folder of files: it is there if anything matches.

A pattern with ``**``, ``mtsd/**/*.jpg or mtsd/*.zip/*.jpg``, means files in bulk, wherever they
lie below a folder, or else in zip archives. They are too many to be listed whenever something is
planned: the first one found is enough, and none is watched.
"""

import hashlib
import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from isotrope.errors import UserError
from isotrope.files import regular

VARIABLE = "ISOTROPE_DATA"


def local_root() -> Path | None:
    """The folder that ``$ISOTROPE_DATA`` names, or None if it is not set."""
    value = os.environ.get(VARIABLE)
    if not value:
        return None
    with suppress(RuntimeError):  # `~name` of nobody: then it is a folder's name
        return Path(value).expanduser()
    return Path(value)


def local_file(path: str) -> Path:
    """A file by its path below ``$ISOTROPE_DATA``; of several that match, the first by name.

    Raises:
        UserError: if the variable is not set, or the file is not there.
    """
    root = local_root()
    if root is None:
        raise UserError(
            f"${VARIABLE} is not set, and {path} is looked for under it; "
            f"set it to the folder that holds {path}"
        )
    found = matching_files(path)
    if not found:
        raise UserError(
            f"{root / path}: no such file; {path} is looked for under ${VARIABLE}, "
            f"which is {root}; put it there"
        )
    return found[0]


def matching_files(path: str) -> list[Path]:
    """The files that a path or pattern below ``$ISOTROPE_DATA`` means, sorted by name.

    Of several ones, ``a.txt or b.tar``, those of the first that means any.
    """
    root = local_root()
    if root is None:
        return []
    every = (root.glob(one) for one in path.split(" or "))
    found = (sorted(file for file in files if file.is_file()) for files in every)
    return next((files for files in found if files), [])


def files_anywhere(folder: Path, pattern: str) -> Iterator[Path]:
    """The files of that name in a folder and in those below, as they are found.

    Links are followed; a folder that is not there, or may not be read, holds none.
    """
    waiting = deque([folder])
    seen: set[str] = set()
    while waiting:
        here = waiting.popleft()
        real = os.path.realpath(here)
        if real in seen:
            continue
        seen.add(real)
        with suppress(FileNotFoundError, PermissionError), os.scandir(here) as entries:
            for entry in entries:
                if fnmatchcase(entry.name, pattern) and entry.is_file():
                    yield here / entry.name
                elif entry.is_dir():
                    waiting.append(here / entry.name)


def in_bulk(path: str) -> bool:
    """Whether a pattern means more files than can be looked at whenever something is planned."""
    return "**" in path


def sizes(path: str) -> str:
    """What a rule watches of a path or pattern: file and bytes, or how many files and bytes."""
    if in_bulk(path):
        return ""
    found = [(one, one.stat().st_size) for one in matching_files(path)]
    if not found or "*" not in path:
        return " ".join(f"{one}:{size}" for one, size in found)
    return f"{path}:{len(found)} files:{sum(size for _, size in found)}"


def stamp(path: str) -> str:
    """What a rule watches of one file that another of its size may replace: bytes and time."""
    found = [(one, one.stat()) for one in matching_files(path)]
    return " ".join(f"{one}:{known.st_size}:{known.st_mtime_ns}" for one, known in found)


def checksum(path: str) -> str:
    """The SHA-256 of a file by its path below ``$ISOTROPE_DATA``; read once while it is the same.

    Raises:
        UserError: if the file is not there, or cannot be read.
    """
    file = local_file(path)
    try:
        found = file.stat()
        return _checksum(file, found.st_mtime_ns, found.st_size)
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from error


def checksums(files: Iterable[str]) -> list[str]:
    """The SHA-256 of several files by their paths below ``$ISOTROPE_DATA``.

    Raises:
        UserError: if one is not there, or cannot be read.
    """
    return [checksum(path) for path in files]


@cache
def _checksum(file: Path, changed: int, size: int) -> str:
    """The SHA-256 of a file that last ``changed`` then and has so many bytes."""
    del changed, size
    with regular.open_bytes(file) as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def absent_files(needed: list[str]) -> list[str]:
    """Which of these paths below ``$ISOTROPE_DATA`` are no files; all, without the variable."""
    root = local_root()
    return [path for path in needed if root is None or not _is_there(root, path)]


def _is_there(root: Path, path: str) -> bool:
    """Whether anything matches one of the alternatives of a path or pattern."""
    for one in path.split(" or "):
        above, _, name = one.rpartition("/")
        if above.endswith("**"):
            found = any(True for _ in files_anywhere(root / above.removesuffix("**"), name))
        elif above.endswith(".zip"):
            packed = sorted(root.glob(above), key=lambda zipped: -zipped.stat().st_size)
            found = any(_holds(zipped, name) for zipped in packed)
        else:
            found = any(file.is_file() for file in root.glob(one))
        if found:
            return True
    return False


def _holds(path: Path, pattern: str) -> bool:
    """Whether a zip archive has such a file; one that is damaged is named by who reads it."""
    try:
        with regular.open_bytes(path) as file, ZipFile(file) as archive:
            return any(fnmatchcase(name, f"*{pattern}") for name in archive.namelist())
    except (BadZipFile, OSError):
        return True
