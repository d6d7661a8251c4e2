import io
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Subset, TensorDataset

from isotrope.data import STIRDataset
from isotrope.errors import UserError


def test_the_published_example_runs_with_its_import_line_changed(emoji, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "emoji.npz").symlink_to(emoji)
    monkeypatch.chdir(tmp_path)
    example = """
from isotrope.data import STIRDataset

dataset = STIRDataset('data/emoji.npz')
images, labels = dataset.to_torch(split='train', scales=range(17, 65), shuffle=True)
scales, positions = dataset.get_latents(split='train', scales=range(17, 65), shuffle=True)
metadata = dataset.metadata
label_descriptions = dataset.labeldata
"""
    names = {}
    exec(example, names)

    assert names["images"].shape == (1728, 1, 64, 64)
    assert names["labels"].shape == names["scales"].shape == (1728,)
    assert names["positions"].shape == (1728, 2)
    assert names["metadata"]["version"] == "1"
    assert names["label_descriptions"][33] == "smile"


def test_tensors_that_can_be_unpacked_still_feed_a_loader_and_subsets(archive):
    data = archive.to_torch("valid", [40])
    images, labels = data
    loaded = list(DataLoader(data, batch_size=16))
    assert torch.equal(torch.cat([batch for batch, _ in loaded]), images)
    assert torch.equal(torch.cat([batch for _, batch in loaded]), labels)
    part = Subset(data, [3, 5])
    assert torch.equal(part[1][0], images[5])
    assert len(data) == 36


def test_examples_are_single_images_by_scale_and_class_as_stored(
    archive, tmp_path, small_arrays, save
):
    shown = archive.examples([64, 17, 40])
    assert shown.shape == (3, 36, 64, 64)
    assert (shown[1] == archive.images[2, 47, :, 0]).all()
    arrays = small_arrays(instances=2, channels=3)
    colours = STIRDataset(save(tmp_path / "a.npz", arrays)).examples([20], "train", instance=1)
    assert (colours == arrays["imgs"][0, 44:45, :, 1]).all()
    with pytest.raises(ValueError, match="instance must be 0 to 0, got 1"):
        archive.examples([20], instance=1)
    with pytest.raises(ValueError, match="split must be one of"):
        archive.examples([20], "tests")


def test_an_archive_is_read_without_torch():
    code = "import sys, isotrope.data; isotrope.data.STIRDataset; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_to_torch_gives_float_images_and_whole_labels(emoji):
    data = STIRDataset(str(emoji)).to_torch(split="train", scales=range(17, 33), shuffle=True)

    assert isinstance(data, TensorDataset)
    images, labels = data.tensors
    assert images.shape == (576, 1, 64, 64)
    assert images.dtype == torch.float32
    assert images.min() == 0
    assert images.max() == 1
    assert labels.dtype == torch.int64
    assert labels.bincount().tolist() == [16] * 36


def test_the_shuffle_is_the_published_permutation(archive):
    plain, shuffled = (
        archive.get_latents("train", range(17, 33), shuffle) for shuffle in (False, True)
    )

    first = [234, 118, 346, 498, 402, 400, 259, 29, 82, 380]
    assert (plain[0][first] == shuffled[0][:10]).all()
    assert (plain[1][first] == shuffled[1][:10]).all()
    order = np.random.RandomState(42).permutation(576)
    assert order[:10].tolist() == first


def test_shuffling_an_array_in_place_is_the_same_permutation(archive):
    plain = archive.to_uint8("valid", range(40, 45), shuffle=False)[0]
    np.random.RandomState(42).shuffle(plain)
    assert (plain == archive.to_uint8("valid", range(40, 45))[0]).all()


def test_images_labels_and_latents_keep_together_when_shuffled(archive):
    scales = [64, 17, 40]
    images, labels = archive.to_uint8("test", scales)
    sizes, places = archive.get_latents("test", scales)
    for image, label, size, place in zip(images, labels, sizes, places, strict=True):
        expected = archive.images[2, 64 - size, label, 0]
        assert (image[0] == expected).all()
        assert (place == archive.positions[2, 64 - size, label, 0]).all()


