"""CIFAR-10 and CIFAR-100 from files of their layouts."""

import hashlib
import pickle
from pathlib import Path

import made_up_archives as made
import numpy as np
import pytest
import torch
from pydantic import ValidationError

from isotrope import paths
from isotrope.data import _cifar_pickles, cifar10, cifar100
from isotrope.data._cifar_pickles import CIFAR10, CIFAR100
from isotrope.datasets import sources
from isotrope.errors import UserError
from isotrope.settings import build_only

LOCAL = {"source": "local", "valid_images": 10}


@pytest.fixture
def files(root, monkeypatch):
    """The folder of the six batches."""
    made.write_cifar10(root, monkeypatch)
    return root / "cifar-10-batches-py"


def load(split, **changes):
    return cifar10.load(cifar10.Params(**(LOCAL | changes)), Path(), "", split)


def test_a_batch_holds_a_red_a_green_and_a_blue_plane_of_each_image(files):
    expected = np.concatenate([made.batch(k)[0] for k in range(5)])
    assert cifar10.build(cifar10.Params(**LOCAL), Path(), "") == [
        files / name for name in CIFAR10.md5
    ]
    data = load("train")
    assert (data.images.flatten(1).numpy() == expected[:90]).all()
    assert data.labels.tolist() == [one % 10 for one in range(90)]
    assert (load("valid").images.flatten(1).numpy() == expected[90:]).all()
    assert (load("test").images.flatten(1).numpy() == made.batch(5)[0]).all()


def test_what_is_trained_on_and_tested_can_be_cut_short(files):
    assert torch.equal(load("train", train_images=7).images, load("train").images[:7])
    assert torch.equal(load("test", test_images=7).images, load("test").images[:7])
    assert len(load("train", valid_images=60)) == 40


def test_the_test_images_validate_if_so_wished_and_all_others_train(files):
    assert len(load("train", valid_from="test")) == 100
    valid, test = (load(split, valid_from="test", test_images=9) for split in ("valid", "test"))
    assert torch.equal(valid.images, test.images)
    assert len(valid) == 9


def test_more_images_than_there_are_is_a_mistake(files):
    with pytest.raises(UserError, match=r"dataset\.train_images: 95 images .* 90 are left"):
        load("train", train_images=95)
    for name, most in (("train_images", 100), ("valid_images", 99), ("test_images", 20)):
        with pytest.raises(ValidationError, match=rf"{name}\n.*there are {most}\b"):
            load("train", **{name: most + 1})
    with pytest.raises(ValueError, match="one of train, valid, test, got 'all'"):
        load("all")


def test_the_published_archive_gives_the_same_images_and_nothing_is_unpacked(
    files, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    content = made.packed_pickles(files)
    path = paths.download("cifar10", CIFAR10.archive)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    md5 = hashlib.md5(content).hexdigest()
    entry = sources.PinnedFile(size=len(content), md5=md5, urls=["https://files.example/a"])
    sources.write("cifar10", sources.Sources(files={CIFAR10.archive: entry}))
    before = sorted(tmp_path.rglob("*"))

    assert cifar10.build(cifar10.Params(source="download"), Path(), "") == [path]
    for split in cifar10.SPLITS:
        assert torch.equal(load(split, source="download").images, load(split).images)
    assert sorted(tmp_path.rglob("*")) == before

    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"cut short or altered: it has"):
        cifar10.build(cifar10.Params(source="download"), Path(), "")
    with pytest.raises(UserError, match=r"cifar-10-python\.tar\.gz: cannot be unpacked"):
        load("train", source="download")


def test_an_archive_without_a_batch_is_named(files, tmp_path):
    (files / "data_batch_3").unlink()
    path = tmp_path / "a.tar.gz"
    path.write_bytes(made.packed_pickles(files))
    with pytest.raises(UserError, match=r"lacks cifar-10-batches-py/data_batch_3"):
        _cifar_pickles._in_archive(CIFAR10, path, list(CIFAR10.md5))


