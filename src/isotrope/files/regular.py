"""Reading regular files alone: whoever opens a named pipe waits for its writer, perhaps for ever.

Every file of a project is opened here, so that a pipe, socket, device or folder in its place is
an ``OSError`` that says so, at once. Only where a path goes to a library that opens it, and was
found to be a file before, is that left to the library.
"""

import errno
import io
import os
import stat
from pathlib import Path

_KINDS = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}


def kind_of(mode: int) -> str:
    """What a path leads to that is no regular file, in words; empty if it is one.

    Args:
        mode: as the system says it.
    """
    if stat.S_ISREG(mode):
        return ""
    return "a folder" if stat.S_ISDIR(mode) else _KINDS.get(stat.S_IFMT(mode), "a device")


def open_bytes(path: Path) -> io.BufferedReader:
    """Open a regular file for reading.

    Raises:
        IsADirectoryError: if a folder is in its place.
        OSError: if it cannot be opened, or is no regular file.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket, or a device that is not there
            raise _no_file(path, path.stat().st_mode) from error
        raise
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        raise _no_file(path, mode)
    return os.fdopen(handle, "rb")


def _no_file(path: Path, mode: int) -> OSError:
    """The error that says what is in the place of a file."""
    if stat.S_ISDIR(mode):
        return IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    return OSError(errno.ENXIO, f"Is {kind_of(mode)}, not a file", str(path))


def open_text(
    path: Path, *, encoding: str = "utf-8", errors: str = "strict", newline: str | None = None
) -> io.TextIOWrapper:
    """Open a regular file for reading its text; the other arguments are those of ``open``.

    Raises:
        OSError: as ``open_bytes``.
    """
    return io.TextIOWrapper(open_bytes(path), encoding=encoding, errors=errors, newline=newline)


def read_bytes(path: Path) -> bytes:
    """The content of a regular file.

    Raises:
        OSError: as ``open_bytes``.
    """
    with open_bytes(path) as file:
        return file.read()


def read_text(path: Path, *, encoding: str = "utf-8", errors: str = "strict") -> str:
    """The text of a regular file.

    Raises:
        OSError: as ``open_bytes``.
        UnicodeDecodeError: if it is none in that encoding.
    """
    with open_text(path, encoding=encoding, errors=errors) as file:
        return file.read()
