"""Digits cut out of photos at an angle, from made photos and a digitStruct.mat of SVHN's layout."""

import math
import sys

import h5py
import made_up_archives as made
import numpy as np
import pytest
from PIL import Image

from isotrope.data import rot_svhn
from isotrope.data._digit_struct import DigitBox, read_boxes
from isotrope.data._warp import pose_numbers
from isotrope.data.rot_svhn import cut_out, side_of
from isotrope.errors import UserError

PARAMS = rot_svhn.Params(source="local", valid_images=10)
CENTRE = 15.5  # of 32 pixels


@pytest.fixture
def folder(root, monkeypatch):
    """The user's folder with the photos."""
    made.write_rot_svhn(root, monkeypatch)
    return root / "svhn"


def spot(x, y, sigma=3.0):
    """A smooth spot on a photo of 90 x 120 pixels, in three shades."""
    rows, columns = np.mgrid[:90, :120]
    grey = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    return np.rint(grey * np.array([250, 200, 150])[:, None, None]).astype(np.uint8)


def centroid(image):
    mass = image.astype(np.float64)
    return (
        (mass.sum(axis=0) * np.arange(32)).sum() / mass.sum(),
        (mass.sum(axis=1) * np.arange(32)).sum() / mass.sum(),
    )


@pytest.mark.parametrize("angle", [0, 17, 90, 133, 245, 359])
@pytest.mark.parametrize("size", [(20, 44), (12, 12)])
def test_a_spot_in_the_box_lies_where_angle_and_box_say(angle, size):
    width, height = size
    box = DigitBox("a.png", 50 - width / 2, 40 - height / 2, width, height, 1)
    x, y = box.centre  # 48.5 and 38.5, as the first pixel is number 1
    scale = 32 / side_of(box, angle)
    digit = cut_out(spot(x + 1.5, y - 2, sigma=1.5), box, angle)
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    expected = (
        CENTRE + scale * (1.5 * cosine - 2 * sine),
        CENTRE + scale * (-2 * cosine - 1.5 * sine),
    )
    for channel in digit:
        np.testing.assert_allclose(centroid(channel), expected, rtol=0, atol=0.2)


def test_the_square_is_the_smallest_about_the_turned_box():
    box = DigitBox("a.png", 1, 1, 10, 30, 1)
    assert side_of(box, 0) == side_of(box, 180) == 30
    assert side_of(box, 45) == pytest.approx(40 / math.sqrt(2))
    corners = np.array([(-5, -15), (5, -15)])
    for angle in range(0, 360, 7):
        turn = np.deg2rad(angle)
        turned = corners @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        assert side_of(box, angle) == pytest.approx(2 * np.abs(turned).max())


def test_a_square_box_of_32_pixels_at_a_quarter_turn_is_turned_and_nothing_else():
    photo = np.random.default_rng(0).integers(0, 256, (3, 90, 120), dtype=np.uint8)
    box = DigitBox("a.png", 31, 21, 32, 32, 1)  # columns 30 to 61, rows 20 to 51, from 0
    part = photo[:, 20:52, 30:62]
    for turns in range(4):
        assert (cut_out(photo, box, 90.0 * turns) == np.rot90(part, turns, axes=(1, 2))).all()


def test_the_part_of_a_photo_that_is_read_holds_all_that_is_seen(monkeypatch):
    photo = np.random.default_rng(1).integers(0, 256, (3, 200, 210), dtype=np.uint8)
    wide = np.pad(photo, ((0, 0), (300, 300), (300, 300)))
    for angle, width, height in ((31, 50, 80), (200, 9, 7), (45, 90, 90), (0, 33, 64)):
        box = DigitBox("a.png", 80.0, 70.0, width, height, 1)
        digit = cut_out(photo, box, angle)
        moved = DigitBox("a.png", 380.0, 370.0, width, height, 1)
        assert (cut_out(wide, moved, angle) == digit).all()
        monkeypatch.setattr(rot_svhn.math, "sqrt", lambda number: 3.0)  # a far larger part
        assert (cut_out(photo, box, angle) == digit).all()
        monkeypatch.undo()


def test_boxes_beyond_the_edge_of_a_photo_are_black_there():
    photo = np.full((3, 40, 40), 200, np.uint8)
    digit = cut_out(photo, DigitBox("a.png", -15, 5, 32, 32, 1), 0)
    assert (digit[:, :, :15] < 60).all()  # the kernel reaches over the edge by two pixels
    assert (digit[:, :, 18:] == 200).all()
    assert not cut_out(photo, DigitBox("a.png", 300, 300, 9, 9, 1), 30).any()


