"""JSON that is read with every check, and that says itself whether it was altered.

A sealed object holds under ``checksum`` the SHA-256 of all the rest as canonical JSON, so that the
spelling of the file (order, blanks) does not count and every value does. Needs no torch.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NoReturn

CHECKSUM = "checksum"


def parse(text: str | bytes) -> Any:
    """The value in a JSON text, whose numbers are all finite.

    Raises:
        ValueError: if it is none, is nested too deeply to be read, or a number is infinite or none.
    """
    try:
        return json.loads(text, parse_float=_finite, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def parse_object(text: str | bytes) -> dict[str, Any]:
    """The object in a JSON text.

    Raises:
        ValueError: as ``parse``, or if it is no object.
    """
    found = parse(text)
    if not isinstance(found, dict):
        raise ValueError(f"holds {type(found).__name__}, not an object")
    return found


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content as it will be read, with its checksum in the place of an older one."""
    plain = json.loads(json.dumps(content, allow_nan=False))
    return {**_unsealed(plain), CHECKSUM: _sum_of(plain)}


def is_sealed(content: Mapping[str, Any]) -> bool:
    """Whether the content is as it was when it was sealed; False if it never was.

    Raises:
        ValueError: if it was altered since.
    """
    if CHECKSUM not in content:
        return False
    if content[CHECKSUM] != _sum_of(content):
        raise ValueError("its content is not what its checksum stands for")
    return True


def sealed_text(content: Mapping[str, Any], indent: int | None = None) -> str:
    """A large object as text that ends with a checksum of the text before it: cheap to compare.

    It must not be empty. Numbers that are none are kept; data classes in it become objects.
    """
    head = json.dumps(content, indent=indent, default=_fields)[:-1].rstrip()
    return f'{head},\n "{CHECKSUM}": "{hashlib.sha256(head.encode()).hexdigest()}"\n}}\n'


def _fields(content: Any) -> dict[str, Any]:
    """The fields of a data class; many are written, and this copies none of what they hold."""
    return {one.name: getattr(content, one.name) for one in fields(content)}


def parse_sealed_text(text: str) -> dict[str, Any]:
    """The object in such a text.

    Raises:
        ValueError: if the text was altered, or is none of ``sealed_text``.
    """
    head, _, end = text.rpartition(f',\n "{CHECKSUM}": ')
    if end != f'"{hashlib.sha256(head.encode()).hexdigest()}"\n}}\n':
        raise ValueError("its text is not what its checksum stands for")
    found: dict[str, Any] = json.loads(text)
    return found


def _unsealed(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key != CHECKSUM}


def _sum_of(content: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(
            _unsealed(content), sort_keys=True, separators=(",", ":"), allow_nan=False
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return hashlib.sha256(text.encode()).hexdigest()


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large a number")
    return number


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")
