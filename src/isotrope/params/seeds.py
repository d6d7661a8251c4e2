"""The seeds of a run, as a param-file or a command line names them."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError

from isotrope.errors import UserError
from isotrope.settings import Settings

LARGEST_SEED = 1_000_000


def _seeds(value: Any) -> Any:
    """``"1-5"`` as ``[1, 2, 3, 4, 5]``; a single number as a list of it."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return [value]
    if not isinstance(value, str):
        return value
    first, dash, last = value.partition("-")
    if not dash or not first.strip().isdecimal() or not last.strip().isdecimal():
        raise ValueError("write seeds as 1-5 (both ends included) or as a list such as [1, 2, 7]")
    if int(last) > LARGEST_SEED:
        raise ValueError(f"seeds go up to {LARGEST_SEED}")
    if int(first) > int(last):
        raise ValueError(f"the range of seeds {value} is empty")
    return list(range(int(first), int(last) + 1))


def _distinct(seeds: list[int]) -> list[int]:
    """Seeds in their order."""
    if len(set(seeds)) != len(seeds):
        raise ValueError("each seed may stand once only")
    return sorted(seeds)


Seeds = Annotated[
    list[Annotated[int, Field(ge=1, le=LARGEST_SEED)]],
    BeforeValidator(_seeds, json_schema_input_type=str | int | list[int]),
    Field(min_length=1),
    AfterValidator(_distinct),
]


_SEEDS = TypeAdapter[list[int]](Seeds, config=Settings.model_config)


def valid_seeds(value: Any) -> list[int] | None:
    """The seeds that a param-file gives, or None if it gives none that are right."""
    try:
        return _SEEDS.validate_python(value)
    except ValidationError:
        return None


def seeds_in(text: str) -> list[int]:
    """The seeds that a command line names: ``1-5``, ``3`` or ``1,2,7-9``.

    Raises:
        UserError: if the text is none of these.
    """
    try:
        found = [
            seed
            for part in text.split(",")
            for seed in _seeds(f"{part}-{part}" if part.strip().isdecimal() else part)
        ]
    except ValueError as error:
        raise UserError(f"seeds {text}: {error}") from error
    return sorted(set(found))
