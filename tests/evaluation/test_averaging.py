"""Means of logits over mirror images, on networks whose answers are known."""

import torch
from bright_sides import Sides, networks, pictures, values
from planted_networks import Chance, Plain, images_of

from isotrope.datasets.images import Images
from isotrope.evaluation import _averaging, flip_average
from isotrope.measuring.networks import Networks


def test_the_mean_over_mirror_images_of_a_side_is_undecided_and_so_its_bias_decides():
    data = pictures([(200, 10), (10, 200), (90, 30), (0, 255)])
    rows = flip_average.evaluate(networks(Sides(bias=0.1)), data, flip_average.Params())
    found = values(rows)
    assert found["accuracy"] == 0.5, "all are taken for the first class"
    assert found["agreement"] == 0.0
    assert found["accuracy_low"] < 0.5 < found["accuracy_high"]


def test_the_mean_of_logits_is_taken_not_of_answers():
    """It sees the right side alone: from the front 0.9 for class 1, from behind 0.2."""
    data = pictures([(51, 230)])
    network = Sides(left=0.0, right=1.0, bias=0.5)
    for bias, expected in ((0.5, 1.0), (0.56, 0.0)):  # the mean of 0.9 and 0.2 is 0.55
        network.bias.data[0] = bias
        found = values(flip_average.evaluate(networks(network), data, flip_average.Params()))
        assert found["accuracy"] == expected
        assert found["agreement"] == 0.0


def test_what_a_network_draws_for_an_image_is_the_same_in_any_batch_and_in_the_mirror(monkeypatch):
    data, found = images_of(Plain(), 10), []
    both = Networks({1: Chance(), 2: Chance()}, torch.device("cpu"))
    for at_once in (4, 10):
        monkeypatch.setattr(_averaging.devices, "evaluation_batch", lambda _, size=at_once: size)
        answers = list(_averaging.answers_with_mirrors(both, data))
        assert [len(one.labels) for one in answers] == ([10] if at_once == 10 else [4, 4, 2])
        found.append([torch.cat([one[i] for one in answers], dim=1) for i in (1, 2)])
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=1e-5)
    turned = Images(data.images.flip(-1), data.labels)
    (one,) = _averaging.answers_with_mirrors(both, turned)
    torch.testing.assert_close(one.plain, found[0][1], rtol=0, atol=1e-5)
