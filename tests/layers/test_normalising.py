"""Normalisation as a network's first module."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from isotrope.layers.normalising import (
    ByImage,
    ByValues,
    Normalised,
    fit,
    statistics,
    take_over,
)
from isotrope.layers.preceded import takes_images


@given(seed=st.integers(0, 2**31), channels=st.integers(1, 3), count=st.integers(1, 5))
def test_statistics_are_those_of_all_pixels_of_a_channel(seed, channels, count):
    generator = torch.Generator().manual_seed(seed)
    shape = (count, channels, 5, 7)
    images = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
    by_channel = (images.double() / 255).transpose(0, 1).flatten(1)

    mean, std = statistics(images)

    torch.testing.assert_close(mean, by_channel.mean(dim=1), rtol=0, atol=1e-14)
    torch.testing.assert_close(std, by_channel.std(dim=1, correction=0), rtol=0, atol=1e-14)


@given(seed=st.integers(0, 2**31))
def test_each_channel_of_each_image_gets_mean_0_and_variance_1(seed):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(3, 2, 9, 8, generator=generator, dtype=torch.float64)

    found = ByImage()(images)

    zeros, ones = torch.zeros(3, 2, dtype=torch.float64), torch.ones(3, 2, dtype=torch.float64)
    torch.testing.assert_close(found.mean(dim=(2, 3)), zeros, rtol=0, atol=1e-12)
    # the variance is that of 1 / 12, to which 1e-8 is added
    torch.testing.assert_close(found.var(dim=(2, 3), correction=0), ones, rtol=0, atol=1e-6)
    torch.testing.assert_close(ByImage()(images * 0.5 + 0.2), found, rtol=0, atol=1e-5)


def test_an_image_of_one_grey_becomes_0_with_a_finite_gradient():
    images = torch.full((1, 1, 4, 4), 0.3, requires_grad=True)

    found = ByImage()(images)
    found.sum().backward()

    assert found.abs().max() < 1e-2  # rounding of the mean, over the smallest deviation
    assert images.grad is not None
    assert torch.isfinite(images.grad).all()


def test_values_are_subtracted_and_divided_by():
    images = torch.rand(2, 3, 4, 4)
    mean, std = [0.1, 0.2, 0.3], [0.5, 1.0, 2.0]

    found = ByValues(3, mean, std)(images)

    expected = (images - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    assert torch.equal(found, expected)


def test_numbers_that_are_not_one_for_each_channel_are_refused():
    with pytest.raises(ValueError, match=r"normalise\.mean has 2 numbers, and the images 3 chann"):
        ByValues(3, [0.1, 0.2], [1.0, 1.0])


def test_training_images_without_contrast_are_refused():
    network = Normalised(ByValues(1), nn.Flatten())
    with pytest.raises(ValueError, match="one value only"):
        fit(network, lambda: statistics(torch.zeros(2, 1, 3, 3, dtype=torch.uint8)))


class Inner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.register_buffer("heat", torch.tensor(1.0))

    def features(self, images):
        return self.conv(images).flatten(1)

    @takes_images
    def squares(self, images, power=2):
        return self.features(images) ** power

    def forward(self, images, noise=None):
        found = self.features(images).sum(dim=1, keepdim=True) * self.heat
        return found if noise is None else found + noise

    def loss(self, images, labels, noise):
        outputs = self(images, noise)
        return (outputs[:, 0] - labels).square().mean(), outputs

    def parameter_groups(self):
        return {"kernels": ["conv.weight"]}

    def on_step(self, step, steps):
        return {"heat": torch.tensor(step / steps)}

    def draw(self, generator, count):
        return torch.rand(count, 1, generator=generator)


def test_what_a_network_offers_is_offered_behind_the_normalisation():
    inner = Inner()
    network = Normalised(ByValues(1, [0.5], [0.25]), inner)
    images, labels = torch.rand(4, 1, 5, 5), torch.rand(4)
    seen = (images - 0.5) / 0.25
    noise = network.draw(torch.Generator().manual_seed(1), 4)

    assert torch.equal(network(images), inner(seen))
    assert torch.equal(network(images, noise), inner(seen, noise))
    assert torch.equal(network.features(images), inner.features(seen))
    assert torch.equal(network.squares(images, power=3), inner.squares(seen, power=3))
    for found, expected in zip(
        network.loss(images, labels, noise), inner.loss(seen, labels, noise), strict=True
    ):
        assert torch.equal(found, expected)
    (names,) = network.parameter_groups().values()
    assert set(names) <= {name for name, _ in network.named_parameters()}
    (buffer,) = network.on_step(1, 4)
    assert buffer in {name for name, _ in network.named_buffers()}
    assert network.get_submodule("conv") is inner.conv
    assert network.get_submodule("network.conv") is inner.conv


def test_what_a_network_does_not_offer_is_not_offered():
    network = Normalised(ByImage(), nn.Conv2d(1, 1, 3))

    assert not any(hasattr(network, name) for name in ("loss", "features", "draw", "on_step"))
    with pytest.raises(AttributeError):
        network.get_submodule("absent")


def test_each_channel_takes_its_own_mean_and_deviation():
    layer, mean, std = ByValues(3), torch.tensor([0.1, 0.2, 0.7]), torch.tensor([0.5, 2.0, 4.0])
    layer.take(mean, std)
    images = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    expected = (images - mean[:, None, None]) / std[:, None, None]
    torch.testing.assert_close(layer(images), expected)
    torch.testing.assert_close(layer.of_black(images)[0], -mean / std)


@pytest.mark.parametrize("std", [None, [0.25]])
def test_numbers_that_are_given_are_not_those_of_the_training_images(std):
    given = ByValues(1, [0.5], std)
    fit(Normalised(given, nn.Flatten()), lambda: pytest.fail("training images are not asked"))
    assert (given.mean.item(), given.std.item()) == (0.5, 1.0 if std is None else 0.25)


@pytest.mark.parametrize("kind", [ByImage, lambda: ByValues(2, [0.1, 0.2], [0.5, 2.0])])
def test_black_is_told_as_black_pixels_become(kind):
    layer, images = kind(), torch.rand(3, 2, 4, 5, dtype=torch.float64)
    images[..., 0, 0] = 0
    expected = layer(images)[..., 0, 0]
    torch.testing.assert_close(layer.of_black(images).expand(3, 2), expected, rtol=0, atol=1e-12)


def test_numbers_are_taken_over_where_both_networks_have_them():
    trained = Normalised(ByValues(1, [0.5], [0.25]), nn.Flatten())
    network = Normalised(ByValues(1), nn.Flatten())
    for one, other in ((nn.Flatten(), trained), (network, nn.Flatten()), (network, trained)):
        assert network.first.std.item() == 1
        take_over(one, other)
    assert (network.first.mean.item(), network.first.std.item()) == (0.5, 0.25)
