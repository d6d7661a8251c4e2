"""The residual networks of the shift study: what holds under shifts, and what they consist of."""

import pytest
import torch
from shift_networks import built, images_of, noise_of

from isotrope import build_model
from isotrope.models.shift_resnet import Params

ANTIALIAS = ("none", "lpf2", "lpf3", "lpf5", "ddac3")
SHIFTS = [(row, column) for row in range(8) for column in range(8)]


def trained_a_step(network, images):
    """One step of gradient descent, with batch statistics."""
    network.train()
    loss = torch.nn.functional.cross_entropy(
        network(images, *noise_of(network, images)), torch.arange(len(images)) % 4
    )
    parameters = list(network.parameters())
    gradients = torch.autograd.grad(loss, parameters)
    with torch.no_grad():
        for value, gradient in zip(parameters, gradients, strict=True):
            value -= 0.1 * gradient
    return network.eval()


def gap(network, images, shifts=SHIFTS):
    """The largest difference between logits of images and of images rolled by some shift."""
    with torch.no_grad():
        exact = network(images)
        rolled = torch.cat([images.roll(shift, (-2, -1)) for shift in shifts])
        found = network(rolled).view(len(shifts), *exact.shape)
    return float((found - exact).abs().max())


@pytest.mark.parametrize("antialias", ANTIALIAS)
@pytest.mark.parametrize("downsampling", ["lps", "aps"])
def test_logits_stay_under_every_circular_shift_drawn_and_trained(downsampling, antialias):
    network, images = built(downsampling=downsampling, antialias=antialias).eval(), images_of()

    assert gap(network, images[:1]) < 1e-10
    assert gap(trained_a_step(network, images), images[1:]) < 1e-10


@pytest.mark.parametrize(
    "settings",
    [
        {"logits": "attention"},
        {"logits": "attention_bn"},
        {"logits": "graph"},
        {"logits": "perceptron"},
        {"logits": "skip", "logit_width": "default"},
        {"antialias": "lpf3", "selection_noantialias": True},
        {"antialias": "lpf2", "selection_noantialias": True, "logits": "perceptron"},
        {"antialias": "lpf2", "swap_conv_pool": True},
        {"depth": 50, "width": 4},
        {"stem": "imagenet", "antialias": "ddac3", "stem_antialias": True, "side": 64},
        {"stem": "imagenet", "depth": 50, "width": 4, "downsampling": "aps", "side": 64},
        {"indivisible": "wrap", "side": 15},
        {"indivisible": "wrap", "downsampling": "aps", "antialias": "lpf3", "side": 19},
    ],
    ids=str,
)
def test_it_holds_for_every_variant_that_promises_it(settings):
    side = settings.pop("side", 32)
    network = built((3, side, side), **settings).eval()
    shifts = [(1, 0), (0, 1), (3, 2), (7, 5), (-4, 9)]

    assert gap(network, images_of(1, side), shifts) < 1e-10


@pytest.mark.parametrize(
    "settings",
    [
        {"downsampling": "strided"},
        {"downsampling": "decimation"},
        {"downsampling": "decimation", "antialias": "lpf3"},
        {"downsampling": "decimation", "antialias": "ddac3"},
        {"downsampling": "avgpool"},
        {"downsampling": "tips"},
        {"downsampling": "ideal"},
        {"test_mode": "convex"},
        {"padding": "zeros"},
        {"padding": "zeros", "downsampling": "aps"},
        {"indivisible": "zeros", "side": 15},
        {"indivisible": "zeros", "downsampling": "aps", "side": 20},
        {"stem": "imagenet", "maxpool_zpad": True, "side": 32},
        {"stem": "imagenet", "conv1_stride": True, "side": 32},
    ],
    ids=str,
)
def test_it_does_not_hold_for_those_that_do_not(settings):
    side = settings.pop("side", 32)
    network = built((3, side, side), **settings).eval()

    assert gap(network, images_of(2, side), [(1, 0), (0, 1), (3, 2)]) > 1e-6


