"""The seeds of a run, as param-files and command lines name them, and their packs."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError

from isotrope.errors import UserError
from isotrope.settings import Settings

LARGEST_SEED = 2**32 - 1
MOST = 10_000  # seeds of a run
_MOST_DIGITS = 30  # of what is read as a number; a larger one than a seed can be is said to be so
LARGEST_IN_GRID = 1_000_000  # larger seeds stand in lists, and form packs in their written order


def _seeds(value: Any) -> Any:
    """``"1-5"`` as ``[1, 2, 3, 4, 5]``; a single number as a list of it."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return [value]
    if not isinstance(value, str):
        return value
    first, dash, last = value.partition("-")
    if not dash or not (_is_number(first.strip()) and _is_number(last.strip())):
        raise ValueError("write seeds as 1-5 (both ends included) or as a list such as [1, 2, 7]")
    if int(last) > LARGEST_IN_GRID:
        raise ValueError(f"a range of seeds ends at {LARGEST_IN_GRID}; write larger ones as a list")
    if int(first) > int(last):
        raise ValueError(f"the range of seeds {value} is empty")
    if (count := int(last) - int(first) + 1) > MOST:
        raise ValueError(f"{count} seeds; a run has {MOST} at most")
    return list(range(int(first), int(last) + 1))


def _is_number(text: str) -> bool:
    """Whether a text is a number of digits 0 to 9, not of so many that reading it takes time."""
    return text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS


def _distinct(seeds: list[int]) -> list[int]:
    """Seeds in their order; large ones behind all others, as they were written."""
    if len(set(seeds)) != len(seeds):
        raise ValueError("each seed may stand once only")
    if len(seeds) > MOST:
        raise ValueError(f"{len(seeds)} seeds; a run has {MOST} at most")
    large = [seed for seed in seeds if seed > LARGEST_IN_GRID]
    return [*sorted(seed for seed in seeds if seed <= LARGEST_IN_GRID), *large]


Seeds = Annotated[
    list[Annotated[int, Field(ge=1, le=LARGEST_SEED)]],
    Field(min_length=1),
    BeforeValidator(
        _seeds, json_schema_input_type=str | int | Annotated[list[int], Field(min_length=1)]
    ),
    AfterValidator(_distinct),
]


def listed(seeds: Iterable[int], most: int = 10) -> str:
    """Seeds as a message names them: the first, and how many more there are."""
    known = list(seeds)
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return ", ".join(map(str, known[:most])) + more


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
        found = [seed for part in text.split(",") for seed in _seeds_in_part(part.strip())]
    except ValueError as error:
        raise UserError(f"seeds {text}: {error}") from error
    return sorted(set(found))


def _seeds_in_part(part: str) -> list[int]:
    if not _is_number(part):
        seeds: list[int] = _seeds(part)
        return seeds
    if int(part) > LARGEST_SEED:
        raise ValueError(f"seeds go up to {LARGEST_SEED}")
    return [int(part)]


def packs_of_seeds(seeds: list[int], seeds_per_job: int) -> dict[str, list[int]]:
    """The packs that hold seeds, by name, each with its seeds.

    A pack is a block of the fixed grid 1-n, (n+1)-2n, ... for n seeds of one job. Seeds that are
    too large for the grid form blocks of n in their order: list-1, list-2, ...
    """
    packs: dict[str, list[int]] = {}
    large = 0
    for seed in seeds:
        if seed > LARGEST_IN_GRID:
            name = f"list-{large // seeds_per_job + 1}"
            large += 1
        else:
            first = (seed - 1) // seeds_per_job * seeds_per_job + 1
            name = f"{first}-{first + seeds_per_job - 1}"
        packs.setdefault(name, []).append(seed)
    return packs
