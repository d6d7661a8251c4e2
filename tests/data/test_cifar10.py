"""CIFAR-10 from files of its layout, ten images of each class."""

import hashlib
import pickle
from pathlib import Path

import made_up_archives as made
import numpy as np
import pytest
import torch
from pydantic import ValidationError

from isotrope import paths
from isotrope.data import _cifar_pickles, cifar10
from isotrope.datasets import sources
from isotrope.errors import UserError

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
        files / name for name in _cifar_pickles.BATCHES
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
    content = made.cifar10_archive(files)
    path = paths.download("cifar10", cifar10.ARCHIVE)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    md5 = hashlib.md5(content).hexdigest()
    entry = sources.PinnedFile(size=len(content), md5=md5, urls=["https://files.example/a"])
    sources.write("cifar10", sources.Sources(files={cifar10.ARCHIVE: entry}))
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
    path.write_bytes(made.cifar10_archive(files))
    with pytest.raises(UserError, match=r"lacks cifar-10-batches-py/data_batch_3"):
        _cifar_pickles.batches_in_archive(path, list(_cifar_pickles.BATCHES))


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
        (made.python2_pickle(np.zeros((1, 3072)), [1]), "not bytes of shape"),
        (made.python2_pickle(np.zeros((2, 3072), np.uint8), [1]), "not bytes of shape"),
        (made.python2_pickle(np.zeros((1, 3072), np.uint8), [10]), "not classes 0 to 9"),
        (b"", "Ran out of input"),
    ],
)
def test_even_a_file_with_the_right_checksum_can_only_make_arrays(
    files, monkeypatch, content, reason
):
    made.pin_cifar10(dict.fromkeys(_cifar_pickles.BATCHES, content), monkeypatch)
    with pytest.raises(UserError, match=rf"is no batch of CIFAR-10 \(.*{reason}"):
        _cifar_pickles.read_batch(content, "data_batch_1", Path("data_batch_1"))


def test_what_the_source_needs_is_known_before_anything_is_read():
    local, download = (cifar10.Params(source=source) for source in ("local", "download"))
    assert len(cifar10.local_files(local)) == 6
    assert "cifar-10-batches-py/test_batch" in cifar10.local_files(local)
    assert (cifar10.downloads(local), cifar10.local_files(download)) == ([], [])
    assert cifar10.downloads(download) == ["cifar-10-python.tar.gz"]


def test_the_committed_sources_have_the_published_checksums(monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    assert sources.pinned("cifar10", cifar10.ARCHIVE).md5 == "c58f30108f718f92721af3b95e74349a"
    train, test = (sources.pinned("svhn", f"{part}_32x32.mat").md5 for part in ("train", "test"))
    assert train == "e26dedcc434d2e4c54c9b2d4a06d8373"
    assert test == "eb5a983be6a315427106f1b164d9cef3"
