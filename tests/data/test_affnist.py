"""Digits shifted for training, and under affine maps for testing."""

import numpy as np
import pytest
from pydantic import ValidationError

from isotrope.data import affnist
from isotrope.data._affnist import CANVAS, mapped, matrices, places, shifted
from isotrope.data._digits import Digits, read
from isotrope.errors import UserError

GRID = np.arange(CANVAS)
SOME = np.arange(40)


def spots(x, y, sigma=1.5, count=40):
    """Digits of 28 x 28 pixels that all are a smooth spot."""
    rows, columns = np.mgrid[:28, :28]
    grey = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    images = np.broadcast_to(np.rint(255 * grey).astype(np.uint8), (count, 28, 28))
    return Digits(images, (np.arange(count) % 10).astype(np.uint8), 1.0)


def centroids(images):
    mass = images.astype(np.float64)
    total = mass.sum(axis=(1, 2))
    across, down = (mass.sum(axis=axis) @ GRID / total for axis in (1, 2))
    return np.stack([across, down], axis=1)


def whole_map(block):
    """The map of each image, ``(n, 2, 2)``, from the numbers that are stored."""
    radians = np.deg2rad(block["angle"].astype(np.float64))
    cosine, sine = np.cos(radians), np.sin(radians)
    turn = np.stack([cosine, sine, -sine, cosine], axis=1).reshape(-1, 2, 2)
    return turn @ matrices(block["shear"], block["stretch"])


def test_training_digits_are_shifted_by_whole_pixels_and_nothing_else():
    digits = Digits(
        np.random.default_rng(0).integers(1, 256, (200, 28, 28), np.uint8),
        np.zeros(200, np.uint8),
        1.0,
    )
    block = shifted(digits, np.arange(200), 0)
    corners = (block["position"] - 13.5).astype(int)
    for image, digit, (left, top) in zip(block["images"], digits.images, corners, strict=True):
        assert (image[top : top + 28, left : left + 28] == digit).all()
        assert (image > 0).sum() == 28 * 28
    for axis in range(2):
        assert set(corners[:, axis]) == set(range(13))
    assert not block["angle"].any()
    assert not block["shear"].any()
    assert (block["stretch"] == 1).all()


@pytest.mark.parametrize("offset", [(0.0, 0.0), (5.0, 0.0), (-3.0, 4.0)])
def test_a_spot_lies_where_the_map_says(offset):
    block = mapped(spots(13.5 + offset[0], 13.5 + offset[1]), SOME, 0)
    expected = block["position"] + whole_map(block) @ np.array(offset)
    # grey values are rounded: the faint rim of a spot moves its centroid by less than this
    np.testing.assert_allclose(centroids(block["images"]), expected, rtol=0, atol=0.2)


def test_second_moments_are_those_of_the_map():
    block = mapped(spots(13.5, 13.5, sigma=3.0), SOME, 0)
    for image, linear in zip(block["images"], whole_map(block), strict=True):
        mass = image / image.sum(dtype=np.float64)
        x, y = centroids(image[None])[0]
        across, down = GRID - x, (GRID - y)[:, None]
        moments = [[(mass * a * b).sum() for b in (across, down)] for a in (across, down)]
        # smoothing where an image shrinks adds less than a third of a pixel squared
        np.testing.assert_allclose(moments, 9 * linear @ linear.T, rtol=0, atol=0.35)


def test_maps_are_uniform_and_their_parts_independent():
    block = mapped(spots(13.5, 13.5, count=4000), np.arange(4000), 0)
    for name, low, high in (("angle", -20, 20), ("shear", -0.2, 0.2), ("stretch", 0.8, 1.2)):
        values = block[name]
        wide = high - low
        assert low <= values.min() < low + 0.01 * wide
        assert high - 0.01 * wide < values.max() <= high + 1e-6
        assert abs(values.mean() - (low + high) / 2) < 0.02 * wide  # 4 standard deviations
    assert np.abs(np.corrcoef(block["stretch"].T)[0, 1]) < 0.07


def test_no_ink_leaves_the_canvas_and_the_places_reach_its_edges():
    digits = read("digits8").test
    chosen = np.arange(600) % len(digits.labels)
    some = digits.some(chosen)
    block = mapped(some, np.arange(600), 0)
    linear = digits.zoom * whole_map(block)
    corners = np.array([(-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5)])
    edges = []
    for image, step, position in zip(some.images, linear, block["position"], strict=True):
        rows, columns = np.nonzero(image)
        points = np.stack([columns - 3.5, rows - 3.5], axis=1)
        squares = (points[:, None] + corners).reshape(-1, 2) @ step.T + position
        edges.append([squares.min(axis=0), squares.max(axis=0)])
    edges = np.array(edges)
    assert edges.min() > -0.5001  # float32: a ten-thousandth of a pixel
    assert edges.max() < 39.5001
    assert (edges[:, 0].min(axis=0) < 0).all()
    assert (edges[:, 1].max(axis=0) > 39).all()


def test_ink_that_is_too_large_sticks_out_alike_on_both_sides():
    digits = Digits(np.full((1, 50, 50), 9, np.uint8), np.zeros(1, np.uint8), 1.0)
    low, high = places(digits, np.zeros(1, np.float32), np.eye(2)[None])
    assert (low == high).all()
    assert (low == 19.5).all()


@pytest.mark.parametrize("draw", [shifted, mapped])
def test_any_image_can_be_made_alone(draw):
    digits = read("digits8").test
    whole = draw(digits.some(SOME), SOME, 0)
    alone = draw(digits.some(np.array([17])), np.array([17]), 0)
    for name, values in whole.items():
        assert (alone[name][0] == values[17]).all(), name
    other = draw(digits.some(np.array([17])), np.array([17]), 1)
    assert (other["position"] != alone["position"]).any()


def test_each_test_digit_is_drawn_as_often_as_wished_and_differently(tmp_path):
    params = affnist.Params(source="digits8", draws=2)
    affnist.build(params, tmp_path, "k")
    test = affnist.load(params, tmp_path, "k", "test")
    assert len(test) == 2 * 297
    assert (test.labels[:297] == test.labels[297:]).all()
    assert (test.latents["angle"][:297] != test.latents["angle"][297:]).all()
    train, valid = (affnist.load(params, tmp_path, "k", split) for split in ("train", "valid"))
    assert (len(train), len(valid)) == (1375, 125)
    fewer = affnist.Params(source="digits8", draws=2, train_images=9, valid_from="test")
    assert (affnist.load(fewer, tmp_path, "k", "train").images == train.images[:9]).all()
    assert (affnist.load(fewer, tmp_path, "k", "valid").images == test.images).all()


def test_counts_follow_from_the_source_and_no_more_can_be_asked_for():
    assert affnist.image_counts(affnist.Params(source="local")) == {
        "train": 55_000,
        "valid": 5_000,
        "test": 50_000,
    }
    original = affnist.Params(source="local", draws=32, valid_from="test")
    assert affnist.image_counts(original)["test"] == 320_000
    with pytest.raises(ValidationError, match="there are 1485 with `source: digits8`"):
        affnist.Params(source="digits8", test_images=1486)
    with pytest.raises(UserError, match=r"dataset\.train_images: 1400 images .* 1375 are left"):
        affnist.image_counts(affnist.Params(source="digits8", train_images=1400))
