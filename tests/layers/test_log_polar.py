import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import vmap

from isotrope.layers import from_log_polar, log_polar
from isotrope.layers.gaussian_stack import gaussian_stack
from isotrope.layers.log_polar import footprints, ring_offsets, ring_radii
from isotrope.layers.sampling_around import sampled_around

ROUNDING = {"rtol": 0, "atol": 1e-10}  # float64, positions of some hundred pixels


def noise(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def drawn(function, side=65):
    """An image of a function of x and y, in pixels from the centre, y up."""
    half = (side - 1) / 2
    step = torch.arange(side, dtype=torch.float64) - half
    return function(step[None, :], -step[:, None])[None, None]


def rings(radii, angles, r_min, r_max):
    """x and y of the samples, y up, and their radii and angles."""
    radius = torch.tensor(ring_radii(radii, angles, r_min, r_max), dtype=torch.float64)[:, None]
    angle = torch.arange(angles, dtype=torch.float64) * (2 * math.pi / angles)
    return radius * angle.cos(), radius * angle.sin(), radius, angle


def test_radii_are_geometric_with_both_ends_and_angles_run_counter_clockwise_from_the_right():
    offsets = ring_offsets(3, 4, 1.0, 9.0, torch.float64, torch.device("cpu"))

    expected = [[[r, 0], [0, -r], [-r, 0], [0, r]] for r in (1, 3, 9)]  # y counts downwards
    torch.testing.assert_close(offsets, torch.tensor(expected).double(), **ROUNDING)


def test_a_linear_image_is_sampled_exactly():
    """Bilinear interpolation of a plane is that plane."""
    images = drawn(lambda x, y: 3 * x - 2 * y + 5)
    x, y, *_ = rings(9, 14, 1, 31)

    found = log_polar(images, radii=9, angles=14, r_max=31)[0, 0]

    torch.testing.assert_close(found, 3 * x - 2 * y + 5, **ROUNDING)


def test_a_radially_symmetric_image_has_rows_of_one_value():
    width = 8.0
    images = drawn(lambda x, y: (-(x**2 + y**2) / (2 * width**2)).exp())
    _, _, radius, _ = rings(16, 24, 1, 30)

    found = log_polar(images, radii=16, angles=24, r_max=30)[0, 0]

    expected = (-(radius**2) / (2 * width**2)).exp().expand(-1, 24)
    bound = 2 / 8 / width**2  # an eighth of the second derivative along each axis
    torch.testing.assert_close(found, expected, rtol=0, atol=bound)


def test_a_plane_wave_is_its_closed_form():
    kx, ky = 0.21, -0.13  # radians a pixel
    images = drawn(lambda x, y: (kx * x + ky * y).cos())
    x, y, *_ = rings(12, 30, 2, 28)

    found = log_polar(images, radii=12, angles=30, r_min=2, r_max=28)[0, 0]

    bound = (kx**2 + ky**2) / 8
    torch.testing.assert_close(found, (kx * x + ky * y).cos(), rtol=0, atol=bound)


def test_a_logarithmic_spiral_becomes_straight_stripes():
    arms, pitch = 3, 2.0

    def spiral(x, y):
        return (arms * torch.atan2(y, x) + pitch * (x**2 + y**2 + 1e-9).log() / 2).cos()

    _, _, radius, angle = rings(10, 36, 12, 60)

    found = log_polar(drawn(spiral, 129), radii=10, angles=36, r_min=12, r_max=60)[0, 0]

    bound = 2 * (arms + pitch) ** 2 / 8 / 11**2  # derivatives fall with the radius
    expected = (arms * angle + pitch * radius.log()).cos()
    torch.testing.assert_close(found, expected, rtol=0, atol=bound)


@pytest.mark.parametrize("antialias", [0.0, 0.6])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**31), turns=st.integers(0, 3), quarter=st.integers(1, 6))
def test_a_quarter_turn_of_the_image_rolls_the_angles(seed, turns, quarter, mode, antialias):
    images = noise(2, 3, 18, 18, seed=seed)
    options = {"radii": 6, "angles": 4 * quarter, "r_max": 9.3, "r_min": 0.7}
    options |= {"mode": mode, "antialias": antialias, "border": 0.3}

    turned = log_polar(torch.rot90(images, turns, dims=(-2, -1)), **options)

    expected = log_polar(images, **options).roll(turns * quarter, dims=-1)
    torch.testing.assert_close(turned, expected, **ROUNDING)


