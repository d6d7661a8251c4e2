"""Small arrays on disk: npz files without pickles, written whole and read with every check.

The same arrays make the same bytes. Needs no torch.
"""

import io
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isotrope.errors import UserError
from isotrope.files.disk import ask_guard, named_errors, part_of, sync_folder

Array = NDArray[Any]
_DAMAGE = (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, NotImplementedError)


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
    written: set[str] = set()
    with named_errors(path, "written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, array in arrays:
                    if name in written:
                        raise ValueError(f"{path}: the array {name} is given twice")
                    written.add(name)
                    # a name alone has the date 1980, so that the bytes do not tell when
                    member = zipfile.ZipInfo(f"{name}.npy")
                    member.compress_type = zipfile.ZIP_DEFLATED
                    with archive.open(member, "w", force_zip64=True) as file:
                        np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)
            ask_guard()
            part.replace(path)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        sync_folder(path.parent)


def read_arrays(path: Path, remedy: str) -> dict[str, Array]:
    """All arrays of a file, after their checksums were compared.

    Args:
        path: the npz file.
        remedy: what mends it, as the end of an error's sentence.

    Raises:
        UserError: if the file is absent, truncated, altered or holds pickles.
    """
    try:
        with zipfile.ZipFile(path) as archive:  # np.load leaves the checksums uncompared
            return {
                name.removesuffix(".npy"): np.lib.format.read_array(
                    io.BytesIO(archive.read(name)), allow_pickle=False
                )
                for name in archive.namelist()
            }
    except FileNotFoundError as error:
        raise UserError(f"{path} is not there; {remedy}") from error
    except _DAMAGE as error:
        raise UserError(f"{path} is truncated or altered ({error}); {remedy}") from error
