"""SVHN's cropped digits from files of their layout."""

import hashlib
from pathlib import Path

import made_up_archives as made
import pytest
import yaml
from scipy.io import savemat

from isotrope import paths
from isotrope.data import svhn
from isotrope.errors import UserError

LOCAL = {"source": "local", "valid_images": 10}


@pytest.fixture
def folder(root, monkeypatch):
    """The folder of the two files."""
    made.write_svhn(root, monkeypatch)
    return root / "svhn"


def load(split, **changes):
    return svhn.load(svhn.Params(**(LOCAL | changes)), Path(), "", split)


def pin(path):
    """Take the checksum of this file for that of SVHN's."""
    content = path.read_bytes()
    known = yaml.safe_load(paths.sources("svhn").read_text())
    known["files"][path.name] |= {
        "size": len(content),
        "md5": hashlib.md5(content).hexdigest(),
    }
    paths.sources("svhn").write_text(yaml.safe_dump(known))


def test_the_last_axis_of_the_file_counts_the_images_and_a_ten_is_a_zero(folder):
    assert len(svhn.build(svhn.Params(**LOCAL), Path(), "")) == 2
    pixels = made.digits_of_svhn(100, 0)["X"]
    data = load("train")
    assert data.labels[:11].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    for image in (0, 17, 89):
        for channel in range(3):
            assert (data.images[image, channel].numpy() == pixels[:, :, channel, image]).all()
    assert (len(data), len(load("valid")), len(load("test"))) == (90, 10, 20)


def test_downloaded_files_are_read_where_they_were_put(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DOWNLOADS", tmp_path / "mine")
    params = svhn.Params(source="download")
    assert svhn.downloads(params) == [path.name for path in svhn.build(params, Path(), "")]
    assert (load("test", source="download").images == load("test").images).all()
    assert (svhn.local_files(params), svhn.downloads(svhn.Params(**LOCAL))) == ([], [])


def test_an_altered_file_is_named(folder):
    path = folder / "test_32x32.mat"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match=r"test_32x32\.mat: not SVHN's .*: its md5 is"):
        svhn.build(svhn.Params(**LOCAL), Path(), "")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"X": None}, "'X'"),
        ({"X": made.digits_of_svhn(99, 0)["X"]}, r"\(32, 32, 3, 99\), y has 100 labels"),
        ({"y": made.digits_of_svhn(100, 0)["y"] - 1}, "labels outside 1 to 10"),
        (made.digits_of_svhn(50, 0), "holds 50 digits, not 100"),
    ],
)
def test_a_file_of_another_layout_is_named(folder, change, reason):
    arrays = made.digits_of_svhn(100, 0) | change
    path = folder / "train_32x32.mat"
    savemat(path, {name: array for name, array in arrays.items() if array is not None})
    pin(path)
    with pytest.raises(UserError, match=rf"train_32x32\.mat: .*{reason}"):
        svhn.build(svhn.Params(**LOCAL), Path(), "")


def test_a_file_that_is_cut_short_is_named(folder):
    path = folder / "train_32x32.mat"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(UserError, match=r"train_32x32\.mat: no file of SVHN's digits"):
        load("train")
