import pytest
import torch
from attacked_networks import (
    Masked,
    Policy,
    RandomDefence,
    Small,
    between_two,
    own_labels,
    some_images,
)

from isotrope.attacks import Victim, pgd
from isotrope.attacks.losses import margin


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("loss", ["cross_entropy", "margin"])
@pytest.mark.parametrize(("norm", "dual"), [("linf", 1), ("l2", 2)])
def test_the_best_attack_on_a_linear_network_is_reached(norm, dual, loss, seed):
    network, slope = between_two(seed)
    images = some_images(6, seed, side=4, dtype=torch.float64) * 0.2 + 0.4
    labels = torch.tensor([0, 1, 0, 1, 0, 1])

    # in l2 a step of twice the radius leaves a third of what is not along the slope
    settings = {"eps": 0.05, "steps": 20, "step_size": 0.1, "norm": norm, "loss": loss}
    found = pgd(network, images, labels, **settings, seed=seed)

    before, after = (margin(network(one).detach(), labels) for one in (images, found.images))
    best = 0.05 * torch.linalg.vector_norm(slope, dual)  # the dual norm of the slope
    assert (after - before).tolist() == pytest.approx([best.item()] * 6, rel=1e-6)
    assert found.fooled.tolist() == (after > 0).tolist()
    assert found.distortion.tolist() == pytest.approx([0.05] * 6, rel=1e-6)
    assert found.zero_gradients.nan_to_num(0.0).tolist() == [0] * 6
    assert 0 < found.zero_gradients.isnan().sum() < 6, "some were wrong from the beginning"


def test_at_the_edge_of_grey_values_the_best_attack_is_clipped():
    network, slope = between_two(4)
    images = (some_images(4, 4, side=4, dtype=torch.float64) > 0.5).double()
    labels = torch.zeros(4, dtype=torch.int64)
    found = pgd(network, images, labels, eps=0.2, steps=20)
    best = (images.flatten(1) + 0.2 * slope.sign()).clamp(0, 1)
    torch.testing.assert_close(found.images.flatten(1), best, rtol=0, atol=1e-12)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("stop_early", [False, True])
def test_the_same_seed_gives_the_same_attack_in_any_batch(norm, stop_early):
    network, images = Small().double(), some_images(7, dtype=torch.float64)
    labels = own_labels(network, images)
    settings = {"eps": 0.05, "steps": 5, "norm": norm, "restarts": 2, "stop_early": stop_early}

    whole = pgd(network, images, labels, **settings, seed=1, numbers=range(10, 17))
    again = pgd(network, images, labels, **settings, seed=1, numbers=range(10, 17))
    other = pgd(network, images, labels, **settings, seed=2, numbers=range(10, 17))
    part = pgd(network, images[[5, 2]], labels[[5, 2]], **settings, seed=1, numbers=[15, 12])

    assert torch.equal(whole.images, again.images)
    assert not torch.equal(whole.images, other.images)
    torch.testing.assert_close(part.images, whole.images[[5, 2]], rtol=0, atol=1e-9)
    assert torch.equal(part.trace, whole.trace[:, [5, 2]])
    assert torch.equal(part.queries, whole.queries[[5, 2]])


def test_a_stochastic_network_draws_the_same_for_an_image_in_any_batch():
    network = RandomDefence(Small(), (1, 8, 8), 0.1).double()
    images = some_images(6, dtype=torch.float64)
    labels = own_labels(network.inner, images)
    settings = {"eps": 0.05, "steps": 25, "draws": 3}

    whole = pgd(network, images, labels, **settings)
    part = pgd(network, images[4:], labels[4:], **settings, numbers=[4, 5])

    torch.testing.assert_close(part.images, whole.images[4:], rtol=0, atol=1e-9)
    assert torch.equal(part.trace, whole.trace[:, 4:])


def test_fooled_images_leave_which_changes_nothing_but_the_passes():
    network, images = Small().double(), some_images(20, dtype=torch.float64)
    labels = own_labels(network, images)
    whole = pgd(network, images, labels, eps=0.1, steps=10, restarts=2)
    early = pgd(network, images, labels, eps=0.1, steps=10, restarts=2, stop_early=True)
    assert torch.equal(early.fooled, whole.fooled)
    assert torch.equal(early.trace, whole.trace)
    assert torch.equal(early.queries[early.fooled], whole.queries[early.fooled])
    assert whole.fooled.sum() > 0
    assert early.forwards == early.queries.sum()
    assert early.forwards < whole.forwards
    assert whole.forwards == 20 * 11 * 2
    assert whole.backwards == 20 * 10 * 2


