"""The networks of Altstidl et al., https://arxiv.org/abs/2211.10288, as they were published."""

import pytest
import torch
from torch.nn import functional as F

from isotrope import build_model
from isotrope.geometry import INTERPOLATIONS

POOLED = ["pixel_pool", "slice_pool", "energy_pool"]
FAMILY = ["standard", "ensemble", *POOLED, "spatial_transform"]
TASKS = [((1, 64, 64), 36), ((1, 64, 64), 10), ((3, 64, 64), 16), ((3, 64, 64), 9)]


def published(name, image_shape=(1, 64, 64), classes=36, **params):
    torch.manual_seed(1)
    return build_model(name, image_shape, classes, **params).eval()


def noise(count=4, channels=1, side=64):
    torch.manual_seed(7)
    return torch.rand(count, channels, side, side)


@pytest.mark.parametrize(
    ("name", "total", "first"),
    [
        ("standard", 1.495109, [0.101410, 0.136037, -0.240848]),
        ("ensemble", 1.059574, [0.057777, 0.145369, -0.232831]),
        ("pixel_pool", 2.358367, [0.054055, 0.156781, -0.157489]),
        ("slice_pool", 1.495109, [0.101410, 0.136037, -0.240848]),
        ("conv3d", 2.661768, [0.376303, 0.118977, -0.006428]),
    ],
)
@torch.no_grad()
def test_untrained_logits_are_the_published_ones(name, total, first):
    logits = published(name)(noise())

    torch.testing.assert_close(logits.sum(), torch.tensor(total), rtol=0, atol=1e-4)
    torch.testing.assert_close(logits[0, :3], torch.tensor(first), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("standard", [27_108, 26_250, 28_016, 27_785]),
        ("ensemble", [27_108, 26_250, 28_016, 27_785]),
        *((name, [27_108, 26_250, 28_016, 27_785]) for name in POOLED),
        ("conv3d", [177_636, 176_778, 178_544, 178_313]),
        ("spatial_transform", [95_242, 94_384, 96_438, 96_207]),
    ],
)
def test_the_number_of_weights_is_the_published_one(name, counts):
    with torch.device("meta"):
        networks = [published(name, *task) for task in TASKS]

    assert [sum(p.numel() for p in network.parameters()) for network in networks] == counts


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("task", TASKS)
def test_one_seed_gives_all_models_the_same_initial_weights(name, task):
    expected, found = list(published("standard", *task).parameters()), published(name, *task)

    weights = list(found.parameters())[: len(expected)]

    assert all(torch.equal(a, b) for a, b in zip(weights, expected, strict=True))


@torch.no_grad()
def test_an_untrained_transformer_answers_as_the_standard_network():
    images = noise()
    logits, expected = published("spatial_transform")(images), published("standard")(images)
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("k", "scales", "sides"),
    [
        (3, (31, 30), (62, 60)),
        (7, (29, 26), (58, 52)),
        (11, (27, 22), (54, 44)),
        (15, (25, 18), (50, 36)),
    ],
)
@pytest.mark.parametrize("name", POOLED)
def test_pooling_networks_use_the_published_number_of_scales(name, k, scales, sides):
    shapes = {}
    with torch.device("meta"):
        network = published(name, kernel_size=k)
        for name, module in network.named_modules():
            module.register_forward_hook(
                lambda module, images, maps, name=name: shapes.update({name: tuple(maps.shape)})
            )
        network(torch.zeros(2, 1, 64, 64))

    assert (network.conv1.num_scales, network.conv2.num_scales) == scales
    assert shapes["stage1"] == shapes["pool1"] == (2, 16, sides[0], sides[0])
    assert shapes["stage2"] == shapes["pool2"] == (2, 32, sides[1], sides[1])
    assert shapes["features"] == (2, 32)


