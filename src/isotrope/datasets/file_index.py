"""The index of a stream: which of the user's files it reads, and what is known of each.

It is written when the data set is built and lies in its folder as ``<key>.sources.csv``. What was
trained depends on it: a file that is there or gone, or of another size, makes another index.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from isotrope import paths
from isotrope.datasets.local_data import VARIABLE, local_root
from isotrope.errors import UserError

FILE, BYTES = "file", "bytes"


def write_file_index(rows: Iterable[Mapping[str, str | int]], folder: Path, key: str) -> Path:
    """Write the index of a data set, and say where.

    Args:
        rows: for each image the path of its ``file`` below ``$ISOTROPE_DATA`` and what else is to
            be known of it, such as ``split``, ``label`` or the path of its ``mask``.
        folder: of the data set.
        key: of the data set's settings.

    Raises:
        UserError: if a file is absent.
        ValueError: if there is no row.
    """
    size_of = cache(_size)  # many rows may be of one archive
    found = ({**row, BYTES: size_of(str(row[FILE]))} for row in rows)
    first = next(found, None)
    if first is None:
        raise ValueError("an index needs at least one file")
    path = folder / f"{key}{paths.SOURCES_OF}"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(first), lineterminator="\n")
        writer.writeheader()
        writer.writerow(first)
        writer.writerows(found)
    return path


def read_file_index(folder: Path, key: str) -> list[dict[str, str]]:
    """The rows of the index of a data set, in their order; ``bytes`` with the others."""
    return list(rows_of_file_index(folder, key))


def rows_of_file_index(folder: Path, key: str) -> Iterator[dict[str, str]]:
    """The same one after the other, for an index of a million files."""
    with (folder / f"{key}{paths.SOURCES_OF}").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def indexed_file(file: str) -> Path:
    """Where a file of an index lies; whether it is there is not looked at.

    Raises:
        UserError: if ``$ISOTROPE_DATA`` is not set.
    """
    root = local_root()
    if root is None:
        raise UserError(f"${VARIABLE} is not set, and {file} is looked for under it; set it")
    return root / file


def _size(file: str) -> int:
    path = indexed_file(file)
    try:
        return path.stat().st_size
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); restore the file, or set ${VARIABLE} to "
            "the folder that holds it"
        ) from error
