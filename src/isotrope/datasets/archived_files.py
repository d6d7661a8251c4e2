"""Files inside a tar or zip archive of the user's, read in place: nothing is unpacked.

An index names such a file by its archive and the bytes at which it lies there, so that reading it
is one seek, whatever the number of files. Tar archives must not be packed as a whole.
"""

import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from isotrope.datasets.file_index import indexed_file
from isotrope.datasets.local_data import VARIABLE, local_root
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


class TreeOrArchives:
    """Files that lie below ``$ISOTROPE_DATA``, or in archives there that were not unpacked.

    Args:
        archives: paths of archives below ``$ISOTROPE_DATA``, each with the folder below it that
            its files would be in (``a/`` or nothing). Those that are not there hold nothing.
    """

    def __init__(self, archives: Mapping[str, str]) -> None:
        self.archives = archives

    def place(self, path: str) -> Place:
        """Where a file is, by its path below ``$ISOTROPE_DATA``.

        Raises:
            UserError: if it is nowhere.
        """
        found = self.find(path)
        if found is None:
            names = " and ".join(self.archives)
            raise UserError(
                f"{indexed_file(path)}: no such file, and none in {names} under ${VARIABLE}, which "
                f"is {local_root()}; put it there"
            )
        return found

    def find(self, path: str) -> Place | None:
        """Where a file is; None if it is nowhere."""
        if indexed_file(path).is_file():
            return Place(path)
        return self._packed.get(path)

    def below(self, folder: str, ending: str) -> list[str]:
        """The paths of all files of a folder and of those below it whose names end so, sorted."""
        return sorted(set(self._below(folder.rstrip("/"), ending)))

    def _below(self, folder: str, ending: str) -> Iterator[str]:
        root = indexed_file("")
        for one in (root / folder).rglob(f"*{ending}"):
            yield one.relative_to(root).as_posix()
        for path in self._packed:
            if path.startswith(f"{folder}/") and path.endswith(ending):
                yield path

    @cached_property
    def _packed(self) -> dict[str, Place]:
        return {
            f"{folder}{name}": place
            for archive, folder in self.archives.items()
            if indexed_file(archive).is_file()
            for name, place in files_in_archive(archive).items()
        }


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


def files_in_inner_tar(place: Place) -> dict[str, Place]:
    """The files in a tar archive that itself lies in a tar archive, by their names.

    Args:
        place: where the inner archive is.

    Raises:
        UserError: if it is damaged, or no tar archive.
    """
    path, (first, count) = indexed_file(place.file), map(int, place.at.split(":"))
    try:
        with path.open("rb") as outer:
            outer.seek(first)
            with tarfile.open(fileobj=outer, mode="r:") as archive:
                found = {one.name: (one.offset_data, one.size) for one in archive if one.isreg()}
        if any(start + size > first + count for start, size in found.values()):
            raise tarfile.ReadError("it ends in the midst of a file")
    except _DAMAGED as error:
        raise UserError(
            f"{path}: what it holds at byte {first} cannot be read as a tar archive ({error}); get "
            "it again"
        ) from error
    return {
        name.removeprefix("./"): Place(place.file, f"{start}:{size}")
        for name, (start, size) in found.items()
    }


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
