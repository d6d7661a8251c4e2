"""Writing files whole or not at all, and saying in one sentence why one could not be written."""

import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from isotrope.errors import UserError
from isotrope.files import regular

_guard: ContextVar[Callable[[], None] | None] = ContextVar("guard", default=None)


@contextmanager
def guarded(guard: Callable[[], None]) -> Iterator[None]:
    """Ask ``guard`` before each file written inside gets its name; it forbids by an exception.

    Holds for the thread that enters it.
    """
    token = _guard.set(guard)
    try:
        yield
    finally:
        _guard.reset(token)


def ask_guard() -> None:
    """Ask the guard, if there is one, whether a finished file may get its final name."""
    if (guard := _guard.get()) is not None:
        guard()


@contextmanager
def named_errors(path: Path, action: str) -> Iterator[None]:
    """Turn the system's refusal (full disk, no permission) into a sentence that names the file.

    Args:
        path: the file or folder that the work inside is about.
        action: what could not be done to it, as in ``written``.

    Raises:
        UserError: instead of any ``OSError`` inside.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"{path} could not be {action}: {reason.lower()}; free space or give permission, then "
            "start again: what was saved before is kept"
        ) from error


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file so that it has its old content or all of the new, even if the power fails.

    The folder is made if need be. Text is written as UTF-8.

    Raises:
        UserError: if the file cannot be written; an old one is then untouched.
    """
    part = part_of(path)
    with named_errors(path, "written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_synced(part, content)
            ask_guard()
            part.replace(path)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        sync_folder(path.parent)


def part_of(path: Path) -> Path:
    """A name beside ``path``, of which no two writers get the same, for what is not whole yet."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")


def remove_parts(path: Path) -> None:
    """Remove what killed writers of ``path``, a file or a folder, left behind, if it can be."""
    for part in path.parent.glob(f".{path.name}.*.part"):
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            with suppress(OSError):
                part.unlink(missing_ok=True)


def write_synced(path: Path, content: bytes | str) -> None:
    """Write a file and wait until the disk has it."""
    with path.open("wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder, where the file system can do that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def checksum(content: bytes) -> dict[str, int | str]:
    """What tells a file from a truncated or altered one: its size in bytes and its SHA-256."""
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


_DELETE = "delete it and "  # begins what is advised for a damaged file


def read_checked(path: Path, expected: object, remedy: str) -> bytes:
    """Read a file and compare it with its checksum.

    Args:
        path: the file.
        expected: what ``checksum`` gave for it when it was written.
        remedy: what mends a damaged file, as the end of an error's sentence; of one that is not
            there no more is said to be deleted.

    Raises:
        UserError: if the file is absent, truncated or altered.
    """
    try:
        content = regular.read_bytes(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"{path} is missing; {remedy.removeprefix(_DELETE)}") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{path} cannot be read ({reason}); {remedy}") from error
    found = checksum(content)
    if found == expected:
        return content
    size = expected.get("size") if isinstance(expected, dict) else None
    if size is None:
        what = "there is no checksum of it"
    elif found["size"] != size:
        what = f"it has {found['size']} bytes, {size} were written"
    else:
        what = "its bytes are not those that were written"
    raise UserError(f"{path} is truncated or altered ({what}); {remedy}")
