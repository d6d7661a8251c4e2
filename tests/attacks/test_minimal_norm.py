from types import SimpleNamespace

import pytest
import torch
from attacked_networks import Linear, Masked, RandomDefence, Small, own_labels, some_images

from isotrope.attacks import Victim, minimal_norm, pgd
from isotrope.attacks.minimal_norm import _dual_length, _least_multiple


def linear(seed, classes=4):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(classes, 16, generator=generator, dtype=torch.float64)
    return Linear(rows, -rows.sum(dim=1) / 2)  # all classes meet where images are grey


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("norm", "dual"), [("linf", 1), ("l2", 2)])
def test_the_distance_to_the_border_of_a_linear_network_is_found(norm, dual, seed):
    network = linear(seed, classes=2)
    images = some_images(8, seed, side=4, dtype=torch.float64) * 0.02 + 0.49
    labels = own_labels(network, images)
    found = minimal_norm(network, images, labels, norm=norm)
    logits, slope = network(images).detach(), (network.rows[1] - network.rows[0]).detach()
    distance = (logits[:, 1] - logits[:, 0]).abs() / torch.linalg.vector_norm(slope, dual)
    assert 0 < distance.max() < 0.49  # the box of grey values does not matter
    assert found.fooled.all()
    assert found.distortion.tolist() == pytest.approx(distance.tolist(), rel=1e-3)
    assert (found.distortion >= distance * (1 - 1e-9)).all()


def test_among_several_borders_none_much_nearer_is_missed():
    network = linear(5, classes=4)
    images = some_images(50, 5, side=4, dtype=torch.float64) * 0.1 + 0.45
    labels = own_labels(network, images)
    logits, rows = network(images).detach(), network.rows.detach()
    gaps = logits.gather(1, labels[:, None]) - logits
    lengths = torch.linalg.vector_norm(rows[labels][:, None] - rows, dim=2)
    distances = (gaps / lengths).scatter(1, labels[:, None], torch.inf).amin(dim=1)
    found = minimal_norm(network, images, labels, norm="l2", steps=200)
    ratio = found.distortion / distances
    assert ratio.min() > 1 - 1e-9
    assert ratio.median() < 1.001
    assert (ratio < 1.1).double().mean() > 0.8


def test_misclassified_images_need_nothing():
    network, images = Small(), some_images(5)
    labels = (own_labels(network, images) + 1) % 10
    found = minimal_norm(network, images, labels, norm="l2", steps=5)
    assert found.distortion.tolist() == [0] * 5
    assert torch.equal(found.images, images)
    assert found.queries.tolist() == [1] * 5


def test_where_nothing_fools_the_distance_is_infinite():
    images = some_images(3)
    labels = own_labels(Masked(Small()), images)
    constant = Linear(torch.zeros(3, 64), torch.tensor([1.0, 0.0, 0.0]))
    found = minimal_norm(constant, images, torch.zeros_like(labels), steps=5)
    assert found.distortion.tolist() == [torch.inf] * 3
    assert not found.fooled.any()
    assert torch.equal(found.images, images)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_black_and_white_images_do_not_stop_it(norm, digits):
    """Half of the pixels are black and cannot follow the gradient."""
    network, images, labels = digits
    found = minimal_norm(network, images, labels, norm=norm)
    assert found.fooled.all()
    assert torch.equal(found.fooled, own_labels(network, found.images) != labels)
    eps = found.distortion.median().item()
    inside = pgd(network, images, labels, eps=eps, norm=norm, steps=100, loss="margin")
    assert inside.fooled.double().mean() <= 0.5 + 0.02


def test_more_steps_never_find_a_larger_distance_by_much(digits):
    network, images, labels = digits
    few, many = (minimal_norm(network, images[:30], labels[:30], steps=n) for n in (20, 100))
    assert many.distortion.mean() < few.distortion.mean()


def test_a_lucky_draw_is_not_the_answer():
    network = RandomDefence(Small(), (1, 8, 8), 0.3)
    images = some_images(20)
    labels = own_labels(network.inner, images)
    found = minimal_norm(network, images, labels, steps=20)
    judged = Victim(network).answers(found.images, draws=200).argmax(dim=-1) != labels[:, None]
    share = judged.double().mean(dim=1)
    assert torch.equal(found.distortion.isinf(), ~found.fooled)
    assert found.fooled[share > 0.85].all()
    assert not found.fooled[share < 0.15].any()


class Fickle(torch.nn.Module):
    """Two classes; a fifth of all draws answers the other one, whatever the image."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def draw(self, generator, count):
        return torch.rand(count, generator=generator) < 0.2

    def forward(self, images, noise):
        logits = self.inner(images)
        return torch.where(noise[:, None], logits.flip(1), logits)


@pytest.mark.parametrize(("norm", "dual"), [("linf", 1), ("l2", 2)])
def test_a_lucky_draw_does_not_end_the_search(norm, dual):
    inner = linear(1, classes=2)
    images = some_images(30, 1, side=4, dtype=torch.float64) * 0.1 + 0.45
    labels = own_labels(inner, images)
    logits, slope = inner(images).detach(), (inner.rows[1] - inner.rows[0]).detach()
    distance = (logits[:, 1] - logits[:, 0]).abs() / torch.linalg.vector_norm(slope, dual)
    found = minimal_norm(Fickle(inner), images, labels, norm=norm, steps=60, draws=3)
    assert found.trace.any(dim=0).all(), "luck comes to all"
    assert found.fooled.double().mean() > 0.9
    ratio = (found.distortion / distance)[found.fooled]
    assert ratio.min() > 0.99, "no nearer image fools most draws"
    assert ratio.median() < 1.3


def test_wrong_settings_are_refused():
    images, labels = some_images(2), torch.tensor([0, 1])
    for settings, message in (
        ({"steps": 0}, "steps must be at least 1"),
        ({"growth": 1.0}, "need step_size > 0 and 0 < growth < 1, got 1 and 1"),
        ({"norm": "l1"}, "unknown norm 'l1'"),
    ):
        with pytest.raises(ValueError, match=message):
            minimal_norm(Small(), images, labels, **settings)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_no_more_is_gained_than_a_loss_that_is_linear_allows(norm):
    slopes = torch.randn(3, 2, 4, 4, generator=torch.Generator().manual_seed(1)).double()
    best = (
        slopes.sign()
        if norm == "linf"
        else slopes / slopes.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    )
    gained = (slopes * best).flatten(1).sum(dim=1)
    torch.testing.assert_close(_dual_length(slopes, norm), gained)


def test_a_multiple_must_fool_two_sets_of_fresh_draws():
    answers = iter([[0, 0], [0, 0], [1, 0], [0, 1], [0, 0], [1, 1], *[[1, 1]] * 40])
    judged = SimpleNamespace(
        judged=lambda points: SimpleNamespace(wrong=torch.tensor(next(answers)).bool())
    )
    clean, away = torch.full((2, 1, 2, 2), 0.5), torch.full((2, 1, 2, 2), 0.1)
    found = _least_multiple(judged, clean, away)
    # of the multiples 0, 0.8, 0.9, 1 the last is the first that fools any image twice
    assert found.unique().tolist() == pytest.approx([0.6])
