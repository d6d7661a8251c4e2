"""What holds for each attack within a ball."""

from functools import partial

import pytest
import torch
from attacked_networks import Masked, RandomDefence, Small, own_labels, some_images

from isotrope.attacks import Victim, apgd, minimal_norm, pgd, spsa, square
from isotrope.attacks.balls import length

ATTACKS = {
    "pgd": partial(pgd, steps=4),
    "apgd": partial(apgd, steps=8),
    "square": partial(square, queries=12),
    "spsa": partial(spsa, steps=4, samples=5),
}
STEPS = {"pgd": 4, "apgd": 8, "square": 12, "spsa": 4}


def every(function):
    function = pytest.mark.parametrize("norm", ["linf", "l2"])(function)
    return pytest.mark.parametrize("name", ATTACKS)(function)


@every
@pytest.mark.parametrize("size", [(1, 8, 8), (3, 6, 9)])
def test_no_image_leaves_the_ball_or_0_to_1(name, norm, size):
    torch.manual_seed(1)
    images = (torch.rand(6, *size) * 2 - 0.5).clamp(0, 1)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(images[0].numel(), 4))
    labels = own_labels(network, images)
    for eps in (0.0, 0.1, 1.0 if norm == "linf" else 2.0):
        settings = {"eps": eps, "norm": norm, "stop_early": False}
        found = ATTACKS[name](network, images, labels, **settings)
        assert found.images.min() >= 0
        assert found.images.max() <= 1
        assert length(found.images.double() - images.double(), norm).max() <= eps
        assert found.trace.shape == (STEPS[name], 6)
        assert torch.equal(found.distortion, length(found.images - images, norm))
        assert torch.equal(found.fooled, own_labels(network, found.images) != labels)
        assert torch.equal(found.fooled, found.trace[-1])


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("pgd", {"loss": "cross_entropy", "random_start": True, "restarts": 1}),
        ("apgd", {"loss": "cross_entropy", "restarts": 1}),
        ("square", {"loss": "margin", "restarts": 1, "share": 0.8}),
        ("spsa", {"loss": "margin", "delta": 0.01, "learning_rate": 0.01, "sub_batch": 64}),
    ],
)
def test_what_is_not_said_is_the_plainest_attack_of_its_kind(name, more):
    images = some_images(12)
    labels = own_labels(Small(), images)
    usual = {"norm": "linf", "draws": 1, "seed": 0, "numbers": range(12), **more}
    for network in (Small(), RandomDefence(Small(), (1, 8, 8), 0.3)):
        stop_early = name in ("square", "spsa") and isinstance(network, Small)
        found, expected = (
            ATTACKS[name](network, images, labels, eps=0.1, **settings)
            for settings in ({}, {**usual, "stop_early": stop_early})
        )
        assert torch.equal(found.images, expected.images)
        assert torch.equal(found.queries, expected.queries)
        assert (found.forwards, found.backwards) == (expected.forwards, expected.backwards)


@every
@pytest.mark.parametrize("stop_early", [False, True])
@pytest.mark.parametrize("random", [False, True])
def test_an_image_is_attacked_alike_in_any_batch(name, norm, stop_early, random):
    network = Small().double()
    images = some_images(6, dtype=torch.float64)
    labels = own_labels(network, images)
    if random:
        network = RandomDefence(network, (1, 8, 8), 0.1)
    eps = 0.03 if norm == "linf" else 0.2
    settings = {"eps": eps, "norm": norm, "stop_early": stop_early, "draws": 2}
    attack = partial(ATTACKS[name], network, **settings)

    whole = attack(images, labels, seed=1, numbers=range(10, 16))
    again = attack(images, labels, seed=1, numbers=range(10, 16))
    other = attack(images, labels, seed=2, numbers=range(10, 16))
    part = attack(images[[5, 2]], labels[[5, 2]], seed=1, numbers=[15, 12])

    assert torch.equal(whole.images, again.images)
    assert not torch.equal(whole.images, other.images)
    torch.testing.assert_close(part.images, whole.images[[5, 2]], rtol=0, atol=1e-9)
    assert torch.equal(part.trace, whole.trace[:, [5, 2]])
    assert torch.equal(part.queries, whole.queries[[5, 2]])


@every
def test_passes_and_questions_are_counted(name, norm):
    network, images = Small(), some_images(20)
    labels = own_labels(network, images)
    victim = Victim(network)
    shown = []
    hook = network.register_forward_hook(lambda _, given, __: shown.append(len(given[0])))
    for early in (False, True):
        shown.clear()
        before = victim.forwards
        found = ATTACKS[name](
            victim, images, labels, eps=0.02, norm=norm, stop_early=early, numbers=range(20)
        )
        assert found.forwards == sum(shown) == victim.forwards - before
        if early:
            assert found.forwards == found.queries.sum()
        assert (found.backwards > 0) == (name in ("pgd", "apgd"))
        assert found.zero_gradients.isnan().all() == (name not in ("pgd", "apgd"))
    hook.remove()


