"""Random views of photos."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from isotrope.data import _photo_views as views


def generator(seed):
    return torch.Generator().manual_seed(seed)


def photo(height, width, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize(("height", "width"), [(30, 50), (50, 31), (40, 40)])
def test_a_padded_photo_is_whole_in_the_middle_of_a_black_square(height, width):
    side = max(height, width)
    found = views.padded(photo(height, width), side).permute(1, 2, 0).numpy()
    top, left = (side - height) // 2, (side - width) // 2
    inside = found[top : top + height, left : left + width]
    assert (inside == np.asarray(photo(height, width))).all()
    assert found.sum() == inside.sum()
    mirrored = [
        views.trained(photo(height, width), "basic", 8, 20, generator(seed), "pad")
        for seed in range(8)
    ]
    whole = views.padded(photo(height, width), 20)
    assert {torch.equal(one, whole) for one in mirrored} == {True, False}
    assert all(torch.equal(one, whole) or torch.equal(one.flip(-1), whole) for one in mirrored)


@given(seed=st.integers(0, 2**31), height=st.integers(1, 700), width=st.integers(1, 700))
def test_a_random_window_lies_in_the_photo_and_has_an_allowed_area_and_aspect(seed, height, width):
    top, left, its_height, its_width = views.random_window(height, width, generator(seed))
    assert 0 <= top <= height - its_height
    assert 0 <= left <= width - its_width
    assert its_height >= 1
    assert its_width >= 1
    slack = 0.51  # of a pixel, as both sides are whole
    assert (its_width - slack) / (its_height + slack) <= views.ASPECT[1] + 1e-9
    assert (its_width + slack) / (its_height - slack) >= views.ASPECT[0] - 1e-9


def test_areas_and_aspects_are_spread_as_they_should_be():
    drawn = [views.random_window(500, 500, generator(seed)) for seed in range(3000)]
    areas = np.array([one.height * one.width / 500**2 for one in drawn])
    aspects = np.array([math.log(one.width / one.height) for one in drawn])
    assert areas.min() < 0.085
    assert areas.max() > 0.98
    small = (areas < 0.5).mean() / (areas < 0.29).mean()  # no small window is drawn again
    assert small == pytest.approx(0.42 / 0.21, rel=0.1)
    assert abs(aspects.mean()) < 0.01
    assert abs(np.quantile(aspects, [0.02, 0.98])).min() > 0.25
    tops = np.array([one.top / max(1, 500 - one.height) for one in drawn])
    assert abs(tops.mean() - 0.5) < 0.02


def test_an_oblong_photo_shows_the_largest_allowed_part_in_its_middle():
    assert views.random_window(10, 1000, generator(0)) == (0, 493, 10, 13)
    assert views.random_window(1000, 9, generator(0)) == (494, 0, 12, 9)


@given(seed=st.integers(0, 2**31))
def test_a_random_part_is_what_pillow_cuts_out_and_resizes(seed):
    picture = photo(60, 80)
    found = views.trained(picture, "randomresized", 40, 24, generator(seed))
    same = generator(seed)
    top, left, height, width = views.random_window(60, 80, same)
    cut = picture.crop((left, top, left + width, top + height))
    expected = np.asarray(cut.resize((24, 24), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    if torch.rand((), generator=same) < 0.5:
        expected = expected[:, :, ::-1]
    assert (found.numpy() == expected).all()


@given(seed=st.integers(0, 2**31))
def test_a_circular_view_is_the_tested_one_mirrored_or_not_and_rolled(seed):
    picture = photo(90, 100)
    tested = views.tested(picture, 80, 70)
    rolled = views.trained(picture, "circular", 80, 70, generator(seed))
    basic = views.trained(picture, "basic", 80, 70, generator(seed))
    assert torch.equal(views.trained(picture, "plain", 80, 70, generator(seed)), tested)
    assert torch.equal(basic, tested) or torch.equal(basic, tested.flip(2))
    same = generator(seed)
    torch.rand((), generator=same)
    down, across = (int(torch.randint(-32, 33, (), generator=same)) for _ in range(2))
    assert torch.equal(rolled, basic.roll((down, across), (1, 2)))


def test_rolls_reach_32_pixels_each_way_and_half_of_the_photos_are_mirrored():
    picture = photo(20, 66)
    tested = views.tested(picture, 20, 20)
    basics = [views.trained(picture, "basic", 20, 20, generator(seed)) for seed in range(400)]
    mirrored = np.mean([not torch.equal(one, tested) for one in basics])
    assert abs(mirrored - 0.5) < 0.08
    marked = Image.fromarray(np.zeros((80, 80, 3), np.uint8))
    marked.putpixel((40, 40), (255, 255, 255))
    rows = set()
    for seed in range(1200):
        view = views.trained(marked, "circular", 80, 80, generator(seed))
        rows.add(int(view[0].argmax()) // 80 - 40)
    assert rows == set(range(-32, 33))
