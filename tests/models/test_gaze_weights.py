"""Weights by the names of the code published with https://arxiv.org/abs/2002.05388."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from isotrope import build_model
from isotrope.errors import UserError
from isotrope.registry import load
from isotrope.training.initial_weights import take_over

SMALL = {
    "configuration": "digits",
    "glimpses": 2,
    "radii": 6,
    "angles": 8,
    "what_channels": [3, 4],
    "what_kernels": [[3, 3], [3, 3]],
    "what_poolings": [[1, 1], [3, 4]],
    "where_channels": [3],
    "where_kernels": [[3, 3]],
    "where_poolings": [[3, 2]],
    "what_hidden": 5,
    "where_hidden": 6,
    "head_hidden": 7,
    "legacy_pole_pad": True,
    "head": "hidden",
}
STREAMS = {"what": ((3, 4), ((1, 1), (3, 4))), "where": ((3,), ((3, 2),))}


class Stack(nn.Module):
    """A stream with the names that the published code gives to its layers."""

    def __init__(self, channels, poolings):
        super().__init__()
        layers, before = [], 1
        for width, pooling in zip(channels, poolings, strict=True):
            layers += [nn.Identity()] * 3  # angles, the largest radius, the pole: see below
            layers += [nn.Conv2d(before, width, 3), nn.Identity()]
            layers += [] if pooling == (1, 1) else [nn.MaxPool2d(pooling)]
            layers += [nn.ReLU(), nn.BatchNorm2d(width)]
            before = width
        self.net = nn.Sequential(*layers)

    def forward(self, maps):
        for layer in self.net:
            if isinstance(layer, nn.Conv2d):
                maps = torch.cat((maps[..., -2:], maps), dim=-1)
                maps = torch.cat((maps, maps[..., -1:, :]), dim=-2)
                half = maps.shape[-1] // 2
                pole = torch.cat((maps[..., :1, half:], maps[..., :1, :half]), dim=-1)
                maps = torch.cat((pole, maps), dim=-2)
            maps = layer(maps)
        return maps.flatten(1)


class Linear(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.fc = nn.Linear(inputs, outputs)


class Published(nn.Module):
    """The network by the published names, that of one draw without noise."""

    def __init__(self):
        super().__init__()
        radii = torch.linspace(math.log(0.05), 0, 6).exp()
        angles = torch.arange(8) * math.pi / 4
        grid = radii[:, None, None] * torch.stack((angles.cos(), angles.sin()), dim=-1)
        self.retina = nn.Module()
        self.retina.register_buffer("grid_2d", grid)
        for name, (channels, poolings) in STREAMS.items():
            setattr(self, f"cnn_{name}", Stack(channels, poolings))
        self.rnn_what, self.rnn_where = nn.LSTMCell(2 * 2 * 4 + 2, 5), nn.LSTMCell(2 * 4 * 3 + 2, 6)
        self.bn_what, self.bn_where = nn.BatchNorm1d(5), nn.BatchNorm1d(6)
        self.fc_before_classifier, self.bn_before_classifier = nn.Linear(5, 7), nn.BatchNorm1d(7)
        self.classifier, self.baseliner, self.locator = Linear(7, 4), Linear(5, 1), Linear(6, 2)
        for name, buffer in self.named_buffers():  # statistics that a training would leave
            if name.endswith(("running_mean", "running_var")):
                buffer.uniform_(0.5, 1.5)

    def forward(self, images):
        at = images.new_zeros(len(images), 2)
        what = where = None
        for _ in range(2):
            grid = at[:, None, None] + self.retina.grid_2d
            seen = F.grid_sample(images, grid, align_corners=True)
            what = self.rnn_what(torch.cat((self.cnn_what(seen), at), dim=1), what)
            where = self.rnn_where(torch.cat((self.cnn_where(seen), at), dim=1), where)
            at = self.locator.fc(self.bn_where(where[0])).clamp(-1, 1)
        hidden = self.fc_before_classifier(self.bn_what(what[0])).relu()
        return self.classifier.fc(self.bn_before_classifier(hidden))


def published(seed=3):
    torch.manual_seed(seed)
    return Published().eval()


def built(**params):
    torch.manual_seed(0)
    return build_model("ram_lpm", (1, 16, 16), 4, **SMALL | params).eval()


@torch.no_grad()
@pytest.mark.parametrize("prefix", ["", "module."])
def test_published_weights_give_the_published_answers(prefix):
    theirs, network, images = published(), built(), torch.rand(3, 1, 16, 16)
    weights = {f"{prefix}{name}": value for name, value in theirs.state_dict().items()}

    take_over(network, weights, "theirs.pt")

    torch.testing.assert_close(network(images), theirs(images), rtol=0, atol=1e-5)
    for name, value in theirs.baseliner.fc.state_dict().items():
        assert torch.equal(network.baseline.fc.state_dict()[name], value)


@torch.no_grad()
def test_the_layer_that_the_imagenet_network_does_not_use_is_left_out():
    theirs, network = published(), built(head="direct", head_hidden=1024)
    theirs.bn_before_classifier, theirs.classifier = nn.BatchNorm1d(5), Linear(5, 4)
    take_over(network, theirs.state_dict(), "theirs.pt")
    assert torch.equal(network.head[1].weight, theirs.classifier.fc.weight)


def test_own_weights_are_taken_whole():
    network, other = built(), built()
    other.locator.bias.data += 1
    take_over(network, other.state_dict(), "ours.pt")
    assert torch.equal(network.locator.bias, other.locator.bias)
    weights = other.state_dict()
    del weights["locator.bias"]
    with pytest.raises(UserError, match=r"lack locator.bias; they are of other settings"):
        take_over(network, weights, "ours.pt")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"r_max": 0.9}, r"other radii: 6 from 0.05 to 1; the model's are 6 from 0.05 to 0.9"),
        ({"legacy_pole_pad": False}, "were trained with legacy_pole_pad: true; set that"),
        ({"what_hidden": 8}, "does not fit the model"),
        ({"norm": "layer"}, "has unknown"),
    ],
)
def test_weights_of_other_settings_are_refused(params, message):
    with pytest.raises(UserError, match=message):
        take_over(built(**params), published().state_dict(), "theirs.pt")


@pytest.mark.parametrize("model", ["ram", "ram_lpm"])
def test_a_network_that_begins_with_others_keeps_the_deviation_that_was_asked_for(model):
    def network(**params):
        settings = load("models", model).EXAMPLE | {"policy": "stochastic"} | params
        return build_model(model, (1, 16, 16), 4, **settings)

    other, own = network(std=0.3), network(std=0.05)
    take_over(own, other.state_dict(), "other.pt")
    assert float(own.std) == pytest.approx(0.05)
    for name, weight in own.named_parameters():
        assert torch.equal(weight, other.get_parameter(name)), name
    falling = network(std=0.05, std_half_life=3)
    take_over(falling, other.state_dict(), "other.pt")
    assert float(falling.std) == pytest.approx(0.3), "that of the weights, which may have fallen"
