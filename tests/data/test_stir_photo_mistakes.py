"""What users will get wrong with the photos of the colour tasks of STIR."""

import pytest
from made_up_photos import SIGNS, sign, squares, write_mtsd

from isotrope.data import _stir_aerial, _stir_trafficsign, stir
from isotrope.datasets.building import build_dataset
from isotrope.errors import UserError


def test_parts_of_the_raw_material_make_no_archive(signs, monkeypatch, tmp_path):
    monkeypatch.setitem(stir.TASKS, "trafficsign", stir.Task(16, 2, 3))
    with pytest.raises(UserError, match=r"has 16 classes, 2 .*; this archive has 2, 2 and 3"):
        build_dataset("stir", SIGNS, "d", tmp_path / "out")
    with pytest.raises(UserError, match="no class has 75 signs of 64 pixels or more"):
        _stir_trafficsign.make_archive(25)


def test_an_absent_photo_is_named(signs):
    (signs / "mtsd/images/yield3.jpg").unlink()
    with pytest.raises(UserError, match=r"yield3\.jpg: no such photo, neither unpacked nor in a z"):
        _stir_trafficsign.make_archive(2)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.7])
def test_a_truncated_photo_is_named(signs, share):
    path = signs / "mtsd/images/stop5.jpg"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=r"photo stop5 .*get the file again"):
        _stir_trafficsign.make_archive(2)


@pytest.mark.parametrize("text", ["", "[]", '{"objects": [{"key": 1}]}', '{"objects": 3}'])
def test_annotations_of_another_layout_are_named(signs, text):
    path = signs / "mtsd/mtsd_v2_fully_annotated/annotations/stop1.json"
    path.write_text(text)
    with pytest.raises(UserError, match=str(path)):
        _stir_trafficsign.make_archive(2)


def test_absent_annotations_are_named(signs):
    path = signs / "mtsd/mtsd_v2_fully_annotated/annotations/stop1.json"
    path.unlink()
    with pytest.raises(UserError, match=f"{path}: no such file"):
        _stir_trafficsign.make_archive(2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "should begin with a line imagesource"),
        ("1 2 3 4 5 6 7 8 plane 0\n", "should begin with a line imagesource"),
        ("imagesource:GoogleEarth\ngsd:1\n1.0 2.0 plane 0\n", r"plane3\.txt:3: should be eight"),
        ("imagesource:GoogleEarth\ngsd:1\n1 2 3 4 5 6 7 8\n", r"plane3\.txt:3: should be eight"),
    ],
)
def test_labels_of_another_layout_are_named_with_their_line(things, text, message):
    (things / "dota/val/labelTxt/plane3.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        _stir_aerial.make_archive(2)


def test_a_zip_archive_that_is_cut_short_is_named(root):
    write_mtsd(root, squares("stop", [70, 75, 80]), packed=True)
    path = root / "mtsd/images.train.zip"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match=rf"{path}: no zip archive, or cut short"):
        _stir_trafficsign.make_archive(1)


def test_a_photo_too_small_for_any_window_is_refused_as_the_published_generator_does(root):
    photos = squares("stop", [90, 80]) | {
        "tiny": ("train", (120, 110), [sign("stop", (10, 10, 80, 80))])
    }
    write_mtsd(root, photos)
    message = (
        "no window fits around the stop at 10, 10 of photo tiny when it is 40 pixels large .*"
        "the published generator fails here too"
    )
    with pytest.raises(UserError, match=message):
        _stir_trafficsign.make_archive(1)
