"""Networks on wavelet scattering and what stands beside them, against the published structure."""

import itertools

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from isotrope import build_model
from isotrope.datasets.images import Images
from isotrope.errors import UserError
from isotrope.models._wide_blocks import QuarterPool
from isotrope.params.training import Training
from isotrope.training.initial_weights import take_over
from isotrope.training.loop import HeldOut, LockstepTraining
from isotrope.training.seeding import seed_everything

WAYS = ("fixed", "canonical", "equivariant", "pixelwise")
SMALL = {"J": 2, "L": 3}  # on (2, 8, 8): 1 + 6 + 9 paths of 2 x 2
DATA = {"cifar": ((3, 32, 32), 10), "kth": ((3, 128, 128), 11), "x_ray": ((3, 224, 224), 2)}


def on_meta(name, data, **settings):
    """A network without memory, and how many numbers it learns."""
    with torch.device("meta"):
        network = build_model(name, *DATA[data], **settings)
    return network, sum(one.numel() for one in network.parameters())


def built(name="scattering_linear", seed=1, shape=(2, 8, 8), **settings):
    seed_everything(seed)
    return build_model(name, shape, 3, **({} if name.startswith("wide") else SMALL), **settings)


def paths(scales, angles=8, order=2):
    """How many paths there are, one by one."""
    wavelets = list(itertools.product(range(scales), range(angles)))
    pairs = [(one, two) for one in wavelets for two in wavelets if one[0] < two[0]]
    return 1 + len(wavelets) + (len(pairs) if order == 2 else 0)


