"""Alterations of files, each made from a number: the same number makes the same one."""

import copy
import json
import random
from collections.abc import Iterator
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
