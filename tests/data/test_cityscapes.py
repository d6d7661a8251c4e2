"""Cityscapes and its layout, with drawn shapes in place of streets."""

import numpy as np
import pytest
import torch
from drawn_cityscapes import pack, small_cityscapes
from PIL import Image

from isotrope.data import cityscapes
from isotrope.datasets.building import build_dataset
from isotrope.datasets.loading import load_split
from isotrope.datasets.local_data import absent_files
from isotrope.datasets.manifest import read_manifest
from isotrope.datasets.stream import Shuffle
from isotrope.errors import UserError
from isotrope.settings import build_only

SETTINGS = {"source": "local", "complete": False, "valid_images": 2, "crop": 24}


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path / "mine"))
    small_cityscapes(tmp_path / "mine", monkeypatch)
    return tmp_path / "mine"


def split(root, name, **settings):
    params = cityscapes.Params(**SETTINGS | settings)
    folder = root.parent / "out"
    build_dataset("cityscapes", params, "d", folder)
    return load_split("cityscapes", params, name, folder)


def test_numbers_of_the_masks_become_the_19_classes_and_all_else_void(root):
    one = split(root, "test")[:1]
    with Image.open(
        root / "cityscapes/gtFine/val/lindau/lindau_000000_000000_gtFine_labelIds.png"
    ) as opened:
        numbers = np.asarray(opened)
    names = {7: 0, 11: 2, 23: 10, 24: 11, 26: 13, 33: 18}
    expected = np.vectorize(lambda number: names.get(number, 255))(numbers)
    assert one.labels[0].tolist() == expected.tolist()
    assert {10, 255} < set(one.labels.unique().tolist())
    assert len(cityscapes.NUMBERS) == cityscapes.Params.CLASSES == 19


def test_the_official_validation_images_are_the_test_images(root):
    names = {part: [e.name for e in split(root, part).entries] for part in cityscapes.SPLITS}
    assert [len(names[part]) for part in cityscapes.SPLITS] == [4, 2, 3]
    assert all("/val/lindau/" in name for name in names["test"])
    assert names["valid"] == sorted(names["valid"])
    assert all("/train/zurich/" in name for name in names["valid"])
    published = [split(root, part, valid_from="test").entries for part in ("valid", "test")]
    assert published[0] == published[1]


def test_training_images_are_cut_coloured_and_mirrored_and_masks_stay_masks(root):
    data = split(root, "train")
    views = [next(data.chosen([range(4)], Shuffle(0, epoch)))[0] for epoch in (1, 2, 1)]
    assert views[0].images.shape == (4, 3, 24, 24)
    assert torch.equal(views[0].images, views[2].images)
    assert not torch.equal(views[0].images, views[1].images)
    assert set(views[0].labels.unique().tolist()) <= {*range(19), 255}


def test_archives_are_read_as_the_trees_are(root):
    expected = next(split(root, "test").batches(3))
    pack(root)
    found = next(split(root, "test").batches(3))
    assert torch.equal(found.images, expected.images)
    assert torch.equal(found.labels, expected.labels)
    assert absent_files(cityscapes.local_files(cityscapes.Params(**SETTINGS))) == []


def test_an_absent_mask_is_named(root):
    path = root / "cityscapes/gtFine/train/zurich/zurich_000000_000001_gtFine_labelIds.png"
    path.unlink()
    with pytest.raises(UserError, match=r"zurich_000000_000001_gtFine_labelIds\.png: no such file"):
        split(root, "test")


def test_without_images_their_place_is_named(root):
    for path in (root / "cityscapes/leftImg8bit/val").rglob("*.png"):
        path.unlink()
    with pytest.raises(UserError, match=r"cityscapes/leftImg8bit/val: no file \*_leftImg8bit\.png"):
        split(root, "test")


def test_fewer_images_than_published_are_refused_unless_that_is_said(root):
    with pytest.raises(UserError, match=r"cityscapes: has 6 train images, not the 2975"):
        split(root, "test", complete=True)


def test_a_number_beyond_those_of_cityscapes_is_named(root):
    data = split(root, "test")
    path = root / "cityscapes/gtFine/val/lindau/lindau_000000_000001_gtFine_labelIds.png"
    Image.fromarray(np.full((32, 64), 40, np.uint8)).save(path)
    with pytest.raises(UserError, match=r"has pixels of 40; they must be 0 to 33, or 255"):
        data[1:2]


def test_images_of_another_size_are_refused(root, monkeypatch):
    monkeypatch.setattr(cityscapes, "SIZE", (1024, 2048))
    with pytest.raises(
        UserError, match=r"has 64 x 32 pixels; images of Cityscapes have 2048 x 1024"
    ):
        split(root, "test")


def test_the_index_is_made_where_nothing_says_how_it_is_used(root):
    params = build_only(cityscapes.Params).model_validate(
        {"source": "local", "complete": False, "crop": 24}
    )
    path = build_dataset("cityscapes", params, "d", root.parent / "out")
    assert tuple(read_manifest(path).image_shape) == (3, 24, 24)
