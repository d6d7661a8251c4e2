"""Weights of torchvision and of the published networks in ours."""

import re
from functools import partial

import pytest
import torch
import torchvision
from torch import nn

from isotrope import build_model
from isotrope.errors import UserError
from isotrope.layers.normalising import Normalised
from isotrope.training.initial_weights import read_weights, take_over


def built(shape, classes, **settings):
    return build_model("shift_resnet", shape, classes, **settings)


def randomised(network):
    """Weights and statistics that no initialisation chose."""
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                value.uniform_(0.5, 1.5) if "var" in name else value.normal_(0, 0.1)
    return network


@pytest.mark.parametrize("depth", [18, 50])
def test_with_torchvisions_weights_the_strided_variant_is_torchvisions_network(depth):
    theirs = randomised(getattr(torchvision.models, f"resnet{depth}")(num_classes=7)).eval()
    settings = {"depth": depth, "stem": "imagenet", "downsampling": "strided", "padding": "zeros"}
    ours = built((3, 64, 64), 7, **settings).eval()
    images = torch.rand(2, 3, 64, 64)

    take_over(ours, theirs.state_dict(), "torchvision")

    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-5, atol=1e-5)


def test_other_variants_and_other_classes_take_the_rest_of_torchvisions_weights():
    theirs = randomised(torchvision.models.resnet18())
    torch.manual_seed(3)
    ours = built((3, 64, 64), 7, stem="imagenet", downsampling="lps", logit_width="tiny")
    drawn = {name: value.clone() for name, value in ours.state_dict().items()}

    take_over(ours, theirs.state_dict(), "torchvision")

    kept = {n for n, value in ours.state_dict().items() if torch.equal(value, drawn[n])}
    kept = {name for name in kept if not name.endswith("num_batches_tracked")}
    assert all(re.search(r"component_selection|gumbel_tau|^phases|^lin", name) for name in kept)
    assert torch.equal(ours.trunk.layer2[0].conv2.weight, theirs.layer2[0].conv2.weight)
    assert torch.equal(ours.trunk.layer3[0].shortcut.weight, theirs.layer3[0].downsample[0].weight)


PUBLISHED = {  # our names of what stands in logit networks, and the published ones
    "phi.conv1": "_phi.0",
    "phi.norm": "_phi.2",
    "phi.conv2": "_phi.3",
    "psi.conv1": "_psi.0",
    "psi.norm": "_psi.2",
    "psi.conv2": "_psi.3",
    "beta.conv1": "_beta.0",
    "beta.norm": "_beta.2",
    "beta.conv2": "_beta.3",
    "edge1": "edge_network.0",
    "edge2": "edge_network.2",
    "node1": "out_network.0",
    "node2": "out_network.2",
}


def published(network):
    """Weights of ours by the published names, with what only the published ones have besides."""
    params, found = network.params, {}
    last = "conv2" if params.depth < 50 else "conv3"
    for name, value in network.state_dict().items():
        if name.startswith("phases."):
            continue
        new = name.removeprefix("trunk.").replace("lin.", "fc.")
        new = new.replace("stem0.", "maxpool.0.")
        new = new.replace("stem1.", "maxpool.2." if params.conv1_stride else "maxpool.3.")
        new = re.sub(r"(layer[234]\.0)\.down\.", rf"\1.{last}.0.", new)
        new = re.sub(rf"(layer[234]\.0\.{last})\.weight", r"\1.1.weight", new)
        new = new.replace("shortcut_down.", "downsample.0.")
        begin = 0 if new.startswith("layer1") else 1
        new = new.replace("shortcut_bn.", f"downsample.{begin + 1}.")
        new = new.replace("shortcut.", f"downsample.{begin}.")
        new = new.replace("gumbel_tau", "component_selection.gumbel_tau")
        if "component_selection." in new and "gumbel_tau" not in new:
            head, rest = new.split("component_selection.")
            part, _, tail = rest.rpartition(".")
            if params.logits == "graph" and part == "conv":
                part = "input_conv.0"
            elif params.logits == "perceptron":
                part = "perceptron"
            new = f"{head}component_selection.get_logits.{PUBLISHED.get(part, part)}.{tail}"
        new = new.replace("antialias.convolution.", "_antialias_layer.weights.")
        new = new.replace("antialias.norm.", "_antialias_layer.unit.")
        found[f"core.{new}"] = value
    for stage in (2, 3, 4):
        found[f"core.layer{stage}.0.downsample.0.component_selection.gumbel_tau"] = torch.ones(())
        if params.antialias.startswith("lpf"):
            for place in (f"{last}.0", "downsample.0"):
                kernel = f"core.layer{stage}.0.{place}._antialias_layer.kernel"
                found[kernel] = torch.ones(4, 1, 3, 3)
    return found


@pytest.mark.parametrize(
    "settings",
    [
        {"stem": "cifar"},
        {"stem": "cifar", "logits": "attention_bn", "antialias": "lpf3"},
        {"stem": "cifar", "logits": "graph"},
        {"stem": "cifar", "logits": "perceptron", "padding": "zeros"},
        {"stem": "imagenet", "antialias": "ddac3", "logit_width": "small"},
        {"stem": "imagenet", "depth": 50, "antialias": "lpf3", "conv1_stride": True},
        {"stem": "imagenet", "depth": 50, "antialias": "ddac3"},
    ],
    ids=str,
)
def test_a_published_checkpoint_is_taken_whole_and_runs_no_code(settings, tmp_path):
    theirs = randomised(built((3, 32, 32), 5, width=8, **settings)).eval()
    beside = {"pooling_layer": partial(nn.AvgPool2d, 2), "extras_model": {"ret_prob": True}}
    torch.save(
        {"epoch": 3, "state_dict": published(theirs), "hyper_parameters": beside},
        tmp_path / "theirs.ckpt",
    )
    ours = built((3, 32, 32), 5, width=8, **settings).eval()

    take_over(ours, read_weights(tmp_path / "theirs.ckpt"), "theirs.ckpt")

    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images))


def test_it_is_taken_behind_a_normalisation():
    theirs = randomised(built((3, 16, 16), 5, width=8))
    ours = built((3, 16, 16), 5, width=8, normalise={"mean": [0.5] * 3, "std": [0.2] * 3})

    take_over(ours, published(theirs), "theirs.ckpt")

    assert isinstance(ours, Normalised)
    assert torch.equal(ours.network.trunk.conv1.weight, theirs.trunk.conv1.weight)


def test_what_is_missing_or_unknown_is_named():
    theirs, ours = (built((3, 16, 16), 5, width=8) for _ in range(2))
    whole = published(theirs)
    name = "core.layer2.0.conv2.0.component_selection.get_logits.conv1.weight"
    lacking = {key: value for key, value in whole.items() if key != name}

    with pytest.raises(UserError, match=r"lack trunk\.layer2\.0\.down\.component_selection\.conv1"):
        take_over(ours, lacking, "theirs.ckpt")
    with pytest.raises(UserError, match="has unknown extra"):
        take_over(ours, {**whole, "extra": torch.ones(1)}, "theirs.ckpt")
    with pytest.raises(UserError, match=r"lack .*antialias"):
        take_over(built((3, 16, 16), 5, width=8, antialias="ddac3"), whole, "theirs.ckpt")


def test_a_network_goes_on_from_another_variant_of_ours():
    strided = randomised(built((3, 16, 16), 5, width=8, downsampling="strided"))
    ours = built((3, 16, 16), 5, width=8, downsampling="lps", antialias="ddac3")

    take_over(ours, strided.state_dict(), "strided")

    for name, value in strided.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name