def test_the_nearest_pixel_is_the_one_in_which_a_sample_lies():
    images = noise(1, 1, 9, 9)
    x, y, *_ = rings(5, 7, 0.9, 3.9)

    found = log_polar(images, radii=5, angles=7, r_min=0.9, r_max=3.9, mode="nearest")

    assert torch.equal(found[0, 0], images[0, 0][(4 - y).round().int(), (4 + x).round().int()])


@pytest.mark.parametrize("rows", [1, 3])
def test_an_image_enlarged_by_the_ratio_of_radii_moves_by_a_row(rows):
    ratio = (30 / 2) ** (1 / 15)

    def blobs(x, y, scale=1.0):
        x, y = x / scale, y / scale
        return (-((x - 5) ** 2 + (y + 3) ** 2) / 50).exp() - (-(x**2 + (y - 6) ** 2) / 40).exp()

    options = {"radii": 16, "angles": 24, "r_min": 2, "r_max": 30}
    small = log_polar(drawn(blobs), **options)
    large = log_polar(drawn(lambda x, y: blobs(x, y, ratio**rows)), **options)

    bound = 2 * 2 * (1 / 25 + 1 / 20) / 8  # both maps, both axes, both blobs
    torch.testing.assert_close(large[..., rows:, :], small[..., :-rows, :], rtol=0, atol=bound)
    assert (large - small).abs().max() > 2 * bound


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("antialias", [0.0, 0.5])
def test_every_way_to_give_centres_is_that_of_one_centre(antialias):
    images = noise(2, 3, 7, 6)
    options = {"radii": 4, "angles": 5, "r_max": 3.2, "antialias": antialias}
    options["border"] = torch.tensor([0.2, 0.0, -1.0], dtype=torch.float64)
    places = 6 * noise(2, 3, 2, seed=1)

    several = log_polar(images, places, **options)
    everywhere = log_polar(images, "pixels", **options)

    for number in range(3):
        alone = log_polar(images, places[:, number], **options)
        torch.testing.assert_close(several[:, :, number], alone, **ROUNDING)
    at = torch.tensor([[4.0, 2.0]] * 2, dtype=torch.float64)
    alone = log_polar(images, at, **options)
    torch.testing.assert_close(everywhere[:, :, 2, 4], alone, **ROUNDING)
    middle = torch.tensor([[2.5, 3.0]] * 2, dtype=torch.float64)
    torch.testing.assert_close(
        log_polar(images, **options), log_polar(images, middle, **options), **ROUNDING
    )


def test_a_moved_image_has_the_same_map_about_the_moved_centre():
    images = torch.zeros(1, 1, 30, 30, dtype=torch.float64)
    images[..., 5:15, 8:18] = noise(10, 10)
    places = torch.tensor([[12.3, 9.8]], dtype=torch.float64)
    options = {"radii": 6, "angles": 9, "r_max": 8}

    moved = log_polar(images.roll((7, 4), dims=(-2, -1)), places + places.new([4, 7]), **options)

    torch.testing.assert_close(moved, log_polar(images, places, **options), **ROUNDING)


def test_what_lies_outside_is_the_border():
    images = noise(1, 2, 8, 8)
    options = {"radii": 2, "angles": 8, "r_min": 40, "r_max": 50}
    border = torch.tensor([0.25, 4.0], dtype=torch.float64)

    found = log_polar(images, border=border, **options)

    torch.testing.assert_close(found, border[:, None, None].expand(1, -1, 2, 8), **ROUNDING)
    assert (log_polar(images, border=-1.0, **options) == -1).all()


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("antialias", [0.0, 0.7])
def test_gradients_of_images_and_centres_are_right(mode, antialias):
    images = noise(2, 2, 6, 5).requires_grad_()
    places = (1.5 + noise(2, 2, 2, seed=3)).requires_grad_()
    options = {"radii": 3, "angles": 5, "r_min": 0.61, "r_max": 3.37}

    def mapped(images, places):
        return log_polar(images, places, mode=mode, antialias=antialias, **options)

    assert torch.autograd.gradcheck(mapped, (images, places))


@pytest.mark.usefixtures("either_form")
@pytest.mark.filterwarnings("error:There is a performance drop")
@pytest.mark.parametrize("antialias", [0.0, 0.5])
def test_rows_of_a_stack_are_mapped_as_alone(antialias):
    images, places = noise(3, 2, 1, 9, 9), 8 * noise(3, 2, 2, seed=1)
    options = {"radii": 4, "angles": 6, "r_max": 4.0, "antialias": antialias}

    found = vmap(lambda images, places: log_polar(images, places, **options))(images, places)
    about_the_middle = vmap(lambda images: log_polar(images, **options))(images)

    for row in range(3):
        expected = log_polar(images[row], places[row], **options)
        torch.testing.assert_close(found[row], expected, **ROUNDING)
        expected = log_polar(images[row], **options)
        torch.testing.assert_close(about_the_middle[row], expected, **ROUNDING)


