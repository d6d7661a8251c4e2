"""The digits that the forms of MNIST are made from, and how they are divided."""

import gzip
import hashlib

import numpy as np
import pytest
import torch
from made_up_mnist import idx
from pydantic import ValidationError

from isotrope import paths
from isotrope.data import _digit_files, _digits, _idx, mnist, mnist_r
from isotrope.data._digits import Counts, stratified_order
from isotrope.datasets import sources
from isotrope.datasets.building import build_dataset
from isotrope.datasets.loading import load_split
from isotrope.errors import UserError
from isotrope.registry import load as load_plugin

FORMS = {  # their settings besides the source
    "digits8": {},
    "mnist": {},
    "mnist_large_scale": {},
    "mnist_r": {},
    "mnist_rts": {},
    "mnist_scale": {},
    "rot_mnist": {"form": "generated"},
}


def built(name, folder, **settings):
    plugin = load_plugin("data", name)
    params = plugin.Params(**{"source": "digits8", **settings})
    build_dataset(name, params, "d", folder)
    return lambda split, **more: load_split(
        name, plugin.Params(**{"source": "digits8", **settings, **more}), split, folder
    )


def arrays_of(folder):
    (path,) = folder.glob("*.npz")
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("name", FORMS)
def test_no_digit_is_in_two_splits(name, tmp_path):
    plugin = load_plugin("data", name)
    params = plugin.Params(source="digits8", **FORMS[name])
    plugin.build(params, tmp_path, "k")
    arrays = arrays_of(tmp_path)
    train, test = arrays["train_digit"].tolist(), arrays["test_digit"].tolist()
    assert len({*train, *test}) == len(train) + len(test) == 1797
    counts = params.counts()
    assert counts.train + counts.valid == len(train)
    assert counts.test == len(test)
    halves = {split: _digit_files.chosen(params, split) for split in ("train", "valid", "test")}
    assert train[halves["train"][1]] + train[halves["valid"][1]] == train
    every = _digits.read("digits8").pooled().labels
    assert (arrays["train_labels"] == every[train]).all()
    assert (arrays["test_labels"] == every[test]).all()


def test_the_first_images_are_taken_and_validation_may_be_the_test_images(tmp_path):
    split = built("mnist", tmp_path)
    train, test = split("train"), split("test")
    few = split("train", train_images=30)
    assert torch.equal(few.images, train.images[:30])
    assert torch.equal(split("test", test_images=20).images, test.images[:20])
    assert len(split("valid", valid_images=70)) == 70
    assert len(split("train", valid_images=70)) == 1430

    assert len(split("train", valid_from="test")) == 1500
    looked_at = split("valid", valid_from="test", test_images=20)
    assert torch.equal(looked_at.images, test.images[:20])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train_images": 1376}, "there are 1375 with `source: digits8`"),
        ({"train_images": 1500, "valid_images": 1}, "there are 1499"),
        ({"valid_images": 1500}, "there are 1499"),
        ({"test_images": 298}, "there are 297"),
    ],
)
def test_more_images_than_there_are_is_a_mistake(settings, message):
    with pytest.raises(ValidationError, match=message):
        mnist.Params(source="digits8", **settings)


def test_the_counts_of_mnist_are_the_published_ones():
    assert mnist.Params(source="local").counts() == Counts(55_000, 5_000, 10_000)
    assert mnist.Params(source="local", valid_from="test").counts() == (60_000, 10_000, 10_000)
    assert mnist.image_counts(mnist.Params(source="local", train_images=100))["train"] == 100


def test_the_source_must_be_said():
    with pytest.raises(ValidationError, match="source"):
        mnist.Params()


def test_small_digits_stand_upright_in_the_middle_of_mnists_canvas(tmp_path):
    images = built("mnist", tmp_path)("test").images
    assert images.shape == (297, 1, 28, 28)
    margin = torch.cat([images[:, :, :2], images[:, :, -2:]])
    assert margin.max() <= 2  # the cubic reaches 5 pixels beyond the digit, ever more faintly
    ink = images.double().mean(dim=(0, 1))
    assert (ink > 8).any(dim=1).sum() >= 18  # rows: the 20 of the digit
    raw = _digits.read("digits8").test.images
    # a pixel of 8 x 8 is the middle of 2.5 x 2.5 of the canvas
    blocks = images[:, 0, 4:24, 4:24].double().reshape(297, 20, 20)
    coarse = torch.nn.functional.interpolate(blocks[:, None], size=8, mode="area")[:, 0]
    assert np.corrcoef(coarse.flatten(), raw.ravel())[0, 1] > 0.97


