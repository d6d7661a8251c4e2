"""Unfinished seeds on disk: what a killed job leaves for the next one.

A file is one line (what it is, its format, the SHA-256 of the rest) and then what ``torch.save``
writes. The file before the last is kept beside it, so that a damaged one costs minutes, not the
seed. Files are read with ``weights_only=True``: they run no code.
"""

import hashlib
import io
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from isotrope.errors import UserError
from isotrope.files import regular
from isotrope.files.disk import (
    ask_guard,
    named_errors,
    part_of,
    remove_parts,
    sync_folder,
    write_synced,
)

MAGIC = b"isotrope-resume"
FORMAT = 2


class _DamagedError(Exception):
    """A file is truncated, altered or no resume file; the text says how."""


def previous(path: Path) -> Path:
    """Where the file before the last is kept."""
    return path.with_name(f"{path.name}.previous")


def save(path: Path, state: dict[str, Any], digest: str) -> None:
    """Write the state of an unfinished seed; the file that was there is kept as the previous one.

    Args:
        path: the seed's resume file; its folder is made if need be.
        state: tensors, numbers and words in plain dicts and lists.
        digest: the training digest, without which the file is not taken up again.

    Raises:
        UserError: if the file cannot be written; the files that were there are then untouched.
    """
    buffer = io.BytesIO()
    torch.save({"digest": digest, "state": state}, buffer)
    body = buffer.getvalue()
    head = b"%s %d %s\n" % (MAGIC, FORMAT, hashlib.sha256(body).hexdigest().encode())
    part = part_of(path)
    with named_errors(path, "written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_synced(part, head + body)
            ask_guard()
            with suppress(FileNotFoundError):  # the first one, or another copy was faster
                path.replace(previous(path))
            part.replace(path)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        sync_folder(path.parent)


def load(
    path: Path, digest: str, log: Callable[[str], None], back: int = 0
) -> dict[str, Any] | None:
    """The last whole state of an unfinished seed, on the CPU.

    Args:
        path: the seed's resume file.
        digest: the digest of the training that wants to go on.
        log: is told of damaged files that are passed over.
        back: 1 for the state before the last.

    Returns:
        What was given to ``save``, or ``None`` if there is nothing to take up.

    Raises:
        UserError: if a file is of another training or of another version of Isotrope.
    """
    damaged = False
    for candidate in (path, previous(path))[back:]:
        with suppress(FileNotFoundError):
            try:
                found = _read(candidate, digest)
            except _DamagedError as error:
                log(f"{candidate} is truncated or altered ({error}) and is passed over")
                damaged = True
                continue
            if damaged:
                go_back(path)
            return found
    return None


def go_back(path: Path) -> None:
    """Put the state before the last in the place of the last.

    Whoever takes it up must do so before the next saving, which would keep the wrong one of the
    two as the previous.

    Raises:
        UserError: if the folder cannot be written.
    """
    with named_errors(path, "written"):
        previous(path).replace(path)
        sync_folder(path.parent)


def _read(path: Path, digest: str) -> dict[str, Any]:
    content = regular.read_bytes(path)
    head, _, body = content.partition(b"\n")
    words = head.split(b" ")
    if len(words) != 3 or words[0] != MAGIC:
        raise _DamagedError("its first line is not that of a resume file")
    if words[1] != b"%d" % FORMAT:
        raise UserError(
            f"{path} has format {words[1].decode(errors='replace')}, this version of Isotrope "
            f"reads format {FORMAT}; delete it to train the seed from its beginning"
        )
    if hashlib.sha256(body).hexdigest().encode() != words[2]:
        raise _DamagedError("its bytes are not those that were written")
    try:
        found = torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError) as error:
        raise _DamagedError(str(error).splitlines()[0]) from error
    if found["digest"] != digest:
        raise UserError(
            f"{path} is of a training with digest {found['digest']}, this one has {digest}; "
            "delete it to train the seed from its beginning, or restore the param-file"
        )
    state: dict[str, Any] = found["state"]
    return state


def discard(path: Path) -> None:
    """Remove the files of a seed that is finished; its folder too if it is the last.

    Raises:
        UserError: if they cannot be removed.
    """
    with named_errors(path, "removed"):
        for old in (path, previous(path)):
            old.unlink(missing_ok=True)
    if path.parent.is_dir():
        remove_parts(path)
        with suppress(OSError):  # not empty: other seeds are unfinished
            path.parent.rmdir()