def test_bfloat16_images_are_sampled_where_float32_ones_are():
    images = noise(1, 1, 32, 32).bfloat16()
    found = log_polar(images, radii=8, angles=12)
    expected = log_polar(images.float(), radii=8, angles=12).bfloat16()
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, expected)


@settings(deadline=None, max_examples=20)
@given(variance=st.floats(0.0, 30.0))
def test_a_gaussian_of_a_stack_has_exactly_its_variance(variance):
    image = torch.zeros(1, 1, 1, 121, dtype=torch.float64)
    image[..., 60] = 1

    found = gaussian_stack(image, (variance,))[0].sum(dim=-2).flatten()

    step = torch.arange(121, dtype=torch.float64) - 60
    column = math.exp(-variance) * np.i0(variance)  # what remains of one row
    torch.testing.assert_close(found.sum(), found.new_tensor(column), rtol=1e-9, atol=1e-9)
    assert float((found * step**2).sum() / found.sum()) == pytest.approx(variance, abs=1e-8)


def test_antialiasing_weakens_a_wave_as_the_gaussian_of_each_radius_does():
    k = 0.5  # radians a pixel
    options = {"radii": 12, "angles": 24, "r_min": 2, "r_max": 30}
    images = drawn(lambda x, y: (k * x).cos() + 0 * y, 129)
    x, *_ = rings(**options)
    variances = torch.tensor(footprints(**options, antialias=0.5), dtype=torch.float64)

    found = log_polar(images, antialias=0.5, **options)[0, 0]

    expected = (-variances * k**2 / 2).exp()[:, None] * (k * x).cos()
    # interpolation takes up to k^2 / 8, a mixture of two Gaussians for one and the grid the rest
    torch.testing.assert_close(found, expected, rtol=0, atol=k**2 / 8 + 0.01)


def test_antialiasing_leaves_hardly_anything_of_what_the_map_cannot_hold():
    checked = drawn(lambda x, y: (math.pi * (x + y)).cos(), 129)
    options = {"radii": 12, "angles": 24, "r_min": 10, "r_max": 60}

    assert log_polar(checked, **options).abs().mean() > 0.2
    assert log_polar(checked, antialias=0.5, **options).abs().max() < 0.05


def test_the_variance_of_footprints_grows_with_the_square_of_the_radius():
    found = np.array(footprints(7, 16, 1.0, 8.0, antialias=0.5))
    radius = np.array(ring_radii(7, 16, 1.0, 8.0))
    np.testing.assert_allclose(found / radius**2, found[0], rtol=1e-12)
    assert found[0] == pytest.approx(0.25 * math.log(8) / 6 * 2 * math.pi / 16)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])  # neither is exact: 0.03 is measured
def test_a_smooth_image_comes_back_from_its_map(mode):
    images = drawn(lambda x, y: (0.2 * x + 0.1).cos() * (0.15 * y).sin())
    options = {"mode": mode, "r_min": 0.5, "r_max": 30.0}

    maps = log_polar(images, radii=96, angles=192, **options)
    back = from_log_polar(maps, None, 65, border=7.0, **options)

    distance = drawn(lambda x, y: (x**2 + y**2).sqrt())
    inside = (distance <= 30) & (distance >= 0.5)
    assert (back - images)[inside].abs().max() < 0.03
    assert (back[distance > 30.01] == 7).all()


def test_maps_of_several_centres_come_back_about_their_centres():
    places = 12 * noise(2, 3, 2)
    maps = noise(2, 4, 3, 5, 6)
    options = {"r_max": 6.0}

    found = from_log_polar(maps, places, (13, 11), **options)

    assert found.shape == (2, 4, 3, 13, 11)
    for number in range(3):
        alone = from_log_polar(maps[:, :, number], places[:, number], (13, 11), **options)
        torch.testing.assert_close(found[:, :, number], alone, **ROUNDING)