def test_turned_digits_are_those_digits_at_their_stored_angles(tmp_path):
    upright = built("mnist", tmp_path / "a")("test").images
    turned = built("mnist_r", tmp_path / "b", turn=180.0)("test")
    angles = turned.latents["angle"]
    assert angles.dtype == torch.float32
    assert -180 <= angles.min() < -150
    assert 150 < angles.max() <= 180
    near = (angles.abs() < 5).nonzero()[0]
    apart = (turned.images[near].double() - upright[near].double()).abs().mean()
    assert apart < 12  # of 255; another digit is some 60 away
    again = mnist_r._draw(
        mnist_r.Params(source="digits8", turn=180.0), _digits.read("digits8").test, 1
    )
    assert (again.images == turned.images[:, 0].numpy()).all()


def test_another_seed_turns_otherwise(tmp_path):
    first = built("mnist_r", tmp_path / "a")("test")
    second = built("mnist_r", tmp_path / "b", seed=1)("test")
    assert not torch.equal(first.latents["angle"], second.latents["angle"])
    assert first.latents["angle"].abs().max() <= 90


def test_every_beginning_of_a_stratified_order_has_the_classes_in_proportion():
    labels = np.repeat(np.arange(3, dtype=np.uint8), [100, 50, 10])
    order = stratified_order(labels, np.random.default_rng(0).random(160))
    assert sorted(order) == list(range(160))
    for count in (16, 48, 90):
        found = np.bincount(labels[order[:count]], minlength=3)
        np.testing.assert_allclose(found, count * np.array([10, 5, 1]) / 16, atol=1)


@pytest.fixture
def fetched(tmp_path, monkeypatch):
    """A project in which made-up files of MNIST were downloaded."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    files, pins = {}, {}
    for what, file in _idx.MNIST.files.items():
        count = 60 if what.startswith("train") else 40
        array = generator.integers(0, 256, (count, 28, 28))
        content = idx(file.magic, np.arange(count) % 10 if "labels" in what else array)
        packed = gzip.compress(content)
        files[what] = file._replace(sha256=hashlib.sha256(content).hexdigest())
        path = paths.download("mnist", f"{file.name}.gz")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(packed)
        pins[path.name] = sources.PinnedFile(
            size=len(packed), md5=hashlib.md5(packed).hexdigest(), urls=["http://127.0.0.1:1/a"]
        )
    monkeypatch.setattr(_idx, "MNIST", _idx.MNIST._replace(files=files))
    sources.write("mnist", sources.Sources(files=pins))
    return tmp_path


@pytest.mark.usefixtures("fetched")
def test_downloaded_files_are_read_and_listed(monkeypatch, tmp_path):
    monkeypatch.setattr(mnist.Params, "OF_MNIST", Counts(60, 10, 40))
    monkeypatch.setattr(_idx, "COUNTS", {"train": 60, "test": 40})
    params = mnist.Params(source="download")
    wanted = mnist.downloads(params)
    assert wanted == mnist_r.downloads(mnist_r.Params(source="download"))
    assert [paths.download("mnist_r", file).is_file() for file in wanted] == [True] * 4
    assert sources.unpinned("mnist_r", wanted) == []

    manifest = build_dataset("mnist", params, "d", tmp_path / "data")
    assert "download.sources.csv" in manifest.read_text()
    assert len(load_split("mnist", params, "train", tmp_path / "data")) == 50

    path = paths.download("mnist", "t10k-labels-idx1-ubyte.gz")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="cut short or altered"):
        build_dataset("mnist", params, "d", tmp_path / "other")


def test_the_committed_checksums_of_mnist_are_pinned_for_every_form(request, monkeypatch):
    monkeypatch.chdir(request.config.rootpath)
    for name in FORMS.keys() - {"digits8"}:
        plugin = load_plugin("data", name)
        params = plugin.Params(source="download", **FORMS[name])
        assert sources.unpinned(name, plugin.downloads(params)) == []
        assert plugin.local_files(params) == []
    assert sources.pinned("mnist", "train-images-idx3-ubyte.gz").size == 9_912_422


def test_small_digits_are_stretched_to_the_nearest_grey_value():
    from sklearn.datasets import load_digits

    levels = load_digits().images.astype(int)
    found = _digits.read("digits8").pooled().images
    for level in range(17):
        assert set(found[levels == level].tolist()) == {round(level * 255 / 16)}
