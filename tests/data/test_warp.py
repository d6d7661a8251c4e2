"""Resampling in one step, against a naive form, closed forms and symmetries."""

import math

import numpy as np
import pytest

from isotrope.data import _warp
from isotrope.data._warp import pose_numbers, warp

BOTH = pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])


def noise(count=4, height=9, width=9, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width), dtype=np.uint8)


def kernel(interpolation, x):
    x = abs(x)
    if interpolation == "bilinear":
        return max(0.0, 1 - x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def naive(image, canvas, angle, scale, place, interpolation):
    """Pixel by pixel, with a window far wider than the kernel."""
    height, width = image.shape
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    wide, reach = max(1, 1 / scale), 12
    result = np.zeros((canvas, canvas))
    for row, column in np.ndindex(canvas, canvas):
        dx, dy = column - place[0], row - place[1]
        x = (dx * cos - dy * sin) / scale + (width - 1) / 2
        y = (dx * sin + dy * cos) / scale + (height - 1) / 2
        columns = range(math.floor(x) - reach, math.floor(x) + reach)
        rows = range(math.floor(y) - reach, math.floor(y) + reach)
        of_x = np.array([kernel(interpolation, (i - x) / wide) for i in columns])
        of_y = np.array([kernel(interpolation, (i - y) / wide) for i in rows])
        for i, wx in zip(columns, of_x / of_x.sum(), strict=True):
            for j, wy in zip(rows, of_y / of_y.sum(), strict=True):
                if 0 <= i < width and 0 <= j < height:
                    result[row, column] += wx * wy * image[j, i]
    return result.clip(0, 255)


@BOTH
@pytest.mark.parametrize("angle", [0.0, 37.0])
@pytest.mark.parametrize("scale", [0.4, 1.0, 1.7])
def test_pixels_are_those_of_the_naive_form(interpolation, angle, scale):
    image = noise(1, 7, 5)[0]
    made = warp(image[None], 11, angle, scale, (4.3, 6.1), interpolation)[0]
    expected = naive(image, 11, angle, scale, (4.3, 6.1), interpolation)
    # half a grey value from rounding, and weights are multiples of 2**-20
    np.testing.assert_allclose(made, expected, rtol=0, atol=0.51)


def sheared(image, canvas, matrix, angle, place, interpolation):
    """Pixel by pixel; the kernel is as wide along an axis as a pixel of the canvas is there."""
    height, width = image.shape
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    back = np.linalg.inv(np.array([[cos, sin], [-sin, cos]]) @ np.array(matrix))
    wide = np.maximum(np.linalg.norm(back, axis=1), 1)
    result = np.zeros((canvas, canvas))
    for row, column in np.ndindex(canvas, canvas):
        x, y = back @ (column - place[0], row - place[1])
        x, y = x + (width - 1) / 2, y + (height - 1) / 2
        columns = range(math.floor(x) - 12, math.floor(x) + 12)
        rows = range(math.floor(y) - 12, math.floor(y) + 12)
        of_x = np.array([kernel(interpolation, (i - x) / wide[0]) for i in columns])
        of_y = np.array([kernel(interpolation, (i - y) / wide[1]) for i in rows])
        for i, wx in zip(columns, of_x / of_x.sum(), strict=True):
            for j, wy in zip(rows, of_y / of_y.sum(), strict=True):
                if 0 <= i < width and 0 <= j < height:
                    result[row, column] += wx * wy * image[j, i]
    return result.clip(0, 255)


@BOTH
@pytest.mark.parametrize("angle", [0.0, -20.0])
@pytest.mark.parametrize("matrix", [[[1.2, 0.2], [0, 0.8]], [[0.5, -0.3], [0.1, 1.6]]])
def test_sheared_and_stretched_pixels_are_those_of_the_naive_form(interpolation, angle, matrix):
    image = noise(1, 7, 5)[0]
    made = warp(image[None], 11, angle, 1.0, (4.3, 6.1), interpolation, matrix=matrix)[0]
    expected = sheared(image, 11, matrix, angle, (4.3, 6.1), interpolation)
    # as above
    np.testing.assert_allclose(made, expected, rtol=0, atol=0.51)


@BOTH
def test_a_matrix_that_turns_or_resizes_is_that_turn_or_scale(interpolation):
    images, turn = noise(), [[0, 1], [-1, 0]]  # counter-clockwise: what is right goes up
    assert (
        warp(images, 9, matrix=turn, interpolation=interpolation) == np.rot90(images, 1, (1, 2))
    ).all()
    larger = warp(images, 20, matrix=2 * np.eye(2), interpolation=interpolation)
    assert (larger == warp(images, 20, 0, 2, interpolation=interpolation)).all()
    both = warp(images, 15, 30, matrix=0.7 * np.eye(2), interpolation=interpolation)
    again = warp(images, 15, 30, 0.7, interpolation=interpolation)
    assert np.abs(both.astype(int) - again).max() <= 1  # a rounding at one half


def test_a_matrix_that_mirrors_or_flattens_is_refused():
    for matrix in ([[-1, 0], [0, 1]], [[1, 1], [1, 1]]):
        with pytest.raises(
            ValueError, match=r"determinants of matrices must be above 0, got -?[01]"
        ):
            warp(noise(), 5, matrix=matrix)


@BOTH
def test_what_is_only_shifted_by_whole_pixels_keeps_its_pixels(interpolation):
    images = noise()
    assert (warp(images, 9, interpolation=interpolation) == images).all()
    moved = warp(images, 12, position=(6, 5), interpolation=interpolation)
    assert (moved[:, 1:10, 2:11] == images).all()
    assert moved.sum(dtype=int) == images.sum(dtype=int)


@BOTH
def test_quarter_turns_are_counter_clockwise_and_exact(interpolation):
    images = noise()
    made = warp(images, 9, [0, 90, 180, 270], interpolation=interpolation)
    for turns in range(4):
        assert (made[turns] == np.rot90(images[turns], turns)).all()


@BOTH
@pytest.mark.parametrize("scale", [0.3, 0.7, 1.0, 2.5])
def test_both_ways_of_resampling_give_the_same_pixels(interpolation, scale):
    planes, places = noise()[:, None], np.full((4, 2), 6.2)
    pose = (np.full(4, scale), places, interpolation, True)
    way, narrow = np.broadcast_to(np.eye(2), (4, 2, 2)), np.ones((4, 2))
    turned = _warp._at_once(planes, 14, *pose, way, narrow)
    assert (_warp._separately(planes, 14, *pose) == turned).all()


@BOTH
def test_an_image_is_the_same_alone_and_among_others_whatever_the_chunk(interpolation, monkeypatch):
    images, drawn = noise(30), pose_numbers(0, 0, 30, 4)
    angle, scale, place = 90 * (drawn[:, 0] > 0.3), 0.3 + drawn[:, 1], 3 + 6 * drawn[:, 2:]
    whole = warp(images, 13, angle, scale, place, interpolation)
    monkeypatch.setattr(_warp, "_CHUNK", 7 * 13**2)
    assert (warp(images, 13, angle, scale, place, interpolation) == whole).all()
    for i in (0, 11, 29):
        alone = warp(images[i : i + 1], 13, angle[i], scale[i], place[i], interpolation)
        assert (alone[0] == whole[i]).all()


def test_channels_are_resampled_alike():
    images = noise(6).reshape(2, 3, 9, 9)
    made = warp(images, 12, 20, 1.2)
    assert made.shape == (2, 3, 12, 12)
    assert (made[:, 1] == warp(images[:, 1], 12, 20, 1.2)).all()


def test_a_blob_comes_to_lie_where_angle_scale_and_position_say():
    image = np.zeros((1, 21, 21), dtype=np.uint8)
    image[0, 10, 16] = 255  # 6 pixels to the right of the centre
    made = warp(image, 61, 30, 3, (25, 32), "bilinear")[0].astype(float)
    rows, columns = np.mgrid[:61, :61]
    x, y = (made * columns).sum() / made.sum(), (made * rows).sum() / made.sum()
    # turned counter-clockwise it goes up; grey values are rounded, so its mean moves a little
    np.testing.assert_allclose((x, y), (25 + 18 * math.cos(math.pi / 6), 32 - 9), atol=0.05)


@BOTH
@pytest.mark.parametrize("angle", [0.0, 33.0])
def test_a_fine_pattern_becomes_grey_when_it_shrinks_unless_aliasing_is_asked_for(
    interpolation, angle
):
    stripes = np.zeros((1, 64, 64), dtype=np.uint8)
    stripes[:, :, ::2] = 255
    smooth = warp(stripes, 28, angle, 0.4, interpolation=interpolation)[0, 10:18, 10:18]
    rough = warp(stripes, 28, angle, 0.4, None, interpolation, antialias=False)[0, 10:18, 10:18]
    assert smooth.std() < 6
    assert rough.std() > 30
    assert abs(smooth.mean() - 127.5) < 2


def test_pictures_of_another_kind_are_refused():
    with pytest.raises(ValueError, match=r"must be uint8 .* got float64 \(2, 3, 3\)"):
        warp(np.zeros((2, 3, 3)), 5)
    with pytest.raises(ValueError, match=r"scales must be above 0, got 0\.0"):
        warp(noise(), 5, scale=0)
    with pytest.raises(ValueError, match="unknown interpolation 'nearest'"):
        warp(noise(), 5, interpolation="nearest")


@pytest.mark.parametrize("numbers", [1, 4, 6])
def test_the_numbers_of_an_image_are_drawn_again_without_the_others(numbers):
    every = pose_numbers(3, 1, 500, numbers)
    assert every.shape == (500, numbers)
    assert (pose_numbers(3, 1, np.array([499, 7]), numbers) == every[[499, 7]]).all()
    assert (pose_numbers(3, 1, 10, numbers) == every[:10]).all()


def test_other_seeds_and_splits_draw_other_numbers_which_are_uniform():
    drawn = np.stack([pose_numbers(*key, 2000, 3) for key in ((0, 0), (0, 1), (1, 0))])
    assert len(np.unique(drawn)) == drawn.size
    assert 0 <= drawn.min() < drawn.max() < 1
    # the mean of 6,000 uniform numbers has the standard deviation 0.0037
    np.testing.assert_allclose(drawn.mean(axis=(1, 2)), 0.5, atol=0.02)
    with pytest.raises(ValueError, match="seed, split >= 0"):
        pose_numbers(-1, 0, 3, 1)


def test_the_stream_of_poses_is_a_known_one():
    # Philox 4x64 of NumPy; a change here means that every data set is drawn anew
    expected = [[0.0115467543, 0.2415491966], [0.5023796043, 0.2776055769]]
    np.testing.assert_allclose(pose_numbers(0, 0, 2, 2), expected, rtol=0, atol=1e-9)
