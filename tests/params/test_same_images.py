"""Seeds are taken together only where each point trains all of them on the same images."""

from types import SimpleNamespace

import pytest

from isotrope import registry
from isotrope.params.seed_sets import differing_images

ENSEMBLE = SimpleNamespace(name="ensemble", where=("evaluations", 0))


@pytest.fixture
def complaints(monkeypatch):
    """The complaints about data sets, of which those called ``own`` have subsets of their own."""
    module = SimpleNamespace(own_subsets=lambda params: params == "own")
    monkeypatch.setattr(registry, "load", lambda kind, name: module)
    monkeypatch.setattr(registry, "literal", lambda *named: True)

    def ask(seeds, *params):
        datasets = [SimpleNamespace(name="toy", params=one) for one in params]
        return differing_images(datasets, [ENSEMBLE], seeds)

    return ask


@pytest.mark.parametrize("params", [["own"], ["own", "all"], ["all", "own"]])
def test_one_point_with_images_for_each_seed_is_enough(complaints, params):
    ((where, what),) = complaints([1, 2], *params)
    assert where == ("evaluations", 0)
    assert what.startswith(": ensemble takes all seeds together, and each is trained on other")


def test_one_seed_and_the_same_images_go_together(complaints):
    assert complaints([1], "own") == complaints([1, 2], "all", "all") == []
