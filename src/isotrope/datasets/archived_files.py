"""Files inside a tar or zip archive of the user's, read in place: nothing is unpacked.

An index names such a file by its archive and the bytes at which it lies there, so that reading it
is one seek, whatever the number of files. Tar archives must not be packed as a whole.
"""

import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

from isotrope.datasets.file_index import indexed_file
from isotrope.errors import UserError

_LOCAL_HEADER = struct.Struct("<4s5H3I2H")  # before each file of a zip archive
_PACKED = "deflated"
# what archives raise that are not whole
_DAMAGED = (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, struct.error)


class Place(NamedTuple):
    """Where the bytes of a file are.

    Args:
        file: a path below ``$ISOTROPE_DATA``: of the file itself, or of the archive that holds it.
        at: which bytes of the archive it has, ``<first>:<count>``, with ``:deflated`` if they are
            packed; empty for a file that lies in no archive.
    """

    file: str
    at: str = ""


def files_in_archive(file: str) -> dict[str, Place]:
    """The files in an archive by the names that they have there.

    Args:
        file: the path of a ``.tar`` or ``.zip`` below ``$ISOTROPE_DATA``.

    Raises:
        UserError: if the archive is damaged, packed in another way, or not there.
    """
    path = indexed_file(file)
    try:
        found = _of_zip(path) if path.suffix == ".zip" else _of_tar(path)
    except _DAMAGED as error:
        raise UserError(
            f"{path}: cannot be read as an archive ({error}); get it again, or unpack it and put "
            "its files there"
        ) from error
    return {name.removeprefix("./"): Place(file, at) for name, at in found.items()}


def read_place(place: Place) -> bytes:
    """The bytes of a file, unpacked.

    Raises:
        UserError: if ``$ISOTROPE_DATA`` is not set.
        OSError: if the file or its archive is not there, or shorter than when it was indexed.
        zlib.error: if what is there is not what was indexed.
    """
    path = indexed_file(place.file)
    if not place.at:
        return path.read_bytes()
    first, count, *packed = place.at.split(":")
    with path.open("rb") as opened:
        opened.seek(int(first))
        found = opened.read(int(count))
    if len(found) < int(count):
        raise OSError("the archive has been cut short")
    return zlib.decompress(found, -zlib.MAX_WBITS) if packed else found


def _of_tar(path: Path) -> dict[str, str]:
    with tarfile.open(path, "r:") as archive:
        return {one.name: f"{one.offset_data}:{one.size}" for one in archive if one.isreg()}


def _of_zip(path: Path) -> dict[str, str]:
    found = {}
    with zipfile.ZipFile(path) as archive, path.open("rb") as opened:
        for one in archive.infolist():
            if one.is_dir():
                continue
            if one.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise zipfile.BadZipFile(f"{one.filename} is packed in a way not known here")
            opened.seek(one.header_offset)
            *_, name, extra = _LOCAL_HEADER.unpack(opened.read(_LOCAL_HEADER.size))
            first = one.header_offset + _LOCAL_HEADER.size + name + extra
            packed = f":{_PACKED}" if one.compress_type == zipfile.ZIP_DEFLATED else ""
            found[one.filename] = f"{first}:{one.compress_size}{packed}"
    return found
