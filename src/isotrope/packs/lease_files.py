"""The files of leases: who is at work on what, each in a file whose name no other ever has."""

import errno
import json
import os
from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from secrets import token_hex

from isotrope.files import json_files, regular
from isotrope.files.disk import named_errors
from isotrope.processes.process import Process

_ours: set[Path] = set()  # leases of this process, from before they are written
_TRIES = 20  # of writing into a folder that others remove when it is empty


@dataclass(frozen=True)
class Lease:
    """A lease as it is on disk; a damaged one claims everything and has no holder.

    Args:
        path: its file.
        beat: changes whenever the holder gives a sign of life.
        work: what the holder does.
        claims: the files and folders that it writes; all where that is not known.
        reads: the files and folders that it reads while no other may write them.
        since: when it began, for people.
        process: the holder.
    """

    path: Path
    beat: int
    work: str = "work that its lease does not name"
    claims: frozenset[str] | None = None
    since: str | None = None
    process: Process | None = None
    reads: frozenset[str] = frozenset()

    def __str__(self) -> str:
        since = f", since {self.since}" if self.since else ""
        return f"{self.work}: {self.process or self.path}{since}"

    @property
    def is_left_behind(self) -> bool:
        """Whether this very process wrote it and could not remove it: a disk was in trouble."""
        process = self.process
        ours = process is not None and process.is_here and process.number == os.getpid()
        left = ours and self.path.absolute() not in _ours
        return left and self.path.exists()  # else another thread has removed it just now

    def conflicts_with(self, claims: Set[str], reads: Set[str]) -> bool:
        """Whether it writes what another wants to write or read, or reads what that one writes."""
        if self.claims is None:
            return True
        return bool(self.claims & (claims | reads) or self.reads & claims)


def write(
    folder: Path,
    work: str,
    claims: Iterable[str],
    since: str,
    process: Process,
    reads: Iterable[str] = (),
) -> Path:
    """Write a lease and return its file.

    Raises:
        UserError: if it cannot be written.
    """
    content = {
        "work": work,
        "process": asdict(process),
        "since": since,
        "claims": sorted(claims),
        "reads": sorted(reads),
    }
    path = folder / f"{token_hex(8)}.json"
    _ours.add(path.absolute())
    with named_errors(path, "written"):
        for left in reversed(range(_TRIES)):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                with path.open("x", encoding="utf-8") as file:
                    file.write(json.dumps(json_files.sealed(content), indent=1) + "\n")
                break
            except (FileNotFoundError, FileExistsError):  # the folder was removed in between
                if not left:
                    remove(path)
                    raise
            except OSError:
                remove(path)
                raise
    return path


def read_all(folder: Path) -> Iterator[Lease]:
    """The leases in a folder.

    Raises:
        UserError: if the folder cannot be read.
    """
    with named_errors(folder, "read"):
        try:
            names = sorted(path for path in folder.iterdir() if path.suffix == ".json")
        except FileNotFoundError:
            return
    for path in names:
        if (lease := _read(path)) is not None:
            yield lease


def _read(path: Path) -> Lease | None:
    """A lease; none if it is no longer there."""
    try:
        with regular.open_bytes(path) as file:  # opened, since a network disk then looks anew
            beat = os.fstat(file.fileno()).st_mtime_ns
            content = file.read()
    except OSError as error:
        if is_absent(error):
            return None
        beat, content = 0, b""
        with suppress(OSError):
            beat = path.stat().st_mtime_ns
    try:
        fields = json_files.parse_object(content)
        json_files.is_sealed(fields)
        claims, process = frozenset(map(str, fields["claims"])), Process.read(fields["process"])
        reads = frozenset(map(str, fields.get("reads", ())))  # older leases do not tell
        return Lease(path, beat, str(fields["work"]), claims, str(fields["since"]), process, reads)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return Lease(path, beat)


def is_absent(error: OSError) -> bool:
    """Whether an error says that a file is not there, in the words of a network disk too."""
    return error.errno in (errno.ENOENT, errno.ESTALE)


def remove(path: Path) -> None:
    """Remove a lease as far as that is possible, and the folder if it was the last."""
    try:
        with suppress(OSError):
            path.unlink(missing_ok=True)
            path.parent.rmdir()  # refused while others are in it
    finally:  # not before: to another thread a lease that is still there would be left behind
        _ours.discard(path.absolute())
