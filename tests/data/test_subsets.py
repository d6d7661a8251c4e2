"""Subsets of training images that are balanced by class, the published ones among them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from isotrope.data import _cifar_subsets, cifar10
from isotrope.data.cifar10 import PUBLISHED_SEEDS, balanced_subset
from isotrope.datasets.images import Images

RANKS = [3363, 408, 1643, 712, 4450, 2602, 933, 2899, 4436, 3789]  # of seed 207715039
LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(10), 5000))


def test_the_first_published_subset_has_the_published_ranks_in_every_class():
    chosen = balanced_subset(LABELS, 100, 207715039)
    for label in range(10):
        places = np.flatnonzero(label == LABELS)
        assert chosen[10 * label : 10 * label + 10].tolist() == places[RANKS].tolist()


@given(
    counts=st.lists(st.integers(3, 9), min_size=1, max_size=4),
    seed=st.integers(0, 2**32 - 1),
    each=st.integers(1, 3),
)
def test_every_class_gives_the_same_ranks_and_larger_subsets_hold_the_smaller(counts, seed, each):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    chosen = balanced_subset(labels, each * len(counts), seed).reshape(len(counts), each)
    ranks = [
        np.searchsorted(np.flatnonzero(labels == label), its) for label, its in enumerate(chosen)
    ]
    expected = np.random.RandomState(seed).permutation(min(counts))[:each]
    assert all(its.tolist() == expected.tolist() for its in ranks)
    assert (labels[chosen] == np.arange(len(counts))[:, None]).all()
    whole = balanced_subset(torch.from_numpy(labels), min(counts) * len(counts), seed)
    assert set(chosen.flat) <= set(whole)


@pytest.mark.parametrize("samples", [0, -2, 5, 8])
def test_samples_that_cannot_be_balanced_are_refused(samples):
    with pytest.raises(ValueError, match="multiple of 2 classes, at most 6 samples"):
        balanced_subset([0, 1, 0, 1, 0, 1, 1], samples, 1)


@pytest.fixture
def small(monkeypatch):
    """CIFAR-10 as if it had 400 training images, and 20 in the largest published subset."""
    monkeypatch.setattr(cifar10.Params, "COUNTS", {"train": 400, "test": 40})
    monkeypatch.setattr(_cifar_subsets, "LARGEST", 20)
    _cifar_subsets._in_rest.cache_clear()
    yield
    _cifar_subsets._in_rest.cache_clear()


def params(**changes):
    return cifar10.Params(source="local", **changes)


def split_of(settings, split):
    """The labels of a split, and which of the 400 images it has."""
    _, rows = settings.rows(split)
    labels = torch.from_numpy(np.random.default_rng(1).permutation(np.arange(400) % 10))
    numbers = torch.arange(400)
    planes = torch.stack((numbers // 256, numbers % 256), dim=1).to(torch.uint8)
    found = settings.pooled(split, Images(planes[rows, :, None, None], labels[rows]))
    high, low = found.images.flatten(1).long().unbind(1)
    return found.labels, 256 * high + low


def test_seeds_are_trained_on_their_published_subsets_of_all_images(small):
    settings = params(samples=20)
    assert cifar10.splits(settings) == ("train", "test")
    assert cifar10.image_counts(settings) == {"train": 400, "test": 40}
    labels, numbers = split_of(settings, "train")
    assert numbers.tolist() == list(range(400))
    for seed in (1, 2):
        expected = balanced_subset(labels, 20, seed).tolist()
        assert cifar10.subset(settings, labels, seed).tolist() == expected
        fixed = params(samples=20, subset_seed=1)
        assert torch.equal(cifar10.subset(fixed, labels, seed), cifar10.subset(settings, labels, 1))
    with pytest.raises(ValueError, match="one of train, test, got 'valid'"):
        settings.rows("valid")


def test_all_images_train_where_all_samples_are_asked_for(small):
    settings = params(samples="all")
    assert settings == params(samples=400)
    labels, numbers = split_of(settings, "train")
    assert len(numbers) == 400
    assert cifar10.subset(settings, labels, 1) is None
    assert cifar10.splits(settings) == ("train", "test")


def test_the_rest_has_no_image_of_a_published_subset_and_is_balanced(small):
    settings = params(samples=20, pool="rest", valid_images=50)
    labels, numbers = split_of(params(samples=20), "train")
    published = {
        int(one)
        for seed in PUBLISHED_SEEDS
        for samples in (10, 20)
        for one in balanced_subset(labels, samples, seed)
    }
    train, valid = split_of(settings, "train"), split_of(settings, "valid")
    both = torch.cat((train[1], valid[1]))
    assert sorted(both.tolist()) == sorted(set(numbers.tolist()) - published)
    assert valid[0].bincount().tolist() == [5] * 10
    assert train[0].bincount().unique().numel() == 1
    counts = cifar10.image_counts(settings)
    assert counts == {"train": len(train[0]), "valid": 50, "test": 40}
    chosen = cifar10.subset(settings, train[0], 7)
    assert chosen.tolist() == balanced_subset(train[0], 20, 7).tolist()
    test = {"samples": 20, "pool": "rest", "test_images": 30, "valid_images": 50}
    assert params(**test).rows("test") == ("test", slice(0, 30))


def test_the_real_rest_has_912_ranks_less_in_every_class():
    left = cifar10.Params(source="local", samples=100, pool="rest")
    assert cifar10.image_counts(left) == {"train": 35_880, "valid": 5000, "test": 10_000}
    assert len(_cifar_subsets.unpublished(LABELS)) == 50_000 - 9120


def test_nothing_changes_where_no_samples_are_asked_for(small):
    settings = params(valid_images=50)
    assert cifar10.splits(settings) == ("train", "valid", "test")
    assert cifar10.image_counts(settings) == {"train": 350, "valid": 50, "test": 40}
    assert cifar10.subset(settings, torch.arange(350) % 10, 1) is None
    names = {"samples", "subset_seed", "pool"}
    assert not names & set(settings.model_dump(exclude_defaults=True))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"samples": 15}, r"samples\n.*write a multiple of 10 up to 400, or all"),
        ({"samples": 410}, r"samples\n.*write a multiple of 10 up to 400, or all"),
        ({"samples": 20, "train_images": 30}, r"samples\n.*leave `train_images` out"),
        ({"samples": 20, "valid_from": "test"}, r"samples\n.*`monitor: \{split: test\}`"),
        ({"samples": 20, "valid_images": 50}, r"pool\n.*no image validates; leave `valid_images`"),
        ({"subset_seed": 3}, r"subset_seed\n.*it chooses nothing without `samples`"),
        ({"pool": "rest", "valid_images": 50}, r"pool\n.*it chooses nothing without `samples`"),
        ({"samples": 20, "pool": "rest", "valid_images": 55}, r"pool\n.*must be a multiple of 10"),
        ({"samples": 300, "pool": "rest", "valid_images": 50}, r"pool\n.*and leave 300"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(small, changes, sentence):
    with pytest.raises(ValidationError, match=sentence):
        params(**changes)