@every
def test_restarts_never_help_the_network(name, norm):
    if name == "spsa":  # begins at the image
        return
    network, images = Small(), some_images(30)
    labels = own_labels(network, images)
    settings = {"eps": 0.02, "norm": norm, "stop_early": True}
    once, twice = (
        ATTACKS[name](network, images, labels, **settings, restarts=n).fooled for n in (1, 2)
    )
    assert (twice >= once).all()


@every
def test_one_lucky_draw_is_no_success(name, norm):
    network = RandomDefence(Small(), (1, 8, 8), 0.5)
    images = some_images(20)
    labels = own_labels(network.inner, images)
    found = ATTACKS[name](network, images, labels, eps=0.0, norm=norm)
    assert found.trace.any(dim=0).sum() > found.fooled.sum()
    assert torch.equal(found.images, images)
    judged = Victim(network).answers(images, draws=200).argmax(dim=-1) != labels[:, None]
    sure = (judged.double().mean(dim=1) - 0.5).abs() > 0.35  # three deviations of 20 draws
    assert torch.equal(found.fooled[sure], judged.double().mean(dim=1)[sure] > 0.5)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_on_a_trained_network_no_attack_is_much_weaker_than_another(norm, digits):
    network, images, labels = digits
    eps = 0.08 if norm == "linf" else 0.4
    inside = {"eps": eps, "norm": norm}
    for loss in ("logit_ratio", "cross_entropy"):
        settings = {**inside, "steps": 60, "loss": loss}
        reference = pgd(network, images, labels, **settings).fooled.double().mean()
        assert 0.25 < reference < 0.75
        found = apgd(network, images, labels, **settings)
        assert found.fooled.double().mean() >= reference - 0.01
    found = minimal_norm(network, images, labels, norm=norm, steps=100)
    assert (found.distortion <= eps).double().mean() >= reference - 0.01
    found = square(network, images, labels, **inside, queries=500)
    assert found.fooled.double().mean() >= reference - (0.02 if norm == "linf" else 0.2)
    found = spsa(network, images, labels, **inside, steps=20, samples=32)
    assert found.fooled.double().mean() >= reference - 0.15  # of 32 samples


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_black_boxes_see_through_masked_gradients(norm, digits):
    network, images, labels = digits
    masked, images, labels = Masked(network), images[:40], labels[:40]
    labels = own_labels(masked, images)
    eps = 0.3 if norm == "linf" else 1.5
    white = pgd(masked, images, labels, eps=eps, norm=norm, steps=10, random_start=False)
    black = square(masked, images, labels, eps=eps, norm=norm, queries=100)
    assert white.fooled.sum() == 0
    assert (white.zero_gradients == 1).all()
    assert black.fooled.double().mean() > 0.5


@pytest.mark.parametrize(
    ("attack", "settings", "message"),
    [
        (apgd, {"steps": 0}, "steps must be at least 1, got 0"),
        (apgd, {"restarts": 0}, "restarts must be at least 1, got 0"),
        (square, {"queries": 0}, "queries must be at least 1, got 0"),
        (square, {"share": 0.0}, "share must be above 0 and at most 1, got 0"),
        (spsa, {"samples": 0}, "samples must be at least 1, got 0"),
        (spsa, {"delta": 0.0}, "delta must be above 0, got 0"),
    ],
)
def test_wrong_settings_are_refused(attack, settings, message):
    with pytest.raises(ValueError, match=message):
        attack(Small(), some_images(2), torch.tensor([0, 1]), eps=0.1, **settings)


@every
def test_nothing_is_asked_of_a_network_when_all_images_are_fooled(name, norm):
    network, images = Small(), some_images(20)
    labels = own_labels(network, images)
    shown = []
    hook = network.register_forward_hook(lambda _, given, __: shown.append(len(given[0])))
    attack = partial(ATTACKS[name], network, eps=0.9 if norm == "linf" else 8.0, norm=norm)
    those = attack(images, labels, stop_early=True).fooled
    numbers = those.nonzero()[:, 0].tolist()
    found = attack(images[those], labels[those], stop_early=True, numbers=numbers)
    hook.remove()
    assert len(numbers) > 1
    assert found.fooled.all()
    assert found.forwards == found.queries.sum()
    assert len(found.trace) == STEPS[name]
    assert min(shown) > 0
