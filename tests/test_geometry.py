import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from isotrope.geometry import (
    INTERPOLATIONS,
    affine_grid,
    kernel_sizes,
    pixel_centres,
    pyramid_down,
    resize_matrix,
    resize_ratios,
    roll_matrix,
)

EXACT = {"rtol": 0, "atol": 1e-12}  # float64 over at most some hundred terms of order one
sides = st.integers(1, 40)


@given(source=sides, target=sides, mode=st.sampled_from(["nearest", "bilinear", "bicubic"]))
def test_resizing_by_matrices_is_what_torch_interpolates(source, target, mode):
    generator = torch.Generator().manual_seed(source)
    images = torch.rand(2, 3, source, source + 2, generator=generator, dtype=torch.float64)
    rows = resize_matrix(source, target, mode, dtype=torch.float64)
    columns = resize_matrix(source + 2, target + 1, mode, dtype=torch.float64)

    resized = rows @ images @ columns.T

    corners = {} if mode == "nearest" else {"align_corners": False}
    size = (target, target + 1)
    torch.testing.assert_close(
        resized, F.interpolate(images, size=size, mode=mode, **corners), **EXACT
    )


@given(source=sides, target=sides)
def test_area_averages_what_each_target_cell_covers(source, target):
    cells = np.random.default_rng(source * 41 + target).random(source)
    fine = np.repeat(cells, target)  # cells of 1 / target, which borders of both grids fall on
    expected = fine.reshape(target, source).mean(axis=1)

    matrix = resize_matrix(source, target, "area", dtype=torch.float64)

    torch.testing.assert_close(
        matrix @ torch.from_numpy(cells), torch.from_numpy(expected), **EXACT
    )


@given(source=sides, target=sides, mode=st.sampled_from(INTERPOLATIONS))
def test_every_target_cell_is_a_mean_of_source_cells(source, target, mode):
    numerators, denominator = resize_ratios(source, target, mode)

    assert numerators.dtype == torch.int64
    assert (numerators.sum(dim=1) == denominator).all()


@given(source=sides, target=sides)
def test_area_gives_every_source_cell_the_same_weight(source, target):
    numerators, _ = resize_ratios(source, target, "area")

    assert (numerators.sum(dim=0) == target).all()


@given(side=sides, mode=st.sampled_from(INTERPOLATIONS))
def test_resizing_to_the_same_side_changes_nothing(side, mode):
    assert torch.equal(resize_matrix(side, side, mode), torch.eye(side))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_matrix_has_the_type_asked_for_and_its_precision(dtype):
    exact = resize_matrix(7, 63, "bicubic", dtype=torch.float64)

    matrix = resize_matrix(7, 63, "bicubic", dtype=dtype)

    assert matrix.dtype == dtype
    assert torch.equal(matrix, exact.to(dtype))


@pytest.mark.parametrize("mode", INTERPOLATIONS)
def test_ratios_are_numbers_also_where_networks_are_built_without_any(mode):
    with torch.device("meta"):
        numerators, denominator = resize_ratios(7, 3, mode)
    assert numerators.device.type == "cpu"
    assert (numerators.sum(dim=1) == denominator).all()


def test_bad_sizes_and_interpolations_are_refused():
    with pytest.raises(ValueError, match="sizes must be at least 1, got 0 and 5"):
        resize_ratios(0, 5, "area")
    with pytest.raises(ValueError, match="unknown interpolation 'cubic'; choose from nearest"):
        resize_ratios(5, 5, "cubic")


def blurred_and_halved(image):
    """One channel, pixel by pixel; even sides only."""
    height, width = image.shape
    filter_ = np.array([1, 4, 6, 4, 1]) / 16
    padded = np.pad(image, 2, mode="reflect")
    blurred = np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            blurred[y, x] = filter_ @ padded[y : y + 5, x : x + 5] @ filter_
    return np.array(
        [
            [blurred[y : y + 2, x : x + 2].mean() for x in range(0, width, 2)]
            for y in range(0, height, 2)
        ]
    )


@given(height=st.integers(2, 8), width=st.integers(2, 8), seed=st.integers(0, 2**31))
def test_pyramid_down_blurs_and_takes_means_of_four_pixels(height, width, seed):
    images = np.random.default_rng(seed).random((2, 3, 2 * height, 2 * width))
    expected = np.array([[blurred_and_halved(channel) for channel in image] for image in images])

    halved = pyramid_down(torch.from_numpy(images))

    torch.testing.assert_close(halved, torch.from_numpy(expected), **EXACT)