def test_an_altered_file_is_refused_before_it_is_unpickled(files):
    opened = files.parent / "opened"
    bomb = b"cos\nmkdir\n(V" + str(opened).encode() + b"\ntR."
    (files / "data_batch_2").write_bytes(bomb)
    with pytest.raises(UserError, match=r"data_batch_2: data_batch_2 is altered or cut short"):
        cifar10.build(cifar10.Params(**LOCAL), Path(), "")
    assert not opened.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"cos\nsystem\n(Vtrue\ntR.", r"it asks for os\.system"),
        (b"cbuiltins\neval\n(V1\ntR.", r"it asks for builtins\.eval"),
        (b"cnumpy\nload\n(V1\ntR.", r"it asks for numpy\.load"),
        (b"cnumpy.core.multiarray\nfromfile\n(V1\ntR.", r"multiarray\.fromfile"),
        (pickle.dumps([1]), "it holds list, not a dict"),
        (pickle.dumps({"labels": [1]}), "data"),
        (made.python2_pickle(np.zeros((1, 3072)), labels=[1]), "not bytes of shape"),
        (made.python2_pickle(np.zeros((2, 3072), np.uint8), labels=[1]), "not bytes of shape"),
        (made.python2_pickle(np.zeros((1, 3072), np.uint8), labels=[10]), "not classes 0 to 9"),
        (b"", "Ran out of input"),
    ],
)
def test_even_a_file_with_the_right_checksum_can_only_make_arrays(
    files, monkeypatch, content, reason
):
    made.pin_pickles(CIFAR10, dict.fromkeys(CIFAR10.md5, content), monkeypatch)
    with pytest.raises(UserError, match=rf"is no batch of CIFAR-10 \(.*{reason}"):
        _cifar_pickles.read_batch(CIFAR10, content, "data_batch_1", Path("a"), "labels")


def test_what_the_source_needs_is_known_before_anything_is_read():
    local, download = (cifar10.Params(source=source) for source in ("local", "download"))
    assert len(cifar10.local_files(local)) == 6
    assert "cifar-10-batches-py/test_batch" in cifar10.local_files(local)
    assert (cifar10.downloads(local), cifar10.local_files(download)) == ([], [])
    assert cifar10.downloads(download) == ["cifar-10-python.tar.gz"]


def test_the_committed_sources_have_the_published_checksums(monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    assert sources.pinned("cifar10", CIFAR10.archive).md5 == "c58f30108f718f92721af3b95e74349a"
    assert sources.pinned("cifar100", CIFAR100.archive).md5 == "eb9058c3a382ffc7106e4002c42a8d85"
    train, test = (sources.pinned("svhn", f"{part}_32x32.mat").md5 for part in ("train", "test"))
    assert train == "e26dedcc434d2e4c54c9b2d4a06d8373"
    assert test == "eb5a983be6a315427106f1b164d9cef3"


@pytest.mark.parametrize("shape", [(3072,), (3, 32, 32), "channels last"])
def test_one_npz_file_holds_the_images_of_the_batches(files, monkeypatch, shape):
    plain = made.write_cifar10_npz(files.parent, monkeypatch)
    shaped = {}
    for part in ("train", "test"):
        images = plain[f"{part}_images"]
        if shape == "channels last":
            shaped[f"{part}_images"] = images.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
            shaped[f"{part}_labels"] = plain[f"{part}_labels"][:, None].astype(np.int64)
        else:
            shaped[f"{part}_images"] = images.reshape(-1, *shape)
    made.write_cifar10_npz(files.parent, monkeypatch, **shaped)
    npz = cifar10.Params(**LOCAL, form="npz")
    assert cifar10.local_files(npz) == ["cifar10/cifar10.npz"]
    assert cifar10.build(npz, Path(), "") == [files.parent / "cifar10/cifar10.npz"]
    for split in cifar10.SPLITS:
        for form in ("batches", "npz"):
            found = load(split, form=form)
            assert torch.equal(found.images, load(split).images)
            assert torch.equal(found.labels, load(split).labels)


def test_an_npz_file_of_other_images_another_order_or_other_arrays_is_refused(root, monkeypatch):
    plain = made.write_cifar10_npz(root, monkeypatch)
    npz = cifar10.Params(**LOCAL, form="npz")
    turned = plain["train_images"][::-1]
    for changes, message in (
        ({"train_images": turned}, "its 100 train images and their labels are not those"),
        ({"test_labels": plain["test_labels"] + 1}, "its 20 test images and their labels"),
        ({"test_images": plain["test_images"][:-1]}, r"test_images are uint8 \(19, 3072\)"),
        ({"train_images": turned / 255}, r"train_images are float64"),
        ({"train_labels": plain["train_labels"] / 2}, r"train_labels are float64"),
        ({"train_labels": np.array([{}])}, "Object arrays cannot be loaded"),
    ):
        made.write_cifar10_npz(root, monkeypatch, **changes)
        with pytest.raises(UserError, match=message):
            cifar10.build(npz, Path(), "")
    path = root / "cifar10/cifar10.npz"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"cifar10\.npz: no npz file of CIFAR-10"):
        cifar10.build(npz, Path(), "")
    with pytest.raises(ValidationError, match="the published archive holds batches"):
        cifar10.Params(source="download", form="npz")


