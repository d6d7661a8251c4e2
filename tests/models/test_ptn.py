"""Polar transformer networks, https://arxiv.org/abs/1709.01889."""

import math

import pytest
import torch
from torch.nn import functional as F

from isotrope import build_model
from isotrope.layers.cylindrical_padding import CylindricalPadding
from isotrope.models._mean_convolution import MeanConvolution, MeansUnderRows
from isotrope.models._polar_rings import polar_offsets

GREY = (1, 28, 28)


def noise(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def drawn(**params):
    """A network whose weights are all drawn, those of the heat map too."""
    torch.manual_seed(0)
    network = build_model("ptn", GREY, 10, **params).double()
    torch.nn.init.normal_(network.heat.weight)
    return network.eval()


def weights_and_norms(network):
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    return sum(p.numel() for p in network.parameters()), sum(m.num_features for m in norms)


def test_with_the_biases_that_batch_norm_cancels_the_number_of_weights_is_the_published_one():
    weights, biases = weights_and_norms(build_model("ptn", GREY, 10))
    assert weights + biases == 131_959


@pytest.mark.parametrize(
    ("side", "size", "blocks"), [(28, "small", 6), (42, "base", 10), (60, "small", 8)]
)
def test_each_size_has_the_published_blocks_for_images_of_28_42_and_96_pixels(side, size, blocks):
    network = build_model("ptn", (1, side, side), 10, size=size)
    norms = [m for m in network.classifier if isinstance(m, torch.nn.BatchNorm2d)]
    assert len(norms) == blocks


def test_an_untrained_network_looks_at_the_centre():
    network = build_model("ptn", GREY, 10).double()
    origins = network.origins(noise(3, *GREY))
    torch.testing.assert_close(origins, torch.full((3, 2), 13.5, dtype=torch.float64))


def test_origins_follow_a_shift_that_no_border_sees():
    """A shift by two strides of the predictor, of an object on an even ground."""
    network = drawn(origin_weighting="linear")
    ground = torch.zeros(1, *GREY, dtype=torch.float64)
    images = ground.clone()
    images[..., 8:14, 8:14] = noise(6, 6)

    def mass_and_moment(images):
        heat = network.heat(network.predictor(images)) - network.heat(network.predictor(ground))
        total = heat.sum()
        return network.centroid(heat, 28, 28), total

    first, total = mass_and_moment(images)
    second, again = mass_and_moment(images.roll((4, 2), dims=(-2, -1)))

    torch.testing.assert_close(total, again)
    torch.testing.assert_close(second - first, torch.tensor([[2.0, 4.0]]).double())


@pytest.mark.parametrize("weighting", ["softplus", "linear"])
def test_the_loss_reaches_the_origin_predictor(weighting):
    network = drawn(origin_weighting=weighting).train()
    network(noise(4, *GREY)).square().sum().backward()
    assert all(weight.grad.abs().max() > 0 for weight in network.predictor.parameters())


def test_radii_and_angles_are_the_published_ones():
    found = polar_offsets(28, 28, 19.8, "remapped", "included", torch.float64, torch.device("cpu"))

    radius = found.norm(dim=-1)
    grid = (torch.linspace(0, 1, 28, dtype=torch.float64) * math.log(19.8)).exp()
    expected = (grid - 1) / (19.8 - 1) * 19.8
    torch.testing.assert_close(radius, expected[:, None].expand(-1, 28))
    assert float(radius[0, 0]) == 0
    torch.testing.assert_close(found[:, -1], found[:, 0], rtol=0, atol=1e-12)


def test_geometric_radii_begin_at_a_pixel_and_angles_end_before_the_first():
    found = polar_offsets(5, 8, 16.0, "geometric", "excluded", torch.float64, torch.device("cpu"))
    radius = torch.tensor([1.0, 2, 4, 8, 16], dtype=torch.float64)
    torch.testing.assert_close(found.norm(dim=-1), radius[:, None].expand(-1, 8))
    torch.testing.assert_close(found[0, 2], torch.tensor([0.0, -1.0]).double())  # y counts down


@pytest.mark.parametrize(("angles", "angle_end"), [(32, "excluded"), (28, "included")])
@torch.no_grad()
def test_quarter_turns_about_the_origin_change_no_answer_unless_an_angle_stands_twice(
    angles, angle_end
):
    network = build_model("ptn", GREY, 10, angles=angles, angle_end=angle_end).double().eval()
    images = noise(2, *GREY)

    difference = network(torch.rot90(images, 1, dims=(-2, -1))) - network(images)

    assert (difference.abs().max() < 1e-10) == (angle_end == "excluded")


def test_the_mean_of_the_last_convolution_is_computed_without_its_map():
    torch.manual_seed(0)
    last, maps = MeanConvolution(5, 7).double(), noise(2, 5, 4, 6)

    found = last(MeansUnderRows()(maps))

    whole = F.conv2d(CylindricalPadding(3, "zeros")(maps), last.weight, last.bias)
    torch.testing.assert_close(found, whole.mean(dim=(-2, -1)), rtol=0, atol=1e-12)


def test_a_map_has_as_many_radii_and_angles_as_rows_and_reaches_over_the_width():
    network = build_model("ptn", (1, 28, 40), 10)
    assert network.rings == (28, 28, pytest.approx(0.7071 * 40))
    network = build_model("ptn", (1, 28, 40), 10, radii=9, angles=12, r_max=7.5)
    assert network.rings == (9, 12, 7.5)


def test_origins_are_shifted_in_training_alone():
    network = drawn(origin_shift=2.0)
    images = noise(64, *GREY)
    shift = network.draw(torch.Generator().manual_seed(1), 64)

    assert shift.shape == (64, 2)
    assert -2.0 <= shift.min() < -1.8
    assert 1.8 < shift.max() <= 2.0
    assert torch.equal(network(images, shift), network(images))
    moved = network.origins(images) + shift
    network.classifier.eval()
    maps = network.classifier(network.polar_maps(images, moved))
    expected = network.last(network.features(maps))
    network.training = True  # batch norms stay as they are
    torch.testing.assert_close(network(images, shift), expected)
    assert not hasattr(build_model("ptn", GREY, 10), "draw")


@pytest.mark.parametrize(
    ("shape", "params", "message"),
    [
        ((1, 3, 8), {}, "images of 3 x 8 pixels are too small for a polar map"),
        (GREY, {"channels": [8, 8]}, "the classifier has 2 channels, but 8 strides"),
        (GREY, {"origin_strides": [2]}, "the origin predictor has 3 channels, but 1 strides"),
    ],
)
def test_what_cannot_be_built_is_refused(shape, params, message):
    with pytest.raises(ValueError, match=message):
        build_model("ptn", shape, 10, **params)