def test_what_is_reported_is_what_the_images_do():
    network, images = Small(), some_images(30)
    labels = own_labels(network, images)
    found = pgd(network, images, labels, eps=0.04, steps=8)
    assert torch.equal(found.fooled, own_labels(network, found.images) != labels)
    assert 0 < found.fooled.sum() < 30
    assert found.trace.shape == (8, 30)
    assert torch.equal(found.trace[-1], found.fooled)
    assert (found.trace[1:] >= found.trace[:-1]).all()  # once fooled is fooled
    assert (found.images - images).abs().max() <= 0.04
    first = found.trace.int().argmax(dim=0) + 2  # the start is shown, too
    slow = found.fooled & ~found.trace[0]
    assert torch.equal(found.queries[slow], first[slow])
    assert (found.queries[~found.fooled] == 9).all()


def test_restarts_and_steps_never_help_the_network():
    network, images = Small(), some_images(20)
    labels = own_labels(network, images)
    found = [
        pgd(network, images, labels, eps=0.1, steps=steps, restarts=restarts, loss="margin")
        for steps, restarts in ((1, 1), (10, 1), (10, 3))
    ]
    margins = [margin(network(one.images), labels).mean().item() for one in found]
    assert margins[0] < margins[1] < margins[2]


def test_without_a_random_start_the_first_step_starts_at_the_image():
    network, images = Small(), some_images(3)
    labels = own_labels(network, images)
    found = pgd(network, images, labels, eps=0.1, steps=1, step_size=0.03, random_start=False)
    points = images.clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(network(points), labels, reduction="sum")
    (slope,) = torch.autograd.grad(loss, points)
    torch.testing.assert_close(found.images, (images + 0.03 * slope.sign()).clamp(0, 1))


def test_masked_gradients_are_told_as_zeros():
    network, images = Masked(Small()), some_images(5)
    labels = own_labels(network, images)
    found = pgd(network, images, labels, eps=0.01, steps=3, random_start=False)
    assert found.zero_gradients.tolist() == [1] * 5
    labels = torch.zeros_like(labels)  # what all logits of 0 are taken for
    found = pgd(lambda images: torch.zeros(len(images), 3), images, labels, eps=0.1, steps=3)
    assert found.zero_gradients.tolist() == [1] * 5


def test_a_lucky_draw_lets_no_image_of_a_stochastic_network_leave():
    network = RandomDefence(Small(), (1, 8, 8), 0.5)
    images = some_images(20)
    labels = own_labels(network.inner, images)
    found = pgd(network, images, labels, eps=0.0, steps=10, stop_early=True)
    assert found.trace.any(dim=0).sum() > found.fooled.sum()  # some draws fooled it by chance
    assert found.forwards == 20 * (11 + 20)  # all asks of all images, then 20 draws to judge them
    assert torch.equal(found.images, images)


def test_more_draws_make_a_better_attack_on_a_random_defence():
    network = RandomDefence(Small(), (1, 8, 8), 0.4)
    images = some_images(60)
    labels = own_labels(network.inner, images)
    rates = []
    for draws in (1, 20):
        found = pgd(network, images, labels, eps=0.06, steps=10, draws=draws)
        judged = Victim(network).answers(found.images, draws=100).argmax(dim=-1)
        rates.append((judged != labels[:, None]).double().mean().item())
    assert rates[1] > rates[0] + 0.01


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_gradients_through_fixations_change_the_attack(norm):
    network = Policy()
    images = some_images(10, dtype=torch.float64) * 0.2 + 0.4
    labels = own_labels(network, images)
    eps = 0.05 if norm == "linf" else 0.4
    for fixations, successes in (("differentiable", 10), ("detached", 0)):
        victim = Victim(network, fixations=fixations)
        found = pgd(victim, images, labels, eps=eps, steps=10, norm=norm, random_start=False)
        assert found.fooled.sum() == successes
    assert network.detach_fixations is False  # as it was before


def test_wrong_settings_are_refused():
    network, images, labels = Small(), some_images(2), torch.zeros(2, dtype=torch.int64)
    for settings, message in (
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"draws": 0}, "draws must be at least 1, got 0"),
        ({"loss": "hinge"}, "unknown loss 'hinge'"),
        ({"numbers": [1]}, "got 2 images, 2 labels and 1 numbers"),
        ({"eps": 8}, "eps must be at most 1 in linf, got 8"),
        ({"labels": labels.float()}, r"labels must be \(batch,\) of whole numbers, got \(2,\)"),
        ({"labels": torch.eye(10)[labels]}, r"whole numbers, got \(2, 10\) torch.float32"),
    ):
        with pytest.raises(ValueError, match=message):
            pgd(network, images, **({"labels": labels, "eps": 0.1} | settings))