@given(height=st.integers(3, 17), width=st.integers(3, 17))
def test_pyramid_down_keeps_a_constant_and_rounds_sides_down(height, width):
    halved = pyramid_down(torch.full((1, 2, height, width), 0.3, dtype=torch.float64))

    expected = torch.full((1, 2, height // 2, width // 2), 0.3, dtype=torch.float64)
    torch.testing.assert_close(halved, expected, **EXACT)


def test_pyramid_down_removes_the_finest_checkerboard():
    y, x = torch.meshgrid(torch.arange(8), torch.arange(8), indexing="ij")
    board = ((-1.0) ** (x + y))[None, None].double()

    torch.testing.assert_close(pyramid_down(board), torch.zeros(1, 1, 4, 4).double(), **EXACT)


def test_an_image_too_small_to_reflect_is_refused_with_its_size():
    with pytest.raises(ValueError, match="3 pixels or more a side, got 2 x 9"):
        pyramid_down(torch.zeros(1, 1, 2, 9))


@given(height=st.integers(1, 9), width=st.integers(1, 9), seed=st.integers(0, 2**31))
def test_affine_grid_is_that_of_torch(height, width, seed):
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(3, 2, 3, generator=generator, dtype=torch.float64)

    expected = F.affine_grid(maps, [3, 1, height, width], align_corners=False)

    y, x = (pixel_centres(side, maps.dtype, maps.device) for side in (height, width))
    torch.testing.assert_close(affine_grid(maps, x, y), expected, **EXACT)


@given(smallest=st.integers(1, 20), side=st.integers(1, 300))
def test_kernel_sizes_share_their_centres_and_fit(smallest, side):
    if smallest > side:
        with pytest.raises(ValueError, match=f"{smallest} pixels do not fit a side of {side}"):
            kernel_sizes(smallest, side, "arithmetic")
        return

    every, some = (kernel_sizes(smallest, side, way) for way in ("arithmetic", "logarithmic"))

    assert every == list(range(smallest, side + 1, 2))
    assert some[0] == smallest
    assert set(some) <= set(every)
    assert some == sorted(set(some))


@given(smallest=st.integers(3, 20), side=st.integers(20, 300))
def test_logarithmic_sizes_grow_by_the_cube_root_of_two_up_to_rounding(smallest, side):
    sizes = kernel_sizes(smallest, side, "logarithmic")

    thirds = [smallest * 2 ** (i / 3) for i in range(40)]
    for size in sizes:
        assert min(abs(size - third) for third in thirds) <= 1
    for third in thirds:
        if third <= side - 1:
            assert min(abs(size - third) for size in sizes) <= 1


def test_other_spacings_are_refused():
    with pytest.raises(ValueError, match="unknown spacing 'even'; choose from arithmetic, log"):
        kernel_sizes(3, 9, "even")


shifts = st.floats(-9, 9)


@given(side=sides, shift=st.integers(-90, 90), reading=st.sampled_from(["fourier", "bilinear"]))
def test_rolling_by_whole_cells_is_a_roll(side, shift, reading):
    cells = torch.rand(side, generator=torch.Generator().manual_seed(side), dtype=torch.float64)
    rolled = roll_matrix(side, shift, reading, dtype=torch.float64) @ cells
    assert torch.equal(rolled, cells.roll(shift))


@given(side=sides, shift=shifts, seed=st.integers(0, 9))
def test_a_fourier_roll_reads_the_trigonometric_polynomial_through_the_cells(side, shift, seed):
    generator = torch.Generator().manual_seed(seed)
    most = (side - 1) // 2  # the highest wave that cells hold whole
    waves = torch.randn(2, most + 1, generator=generator, dtype=torch.float64)
    steps = torch.arange(most + 1, dtype=torch.float64) * (2 * torch.pi / side)

    def signal(at):
        angle = at[:, None] * steps
        return (angle.cos() * waves[0] + angle.sin() * waves[1]).sum(dim=1)

    at = torch.arange(side, dtype=torch.float64)
    rolled = roll_matrix(side, shift, "fourier", dtype=torch.float64) @ signal(at)
    torch.testing.assert_close(rolled, signal(at - shift), rtol=0, atol=1e-10)


@given(half=st.integers(1, 20), shift=shifts)
def test_the_alternating_pattern_is_rolled_by_its_cosine(half, shift):
    pattern = 1 - 2 * (torch.arange(2 * half, dtype=torch.float64) % 2)
    rolled = roll_matrix(2 * half, shift, "fourier", dtype=torch.float64) @ pattern
    torch.testing.assert_close(rolled, np.cos(np.pi * shift) * pattern, rtol=0, atol=1e-10)


@given(half=st.integers(0, 12), one=shifts, other=shifts)
def test_fourier_rolls_of_an_odd_side_add_up_and_lose_nothing(half, one, other):
    def rolled(shift):
        return roll_matrix(2 * half + 1, shift, "fourier", dtype=torch.float64)

    torch.testing.assert_close(rolled(one) @ rolled(other), rolled(one + other), rtol=0, atol=1e-10)
    torch.testing.assert_close(rolled(one).T, rolled(-one), rtol=0, atol=1e-10)


@given(side=sides, shift=shifts)
def test_a_bilinear_roll_mixes_the_two_nearest_cells(side, shift):
    cells = np.random.default_rng(side).random(side)
    rolled = roll_matrix(side, shift, "bilinear", dtype=torch.float64) @ torch.from_numpy(cells)
    at = np.arange(side) - shift
    expected = np.interp(at, np.arange(side), cells, period=side)
    np.testing.assert_allclose(rolled, expected, rtol=0, atol=1e-10)


def test_a_roll_needs_cells_and_a_known_reading():
    with pytest.raises(ValueError, match="at least 1 cell"):
        roll_matrix(0, 1, "fourier")
    with pytest.raises(ValueError, match="unknown reading 'cubic'"):
        roll_matrix(3, 1, "cubic")
