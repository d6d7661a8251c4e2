import sys

import pytest
import torch
from attacked_networks import RandomDefence, Small, between_two, own_labels, some_images

from isotrope.attacks import spsa
from isotrope.attacks.attacked import Questions
from isotrope.attacks.losses import margin
from isotrope.attacks.spsa import estimated_gradient

BATCH, SIDE = 400, 3


class Quadratic:
    """A loss whose gradient is known: ``b x + x A x / 2``, as the only logit."""

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        self.b, a = (
            torch.randn(size, generator=generator, dtype=torch.float64)
            for size in ((SIDE**2,), (SIDE**2, SIDE**2))
        )
        self.a = a + a.T

    def __call__(self, images):
        x = images.flatten(1)
        return (x @ self.b + ((x @ self.a) * x).sum(dim=1) / 2)[:, None]

    def gradient(self, images):
        x = images.flatten(1)
        return (self.b + x @ self.a).view_as(images)


def estimates(network, images, samples, sub_batch=16, seed=0, loss=None):
    questions = Questions(
        network,
        images,
        torch.zeros(len(images), dtype=torch.int64),
        loss=loss or (lambda logits, labels: logits[:, 0]),
        draws=1,
        seed=seed,
        numbers=None,
        stop_early=False,
    )
    return estimated_gradient(
        questions, images, 1, samples=samples, delta=0.01, sub_batch=sub_batch
    )


def test_the_estimate_is_unbiased_and_its_variance_is_that_of_one_sample_over_their_number():
    """For a quadratic a sample is ``v (v . g)``: mean g, variance of number i ``|g|^2 - g_i^2``."""
    network = Quadratic()
    images = some_images(1, side=SIDE, dtype=torch.float64).repeat(BATCH, 1, 1, 1)
    slope = network.gradient(images[:1])
    variance = slope.square().sum() - slope.square()
    for samples in (1, 64):
        found = estimates(network, images, samples)
        error = (found - slope).mean(dim=0, keepdim=True) / (variance / samples / BATCH).sqrt()
        assert error.abs().max() < 4.5  # deviations, of nine numbers
        ratio = (found - slope).square().mean(dim=0, keepdim=True) / (variance / samples)
        # the kurtosis of such a sample is at most 3 or so: one deviation is sqrt(2 / 400) = 7 %
        assert ratio.min() > 0.65
        assert ratio.max() < 1.35


def test_a_sample_has_the_difference_of_its_own_losses():
    """Summed over a sub-batch of 64, the variance would be 64 times as large."""
    network = Quadratic()
    images = some_images(BATCH, side=SIDE, dtype=torch.float64)
    slope = network.gradient(images)
    error = estimates(network, images, 64, sub_batch=64) - slope
    variance = (slope.square().sum(dim=(1, 2, 3), keepdim=True) - slope.square()) / 64
    assert (error.square() / variance).mean().item() == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("sub_batch", [1, 7, 64])
def test_the_size_of_passes_changes_nothing(sub_batch):
    images = some_images(3, dtype=torch.float64)
    for network in (Small().double(), RandomDefence(Small().double(), (1, 8, 8), 0.2)):
        found = [estimates(network, images, 20, size, loss="margin") for size in (20, sub_batch)]
        torch.testing.assert_close(*found, rtol=1e-9, atol=1e-12)


def test_both_points_of_a_sample_meet_the_same_draws():
    """Else the difference of the draws, over 2 delta, would drown the gradient."""
    network = RandomDefence(Quadratic(), (1, SIDE, SIDE), 1.0)
    images = some_images(50, side=SIDE, dtype=torch.float64)
    error = estimates(network, images, 500) - network.inner.gradient(images)
    # mean squares of the gradient, some hundred, over 500 samples; apart: (1 / .02)^2 times more
    scale = network.inner.gradient(images).square().sum(dim=(1, 2, 3)).mean()
    scale += network.inner.a.square().sum()  # of the gradient at points that the draws move
    assert error.square().mean() < 3 * scale / 500


def test_steps_are_those_of_adam_on_the_estimates(monkeypatch):
    network, images = Quadratic(), some_images(5, side=SIDE, dtype=torch.float64)
    module = sys.modules["isotrope.attacks.spsa"]
    monkeypatch.setattr(
        module, "estimated_gradient", lambda questions, points, step, **_: network.gradient(points)
    )
    found = spsa(
        network,
        images,
        torch.zeros(5, dtype=torch.int64),
        eps=0.5,
        steps=4,
        learning_rate=0.003,
        loss=lambda logits, labels: logits[:, 0],
        stop_early=False,
    )
    points = images.clone().requires_grad_()
    adam = torch.optim.Adam([points], lr=0.003, maximize=True)
    for _ in range(4):
        points.grad = network.gradient(points.detach())
        adam.step()
        with torch.no_grad():
            points.clamp_(0, 1)
    torch.testing.assert_close(found.images, points.detach(), rtol=1e-6, atol=1e-9)


def test_the_best_attack_on_a_linear_network_is_reached():
    network, slope = between_two(0)
    images = some_images(4, side=4, dtype=torch.float64) * 0.2 + 0.4
    labels = torch.tensor([0, 1, 0, 1])
    found = spsa(network, images, labels, eps=0.05, steps=30, samples=64, stop_early=False)
    gain = margin(network(found.images).detach(), labels) - margin(network(images).detach(), labels)
    assert gain.tolist() == pytest.approx([0.05 * slope.abs().sum().item()] * 4, rel=0.02)
    assert found.forwards == 4 * (31 + 30 * 2 * 64)


def test_fooled_images_leave_and_cost_no_more_samples():
    network, images = Small(), some_images(20)
    labels = own_labels(network, images)
    found = spsa(network, images, labels, eps=0.05, steps=10, samples=8)
    assert found.fooled.sum() > 0
    assert found.forwards < 20 * (11 + 10 * 16)
    assert found.forwards == found.queries.sum()
