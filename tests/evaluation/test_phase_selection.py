"""Which phases layers choose, on layers that choose by known rules."""

import math

import pytest
import torch
from shifted_networks import CPU, noise, value, values
from torch import nn
from torch.nn import functional as F

from isotrope.datasets.images import Images
from isotrope.errors import UserError
from isotrope.evaluation import phase_selection
from isotrope.layers.blur import BinomialBlur
from isotrope.layers.downsampling import Decimation, Downsampling, Selection, phases, taken
from isotrope.layers.polyphase import APS, LPD
from isotrope.measuring.networks import Networks


class ByRule(Downsampling):
    """Chooses the phase of the largest score; or mixes by weights that follow it."""

    def __init__(self, score, stride=2, mixes=False):
        super().__init__(stride)
        self.score, self.mixes = score, mixes

    def down(self, maps, selection=None, noise=None):
        if selection is None:
            logits = self.score(phases(maps, self.stride))
            weights = logits.softmax(dim=1) if self.mixes else None
            selection = Selection(logits, weights, None if self.mixes else logits.argmax(dim=1))
        return taken(maps, selection, self.stride), selection


def largest(candidates):
    return candidates.flatten(2).norm(dim=2)


def smallest(candidates):
    return -largest(candidates)


def first(candidates):
    score = torch.zeros(candidates.shape[:2])
    score[:, 0] = 2.0
    return score


def untied(candidates):
    """Follows rolls, and is nothing that the norm tells."""
    return candidates.pow(3).mean(dim=(2, 3, 4))


