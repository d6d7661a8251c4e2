"""The networks of other authors in the form that Altstidl et al. gave them, arXiv 2211.10288."""

import pytest
import torch
from torch.nn import functional as F

from isotrope import build_model
from isotrope.models import disco, hermite, xu, xu_fixed

TASKS = [((1, 64, 64), 36), ((1, 64, 64), 10), ((3, 64, 64), 16), ((3, 64, 64), 9)]
PLAIN = [27_108, 26_250, 28_016, 27_785]
NAMES = ["xu", "xu_fixed", "kanazawa", "hermite", "disco"]


def published(name, image_shape=(1, 64, 64), classes=36, **params):
    torch.manual_seed(1)
    return build_model(name, image_shape, classes, **params).eval()


def noise(count=4, channels=1, side=64):
    torch.manual_seed(7)
    return torch.rand(count, channels, side, side)


@torch.no_grad()
def test_untrained_hermite_answers_as_published():
    logits = published("hermite")(noise())

    torch.testing.assert_close(logits.sum(), torch.tensor(3.373904), rtol=0, atol=1e-4)
    first = torch.tensor([0.237805, 0.041100, 0.371493])
    torch.testing.assert_close(logits[0, :3], first, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_number_of_weights_is_the_published_one(name):
    with torch.device("meta"):
        networks = [published(name, *task) for task in TASKS]

    missing = 48 if name.startswith("xu") else 0  # biases
    counts = [sum(p.numel() for p in network.parameters()) for network in networks]
    assert counts == [count - missing for count in PLAIN]


@pytest.mark.parametrize("task", TASKS)
def test_kanazawa_begins_with_the_weights_of_standard(task):
    expected, found = (published(name, *task).parameters() for name in ("standard", "kanazawa"))
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


def test_xu_draws_no_biases_before_the_linear_layer():
    torch.manual_seed(1)
    layers = [
        torch.nn.Conv2d(1, 16, 7, bias=False),
        torch.nn.Conv2d(16, 32, 7, bias=False),
        torch.nn.Linear(32, 36),
    ]
    expected = [weight for layer in layers for weight in layer.parameters()]

    for name in ("xu", "xu_fixed"):
        found = list(published(name).parameters())
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def canvas_kernels(weight, k):
    """What the published layer does with a kernel, by torch's own resizing: column, out, in."""
    rim = (11 - k) // 2
    canvas, kernels = F.pad(weight, [rim] * 4), []
    for size in (3, 5, 7, 9, 11):
        if size == k:
            resized = canvas
        elif size < k:
            resized = F.interpolate(canvas, (size, size), mode="bilinear", align_corners=True)
        else:
            resized = F.interpolate(canvas, (size, size), mode="nearest")
        frame = (11 - resized.shape[-1]) // 2
        resized = F.pad(resized, [frame] * 4)
        norms = [one.abs().sum(dim=(2, 3), keepdim=True) for one in (canvas, resized)]
        kernels.append(resized * norms[0] / norms[1])
    return torch.stack(kernels)


def xu_as_published(network, images, k):
    """All five columns as groups of one convolution, biases nowhere, maxima last."""
    for layer, groups in ((network.conv1, 1), (network.conv2, 5)):
        kernels = canvas_kernels(layer.weight, k).flatten(0, 1)
        images = F.conv2d(images, kernels, padding=5, groups=groups).relu()
    return network.lin(images.unflatten(1, (5, 32)).amax(dim=(1, 3, 4)))


def kanazawa_as_published(network, images, _):
    def rescaled(maps, factor):
        if factor == 1:
            return maps
        resized = F.interpolate(maps, scale_factor=factor, mode="bilinear", align_corners=True)
        side, other = maps.shape[-1], resized.shape[-1]
        before = (side - other) // 2
        return F.pad(resized, [before, side - other - before] * 2)

    for layer in (network.conv1, network.conv2):
        responses = [
            rescaled(F.conv2d(rescaled(images, f), layer.weight, layer.bias), 1 / f)
            for f in [1.26**e for e in range(-2, 4)]
        ]
        images = torch.stack(responses).amax(dim=0).relu()
    return network.lin(images.amax(dim=(2, 3)))


def steerable_as_published(network, images, _):
    first = network.conv1
    kernels = first.kernels().transpose(1, 2).flatten(0, 1)
    maps = F.conv2d(images, kernels).unflatten(1, (16, 4)) + first.bias[:, None, None, None]
    stack, second = maps.relu().transpose(1, 2).flatten(1, 2), network.conv2
    kernels = second.kernels().permute(2, 0, 1, 3, 4).flatten(0, 1)
    maps = F.conv2d(stack, kernels, groups=4).unflatten(1, (4, 32)).transpose(1, 2)
    maps = (maps + second.bias[:, None, None, None]).relu()
    return network.lin(maps.amax(dim=(2, 3, 4)))


@pytest.mark.parametrize(
    ("name", "form", "k", "side"),
    [
        *(("xu", xu_as_published, k, 24) for k in (3, 5, 7, 9, 11)),
        *(("kanazawa", kanazawa_as_published, k, 40) for k in (3, 7, 11, 15)),
        *((name, steerable_as_published, 7, 32) for name in ("hermite", "disco")),
    ],
)
def test_answers_and_gradients_are_those_of_the_published_form(name, form, k, side):
    images = noise(channels=2, side=side).double()
    network = published(name, (2, side, side), 5, kernel_size=k).double()
    labels = torch.arange(4)
    expected = form(network, images, k)
    gradients = torch.autograd.grad(F.cross_entropy(expected, labels), network.parameters())

    for mode in (True, False):
        logits = network.train(mode)(images)
        torch.testing.assert_close(logits, expected, rtol=0, atol=1e-11)
        found = torch.autograd.grad(F.cross_entropy(logits, labels), network.parameters())
        torch.testing.assert_close(found, gradients, rtol=1e-9, atol=1e-11)


def column(name, size, **params):
    """The kernels of one column, normalised, for the weights of the first layer."""
    network = published(name, **params)
    module = {"xu": xu, "xu_fixed": xu_fixed}[name]
    options = () if name == "xu" else ("bilinear",)
    numerators, denominator = module.column_ratios(7, size, *options)
    matrix, weight = numerators / denominator, network.conv1.weight.detach()
    kernel = matrix @ weight @ matrix.T
    return weight, kernel * weight.abs().sum((2, 3), True) / kernel.abs().sum((2, 3), True)


def test_xu_enlarges_no_kernel():
    weight, eleven = column("xu", 11)
    _, seven = column("xu", 7)
    assert torch.equal(eleven, seven)
    torch.testing.assert_close(seven, F.pad(weight, [2] * 4), rtol=1e-6, atol=0)

    _, nine = column("xu", 9)
    kept = [0, 1, 2, 4, 5, 6]  # all but the central row and column
    shrunk = weight[:, :, kept][..., kept]
    norms = weight.abs().sum((2, 3), True) / shrunk.abs().sum((2, 3), True)
    # rows 3 to 8 of 11: their middle is 5.5, the canvas has its at 5
    torch.testing.assert_close(nine[..., 3:9, 3:9], shrunk * norms, rtol=1e-5, atol=0)
    assert nine.count_nonzero() == 36 * 16

    _, five = column("xu", 5)
    assert (five[0, 0] != 0).nonzero().unique().tolist() == [4, 5, 6]

    _, three = column("xu", 3)
    assert three.count_nonzero() == 16
    centre = weight.abs().sum((2, 3)) * weight[..., 3, 3].sign()
    torch.testing.assert_close(three[..., 5, 5], centre, rtol=1e-5, atol=0)


def test_xu_computes_equal_columns_once():
    assert published("xu").conv1.kernels().shape == (16, 1, 4, 11, 11)
    assert published("xu_fixed").conv1.kernels().shape == (16, 1, 5, 11, 11)


def test_xu_fixed_has_a_centred_kernel_of_every_size():
    weight, _ = column("xu_fixed", 7)
    for size in (3, 5, 7, 9, 11):
        _, found = column("xu_fixed", size)
        resized = F.interpolate(weight, (size, size), mode="bilinear", align_corners=False)
        frame = (11 - size) // 2
        expected = F.pad(resized, [frame] * 4)
        expected *= weight.abs().sum((2, 3), True) / expected.abs().sum((2, 3), True)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
        numerators, _ = xu_fixed.column_ratios(7, size, "bilinear")
        assert torch.equal(numerators, numerators.flip(0, 1))


@pytest.mark.parametrize("name", ["kanazawa", "hermite", "disco"])
@torch.no_grad()
def test_the_stages_have_the_published_shapes(name):
    network, shapes = published(name), {}
    for part in ("stage1", "stage2", "features"):
        network.get_submodule(part).register_forward_hook(
            lambda module, inputs, maps, part=part: shapes.update({part: tuple(maps.shape)})
        )

    network(noise(1))

    scales = () if name == "kanazawa" else (4,)
    sides = ((58, 58), (52, 52)) if name == "kanazawa" else ((50, 50), (36, 36))
    assert shapes["stage1"] == (1, 16, *scales, *sides[0])
    assert shapes["stage2"] == (1, 32, *scales, *sides[1])
    assert shapes["features"] == (1, 32)


@pytest.mark.parametrize("name", ["hermite", "disco"])
@pytest.mark.parametrize("k", [3, 5])
def test_fewer_functions_have_fewer_weights(name, k):
    network = published(name, kernel_size=k)

    assert network.conv2.weight.shape == (32, 16, k**2)
    assert network(noise(1)).isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_oblong_images_of_other_sizes_fit(name):
    assert published(name, (2, 31, 40), 5)(torch.rand(3, 2, 31, 40)).shape == (3, 5)


@pytest.mark.parametrize(("name", "side"), [("kanazawa", 15), ("hermite", 29), ("disco", 29)])
def test_the_least_image_fits_and_one_pixel_less_is_refused(name, side):
    assert published(name, (1, side, side), 2)(noise(side=side)).shape == (4, 2)
    with pytest.raises(ValueError, match=f"images of {side - 1} x {side} pixels are too small for"):
        published(name, (1, side - 1, side), 2)


def test_hermite_and_disco_have_the_published_scales():
    assert hermite.SCALES == (2.0, 2.52, 3.17, 4.0)
    assert disco.SCALES == (1.0, 1.26, 1.59, 2.0)