def pooled_over_scales(images, weights, bias, interpolation):
    """A scaled convolution and its pixel pool, with the kernels that torch interpolates."""
    k = weights.shape[-1]
    maps = []
    for frame in range((images.shape[-1] - k) // 2 + 1):
        size = k + 2 * frame
        kernel = F.interpolate(weights, size=(size, size), mode=interpolation) * k**2 / size**2
        maps.append(F.pad(F.conv2d(images, kernel, bias), (frame,) * 4))
    return torch.stack(maps).amax(dim=0)


@pytest.mark.parametrize("interpolation", [mode for mode in INTERPOLATIONS if mode != "area"])
@torch.no_grad()
def test_pixel_pool_is_its_definition(interpolation):
    images = noise(channels=3, side=24).double()
    network = published("pixel_pool", (3, 24, 24), 9, interpolation=interpolation).double()

    first = pooled_over_scales(images, *network.conv1.parameters(), interpolation).relu()
    second = pooled_over_scales(first, *network.conv2.parameters(), interpolation).relu()
    expected = network.lin(second.amax(dim=(2, 3)))

    torch.testing.assert_close(network(images), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("name", "params"),
    [
        *((name, {}) for name in POOLED),
        *((name, {"frame": "excluded"}) for name in POOLED),
        ("pixel_pool", {"sizes": "logarithmic"}),
        ("energy_pool", {"statistic": "valid_mean", "sizes": "logarithmic"}),
        ("energy_pool", {"statistic": "valid_mean_square", "interpolation": "area"}),
    ],
)
def test_pooling_networks_are_their_layers_one_after_the_other(name, params, training):
    images = noise(channels=3, side=28).double()
    network = published(name, (3, 28, 28), 9, **params).double()

    first = network.stage1(network.pool1(network.conv1(images)))
    second = network.stage2(network.pool2(network.conv2(first)))
    expected = network.lin(network.features(second))
    indices = network.pool1.indices, network.pool2.indices

    logits = network.train(training)(images)
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-12)
    assert torch.equal(network.pool1.indices, indices[0])
    assert torch.equal(network.pool2.indices, indices[1])
    weights = list(network.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(logits.square().sum(), weights),
        torch.autograd.grad(expected.square().sum(), weights),
        rtol=0,
        atol=1e-10,  # weights of one have gradients of some tens
    )


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("params", [{}, {"kernel_size": 3, "sizes": "logarithmic"}])
def test_conv3d_is_its_layers_one_after_the_other(params, training):
    images = noise(channels=3, side=22).double()
    network = published("conv3d", (3, 22, 22), 9, **params).double()

    expected = network.lin(
        network.stage2(network.conv2(network.stage1(network.conv1(images)))).amax(dim=(2, 3, 4))
    )

    logits = network.train(training)(images)
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-12)
    if training:
        weights = list(network.parameters())
        torch.testing.assert_close(
            torch.autograd.grad(logits.square().sum(), weights),
            torch.autograd.grad(expected.square().sum(), weights),
            rtol=0,
            atol=1e-10,  # weights of one have gradients of some tens
        )


def test_logarithmic_sizes_are_three_an_octave():
    network = published("pixel_pool", sizes="logarithmic")

    assert network.conv1.sizes == [7, 9, 11, 15, 17, 23, 29, 35, 45, 57]
    assert network.conv2.sizes == [7, 9, 11, 15, 17, 23, 29, 35, 45, 57]


@torch.no_grad()
def test_ensemble_is_the_mean_of_one_column_at_three_sizes():
    network, seen = published("ensemble"), []
    network.conv1.register_forward_hook(lambda module, images, maps: seen.append(images[0]))

    logits = network(noise())

    assert [level.shape[-1] for level in seen] == [64, 32, 16]
    maps = [network.conv2(network.conv1(level).relu()).relu() for level in list(seen)]
    columns = [network.lin(one.amax(dim=(2, 3))) for one in maps]
    torch.testing.assert_close(logits, sum(columns) / 3, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", [*FAMILY, "conv3d"])
def test_oblong_images_of_other_sizes_fit(name):
    assert published(name, (2, 21, 30), 5)(torch.rand(3, 2, 21, 30)).shape == (3, 5)


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("standard", 13),
        *((name, 13) for name in POOLED),
        ("conv3d", 19),
        ("spatial_transform", 13),
        ("ensemble", 6),
    ],
)
def test_the_least_image_fits_and_one_pixel_less_is_refused(name, side):
    assert published(name, (1, side, side), 2)(noise(side=side)).shape == (4, 2)
    with pytest.raises(ValueError, match=f"images of {side - 1} x {side} pixels are too small for"):
        published(name, (1, side - 1, side), 2)
