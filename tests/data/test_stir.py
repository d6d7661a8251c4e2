import hashlib
import json

import pytest
import torch
from pydantic import ValidationError

from isotrope import paths
from isotrope.data import stir
from isotrope.datasets import sources
from isotrope.datasets.building import build_dataset
from isotrope.datasets.loading import load_split
from isotrope.digests import with_local_files
from isotrope.errors import UserError


@pytest.mark.parametrize(
    ("scenario", "trained"),
    [
        ("small2large", range(17, 33)),
        ("mid2rest", range(33, 49)),
        ("large2small", range(49, 65)),
        ("all2all", range(17, 65)),
    ],
)
def test_scenarios_train_and_test_on_the_published_scales(emoji, archive, scenario, trained):
    params = stir.Params(task="emoji", scenario=scenario)
    tested = [one for one in range(17, 65) if one not in trained] or list(trained)
    for split, scales in (("train", trained), ("valid", trained), ("test", tested)):
        data = stir.load(params, emoji.parent, "emoji", split)
        images, labels = archive.to_uint8(split, scales)  # ascending, shuffled
        sizes, places = archive.get_latents(split, scales)
        assert len(data) == 36 * len(scales)
        assert (data.images.numpy() == images).all()
        assert (data.labels.numpy() == labels).all()
        assert (data.latents["scale"].numpy() == sizes).all()
        assert (data.latents["position"].numpy() == places).all()
        assert {value.dtype for value in data.latents.values()} == {torch.int64}


def test_all_scales_is_the_test_split_from_small_to_large(emoji, archive):
    params = stir.Params(task="emoji", scenario="mid2rest")
    data = stir.load(params, emoji.parent, "emoji", "all_scales")
    assert data.latents["scale"].tolist() == [one for one in range(17, 65) for _ in range(36)]
    assert data.labels.tolist() == list(range(36)) * 48
    assert (data.images[-36:, 0].numpy() == archive.images[2, 0, :, 0]).all()


def test_an_unknown_split_of_the_plug_in_is_a_value_error(emoji):
    params = stir.Params(task="emoji", scenario="mid2rest")
    with pytest.raises(ValueError, match=r"split must be one of .* got 'tests'"):
        stir.load(params, emoji.parent, "emoji", "tests")


@pytest.mark.parametrize("task", ["mnist", "trafficsign", "aerial"])
def test_only_the_emoji_are_embedded(task):
    sources = rf"write `source: download`, .*generated.*`source: local` and put {task}\.npz"
    with pytest.raises(ValidationError, match=sources) as caught:
        stir.Params(task=task, scenario="mid2rest")
    assert caught.value.errors()[0]["loc"] == ("source",)


@pytest.mark.parametrize(
    ("task", "shape", "classes", "images"),
    [
        ("emoji", (1, 64, 64), 36, 1728),
        ("mnist", (1, 64, 64), 10, 24_000),
        ("trafficsign", (3, 64, 64), 16, 19_200),
        ("aerial", (3, 64, 64), 9, 10_800),
    ],
)
def test_tasks_have_the_published_sizes(task, shape, classes, images):
    params = stir.Params(task=task, source="local", scenario="all2all")
    assert stir.image_shape(params) == shape
    assert stir.classes(params) == classes
    assert stir.image_counts(params) == {"train": images, "valid": images, "test": images}
    assert stir.local_files(params) == [f"stir/{task}.npz"]


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    (tmp_path / "stir").mkdir()
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path))
    return tmp_path / "stir"


def test_the_users_archive_is_checked_and_read_where_it_lies(data_folder, emoji, tmp_path):
    path = data_folder / "emoji.npz"
    path.write_bytes(emoji.read_bytes())
    params = stir.Params(task="emoji", source="local", scenario="mid2rest")

    assert stir.build(params, tmp_path / "out", "emoji-local") == [path]
    assert len(stir.load(params, tmp_path / "out", "emoji-local", "train")) == 576


