"""What counts as guessing: small, and not more than chance gives on so many images."""

from math import comb

import pytest

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


def test_of_many_classes_a_gain_of_a_third_is_small_whatever_the_interval_says():
    assert most_by_guessing(36, 576) == 24
    assert at_chance(20 / 576, 36, 576)
    assert not at_chance(21 / 576, 36, 576)  # 1.31 times chance level


def test_two_of_three_right_of_two_classes_are_no_guess_on_many_images():
    assert at_chance(0.64, 2, 25)
    assert not at_chance(0.64, 2, 100)
    assert not at_chance(0.719, 2, 10_000)
    assert at_chance(0.5, 2, 10**6)