CIFAR = {"stem": "cifar", "shape": (3, 32, 32), "classes": 10}
IMAGENET = {"stem": "imagenet", "shape": (3, 224, 224), "classes": 1000}
COUNTS = [
    (CIFAR, 18, "strided", {}, 11_173_962),
    (CIFAR, 18, "aps", {}, 11_173_962),
    (CIFAR, 18, "decimation", {"antialias": "lpf3"}, 11_173_962),
    (CIFAR, 18, "lps", {}, 17_368_906),
    (CIFAR, 18, "lps", {"logit_width": "small"}, 11_609_642),
    (CIFAR, 18, "lps", {"antialias": "ddac3"}, 18_240_682),
    (CIFAR, 18, "lps", {"logits": "attention"}, 29_758_794),
    (CIFAR, 18, "lps", {"logits": "graph"}, 15_651_277),
    (CIFAR, 18, "lps", {"logits": "perceptron"}, 11_174_861),
    (IMAGENET, 18, "strided", {}, 11_689_512),
    (IMAGENET, 18, "aps", {}, 11_689_512),
    (IMAGENET, 18, "lps", {}, 18_032_168),
    (IMAGENET, 18, "lps", {"logit_width": "small"}, 12_135_592),
    (IMAGENET, 18, "decimation", {"antialias": "ddac3"}, 12_602_904),
    (IMAGENET, 18, "lps", {"logit_width": "small", "antialias": "ddac3"}, 13_048_984),
    (IMAGENET, 50, "decimation", {"antialias": "lpf3"}, 25_557_032),
    (IMAGENET, 50, "lps", {}, 31_899_688),
    (IMAGENET, 50, "decimation", {"antialias": "ddac3"}, 27_341_336),
    (IMAGENET, 50, "lps", {"logit_width": "small", "antialias": "ddac3"}, 27_787_416),
    (IMAGENET, 101, "strided", {}, 44_549_160),
    (IMAGENET, 101, "lps", {}, 50_891_816),
    (IMAGENET, 101, "decimation", {"antialias": "ddac3"}, 46_333_464),
    (IMAGENET, 101, "lps", {"logit_width": "small", "antialias": "ddac3"}, 46_779_544),
]


def parameters(of, depth, downsampling, **settings):
    with torch.device("meta"):
        network = build_model(
            "shift_resnet",
            of["shape"],
            of["classes"],
            depth=depth,
            stem=of["stem"],
            downsampling=downsampling,
            **settings,
        )
    return sum(value.numel() for value in network.parameters())


@pytest.mark.parametrize(("of", "depth", "downsampling", "settings", "count"), COUNTS)
def test_numbers_of_parameters_are_the_published_ones(of, depth, downsampling, settings, count):
    assert parameters(of, depth, downsampling, **settings) == count


def test_a_network_of_width_80_has_as_many_parameters_as_the_default_logit_networks_add():
    learned = parameters(CIFAR, 18, "lps")

    for downsampling in ("strided", "aps"):
        assert parameters(CIFAR, 18, downsampling, width=80) == pytest.approx(learned, rel=0.01)


# one constant for all phases, of which their softmax knows nothing
CONSTANTS = ("conv2.bias", "node2.bias", "selection.conv.bias")


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
@pytest.mark.parametrize("logits", ["convolutions", "attention", "graph", "perceptron"])
def test_every_parameter_of_a_network_in_training_has_a_gradient(stem, logits):
    side = 16 if stem == "cifar" else 32
    network = built((3, side, side), stem=stem, logits=logits, antialias="ddac3").train()
    images = images_of(4, side)

    network(images, *noise_of(network, images)).square().sum().backward()

    for name, value in network.named_parameters():
        assert value.grad is not None, name
        assert value.grad.isfinite().all(), name
        if not name.endswith(CONSTANTS):
            assert value.grad.count_nonzero() > 0, name


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"shape": (3, 36, 36)}, "36 x 36 pixels are no multiples of 8"),
        ({"shape": (3, 36, 36), "downsampling": "aps"}, "no multiples of 8"),
        ({"shape": (3, 48, 48), "stem": "imagenet"}, "no multiples of 32"),
        ({"shape": (3, 4, 32), "downsampling": "strided"}, "4 x 32 pixels are too small"),
        ({"downsampling": "strided", "antialias": "lpf3"}, "take downsampling: decimation"),
        ({"logits": "skip", "logit_width": "small"}, "logit_width must be default"),
        ({"logits": "perceptron", "antialias": "lpf3"}, "all alike behind lpf3; take other logits"),
        (
            {"logits": "skip", "swap_conv_pool": True, "depth": 50},
            "logits: skip adds .* of depth 50 they have four times",
        ),
        (
            {"temperature": {"name": "multi_step", "milestones": [3, 2], "temperatures": [1, 1]}},
            "milestones rise",
        ),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_with_its_reason(settings, said):
    shape = settings.pop("shape", (3, 32, 32))
    with pytest.raises(ValueError, match=said):
        built(shape, **settings)


