"""The windows that are cut out of photos for the colour tasks of STIR."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_photos import street
from PIL import Image

from isotrope.data import _stir_aerial, _stir_photos, _stir_trafficsign
from isotrope.data._stir_photos import Fit, Photos, Thing, cut

SCALES = range(64, 16, -1)


@pytest.mark.parametrize("side", [64, 100, 333])
def test_the_box_of_a_sign_becomes_a_square_of_the_scale(side):
    thing = Thing("p", "stop", 200, 150, 200 + side, 150 + side + 3)
    for scale in SCALES:
        fit = _stir_trafficsign.fit_to(thing, scale, (1200, 900))
        assert (fit.right - fit.left, fit.bottom - fit.top) == (scale, scale)
        assert fit.width == round(1200 * scale / side)
        assert fit.height == round(900 * scale / (side + 3))


def test_the_long_side_of_an_aerial_thing_becomes_the_scale_and_its_shape_is_kept():
    thing = Thing("p", "plane", 200, 150, 300, 200)
    fit = _stir_aerial.fit_to(thing, 50, (1200, 900))
    assert fit == Fit(600, 450, 100, 75, 150, 100)


@given(
    box=st.tuples(st.integers(0, 900), st.integers(0, 700), st.integers(64, 200)),
    scale=st.integers(17, 64),
    seed=st.integers(0, 99),
)
def test_a_window_holds_the_box_and_lies_in_the_photo(box, scale, seed):
    left, top, side = box
    thing = Thing("p", "stop", left, top, left + side, top + side)
    fit = _stir_trafficsign.fit_to(thing, scale, (1100, 900))
    stream = np.random.Generator(np.random.Philox(seed))
    x = _stir_photos._start(fit.left, fit.right, fit.width, stream)
    assert 0 <= x <= fit.left
    assert fit.right <= x + 64 <= fit.width


def test_no_two_samples_share_a_part_of_a_random_stream(root, monkeypatch):
    photo = Image.new("RGB", (300, 300))
    monkeypatch.setattr(_stir_photos, "_decoded", lambda content, name: photo)
    monkeypatch.setattr(Photos, "read", lambda self, name: b"")
    drawn = []

    def sample(photo, fit, stream):
        drawn.extend(stream.bit_generator.random_raw(40).tolist())
        return np.zeros((64, 64, 3), np.uint8), (0, 0)

    monkeypatch.setattr(_stir_photos, "_sample", sample)
    things = [[[Thing("p", "stop", 90, 70, 160, 140)] * 3] * 3] * 4  # classes, splits, instances
    _stir_photos.make_images(things, Photos([root], ".jpg"), _stir_trafficsign.fit_to, "signs")

    assert len(set(drawn)) == len(drawn) == 4 * 3 * 3 * 48 * 40


@pytest.mark.parametrize(("side", "scale"), [(150, 64), (150, 17), (77, 61), (64, 64), (90, 33)])
def test_a_window_differs_from_that_of_the_whole_scaled_photo_by_single_values(side, scale):
    photo = street(1300, 1000, seed=side)
    size = (round(1300 * scale / side), round(1000 * scale / side))
    whole = np.asarray(photo.resize(size, Image.Resampling.LANCZOS)).astype(int)
    for left, top in ((0, 0), (5, 7), (size[0] - 64, size[1] - 64)):
        window = cut(photo, Fit(*size, 0, 0, 0, 0), left, top).astype(int)
        apart = np.abs(window - whole[top : top + 64, left : left + 64])
        # Pillow takes the box in single precision; its weights move by a ten-thousandth
        assert apart.max() <= 1
        assert (apart > 0).mean() < 0.005
