"""Recurrent attention, against a loop over single images and against the loss written out."""

import pytest
import torch
from torch.nn import functional as F

from isotrope import build_model
from isotrope.datasets.draws import is_stochastic
from isotrope.layers.looking import looks
from isotrope.params.modelling import settings_of
from isotrope.registry import load

GREY = (1, 12, 10)
SMALL = {"glimpses": 4, "patch": 4, "patches": 2, "hidden": 12, "glimpse_hidden": 8}


def built(seed=0, **params):
    torch.manual_seed(seed)
    return build_model("ram", GREY, 5, **SMALL | params).double()


def drawn(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def noise_of(network, count):
    return network.draw(torch.Generator().manual_seed(2), count).double()


def patches_of(image, fixation):
    """The patches of one image, a grid with aligned corners for each."""
    found = []
    for factor in (1, 2):
        steps = torch.arange(4 * factor, dtype=torch.float64) - (4 * factor - 1) / 2
        x = fixation[0] + steps * 2 / (GREY[2] - 1)
        y = fixation[1] + steps * 2 / (GREY[1] - 1)
        grid = torch.stack((x.expand(len(y), -1), y[:, None].expand(-1, len(x))), dim=-1)
        seen = F.grid_sample(image[None], grid[None], align_corners=True)
        found.append(F.avg_pool2d(seen, factor)[0])
    return torch.stack(found, dim=1).flatten()


def looked_at_alone(network, image, noise):
    """Logits, fixations, means and log-densities of one image, glimpse by glimpse."""
    weights, std = network.state_dict(), network.std

    def linear(name, given):
        return weights[f"{name}.weight"] @ given + weights[f"{name}.bias"]

    fixation = mean = 0.25 * noise[:2]
    hidden = torch.zeros(12, dtype=torch.float64)
    found = {"logits": [], "fixations": [], "means": [], "densities": [], "baselines": []}
    for glimpse in range(len(noise) // 2):
        found["fixations"].append(fixation)
        found["means"].append(mean)
        what = linear("fc3", linear("fc1", patches_of(image, fixation)).relu())
        where = linear("fc4", linear("fc2", fixation).relu())
        joined = (what + where).relu()
        hidden = (linear("core.i2h", joined) + linear("core.h2h", hidden)).relu()
        found["logits"].append(linear("classifier", hidden))
        found["baselines"].append(linear("baseline.fc", hidden)[0])
        mean = linear("locator", hidden).clamp(-1, 1)
        if glimpse + 1 < len(noise) // 2:
            fixation = mean + std * noise[2 * glimpse + 2 : 2 * glimpse + 4]
            policy = torch.distributions.Normal(mean, std)
            found["densities"].append(policy.log_prob(fixation).sum())
    return {name: torch.stack(values) for name, values in found.items()}


def test_all_that_it_looks_at_is_that_of_a_loop_over_single_images():
    network, images = built().eval(), drawn(3, *GREY)
    noise = noise_of(network, 3)

    looked = network.look(images, noise)

    assert looks(network)
    torch.testing.assert_close(network(images, noise), looked.logits[:, -1], rtol=0, atol=1e-12)
    for number, image in enumerate(images):
        alone = looked_at_alone(network, image, noise[number])
        for name, found in looked._asdict().items():
            torch.testing.assert_close(found[number], alone[name], rtol=0, atol=1e-12, msg=name)


def test_the_loss_is_its_three_parts_written_out():
    network, images, labels = built().train(), drawn(6, *GREY), torch.arange(6) % 5
    noise = noise_of(network, 6)

    loss, logits, parts = network.loss(images, labels, noise)

    alone = [looked_at_alone(network, *one) for one in zip(images, noise, strict=True)]
    last = torch.stack([one["logits"][-1] for one in alone])
    reward = (last.argmax(dim=1) == labels).double()[:, None]
    expected = torch.stack([one["baselines"][:-1] for one in alone])
    densities = torch.stack([one["densities"] for one in alone])
    known = {
        "nll": -last.log_softmax(dim=1)[range(6), labels].mean(),
        "baseline_mse": (expected - reward).square().mean(),
        "reinforce": -(densities * (reward - expected)).sum(dim=1).mean(),
    }
    assert 0 < reward.sum() < 6
    torch.testing.assert_close(logits, last, rtol=0, atol=1e-12)
    torch.testing.assert_close(loss, sum(known.values()), rtol=0, atol=1e-12)
    for name, value in known.items():
        torch.testing.assert_close(parts[name], value, rtol=0, atol=1e-12, msg=name)


def test_a_single_glimpse_has_an_expected_reward_and_no_policy():
    network, images, labels = built(glimpses=1).train(), drawn(6, *GREY), torch.arange(6) % 5
    loss, logits, parts = network.loss(images, labels, noise_of(network, 6))
    reward = (logits.argmax(dim=1) == labels).double()
    hidden = network.hidden(network._walk(images, noise_of(network, 6), 1))
    expected = (network.baseline(hidden)[:, 0] - reward).square().mean()
    torch.testing.assert_close(parts["baseline_mse"], expected)
    assert parts["reinforce"] == 0
    torch.testing.assert_close(loss, parts["nll"] + expected)


def test_rewards_push_the_means_towards_fixations_that_paid():
    """The gradient of the locator's bias is the mean of -(fixation - mean) / std^2 * advantage."""
    network, images, labels = built().train(), drawn(6, *GREY), torch.arange(6) % 5
    network.requires_grad_(False)
    network.locator.bias.requires_grad_()
    noise = noise_of(network, 6)
    looked = network.look(images, noise)

    network.loss(images, labels, noise)[0].backward()

    reward = (looked.logits[:, -1].argmax(dim=1) == labels).double()[:, None, None]
    moved = (looked.fixations - looked.means)[:, 1:] / network.std**2
    pushes = moved * (reward - looked.baselines[:, :-1, None])
    inside = looked.means[:, 1:].abs() < 1
    expected = -(pushes * inside).sum(dim=1).mean(dim=0)
    torch.testing.assert_close(network.locator.bias.grad, expected, rtol=0, atol=1e-12)


def test_it_may_stop_at_any_glimpse_and_look_longer_than_it_was_trained():
    network, images = built().eval(), drawn(3, *GREY)
    noise = torch.cat((noise_of(network, 3), drawn(3, 4)), dim=1)

    long = network.look(images, noise, glimpses=6)
    short = network.look(images, noise, glimpses=2)

    assert long.logits.shape == (3, 6, 5)
    for one, other in zip(short, long, strict=True):
        torch.testing.assert_close(one, other[:, :2], rtol=0, atol=1e-12)
    torch.testing.assert_close(network(images, noise), long.logits[:, 3], rtol=0, atol=1e-12)


def test_given_fixations_are_looked_at_whatever_the_policy_says():
    network, images = built().eval(), drawn(3, *GREY)
    fixations = 2 * drawn(3, 4, 2) - 1

    looked = network.look(images, fixations=fixations)

    assert torch.equal(looked.fixations, fixations)
    assert torch.equal(looked.means[:, 0], fixations[:, 0]), "the policy does not choose the first"
    expected = network.look(images, fixations=fixations[:, :3].contiguous(), glimpses=3).means
    assert torch.equal(looked.means[:, :3], expected)
    assert not (looked.means[:, 1:] - fixations[:, 1:]).abs().lt(1e-6).any()
    follows = network.look(images, fixations=looked.fixations.roll(1, dims=1))
    assert (follows.logits - looked.logits).abs().max() > 1e-6


@pytest.mark.parametrize(
    ("policy", "draws", "in_tests"),
    [("stochastic", 10, True), ("stochastic_in_training", 1, False), ("deterministic", 1, False)],
)
def test_a_policy_says_whether_tests_draw(policy, draws, in_tests):
    network, images = built(policy=policy).eval(), drawn(2, *GREY)

    assert hasattr(network, "draw") is (policy != "deterministic")
    assert is_stochastic(network) is in_tests
    params = settings_of("ram")(policy=policy)
    assert load("models", "ram").draws(params) == draws
    looked = network.look(images)
    assert torch.equal(looked.fixations, looked.means)
    assert looked.fixations[:, 0].count_nonzero() == 0
    if policy == "stochastic_in_training":
        assert torch.equal(network(images, noise_of(network, 2)), network(images))


def test_a_deterministic_policy_learns_by_gradients_through_fixations():
    network, labels = built(policy="deterministic").train(), torch.tensor([0, 1])
    loss, _, parts = network.loss(drawn(2, *GREY), labels)
    loss.backward()
    assert float(parts["reinforce"]) == 0
    assert network.locator.weight.grad.abs().max() > 0


def test_drawn_fixations_may_be_learned_by_gradients_through_them():
    network, images, labels = (
        built(learned_by="gradients").train(),
        drawn(3, *GREY),
        torch.arange(3),
    )
    noise = noise_of(network, 3)
    loss, _, parts = network.loss(images, labels, noise)
    (found,) = torch.autograd.grad(parts["nll"], network.locator.bias, retain_graph=True)

    assert float(parts["reinforce"]) == 0
    torch.testing.assert_close(loss, parts["nll"] + parts["baseline_mse"], rtol=0, atol=1e-12)
    with torch.no_grad():
        values = []
        for sign in (1, -1):
            network.locator.bias += sign * 1e-6
            values.append(network.loss(images, labels, noise)[2]["nll"])
            network.locator.bias -= sign * 1e-6
    assert float(found.sum()) == pytest.approx(float(values[0] - values[1]) / 2e-6, rel=1e-4)
    rewarded = built().train().loss(images, labels, noise)[2]["nll"]
    torch.testing.assert_close(rewarded, parts["nll"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("locator", [False, True])
def test_in_tests_gradients_go_through_fixations_unless_they_are_detached(locator):
    network = built(detached_locator=locator).eval()
    images = drawn(2, *GREY).requires_grad_()

    def gradient(detached):
        network.detach_fixations = detached
        (found,) = torch.autograd.grad(network(images, noise_of(network, 2)).sum(), images)
        return found

    def value(images):
        return network(images, noise_of(network, 2)).sum()

    step = 1e-6 * (drawn(2, *GREY) - 0.5)
    ahead, behind = (value(images.detach() + sign * step).detach() for sign in (1, -1))
    change = float(ahead - behind) / 2
    assert float((gradient(False) * step).sum()) == pytest.approx(change, rel=1e-4)
    assert float((gradient(True) * step).sum()) != pytest.approx(change, rel=1e-2)


def test_detached_rewards_leave_all_but_the_locator_alone():
    images, labels = drawn(6, *GREY), torch.arange(6) % 5
    found = {}
    for detached in (False, True):
        network = built(detached_locator=detached).train()
        network.loss(images, labels, noise_of(network, 6))[0].backward()
        alone = built(detached_locator=detached, reinforce_weight=0.0).train()
        alone.loss(images, labels, noise_of(alone, 6))[0].backward()
        same = {
            name: torch.equal(one.grad, other.grad)
            for (name, one), other in zip(
                network.named_parameters(), alone.parameters(), strict=True
            )
        }
        found[detached] = {name for name in same if not same[name]}
    assert found[True] == {"locator.weight", "locator.bias"}
    assert found[False] > found[True]


def test_the_answers_after_every_glimpse_may_be_learned():
    network, images, labels = built(answers="every").train(), drawn(6, *GREY), torch.arange(6) % 5
    noise = noise_of(network, 6)
    _, logits, parts = network.loss(images, labels, noise)
    every = network.look(images, noise).logits
    expected = [F.cross_entropy(one, labels) for one in every.unbind(dim=1)]
    torch.testing.assert_close(parts["nll"], torch.stack(expected).mean(), rtol=0, atol=1e-12)
    torch.testing.assert_close(logits, every[:, -1], rtol=0, atol=1e-12)


def test_normalised_advantages_have_mean_0_and_deviation_1():
    network = built(advantage="normalised")
    found = network._advantage(drawn(5, 3))
    assert float(found.mean()) == pytest.approx(0, abs=1e-12)
    assert float(found.std(correction=0)) == pytest.approx(1, abs=1e-6)


def test_a_baseline_of_each_step_is_that_of_the_last_for_all_that_follow():
    network, images = built(per_step_baseline=True).eval(), drawn(2, *GREY)
    with torch.no_grad():
        network.baseline.fc.weight.zero_()
        network.baseline.fc.bias.copy_(torch.arange(4.0))
    looked = network.look(images, glimpses=6)
    assert looked.baselines.tolist() == [[0, 1, 2, 3, 3, 3]] * 2


def test_the_deviation_of_the_policy_halves_as_its_half_life_says():
    network = built(std=0.2, std_half_life=5)
    assert network.on_epoch(0, 20) == {"std": 0.2}
    assert network.on_epoch(10, 20) == {"std": pytest.approx(0.05)}
    assert built().on_epoch(3, 20) == {}
    network.std.fill_(0.5)
    noise, images = noise_of(network, 2), drawn(2, *GREY)
    looked = network.look(images, noise)
    moved = (looked.fixations - looked.means)[:, 1:].flatten(1)
    torch.testing.assert_close(moved, 0.5 * noise[:, 2:], rtol=0, atol=1e-12)


def test_means_under_tanh_and_drawn_fixations_stay_in_the_image():
    network, images = built(squashing="tanh", std=2.0).eval(), drawn(4, *GREY)
    looked = network.look(images, noise_of(network, 4))
    assert looked.fixations.abs().max() == 1
    assert looked.means.abs().max() < 1


def test_groups_are_the_locator_the_baseline_and_all_else():
    groups = built(locator_hidden=3).parameter_groups()
    assert groups["where"] == [
        "locator.0.weight",
        "locator.0.bias",
        "locator.2.weight",
        "locator.2.bias",
    ]
    assert groups["baseline"] == ["baseline.fc.weight", "baseline.fc.bias"]


def test_rings_are_half_sides_of_the_patches():
    network = built()
    assert network.rings(28, 28).tolist() == [2, 4]
    assert network.outline == "squares"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"glimpses": -1}, "a network looks at least once, got -1"),
        ({"noise": torch.zeros(2, 6)}, r"4 glimpses at 2 images need noise \(2, 8\), got \(2, 6\)"),
        ({"fixations": torch.zeros(2, 3, 2)}, r"fixations must be \(2, 4, 2\), got \(2, 3, 2\)"),
    ],
)
def test_what_does_not_fit_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        built().look(drawn(2, *GREY), **given)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"policy": "deterministic", "std": 0.1}, "std: has no effect without a policy that draws"),
        ({"policy": "deterministic", "first_fixation": 1.0}, "first_fixation: has no effect"),
        ({"policy": "stochastic_in_training", "monte_carlo": 5}, "without policy: stochastic;"),
        ({"learned_by": "gradients", "reinforce_weight": 0.5}, "without learned_by: rewards"),
        ({"learned_by": "gradients", "advantage": "normalised"}, "without learned_by: rewards"),
        ({"patches": 1, "patch_growth": 3}, "patch_growth: has no effect without patches: 2"),
    ],
)
def test_settings_without_effect_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        settings_of("ram")(**params)
