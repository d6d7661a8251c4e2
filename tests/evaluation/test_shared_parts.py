"""What evaluations share: totals that are taken up again, images that are kept, glimpses."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from isotrope.datasets.images import Images
from isotrope.evaluation import _accumulated, _attacked_pictures, _looking, _shown_masks
from isotrope.evaluation._shifted_masks import Answers, Batch, Compared


class Position:
    """Keeps what is saved, in place of a file."""

    def __init__(self, state=None):
        self.state, self.saved = state, []

    def restore(self):
        return self.state

    def save(self, state):
        self.saved.append((state["done"], state["kind"], int(state["totals"]["sum"])))


def sums(position, kind="kind", seeds=(3, 4)):
    networks = SimpleNamespace(
        seeds=seeds,
        device=torch.device("cpu"),
        position=lambda seed: position if seed == seeds[0] else None,
    )
    begun = {"sum": torch.zeros((), dtype=torch.int64)}

    def add(totals, one):
        assert torch.is_inference_mode_enabled()
        totals["sum"] += one

    return int(_accumulated.accumulated(networks, [1, 10, 100], begun, add, kind)["sum"])


def test_each_pass_is_added_once_and_saved():
    position = Position()
    assert sums(position) == 111
    assert position.saved == [(n, [[3, 4], "kind"], s) for n, s in ((1, 1), (2, 11), (3, 111))]


@pytest.mark.parametrize(
    ("kind", "found"), [([[3, 4], "kind"], 105), ([[3, 5], "kind"], 111), ([[3, 4], "x"], 111)]
)
def test_saved_totals_are_taken_up_if_they_are_of_the_same_kind(kind, found):
    state = {"done": 2, "kind": kind, "totals": {"sum": torch.tensor(5)}}
    assert sums(Position(state)) == found


def shown(sides, most):
    """The totals after batches of two images with these heights, for two seeds."""
    totals = {"shown": torch.zeros((), dtype=torch.int64)}
    for number, height in enumerate(sides):
        pixels = torch.full((2, 1, height, 3), number, dtype=torch.uint8)
        batch = Batch(Images(pixels, pixels[:, 0].long()), range(2 * number, 2 * number + 2))
        classes = torch.arange(2)[:, None, None, None].expand(2, 2, height, 3) + 10 * number
        answers = Answers(classes, classes.float(), 20)
        found = Compared(classes + 1, classes > 10, torch.zeros(2), classes, classes)
        shifts = torch.tensor([[number, 0], [number, 1]])
        _shown_masks.keep(totals, batch, answers, found, shifts, most)
    return totals


def test_as_many_images_are_kept_as_are_asked_for_all_of_the_size_of_the_first():
    totals = shown((4, 5, 4, 4), most=3)
    assert int(totals["shown"]) == 3
    for place in (0, 1):
        kept = _shown_masks.arrays_of(totals, place)
        assert kept["numbers"].tolist() == [0, 1, 4]
        assert kept["offsets"].tolist() == [[0, 0], [0, 1], [2, 0]]
        assert kept["images"][:, 0, 0, 0].tolist() == kept["masks"][:, 0, 0].tolist() == [0, 0, 2]
        assert kept["predictions"][:, 0, 0].tolist() == [place, place, place + 20]
        assert (kept["shifted_back"] == kept["predictions"] + 1).all()
        assert kept["disagreements"][:, 0, 0].tolist() == [0, 0, 1]
        assert {len(one) for one in kept.values() if one.ndim} == {3}


class Glimpsing(nn.Module):
    def __init__(self, glimpses):
        super().__init__()
        self.glimpses = glimpses


def test_glimpses_are_changed_inside_alone_and_of_every_network():
    networks = [(1, nn.Sequential(Glimpsing(3), nn.ReLU())), (2, Glimpsing(5))]
    both = networks[0][1][0], networks[1][1]
    with _looking.glimpsing(networks, None) as taken:
        assert (taken, [one.glimpses for one in both]) == (3, [3, 5])

    def fails():
        with _looking.glimpsing(networks, 7) as taken:
            assert (taken, [one.glimpses for one in both]) == (7, [7, 7])
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert [one.glimpses for one in both] == [3, 5]


def test_fixations_without_a_policy_go_by_seed_and_image_and_begin_as_those_with_one():
    like = torch.full((3, 200, 2), 0.25)
    found = _looking.random_fixations(1, [5, 6, 7], like)
    assert (found[:, 0] == 0.25).all()
    assert torch.equal(_looking.random_fixations(1, [7], like[:1])[0], found[2])
    assert not torch.equal(_looking.random_fixations(2, [7], like[:1])[0], found[2])
    assert not torch.equal(found[0], found[1])
    assert -1 <= found.min() < -0.99
    assert 0.99 < found.max() <= 1


@pytest.mark.parametrize(("label", "labels"), [(None, [2, 2]), (1, [1, 1]), (0, [0, 0])])
def test_a_picture_without_a_class_has_that_which_the_network_gives_most_often(label, labels):
    asked = []

    class Judge:
        def answers(self, images, numbers):
            asked.append((tuple(images.shape), float(images.max()) <= 1, numbers))
            said = torch.tensor([0, 2, 2])  # of three draws
            return nn.functional.one_hot(said, 4)[None].float()

    data = Images(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), torch.zeros(1, dtype=torch.int64))
    cpu = torch.device("cpu")
    found = _attacked_pictures.pictures_like(
        data, ["chelsea", "chelsea"], label, False, Judge(), cpu
    )
    assert found[:2].labels.tolist() == labels
    assert found[:2].images.shape == (2, 3, 8, 8)
    assert asked == ([] if label is not None else [((1, 3, 8, 8), True, [n]) for n in (0, 1)])
    whole = _attacked_pictures.pictures_like(data, ["chelsea"], 1, True, Judge(), cpu)
    assert min(whole[:1].images.shape[2:]) > 100
