import pytest
import torch
from attacked_networks import Linear, RandomDefence, Small, some_images
from torch import nn

from isotrope.attacks import Victim, pgd
from isotrope.attacks.losses import cross_entropy, logit_ratio, margin
from isotrope.attacks.victim import Noise

CPU = torch.device("cpu")


def random_victim(**settings):
    return Victim(RandomDefence(Small(), (1, 8, 8), 0.3).double(), **settings)


def test_the_loss_of_a_stochastic_network_is_the_mean_over_its_draws():
    victim, images = random_victim(), some_images(3, dtype=torch.float64)
    labels = torch.tensor([1, 2, 3])
    noise = victim.noise(7, range(3), CPU).take(5)
    seen = victim.seen(images, labels, cross_entropy, noise, gradient=True)

    points = images.clone().requires_grad_()
    losses = [cross_entropy(victim.network(points, noise[:, k]), labels) for k in range(5)]
    wrong = [victim.network(points, noise[:, k]).argmax(dim=1) != labels for k in range(5)]
    expected = torch.stack(losses).mean(dim=0)
    (slope,) = torch.autograd.grad(expected.sum(), points)
    torch.testing.assert_close(seen.values, expected.detach(), rtol=1e-12, atol=0)
    torch.testing.assert_close(seen.gradient, slope, rtol=1e-9, atol=1e-12)
    assert torch.equal(seen.wrong, torch.stack(wrong).double().mean(dim=0) > 0.5)
    assert (victim.forwards, victim.backwards) == (15, 15)


@pytest.mark.parametrize("at_once", [1, 4, 7])
def test_small_passes_give_the_same_as_a_large_one(at_once):
    images, labels = some_images(4, dtype=torch.float64), torch.arange(4)
    found = []
    for victim in (random_victim(), random_victim(at_once=at_once)):
        noise = victim.noise(7, range(4), CPU).take(3)
        found.append(victim.seen(images, labels, margin, noise, gradient=True))
        assert (victim.forwards, victim.backwards) == (12, 12)
        found[-1] += (victim.answers(images, draws=5),)
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


def test_the_draws_of_an_image_do_not_depend_on_how_many_are_taken_at_once():
    network = RandomDefence(Small(), (1, 2, 2), 0.3)
    at_once = Noise(network, 3, [5, 9], CPU, 1).take(150)
    slowly = Noise(network, 3, [9], CPU, 1)
    parts = torch.cat([slowly.take(count) for count in (1, 63, 64, 2, 20)], dim=1)
    assert torch.equal(parts[0], at_once[1])
    assert len(at_once[1].unique(dim=0)) == 150
    assert not torch.equal(Noise(network, 3, [9], CPU, 2).take(1), at_once[1:, :1])


def test_answers_of_a_network_that_draws_nothing_are_its_own():
    network, images = Small(), some_images(3)
    found = Victim(network).answers(images, draws=20)
    assert torch.equal(found, network(images).detach()[:, None])


def test_a_network_is_as_before_after_an_attack():
    network = nn.Sequential(nn.BatchNorm2d(1), nn.Dropout(0.5), Small())
    network[1].eval()
    network[2].first.weight.requires_grad_(False)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    pgd(network, some_images(4), torch.zeros(4, dtype=torch.int64), eps=0.1, steps=2)
    assert [module.training for module in network] == [True, False, True]
    wanted = {name: one.requires_grad for name, one in network.named_parameters()}
    assert wanted == {name: name != "2.first.weight" for name in wanted}
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(one.grad is None for one in network.parameters())


def test_a_network_that_draws_in_training_alone_is_called_with_images():
    class Quiet(Small):
        draws_in_tests = False

        def draw(self, generator, count):
            raise AssertionError

    assert pgd(Quiet(), some_images(2), torch.tensor([0, 1]), eps=0.1, steps=2).forwards == 6


def test_what_is_around_the_network_comes_after_the_perturbation():
    network = Linear(torch.eye(4))
    victim = Victim(network, around=lambda images: images.flip(-1))
    images = torch.tensor([[[[0.1, 0.2], [0.3, 0.4]]]])
    assert victim.answers(images).flatten().tolist() == pytest.approx([0.2, 0.1, 0.4, 0.3])


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="fixations must be differentiable or detached"):
        Victim(Small(), fixations="free")
    with pytest.raises(ValueError, match="at_once must be at least 1, got 0"):
        Victim(Small(), at_once=0)


def test_losses_are_those_of_their_definitions():
    logits = torch.tensor([[1.0, 5.0, 2.0, 4.0], [3.0, 1.0, 0.0, -1.0]], dtype=torch.float64)
    labels = torch.tensor([1, 2])
    assert margin(logits, labels).tolist() == [-1, 3]
    assert logit_ratio(logits, labels).tolist() == pytest.approx([-1 / 3, 1])
    expected = -logits.log_softmax(dim=1)[[0, 1], labels]
    assert cross_entropy(logits, labels).tolist() == pytest.approx(expected.tolist())
    torch.testing.assert_close(
        logit_ratio(7 * logits + 3, labels), logit_ratio(logits, labels), rtol=1e-9, atol=0
    )
    with pytest.raises(ValueError, match="logit_ratio needs 3 classes or more, got 2"):
        logit_ratio(logits[:, :2], labels)
