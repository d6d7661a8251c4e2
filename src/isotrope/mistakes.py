"""What pydantic found wrong, in the project's words, each with the place it is about."""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from isotrope.errors import did_you_mean
from isotrope.settings import Settings

MOST = 100  # complaints about one block: nobody reads more
Where = tuple[str | int, ...]
S = TypeVar("S", bound=Settings)
Complaint = tuple[Where, str]  # a place, and what follows its name in the message


def dotted(where: Where) -> str:
    """A place as users read it: ``training.optimizer.name``, ``evaluations[1]``."""
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def complaints_of(kind: type[S], raw: Any, above: Where = ()) -> tuple[S | None, list[Complaint]]:
    """``raw`` as checked settings, or every complaint about it, placed below ``above``."""
    try:
        return kind.model_validate(raw), []
    except ValidationError as error:
        said = _without_guesses(kind, error.errors(include_url=False)[:MOST])
        return None, [one for found in said for one in _complaints(kind, found, above)]


def _without_guesses(kind: type[BaseModel], errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Of a value of several types, pydantic says of each why it is not of that type.

    Kept are those of the types into which an error goes furthest, as these were probably meant; a
    word is not said to be missing where something else than a word stands.
    """
    places = [_spot(kind, one["loc"]).where for one in errors]

    def guessed(error: ErrorDetails, place: Where) -> bool:
        if len(place) == len(error["loc"]):
            return False
        if any(len(other) > len(place) and other[: len(place)] == place for other in places):
            return True
        no_word = error["type"] == "literal_error" and not isinstance(error["input"], str)
        return no_word and places.count(place) > 1

    return [one for one, place in zip(errors, places, strict=True) if not guessed(one, place)]


def _complaints(kind: type[BaseModel], error: ErrorDetails, above: Where) -> Iterator[Complaint]:
    """What an error says; that of blocks which plug-ins have checked says several things."""
    if error["type"] != "blocks":
        yield _complaint(kind, error, above)
        return
    for where, what in error["ctx"]["complaints"]:
        yield (*above, *_spot(kind, error["loc"]).where, *where), what


def _complaint(kind: type[BaseModel], error: ErrorDetails, above: Where) -> Complaint:
    spot = _spot(kind, error["loc"])
    place, value = (*above, *spot.where), error["input"]
    if error["type"] == "extra_forbidden":
        return place, f": unknown key{did_you_mean(str(spot.where[-1]), spot.keys)}"
    if error["type"] == "missing":
        return place, f": missing{did_you_mean('', _words(spot.annotation))}"
    if error["type"].startswith("union_tag"):  # a block whose name says which settings it has
        known = [word for block in _blocks(spot.annotation) for word in _names(block)]
        return _unknown_name((*place, "name"), value, known)
    message = error["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if error["type"] in ("literal_error", "enum") and isinstance(value, str):
        return place, f": '{value}' is not known{did_you_mean(value, _words(spot.annotation))}"
    if error["type"] == "model_attributes_type":
        message = "must be a block {name, ...settings}"
    if error["type"] == "value_error" and isinstance(value, dict):  # settings that do not agree
        name, _, rest = message.partition(": ")
        return ((*place, name), f": {rest}") if name in value and rest else (place, f": {message}")
    shown = f" (got {_short(value)})" if not isinstance(value, BaseModel) else ""
    return place, f": {message}{shown}"


def _unknown_name(place: Where, block: Any, known: list[str]) -> Complaint:
    if "name" not in block:
        return place, f": missing{did_you_mean('', known)}"
    name = block["name"]
    if not isinstance(name, str):
        return place, f": must be one of {', '.join(known)} (got {_short(name)})"
    more = ", so that its other keys are not checked yet" if len(block) > 1 else ""
    return place, f": '{name}' is not known{more}{did_you_mean(name, known)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


class _Spot(NamedTuple):
    """A place in settings: the parts of its name, the type there, the keys of the block above."""

    where: Where
    annotation: Any
    keys: list[str]


def _spot(kind: type[BaseModel], found: Where) -> _Spot:
    """Where pydantic found something, without the words that only pydantic puts between."""
    where: list[str | int] = []
    keys: list[str] = []
    annotation: Any = kind
    for part in found:
        blocks = list(_blocks(annotation))
        chosen = [block for block in blocks if part in _names(block)]
        if len(blocks) > 1 and chosen:  # pydantic names the block that it chose of a union
            annotation = chosen[0]
            continue
        if part in (tagged := dict(_tagged(annotation))):
            annotation = tagged[part]
            continue
        if part == "[key]":
            continue
        if isinstance(part, str) and not blocks and (types := _types(annotation)):
            named = [(part.index(_label(one)), one) for one in types if _label(one) in part]
            annotation = min(named, key=lambda found: found[0])[1] if named else None
            continue
        where.append(part)
        if blocks:
            fields = blocks[0].model_fields
            keys = list(fields)
            annotation = fields[str(part)].annotation if part in fields else None
        else:
            annotation = next(_inner(annotation), None)
    return _Spot(tuple(where), annotation, keys)


def _blocks(annotation: Any) -> Iterator[type[BaseModel]]:
    """The blocks of settings that a value of this type may be."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, UnionType, Annotated):
        for part in get_args(annotation):
            yield from _blocks(part)


def _tagged(annotation: Any) -> Iterator[tuple[str | int, Any]]:
    """The types that a value may have, by the tags that tell them apart."""
    for part in get_args(annotation):
        found = [one.tag for one in getattr(part, "__metadata__", ()) if isinstance(one, Tag)]
        yield from ((tag, part) for tag in found)
        yield from _tagged(part)


def _types(annotation: Any) -> list[Any]:
    """The types of a value that may have several, None not counted."""
    if get_origin(annotation) is Annotated:
        return _types(get_args(annotation)[0])
    if get_origin(annotation) not in (Union, UnionType):
        return []
    types = [one for one in get_args(annotation) if one is not type(None)]
    return types if len(types) > 1 else []


def _label(annotation: Any) -> str:
    """What pydantic's name of a type begins with, inside of those of its validators."""
    if get_origin(annotation) is Annotated:
        return _label(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return "literal["
    return str(getattr(annotation, "__name__", annotation))


def _inner(annotation: Any) -> Iterator[Any]:
    """The type of the values in a list or a dict."""
    if get_origin(annotation) in (list, dict):
        yield get_args(annotation)[-1]
    elif get_origin(annotation) in (Union, UnionType, Annotated):
        for part in get_args(annotation):
            yield from _inner(part)


def _names(block: type[BaseModel]) -> list[str]:
    """The words by which a block is chosen from others."""
    return _words(block.model_fields["name"].annotation) if "name" in block.model_fields else []


def _words(annotation: Any) -> list[str]:
    """The words that a value of this type may be."""
    if get_origin(annotation) is Literal:
        return [str(word) for word in get_args(annotation)]
    return [word for part in get_args(annotation) for word in _words(part)]
