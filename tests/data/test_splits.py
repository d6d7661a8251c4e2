"""How the images of a data set that is published in two parts are divided."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isotrope.data._splits import interleaved, rows_of_split
from isotrope.errors import UserError


@given(counts=st.lists(st.integers(1, 40), min_size=1, max_size=6), seed=st.integers(0, 99))
def test_every_beginning_has_the_classes_in_their_proportions(counts, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    labels = np.random.default_rng(seed).permutation(labels)
    order = interleaved(labels)
    assert sorted(order) == list(range(len(labels)))
    for first in range(len(labels) + 1):
        found = np.bincount(labels[order[:first]], minlength=len(counts))
        share = first * np.array(counts) / len(labels)
        # each class is off by half an image at most, and the beginning by half of one of each
        assert (abs(found - share) <= 0.5 + 0.5 * len(counts)).all()
    for kind in range(len(counts)):
        its = order[labels[order] == kind]
        assert (np.diff(its) > 0).all()  # images of a class keep their order


def test_equal_classes_take_turns():
    assert interleaved(np.repeat(np.arange(3), 4)).tolist() == [
        0,
        4,
        8,
        1,
        5,
        9,
        2,
        6,
        10,
        3,
        7,
        11,
    ]
    assert interleaved(np.array([], dtype=np.int64)).tolist() == []


def rows(split, **changes):
    asked = {"train_images": None, "valid_images": 3, "test_images": None, "valid_from": "train"}
    part, found = rows_of_split(split, {"train": 10, "test": 5}, **{**asked, **changes})
    return part, list(range(10))[found]


def test_the_last_training_images_validate_or_those_that_are_tested():
    assert rows("train") == ("train", [0, 1, 2, 3, 4, 5, 6])
    assert rows("train", train_images=2) == ("train", [0, 1])
    assert rows("train", train_images=7) == rows("train")
    assert rows("test", test_images=5) == rows("test") == ("test", [0, 1, 2, 3, 4])
    assert rows("valid") == ("train", [7, 8, 9])
    assert rows("test", test_images=2) == ("test", [0, 1])
    assert rows("valid", valid_from="test", test_images=2) == ("test", [0, 1])
    assert rows("train", valid_from="test", valid_images=10) == ("train", list(range(10)))
    assert rows("train", valid_images=9) == ("train", [0])


def test_images_that_are_too_few_and_unknown_splits_are_refused():
    said = r"dataset\.valid_images: 10 of 10 training images leave none .* a number below 10"
    with pytest.raises(UserError, match=said):
        rows("valid", valid_images=10)
    with pytest.raises(UserError, match=r"dataset\.train_images"):
        rows("train", train_images=8)
    with pytest.raises(UserError, match=r"dataset\.test_images"):
        rows("test", test_images=6)
    with pytest.raises(ValueError, match="one of train, valid, test, got 'all'"):
        rows("all")
