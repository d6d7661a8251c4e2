"""Distances of sets of wavelets, against all ways to match them and closed forms."""

import math
from itertools import permutations

import numpy as np
import pytest

from isotrope.evaluation._wavelet_distances import (
    NUMBERS,
    distance,
    distances_by_epoch,
    matched,
    pair_distances,
    tight_frame,
)

FORMS = ("published", "periodic")


def wavelets(seed, shape=(2, 3)):
    generator = np.random.default_rng(seed)
    return {
        "theta": generator.uniform(-7, 7, shape),
        "xi": generator.uniform(0.3, 2.5, shape),
        "sigma": generator.uniform(0.5, 4, shape),
        "slant": generator.uniform(0.3, 1.5, shape),
    }


def shuffled(its, seed):
    order = np.random.default_rng(seed).permutation(its["theta"].size)
    return {name: one.ravel()[order] for name, one in its.items()}, order


def naive_published(one, other):
    flat = {name: (one[name].ravel(), other[name].ravel()) for name in NUMBERS}
    count = one["theta"].size
    found = np.zeros((count, count))
    for i, j in np.ndindex(count, count):
        squares = sum((flat[name][0][i] - flat[name][1][j]) ** 2 for name in NUMBERS[1:])
        turn = abs(flat["theta"][0][i] % (2 * math.pi) - flat["theta"][1][j] % (2 * math.pi))
        found[i, j] = math.sqrt(squares) + min(turn, 2 * math.pi - turn)
    return found


def test_published_distances_of_pairs_are_those_of_a_plain_loop():
    one, other = wavelets(1), wavelets(2)
    np.testing.assert_allclose(
        pair_distances(one, other), naive_published(one, other), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(3))
def test_the_matching_has_the_smallest_sum_of_all(form, seed):
    distances = pair_distances(wavelets(seed), wavelets(seed + 10), form)
    sums = [sum(distances[i, j] for i, j in enumerate(order)) for order in permutations(range(6))]
    found = matched(distances)
    assert found.total == pytest.approx(min(sums), rel=1e-12)
    assert sorted(found.partners) == list(range(6))


@pytest.mark.parametrize("form", FORMS)
def test_the_order_of_wavelets_does_not_matter(form):
    one, other = wavelets(3), wavelets(4)
    again, order = shuffled(one, 5)
    assert distance(one, again, form) == pytest.approx(0, abs=1e-12)
    assert distance(one, other, form) == pytest.approx(distance(again, other, form), rel=1e-12)
    partners = matched(pair_distances(one, again, form)).partners
    np.testing.assert_array_equal(order[partners], range(6))


@pytest.mark.parametrize("form", FORMS)
def test_distances_are_the_same_both_ways(form):
    one, other = wavelets(6), wavelets(7)
    assert distance(one, other, form) == pytest.approx(distance(other, one, form), rel=1e-12)


def test_full_turns_do_not_count_and_half_turns_do_so_as_published_alone():
    one = tight_frame(2, 8)
    full = {**one, "theta": one["theta"] + 4 * math.pi}
    half = {**one, "theta": one["theta"] + math.pi}
    assert distance(one, full) == pytest.approx(0, abs=1e-12)
    # directions fill one half of the circle, then the other: on average they are pi / 2 apart
    assert distance(one, half) == pytest.approx(16 * math.pi / 2)
    assert distance(one, half, "periodic") == pytest.approx(0, abs=1e-12)


def test_signs_do_not_count_in_the_periodic_form():
    one = wavelets(8)
    other = {**one, "xi": -one["xi"], "sigma": -one["sigma"], "slant": -one["slant"]}
    assert distance(one, other, "periodic") == pytest.approx(0, abs=1e-12)
    assert distance(one, other) > 1


def test_sizes_count_relatively_in_the_periodic_form():
    """A factor of 1.1 in sigma costs every wavelet 0.1 / 1.05, at whatever scale."""
    one = tight_frame(4, 8)
    wider = {**one, "sigma": 1.1 * one["sigma"]}
    found = matched(pair_distances(one, wider, "periodic")).distances
    np.testing.assert_allclose(found, 0.1 / 1.05, rtol=1e-9)
    published = matched(pair_distances(one, wider)).distances.reshape(4, 8)
    np.testing.assert_allclose(published[3], 8 * published[0], rtol=1e-9)


def test_the_distance_of_a_shift_in_one_number_is_that_shift_for_each_wavelet():
    one = tight_frame(2, 8)
    for name in NUMBERS:
        other = {**one, name: one[name] + 1e-3}
        assert distance(one, other) == pytest.approx(16 * 1e-3, rel=1e-9)


def test_epochs_have_the_distances_of_their_wavelets():
    moving = {name: np.stack([wavelets(i)[name] for i in range(4)]) for name in NUMBERS}
    others = {name: np.stack([wavelets(9 + i)[name] for i in range(4)]) for name in NUMBERS}
    fixed = wavelets(2)
    for form in FORMS:
        expected = [distance(wavelets(i), fixed, form) for i in range(4)]
        np.testing.assert_allclose(distances_by_epoch(moving, fixed, form), expected)
        both = [distance(wavelets(i), wavelets(9 + i), form) for i in range(4)]
        np.testing.assert_allclose(distances_by_epoch(moving, others, form), both)
    assert distances_by_epoch(moving, fixed)[2] == pytest.approx(0, abs=1e-12)
