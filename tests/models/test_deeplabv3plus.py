"""DeepLabV3+: numbers of weights, groups, foreign weights, dilation, and what it refuses."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from isotrope import build_model
from isotrope.layers import Decimation
from isotrope.models._dilated_trunk import Kept, _keep_size
from isotrope.training.initial_weights import take_over

STOCK = {"downsampling": "strided", "decoder": "bilinear", "padding": "zeros"}
DDAC = {"antialias": "ddac3"}
SMALL = {"width": 2, "head_channels": 4, "low_channels": 2, "dropout": 0.0}
DECIMATED = {**STOCK, "downsampling": "decimation", "antialias": "lpf3", "conv1_stride": True}
SWAPPED = {**DECIMATED, "antialias": "none", "swap_conv_pool": True}


def built(size=64, classes=3, **settings):
    torch.manual_seed(1)
    shape = (3, *size) if isinstance(size, tuple) else (3, size, size)
    return build_model("deeplabv3plus", shape, classes, **{**SMALL, **settings})


def count(modules):
    return sum(weight.numel() for module in modules for weight in module.parameters())


@pytest.mark.parametrize(
    ("settings", "trunk", "total"),
    [
        ({"depth": 18}, 17_519_168, 22_360_501),
        ({"depth": 50}, 29_850_688, 46_104_501),
        ({"depth": 101}, 48_842_816, 65_096_629),
        ({"depth": 18, **DDAC}, 18_432_560, 23_273_893),
        ({"depth": 50, **DDAC}, 31_634_992, 47_888_805),
        ({"depth": 101, **DDAC}, 50_627_120, 66_880_933),
        ({"depth": 18, **STOCK}, 11_176_512, 11_176_512 + 4_841_333),
        ({"depth": 101, **STOCK}, 42_500_160, 42_500_160 + 16_253_813),
    ],
)
def test_numbers_of_weights_are_the_published_ones(settings, trunk, total):
    with torch.device("meta"):
        network = build_model("deeplabv3plus", (3, 512, 512), 21, **settings)

    assert count([network.trunk]) == trunk
    assert count([network.head]) == total - trunk
    assert count([network]) == total


def test_only_running_statistics_of_the_trunk_are_slow():
    network = built()
    momenta = {
        part: {module.momentum for module in getattr(network, part).modules() if norm(module)}
        for part in ("trunk", "head")
    }
    assert momenta == {"trunk": {0.01}, "head": {0.1}}


def norm(module):
    return isinstance(module, nn.BatchNorm2d)


def test_groups_part_the_trunk_from_its_logit_networks_and_leave_the_head():
    network = built()
    groups = network.parameter_groups()

    known = dict(network.named_parameters())
    named = [name for names in groups.values() for name in names]
    assert sorted(named) == sorted(name for name in known if name.startswith("trunk."))
    logits = [name for name in known if "component_selection" in name]
    assert sorted(groups["component_selection"]) == sorted(logits)
    assert len(logits) == 5 * 4  # two convolutions with their biases in each of five layers
    assert set(built(**STOCK).parameter_groups()) == {"backbone"}


@pytest.mark.parametrize("downsampling", ["lps", "aps", "strided"])
def test_a_classifiers_trunk_is_taken_over_and_the_head_stays(downsampling):
    decoder = "bilinear" if downsampling == "strided" else "unpool"
    network = built(downsampling=downsampling, decoder=decoder)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(7)
    classifier = build_model(
        "shift_resnet", (3, 64, 64), 10, stem="imagenet", width=2, downsampling=downsampling
    )

    take_over(network, classifier.state_dict(), "a classifier")

    given = classifier.state_dict()
    for name, value in network.state_dict().items():
        if name.startswith("trunk."):
            assert torch.equal(value, given[name]), name
        elif name.startswith("head."):
            assert torch.equal(value, before[name]), name


def test_weights_of_another_such_network_are_taken_whole():
    network, other = built(), built()
    with torch.no_grad():
        for weight in other.parameters():
            weight.add_(1)

    take_over(network, other.state_dict(), "another")

    for name, value in other.state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name


def test_a_network_for_other_classes_gives_all_but_its_last_layer():
    network, other = built(classes=3), built(classes=7)
    before = network.head.classes.weight.clone()
    with torch.no_grad():
        for weight in other.parameters():
            weight.add_(1)

    take_over(network, other.state_dict(), "another")

    assert torch.equal(network.head.classes.weight, before)
    assert torch.equal(network.head.join[0].weight, other.head.join[0].weight)


def test_torchvisions_weights_begin_the_stock_network():
    from torchvision.models import resnet18

    torch.manual_seed(3)
    theirs = resnet18().eval()
    network = build_model("deeplabv3plus", (3, 64, 64), 3, depth=18, **STOCK).eval()
    take_over(network, theirs.state_dict(), "torchvision")
    images = torch.rand(2, 3, 64, 64)

    maps = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(images))))
    expected = theirs.layer3(theirs.layer2(theirs.layer1(maps)))

    found = network.trunk(images).maps["layer3"]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("depth", [18, 50])
@pytest.mark.parametrize("output_stride", [16, 8])
@pytest.mark.parametrize("settings", [STOCK, SWAPPED, DECIMATED])
def test_a_dilated_trunk_holds_what_the_whole_trunk_answers_at_every_nth_place(
    depth, output_stride, settings
):
    if settings is DECIMATED and output_stride == 8:
        settings = {**settings, "antialias": "none"}  # filters are not dilated
    size, step = (64, 96), 32 // output_stride
    dilated = built(size, depth=depth, output_stride=output_stride, **settings)
    params = dilated.params.model_dump(exclude={"normalise"})
    whole = type(dilated.trunk)(3, type(dilated.params)(**params))
    whole.load_state_dict(dilated.trunk.state_dict())
    images = torch.rand(2, 3, *size, dtype=torch.float64)

    found = dilated.double().eval().trunk(images).maps["layer4"]

    assert found.shape[-2:] == (size[0] // output_stride, size[1] // output_stride)
    expected = whole.double().eval()(images).maps["layer4"]
    torch.testing.assert_close(found[..., ::step, ::step], expected, rtol=0, atol=1e-10)


def test_a_block_that_halves_in_its_shortcut_alone_keeps_its_size_there():
    block = SimpleNamespace(down=None, shortcut_down=Decimation())
    _keep_size(block)
    assert (block.down, type(block.shortcut_down)) == (None, Kept)
    with pytest.raises(ValueError, match="ReLU cannot be left out for a dilation"):
        _keep_size(SimpleNamespace(down=nn.ReLU(), shortcut_down=None))


@pytest.mark.parametrize("kind", ["aps", "lps"])
def test_trunks_that_choose_phases_are_never_dilated(kind):
    network = built(downsampling=kind, decoder="bilinear", output_stride=8).eval()
    assert network.trunk(torch.rand(1, 3, 64, 64)).maps["layer4"].shape[-2:] == (2, 2)
    assert [branch[0].dilation[0] for branch in network.head.aspp.dilated] == [12, 24, 36]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"downsampling": "strided"}, "unpool puts pixels back to where aps or lps took them"),
        ({"conv1_stride": True}, "conv1_stride: unpool cannot undo a stride"),
        ({"indivisible": "wrap"}, "indivisible: unpool needs sides that are multiples of 32"),
        (
            {"decoder": "bilinear", "decoder_antialias": "none"},
            "decoder_antialias: has no effect without decoder: unpool; take that, or leave",
        ),
        (
            {"decoder": "bilinear", "unpool_get_samples": True},
            "unpool_get_samples: has no effect without decoder: unpool",
        ),
        (
            {"downsampling": "aps", "unpool_get_samples": True},
            "unpool_get_samples: has no effect without downsampling: lps",
        ),
        (
            {"train_mode": "convex", "unpool_get_samples": True},
            "unpool_get_samples: .* train_mode: convex draws nothing; take train_mode: gumbel, or",
        ),
        (
            {"head_padding": "zeros", "third_branch": "zeros"},
            "third_branch: has no effect without head_padding: circular",
        ),
        (
            {"filter_padding": "reflect"},
            "filter_padding: has no effect without an antialias other than none",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        built(**settings)


@pytest.mark.parametrize("size", [(33, 64), (64, 48), (225, 225)])
def test_sides_with_which_it_would_not_be_exact_are_refused_where_it_is_built_and_where_it_runs(
    size,
):
    said = f"images of {size[0]} x {size[1]} pixels are no multiples of 32"
    with pytest.raises(ValueError, match=said):
        built(size)
    with pytest.raises(ValueError, match=said):
        built()(torch.rand(1, 3, *size))


def test_the_stock_network_takes_any_size_and_answers_at_it():
    network = built(65, **STOCK).eval()
    assert network(torch.rand(1, 3, 65, 71)).shape == (1, 3, 65, 71)


def test_one_image_trains_as_a_batch_of_its_own():
    network = built((64, 96))
    network(torch.rand(1, 3, 64, 96)).square().mean().backward()
    assert all(weight.grad.isfinite().all() for weight in network.parameters())


def test_up_samplings_that_draw_anew_are_given_numbers_of_their_own():
    network = built(unpool_get_samples=True)
    noise = network.draw(torch.Generator().manual_seed(1), 2)
    assert noise.shape == (2, 10, 4)
    assert built().draw(torch.Generator().manual_seed(1), 2).shape == (2, 5, 4)
    images = torch.rand(2, 3, 64, 64)

    answer = network(images, noise)

    other = noise.clone()
    other[:, 5:] = noise[:, 5:].flip(dims=[-1])  # of the up-samplings alone
    assert torch.equal(network(images, noise), answer)
    assert not torch.allclose(network(images, other), answer)
