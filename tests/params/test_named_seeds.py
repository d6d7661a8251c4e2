"""Seeds as a command line names them."""

import pytest

from isotrope.errors import UserError
from isotrope.params.seeds import listed, seeds_in


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("3", [3]),
        ("1-3", [1, 2, 3]),
        ("2, 1,7-9", [1, 2, 7, 8, 9]),
        ("5-6,5,6-7", [5, 6, 7]),
        ("4294967295,70000,3,65536,1", [1, 3, 65536, 70000, 4294967295]),
    ],
)
def test_each_is_there_once_and_in_order(text, seeds):
    assert seeds_in(text) == seeds


@pytest.mark.parametrize("text", ["", "x", "3-1", "1,,2", "-1", "1-2-3", "1;2"])
def test_what_names_no_seeds_is_refused(text):
    with pytest.raises(UserError, match="seeds"):
        seeds_in(text)


def test_the_largest_seed_is_named_where_it_is_exceeded():
    assert seeds_in("4294967295") == [2**32 - 1]
    with pytest.raises(UserError, match=r"^seeds 4294967296: seeds go up to 4294967295$"):
        seeds_in("4294967296")


def test_many_are_listed_by_the_first_ones_and_their_number():
    assert listed([3]) == "3"
    assert listed(range(1, 11)) == "1, 2, 3, 4, 5, 6, 7, 8, 9, 10"
    assert listed(range(1, 14)) == "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 3 more"
    assert listed(iter([5, 6, 7]), most=2) == "5, 6 and 1 more"
