"""What is said of settings that cannot be: each mistake once, at its place."""

from typing import Literal

import pytest
from pydantic import Field

from isotrope.mistakes import MOST, complaints_of, dotted
from isotrope.settings import Settings


class Inside(Settings):
    """Settings in a block."""

    size: int = Field(3, ge=1)


class Outside(Settings):
    """Values of several types."""

    sizes: int | list[int] = 3
    word: Literal["auto"] | int = "auto"
    block: Inside = Inside()
    counts: dict[str, int] | None = None


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"sizes": [1, "a", 2]}, ["sizes[1]: input should be a valid integer"]),
        ({"sizes": [1, "a", "b"]}, ["sizes[1]: input should", "sizes[2]: input should"]),
        ({"block": {"size": 0}}, ["block.size: input should be greater than or equal to 1"]),
        ({"block": {"sise": 3}}, ["block.sise: unknown key; did you mean 'size'?"]),
        ({"word": [1]}, ["word: input should be a valid integer"]),
        ({"sizes": 4, "word": 5}, []),
        ({"counts": {"a": "b"}}, ["counts.a: input should be a valid integer"]),
    ],
)
def test_of_a_value_of_several_types_only_the_likely_mistake_is_said(raw, said):
    settings, complaints = complaints_of(Outside, raw)
    found = [f"{dotted(where)}{what}" for where, what in complaints]
    assert len(found) == len(said), found
    assert all(one.startswith(start) for one, start in zip(found, said, strict=True)), found
    assert (settings is None) == bool(said)


def test_a_place_stands_below_that_of_its_block():
    _, complaints = complaints_of(Inside, {"size": 0}, ("evaluations", 2))
    assert [dotted(where) for where, _ in complaints] == ["evaluations[2].size"]


@pytest.mark.parametrize("count", [MOST, MOST + 1])
def test_of_one_block_no_more_is_said_than_anybody_reads(count):
    settings, complaints = complaints_of(Outside, {f"key{number}": 0 for number in range(count)})
    assert settings is None
    assert [dotted(where) for where, _ in complaints] == [f"key{n}" for n in range(MOST)]