class Halving(nn.Module):
    """Two layers that choose, a filter between them, and a shortcut that follows the first."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        kernel = torch.rand(1, 1, 3, 3, generator=torch.Generator().manual_seed(1))
        self.register_buffer("kernel", kernel)

    def selections(self, images):
        maps, found = images - images.mean(), {}
        for number, layer in enumerate(self.layers):
            maps = F.conv2d(F.pad(maps, (1, 1, 1, 1), mode="circular"), self.kernel)
            smaller, selection = layer.down(maps)
            found[f"layer{2 + number}"] = selection
            smaller = smaller + layer.down(maps, selection)[0]
            maps = smaller if selection is not None else layer(maps)
        return found

    def forward(self, images):
        return torch.zeros(len(images), 2)


def images_of(count, side=16):
    return Images(noise(count, side), torch.zeros(count, dtype=torch.int64))


def measured(network, data=None, initial=None, **settings):
    networks = Networks({1: network}, CPU, initial=(lambda _: initial) if initial else None)
    params = phase_selection.Params(**settings)
    return phase_selection.evaluate(networks, data or images_of(60), params)


@pytest.mark.parametrize("score", [largest, smallest, untied])
@pytest.mark.parametrize(("side", "stride"), [(16, 2), (18, 3), (16, 4), (9, 2), (15, 2), (10, 3)])
def test_layers_that_follow_rolls_choose_what_follows_from_the_unrolled_image(score, side, stride):
    network = Halving(ByRule(score, stride), ByRule(score, stride))
    rows = measured(network, images_of(20, side), shifts=6, dtype="float64")
    for layer in ("layer2", "layer3"):
        assert value(rows, "shift_agreement", weights="trained", layer=layer) == 100


def test_a_layer_that_always_takes_the_first_phase_follows_no_roll():
    rows = measured(Halving(ByRule(first), ByRule(largest)), shifts=8)
    settings = {"weights": "trained", "layer": "layer2"}
    shares = values(rows, "share", "phase", **settings)
    assert shares == {(0,): 1, (1,): 0, (2,): 0, (3,): 0}
    assert value(rows, "entropy", **settings) == 0
    assert value(rows, "shift_agreement", **settings) == pytest.approx(25, abs=5)
    assert set(values(rows, "margin", "quantile", **settings).values()) == {2.0}
    expected = math.log(math.e**2 + 3) - 2 * math.e**2 / (math.e**2 + 3)
    assert value(rows, "uncertainty", **settings) == pytest.approx(expected, rel=1e-6)
    assert value(rows, "aps_agreement", **settings) == pytest.approx(25, abs=15)


def test_what_takes_the_largest_norm_agrees_with_aps_and_the_opposite_never():
    rows = measured(Halving(ByRule(largest), ByRule(smallest)))
    settings = {"weights": "trained"}
    assert value(rows, "aps_agreement", layer="layer2", **settings) == 100
    assert value(rows, "aps_agreement", layer="layer3", **settings) == 0
    shares = values(rows, "share", "phase", layer="layer2", **settings)
    assert sum(shares.values()) == pytest.approx(1)
    entropy = -sum(share * math.log(share) for share in shares.values() if share)
    assert value(rows, "entropy", layer="layer2", **settings) == pytest.approx(entropy)


def test_a_mixture_counts_as_the_phase_that_weighs_most():
    chosen = measured(Halving(ByRule(largest)))
    mixed = measured(Halving(ByRule(largest, mixes=True)))
    for metric in ("entropy", "aps_agreement", "uncertainty"):
        settings = {"weights": "trained", "layer": "layer2"}
        assert value(mixed, metric, **settings) == pytest.approx(value(chosen, metric, **settings))


def test_margins_are_quantiles_over_images():
    class Known(ByRule):
        def down(self, maps, selection=None, noise=None):
            margin = maps.mean(dim=(1, 2, 3)).round()
            logits = torch.stack((margin, 0 * margin, 0 * margin - 1, 0 * margin - 2), dim=1)
            selection = Selection(logits, None, logits.argmax(dim=1))
            return taken(maps, selection, 2), selection

    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = Known(first)

        def selections(self, images):
            return {"layer2": self.layer.down(255 * images)[1]}

    grey = torch.arange(101, dtype=torch.uint8)[torch.randperm(101), None, None, None]
    data = Images(grey.expand(-1, 1, 4, 4).contiguous(), torch.zeros(101, dtype=torch.int64))
    rows = measured(Plain(), data)
    found = values(rows, "margin", "quantile", weights="trained", layer="layer2")
    assert found == {(q,): 100 * q for q in phase_selection.QUANTILES}


def test_an_untrained_network_has_rows_beside_the_trained_one():
    rows = measured(Halving(ByRule(largest)), initial=Halving(ByRule(smallest)))
    agreement = values(rows, "aps_agreement", "weights", layer="layer2")
    assert agreement == {("trained",): 100, ("untrained",): 0}


def test_odd_maps_have_a_candidate_for_each_position_and_no_rows_of_shares():
    rows = measured(Halving(ByRule(largest)), images_of(30, 9))
    settings = {"weights": "trained", "layer": "layer2"}
    assert values(rows, "share", "phase", **settings) == {}
    assert 0 < value(rows, "entropy", **settings) <= math.log(81)
    assert value(rows, "aps_agreement", **settings) == 100


@pytest.mark.parametrize("network", [nn.Flatten(), Halving(Decimation(2))])
def test_networks_that_choose_nothing_are_refused(network):
    with pytest.raises(UserError, match="no layers that choose phases; take it out"):
        measured(network)


def test_rolls_are_never_none_and_depend_on_the_image_alone():
    params = phase_selection.Params(reach=1, shifts=3)
    shifts = phase_selection._shifts(2000, params)
    kinds = {tuple(shift) for shift in shifts.flatten(0, 1).tolist()}
    assert kinds == {(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)} - {(0, 0)}
    assert torch.equal(phase_selection._shifts(7, params), shifts[:7])


@pytest.mark.parametrize("side", [16, 12])
def test_learned_choices_follow_rolls_and_those_of_aps_are_its_own(side):
    torch.manual_seed(3)
    filtered = {"antialias": BinomialBlur(3)}
    network = Halving(LPD(1, 4, **filtered), APS(**filtered, select_from="unfiltered"))
    rows = measured(network, images_of(30, side), dtype="float64")
    for layer in ("layer2", "layer3"):
        assert value(rows, "shift_agreement", weights="trained", layer=layer) == 100
    assert value(rows, "aps_agreement", weights="trained", layer="layer3") == 100
    assert value(rows, "aps_agreement", weights="trained", layer="layer2") < 100


@pytest.mark.parametrize(("how", "exact"), [("wrap", True), ("zeros", False)])
def test_sides_that_the_stride_does_not_divide(how, exact):
    network = Halving(APS(indivisible=how), APS(indivisible=how))
    rows = measured(network, images_of(30, 13), dtype="float64", shifts=8)
    for layer in ("layer2", "layer3"):
        settings = {"weights": "trained", "layer": layer}
        assert (value(rows, "shift_agreement", **settings) == 100) == exact
        assert value(rows, "aps_agreement", **settings) == 100
        assert len(values(rows, "share", "phase", **settings)) == (0 if exact else 4)


def test_layers_are_left_as_they_were():
    network = Halving(ByRule(largest))
    measured(network)
    assert all("down" not in layer.__dict__ for layer in network.modules())


@pytest.mark.parametrize(("stride", "phases_told"), [(4, 16), (5, 0)])
def test_shares_are_told_of_sixteen_phases_at_most(stride, phases_told):
    rows = measured(Halving(ByRule(largest, stride)), images_of(8, 20), shifts=1)
    shares = [row["phase"] for row in rows if row["metric"] == "share"]
    assert shares == list(range(phases_told))
    assert sum(row["metric"] == "entropy" for row in rows) == 1
