"""Weights that lack some: which are named, how many, and which may be missing."""

from types import SimpleNamespace

import pytest
import torch

from isotrope.errors import UserError
from isotrope.models import _gaze_weights, _scale_weights, _shift_weights

OWN = ("trunk.a", "trunk.b", "trunk.c", "trunk.d", "lin.weight")


def network(*names):
    """Something that has these weights."""
    return SimpleNamespace(state_dict=lambda: weights(*names))


def weights(*names):
    return {name: torch.ones(2) for name in names}


TAKEN = {
    "gaze": lambda own, given: _gaze_weights.taken_whole(own, given),
    "scale": lambda own, given: _scale_weights.renamed(own, given, ()),
    "shift": lambda own, given: _shift_weights.adopted(own, given),
}


@pytest.mark.parametrize("kind", TAKEN)
@pytest.mark.parametrize(
    ("given", "listed"),
    [
        (("lin.weight",), r"trunk\.a, trunk\.b, trunk\.c and 1 more"),
        (("lin.weight", "trunk.c"), r"trunk\.a, trunk\.b, trunk\.d(;|$)"),
        (("lin.weight", "trunk.a", "trunk.b", "trunk.c"), r"trunk\.d(;|$)"),
    ],
)
def test_three_that_are_missing_are_named_and_the_others_counted(kind, given, listed):
    with pytest.raises(UserError, match=rf"^the weights lack {listed}"):
        TAKEN[kind](network(*OWN), weights(*given))


@pytest.mark.parametrize("kind", TAKEN)
def test_whole_weights_are_taken_under_their_names(kind):
    assert TAKEN[kind](network(*OWN), weights(*OWN)).keys() == {*OWN}


@pytest.mark.parametrize("kind", ["gaze", "shift"])
def test_of_an_unknown_name_whoever_puts_weights_in_tells(kind):
    assert TAKEN[kind](network(*OWN), weights("other")).keys() == {"other"}


def test_names_that_are_spared_may_be_missing():
    found = _gaze_weights.taken_whole(network("a", "std"), weights("a"), ("std",))
    assert found.keys() == {"a"}
    own = network("trunk.a", "trunk.bn.num_batches_tracked", "lin.weight", "lin.bias")
    assert _shift_weights.adopted(own, weights("trunk.a")).keys() == {"trunk.a"}


def test_names_are_told_by_the_first_beginning_that_fits():
    names = (("net.conv", "conv1"), ("net.", "rest."))
    found = _scale_weights.renamed(
        network("conv1.w", "rest.x"), weights("net.conv.w", "net.x"), names
    )
    assert found.keys() == {"conv1.w", "rest.x"}


@pytest.mark.parametrize(("classes", "kept"), [(2, True), (3, False)])
def test_a_last_layer_for_other_classes_stays_as_it_was_drawn(classes, kept):
    given = {**weights("trunk.a", "lin.bias"), "lin.weight": torch.ones(classes, 4)}
    own = SimpleNamespace(
        state_dict=lambda: {**weights("trunk.a", "lin.bias"), "lin.weight": torch.ones(2, 4)}
    )
    found = _shift_weights.adopted(own, given)
    assert ({"lin.weight", "lin.bias"} <= found.keys()) == kept
    assert "trunk.a" in found
