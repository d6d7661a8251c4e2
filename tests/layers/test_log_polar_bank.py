import math

import numpy as np
import pytest

from isotrope.layers.log_polar_bank import Grid, bank
from isotrope.layers.log_polar_stencils import Sith

KINDS = ["bilinear", "gaussian", "sith_v1", "sith_v2"]


def test_radii_grow_by_one_factor_and_angles_begin_at_minus_pi():
    grid = Grid(1, 30, 20, 12)

    assert grid.radii[[0, -1]] == pytest.approx([1, 30], abs=1e-12)
    assert grid.radii[1:] / grid.radii[:-1] == pytest.approx(np.full(19, 1.196), abs=5e-4)
    assert grid.ratio == pytest.approx(30 ** (1 / 19))
    assert grid.angles == pytest.approx(np.arange(12) * math.pi / 6 - math.pi)
    x, y = np.moveaxis(grid.offsets, -1, 0)
    assert np.allclose(x + 1j * y, grid.radii[:, None] * np.exp(1j * grid.angles), atol=1e-12)


def test_the_centre_is_one_more_row_before_the_smallest_radius():
    with_centre = bank("bilinear", Grid(1, 8, 4, 8, include_center=True))

    assert with_centre.grid.rows == 5
    assert all(with_centre.stencil(0, a) == {(0, 0): 1.0} for a in range(8))
    assert with_centre.stencil(1, 3) == bank("bilinear", Grid(1, 8, 4, 8)).stencil(0, 3)


@pytest.mark.parametrize("angles", [4, 6, 7, 8, 12])
@pytest.mark.parametrize("kind", KINDS)
def test_stencils_turn_with_the_grid_exactly(kind, angles):
    turns = math.gcd(angles, 4)
    found = bank(kind, Grid(1, 5, 3, angles), sith=Sith(k=10))

    for t in range(3):
        for a in range(angles):
            stencil = found.stencil(t, a)
            for _ in range(4 // turns):
                stencil = {(x, -y): weight for (y, x), weight in stencil.items()}
            turned = found.stencil(t, (a + angles // turns) % angles) if turns > 1 else None
            assert turned is None or turned == pytest.approx(stencil, abs=1e-15)


@pytest.mark.parametrize("kind", ["bilinear", "gaussian"])
def test_the_centre_of_a_stencil_is_its_point(kind):
    found = bank(kind, Grid(1.3, 9, 6, 12))

    assert found.normalised
    for t in range(6):
        for a in range(12):
            stencil = found.stencil(t, a)
            middle = np.array([(x, y) for y, x in stencil]).T @ np.array(list(stencil.values()))
            assert middle == pytest.approx(found.grid.offsets[t, a], abs=1e-9)


def test_gaussian_stencils_grow_with_the_radius():
    found = bank("gaussian", Grid(1, 16, 5, 12))

    def variance(t):
        stencil = found.stencil(t, 0)
        weights, x = np.array(list(stencil.values())), np.array([x for _, x in stencil])
        return weights @ x**2 - (weights @ x) ** 2

    deviations = np.sqrt([variance(t) for t in range(5)])
    wanted = np.maximum(0.5, found.grid.radii * math.pi / 12)
    # levels are rounded by at most 2**0.25, a Gaussian is cut at 2.5 deviations, and bilinear
    # reading adds a variance of at most 1/4
    assert (deviations < np.sqrt((1.2 * wanted) ** 2 + 0.25)).all()
    assert (deviations > 0.75 * wanted).all()


def test_filters_are_those_of_their_formula():
    tau, k, found = 3.0, 12, bank("sith_v1", Grid(1, 3, 2, 8), sith=Sith(k=12))

    stencil = found.stencil(1, 4)  # along the x axis
    r, factor = 4.0, k**k / math.factorial(k - 1) / tau
    expected = factor * math.exp((k + 1) * math.log(r / tau) - k * r / tau)
    assert stencil[0, 4] == pytest.approx(expected, rel=1e-12)
    assert (1, 2) not in stencil  # 26.6 degrees, of 22.5 on either side
    assert (1, 3) in stencil
    assert max(abs(x) for _, x in stencil) <= 4  # 9 pixels in all
    later = bank("sith_v2", Grid(1, 3, 2, 8), sith=Sith(k=12, window="gaussian", sharpness=2.0))
    weight = later.stencil(1, 4)
    half = tau * math.pi / 8
    across = math.hypot(1, 3) * math.atan2(1, 3)
    gain = math.exp((k + 1) * math.log(math.hypot(1, 3) / 3) - k * (math.hypot(1, 3) / 3 - 1))
    assert weight[1, 3] / weight[0, 3] == pytest.approx(
        gain * math.exp(-((2 * across / half) ** 2))
    )


def test_filters_of_the_second_version_are_never_empty_and_sum_to_one():
    for distance in ("arc", "line"):
        for window in ("step", "gaussian"):
            found = bank("sith_v2", Grid(1, 8, 8, 24), sith=Sith(35, distance, window))
            assert found.normalised
            assert (np.diff(found.starts) > 0).all()
            assert found.reach <= 12


def test_equal_settings_give_one_bank():
    one, same = (bank("gaussian", Grid(1, 8, 4, 8), blur=0.5) for _ in range(2))

    assert one is same
    assert len({one, bank("gaussian", Grid(1, 8, 4, 8)), bank("bilinear", Grid(1, 8, 4, 8))}) == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Grid(2, 1), "need 0 < tau_min < tau_max, got tau_min=2 and tau_max=1"),
        (lambda: Grid(ntau=1), "at least 2 radii and 1 angle, got ntau=1"),
        (lambda: bank("cubic", Grid()), "unknown kind 'cubic'; choose from bilinear, gaussian"),
        (lambda: bank("gaussian", Grid(), blur=-1), "need blur >= 0, got -1"),
        (lambda: bank("gaussian", Grid(), smooth=True), "smooth belongs to the kind 'bilinear'"),
        (lambda: Sith(k=0), "need k >= 1"),
        (lambda: Sith(window="hann"), "window 'step' or 'gaussian'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
