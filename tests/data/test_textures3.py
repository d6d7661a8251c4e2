"""Patches of three textures that come with scikit-image."""

import numpy as np
import pytest
import torch

from isotrope.data import photos, textures3
from isotrope.data._warp import pose_numbers

UPRIGHT = {"turn": 0.0, "lighting": "photographed"}


def build(folder, **settings):
    """The splits, with few patches of each: those that the whole data set has first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textures3, "COUNTS", {"train": 60, "valid": 30, "test": 30})
        textures3.build(textures3.Params(**settings), folder, "a")
    return {
        split: textures3.load(textures3.Params(**settings), folder, "a", split)
        for split in textures3.SPLITS
    }


@pytest.fixture(scope="module")
def turned(tmp_path_factory):
    return build(tmp_path_factory.mktemp("turned"))


@pytest.mark.parametrize("size", [16, 33, 64])
def test_upright_patches_are_pieces_of_the_regions_of_their_splits(tmp_path, size):
    found = build(tmp_path, size=size, **UPRIGHT)
    names = [photo.name for photo in photos.PHOTOS if photo.name in textures3.TEXTURES]
    assert tuple(names) == textures3.TEXTURES
    for number, (split, data) in enumerate(found.items()):
        places = pose_numbers(0, number, len(data), 3)
        for index in range(0, len(data), 7):
            label = int(data.labels[index])
            (photo,) = (one for one in photos.PHOTOS if one.name == names[label])
            whole = photos.reduced(photos.photograph(photo), 8 * size)[..., 0]
            first, last = photos.region(8 * size, split)
            left = first + int(places[index, 0] * (last - first - size + 1))
            top = int(places[index, 1] * (7 * size + 1))
            expected = whole[top : top + size, left : left + size]
            assert (data.images[index, 0].numpy() == expected).all()


def test_no_patch_shows_anything_but_its_texture_at_any_angle(tmp_path):
    """A turned patch that reached beyond its piece would have black corners."""
    for size in (16, 17, 64):
        data = build(tmp_path, size=size, lighting="photographed")["valid"]
        corners = data.images[:, 0, [0, 0, -1, -1], [0, -1, 0, -1]]
        assert (corners > 0).float().mean() > 0.99


def test_all_patches_have_one_lighting(turned, tmp_path):
    images = turned["test"].images.double().flatten(1)
    assert (images.mean(1) - 127.5).abs().max() < 4  # some white of bricks' seams is cut off
    assert (images.std(1) - 40).abs().max() < 8
    as_it_is = build(tmp_path, lighting="photographed")["test"].images.double().flatten(1)
    assert as_it_is.mean(1).std() > 5
    assert textures3._equally_lit(np.full((4, 4), 7, np.uint8)).tolist() == [[128] * 4] * 4


def test_seeds_have_subsets_of_their_own(turned):
    labels = turned["train"].labels
    settings = textures3.Params(samples=15)
    first, second = (textures3.subset(settings, labels, seed) for seed in (1, 2))
    assert labels[first].bincount().tolist() == [5, 5, 5]
    assert set(first.tolist()) != set(second.tolist())
    assert textures3.subset(textures3.Params(), labels, 1) is None
    assert textures3.subset(textures3.Params(samples="all"), labels, 1) is None
    with pytest.raises(ValueError, match="there are 3 classes; write a multiple of it"):
        textures3.Params(samples=10)
    for changes, most in (({"samples": 603}, 600), ({"samples": 30, "train_images": 29}, 27)):
        with pytest.raises(ValueError, match=rf"train_images\n.*write at most {most}"):
            textures3.Params(**changes)


def test_three_channels_are_equal(turned, tmp_path):
    colour = build(tmp_path, channels=3)["test"]
    assert textures3.image_shape(textures3.Params(channels=3)) == (3, 32, 32)
    assert torch.equal(colour.images, turned["test"].images.expand(-1, 3, -1, -1))


def test_every_beginning_has_the_textures_in_equal_parts(turned, tmp_path):
    data = build(tmp_path, train_images=30)["train"]
    assert data.labels.bincount().tolist() == [10] * 3
    assert torch.equal(data.images, turned["train"].images[:30])
    with pytest.raises(ValueError, match="one of train, valid, test, got 'all'"):
        textures3.load(textures3.Params(), tmp_path, "a", "all")


def test_every_photograph_is_named_with_its_licence():
    credit = textures3.credit(textures3.Params())
    assert credit.count("CC0") >= 3
    assert all(name in credit for name in textures3.TEXTURES)
