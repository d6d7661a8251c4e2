"""Photos of the user's, listed class by class: in folders, in tar archives, or sorted by a list."""

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from isotrope.datasets.archived_files import Place, files_in_archive, files_in_inner_tar
from isotrope.datasets.file_index import indexed_file
from isotrope.errors import UserError

ENDINGS = (".jpeg", ".jpg")

Photos = list[tuple[str, Place]]  # the names of files, and where these are, sorted by name
Classes = Mapping[str, Callable[[], Photos]]  # by the names of their folders


def in_tree(folder: str) -> Classes:
    """The classes in a folder below ``$ISOTROPE_DATA``, each a folder of photos; perhaps none."""
    return {name: partial(_of_folder, f"{folder}/{name}") for name in folders_of(folder)}


def folders_of(folder: str) -> list[str]:
    """The names of the folders in a folder below ``$ISOTROPE_DATA``, sorted; perhaps none."""
    return [one.name for one in _entries(folder) if one.is_dir() and not one.name.startswith(".")]


def _of_folder(folder: str) -> Photos:
    names = [one.name for one in _entries(folder) if one.name.lower().endswith(ENDINGS)]
    return [(name, Place(f"{folder}/{name}")) for name in names]


def _entries(folder: str) -> list[os.DirEntry[str]]:
    path = indexed_file(folder)
    try:
        with os.scandir(path) as found:
            return sorted(found, key=lambda one: one.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); make it readable") from error


def in_tar(file: str, folder: str) -> Classes:
    """The classes in a folder of a tar archive below ``$ISOTROPE_DATA``."""
    return grouped(
        (path.parent.name, path.name, place)
        for name, place in files_in_archive(file).items()
        if (path := Path(name)).parent.parent == Path(folder)
    )


def in_tar_of_tars(file: str) -> Classes:
    """The classes in a tar archive that has an archive for each: ``<class>.tar``."""
    return {
        Path(name).stem: partial(_of_inner_tar, place)
        for name, place in sorted(files_in_archive(file).items())
        if name.endswith(".tar")
    }


def _of_inner_tar(place: Place) -> Photos:
    found = sorted(files_in_inner_tar(place).items())
    return [(name, one) for name, one in found if name.lower().endswith(ENDINGS)]


def flat_photos(folder: str, archive: str) -> Photos:
    """Photos that lie together, in a folder or in a tar archive, if that is not there."""
    if found := _of_folder(folder):
        return found
    if not indexed_file(archive).is_file():
        return []
    packed = files_in_archive(archive).items()
    return sorted((Path(name).name, one) for name, one in packed if name.lower().endswith(ENDINGS))


def grouped(photos: Iterable[tuple[str, str, Place]]) -> Classes:
    """The classes of photos of which class, name and place are known."""
    found: dict[str, Photos] = {}
    for folder, name, place in photos:
        if name.lower().endswith(ENDINGS):
            found.setdefault(folder, []).append((name, place))
    return {folder: partial(sorted, its) for folder, its in sorted(found.items())}
