"""RAM-LPM, https://arxiv.org/abs/2002.05388, against a loop over glimpses written out."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from isotrope import build_model
from isotrope.layers.looking import looks
from isotrope.params.modelling import settings_of

GREY = (1, 16, 16)
SMALL = {
    "configuration": "digits",
    "glimpses": 3,
    "radii": 6,
    "angles": 8,
    "what_channels": [3, 4],
    "what_kernels": [[3, 3], [3, 3]],
    "what_poolings": [[2, 2], [3, 4]],
    "where_channels": [3],
    "where_kernels": [[3, 3]],
    "where_poolings": [[3, 2]],
    "what_hidden": 5,
    "where_hidden": 6,
}


def built(seed=0, **params):
    torch.manual_seed(seed)
    network = build_model("ram_lpm", GREY, 4, **SMALL | params).double()
    for name, buffer in network.named_buffers():  # statistics that a training would leave
        if name.endswith(("running_mean", "running_var")):
            buffer.uniform_(0.5, 1.5)
    return network


def drawn(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def noise_of(network, count):
    return network.draw(torch.Generator().manual_seed(2), count).double()


def glimpse_at(images, fixations):
    """The glimpses of single images at their fixations."""
    radii = torch.linspace(math.log(0.05), 0, 6, dtype=torch.float64).exp()
    angles = torch.arange(8, dtype=torch.float64) * math.pi / 4
    offsets = radii[:, None, None] * torch.stack((angles.cos(), angles.sin()), dim=-1)
    seen = [
        F.grid_sample(image[None], (at + offsets)[None], align_corners=True)
        for image, at in zip(images, fixations, strict=True)
    ]
    return torch.cat(seen)


def convolved(maps, stack):
    """A stream of convolutions, each map padded by a loop over its columns."""
    convolutions = [one for one in stack if isinstance(one, nn.Conv2d)]
    norms = [one for one in stack if isinstance(one, nn.BatchNorm2d)]
    poolings = [one for one in stack if isinstance(one, nn.MaxPool2d)]
    for convolution, norm, pooling in zip(convolutions, norms, poolings, strict=True):
        angles = maps.shape[-1]
        columns = []
        for column in range(-2, angles):
            inner = maps[..., :1, (column + angles // 2) % angles]
            own = maps[..., column % angles]
            columns.append(torch.cat((inner, own, own[..., -1:]), dim=-1))
        padded = torch.stack(columns, dim=-1)
        maps = norm(pooling(F.conv2d(padded, convolution.weight, convolution.bias)).relu())
    return maps.flatten(1)


def walked(network, images, noise):
    """Logits, fixations, means and expected rewards, both streams glimpse by glimpse."""
    what, where = (nn.LSTMCell(*shape).double() for shape in ((4 + 2, 5), (3 * 2 * 4 + 2, 6)))
    what.load_state_dict(network.rnn_what.state_dict())
    where.load_state_dict(network.rnn_where.state_dict())
    fixation = mean = 0.25 * noise[:, :2]
    states = [None, None]
    found = {name: [] for name in ("logits", "fixations", "means", "baselines")}
    for glimpse in range(3):
        found["fixations"].append(fixation)
        found["means"].append(mean)
        seen = glimpse_at(images, fixation)
        given = torch.cat((convolved(seen, network.cnn_what), fixation), dim=1)
        states[0] = what(given, states[0])
        given = torch.cat((convolved(seen, network.cnn_where), fixation), dim=1)
        states[1] = where(given, states[1])
        hidden = network.bn_what(states[0][0])
        found["logits"].append(network.head(hidden))
        found["baselines"].append(network.baseline.fc(hidden)[:, 0].relu())
        mean = network.locator(network.bn_where(states[1][0])).clamp(-1, 1)
        if glimpse < 2:
            fixation = mean + network.std * noise[:, 2 * glimpse + 2 : 2 * glimpse + 4]
    return {name: torch.stack(values, dim=1) for name, values in found.items()}


@torch.no_grad()
def test_all_that_it_looks_at_is_that_of_a_loop_over_glimpses():
    network, images = built().eval(), drawn(3, *GREY)
    noise = noise_of(network, 3)

    looked = network.look(images, noise)

    expected = walked(network, images, noise)
    assert looks(network)
    assert expected["means"][:, 1:].abs().max() < 1
    for name, found in looked._asdict().items():
        torch.testing.assert_close(found, expected[name], rtol=0, atol=1e-12, msg=name)
    answer = network(images, noise)
    torch.testing.assert_close(answer, looked.logits[:, -1], rtol=0, atol=1e-12)


@torch.no_grad()
def test_in_training_batch_norms_take_the_statistics_of_each_glimpse_by_itself():
    """In the loop every norm runs once a glimpse; so must the running statistics."""
    network, other, images = built(), built(), drawn(5, *GREY)
    noise = noise_of(network, 5)
    head = other.head[0]  # runs once in training, at the last glimpse
    other.head = nn.Identity()

    logits = network(images, noise)

    hidden = walked(other, images, noise)["logits"]
    other.head = network.head
    expected = network.head[1](head(hidden[:, -1]))
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-12)
    for name, value in other.state_dict().items():
        if not name.startswith("head"):
            torch.testing.assert_close(
                network.state_dict()[name], value, rtol=0, atol=1e-12, msg=name
            )


@torch.no_grad()
def test_layer_norms_mix_neither_glimpses_nor_images():
    network, images = built(norm="layer").train(), drawn(3, *GREY)
    noise = noise_of(network, 3)

    together = network.look(images, noise)

    for number in range(3):
        alone = network.look(images[number][None], noise[number][None], glimpses=2)
        for one, other in zip(alone, together, strict=True):
            torch.testing.assert_close(one[0], other[number, :2], rtol=0, atol=1e-12)
    assert not any(isinstance(one, nn.modules.batchnorm._BatchNorm) for one in network.modules())


@torch.no_grad()
def test_turns_about_fixed_fixations_roll_what_the_streams_see_unless_the_padding_is_the_legacy():
    """Up to a roll by one column, a quarter turn; both streams pool whole quarters here."""
    settings = {"what_poolings": [[2, 1], [3, 8]], "where_poolings": [[3, 8]]}
    images, centre = drawn(2, 1, 17, 17), torch.zeros(2, 3, 2, dtype=torch.float64)
    for legacy in (False, True):
        network = built(legacy_pole_pad=legacy, **settings).eval()
        looked = network.look(images, fixations=centre)
        turned = network.look(images.rot90(1, dims=(-2, -1)), fixations=centre)
        error = float((looked.logits - turned.logits).abs().max())
        assert (error < 1e-12) is (not legacy)


def test_the_published_network_has_the_numbers_of_parameters_of_its_definition():
    network = build_model("ram_lpm", (1, 96, 96), 10, configuration="sim2mnist")
    counts = {
        name: sum(weight.numel() for weight in part.parameters())
        for name, part in network.named_children()
    }

    def convolutions(*channels):  # weights and biases of 3 x 3 kernels, and batch norms
        return sum(9 * before * after + 3 * after for before, after in pairwise(channels))

    def memory(inputs, hidden):
        return 4 * hidden * (inputs + hidden) + 2 * 4 * hidden

    expected = {
        "features": 0,
        "sensor": 0,
        "cnn_what": convolutions(1, 32, 32, 64, 64, 64, 64, 64),
        "rnn_what": memory(3 * 64 + 2, 128),
        "bn_what": 2 * 128,
        "head": (128 * 1024 + 1024) + 2 * 1024 + (1024 * 10 + 10),
        "baseline": 128 + 1,
        "cnn_where": convolutions(1, 32, 32, 32, 4),
        "rnn_where": memory(3 * 2 * 4 + 2, 128),
        "bn_where": 2 * 128,
        "locator": 2 * 128 + 2,
    }
    assert counts == expected
    published = ("cnn_what", "cnn_where", "rnn_what", "rnn_where")
    assert [counts[name] for name in published] == [176_544, 20_172, 165_888, 79_872]
    assert sum(counts.values()) == 587_769


def test_the_imagenet_configuration_has_the_sizes_of_its_definition():
    with torch.device("meta"):
        network = build_model("ram_lpm", (3, 512, 512), 1000, configuration="imagenet")
    assert network.glimpses == 10
    assert network.rnn_what.inputs == 2 * 2 * 512 + 2
    assert network.rnn_where.inputs == 18 * 12 * 4 + 2
    assert (network.rnn_what.hidden, network.rnn_where.hidden) == (512, 128)
    assert [type(one).__name__ for one in network.head] == ["BatchNorm1d", "Linear"]
    assert float(network.rings(512, 512)[-1]) == pytest.approx(255.5)


def test_groups_are_those_of_the_published_optimizer():
    network = built()
    groups = network.parameter_groups()
    streams = ("cnn_where.", "rnn_where.", "bn_where.", "locator.")
    assert {name for name, _ in network.named_parameters() if name.startswith(streams)} == set(
        groups["where"]
    )
    assert groups["baseline"] == ["baseline.fc.weight", "baseline.fc.bias"]


def test_single_keys_go_before_a_configuration():
    network = build_model("ram_lpm", (1, 96, 96), 10, glimpses=7, angles=48, linear_rows=3)
    assert network.glimpses == 7
    assert network.sensor.fovea.shape == (23, 48)
    assert network.rnn_what.inputs == (23 // 3 // 2) * (48 // 3 // 8) * 64 + 2


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"what_channels": [4]}, "what has 1 channels, 2 kernels and 2 poolings"),
        ({"where_poolings": [[9, 1]]}, "the poolings of where leave nothing of the glimpse"),
        ({"r_min": 2.0}, "need 0 < r_min < r_max, got r_min=2.0 and r_max=1.0"),
        ({"angles": 7}, "what meets a map of 7 angles"),
    ],
)
def test_what_cannot_be_built_is_refused(params, message):
    with pytest.raises(ValueError, match=message):
        built(**params)


def test_the_width_of_a_layer_that_is_not_there_is_refused():
    settings = settings_of("ram_lpm")
    assert settings(configuration="digits", head="hidden", head_hidden=12).head_hidden == 12
    with pytest.raises(ValueError, match="head_hidden: has no effect without head: hidden"):
        settings(configuration="digits", head_hidden=12)
