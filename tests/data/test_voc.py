"""VOC and its layout, with drawn shapes in place of photos."""

import shutil

import numpy as np
import pytest
import torch
from drawn_voc import YEAR, pack, palette, write_voc
from PIL import Image

from isotrope.data import voc
from isotrope.datasets.building import build_dataset
from isotrope.datasets.loading import load_split
from isotrope.datasets.local_data import absent_files
from isotrope.datasets.manifest import read_manifest
from isotrope.datasets.stream import Shuffle
from isotrope.errors import UserError
from isotrope.settings import build_only

SETTINGS = {"source": "local", "complete": False, "valid_images": 4, "crop": 40}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    root = tmp_path_factory.mktemp("drawn")
    write_voc(root)
    return root


@pytest.fixture
def root(drawn, tmp_path, monkeypatch):
    """A tree that the test may damage."""
    shutil.copytree(drawn, tmp_path / "mine")
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path / "mine"))
    return tmp_path / "mine"


def split(root, name, **settings):
    params = voc.Params(**SETTINGS | settings)
    folder = root.parent / "out"
    build_dataset("voc", params, "d", folder)
    return load_split("voc", params, name, folder)


def stored(root, name, masks="SegmentationClass"):
    with Image.open(root / YEAR / "JPEGImages" / f"{name}.jpg") as opened:
        photo = torch.from_numpy(np.asarray(opened).copy()).movedim(-1, 0)
    with Image.open(root / YEAR / masks / f"{name}.png") as opened:
        return photo, torch.from_numpy(np.asarray(opened).copy())


def test_the_test_images_are_those_of_val_with_their_masks_and_void_borders(root):
    data = split(root, "test")
    assert len(data) == 4
    for number in range(4):
        photo, mask = stored(root, f"2007_{8 + number:06d}")
        one = data[number : number + 1]
        height, width = mask.shape
        assert one.images.shape[2] % 32 == one.images.shape[3] % 32 == 0
        assert torch.equal(one.images[0, :, :height, :width], photo)
        assert torch.equal(one.labels[0, :height, :width], mask)
        assert (one.labels[0, height:] == 255).all()
        assert (one.labels[0, :, width:] == 255).all()
        assert (one.images[0, :, height:] == torch.tensor([124, 116, 104])[:, None, None]).all()
    assert (mask == 255).any(), "borders are void"


def test_images_that_stand_upright_come_in_batches_of_their_own(tmp_path, monkeypatch):
    root = tmp_path / "mine"
    write_voc(root, train=2, val=4, aug=2, height=48, width=96)
    monkeypatch.setenv("ISOTROPE_DATA", str(root))
    its = {"valid_images": 1}
    sizes = [tuple(one.labels.shape) for one in split(root, "test", **its).batches(4)]
    assert sizes == [(1, 96, 64), (2, 64, 96), (1, 96, 64)]
    squares = split(root, "test", test_form="published", **its).batches(4)
    assert [tuple(one.labels.shape) for one in squares] == [(4, 40, 40)]


def test_the_published_test_form_resizes_photo_and_mask_and_cuts_out_the_middle(root):
    photo, mask = stored(root, "2007_000009")  # 48 x 64 pixels
    one = split(root, "test", test_form="published", crop=24)[1:2]
    left = round((64 / 2 - 24) / 2)
    halves = torch.nn.functional.interpolate(
        photo[None].float(), (24, 32), mode="bilinear", antialias=True
    )[0, :, :, left : left + 24]
    assert (one.images[0].float() - halves).abs().max() <= 1
    assert torch.equal(one.labels[0], mask[1::2, 1::2][:, left : left + 24])


def test_by_default_the_last_training_images_validate(root):
    names = [entry.name for entry in split(root, "train").entries]
    assert len(names) == 8
    valid = [entry.name for entry in split(root, "valid").entries]
    assert [name[-10:-4] for name in valid] == ["000012", "000013", "000014", "000015"]
    assert not set(names) & set(valid)


def test_as_published_the_test_images_validate_and_choose_nothing(root):
    there = {"valid_from": "test"}
    assert len(split(root, "train", **there).entries) == 12
    assert split(root, "valid", **there).entries == split(root, "test", **there).entries
    assert voc.valid_is_test(voc.Params(**SETTINGS | there))


def test_the_plain_list_has_fewer_images_and_the_masks_of_voc(root):
    shutil.rmtree(root / YEAR / "SegmentationClassAug")
    (root / YEAR / "ImageSets/Segmentation/train_aug.txt").unlink()
    data = split(root, "train", train="plain", valid_images=3)
    assert len(data) == 5
    assert data.entries[0].mask.file == f"{YEAR}/SegmentationClass/2007_000000.png"
    needed = voc.local_files(voc.Params(**SETTINGS))
    absent = absent_files(needed)
    assert len(absent) == 2
    assert absent_files(voc.local_files(voc.Params(**SETTINGS | {"train": "plain"}))) == []


