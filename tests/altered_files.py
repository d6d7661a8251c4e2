"""Alterations of files, each made from a number: the same number makes the same one."""

import copy
import json
import os
import random
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DEEP = "[" * 100_000  # too deep for Python to read
ODD = ("x", "", "1", -1, 2**70, 0.5, 7.5, None, True, [], {}, [1], {"a": [1]})


def places(content: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The keys that lead to every value in a JSON, those inside others included."""
    pairs = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in pairs if isinstance(content, dict | list) else ():
        yield (*here, key)
        if isinstance(value, dict | list):
            yield from places(value, (*here, key))


def altered(content: Any, number: int) -> tuple[Any, str]:
    """A JSON with another value, or without one, and what was done."""
    chance, found = random.Random(number), copy.deepcopy(content)
    place = chance.choice(list(places(content)))
    inside = found
    for key in place[:-1]:
        inside = inside[key]
    old = inside[place[-1]]
    if chance.random() < 0.2:
        del inside[place[-1]]
        return found, f"{place} is gone"
    same = (json.dumps(old), json.dumps(bool(old)) if isinstance(old, bool) else "")
    inside[place[-1]] = new = chance.choice([one for one in ODD if json.dumps(one) not in same])
    return found, f"{place} is {new!r}, was {old!r}"


def flip(path: Path, number: int) -> str:
    """Turn one bit of a file round; what was done."""
    content = bytearray(path.read_bytes())
    chance = random.Random(number)
    at, bit = chance.randrange(len(content)), chance.randrange(8)
    content[at] ^= 1 << bit
    path.write_bytes(bytes(content))
    return f"bit {bit} of byte {at} of {path.name}"


MARK = "0.8642097"  # stands in no sound file


REPLACED = ("gone", "folder", "link", "pipe", "socket")


def replace(path: Path, kind: str) -> None:
    """Put nothing or something else in the place of a file: a link leads to itself."""
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(path.name)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        place = os.open(path.parent, os.O_PATH)  # the address of a socket is short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"/proc/self/fd/{place}/{path.name}")
        os.close(place)


@contextmanager
def pipe_at(path: Path, seconds: float = 30) -> Iterator[threading.Event]:
    """A named pipe; whoever waits at it goes on after some seconds, which the event then tells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    waited = threading.Event()

    def help_on() -> None:
        waited.set()
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))

    timer = threading.Timer(seconds, help_on)
    timer.start()
    try:
        yield waited
    finally:
        timer.cancel()


def damage(path: Path, number: int, others: Sequence[Path] = ()) -> str:
    """Do something to a file that nobody should; what was done.

    Args:
        path: the file, which is not empty.
        number: the same one does the same.
        others: files that may be put in its place.
    """
    chance, content = random.Random(number), path.read_bytes()
    at = chance.randrange(len(content))
    alike = [one for one in others if one.suffix == path.suffix and one.read_bytes() != content]
    kinds = ["bit", "cut", "empty", "noise", "tail", "twice", "deep", *REPLACED]
    if path.suffix in (".csv", ".json"):
        kinds += ["number", "number", "number", "text", "line", "line"]
    if path.suffix == ".json":
        kinds += ["value"] * 3
    if alike:
        kinds += ["other"] * 3
    kind = chance.choice(kinds)
    if kind == "bit":
        return flip(path, number)
    if kind in REPLACED:
        replace(path, kind)
        return f"{path}: {kind}"
    if kind == "value":
        value, what = altered(json.loads(content), number)
        content = json.dumps(value, indent=1).encode()
        kind = f"{kind}: {what}"
    elif kind in ("number", "text"):
        numbers = list(re.finditer(rb"(?<![\w.])\d+(\.\d+)?(?![\w.])", content))
        if numbers:
            found = chance.choice(numbers)
            other = (
                MARK
                if kind == "number"
                else chance.choice(("nan", "1e400", "x", "-1", "", "\x1b[31m"))
            )
            content = content[: found.start()] + other.encode() + content[found.end() :]
            kind = f"{kind} at {found.start()}: {found[0]!r} is {other!r}"
    elif kind == "line":
        lines = content.splitlines(keepends=True)
        del lines[chance.randrange(len(lines))]
        content = b"".join(lines)
    elif kind == "other":
        other_file = chance.choice(alike)
        content = other_file.read_bytes()
        kind = f"is {other_file}"
    else:
        content = {
            "cut": content[:at],
            "empty": b"",
            "noise": content[:at] + chance.randbytes(16) + content[at + 16 :],
            "tail": content + chance.randbytes(16),
            "twice": content * 2,
            "deep": DEEP.encode(),
        }[kind]
    path.write_bytes(content)
    return f"{path}: {kind}"
