import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isotrope.data._svg import Icon, coverage, draw, flatten, read_icon, read_path

numbers = st.floats(-4, 20, allow_nan=False).map(lambda value: round(value, 3))
CIRCLE = "M8 2c3.3137 0 6 2.6863 6 6s-2.6863 6-6 6-6-2.6863-6-6 2.6863-6 6-6z"


@given(left=numbers, top=numbers, width=st.floats(0.01, 9), height=st.floats(0.01, 9))
def test_a_rectangle_covers_each_pixel_by_their_overlap(left, top, width, height):
    rectangle = read_path(f"M{left} {top}h{width:.6f}v{height:.6f}H{left}z")

    covered = coverage(flatten(rectangle), 16)

    edge = np.arange(16)
    across = (np.minimum(edge + 1, left + width) - np.maximum(edge, left)).clip(0, 1)
    down = (np.minimum(edge + 1, top + height) - np.maximum(edge, top)).clip(0, 1)
    np.testing.assert_allclose(covered, down[:, None] * across, atol=3e-6)  # six digits above


def test_a_circle_covers_its_area_up_to_the_flatness():
    fine = coverage(flatten(read_path(CIRCLE), tolerance=1e-4), 16)
    coarse = coverage(flatten(read_path(CIRCLE)), 16)

    assert fine.sum() == pytest.approx(math.pi * 36, abs=0.1)  # a cubic is no exact arc
    assert 0 <= fine.sum() - coarse.sum() < 2 * math.pi * 6 * 0.1
    assert fine.min() >= 0
    assert fine.max() <= 1 + 1e-12


@given(turns=st.integers(0, 3))
def test_chords_stay_within_the_tolerance_of_the_curve(turns):
    turn = np.array([[0, 1], [-1, 0]])
    curves = read_path(CIRCLE)[1:5] @ np.linalg.matrix_power(turn, turns)
    centre = np.array([8, 8]) @ np.linalg.matrix_power(turn, turns)

    chords = flatten(curves, tolerance=0.05)

    middles = np.linalg.norm(chords.mean(axis=1) - centre, axis=1)
    assert (middles > 6 - 0.05).all()
    assert np.linalg.norm(chords - centre, axis=2) == pytest.approx(6, abs=2e-3)


def test_a_hole_drawn_the_other_way_round_is_left_out():
    covered = coverage(flatten(read_path("M1 1h6v6h-6zM3 3v2h2v-2z")), 8)

    assert covered.sum() == 32
    assert covered[3, 3] == 0


def test_absolute_and_relative_commands_draw_the_same():
    relative = read_path("m2 1l3 2h2v1c1 1 2 2 0 3s-3 1-4 2zm1 1 .5.5-1 0")
    absolute = read_path("M2 1L5 3H7V4C8 5 9 6 7 7S4 8 3 9ZM3 2 3.5 2.5 2.5 2.5")

    np.testing.assert_allclose(relative, absolute, atol=1e-12)


def test_numbers_may_touch_as_the_svg_standard_allows():
    np.testing.assert_array_equal(
        read_path("M1.5.5-1-.25l1e1-2"), read_path("M 1.5,.5 -1,-.25 l 10 -2")
    )


def test_an_unknown_path_command_is_refused():
    with pytest.raises(ValueError, match="path command 'A' is not one of M L H V C S Z"):
        read_path("M1 1A5 5 0 0 1 10 10z")


@pytest.mark.parametrize(
    "text",
    [
        '<svg viewBox="0 0 8 8"><path d="M1 1h2v2z"/><path d="M1 1h2v2z"/></svg>',
        '<svg viewBox="0 0 8 8"><circle r="3"/></svg>',
        '<svg viewBox="1 0 8 8"><path d="M1 1h2v2z"/></svg>',
    ],
)
def test_an_svg_that_is_not_one_path_at_the_origin_is_refused(text):
    with pytest.raises(ValueError, match="need an SVG with one path"):
        read_icon(text)


def test_an_oblong_icon_fits_and_is_centred():
    icon = Icon(read_path("M0 0h20v10h-20z"), 20, 10)

    picture = draw(icon, 8)

    assert (picture[2:6] == 255).all()
    assert picture.sum() == 255 * 32
