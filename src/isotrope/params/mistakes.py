"""What pydantic found wrong, in the project's words, each with the place it is about."""

from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from isotrope.errors import did_you_mean
from isotrope.settings import Settings

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
        return None, [_complaint(kind, one, above) for one in error.errors()]


def _complaint(kind: type[BaseModel], error: ErrorDetails, above: Where) -> Complaint:
    where: Where = tuple(p for p in error["loc"] if p != "[key]")
    place = (*above, *where)
    if error["type"] == "extra_forbidden":
        known = _keys_at(kind, where[:-1])
        return place, f": unknown key{did_you_mean(str(where[-1]), known)}"
    if error["type"] == "missing":
        return place, ": missing"
    message = error["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    value = error["input"]
    if error["type"] in ("literal_error", "enum") and isinstance(value, str):
        field = _field_at(kind, where)
        return place, f": '{value}' is not known{did_you_mean(value, field)}"
    shown = f" (got {_short(value)})" if not isinstance(value, BaseModel) else ""
    return place, f": {message}{shown}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _keys_at(kind: type[BaseModel], where: Where) -> list[str]:
    """The keys that the block at ``where`` may hold."""
    block = _descend(kind, where)
    return list(block.model_fields) if block else []


def _field_at(kind: type[BaseModel], where: Where) -> list[str]:
    """The words that the field at ``where`` may be."""
    block = _descend(kind, where[:-1])
    if block is None or where[-1] not in block.model_fields:
        return []
    return _words(block.model_fields[str(where[-1])].annotation)


def _words(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(word) for word in get_args(annotation)]
    return [word for part in get_args(annotation) for word in _words(part)]


def _descend(kind: type[BaseModel], where: Where) -> type[BaseModel] | None:
    block: type[BaseModel] | None = kind
    for part in where:
        if block is None or part not in block.model_fields:
            return None
        block = _block_in(block.model_fields[str(part)].annotation)
    return block


def _block_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((b for part in get_args(annotation) if (b := _block_in(part))), None)
