"""A data set that is a stream of the user's files, from its build to its batches."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from isotrope import registry
from isotrope.datasets.building import build_dataset
from isotrope.datasets.file_index import indexed_file, read_file_index, write_file_index
from isotrope.datasets.loading import load_split
from isotrope.datasets.stream import Stream
from isotrope.digests import local_sums
from isotrope.errors import UserError
from isotrope.settings import Settings, load_time

SPLITS = ("train", "valid")


class Params(Settings):
    brighter: int = load_time(0)


def build(params, folder, key):
    rows = [
        {"file": f"photos/{split}/{i}.png", "split": split, "label": i % 3}
        for split in SPLITS
        for i in range(6)
    ]
    return [write_file_index(rows, folder, key)]


def load(params, folder, key, split):
    rows = [row for row in read_file_index(folder, key) if row["split"] == split]
    labels = torch.tensor([int(row["label"]) for row in rows])
    return Stream([(row["file"], int(row["label"])) for row in rows], labels)


def read(params, entry, generator):
    file, label = entry
    with Image.open(indexed_file(file)) as picture:
        pixels = np.asarray(picture.convert("L"))
    return torch.from_numpy(pixels + np.uint8(params.brighter))[None], label


PHOTOS = SimpleNamespace(
    __name__="photos",
    Params=Params,
    REVISION=1,
    SPLITS=SPLITS,
    image_shape=lambda params: (1, 8, 8),
    classes=lambda params: 3,
    image_counts=lambda params: dict.fromkeys(SPLITS, 6),
    local_files=lambda params: ["photos/**/*.png"],
    build=build,
    load=load,
    read=read,
)


@pytest.fixture
def photos(tmp_path, monkeypatch):
    real = registry.load
    monkeypatch.setattr(
        registry, "load", lambda kind, name: PHOTOS if name == "photos" else real(kind, name)
    )
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path / "mine"))
    for split in SPLITS:
        folder = tmp_path / "mine" / "photos" / split
        folder.mkdir(parents=True)
        for i in range(6):
            Image.fromarray(np.full((8, 8), 10 * i, dtype=np.uint8)).save(folder / f"{i}.png")
    return tmp_path


def built(photos):
    return build_dataset("photos", Params(), "d", photos / "out")


def test_only_the_index_and_the_picture_are_written(photos):
    manifest = built(photos)
    names = sorted(path.name for path in (photos / "out").iterdir())
    assert names == ["default.manifest.json", "default.png", "default.sources.csv"]
    (file,) = json.loads(manifest.read_text())["files"]
    assert (file["path"], file["root"]) == ("default.sources.csv", "folder")


@pytest.mark.parametrize("workers", [0, 2])
def test_a_split_is_read_with_the_settings_of_the_run(photos, workers):
    built(photos)
    data = load_split("photos", Params(brighter=5), "train", photos / "out")
    assert isinstance(data, Stream)
    assert data.labels.tolist() == [0, 1, 2, 0, 1, 2]
    found = torch.cat([one.images for one in data.with_workers(workers).batches(4)])
    assert found[:, 0, 0, 0].tolist() == [5 + 10 * i for i in range(6)]


def test_what_was_trained_depends_on_the_list_of_files_and_their_sizes(photos):
    before = local_sums(built(photos))
    assert len(before) == 1
    shutil.copytree(photos / "mine", photos / "moved")
    assert local_sums(built(photos)) == before
    with (photos / "mine/photos/train/3.png").open("ab") as file:
        file.write(b"more")
    assert local_sums(built(photos)) != before


def test_an_absent_file_is_named_when_the_index_is_made(photos):
    (photos / "mine/photos/valid/2.png").unlink()
    with pytest.raises(UserError, match=r"photos/valid/2\.png: cannot be read \(No such file"):
        built(photos)


def test_a_file_that_is_cut_short_is_named_when_it_is_read(photos):
    built(photos)
    path = photos / "mine/photos/train/4.png"
    path.write_bytes(path.read_bytes()[:40])
    data = load_split("photos", Params(), "train", photos / "out")
    with pytest.raises(UserError, match=r"photos/train/4\.png: cannot be read \(.*; restore"):
        list(data.batches(3))


def test_without_the_variable_the_file_that_is_looked_for_is_named(photos, monkeypatch):
    monkeypatch.delenv("ISOTROPE_DATA")
    with pytest.raises(UserError, match=r"\$ISOTROPE_DATA is not set, and photos/train/0\.png"):
        built(photos)


def test_labels_of_a_stream_are_checked_when_it_is_loaded(photos, monkeypatch):
    built(photos)
    monkeypatch.setattr(PHOTOS, "classes", lambda params: 2)
    with pytest.raises(ValueError, match=r"load gave labels outside 0\.\.1"):
        load_split("photos", Params(), "train", photos / "out")