APS = {"downsampling": "aps"}
DECIMATION = {"downsampling": "decimation", "antialias": "lpf3"}
STRIDED = {"downsampling": "strided", "stem": "imagenet"}
STEM = {"downsampling": "decimation", "stem": "imagenet"}


@pytest.mark.parametrize(
    ("others", "setting", "needed"),
    [
        (APS, {"logits": "graph"}, "downsampling: lps"),
        (APS, {"logit_width": "small"}, "downsampling: lps"),
        (APS, {"logit_padding": "zeros"}, "downsampling: lps"),
        (APS, {"train_mode": "convex"}, "downsampling: lps"),
        (APS, {"test_mode": "gumbel"}, "downsampling: lps"),
        (APS, {"temperature": {"name": "constant"}}, "downsampling: lps"),
        (APS, {"tips": {"feature_shift": 0.1}}, "downsampling: tips"),
        ({}, {"tips": {"index_spread": 0.0}}, "downsampling: tips"),
        ({}, {"conv1_stride": True}, "stem: imagenet"),
        ({}, {"maxpool_zpad": True}, "stem: imagenet"),
        ({"antialias": "lpf3"}, {"stem_antialias": True}, "stem: imagenet"),
        (STRIDED, {"conv1_stride": True}, "a downsampling other than strided"),
        (STRIDED, {"maxpool_zpad": True}, "a downsampling other than strided"),
        (STRIDED, {"stem_antialias": True}, "a downsampling other than strided"),
        (STRIDED, {"swap_conv_pool": True}, "a downsampling other than strided"),
        (STEM, {"stem_antialias": True}, "an antialias other than none"),
        (STRIDED, {"indivisible": "wrap"}, "downsampling: aps or lps"),
        ({"downsampling": "tips"}, {"indivisible": "zeros"}, "downsampling: aps or lps"),
        (DECIMATION, {"selection_noantialias": True}, "downsampling: aps or lps"),
        (APS, {"selection_noantialias": True}, "an antialias other than none"),
        ({}, {"selection_noantialias": True}, "an antialias other than none"),
        ({}, {"filter_padding": "reflect"}, "an antialias other than none"),
        ({"downsampling": "avgpool"}, {"filter_padding": "zeros"}, "an antialias other than none"),
        (
            {**STEM, "antialias": "lpf3", "conv1_stride": True},
            {"stem_antialias": True},
            "conv1_stride: false",
        ),
    ],
    ids=str,
)
def test_a_setting_without_effect_is_refused(others, setting, needed):
    (name,) = setting
    said = f"{name}: has no effect without {needed}.*; take that, or leave {name} out"
    with pytest.raises(ValueError, match=said):
        Params(**others, **setting)

    default = Params(**others).model_dump()[name]
    assert Params(**others, **{name: default}) == Params(**others)


def test_filters_have_an_effect_before_what_has_no_place_for_one():
    images = images_of(1)
    for downsampling in ("tips", "ideal", "avgpool"):
        plain, filtered = (
            built(downsampling=downsampling, antialias=antialias).eval()(images)
            for antialias in ("none", "lpf3")
        )
        assert (plain - filtered).abs().max() > 1e-6
