"""Sizes of kernels that see zeros only are equal, as they are where products are added up."""

import copy

import pytest
import torch
from plain_scaled_convolution import plain_maps, plain_pool

from isotrope.geometry import kernel_sizes
from isotrope.layers import ScalePool, SiConv2d, scaled_ties

pytestmark = pytest.mark.usefixtures("form")  # whatever holds, holds in all forms

SIDES = 26, 24
SIZES = kernel_sizes(5, min(SIDES), "arithmetic")


def things_on(background, channels, side, seed=0):
    """Three images with a thing of some pixels somewhere."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.full((3, channels, *SIDES), background)
    for image, row, column in zip(images, (2, 9, 13), (10, 1, 6), strict=True):
        thing = torch.rand(channels, side, side, generator=generator)
        image[:, row : row + side, column : column + side] = thing
    return images


def layer(channels, shift, bias, mode="bicubic", frame="zero"):
    """Kernels whose weights are drawn and shifted, in units of their largest."""
    torch.manual_seed(0)
    options = {"interp_mode": mode, "frame": frame}
    convolution = SiConv2d(channels, 16, len(SIZES), 5, sizes=SIZES, **options)
    with torch.no_grad():
        convolution.weights += shift * convolution.weights.abs().max()
        convolution.bias.fill_(bias)
    return convolution


def as_published(images, convolution):
    """The maps of the published layer in float64, where products with zeros add up to zero."""
    parameters = (parameter.detach().double() for parameter in convolution.parameters())
    around = 0.0 if convolution.frame == "zero" else -torch.inf
    return plain_maps(images.double(), *parameters, SIZES, convolution.interp_mode, around)


@pytest.mark.parametrize("channels", [1, 9])
@pytest.mark.parametrize("mode", ["bicubic", "area"])
@pytest.mark.parametrize("frame", ["zero", "excluded"])
@pytest.mark.parametrize("bias", [0.2, -0.2])
def test_of_equal_slices_the_smallest_size_is_taken(channels, mode, frame, bias):
    images, convolution = things_on(0.0, channels, 7), layer(channels, -1, bias, mode, frame)
    pool = ScalePool("slice")

    pooled = pool(images, convolution)

    maps = as_published(images, convolution)
    expected, indices = plain_pool(maps, "slice", SIZES)
    largest = maps.flatten(3).amax(dim=3)
    equal = (largest == largest.amax(dim=2, keepdim=True)).sum(dim=2)
    assert (equal > 1).float().mean() > 0.5
    assert torch.equal(pool.indices, indices)
    torch.testing.assert_close(pooled.double(), expected, rtol=0, atol=1e-5)
    peaks = pool.peak(images, convolution).double()
    torch.testing.assert_close(peaks, expected.amax(dim=(2, 3)), rtol=0, atol=1e-5)


@pytest.mark.parametrize("background", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("shift", [-1, -0.5, 0, 1])
@pytest.mark.parametrize("channels", [1, 9])
def test_whatever_the_background_the_slice_is_the_published_one(background, shift, channels):
    images, convolution = things_on(background, channels, 9), layer(channels, shift, 0.1)
    pool = ScalePool("slice")

    pool(images, convolution)

    _, indices = plain_pool(as_published(images, convolution), "slice", SIZES)
    assert torch.equal(pool.indices, indices)


@pytest.mark.parametrize("channels", [1, 9])
@pytest.mark.parametrize("frame", ["zero", "excluded"])
@pytest.mark.parametrize("bias", [0.2, 0.0, -0.2])
def test_on_a_black_background_each_pixel_takes_the_published_size(channels, frame, bias):
    images, convolution = things_on(0.0, channels, 5), layer(channels, 0, bias, frame=frame)
    pool = ScalePool("pixel")

    with torch.no_grad():
        pool(images, convolution)

    maps = as_published(images, convolution)
    largest, indices = plain_pool(maps, "pixel", SIZES)
    tied = (maps == largest[:, :, None]).sum(dim=2) > 1
    assert tied.float().mean() > 0.05
    assert torch.equal(pool.indices[tied], indices[tied])


def test_the_values_of_pixels_and_their_gradients_know_nothing_of_ties():
    images, convolution = things_on(0.0, 2, 5), layer(2, 0, 0.2)
    exact, pool = copy.deepcopy(convolution).double(), ScalePool("pixel")
    expected = as_published(images, convolution).amax(dim=2)

    found = pool(images.double(), exact)
    found.square().sum().backward()

    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    weights, bias = (p.detach().double().requires_grad_() for p in convolution.parameters())
    plain = plain_maps(images.double(), weights, bias, SIZES).amax(dim=2)
    gradients = torch.autograd.grad(plain.square().sum(), (weights, bias))
    for gradient, parameter in zip(gradients, exact.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("brightness", [1e-3, 1e-5])
def test_what_is_small_but_no_rounding_error_still_decides(brightness):
    images = things_on(0.0, 1, 7)
    images[:, :, 0, 0] = brightness  # the only thing that a kernel of negative weights sees ...
    convolution = layer(1, -1, 0.2)
    with torch.no_grad():
        convolution.weights[:, :, 0, 0] = 0.5  # ... with its one positive corner
    pool = ScalePool("slice")

    pool(images, convolution)

    _, indices = plain_pool(as_published(images, convolution), "slice", SIZES)
    assert torch.equal(pool.indices, indices)


@pytest.mark.parametrize("shift", [-1, -0.5, 0, 1])
@pytest.mark.parametrize("channels", [1, 9])
def test_rounding_errors_of_responses_to_zeros_are_within_the_limits(channels, shift):
    images, convolution = things_on(0.0, channels, 9), layer(channels, shift, 0.0)
    exact = as_published(images, convolution)
    with torch.no_grad():
        maps = convolution(images)

    errors = (maps - exact).abs().masked_fill(exact != 0, 0).flatten(3).amax(dim=3)

    assert (errors <= scaled_ties.limits(images, convolution)).all()
