"""Which files of the user's the colour tasks of STIR wait for, and where their photos are found."""

import os
import zipfile

import pytest
from made_up_photos import AERIAL, SIGNS, squares, write_mtsd

from isotrope.data import _stir_trafficsign, stir
from isotrope.datasets.local_data import absent_files, files_anywhere, sizes
from isotrope.plan.index import DatasetEntry

PHOTOS = "mtsd/**/*.jpg or mtsd/*.zip/*.jpg"


def entry():
    return DatasetEntry("stir", "trafficsign", {}, "d" * 16, stir.local_files(SIGNS))


def test_annotations_and_photos_are_waited_for_by_name(root):
    assert absent_files(stir.local_files(SIGNS)) == [
        "mtsd/mtsd_v2_fully_annotated/splits/train.txt",
        "mtsd/mtsd_v2_fully_annotated/splits/val.txt",
        PHOTOS,
    ]
    assert absent_files(stir.local_files(AERIAL)) == [
        "dota/train/labelTxt*/*.txt",
        "dota/val/labelTxt*/*.txt",
        "dota/train/**/*.png or dota/train/*.zip/*.png",
        "dota/val/**/*.png or dota/val/*.zip/*.png",
    ]


@pytest.mark.parametrize("packed", [False, True])
def test_signs_wait_until_there_are_photos_unpacked_or_in_an_archive(root, packed):
    write_mtsd(root, squares("stop", [70]), packed=packed)
    assert absent_files(stir.local_files(SIGNS)) == []

    for path in [*root.glob("mtsd/images/*.jpg"), *root.glob("mtsd/*.zip")]:
        path.unlink()

    assert absent_files(stir.local_files(SIGNS)) == [PHOTOS]


def test_aerial_photos_of_either_part_are_waited_for(things):
    assert absent_files(stir.local_files(AERIAL)) == []

    for path in things.glob("dota/val/images/*.png"):
        path.unlink()

    assert absent_files(stir.local_files(AERIAL)) == ["dota/val/**/*.png or dota/val/*.zip/*.png"]


def test_an_archive_of_annotations_is_none_of_photos(root):
    write_mtsd(root, {})
    with zipfile.ZipFile(root / "mtsd/mtsd_v2_fully_annotated.zip", "w") as archive:
        archive.writestr("mtsd_v2_fully_annotated/annotations/a.json", "{}")

    assert absent_files(stir.local_files(SIGNS)) == [PHOTOS]


def test_a_damaged_archive_is_named_when_it_is_read_and_not_waited_for(root):
    write_mtsd(root, {})
    (root / "mtsd/images.train.zip").write_bytes(b"PK")

    assert absent_files(stir.local_files(SIGNS)) == []


def test_planning_looks_for_one_photo_and_watches_none(root, monkeypatch):
    write_mtsd(root, {})
    for number in range(1000):
        (root / f"mtsd/images/{number}.jpg").touch()
    listed, real = [], os.scandir

    class Counted:
        def __init__(self, path):
            self.entries = real(path)

        def __enter__(self):
            return (listed.append(entry.name) or entry for entry in self.entries)

        def __exit__(self, *error):
            self.entries.close()

    monkeypatch.setattr(os, "scandir", Counted)

    assert entry().missing_files == []
    assert 0 < len([name for name in listed if name.endswith(".jpg")]) < 10
    assert sizes(PHOTOS) == ""
    assert PHOTOS not in entry().made_from


def test_photos_are_needed_until_the_data_set_is_built(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_mtsd(root, {})
    assert entry().missing_files == [PHOTOS]

    (tmp_path / "out/data/stir").mkdir(parents=True)
    (tmp_path / "out/data/stir/trafficsign.manifest.json").touch()

    assert entry().missing_files == []


def test_photos_behind_links_are_found_though_one_leads_back(root, tmp_path):
    write_mtsd(root, squares("stop", [70, 75, 80]))
    (root / "mtsd/images").rename(tmp_path / "disk")
    (root / "mtsd/images").symlink_to(tmp_path / "disk")
    (tmp_path / "disk/back").symlink_to(root / "mtsd")

    assert absent_files(stir.local_files(SIGNS)) == []
    archive, rows = _stir_trafficsign.make_archive(1)
    assert len(rows) == 3
    assert archive.imgs.any()


def test_a_folder_that_is_not_there_holds_nothing(root):
    assert list(files_anywhere(root, "*")) == []


def test_links_in_a_circle_hide_no_file(tmp_path):
    for name in "ab":
        (tmp_path / name / "c" / "d").mkdir(parents=True)
        (tmp_path / name / "c" / "d" / "file.txt").touch()
        (tmp_path / name / "loop").symlink_to(tmp_path)
    found = sorted(files_anywhere(tmp_path, "*.txt"))
    assert found == [tmp_path / name / "c" / "d" / "file.txt" for name in "ab"]