@pytest.mark.parametrize("integer", [np.int32, np.int64])
@pytest.mark.parametrize("channels", [1, 3])
def test_unshuffled_order_is_scale_then_class_then_instance(
    tmp_path, integer, channels, small_arrays, save
):
    arrays = small_arrays(classes=2, instances=3, channels=channels, integer=integer)
    data = STIRDataset(save(tmp_path / "a.npz", arrays))

    images, labels = data.to_numpy("valid", scales=(20, 60, 20), shuffle=False)

    assert (data.num_classes, data.num_channels) == (2, channels)
    assert images.shape == (18, channels, 64, 64)
    assert images.dtype == np.float32
    assert labels.tolist() == [0, 0, 0, 1, 1, 1] * 3
    assert (
        data.get_latents("valid", (20, 60, 20), False)[0].tolist() == [20] * 6 + [60] * 6 + [20] * 6
    )
    raw = arrays["imgs"][1, 64 - 60, 1, 2].reshape(64, 64, channels)
    assert (images[11] == (np.moveaxis(raw, -1, 0) / 255).astype(np.float32)).all()
    assert data.to_torch("valid").tensors[1].dtype == torch.int64


def test_all_sizes_from_large_to_small_are_read_unless_told_otherwise(archive):
    sizes, _ = archive.get_latents("train", shuffle=False)
    assert sizes.tolist() == [scale for scale in range(64, 16, -1) for _ in range(36)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "training"}, "split must be one of train, valid, test, got 'training'"),
        ({"split": "test", "scales": [16, 17]}, r"from 17 to 64, got \[16\]"),
        ({"split": "test", "scales": [65]}, r"got \[65\]"),
        ({"split": "test", "scales": []}, "got none"),
    ],
)
def test_an_unknown_split_or_scale_is_a_value_error(archive, arguments, message):
    for method in (archive.to_uint8, archive.to_numpy, archive.to_torch, archive.get_latents):
        with pytest.raises(ValueError, match=message):
            method(**arguments)


def test_a_missing_archive_is_an_error_that_names_it(tmp_path):
    with pytest.raises(UserError, match=r"nothing\.npz: no such file"):
        STIRDataset(tmp_path / "nothing.npz")


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.9, 0.999])
def test_a_truncated_archive_is_named(tmp_path, share, small_arrays, save):
    path = save(tmp_path / "cut.npz", small_arrays())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UserError, match=r"cut\.npz: cannot be read as npz .*cut short"):
        STIRDataset(path)


@pytest.fixture(scope="module")
def packed(tmp_path_factory, small_arrays, save):
    folder = tmp_path_factory.mktemp("packed")
    arrays = small_arrays(classes=1)
    return save(folder / "a.npz", arrays).read_bytes(), arrays, folder / "b.npz"


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_an_altered_byte_is_noticed_or_changes_nothing(packed, data):
    whole, arrays, path = packed
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(changed)
    refusal = ""
    try:
        read = STIRDataset(path)
    except UserError as error:
        refusal = str(error)
    if refusal:
        assert refusal.startswith(str(path))
    else:
        assert (read.images == arrays["imgs"]).all()
        assert (read.positions == arrays["psts"]).all()
        assert (read.labels == arrays["lbls"]).all()


def test_pickles_are_refused_unread(tmp_path, small_arrays, save):
    arrays = small_arrays()
    arrays["metadata"] = np.array([[print, "title"]] * 6, dtype=object)
    with pytest.raises(UserError, match="without pickles"):
        STIRDataset(save(tmp_path / "a.npz", arrays))
    (tmp_path / "b.npz").write_bytes(pickle.dumps(small_arrays()["lbls"]))
    with pytest.raises(UserError, match="without pickles"):
        STIRDataset(tmp_path / "b.npz")


