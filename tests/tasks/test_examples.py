"""The images that lie beside the tables, for the figure that shows them."""

import json

import numpy as np
import pytest
import torch

from isotrope.data import stir
from isotrope.datasets.building import build_dataset
from isotrope.datasets.images import Images
from isotrope.datasets.loading import load_split
from isotrope.errors import UserError
from isotrope.files.arrays import read_arrays
from isotrope.tasks import examples

PARAMS = stir.Params(task="emoji", scenario="mid2rest")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return build_dataset("stir", PARAMS, "a-digest", tmp_path_factory.mktemp("data") / "stir")


def test_emoji_are_shown_from_the_smallest_to_the_largest_where_the_data_set_has_them(
    manifest, tmp_path
):
    path = examples.write_examples("scale", [manifest], tmp_path / "examples.npz")

    stored = read_arrays(path, "")
    assert {name.removeprefix("stir/emoji/") for name in stored} == {
        *("images", "scales", "positions", "labels"),
    }
    scales, labels = stored["stir/emoji/scales"], stored["stir/emoji/labels"]
    assert list(scales) == [17, 25, 33, 40, 48, 56, 64]
    assert list(labels) == [0, 18]
    data = load_split("stir", PARAMS, "all_scales", manifest.parent)
    for row, scale in enumerate(scales):
        for column, label in enumerate(labels):
            place = (data.latents["scale"] == scale) & (data.labels == label)
            assert (
                stored["stir/emoji/images"][row, column] == data.images[place][0, 0].numpy()
            ).all()
            found = stored["stir/emoji/positions"][row, column]
            assert (found == data.latents["position"][place][0].numpy()).all()


def images(channels, latents):
    scales = torch.tensor([5, 5, 9])
    known = {"scale": scales, "position": torch.zeros(3, 2, dtype=torch.int64)}
    return Images(
        torch.arange(3 * channels * 4, dtype=torch.uint8).reshape(3, channels, 2, 2),
        torch.tensor([4, 4, 4]),
        {name: known[name] for name in latents},
    )


def test_colours_come_last_and_few_sizes_and_classes_are_enough(monkeypatch, manifest, tmp_path):
    data = images(3, ["scale", "position"])
    monkeypatch.setattr(examples, "load_split", lambda *_: data)
    stored = read_arrays(
        examples.write_examples("scale", [manifest], tmp_path / "examples.npz"), ""
    )
    assert list(stored["stir/emoji/scales"]) == [5, 9]
    assert list(stored["stir/emoji/labels"]) == [4]
    expected = np.moveaxis(data.images.numpy()[[0, 2]], 1, -1)[:, None]
    assert (stored["stir/emoji/images"] == expected).all()


def test_data_sets_without_sizes_are_passed_over(monkeypatch, manifest, tmp_path):
    monkeypatch.setattr(examples, "load_split", lambda *_: images(1, []))
    path = examples.write_examples("scale", [manifest], tmp_path / "examples.npz")
    assert read_arrays(path, "") == {}


def test_data_set_that_was_altered_is_named(manifest, tmp_path):
    copy = tmp_path / "stir" / manifest.name
    copy.parent.mkdir()
    copy.write_text(json.dumps(json.loads(manifest.read_text())))
    with pytest.raises(UserError, match=r"emoji\.npz"):
        examples.write_examples("scale", [copy], tmp_path / "examples.npz")
    assert not (tmp_path / "examples.npz").exists()


def first(study, monkeypatch, manifest, path, data):
    monkeypatch.setattr(examples, "load_split", lambda *_: data)
    return read_arrays(examples.write_examples(study, [manifest], path), "")


def test_a_study_that_says_nothing_shows_the_first_image_of_each_class(
    monkeypatch, manifest, tmp_path
):
    pictures = torch.arange(4 * 4, dtype=torch.uint8).reshape(4, 1, 2, 2)
    data = Images(pictures, torch.tensor([7, 3, 7, 5]))

    stored = first("of_my_own", monkeypatch, manifest, tmp_path / "examples.npz", data)

    assert list(stored["stir/labels"]) == [7, 3, 5]
    assert (stored["stir/images"] == pictures.numpy()[[0, 1, 3], 0]).all()


def test_masks_are_shown_with_their_images(monkeypatch, manifest, tmp_path):
    masks = torch.arange(4 * 4, dtype=torch.uint8).reshape(4, 2, 2)
    data = Images(torch.zeros(4, 3, 2, 2, dtype=torch.uint8), masks)

    stored = first("of_my_own", monkeypatch, manifest, tmp_path / "examples.npz", data)

    assert stored["stir/images"].shape == (4, 2, 2, 3)
    assert (stored["stir/labels"] == masks.numpy()).all()


def test_a_study_of_ones_own_says_which_images_it_shows(monkeypatch, manifest, tmp_path):
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "plugins/studies/mine/examples.py"
    own.parent.mkdir(parents=True)
    own.write_text("def examples(data):\n    return {'last': data.images.numpy()[-1]}\n")
    data = images(1, [])

    stored = first("mine", monkeypatch, manifest, tmp_path / "examples.npz", data)

    assert list(stored) == ["stir/last"]
    assert (stored["stir/last"] == data.images.numpy()[-1]).all()