@pytest.mark.parametrize(
    ("name", "data", "settings", "published"),
    [
        ("scattering_linear", "cifar", {"parameterization": "fixed"}, 156_016),
        ("scattering_linear", "cifar", {}, 156_016 + 64),
        ("scattering_linear", "cifar", {"parameterization": "equivariant"}, 156_016 + 8),
        ("scattering_linear", "cifar", {"parameterization": "pixelwise"}, 156_016 + 25_600),
        ("scattering_linear", "x_ray", {"J": 4, "parameterization": "fixed"}, 492_896),
        ("scattering_linear", "x_ray", {"J": 3, "parameterization": "fixed"}, 1_022_072),
        ("scattering_cnn", "cifar", {"parameterization": "fixed"}, 22_597_232),
        ("wide_cnn", "cifar", {}, 22_320_272),
        ("wide_cnn", "kth", {}, 22_322_321),
        ("wide_cnn", "x_ray", {}, 22_303_880),
        ("wide_resnet", "cifar", {}, 10_961_370),
        ("resnet50", "cifar", {}, 23_528_522),
        ("resnet50", "kth", {}, 23_508_032 + 2049 * 11),
    ],
)
def test_numbers_of_parameters_are_the_published_ones(name, data, settings, published):
    assert on_meta(name, data, **settings)[1] == published


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize(("scales", "order", "average"), [(1, 2, "local"), (3, 1, "global")])
def test_other_numbers_of_parameters_follow_from_paths_and_positions(data, scales, order, average):
    settings = {"J": scales, "max_order": order, "average": average}
    (_, side, _), classes = DATA[data]
    channels = 3 * paths(scales, order=order)
    positions = (side // 2**scales) ** 2 if average == "local" else 1
    learned = 4 * scales * 8

    network, count = on_meta("scattering_linear", data, **settings)
    hybrid, of_hybrid = on_meta("scattering_cnn", data, **settings)

    assert count == learned + 2 * channels + (channels * positions + 1) * classes
    _, of_cnn = on_meta("wide_cnn", data)
    assert of_hybrid == learned + of_cnn + (channels - 3) * (2 + 9 * 128)
    assert len(network.wavelets().paths) == len(hybrid.wavelets().paths) == channels // 3


def test_logits_are_a_linear_layer_on_normalised_coefficients_colour_by_colour():
    network = built(eps=1e-3).double().eval()
    images = torch.rand(5, 2, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        for value in (network.norm.running_mean, network.norm.running_var, network.norm.weight):
            value.uniform_(0.5, 1.5)

        rows = []
        for image in images:
            found = torch.cat([network.wavelets()(colour) for colour in image])  # (32, 2, 2)
            deviations = (network.norm.running_var + 1e-3).sqrt()
            found = (found - network.norm.running_mean[:, None, None]) / deviations[:, None, None]
            found = found * network.norm.weight[:, None, None] + network.norm.bias[:, None, None]
            rows.append(network.lin.weight @ found.flatten() + network.lin.bias)

        torch.testing.assert_close(network(images), torch.stack(rows), rtol=0, atol=1e-12)


def test_logarithms_are_taken_of_averaged_moduli_and_not_of_the_averaged_image():
    network = built(log=0.01, seed=5).double().eval()
    with torch.no_grad():  # coefficients are read off
        network.norm.running_var.fill_(1 - network.norm.eps)
    images = torch.randn(2, 2, 8, 8, dtype=torch.float64)
    plain = network.wavelets()(images)
    seen = []
    network.features.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    network(images)

    (found,) = seen
    found = found.unflatten(1, (2, 16))
    torch.testing.assert_close(found[:, :, 0], plain[:, :, 0], rtol=0, atol=1e-12)
    expected = np.log(plain[:, :, 1:].detach().numpy() + 0.01)
    torch.testing.assert_close(found[:, :, 1:], torch.from_numpy(expected), rtol=0, atol=1e-12)
    assert (plain[:, :, 0] < 0).any(), "which has no logarithm"


def test_a_black_image_has_logarithms_and_gradients():
    network = built(log=1e-3)
    logits = network(torch.zeros(2, 2, 8, 8))
    logits.sum().backward()
    assert logits.isfinite().all()
    assert all(one.grad.isfinite().all() for one in network.parameters())


@pytest.mark.parametrize("name", ["scattering_linear", "scattering_cnn"])
@pytest.mark.parametrize("settings", [{"parameterization": way} for way in WAYS], ids=str)
def test_arms_of_a_seed_share_all_weights_but_those_of_the_wavelets(name, settings):
    wide = {"width": 1, "blocks": 1} if name == "scattering_cnn" else {}
    first = built(name, **wide).state_dict()
    drawn = built(name, init="random", **settings, **wide).state_dict()
    other = built(name, seed=2, init="random", **settings, **wide).state_dict()

    def own(state):
        return {key: value for key, value in state.items() if not key.startswith("scattering.")}

    assert own(first).keys() == own(drawn).keys()
    assert all(torch.equal(value, drawn[key]) for key, value in own(first).items())
    assert not torch.equal(drawn["lin.weight"], other["lin.weight"])
    wavelets = [key for key in drawn if key.startswith("scattering.")]
    assert wavelets
    assert all(not torch.equal(drawn[key], other[key]) for key in wavelets)


def test_random_wavelets_that_are_fixed_and_those_that_are_learnt_begin_alike():
    fixed, learned = (built(init="random", parameterization=way) for way in WAYS[:2])

    for name, value in fixed.record().items():
        assert value.shape == (2, 3)
        assert torch.equal(value, learned.record()[name])


def test_random_wavelets_are_the_first_draws_of_numpys_generator_of_the_seed():
    """In the published order: angles, slants, frequencies, widths."""
    found = built(seed=5, init="random").record()

    np.random.seed(5)
    expected = {
        "theta": np.random.uniform(0, 2 * np.pi, 6),
        "slant": np.random.uniform(0.5, 1.5, 6),
        "xi": np.random.uniform(0.5, 1, 6),
        "sigma": np.log(np.random.uniform(np.exp(1), np.exp(5), 6)),
    }
    for name, value in expected.items():
        assert found[name].flatten().tolist() == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("log", [None, 0.01])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seeds", [[1], [1, 2]])
def test_every_parameterization_trains_with_rates_of_its_own(way, seeds, log):
    """Alone and in a stack; fixed wavelets stay, all others move, and the loss falls."""
    generator = torch.Generator().manual_seed(3)
    labels = torch.arange(12) % 3
    pixels = torch.randint(0, 256, (12, 2, 8, 8), generator=generator)
    images = Images((pixels * (labels + 1)[:, None, None, None] // 3).to(torch.uint8), labels)
    groups = {"scattering": {"peak": 0.02, "weight_decay": 0.0}}
    optimizer = {"name": "sgd", "learning_rate": 0.02, "weight_decay": 5e-4, "groups": groups}
    optimizer |= {"momentum": 0.9, "schedule": {"name": "one_cycle"}}
    settings = {"epochs": 6, "batch_size": 12, "order": "own", "optimizer": optimizer}
    networks = [built(seed=seed, parameterization=way, log=log) for seed in seeds]
    before = {
        s: {k: v.clone() for k, v in one.state_dict().items()}
        for s, one in zip(seeds, networks, strict=True)
    }
    ended = []

    LockstepTraining(
        networks,
        seeds,
        Training.model_validate({**settings, "monitor": {"every": 6}}),
        images,
        HeldOut(None),
    ).run(lambda: None, lambda: None, ended.extend)

    assert len(ended) == len(seeds)
    for record, weights, recordings in ended:
        assert record.history[-1].train_loss < record.history[0].train_loss
        for name, value in weights.items():
            if name.startswith("scattering."):
                assert torch.equal(value, before[record.seed][name]) == (way == "fixed")
        if way != "pixelwise":
            assert recordings["theta"].shape == (2, 2, 3)  # epochs 0 and 6


@pytest.mark.parametrize("name", ["scattering_linear", "scattering_cnn"])
def test_images_smaller_than_the_largest_wavelets_cell_are_refused(name):
    with pytest.raises(ValueError, match="6 x 9 pixels are too small for wavelets of 3 sizes"):
        build_model(name, (1, 6, 9), 3, J=3)


@pytest.mark.parametrize("size", [(1, 1), (2, 4), (5, 7), (8, 3)])
def test_quarters_are_those_of_adaptive_pooling(size):
    maps = torch.rand(2, 3, *size, dtype=torch.float64)
    expected = nn.AdaptiveAvgPool2d(2)(maps).flatten(1)
    torch.testing.assert_close(QuarterPool()(maps), expected, rtol=0, atol=1e-14)


def randomised(network):
    """Weights and statistics that no initialisation chose."""
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                value.uniform_(0.5, 1.5) if "var" in name else value.normal_(0, 0.1)
    return network.eval()


def normalised(state, name, maps, eps=1e-5):
    keys = ("running_mean", "running_var", "weight", "bias")
    mean, variance, weight, bias = (state.get(f"{name}.{key}") for key in keys)
    return F.batch_norm(maps, mean, variance, weight, bias, eps=eps)


def test_a_wide_cnn_is_what_its_layers_say_one_after_the_other():
    network = randomised(built("wide_cnn", width=1, blocks=2, eps=1e-2).double())
    state, images = network.state_dict(), torch.rand(2, 2, 8, 8, dtype=torch.float64)

    def block(name, maps):
        found = F.conv2d(maps, state[f"{name}.conv1.weight"], padding=1)
        found = F.conv2d(
            normalised(state, f"{name}.bn1", found).relu(),
            state[f"{name}.conv2.weight"],
            padding=1,
        )
        if f"{name}.shortcut.0.weight" in state:
            maps = normalised(
                state, f"{name}.shortcut.1", F.conv2d(maps, state[f"{name}.shortcut.0.weight"])
            )
        return (normalised(state, f"{name}.bn2", found) + maps).relu()

    maps = normalised(state, "stem.0", normalised(state, "norm", images, 1e-2), 1e-2)
    maps = normalised(state, "stem.2", F.conv2d(maps, state["stem.1.weight"], padding=1)).relu()
    for name in ("group1.0", "group1.1", "group2.0", "group2.1"):
        maps = block(name, maps)
    expected = F.linear(
        F.adaptive_avg_pool2d(maps, 2).flatten(1), state["lin.weight"], state["lin.bias"]
    )

    torch.testing.assert_close(network(images), expected, rtol=1e-9, atol=1e-12)


def test_a_wide_resnet_is_what_its_layers_say_one_after_the_other():
    network = randomised(built("wide_resnet", depth=16, width=1).double())
    state, images = network.state_dict(), torch.rand(2, 2, 10, 9, dtype=torch.float64)

    maps = F.conv2d(images, state["conv.weight"], padding=1)
    for stage, place in itertools.product((1, 2, 3), (0, 1)):
        name, stride = f"stage{stage}.{place}", 2 if stage > 1 and place == 0 else 1
        active = normalised(state, f"{name}.bn1", maps).relu()
        found = F.conv2d(active, state[f"{name}.conv1.weight"], stride=stride, padding=1)
        found = normalised(state, f"{name}.bn2", found).relu()
        if stride == 2:
            maps = F.conv2d(active, state[f"{name}.shortcut.weight"], stride=2)
        maps = F.conv2d(found, state[f"{name}.conv2.weight"], padding=1) + maps
    means = normalised(state, "bn", maps).relu().mean(dim=(2, 3))

    expected = F.linear(means, state["lin.weight"], state["lin.bias"])
    torch.testing.assert_close(network(images), expected, rtol=1e-9, atol=1e-12)


def test_a_wide_resnets_convolutions_begin_by_their_outgoing_numbers():
    network = built("wide_resnet", width=4)

    assert not network.lin.bias.any()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.out_channels * module.kernel_size[0] ** 2
            deviation = module.weight.std().item()
            assert deviation == pytest.approx((2 / fan_out) ** 0.5, rel=0.2)


def test_with_torchvisions_weights_resnet50_is_torchvisions_network():
    theirs = randomised(torchvision.models.resnet50(num_classes=7))
    ours = build_model("resnet50", (3, 40, 33), 7).eval()
    images = torch.rand(1, 3, 40, 33)

    take_over(ours, theirs.state_dict(), "torchvision")

    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-4, atol=1e-4)


SHORT = {"width": 8, "blocks": [1, 1, 1, 1]}


def test_resnet50_begins_like_torchvisions_and_draws_a_head_for_other_classes():
    torch.manual_seed(3)
    ours = build_model("resnet50", (3, 32, 32), 7, **SHORT)
    torch.manual_seed(3)
    theirs = torchvision.models.ResNet(
        torchvision.models.resnet.Bottleneck, [1, 1, 1, 1], num_classes=5, width_per_group=64
    )
    head = ours.fc.weight.clone()
    offered = build_model("resnet50", (3, 32, 32), 5, **SHORT).state_dict()

    take_over(ours, offered, "a file")

    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert torch.equal(ours.fc.weight, head)
    assert torch.equal(ours.layer3[0].conv2.weight, offered["layer3.0.conv2.weight"])


def test_weights_that_lack_a_layer_of_resnet50_are_refused_with_its_name():
    ours = build_model("resnet50", (3, 32, 32), 7, **SHORT)
    lacking = {k: v for k, v in ours.state_dict().items() if not k.startswith("layer2")}

    with pytest.raises(UserError, match=r"the weights lack layer2\.0\.conv1\.weight"):
        take_over(ours, lacking, "a file")


def test_a_depth_without_whole_blocks_is_refused():
    with pytest.raises(ValueError, match="4 more than a multiple of 6, as in 10 or 16"):
        build_model("wide_resnet", (3, 32, 32), 3, depth=12)
