"""Small arrays on disk: npz files without pickles, written whole and read with every check.

The same arrays make the same bytes. Needs no torch.
"""

import io
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isotrope.errors import UserError
from isotrope.files import regular
from isotrope.files.disk import ask_guard, named_errors, part_of, sync_folder

Array = NDArray[Any]
DAMAGE = (  # what zipfile and NumPy raise on files that are no npz, or were altered
    *(zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError, EOFError, OSError),
    *(ValueError, KeyError, TypeError, RuntimeError, SyntaxError, OverflowError, MemoryError),
)
_LOCAL = 30  # bytes of a member's header in a zip before its name
_LENGTHS = struct.Struct("<HH")  # of name and extra field, at the end of that header
_SIZES_AFTER = 0x08  # flag: sizes follow the content,
_AFTER = (12, 16, 20, 24)  # in so many bytes


def write_arrays(path: Path, arrays: Iterable[tuple[str, Array]]) -> None:
    """Write named arrays, one at a time: no more than one of them need be in memory.

    Args:
        path: the npz file; it has its old content or all of the new, whatever happens.
        arrays: names, which may hold slashes, each with its array.

    Raises:
        UserError: if the file cannot be written.
        ValueError: if an array would need a pickle, or a name stands twice.
    """
    part = part_of(path)
    with named_errors(path, "written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                    _write_members(archive, path, arrays)
                file.flush()
                os.fsync(file.fileno())
            ask_guard()
            part.replace(path)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        sync_folder(path.parent)


def _write_members(
    archive: zipfile.ZipFile, path: Path, arrays: Iterable[tuple[str, Array]]
) -> None:
    written: set[str] = set()
    for name, array in arrays:
        if name in written:
            raise ValueError(f"{path}: the array {name} is given twice")
        written.add(name)
        # a name alone has the date 1980, so that the bytes do not tell when
        member = zipfile.ZipInfo(f"{name}.npy")
        member.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(member, "w", force_zip64=True) as file:
            np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)


def read_arrays(path: Path, remedy: str) -> dict[str, Array]:
    """All arrays of a file, after their checksums were compared.

    Args:
        path: the npz file.
        remedy: what mends it, as the end of an error's sentence.

    Raises:
        UserError: if the file is absent, truncated, altered or holds pickles.
    """
    try:
        # np.load leaves the checksums uncompared
        with regular.open_bytes(path) as file, zipfile.ZipFile(file) as archive:
            check_members(archive)
            return {
                name.removesuffix(".npy"): np.lib.format.read_array(
                    io.BytesIO(archive.read(name)), allow_pickle=False
                )
                for name in archive.namelist()
            }
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"{path} is not there; {remedy}") from error
    except DAMAGE as error:
        raise UserError(f"{path} is truncated or altered ({reason(error)}); {remedy}") from error


def reason(error: BaseException) -> str:
    """What is wrong with a file, in a line: errors of zips and of headers may say nothing."""
    return str(error).splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__


def check_members(archive: zipfile.ZipFile) -> None:
    """Compare the list of a zip's members with what lies in it, from the first byte to the list.

    Each member has a checksum, the list of them has none: one that is lost from the list would not
    be missed.

    Raises:
        ValueError: if a member is there twice, or there is more, or less, than is listed.
    """
    file, after = archive.fp, tuple[int, ...]((0,))
    members = sorted(archive.infolist(), key=lambda one: one.header_offset)
    if file is None:
        raise ValueError("it is closed")
    names = [one.filename for one in members]
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise ValueError(f"{twice} is in it twice")
    end = 0
    for member in members:
        if member.header_offset - end not in after:
            raise ValueError(f"what lies before {member.filename} is not listed")
        file.seek(member.header_offset + _LOCAL - _LENGTHS.size)
        end = member.header_offset + _LOCAL + member.compress_size
        end += sum(_LENGTHS.unpack(file.read(_LENGTHS.size)))
        after = _AFTER if member.flag_bits & _SIZES_AFTER else (0,)
    if archive.start_dir - end not in after:
        raise ValueError("what lies before the list of its members is not listed")
