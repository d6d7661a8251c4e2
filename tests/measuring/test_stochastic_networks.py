"""Networks that draw at random are tested with what they draw for each image."""

import pytest
import torch
from torch import nn
from toy_runs import CLASSES, ToyDataParams, toy_images

from isotrope.datasets import draws as drawing
from isotrope.datasets.draws import noise_of_images
from isotrope.datasets.images import Images
from isotrope.datasets.stream import Stream
from isotrope.measuring.networks import Networks
from isotrope.training.objective import Objective

CPU = torch.device("cpu")
DATA = toy_images(ToyDataParams(count=41), "all_scales")


class Glancing(nn.Module):
    """Sees a random half of each image, in evaluation too."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(64, CLASSES)

    def draw(self, generator, count):
        return torch.rand(count, 64, generator=generator) < 0.5

    def forward(self, images, noise):
        return self.linear(images.flatten(1) * noise)


class Segmenting(nn.Module):
    """Answers for each pixel."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3, padding=1)

    def forward(self, images):
        return self.conv(images)


def networks(kind=Glancing, seeds=(1, 2, 3), draws=1):
    found = {}
    for seed in seeds:
        torch.manual_seed(seed)
        found[seed] = kind().double()
    return Networks({s: n.float() for s, n in found.items()}, CPU, draws)


@pytest.mark.parametrize("draws", [1, 3])
def test_answers_are_the_same_again_alone_in_a_pack_and_in_any_batch(draws):
    whole = networks(draws=draws).logits(DATA.images)
    assert torch.equal(networks(draws=draws).logits(DATA.images), whole)
    alone = networks(seeds=[2], draws=draws).logits(DATA.images)
    torch.testing.assert_close(alone[0], whole[1], rtol=0, atol=1e-6)
    for size in (1, 7, 41):
        torch.manual_seed(size)
        found = networks(draws=draws).logits(DATA.images, batch_size=size)
        torch.testing.assert_close(found, whole, rtol=0, atol=1e-6)


def test_draws_of_the_model_are_averaged_and_may_be_asked_for():
    one, two = networks(draws=2), networks()
    parts = []
    for draw in (0, 1):
        images = DATA.images.float() / 255
        (_, network) = next(iter(two))
        noise = noise_of_images(network, 1, range(len(DATA)), draw, CPU)
        assert torch.equal(noise, two.noise(1, range(len(DATA)), draw))
        parts.append(network(images, noise).detach())
    mean = torch.stack(parts).mean(0)
    for found in (one.logits(DATA.images), two.logits(DATA.images, draws=2)):
        torch.testing.assert_close(found[0], mean, rtol=0, atol=1e-6)
    assert not torch.equal(two.logits(DATA.images)[0], mean)


@pytest.mark.parametrize("images_at_once", [1, 3 * 41, 5 * 41])
def test_draws_are_computed_together_as_far_as_a_batch_may_hold_them(images_at_once, monkeypatch):
    whole, passes = networks(seeds=[1], draws=5).logits(DATA.images), []
    monkeypatch.setattr(drawing, "_ON_A_CPU", images_at_once * 64)
    again = networks(seeds=[1], draws=5)
    ((_, network),) = again
    network.register_forward_hook(lambda _, given, found: passes.append(len(found)))

    found = again.logits(DATA.images, batch_size=41)

    torch.testing.assert_close(found, whole, rtol=0, atol=1e-6)
    known = {1: [41] * 5, 3 * 41: [3 * 41, 2 * 41], 5 * 41: [5 * 41]}
    assert passes == known[images_at_once]


@pytest.mark.parametrize("images_at_once", [1, 2 * 6, 3 * 6])
def test_loss_and_counts_are_means_over_draws_however_these_are_computed(
    images_at_once, monkeypatch
):
    monkeypatch.setattr(drawing, "_ON_A_CPU", images_at_once * 64)
    network, objective = Glancing().double(), Objective(None, "classification")
    images, labels = DATA.images[:6].double() / 255, DATA.labels[:6]
    noises = tuple(noise_of_images(network, 1, range(6), draw, CPU) for draw in range(3))

    found = objective.measure(network, images, labels, noises)

    logits = torch.stack([network(images, noise) for noise in noises])
    losses = [torch.nn.functional.cross_entropy(one, labels) for one in logits]
    torch.testing.assert_close(found.loss, torch.stack(losses).mean(), rtol=0, atol=1e-12)
    assert found.counts == (logits.mean(dim=0).argmax(dim=1) == labels).sum()


def test_seeds_draw_differently():
    same = Glancing()
    logits = Networks({1: same, 2: same}, CPU).logits(DATA.images)
    assert not torch.equal(logits[0], logits[1])


def test_predictions_of_any_shape_come_batch_by_batch_with_their_images():
    seen = 0
    for batch, predictions in networks(Segmenting).batches(DATA, batch_size=16):
        assert predictions.shape == (3, len(batch), 3, 8, 8)
        assert not predictions.requires_grad
        assert torch.equal(batch.images, DATA.images[seen : seen + len(batch)])
        assert torch.equal(batch.latents["scale"], DATA.latents["scale"][seen : seen + len(batch)])
        seen += len(batch)
    assert seen == len(DATA)


@pytest.mark.parametrize("kind", [Glancing, Segmenting])
def test_a_stream_is_answered_as_the_same_images_in_memory(kind):
    def read(entry, generator):
        assert generator is None, "images under test are prepared in one fixed way"
        number = int(entry)
        return (
            DATA.images[number],
            int(DATA.labels[number]),
            {"scale": DATA.latents["scale"][number]},
        )

    stream = Stream([str(number) for number in range(len(DATA))], DATA.labels, read)
    streamed, held = (
        list(networks(kind, draws=2).batches(data, batch_size=16)) for data in (stream, DATA)
    )
    for (batch, found), (expected_batch, expected) in zip(streamed, held, strict=True):
        assert torch.equal(found, expected)
        assert torch.equal(batch.labels, expected_batch.labels)
        assert torch.equal(batch.latents["scale"], expected_batch.latents["scale"])


def test_images_may_have_another_size_than_the_training_ones():
    larger = Images(torch.zeros(2, 1, 20, 30, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64))
    ((_, predictions),) = networks(Segmenting).batches(larger)
    assert predictions.shape == (3, 2, 3, 20, 30)