def test_digits_are_read_in_the_order_of_the_photos_with_their_angles(folder, tmp_path):
    files = rot_svhn.build(PARAMS, tmp_path, "local")
    train, test = (rot_svhn.load(PARAMS, tmp_path, "local", split) for split in ("train", "test"))
    assert (len(train), len(test)) == (40, 20)
    assert train.labels[:11].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    angles = train.latents["angle"].numpy()
    assert (angles == np.floor(angles)).all()
    assert (angles == np.floor(360 * pose_numbers(0, 0, 40, 1)[:, 0])).all()
    # the 17th digit alone: the second photo of each three has two digits, the third three
    boxes = read_boxes(folder / "train" / "digitStruct.mat")
    photo = np.asarray(Image.open(folder / "train" / boxes[17].photo)).transpose(2, 0, 1)
    alone = cut_out(np.ascontiguousarray(photo), boxes[17], float(angles[17]))
    assert (train.images[17].numpy() == alone).all()
    listed = files[1].read_text().splitlines()
    assert listed[1].startswith("train/digitStruct.mat,")
    assert len(listed) == 1 + 2 + sum(1 for _ in folder.rglob("*.png"))


def test_all_angles_occur_and_another_seed_gives_others():
    angles = np.floor(360 * pose_numbers(0, 0, 20_000, 1)[:, 0])
    assert (angles.min(), angles.max()) == (0, 359)
    assert len(np.unique(angles)) == 360
    assert (np.floor(360 * pose_numbers(1, 0, 20_000, 1)[:, 0]) != angles).mean() > 0.99


def test_names_and_boxes_are_read_as_matlab_wrote_them(tmp_path):
    path = tmp_path / "digitStruct.mat"
    made.write_digit_struct(
        path,
        {"1.png": [(246, 77, 81, 219, 1), (323, 81, 96, 219, 9)], "20.png": [(-1, 2, 3, 4, 10)]},
    )
    assert read_boxes(path) == [
        DigitBox("1.png", 246, 77, 81, 219, 1),
        DigitBox("1.png", 323, 81, 96, 219, 9),
        DigitBox("20.png", -1, 2, 3, 4, 10),
    ]
    assert DigitBox("a", 1, 1, 1, 1, 1).centre == (0, 0)


@pytest.mark.parametrize(
    ("photos", "reason"),
    [
        ({"../1.png": [(1, 1, 5, 5, 1)]}, "no name of a photo"),
        ({"1.png": [(1, 1, 0, 5, 1)]}, r"1\.png has a box of 0\.0 x 5\.0 pixels"),
        ({"1.png": [(1, 1, 5, 5, 11)]}, r"label 11"),
        ({"1.png": [(1, 1, 5, float("nan"), 1)]}, r"box of 5\.0 x nan pixels"),
    ],
)
def test_a_list_that_makes_no_sense_is_named(tmp_path, photos, reason):
    made.write_digit_struct(tmp_path / "digitStruct.mat", photos)
    with pytest.raises(UserError, match=rf"no digitStruct\.mat of SVHN .*{reason}"):
        read_boxes(tmp_path / "digitStruct.mat")


def test_files_of_another_kind_are_named(folder, tmp_path):
    path = folder / "train" / "digitStruct.mat"
    whole = path.read_bytes()
    for content in (b"", b"MATLAB 5.0", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"train/digitStruct\.mat: no digitStruct\.mat of SVHN"):
            rot_svhn.build(PARAMS, tmp_path, "local")
    with h5py.File(path, "w") as file:
        file["digitStruct/name"] = np.zeros((1, 1))
    with pytest.raises(UserError, match="no digitStruct"):
        read_boxes(path)


def test_another_count_of_digits_and_absent_or_damaged_photos_are_named(
    folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(rot_svhn.Params, "COUNTS", {"train": 51, "test": 20})
    with pytest.raises(UserError, match="lists 50 digits, not the 51 of SVHN"):
        rot_svhn.build(PARAMS, tmp_path, "local")
    monkeypatch.setattr(rot_svhn.Params, "COUNTS", {"train": 50, "test": 20})
    path = folder / "train" / "3.png"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=r"3\.png: cannot be read as a photo"):
        rot_svhn.build(PARAMS, tmp_path, "local")
    path.unlink()
    with pytest.raises(UserError, match=r"3\.png: cannot be read as a photo"):
        rot_svhn.build(PARAMS, tmp_path, "local")


def test_without_h5py_its_installation_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UserError, match=r"; run `\S+ .*pip install .*h5py`"):
        read_boxes(folder / "train" / "digitStruct.mat")
