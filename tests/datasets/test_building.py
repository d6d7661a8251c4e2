import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from isotrope.data import stir
from isotrope.datasets import building
from isotrope.datasets.building import build_dataset
from isotrope.datasets.loading import load_split
from isotrope.errors import UserError

PARAMS = stir.Params(task="emoji", scenario="mid2rest")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_built_data_set_is_its_files_a_picture_and_a_manifest(pristine):
    assert names(pristine) == ["emoji.manifest.json", "emoji.npz", "emoji.png"]
    listed = json.loads((pristine / "emoji.manifest.json").read_text())
    (file,) = listed["files"]
    assert file["path"] == "emoji.npz"
    assert file["root"] == "folder"
    assert file["size"] == (pristine / "emoji.npz").stat().st_size
    assert listed["dataset"] == "stir"
    assert listed["settings"] == {"task": "emoji", "source": "embedded"}
    assert listed["revision"] == stir.REVISION
    assert listed["digest"] == "a-digest"
    assert listed["image_shape"] == [1, 64, 64]
    assert listed["classes"] == 36
    assert listed["images"] == {"train": 1728, "valid": 1728, "test": 1728}
    assert listed["versions"]["fontawesomefree"] == "5.15.4"
    assert {"isotrope", "numpy", "pillow", "torch"} < listed["versions"].keys()


def test_the_folder_is_the_one_below_out_unless_told(quick, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert build_dataset("stir", PARAMS, "d") == Path("out/data/stir/emoji.manifest.json")
    assert len(load_split("stir", PARAMS, "train")) == 576


def test_scenarios_share_one_build(quick, tmp_path, monkeypatch):
    build_dataset("stir", PARAMS, "d", tmp_path)
    first = (tmp_path / "emoji.manifest.json").read_bytes()
    other = stir.Params(task="emoji", scenario="all2all")
    build_dataset("stir", other, "d", tmp_path)
    assert (tmp_path / "emoji.manifest.json").read_bytes() == first
    assert len(load_split("stir", other, "train", tmp_path)) == 1728


@pytest.mark.parametrize("step", ["save_contact_sheet", "describe", "read_split"])
def test_a_build_that_is_interrupted_leaves_nothing(quick, tmp_path, monkeypatch, step):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(building, step, interrupt)
    with pytest.raises(KeyboardInterrupt):
        build_dataset("stir", PARAMS, "d", tmp_path)
    assert names(tmp_path) == []


@pytest.mark.parametrize("moves", [0, 1, 2])
def test_a_build_killed_while_it_renames_does_not_pass_for_built(quick, built, monkeypatch, moves):
    done, replace = [], Path.replace

    def killed(self, target):
        if len(done) == moves:
            raise SystemExit
        done.append(target)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(SystemExit):
        build_dataset("stir", PARAMS, "d", built)
    with pytest.raises(UserError, match=r"not built; run `snakemake .*/emoji\.manifest\.json`"):
        load_split("stir", PARAMS, "train", built)


def test_a_file_in_place_of_the_folder_is_a_user_error(quick, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(UserError, match=r"cannot be written \(Not a directory\); make .* a folder"):
        build_dataset("stir", PARAMS, "d", tmp_path / "out" / "stir")
    with pytest.raises(UserError, match=r"out: cannot be written \(File exists\)"):
        build_dataset("stir", PARAMS, "d", tmp_path / "out")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EDQUOT])
def test_a_full_or_read_only_disk_is_a_user_error(quick, tmp_path, monkeypatch, number):
    def fail(self, target):
        raise OSError(number, os.strerror(number), str(target))

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(
        UserError, match=rf"emoji\.npz: cannot be written \({os.strerror(number)}\)"
    ):
        build_dataset("stir", PARAMS, "d", tmp_path)
    assert names(tmp_path) == []


def test_a_disk_that_fills_while_the_archive_is_written_is_a_user_error(tmp_path, monkeypatch):
    def fail(path, **arrays):
        path.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(stir, "draw_archive", lambda: stir.Task(1, 1, 1))
    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(UserError, match=r"cannot be written \(No space left on device\)"):
        build_dataset("stir", PARAMS, "d", tmp_path)
    assert names(tmp_path) == []


def test_a_plug_in_that_contradicts_its_images_is_a_bug(quick, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(stir, "image_shape", lambda params: (3, 64, 64))
        with pytest.raises(
            ValueError, match=r"image_shape is \(3, 64, 64\), load gave \(1, 64, 64\)"
        ):
            build_dataset("stir", PARAMS, "d", tmp_path)
    monkeypatch.setattr(stir, "classes", lambda params: 35)
    with pytest.raises(ValueError, match=r"load gave labels outside 0\.\.34"):
        build_dataset("stir", PARAMS, "d", tmp_path)