def test_cifar_100_has_a_hundred_classes_or_twenty(root, monkeypatch):
    made.write_cifar100(root, monkeypatch)
    fine, coarse = (
        cifar100.Params(source="local", labels=labels, valid_images=50)
        for labels in ("fine", "coarse")
    )
    assert (cifar100.classes(fine), cifar100.classes(coarse)) == (100, 20)
    assert cifar100.image_counts(fine) == {"train": 150, "valid": 50, "test": 100}
    expected = made.batch(200, 200)[0]
    for params, kinds in ((fine, 100), (coarse, 20)):
        names = [root / "cifar-100-python" / part for part in ("train", "test")]
        assert cifar100.build(params, Path(), "") == names
        train, valid = (cifar100.load(params, Path(), "", one) for one in ("train", "valid"))
        assert (torch.cat([train.images, valid.images]).flatten(1).numpy() == expected).all()
        assert train.labels.tolist() == [one % 100 % kinds for one in range(150)]


def test_a_file_of_cifar_100_that_is_altered_is_refused_before_it_is_unpickled(root, monkeypatch):
    made.write_cifar100(root, monkeypatch)
    (root / "cifar-100-python/test").write_bytes(b"cos\nsystem\n(Vtrue\ntR.")
    with pytest.raises(UserError, match=r"test is altered or cut short: .* that of CIFAR-100"):
        cifar100.build(cifar100.Params(source="local"), Path(), "")
    content = made.python2_pickle(np.zeros((1, 3072), np.uint8), fine_labels=[100])
    made.pin_pickles(CIFAR100, {"test": content}, monkeypatch)
    with pytest.raises(UserError, match=r"no batch of CIFAR-100 \(.*not classes 0 to 99"):
        _cifar_pickles.read_batch(CIFAR100, content, "test", Path("test"), "fine_labels")


def test_the_archive_of_cifar_100_gives_the_same_images(root, tmp_path, monkeypatch):
    made.write_cifar100(root, monkeypatch)
    monkeypatch.chdir(tmp_path)
    path = paths.download("cifar100", CIFAR100.archive)
    path.parent.mkdir(parents=True)
    path.write_bytes(made.packed_pickles(root / "cifar-100-python"))
    download, local = (cifar100.Params(source=one, valid_images=9) for one in ("download", "local"))
    for split in cifar100.SPLITS:
        found, expected = (cifar100.load(one, Path(), "", split) for one in (download, local))
        assert torch.equal(found.images, expected.images)
        assert torch.equal(found.labels, expected.labels)
    assert cifar100.downloads(download) == [CIFAR100.archive]
    assert (cifar100.downloads(local), cifar100.local_files(download)) == ([], [])


@pytest.mark.parametrize("plugin", [cifar10, cifar100])
def test_the_images_of_each_split_are_known_where_nothing_says_how_they_are_used(plugin):
    params = build_only(plugin.Params).model_validate({"source": "local"})
    assert plugin.image_counts(params) == {"train": 45_000, "valid": 5_000, "test": 10_000}
