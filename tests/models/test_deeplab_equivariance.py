"""DeepLabV3+ with phases put back to their places is exactly equivariant; its variants are not."""

import pytest
import torch

from isotrope import build_model
from isotrope.layers.phases import Selection
from isotrope.layers.polyphase import LPU
from isotrope.models._deeplab_head import Aspp
from isotrope.models.deeplabv3plus import Unpooling

EXACT = 1e-10
SMALL = {"width": 2, "head_channels": 4, "low_channels": 2, "dropout": 0.0}
SHIFTS = [(1, 0), (-1, -3), (7, 18), (-16, 5), (31, 33)]


def built(size, seed=1, **settings):
    """A network in tests whose running statistics are those of images, so that nothing is dead."""
    torch.manual_seed(seed)
    network = build_model("deeplabv3plus", (3, *size), 5, **{**SMALL, **settings}).double()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the mean of all batches
    with torch.no_grad():
        network(torch.rand(4, 3, *size, dtype=torch.float64))
    return network.eval()


def gap(network, size, shifts=SHIFTS, seed=2):
    """The largest difference between answers to shifted images and shifted answers."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(2, 3, *size, generator=generator, dtype=torch.float64)
    with torch.inference_mode():
        answer, worst = network(images), 0.0
        assert answer.std() > 1e-3, "an answer that says something"
        for shift in shifts:
            moved = network(images.roll(shift, dims=(-2, -1)))
            worst = max(worst, float((moved - answer.roll(shift, dims=(-2, -1))).abs().max()))
    return worst


@pytest.mark.parametrize("antialias", ["none", "lpf2", "lpf3", "ddac3"])
@pytest.mark.parametrize("downsampling", ["lps", "aps"])
def test_a_shifted_image_has_the_shifted_answer(downsampling, antialias):
    size = (64, 96)
    settings = {"antialias": antialias, "decoder_antialias": antialias}
    network = built(size, downsampling=downsampling, **settings)
    assert gap(network, size) < EXACT


@pytest.mark.parametrize("size", [(32, 32), (32, 160), (96, 96), (224, 224)])
def test_it_is_exact_at_every_multiple_of_32(size):
    """Also where a dilated kernel is wider than the maps, which is refused in published code."""
    assert gap(built(size), size, SHIFTS[:3]) < EXACT


@pytest.mark.parametrize(
    "settings",
    [
        {"depth": 50},
        {"output_stride": 8},
        {"logits": "graph"},
        {"logits": "attention"},
        {"selection_noantialias": True, "antialias": "lpf3"},
        {"swap_conv_pool": True},
    ],
    ids=str,
)
def test_other_settings_are_exact_too(settings):
    """With this seed no logit network of two channels is dead, for which all phases tie."""
    size = (64, 64)
    assert gap(built(size, seed=2, **settings), size, SHIFTS[:3]) < EXACT


@pytest.mark.parametrize(
    "settings",
    [
        {"decoder": "bilinear"},
        {"test_mode": "convex"},
        {"downsampling": "aps", "decoder": "bilinear"},
        {"downsampling": "strided", "decoder": "bilinear"},
        {"downsampling": "decimation", "antialias": "lpf3", "decoder": "bilinear"},
        {"downsampling": "avgpool", "decoder": "bilinear"},
        {"padding": "zeros"},
        {"head_padding": "zeros"},
        {"filter_padding": "reflect", "antialias": "lpf3"},
        {"maxpool_zpad": True},
    ],
    ids=str,
)
def test_what_is_not_exact_is_far_from_it(settings):
    size = (96, 96)
    assert gap(built(size, **settings), size, SHIFTS[:3]) > 1e4 * EXACT


@pytest.mark.parametrize(("height", "exact"), [(352, True), (384, True), (576, True), (608, False)])
def test_zeros_around_the_third_branch_are_exact_up_to_576_pixels(height, exact):
    size = (height, 32)
    network = built(size, third_branch="zeros")
    assert (gap(network, size, [(33, 0), (-75, 4)]) < EXACT) == exact


@pytest.mark.parametrize("side", [5, 12, 18, 19])
def test_up_to_its_rate_the_branch_with_zeros_is_a_convolution_of_single_pixels(side):
    torch.manual_seed(1)
    branch = Aspp(3, 4, (6, 12, 18), ("circular", "circular", "zeros"), 0.0).dilated[2][0]
    maps = torch.rand(1, 3, side, side)
    found, middle = branch(maps), branch.weight[:, :, 1:2, 1:2]
    assert torch.allclose(found, torch.conv2d(maps, middle), atol=1e-6) == (side <= 18)


def test_each_pixel_goes_back_to_where_five_layers_took_it_from():
    """A closed form: rows and columns of five phases are the digits of a place, the last first."""
    generator = torch.Generator().manual_seed(5)
    names = ["layer4", "layer3", "layer2", "stem1", "stem0"]
    index = torch.randint(4, (5, 6), generator=generator)
    selections = {
        name: Selection(torch.zeros(6, 4), None, chosen)
        for name, chosen in zip(names, index, strict=True)
    }
    up = Unpooling(names, [LPU() for _ in names])

    found = up(torch.ones(6, 1, 2, 3), selections, {})

    assert found.shape == (6, 1, 64, 96)
    weights = torch.tensor([16, 8, 4, 2, 1])[:, None]
    rows, columns = (weights * (index // 2)).sum(0), (weights * (index % 2)).sum(0)
    for image, row, column in zip(found[:, 0], rows, columns, strict=True):
        assert image[row::32, column::32].eq(1).all()
        assert image.sum() == 6


def test_training_with_drawn_phases_is_not_equivariant():
    size = (64, 64)
    network = built(size).train()
    images = torch.rand(2, 3, *size, dtype=torch.float64)
    noise = network.draw(torch.Generator().manual_seed(1), 2)
    with torch.no_grad():
        answer = network(images, noise)
        moved = network(images.roll((1, 1), dims=(-2, -1)), noise)
    assert (moved - answer.roll((1, 1), dims=(-2, -1))).abs().max() > 1e-6
