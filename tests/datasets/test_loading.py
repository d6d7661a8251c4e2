import json
import shutil
from types import SimpleNamespace

import pytest
import torch

from isotrope.data import stir
from isotrope.datasets import loading
from isotrope.datasets.building import build_dataset
from isotrope.datasets.images import Images
from isotrope.datasets.loading import load_split, read_split
from isotrope.datasets.local_data import absent_files
from isotrope.errors import UserError
from isotrope.files.json_files import sealed
from isotrope.settings import Settings

PARAMS = stir.Params(task="emoji", scenario="mid2rest")
LOCAL = stir.Params(task="emoji", source="local", scenario="mid2rest")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_each_seed_is_asked_for_its_images_with_settings_labels_and_its_number(monkeypatch):
    def subset(params, labels, seed):
        assert params is PARAMS
        if seed == 9:
            return None
        return torch.tensor([seed, *([] if labels is None else labels.tolist())])

    monkeypatch.setattr(loading.registry, "load", lambda *_: SimpleNamespace(subset=subset))
    found = loading.subsets("stir", PARAMS, torch.tensor([5, 6]), [2, 1])
    assert {seed: chosen.tolist() for seed, chosen in found.items()} == {2: [2, 5, 6], 1: [1, 5, 6]}
    assert loading.subsets("stir", PARAMS, None, [3])[3].tolist() == [3]
    assert loading.subsets("stir", PARAMS, None, [3, 9]) is None


def test_a_split_is_read_as_the_plug_in_reads_it(pristine):
    data = load_split("stir", PARAMS, "test", pristine)
    expected = stir.load(PARAMS, pristine, "emoji", "test")
    assert torch.equal(data.images, expected.images)
    assert torch.equal(data.labels, expected.labels)


def test_an_unbuilt_data_set_names_the_command(tmp_path):
    with pytest.raises(
        UserError, match=r"emoji\.manifest\.json: .* not built; run `snakemake .*/emoji\."
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


def test_a_build_from_before_a_new_option_is_read_while_that_is_at_its_default(built):
    class Newer(stir.Params):
        option: int = 1
        other: int = 1

    settings = PARAMS.model_dump()
    assert len(load_split("stir", Newer(**settings), "train", built)) > 0
    path = built / "emoji.manifest.json"
    (built / "emoji-other=2.manifest.json").write_bytes(path.read_bytes())
    with pytest.raises(UserError, match=r"built with settings .* now .*'other': 2"):
        load_split("stir", Newer(**settings, other=2), "train", built)


def test_a_build_of_other_settings_is_refused(built):
    path = built / "emoji.manifest.json"
    content = json.loads(path.read_text().replace('"embedded"', '"local"'))
    path.write_text(json.dumps(sealed(content)))
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


# Kinds and sizes


def plugin_of(data, **extra):
    said = {
        "__name__": "shapes",
        "load": lambda params, folder, key, split: data,
        "classes": lambda params: 3,
        "image_shape": lambda params: (1, 4, 4),
    }
    return SimpleNamespace(**said | extra)


def read(plugin, tmp_path, split="test"):
    return read_split(plugin, Settings(), tmp_path, "default", split)


def test_masks_are_read_where_the_data_set_says_so(tmp_path):
    images = torch.zeros(2, 1, 4, 4, dtype=torch.uint8)
    masks = torch.tensor([0, 2, 255, 1]).expand(2, 4, 4)
    data = Images(images, masks)
    assert read(plugin_of(data, kind="segmentation"), tmp_path) is data
    with pytest.raises(ValueError, match="kind is classification, load gave labels of segmentat"):
        read(plugin_of(data), tmp_path)
    wrong = plugin_of(data, kind="segmentation", classes=lambda params: 2)
    with pytest.raises(ValueError, match=r"labels outside 0\.\.1 and not 255"):
        read(wrong, tmp_path)


def test_a_split_may_have_images_of_another_size_if_it_says_so(tmp_path):
    data = Images(torch.zeros(2, 1, 6, 8, dtype=torch.uint8), torch.tensor([0, 2]))
    with pytest.raises(ValueError, match=r"image_shape is \(1, 4, 4\), load gave \(1, 6, 8\)"):
        read(plugin_of(data), tmp_path)
    larger = plugin_of(data, image_shapes=lambda params: {"test": (1, 6, 8)})
    assert read(larger, tmp_path) is data
    with pytest.raises(ValueError, match=r"image_shape is \(1, 4, 4\), load gave \(1, 6, 8\)"):
        read(larger, tmp_path, "valid")
