"""What counts as guessing: small, and not more than chance gives on so many images."""

from math import comb

import pytest
from scipy.stats import binom

from isotrope.training.chance_level import at_chance, most_by_guessing


@pytest.mark.parametrize("classes", [2, 3, 10, 36])
@pytest.mark.parametrize("images", [1, 7, 64, 576])
def test_guessing_gives_more_in_less_than_one_case_of_forty(classes, images):
    def at_most(right):  # in whole numbers, so that nothing is rounded
        ways = sum(comb(images, k) * (classes - 1) ** (images - k) for k in range(right + 1))
        return 40 * ways, 39 * classes**images

    most = most_by_guessing(classes, images)
    here, wanted = at_most(most)
    assert here >= wanted
    if most > 0:
        before, wanted = at_most(most - 1)
        assert before < wanted


@pytest.mark.parametrize(("classes", "images"), [(2, 100), (2, 69), (3, 90), (4, 177), (10, 1000)])
def test_an_accuracy_is_chance_level_up_to_the_quantile_of_guessing_and_not_above(classes, images):
    most = int(binom(images, 1 / classes).ppf(0.975))
    assert most_by_guessing(classes, images) == most
    if most / images <= 1.3 / classes:
        assert at_chance(most / images, classes, images)
    assert not at_chance((most + 1) / images, classes, images)


def test_a_gain_counts_as_small_up_to_1_3_times_chance_level_and_not_above():
    assert binom(600, 1 / 20).ppf(0.975) >= 40, "guessing would give more"
    assert at_chance(39 / 600, 20, 600)  # 1.3 times chance level
    assert not at_chance(40 / 600, 20, 600)


def test_of_many_classes_a_gain_of_a_third_is_small_whatever_the_interval_says():
    assert most_by_guessing(36, 576) == 24
    assert at_chance(20 / 576, 36, 576)
    assert not at_chance(21 / 576, 36, 576)  # 1.31 times chance level


def test_two_of_three_right_of_two_classes_are_no_guess_on_many_images():
    assert at_chance(0.64, 2, 25)
    assert not at_chance(0.64, 2, 100)
    assert not at_chance(0.719, 2, 10_000)
    assert at_chance(0.5, 2, 10**6)
