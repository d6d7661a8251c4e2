"""What a stochastic network draws for an image under test depends on nothing but the image."""

import pytest
import torch

from isotrope.datasets.draws import image_generator, is_stochastic, noise_of_images

CPU = torch.device("cpu")


class Fixating(torch.nn.Module):
    """Draws a place for each image, and some numbers beside it."""

    def draw(self, generator, count):
        place = torch.rand(count, 2, generator=generator)
        return {"place": place, "gumbel": (torch.rand(count, generator=generator), place + 1)}


def noise(images, seed=3, draw=0):
    return noise_of_images(Fixating(), seed, images, draw, CPU)


def test_the_noise_of_an_image_is_the_same_in_every_batch():
    whole = noise(range(10))
    for size in (1, 3, 10):
        parts = [noise(range(10)[start : start + size]) for start in range(0, 10, size)]
        assert torch.equal(torch.cat([part["place"] for part in parts]), whole["place"])
        assert torch.equal(torch.cat([part["gumbel"][0] for part in parts]), whole["gumbel"][0])
    assert torch.equal(noise([7, 2])["place"], whole["place"][[7, 2]])


def test_seeds_images_and_draws_have_streams_of_their_own():
    streams = [(seed, image, draw) for seed in (0, 1, 2) for image in (0, 1) for draw in (0, 1)]
    numbers = [torch.rand(1, generator=image_generator(*one)).item() for one in streams]
    assert len(set(numbers)) == len(streams)


@pytest.mark.parametrize("seed", [0, 2**32 - 1])
def test_every_seed_of_32_bits_will_do(seed):
    assert torch.equal(noise([4], seed)["place"], noise([4], seed)["place"])


def test_a_network_without_draw_is_not_stochastic():
    assert is_stochastic(Fixating())
    assert not is_stochastic(torch.nn.Linear(1, 1))


def test_a_network_may_draw_in_training_alone():
    network = Fixating()
    network.draws_in_tests = False

    assert not is_stochastic(network)
