"""Networks behind a log-polar map."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from isotrope import build_model
from isotrope.layers import log_polar
from isotrope.layers.preceded import Preceded

GREY = (1, 28, 28)


def noise(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@torch.no_grad()
def test_the_network_sees_the_map_and_its_first_columns_again():
    torch.manual_seed(0)
    network = build_model("log_polar_input", GREY, 10, radii=20, angles=32, wrap=5).double()
    torch.manual_seed(0)
    inside = build_model("standard", (1, 20, 37), 10).double()
    images = noise(3, *GREY)

    maps = log_polar(images, radii=20, angles=32)

    expected = inside(torch.cat((maps, maps[..., :5]), dim=-1))
    torch.testing.assert_close(network(images), expected)


@pytest.mark.parametrize("turns", [1, 2, 3])
@torch.no_grad()
def test_behind_the_map_standard_does_not_see_quarter_turns(turns):
    network = build_model("log_polar_input", GREY, 10).double().eval()
    without = build_model("log_polar_input", GREY, 10, wrap=0).double().eval()
    images = noise(2, *GREY)
    turned = torch.rot90(images, turns, dims=(-2, -1))

    torch.testing.assert_close(network(turned), network(images), rtol=0, atol=1e-10)
    assert (without(turned) - without(images)).abs().max() > 1e-6


def test_any_network_may_stand_behind_the_map():
    network = build_model(
        "log_polar_input", (3, 40, 30), 4, network={"name": "cnn", "channels": [[4], [5], [6]]}
    ).eval()
    assert network(torch.rand(2, 3, 40, 30)).shape == (2, 4)
    assert network(torch.rand(2, 3, 50, 60)).shape == (2, 4)
    assert network.get_submodule("features")(torch.rand(2, 6, 3, 3)).shape == (2, 6)


@torch.no_grad()
def test_the_whole_map_may_be_repeated():
    network = build_model("log_polar_input", GREY, 10, wrap=48)
    maps = network.log_polar(torch.rand(1, *GREY))
    assert torch.equal(maps[..., :48], maps[..., 48:])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"wrap": 49}, "wrap must be 48, the number of angles, at most: 49"),
        ({"radii": 8}, "the map of 8 radii and 60 columns: images of 8 x 60 pixels are too small"),
        ({"r_max": 1.0}, "radii from 1.0 to 1.0 pixels"),
        ({"network": {"name": "cnn", "normalise": "image"}}, "normalise"),
        ({"network": {"name": "nobody"}}, "no model is called 'nobody'"),
    ],
)
def test_what_does_not_fit_is_refused(params, message):
    with pytest.raises(ValueError, match=message):
        build_model("log_polar_input", GREY, 10, **params)


class Everything(nn.Module):
    """All that a network may offer."""

    def __init__(self):
        super().__init__()
        self.part = nn.Linear(4, 3)
        self.register_buffer("heat", torch.zeros(()))

    def forward(self, images, noise):
        return self.part(images.flatten(1)) + noise

    def features(self, images):
        return images.flatten(1)

    def loss(self, images, labels, noise):
        return F.cross_entropy(self(images, noise), labels), self(images, noise)

    def draw(self, generator, count):
        return torch.rand(count, 3, generator=generator)

    def parameter_groups(self):
        return {"some": ["part.weight"]}

    def on_step(self, step, steps):
        return {"heat": step / steps}


class Double(nn.Module):
    def forward(self, images):
        return 2 * images


def test_a_network_behind_something_offers_all_that_it_offered():
    inside = Everything()
    network = Preceded("twice", Double(), inside)
    images, labels = torch.rand(5, 1, 2, 2), torch.arange(5) % 3
    drawn = network.draw(torch.Generator().manual_seed(0), 5)

    assert torch.equal(network(images, drawn), inside(2 * images, drawn))
    assert torch.equal(network.features(images), (2 * images).flatten(1))
    assert torch.equal(
        network.loss(images, labels, drawn)[0], inside.loss(2 * images, labels, drawn)[0]
    )
    assert network.parameter_groups() == {"some": ["network.part.weight"]}
    assert network.on_step(1, 4) == {"network.heat": 0.25}
    assert network.get_submodule("part") is inside.part
    assert network.get_submodule("twice") is network.first
    assert not hasattr(network, "record")
    assert list(network.state_dict()) == [
        "network.heat",
        "network.part.weight",
        "network.part.bias",
    ]
