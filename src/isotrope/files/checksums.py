"""Checksums of files that have no place for one: tables with their arrays, and files of figures.

That of ``GROUP/NAME`` lies in ``.sums/GROUP`` beside the folder. A file without one, made by hand,
copied from elsewhere or written by an earlier version, is taken as it is.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from isotrope.errors import UserError
from isotrope.files import disk, json_files, regular

FIGURE_FILES = (".svg", ".pdf", ".csv", ".tex", ".gif", ".mp4")


def path_of(path: Path) -> Path:
    """The file that holds the checksum of another."""
    folder = path.parent
    return folder.parent / ".sums" / folder.name / f"{path.name}.json"


@contextmanager
def renewed(*paths: Path) -> Iterator[None]:
    """Give files that are written inside their new checksums, once they are there.

    Meanwhile they have none, so that nobody takes one that is new already for altered, not even
    where the work inside is killed. Where it fails, files that it did not write keep theirs.

    Raises:
        UserError: if a checksum cannot be renamed or written.
    """
    before = {path: _place(path) for path in paths}
    for path in paths:
        _remove(_aside(path))  # of a writer that was killed
        _rename(path_of(path), _aside(path))
    try:
        yield
    except BaseException:
        for path, place in before.items():
            if _place(path) == place:
                _rename(_aside(path), path_of(path))
        raise
    for path in paths:
        if path.is_file():
            disk.write_whole(path_of(path), json.dumps(_of_file(path)) + "\n")
        _remove(_aside(path))


def _aside(path: Path) -> Path:
    """Where a checksum lies while its file is written; a full disk can take it from there."""
    return path_of(path).with_suffix(".before")


def _rename(path: Path, goal: Path) -> None:
    """Rename a checksum, if it is there."""
    with disk.named_errors(path, "renamed"), suppress(FileNotFoundError, NotADirectoryError):
        path.rename(goal)


def _remove(path: Path) -> None:
    """Remove a checksum, if it is there."""
    with disk.named_errors(path, "removed"), suppress(FileNotFoundError, NotADirectoryError):
        path.unlink()


def _place(path: Path) -> tuple[int, int] | None:
    """What tells a file from one that is written in its place; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _of_file(path: Path) -> dict[str, int | str]:
    """What ``disk.checksum`` gives for a file's content, which need not fit into memory."""
    with regular.open_bytes(path) as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return {"size": file.tell(), "sha256": sha256}


def is_as_written(path: Path, content: bytes | None = None) -> bool:
    """Whether a file has the content that its checksum stands for, or has no checksum.

    Args:
        path: the file.
        content: what was read of it; it is read for that if left out.

    Raises:
        OSError: if it cannot be read.
    """
    found = _of_file(path) if content is None else disk.checksum(content)
    try:
        return bool(json_files.parse(regular.read_bytes(path_of(path))) == found)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False


def check_table(path: Path, content: bytes | None = None) -> None:
    """Compare a collected table, or the arrays beside one, with its checksum.

    Args:
        path: the file.
        content: what was read of it; it is read for that if left out.

    Raises:
        UserError: if it was altered.
        OSError: if it cannot be read.
    """
    if not is_as_written(path, content):
        target = "tables" if path.suffix == ".csv" else "figures"
        raise UserError(
            f"{path} was altered since it was collected; delete it and run `snakemake {target}`, "
            f"or delete {path_of(path)} if you put it there yourself"
        )


def altered_figures(files: Iterable[Path]) -> dict[Path, str]:
    """Those of some files of figures that were altered since they were drawn, each with a sentence.

    A file that cannot be read is none of them.
    """
    found = {}
    for path in files:
        try:
            check_figure(path)
        except UserError as error:
            found[path] = error.sentences[0]
        except OSError:
            continue
    return found


def check_figure(path: Path, content: bytes | None = None) -> None:
    """Compare a file of a figure, as ``out/figures/GROUP/NAME.csv``, with its checksum.

    Args:
        path: the file.
        content: what was read of it; it is read for that if left out.

    Raises:
        UserError: if it was altered.
        OSError: if it cannot be read.
    """
    if not is_as_written(path, content):
        name = path.name.partition(".")[0]
        command, doing = ("typeset", "write") if path.suffix == ".tex" else ("draw", "draw")
        raise UserError(
            f"{path} was altered since it was drawn; run `isotrope {command} {name} --group "
            f"{path.parent.name}` to {doing} it again, or delete {path_of(path)} if you "
            "put it there yourself"
        )
