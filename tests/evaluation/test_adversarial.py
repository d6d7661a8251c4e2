"""Robustness under attack, on networks whose weakness is known, and on those that hide it."""

import math

import pytest
import torch
from ending_evaluations import Kept
from planted_networks import CLASSES, Chance, Hidden, Plain, Rounded, Sure, Unmoved, images_of
from under_attack import CPU, QUICK, alarms, measured, value

from isotrope.datasets.images import Images
from isotrope.datasets.stream import Stream
from isotrope.errors import UserError
from isotrope.evaluation import adversarial
from isotrope.measuring.networks import Networks


@pytest.fixture(scope="module")
def data():
    return images_of(Plain())


def margins(network, data):
    """How far, in linf, each image is from the nearest other answer: closed form, no bounds."""
    logits = network(data.images.double() / 255)
    weight = network.weight.double()
    own = logits.gather(1, data.labels[:, None])
    rates = 5 * (weight[:, None] - weight[None]).abs().sum(dim=-1)
    distances = (own - logits) / rates[data.labels].clamp(min=1e-9)
    return distances.scatter(1, data.labels[:, None], torch.inf).amin(dim=1)


def test_attacks_reach_on_a_linear_network_what_the_closed_form_says(data):
    network = Plain().double()
    inside = Images(data.images // 2 + 64, data.labels)  # no image comes near to 0 or 1
    labels = network(inside.images.double() / 255).argmax(dim=1)
    inside = Images(inside.images, labels)
    eps = [0.01, 0.03, 0.06]
    attacks = ["pgd", "apgd_dlr", "minimal_norm"]
    rows = measured(Plain(), inside, eps=eps, attacks=attacks, steps=40, minimal_steps=60)
    away = margins(network, inside)
    for bound in eps:
        expected = (away > bound).double().mean().item()
        for attack in ("pgd", "apgd_dlr", "minimal_norm", "all"):
            found = value(rows, "robust_accuracy", attack=attack, eps=bound)
            assert found >= expected - 1e-9, f"{attack} cannot break more"
            assert value(rows, "success", attack=attack, eps=bound) == pytest.approx(1 - found)
        assert found <= expected + 0.05, "the worst of three is nearly the closed form"
    found = value(rows, "smallest_change", attack="minimal_norm")
    assert found == pytest.approx(away.sort().values[29].item(), rel=0.2)
    assert not alarms(rows)


def test_images_that_were_wrong_are_told_apart(data):
    rows = measured(Plain(), data, eps=[0.05])
    assert value(rows, "incorrect", attack="none", eps=0.0) == 5
    assert value(rows, "robust_accuracy", attack="none", eps=0.0) == 55 / 60
    for attack in ("pgd", "apgd_ce", "square", "all"):
        left = value(rows, "robust_accuracy", attack=attack, eps=0.05)
        success = value(rows, "success", attack=attack, eps=0.05)
        assert success == pytest.approx(1 - left * 60 / 55)
        assert 0.05 < success < 1
        low, high = (value(rows, f"success_{b}", attack=attack, eps=0.05) for b in ("low", "high"))
        assert low < success < high
        if attack != "all":
            most = value(rows, "distortion_median", attack=attack, eps=0.05)
            assert most == pytest.approx(0.05, abs=1e-6)
            attacked = {
                row["n"]
                for row in rows
                if row.get("attack") == attack and row["metric"] == "queries_mean"
            }
            assert attacked == {55}


def test_a_plain_network_raises_no_alarm(data):
    rows = measured(Plain(), data)
    assert alarms(rows) == set()
    assert value(rows, "zero_gradients", about="zero_gradients") == 0
    assert value(rows, "unbounded_left", about="unbounded_left") == 0
    assert value(rows, "larger_eps_helps", about="larger_eps_helps") > 30
    assert math.isnan(value(rows, "draws_help", about="draws_help")), "nothing is drawn"


def test_one_eps_is_compared_with_what_nothing_bounds(data):
    rows = measured(Plain(), data, attacks=["pgd"], eps=[0.02])
    left = value(rows, "robust_accuracy", attack="pgd", eps=0.02)
    fallen = value(rows, "larger_eps_helps", about="larger_eps_helps")
    assert fallen == pytest.approx(100 * left * 60 / 55)
    assert left > 0


def test_short_steps_are_for_the_bounds_and_not_where_nothing_bounds(data):
    rows = measured(Plain(), data, attacks=["pgd"], step_size=0.001, eps=[0.005, 0.01])
    assert value(rows, "robust_accuracy", attack="pgd", eps=0.01) > 0.2
    assert value(rows, "unbounded_left", about="unbounded_left") == 0


def test_masked_gradients_raise_alarms(data):
    rows = measured(Rounded(), images_of(Rounded()), attacks=["pgd", "square"])
    assert {"zero_gradients", "black_box_wins", "unbounded_left"} <= alarms(rows)
    assert value(rows, "zero_gradients", about="zero_gradients") == 1
    assert value(rows, "black_box_wins", about="black_box_wins") > 30
    assert value(rows, "unbounded_left", about="unbounded_left") > 0.05
    left = [value(rows, "robust_accuracy", attack=a, eps=0.1) for a in ("pgd", "square", "all")]
    assert left[0] > left[1] + 0.3
    assert left[2] <= left[1], "the worst of each image counts"


def test_a_loss_that_vanishes_raises_alarms_and_the_margin_none(data):
    settings = {"attacks": ["pgd", "square"]}
    assert {"zero_gradients", "black_box_wins"} <= alarms(measured(Sure(), data, **settings))
    assert alarms(measured(Sure(), data, loss="margin", **settings)) == set()


def test_a_network_that_nothing_moves_raises_alarms_since_it_is_none_that_stands(data):
    network = Unmoved()
    labels = torch.full((60,), int(network.weight[:, 0].argmax()))
    rows = measured(network, Images(data.images, labels))
    assert {"zero_gradients", "larger_eps_helps", "unbounded_left"} <= alarms(rows)
    assert value(rows, "robust_accuracy", attack="all", eps=0.1) == 1


def test_a_random_defence_is_judged_by_fresh_draws_and_raises_alarms():
    network = Chance()
    data = images_of(Plain(), 60, wrong=0)
    shares = torch.zeros(60)
    for seed in range(200):
        noise = network.draw(torch.Generator().manual_seed(seed), 60)
        shares += (network(data.images / 255, noise).argmax(dim=1) == data.labels) / 200
    rows = measured(network, data, attacks=["pgd", "eot_pgd", "square"], eps=[0.03], draws=20)
    clean = value(rows, "expected_accuracy", attack="none", eps=0.0)
    assert clean == pytest.approx(shares.mean().item(), abs=0.04)
    majority = value(rows, "robust_accuracy", attack="none", eps=0.0)
    assert majority == pytest.approx((shares > 0.5).double().mean().item(), abs=0.1)
    assert majority != clean
    assert "overstated" in alarms(rows)
    stands = {
        attack: value(rows, "expected_accuracy", attack=attack, eps=0.03)
        for attack in ("none", "pgd", "eot_pgd", "square", "all")
        if attack != "none"
    }
    assert stands["eot_pgd"] < stands["pgd"] - 0.02 < clean
    assert stands["all"] < stands["eot_pgd"] + 0.05
    overstated = value(rows, "overstated", about="overstated")
    ever = value(rows, "success", attack="pgd", eps=0.03) + overstated / 100
    assert overstated > 5
    assert ever <= 1.01


def test_chance_that_is_not_told_is_found_and_judged_as_often(data):
    rows = measured(Hidden(), data)
    assert {"hidden_noise", "overstated"} <= alarms(rows)
    assert value(rows, "hidden_noise", about="hidden_noise") > 0.9
    shares = value(rows, "expected_accuracy", attack="none", eps=0.0) * 60
    assert shares != round(shares), "it was asked more than once"
    assert measured(Hidden(), data) == rows, "what it draws follows from the attack's seed"
    assert "hidden_noise" not in alarms(measured(Chance(), data))


def test_what_another_network_is_fooled_by_is_shown_to_this_one(data):
    rows = measured(Plain(), data, attacks=["pgd", "transfer"], against=Plain(), eps=[0.05])
    same = [value(rows, "robust_accuracy", attack=a, eps=0.05) for a in ("pgd", "transfer")]
    assert same[0] == same[1]
    rows = measured(Plain(), data, attacks=["pgd", "transfer"], against=Plain(9), eps=[0.05])
    assert value(rows, "robust_accuracy", attack="transfer", eps=0.05) > same[0] + 0.2
    told = {row["attack"] for row in rows if "iteration" in row}
    assert told == {"pgd"}, "by its steps a transfer fools another network"
    with pytest.raises(UserError, match="transfer needs the network of another run"):
        measured(Plain(), data, attacks=["transfer"])


def test_successes_are_counted_by_step_and_by_query(data):
    rows = measured(Plain(), data, attacks=["pgd", "square"], eps=[0.05], steps=30, queries=50)
    steps = {r["iteration"]: r["value"] for r in rows if "iteration" in r and r["attack"] == "pgd"}
    assert list(steps) == [1, 2, 5, 10, 20, 30]
    assert list(steps.values()) == sorted(steps.values())
    assert steps[30] == value(rows, "success", attack="pgd", eps=0.05)
    asked = {r["queries"]: r["value"] for r in rows if "queries" in r}
    assert list(asked) == [1, 2, 5, 10, 20, 50]
    assert asked[50] == value(rows, "success", attack="square", eps=0.05)
    assert asked[1] < asked[50]


@pytest.mark.parametrize("name", ["square", "spsa"])
def test_all_successes_on_a_network_that_draws_are_counted_by_query(name):
    settings = {"attacks": [name], "eps": [0.1], "queries": 20, "spsa_steps": 3, "samples": 4}
    rows = measured(Chance(), images_of(Plain(), 40, wrong=0), draws=3, **settings)
    asked = {r["queries"]: r["value"] for r in rows if "queries" in r}
    assert max(asked) == (3 * 39 if name == "square" else 3 * 28)
    stands = value(rows, "success", attack=name, eps=0.1)
    ever = stands + value(rows, "overstated", about="overstated") / 100
    assert asked[max(asked)] >= ever - 1e-9, "what was seen in any step is seen at last"


@pytest.mark.parametrize("network", [Plain(), Chance()])
@pytest.mark.parametrize("savings", [1, 3, 5, 7])
def test_an_ended_attack_goes_on_to_the_same_rows(data, network, savings):
    settings = {"attacks": ["minimal_norm", "pgd", "square"], "eps": [0.05], "images": 14}
    settings |= {"batch": 8, "steps": 3, "minimal_steps": 4, "queries": 6, "draws": 2}
    whole = measured(network, data, **settings)
    networks, position = Networks({1: network}, CPU), Kept(savings)
    networks._position_of = lambda seed: position
    params = adversarial.Params(**QUICK | settings)
    with pytest.raises(SystemExit):
        adversarial.evaluate(networks, data, params)
    assert repr(adversarial.evaluate(networks, data, params)) == repr(whole)


def test_the_batch_changes_nothing_and_more_images_hold_the_fewer(data):
    settings = {"attacks": ["pgd"], "eps": [0.05], "steps": 3, "images": 20}
    whole = measured(Chance(), data, **settings)
    parts = measured(Chance(), data, batch=7, at_once=5, **settings)
    assert repr(parts) == repr(whole)
    few = adversarial.chosen_numbers(1000, 20, 0)
    assert set(few) < set(adversarial.chosen_numbers(1000, 50, 0))
    assert few == sorted(few) != list(range(20))
    assert adversarial.chosen_numbers(10, 20, 0) == list(range(10))


def test_images_of_unlike_sizes_come_apart_and_are_attacked_alike():
    class Mean(torch.nn.Module):
        def forward(self, images):
            mean = images.mean(dim=(1, 2, 3))
            return torch.stack((0.5 - mean, mean - 0.5, mean * 0 - 9), dim=1)

    sides = [4, 4, 6, 4, 6, 6, 6]
    shown = [torch.full((1, side, side), 120, dtype=torch.uint8) for side in sides]
    labels = torch.zeros(len(sides), dtype=torch.int64)
    data = Stream(range(len(sides)), labels, lambda entry, _: (shown[entry], labels[entry]))
    settings = {"attacks": ["pgd"], "eps": [0.02, 0.05], "batch": 4}
    rows = measured(Mean(), data, **settings)
    assert value(rows, "robust_accuracy", attack="pgd", eps=0.02) == 1
    assert value(rows, "robust_accuracy", attack="pgd", eps=0.05) == 0
    networks, position = Networks({1: Mean()}, CPU), Kept(5)
    networks._position_of = lambda seed: position
    params = adversarial.Params(**QUICK | settings)
    with pytest.raises(SystemExit):
        adversarial.evaluate(networks, data, params)
    assert repr(adversarial.evaluate(networks, data, params)) == repr(rows)


def test_eps_that_fit_follow_from_norm_and_channels_and_tiers_are_overruled():
    params = adversarial.Params()
    assert params.bounds(1) == [0.05, 0.1, 0.2, 0.3]
    assert params.bounds(3)[-1] == 8 / 255
    assert adversarial.Params(norm="l2").bounds(1)[-1] == 3
    strength = adversarial.Params(tier="paper", steps=7).strength
    assert (strength.steps, strength.apgd_steps, strength.samples) == (7, 100, 8192)
    with pytest.raises(ValueError, match="once only"):
        adversarial.Params(attacks=["pgd", "pgd"])
    with pytest.raises(ValueError, match="greater than 0"):
        adversarial.Params(eps=[0.0])
    with pytest.raises(ValueError, match="eps: must be at most 1 in linf, got 8"):
        adversarial.Params(eps=[0.1, 8])
    assert adversarial.Params(norm="l2", eps=[8]).bounds(1) == [8]
    with pytest.raises(ValueError, match="greater than or equal to 20"):
        adversarial.Params(judge_draws=5)


def test_l2_changes_are_bounded_and_measured_in_l2(data):
    rows = measured(Plain(), data, norm="l2", eps=[0.3], attacks=["pgd", "apgd_ce", "minimal_norm"])
    found = value(rows, "distortion_median", attack="pgd", eps=0.3)
    assert found == pytest.approx(0.3, abs=1e-3)
    weight = Plain().weight
    rates = 5 * torch.cdist(weight, weight)
    logits = Plain()(data.images / 255)
    gaps = logits.gather(1, data.labels[:, None]) - logits
    away = (gaps / rates[data.labels].clamp(min=1e-9)).scatter(1, data.labels[:, None], torch.inf)
    least = away.amin(dim=1)[5:].detach()
    small = value(rows, "smallest_change", attack="minimal_norm")
    assert small >= least.median() * 0.999, "bounds of pixels make it larger, if anything"
    assert small == pytest.approx(least.median().item(), rel=0.15)
    assert logits.shape[1] == CLASSES
