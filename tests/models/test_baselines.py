"""The plain network, and those with one log-polar map."""

import pytest
import torch

from isotrope import build_model

GREY = (1, 28, 28)


def weights(network):
    return sum(weight.numel() for weight in network.parameters())


def shapes_of(network, images, parts):
    found = {}
    for part in parts:
        network.get_submodule(part).register_forward_hook(
            lambda module, inputs, maps, part=part: found.update({part: tuple(maps.shape)})
        )
    network.eval()(images)
    return found


def test_cnn_has_about_as_many_weights_as_deep_log_polar_networks():
    assert weights(build_model("cnn", GREY, 10)) == 79_426


@torch.no_grad()
def test_the_stages_of_cnn_halve_images_of_any_size():
    network = build_model("cnn", GREY, 10)
    parts = ("stage1", "stage2", "stage3", "features")

    found = shapes_of(network, torch.zeros(2, 1, 30, 22), parts)

    assert found == {
        "stage1": (2, 24, 30, 22),
        "stage2": (2, 48, 15, 11),
        "stage3": (2, 96, 7, 5),
        "features": (2, 96),
    }


def test_cnn_is_what_its_settings_say():
    params = {"channels": [[4], [5, 6], [7]], "kernel_size": 5, "batch_norm": False}
    params |= {"pooling": "average", "global_pooling": "max", "dropout": 0.5}
    network = build_model("cnn", (3, 12, 12), 5, **params).eval()
    images = torch.rand(2, 3, 12, 12)

    shapes = [tuple(one.shape) for one in network.parameters() if one.ndim == 4]
    assert shapes == [(4, 3, 5, 5), (5, 4, 5, 5), (6, 5, 5, 5), (7, 6, 5, 5)]
    assert all(stage[1].bias is not None for stage in (network.stage2, network.stage3))
    first = network.stage1(images)
    expected = network.stage2[1:](torch.nn.functional.avg_pool2d(first, 2))
    torch.testing.assert_close(network.stage2(first), expected)
    last = network.stage3(network.stage2(first))
    torch.testing.assert_close(network(images), network.lin(last.amax(dim=(2, 3))))
    assert network.dropout.p == 0.5


def test_images_that_cannot_be_halved_twice_are_refused():
    with pytest.raises(ValueError, match="3 x 9 pixels are too small for two poolings"):
        build_model("cnn", (1, 3, 9), 10)


def noise(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_polar_cnn_has_the_weights_of_cnn():
    assert weights(build_model("polar_cnn", GREY, 10)) == 79_426


@pytest.mark.parametrize("rows", ["replicate", "zeros", "valid"])
@pytest.mark.parametrize("antialias", [0.0, 0.5])
@torch.no_grad()
def test_quarter_turns_change_no_answer_of_polar_cnn(rows, antialias):
    params = {"antialias": antialias, "rows": rows, "radii": 26}
    network = build_model("polar_cnn", GREY, 10, **params).double().eval()
    images = noise(2, *GREY)

    answers = [network(torch.rot90(images, turns, dims=(-2, -1))) for turns in range(4)]

    for found in answers[1:]:
        torch.testing.assert_close(found, answers[0], rtol=0, atol=1e-10)
    assert (answers[0][0] - answers[0][1]).abs().max() > 1e-4


@torch.no_grad()
def test_polar_cnn_maps_images_of_any_size_with_the_radii_of_the_training_images():
    network = build_model("polar_cnn", GREY, 10, radii=20, angles=32).double()
    parts = ("log_polar", "stage1", "stage2", "stage3", "features")
    small = noise(1, *GREY)

    found = shapes_of(network, noise(2, 1, 40, 50), parts)

    assert found == {
        "log_polar": (2, 1, 20, 32),
        "stage1": (2, 24, 20, 32),
        "stage2": (2, 48, 10, 16),
        "stage3": (2, 96, 5, 8),
        "features": (2, 96),
    }
    framed = torch.nn.functional.pad(small, (6, 6, 6, 6))
    torch.testing.assert_close(network(framed), network(small), rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("shape", "params", "message"),
    [
        ((1, 3, 9), {}, "images of 3 x 9 pixels would have radii from 1.0 to 1.0"),
        (GREY, {"r_min": 14.0}, "radii from 14.0 to 13.5 pixels; r_max must be larger than r_min"),
        (GREY, {"rows": "valid", "radii": 20}, "20 radii and 48 angles is too small for three"),
    ],
)
def test_a_map_that_polar_cnn_cannot_use_is_refused(shape, params, message):
    with pytest.raises(ValueError, match=message):
        build_model("polar_cnn", shape, 10, **params)
