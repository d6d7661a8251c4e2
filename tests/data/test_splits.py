"""How the images of a data set that is published in two parts are divided."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isotrope.data._splits import interleaved


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
