import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import Field

from isotrope.data import stir
from isotrope.datasets import dataset
from isotrope.datasets.dataset import Images, build_dataset, load_split
from isotrope.datasets.local_data import absent_files
from isotrope.datasets.names import dataset_key
from isotrope.errors import UserError
from isotrope.settings import Settings, load_time

torch.set_num_threads(1)
PARAMS = stir.Params(task="emoji", scenario="mid2rest")
LOCAL = stir.Params(task="emoji", source="local", scenario="mid2rest")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "stir"
    build_dataset("stir", PARAMS, "a-digest", folder)
    return folder


@pytest.fixture
def built(pristine, tmp_path):
    return Path(shutil.copytree(pristine, tmp_path / "stir"))


@pytest.fixture
def quick(monkeypatch, pristine):
    """Building copies the drawn archive instead of drawing it."""

    def copy(params, folder, key):
        shutil.copy(pristine / "emoji.npz", folder / f"{key}.npz")
        return [folder / f"{key}.npz"]

    monkeypatch.setattr(stir, "build", copy)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# Building


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


@pytest.mark.parametrize("step", ["save_contact_sheet", "describe", "_load"])
def test_a_build_that_is_interrupted_leaves_nothing(quick, tmp_path, monkeypatch, step):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(dataset, step, interrupt)
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
    with pytest.raises(UserError, match="the data set is not built; run `snakemake datasets`"):
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


# Reading


def test_a_split_is_read_as_the_plug_in_reads_it(pristine):
    data = load_split("stir", PARAMS, "test", pristine)
    expected = stir.load(PARAMS, pristine, "emoji", "test")
    assert torch.equal(data.images, expected.images)
    assert torch.equal(data.labels, expected.labels)


def test_an_unbuilt_data_set_names_the_command(tmp_path):
    with pytest.raises(
        UserError, match=r"emoji\.manifest\.json: .* not built; run `snakemake datasets`"
    ):
        load_split("stir", PARAMS, "train", tmp_path)


def test_an_unknown_split_is_a_value_error(pristine):
    with pytest.raises(ValueError, match="stir has the splits train, valid, test, all_scales"):
        load_split("stir", PARAMS, "training", pristine)


def test_a_missing_archive_is_named_with_the_command_that_rebuilds_it(built):
    (built / "emoji.npz").unlink()
    with pytest.raises(UserError, match=rf"emoji\.npz: no such file.*snakemake --force {built}"):
        load_split("stir", PARAMS, "train", built)


def test_an_altered_byte_is_found_even_after_a_good_reading(built):
    load_split("stir", PARAMS, "train", built)
    path = built / "emoji.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"emoji\.npz: altered: .*snakemake --force"):
        load_split("stir", PARAMS, "train", built)


def test_a_build_by_another_revision_is_refused(built, monkeypatch):
    monkeypatch.setattr(stir, "REVISION", 2)
    with pytest.raises(UserError, match=r"built with revision 1, now 2; run `snakemake --force"):
        load_split("stir", PARAMS, "train", built)


def test_a_build_of_other_settings_is_refused(built):
    path = built / "emoji.manifest.json"
    path.write_text(path.read_text().replace('"embedded"', '"local"'))
    with pytest.raises(UserError, match=r"built with settings .*local.* now .*embedded"):
        load_split("stir", PARAMS, "train", built)


# The user's own files


def test_the_users_files_are_listed_and_not_copied(pristine, tmp_path, monkeypatch):
    (tmp_path / "mine" / "stir").mkdir(parents=True)
    shutil.copy(pristine / "emoji.npz", tmp_path / "mine" / "stir")
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path / "mine"))
    assert absent_files(stir.local_files(LOCAL)) == []

    path = build_dataset("stir", LOCAL, "d", tmp_path / "out")

    assert names(tmp_path / "out") == ["emoji-local.manifest.json", "emoji-local.png"]
    (file,) = json.loads(path.read_text())["files"]
    assert (file["path"], file["root"]) == ("stir/emoji.npz", "ISOTROPE_DATA")
    assert len(load_split("stir", LOCAL, "valid", tmp_path / "out")) == 576

    shutil.copytree(tmp_path / "mine", tmp_path / "moved")  # another place, the same file
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path / "moved"))
    assert len(load_split("stir", LOCAL, "valid", tmp_path / "out")) == 576

    with (tmp_path / "moved/stir/emoji.npz").open("ab") as file:
        file.write(b"more")
    with pytest.raises(UserError, match=r"moved/stir/emoji\.npz: .* restore the file, or run"):
        load_split("stir", LOCAL, "valid", tmp_path / "out")


def test_an_absent_file_is_named_with_the_place_looked_at(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path))
    message = (
        rf"{tmp_path}/stir/emoji\.npz: no such file; .* under \$ISOTROPE_DATA, which is {tmp_path};"
    )
    with pytest.raises(UserError, match=message):
        build_dataset("stir", LOCAL, "d", tmp_path / "out")
    assert absent_files(stir.local_files(LOCAL)) == ["stir/emoji.npz"]


# Keys and images


class Shapes(Settings):
    kind: str = "square"
    size: int = Field(32)
    turned: bool = False
    noise: float = load_time(0.0)


def test_the_key_holds_what_differs_from_the_defaults_at_build_time():
    assert dataset_key(PARAMS) == "emoji"
    assert dataset_key(LOCAL) == "emoji-local"
    assert dataset_key(Shapes(noise=0.5)) == "default"
    assert dataset_key(Shapes(kind="round", size=16, turned=True)) == "round-size=16-turned=True"


@pytest.mark.parametrize("kind", ["a/b", "../up", "two words", ""])
def test_a_value_that_cannot_name_a_file_is_refused(kind):
    with pytest.raises(ValueError, match="cannot name a file"):
        dataset_key(Shapes(kind=kind))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": torch.zeros(3, 1, 4, 4)}, r"images must be uint8 .*, got torch.float32"),
        ({"images": torch.zeros(3, 4, 4, dtype=torch.uint8)}, r"got torch.uint8 \(3, 4, 4\)"),
        ({"labels": torch.zeros(3)}, r"labels must be int64 \(3,\), got torch.float32"),
        ({"labels": torch.zeros(2, dtype=torch.int64)}, r"got torch.int64 \(2,\)"),
        (
            {"latents": {"angle": torch.zeros(2)}},
            r"latent 'angle' must be \(3, \.\.\.\), got \(2,\)",
        ),
    ],
)
def test_images_of_other_types_or_lengths_are_refused(changes, message):
    right = {
        "images": torch.zeros(3, 1, 4, 4, dtype=torch.uint8),
        "labels": torch.zeros(3, dtype=torch.int64),
        "latents": {"angle": torch.zeros(3, 2)},
    }
    assert len(Images(**right)) == 3
    with pytest.raises(ValueError, match=message):
        Images(**(right | changes))