def test_a_colour_archive_is_read_with_its_channels_first(
    data_folder, monkeypatch, small_arrays, save
):
    monkeypatch.setitem(stir.TASKS, "trafficsign", stir.Task(2, 1, 3))
    arrays = small_arrays(channels=3)
    save(data_folder / "trafficsign.npz", arrays)
    params = stir.Params(task="trafficsign", source="local", scenario="all2all")

    stir.build(params, data_folder, "")
    data = stir.load(params, data_folder, "", "all_scales")

    assert data.images.shape == (96, 3, 64, 64)
    expected = arrays["imgs"][2, 47, 1, 0].transpose(2, 0, 1)
    assert (data.images[1].numpy() == expected).all()


def test_the_archive_of_another_task_is_refused(data_folder, emoji):
    (data_folder / "mnist.npz").write_bytes(emoji.read_bytes())
    params = stir.Params(task="mnist", source="local", scenario="mid2rest")
    with pytest.raises(
        UserError, match=r"mnist\.npz: task mnist has 10 classes, 50 .* has 36, 1 and 1"
    ):
        stir.build(params, data_folder, "mnist-local")


def test_emoji_at_other_places_are_not_the_published_archive(data_folder, small_arrays, save):
    save(data_folder / "emoji.npz", small_arrays(classes=36))
    params = stir.Params(task="emoji", source="local", scenario="mid2rest")
    with pytest.raises(UserError, match="the emoji lie at other places"):
        stir.build(params, data_folder, "emoji-local")


@pytest.fixture
def fetched(emoji, tmp_path, monkeypatch):
    """The drawn emoji in the place of the published archive, downloaded and pinned."""
    monkeypatch.chdir(tmp_path)
    path = paths.download("stir", "emoji.npz")
    path.parent.mkdir(parents=True)
    path.write_bytes(emoji.read_bytes())
    return path


def pin(path):
    content = path.read_bytes()
    md5 = hashlib.md5(content).hexdigest()
    entry = sources.PinnedFile(size=len(content), md5=md5, urls=["https://example.org/emoji.npz"])
    sources.write("stir", sources.Sources(zenodo=1, version=2, files={"emoji.npz": entry}))


def test_a_downloaded_archive_is_checked_listed_and_read_where_it_lies(fetched):
    pin(fetched)
    params = stir.Params(task="emoji", source="download", scenario="mid2rest")
    assert stir.downloads(params) == ["emoji.npz"]
    assert stir.local_files(params) == []

    manifest = build_dataset("stir", params, "d")

    (file,) = json.loads(manifest.read_text())["files"]
    assert (file["root"], file["path"]) == ("downloads", "stir/emoji.npz")
    assert len(load_split("stir", params, "train")) == 576
    before = with_local_files("t", manifest)
    assert before != "t"  # a pin that moves on to another version retrains

    fetched.write_bytes(fetched.read_bytes() + b"x")
    with pytest.raises(UserError, match=r"out/downloads/stir/emoji\.npz: cut short or replaced"):
        load_split("stir", params, "train")
    fetched.unlink()
    with pytest.raises(UserError, match=r"out/downloads/stir/emoji\.npz: no such file, though"):
        load_split("stir", params, "train")


def test_a_pinned_archive_of_another_layout_or_with_other_places_is_refused(
    fetched, small_arrays, save
):
    params = stir.Params(task="emoji", source="download", scenario="mid2rest")
    arrays = small_arrays(classes=36)
    save(fetched, arrays)
    pin(fetched)
    with pytest.raises(UserError, match="the emoji lie at other places"):
        build_dataset("stir", params, "d")
    save(fetched, arrays | {key: arrays[key][:, :, :, 0] for key in ("imgs", "lbls", "scls")})
    pin(fetched)
    with pytest.raises(UserError, match="files made before 10 June 2022 have no instances"):
        build_dataset("stir", params, "d")


def test_emoji_are_not_generated_from_raw_material():
    with pytest.raises(ValidationError, match="write `source: embedded`"):
        stir.Params(task="emoji", source="generated", scenario="mid2rest")
