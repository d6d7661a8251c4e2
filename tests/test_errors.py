"""What is said of an unknown name: the nearest ones, else some of them all."""

import pytest

from isotrope.errors import LISTED, did_you_mean


def test_the_nearest_names_are_offered_and_else_all_if_they_are_few():
    assert did_you_mean("standart", ["standard", "disco"]) == "; did you mean 'standard'?"
    assert did_you_mean("zzz", ["b", "a"]) == "; choose from a, b"
    assert did_you_mean("zzz", []) == ""


def test_of_many_names_some_are_listed_and_the_others_counted():
    many = [f"run{i:03}" for i in range(186)]
    said = did_you_mean("[", many)
    assert said.startswith("; choose from run000, run001,")
    assert said.endswith("and 156 more")
    assert said.count(",") < 31


@pytest.mark.parametrize(("count", "end"), [(LISTED, ""), (LISTED + 1, " and 1 more")])
def test_as_many_names_are_listed_as_may_be(count, end):
    names = [f"run{i:03}" for i in range(count)]
    assert did_you_mean("[", names) == f"; choose from {', '.join(names[:LISTED])}{end}"