def test_training_images_are_squares_that_differ_by_epoch_and_follow_from_their_numbers(root):
    data = split(root, "train")
    views = [next(data.chosen([range(6)], Shuffle(1, epoch)))[0] for epoch in (1, 2, 1)]
    assert views[0].images.shape == (6, 3, 40, 40)
    assert torch.equal(views[0].images, views[2].images)
    assert torch.equal(views[0].labels, views[2].labels)
    assert not torch.equal(views[0].images, views[1].images)
    assert set(views[0].labels.unique().tolist()) <= {*range(21), 255}


@pytest.mark.parametrize("fill", ["void", "background"])
def test_what_lies_outside_of_a_photo_is_void_or_as_published_background(root, fill):
    data = split(root, "train", crop=200, crop_fill=fill)
    ((some,),) = data.chosen([range(4)], Shuffle(3, 1))
    corners = some.labels[:, :20, 0]
    assert (corners == (255 if fill == "void" else 0)).all()
    colour = [124, 116, 104] if fill == "void" else [0, 0, 0]
    assert (some.images[:, :, :20, 0] == torch.tensor(colour)[:, None]).all()


def test_archives_are_read_as_the_trees_are(root):
    trees = split(root, "test"), split(root, "train")
    expected = [next(data.batches(2)) for data in trees]
    masks = [entry.mask for entry in trees[1].entries]
    pack(root)
    packed = split(root, "test"), split(root, "train")
    for data, one in zip(packed, expected, strict=True):
        found = next(data.batches(2))
        assert torch.equal(found.images, one.images)
        assert torch.equal(found.labels, one.labels)
    assert all(not mask.at for mask in masks)
    assert packed[1].entries[0].mask.file == "SegmentationClassAug.zip"
    assert packed[1].entries[0].image.file == "VOCtrainval_11-May-2012.tar"
    assert absent_files(voc.local_files(voc.Params(**SETTINGS))) == []


def test_lists_that_are_not_complete_are_refused_unless_that_is_said(root):
    with pytest.raises(UserError, match=r"has 12 train images, not the 10582 .*complete: false"):
        split(root, "test", complete=True)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("ImageSets/Segmentation/val.txt", r"Segmentation/val\.txt: no such file"),
        ("ImageSets/Segmentation/train_aug.txt", r"Segmentation/train_aug\.txt: no such file"),
        ("SegmentationClass/2007_000009.png", r"SegmentationClass/2007_000009\.png: no such file"),
        ("JPEGImages/2007_000003.jpg", r"JPEGImages/2007_000003\.jpg: no such file"),
    ],
)
def test_what_is_absent_is_named_when_the_index_is_made(root, path, message):
    (root / YEAR / path).unlink()
    with pytest.raises(UserError, match=message):
        split(root, "test")


def test_an_empty_list_is_named(root):
    (root / YEAR / "ImageSets/Segmentation/val.txt").write_text("\n")
    with pytest.raises(UserError, match=r"val\.txt: the list names no image"):
        split(root, "test")


def replaced(root, change):
    """Write another mask in place of one that is in the test images, not in the preview's first."""
    data = split(root, "test")
    path = root / YEAR / "SegmentationClass" / "2007_000009.png"
    with Image.open(path) as opened:
        mask = np.asarray(opened).copy()
    change(mask, path)
    return data


def other_label(mask, path):
    mask[3, 4] = 77
    image = Image.fromarray(mask, "P")
    image.putpalette(palette())
    image.save(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_label, r"2007_000009\.jpg has pixels of 77; they must be 0 to 20, or 255 for void"),
        (
            lambda mask, path: Image.fromarray(mask[:-1]).save(path),
            r"2007_000009\.jpg: the mask has 64 x 47 pixels, the image 64 x 48",
        ),
        (
            lambda mask, path: Image.fromarray(mask).convert("RGB").save(path),
            r"is a picture of mode RGB; a mask holds the number of a class in each pixel",
        ),
        (
            lambda mask, path: path.write_bytes(path.read_bytes()[:60]),
            r"the mask of .*2007_000009\.jpg cannot be read \(.*restore it",
        ),
    ],
)
def test_a_mask_that_does_not_fit_is_named_when_it_is_read(root, change, message):
    data = replaced(root, change)
    with pytest.raises(UserError, match=message):
        data[1:2]


def test_more_images_than_there_are_are_refused(root):
    with pytest.raises(UserError, match=r"dataset.train_images: 9 images .* 8 are left"):
        split(root, "train", train_images=9)


def test_the_index_is_made_where_nothing_says_how_it_is_used(root):
    params = build_only(voc.Params).model_validate(
        {"source": "local", "complete": False, "crop": 24}
    )
    path = build_dataset("voc", params, "d", root.parent / "out")
    assert tuple(read_manifest(path).image_shape) == (3, 24, 24)
