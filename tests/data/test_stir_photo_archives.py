"""The colour tasks of STIR, made whole from photos in the layouts of their data sets."""

import numpy as np
import pytest
from made_up_photos import AERIAL, SIGNS, sign, squares, street, write_mtsd
from PIL import Image

from isotrope.data import _stir_trafficsign
from isotrope.data._stir_photos import Photos
from isotrope.datasets.building import build_dataset
from isotrope.datasets.loading import load_split
from isotrope.digests import with_local_files


def edge_of(image, left, top, right, bottom):
    """How white the frame of a box is: the things are drawn with white frames."""
    box = image[max(top, 0) : bottom, left:right].astype(int)
    return np.concatenate([box[0].ravel(), box[:, 0].ravel()])


def test_signs_lie_where_the_archive_says_at_every_scale(signs, tmp_path):
    build_dataset("stir", SIGNS, "d", tmp_path / "out")
    for split in ("train", "valid", "test"):
        data = load_split("stir", SIGNS, split, tmp_path / "out")
        assert len(data) == 48 * 2 * 2
        images = data.images.permute(0, 2, 3, 1).numpy()
        sizes, places = data.latents["scale"].tolist(), data.latents["position"].tolist()
        for image, size, (left, top) in zip(images, sizes, places, strict=True):
            assert 0 <= left <= 64 - size
            assert 0 <= top <= 64 - size
            # the frame is 4 of at least 66 pixels wide, so a pixel of it is left at 17
            assert edge_of(image, left, top, left + size, top + size).mean() > 150
            quarter = image[top + size // 4 : top + size // 3, left + size // 4 : left + size // 3]
            assert quarter.mean() < 60, "the black mark"


def test_aerial_things_lie_where_the_archive_says(things, tmp_path):
    build_dataset("stir", AERIAL, "d", tmp_path / "out")
    data = load_split("stir", AERIAL, "all_scales", tmp_path / "out")
    images = data.images.permute(0, 2, 3, 1).numpy()
    sizes, places = data.latents["scale"].tolist(), data.latents["position"].tolist()
    for image, size, (left, top) in zip(images, sizes, places, strict=True):
        short = size * 40 // 74  # of the smallest aspect
        assert 0 <= left <= 64 - size + 1
        assert 0 <= top <= 64 - short
        assert edge_of(image, left, top, left + size, top + short).mean() > 150


@pytest.mark.parametrize("packed", [False, True])
def test_two_builds_agree_and_so_do_photos_in_zip_archives(root, packed):
    write_mtsd(root, squares("stop", [70, 75, 80]), packed=packed)
    first, rows = _stir_trafficsign.make_archive(1)
    again, _ = _stir_trafficsign.make_archive(1)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert [name for name, _ in rows] == ["stop0.jpg", "stop1.jpg", "stop2.jpg"]
    assert len({tuple(place) for place in first.psts[0, 20:, 0, 0].tolist()}) > 10  # drawn anew


def test_each_photo_is_read_once_for_all_its_signs(root, monkeypatch):
    both = [sign("stop", (20, 20, 100, 100)), sign("stop", (200, 150, 290, 240))]
    write_mtsd(root, squares("stop", [70]) | {"both": ("val", (420, 360), both)})
    read, real = [], Photos.read
    monkeypatch.setattr(Photos, "read", lambda self, name: read.append(name) or real(self, name))
    _stir_trafficsign.make_archive(1)
    assert read == ["both", "stop0"]


def test_another_photo_is_told_apart_by_the_digest(signs, tmp_path):
    before = with_local_files("t", build_dataset("stir", SIGNS, "d", tmp_path / "a"))
    path = signs / "mtsd/images/stop0.jpg"
    street(480, 400, seed=99).save(path)
    assert with_local_files("t", build_dataset("stir", SIGNS, "d", tmp_path / "b")) != before


def test_a_grey_photo_becomes_a_colour_window(root):
    write_mtsd(root, squares("stop", [90, 80, 70]))
    path = root / "mtsd/images/stop2.jpg"
    with Image.open(path) as photo:
        photo.convert("L").save(path)
    archive, _ = _stir_trafficsign.make_archive(1)
    grey = archive.imgs[2, :, 0, 0]
    assert (grey[..., 0] == grey[..., 2]).all()
