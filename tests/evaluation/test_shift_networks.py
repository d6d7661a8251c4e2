"""Evaluations under shifts on networks of the shift study: what is exact is seen to be exact."""

import pytest
import torch
from shifted_networks import CPU, value

from isotrope import build_model
from isotrope.datasets.images import Images
from isotrope.evaluation import phase_selection, shift_accuracy, shift_consistency
from isotrope.measuring.networks import Networks


def network(downsampling, antialias="none", normalised=True):
    torch.manual_seed(4)
    settings = {"normalise": {"mean": [0.4] * 3, "std": [0.2] * 3}} if normalised else {}
    built = build_model(
        "shift_resnet",
        image_shape=(3, 16, 16),
        classes=5,
        depth=18,
        width=4,
        downsampling=downsampling,
        antialias=antialias,
        stem="cifar",
        padding="circular",
        **settings,
    )
    for module in built.modules():  # phases of an untrained network are often alike
        if hasattr(module, "component_selection"):
            for weight in module.component_selection.parameters():
                torch.nn.init.normal_(weight)
    return built


def networks(*settings):
    return Networks({1: network(*settings)}, CPU)


@pytest.fixture(scope="module")
def data():
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (6, 3, 16, 16), generator=generator, dtype=torch.uint8)
    return Images(images, torch.arange(6) % 5)


@pytest.mark.parametrize("method", [("aps",), ("lps",), ("lps", "lpf3")])
def test_exact_networks_answer_rolls_alike_and_choose_as_the_lemma_says(data, method):
    params = shift_accuracy.Params(reach=1, paddings=["circular"], subpixel=[], dtype="float64")
    rows = shift_accuracy.evaluate(networks(*method), data, params)
    assert value(rows, "logit_gap", kind="circular") < 1e-10
    assert value(rows, "steady", kind="circular") == 100

    params = shift_consistency.Params(protocols=["each"], pairs=1, dtype="float64")
    rows, _ = shift_consistency.evaluate(networks(*method), data, params)
    assert value(rows, "consistency", protocol="each", padding="circular") == 100

    params = phase_selection.Params(shifts=2, dtype="float64")
    rows = phase_selection.evaluate(networks(*method), data, params)
    for layer in ("layer2", "layer3", "layer4"):
        assert value(rows, "shift_agreement", weights="trained", layer=layer) == 100
    if method == ("aps",):
        assert value(rows, "aps_agreement", weights="trained", layer="layer3") == 100


@pytest.mark.parametrize("method", [("strided",), ("decimation", "lpf3")])
def test_others_do_not(data, method):
    params = shift_accuracy.Params(reach=1, paddings=["circular"], subpixel=[], dtype="float64")
    rows = shift_accuracy.evaluate(networks(*method), data, params)
    assert value(rows, "logit_gap", kind="circular") > 1e-6