def test_a_zip_member_that_is_no_array_is_refused(tmp_path, small_arrays, save):
    path = save(tmp_path / "a.npz", small_arrays())
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    members["lbls.npy"] = b"no array"
    with zipfile.ZipFile(path, "w") as target:
        for name, content in members.items():
            target.writestr(name, content)
    with pytest.raises(UserError, match="cannot be read as npz"):
        STIRDataset(path)


def test_a_single_array_is_no_archive(tmp_path, save):
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    (tmp_path / "a.npz").write_bytes(buffer.getvalue())
    with pytest.raises(UserError, match="cannot be read as npz"):
        STIRDataset(tmp_path / "a.npz")


def test_missing_keys_are_listed(tmp_path, small_arrays, save):
    arrays = small_arrays()
    del arrays["psts"], arrays["lbldata"]
    with pytest.raises(UserError, match="lacks psts, lbldata"):
        STIRDataset(save(tmp_path / "a.npz", arrays))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_old_layout_without_instances_is_refused(tmp_path, channels, small_arrays, save):
    arrays = small_arrays(channels=channels)
    for key in ("imgs", "lbls", "scls", "psts"):
        arrays[key] = arrays[key][:, :, :, 0]
    with pytest.raises(UserError, match="files made before 10 June 2022 have no instances"):
        STIRDataset(save(tmp_path / "a.npz", arrays))


@pytest.mark.parametrize(
    ("key", "change", "message"),
    [
        ("imgs", lambda a: a.astype(np.int16), "imgs should be uint8"),
        ("imgs", lambda a: a[:2], r"imgs should be uint8 \(3, 48, 2, 1, 64, 64\)"),
        ("imgs", lambda a: a[..., :32], r"imgs should be \(3, 48, classes, instances, 64, 64\)"),
        ("imgs", lambda a: a[:, :, :0], r"imgs should be \(3, 48, classes"),
        ("lbls", lambda a: a.astype(float), "lbls should be int32 or int64"),
        ("lbls", lambda a: a + 1, r"lbls should lie in 0\.\.1"),
        ("lbls", lambda a: a[:, :47], r"lbls should be .* and is int32 \(3, 47, 2, 1\)"),
        ("scls", lambda a: a[:, ::-1], "scls should fall from 64 to 17"),
        ("psts", lambda a: a[..., :1], r"psts should be .*\(3, 48, 2, 1, 2\)"),
        ("psts", lambda a: a - 64, r"psts should lie in 0\.\.63"),
        ("metadata", lambda a: a[:5], r"metadata should be str \(6, 2\)"),
        ("metadata", lambda a: a[[0, 0, 2, 3, 4, 5]], "metadata should say title, description,"),
        ("metadata", lambda a: np.char.upper(a), "and says TITLE, DESCRIPTION"),
        ("lbldata", lambda a: np.arange(2), "lbldata should be str"),
    ],
)
def test_another_layout_is_refused_with_what_was_found(
    tmp_path, key, change, message, small_arrays, save
):
    arrays = small_arrays()
    arrays[key] = change(arrays[key])
    with pytest.raises(UserError, match=message):
        STIRDataset(save(tmp_path / "a.npz", arrays))


@pytest.mark.parametrize("header", ["no literal (", "{'descr': 3}", "(" * 5000, "[1]", "\u00e9"])
def test_a_header_that_is_no_literal_is_a_sentence(tmp_path, small_arrays, save, header):
    path = save(tmp_path / "a.npz", small_arrays())
    text = header.encode("latin-1") + b"\n"
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents["lbls.npy"] = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    with pytest.raises(UserError, match="cannot be read as npz arrays without pickles") as error:
        STIRDataset(path)
    assert len(error.value.sentences) == 1


def test_a_member_that_is_there_twice_is_refused(tmp_path, small_arrays, save):
    path = save(tmp_path / "a.npz", small_arrays())
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("lbls.npy", archive.read("scls.npy"))
    with pytest.raises(UserError, match=r"lbls\.npy is in it twice"):
        STIRDataset(path)