def test_a_map_of_a_wave_along_the_angles_has_no_seam():
    angle = torch.arange(64, dtype=torch.float64) * (2 * math.pi / 64)
    maps = angle.cos().expand(1, 1, 8, 64)

    found = from_log_polar(maps, None, 21)[0, 0]

    def cosine(x, y):
        return x / (x**2 + y**2 + 1e-30).sqrt()

    inside = drawn(lambda x, y: x**2 + y**2, 21)[0, 0]
    inside = (inside <= 100) & (inside > 0)
    expected = drawn(cosine, 21)[0, 0]
    bound = (2 * math.pi / 64) ** 2 / 8
    torch.testing.assert_close(found[inside], expected[inside], rtol=0, atol=bound)


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("angles", [1, 5])
def test_gradients_of_the_way_back_are_right(angles):
    maps = noise(2, 1, 4, angles).requires_grad_()
    places = torch.tensor([[2.3, 1.9], [2.0, 2.0]], dtype=torch.float64)

    def back(maps, places):
        return from_log_polar(maps, places, 5, r_max=6.0, r_min=0.3)

    assert torch.autograd.gradcheck(lambda maps: back(maps, places), (maps,))
    off_the_pixels = places[:1].clone().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda places: back(maps[:1].detach(), places), (off_the_pixels,)
    )
    at_a_pixel = places[1:].clone().requires_grad_()
    back(maps[1:].detach(), at_a_pixel).sum().backward()
    assert at_a_pixel.grad.isfinite().all()


def test_the_map_is_that_of_scikit_image():
    transform = pytest.importorskip("skimage.transform")
    images = noise(1, 1, 64, 64)
    centre, radius = torch.tensor([[30.2, 31.3]], dtype=torch.float64), 30.0
    theirs = transform.warp_polar(
        images[0, 0].numpy(),
        center=(31.3, 30.2),
        radius=radius,
        output_shape=(48, 20),
        scaling="log",
        order=1,
    )

    found = log_polar(images, centre, radii=20, angles=48, r_max=radius ** (19 / 20))[0, 0]

    clockwise = found.flip(-1).roll(1, dims=-1).T
    torch.testing.assert_close(clockwise, torch.from_numpy(theirs), **ROUNDING)


def test_samples_at_the_radii_of_opencv_are_its_own():
    cv2 = pytest.importorskip("cv2")
    images = noise(1, 1, 64, 64).float()
    flags = cv2.INTER_LINEAR | cv2.WARP_POLAR_LOG
    theirs = cv2.warpPolar(images[0, 0].numpy(), (20, 48), (30.2, 31.3), 30.0, flags)
    radius = (torch.arange(20) * math.log(30) / 20).exp()[:, None] - 1
    angle = torch.arange(48) * (2 * math.pi / 48)
    offsets = torch.stack((radius * angle.cos(), radius * angle.sin()), dim=-1)

    found = sampled_around(images, torch.tensor([[30.2, 31.3]]), offsets)[0, 0]

    torch.testing.assert_close(found.T, torch.from_numpy(theirs), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radii": 1}, "2 radii or more and an angle or more, got 1 and 8"),
        ({"angles": 0}, "an angle or more, got 4 and 0"),
        ({"r_min": 0.0}, "need 0 < r_min < r_max, got r_min=0.0 and r_max=3.5"),
        ({"r_max": 1.0}, "got r_min=1.0 and r_max=1.0"),
        ({"mode": "cubic"}, "unknown mode 'cubic'; choose from bilinear, bicubic, nearest"),
        ({"antialias": -1.0}, "antialias must be 0 or more, got -1.0"),
        ({"centres": "all"}, "centres must be a tensor, 'pixels' or None, got 'all'"),
        ({"centres": torch.zeros(3, 2)}, r"centres must be \(2, 2\) or \(2, n, 2\), got \(3, 2\)"),
        ({"images": torch.zeros(8, 8)}, r"height, width\) of floating numbers, got \(8, 8\)"),
        ({"images": torch.zeros(2, 1, 8, 8).byte()}, r"of floating numbers, got .* torch\.uint8"),
    ],
)
def test_what_cannot_be_mapped_is_refused_with_its_cause(options, message):
    given = {"images": torch.zeros(2, 1, 8, 8), "radii": 4, "angles": 8, **options}
    with pytest.raises(ValueError, match=message):
        log_polar(**given)


@pytest.mark.parametrize(
    ("shape", "centres", "size", "message"),
    [
        ((4, 8), None, 8, r"maps must be .*, got \(4, 8\)"),
        ((2, 1, 4, 8), None, (8, 0), r"size must be height and width in pixels, got \(8, 0\)"),
        ((2, 1, 3, 4, 8), None, 8, "need as many centres"),
        ((2, 1, 3, 4, 8), torch.zeros(2, 5, 2), 8, r"need as many centres, .*\(2, 5, 2\)"),
        ((2, 1, 4, 8), torch.zeros(3, 2), 8, r"centres must be \(2, 2\)"),
        ((2, 1, 4, 8), None, 2, "need 0 < r_min < r_max, got r_min=1.0 and r_max=0.5"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_its_cause(shape, centres, size, message):
    with pytest.raises(ValueError, match=message):
        from_log_polar(torch.zeros(shape), centres, size)
