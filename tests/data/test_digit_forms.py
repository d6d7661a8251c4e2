"""What each form of MNIST shows, on scikit-learn's small digits and on made-up files."""

import gzip

import made_up_mnist
import numpy as np
import pytest
import torch
from pydantic import ValidationError

from isotrope.data import (
    _amat,
    _digit_files,
    _digits,
    _idx,
    _stir_mnist,
    fashion_mnist,
    mnist_large_scale,
    mnist_rts,
    mnist_scale,
    rot_mnist,
)
from isotrope.data._digits import Counts
from isotrope.data._warp import warp
from isotrope.datasets.local_data import absent_files
from isotrope.errors import UserError

GLYPH = np.zeros((28, 28), np.uint8)  # an F, which is neither its mirror image nor its transpose
GLYPH[4:24, 8:11] = GLYPH[4:7, 8:20] = GLYPH[12:15, 8:16] = 255


def split_of(plugin, folder, split="test", **settings):
    params = plugin.Params(**{"source": "digits8", **settings})
    folder.mkdir(exist_ok=True)
    if not (folder / "k.npz").exists():
        plugin.build(params, folder, "k")
    return plugin.load(params, folder, "k", split)


def test_turned_resized_and_moved_digits_fit_the_canvas_and_are_found_where_they_should_be(
    tmp_path,
):
    data = split_of(mnist_rts, tmp_path, "train", valid_from="test")
    angle, scale, position = (data.latents[name] for name in ("angle", "scale", "position"))
    assert {one.dtype for one in data.latents.values()} == {torch.float32}
    assert -45 <= angle.min() < -44
    assert 44 < angle.max() <= 45
    assert 0.7 <= scale.min() < 0.71
    assert 1.19 < scale.max() <= 1.2
    box = 14 * scale[:, None]
    assert (position + 0.5 - box).min() >= -1e-4
    assert (position + 0.5 + box).max() <= 42 + 1e-4
    # the middle of the ink is within the middle part of the digit, a third of its size away
    weight = data.images[:, 0].double()
    rows = torch.arange(42.0).double()
    x = (weight.sum(dim=1) * rows).sum(dim=1) / weight.sum(dim=(1, 2))
    y = (weight.sum(dim=2) * rows).sum(dim=1) / weight.sum(dim=(1, 2))
    apart = (torch.stack([x, y], dim=1) - position).abs() / (20 * scale[:, None])
    assert apart.max() < 1 / 3
    # area grows with the square of the size
    area = weight.sum(dim=(1, 2)) / scale.double() ** 2
    large, small = area[scale > 1.1].mean(), area[scale < 0.8].mean()
    assert abs(float(large / small) - 1) < 0.05


@pytest.mark.parametrize(
    ("plugin", "settings"),
    [(mnist_rts, {}), (mnist_scale, {}), (rot_mnist, {"form": "generated"})],
)
def test_training_and_test_digits_have_poses_of_their_own(tmp_path, plugin, settings):
    train, test = (split_of(plugin, tmp_path, name, **settings) for name in ("train", "test"))
    count = min(len(train), len(test))
    for name, drawn in train.latents.items():
        same = (drawn[:count] == test.latents[name][:count]).double().mean()
        assert same < 0.05, name


def test_a_sample_is_made_again_from_its_stored_pose_alone(tmp_path):
    data = split_of(mnist_rts, tmp_path)
    digits = _digits.read("digits8").test
    angle, scale, position = (
        data.latents[name][200].numpy() for name in ("angle", "scale", "position")
    )
    size = 2.5 * scale.astype(np.float64)
    again = warp(digits.images[200:201], 42, angle, size, position, "bicubic")
    assert (again[0] == data.images[200, 0].numpy()).all()


def test_realisations_draw_other_digits_at_other_sizes(tmp_path):
    first, second = (split_of(mnist_scale, tmp_path / str(one), realisation=one) for one in (0, 1))
    assert len(first) == len(second) == 1449
    assert (first.labels.bincount() - second.labels.bincount()).abs().max() <= 1
    assert not torch.equal(first.latents["scale"], second.latents["scale"])
    assert 0.3 <= first.latents["scale"].min() < 0.31
    assert 0.99 < first.latents["scale"].max() <= 1
    area = first.images.double().mean(dim=(1, 2, 3)) / first.latents["scale"].double() ** 2
    small = first.latents["scale"] < 0.5
    assert abs(float(area[small].mean() / area[~small].mean()) - 1) < 0.05


def test_the_published_counts_of_forms_that_are_drawn_from_all_digits():
    published = Counts(10_000, 2_000, 50_000)
    assert mnist_scale.Params(source="local").counts() == published
    assert rot_mnist.Params(source="local", form="generated").counts() == published
    assert rot_mnist.Params(source="local", form="original").counts() == published
    assert mnist_large_scale.Params(source="local").counts() == (50_000, 10_000, 10_000)
    # of 1,797 digits as many in a hundred as of the 62,000
    assert mnist_scale.Params(source="digits8").counts() == (290, 58, 1449)


def test_generated_rotated_mnist_has_all_angles_and_is_called_so(tmp_path):
    data = split_of(rot_mnist, tmp_path, form="generated")
    counts = torch.histc(data.latents["angle"], 8, 0, 360)
    assert counts.sum() == len(data) == 1449
    assert counts.min() > 130  # of 181 expected; the standard deviation is 13


def test_digits_of_the_published_files_need_local_files():
    with pytest.raises(ValidationError, match="write `source: local`, or `form: generated`"):
        rot_mnist.Params(source="digits8", form="original")
    params = rot_mnist.Params(source="local", form="original")
    assert rot_mnist.local_files(params) == list(rot_mnist.FILES.values())
    assert rot_mnist.downloads(params) == []


@pytest.fixture
def amat(tmp_path, monkeypatch):
    """Six and four rows with a glyph of rising brightness; images transposed, as published."""
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path / "mine"))
    monkeypatch.setattr(rot_mnist.Params, "OF_MNIST", Counts(6, 2, 4))
    monkeypatch.setattr(_amat, "_CHUNK", 4)

    def write(half, count, rows=None):
        path = tmp_path / "mine" / rot_mnist.FILES[half]
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = []
        for row in range(count):
            values = (GLYPH.T / 255 * (row + 1) / 10).ravel()
            lines.append(" ".join(f"{value:.7e}" for value in (*values, float(row % 10))))
        path.write_text("\n".join(rows(lines) if rows else lines) + "\n")
        return path

    write("train", 6)
    write("test", 4)
    return write


PUBLISHED = {"source": "local", "form": "original"}


@pytest.mark.usefixtures("amat")
def test_images_of_the_published_files_are_turned_over_so_that_they_read_right(tmp_path):
    assert absent_files(rot_mnist.local_files(rot_mnist.Params(**PUBLISHED))) == []
    data = {
        split: split_of(rot_mnist, tmp_path, split, **PUBLISHED)
        for split in ("train", "valid", "test")
    }
    assert {split: one.labels.tolist() for split, one in data.items()} == {
        "train": [0, 1, 2, 3],
        "valid": [4, 5],
        "test": [0, 1, 2, 3],
    }
    expected = np.rint(GLYPH * (5 / 10)).astype(np.uint8)  # the fifth row
    np.testing.assert_array_equal(data["valid"].images[0, 0].numpy(), expected)
    assert data["test"].latents == {}
    assert (
        "mnist_all_rotation_normalized_float_test.amat," in (tmp_path / "k.sources.csv").read_text()
    )


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (lambda lines: lines[:-1], "ends after 3 of 4 rows"),
        (lambda lines: [*lines, lines[0]], "more than 4 rows"),
        (lambda lines: [line[14:] for line in lines], "rows 1 to 4 are others"),
        (lambda lines: [line[:-13] + "1.2000000e+01" for line in lines], "rows 1 to 4 are others"),
        (lambda lines: [line.replace("4.0", "4.x") for line in lines], "could not convert"),
        (lambda lines: ["2.0" + line[13:] for line in lines], "rows 1 to 4 are others"),
        (lambda lines: ["nan" + line[13:] for line in lines], "rows 1 to 4 are others"),
    ],
    ids=["short", "long", "narrow", "other class", "no number", "too bright", "not a number"],
)
@pytest.mark.filterwarnings("ignore:Input line:UserWarning")
def test_an_amat_file_of_another_layout_is_refused(amat, tmp_path, rows, message):
    path = amat("test", 4, rows)
    with pytest.raises(UserError, match=message) as refused:
        split_of(rot_mnist, tmp_path, **PUBLISHED)
    assert str(path) in str(refused.value)


def test_all_sizes_are_tested_on_the_same_digits_and_one_is_trained_on(tmp_path):
    test = split_of(mnist_large_scale, tmp_path, test_images=30)
    assert len(test) == 17 * 30
    assert test.latents["scale"].unique().tolist() == pytest.approx(mnist_large_scale.SIZES)
    assert test.latents["scale"][::30].tolist() == sorted(test.latents["scale"][::30].tolist())
    assert torch.equal(test.labels.view(17, 30), test.labels[:30].expand(17, 30))

    areas = {}
    for size in (1, 2, 4):
        settings = {"train_size": size, "train_images": 40}
        train = split_of(mnist_large_scale, tmp_path, "train", **settings)
        assert train.latents["scale"].unique().tolist() == [size]
        areas[size] = (train.images > 127).double().mean() / size**2
    assert areas[2] / areas[1] == pytest.approx(1, abs=0.05)
    assert areas[4] / areas[1] == pytest.approx(1, abs=0.05)

    looked_at = {"valid_from": "test", "test_images": 3}
    assert len(split_of(mnist_large_scale, tmp_path, "valid", **looked_at)) == 51
    params = mnist_large_scale.Params(source="digits8", **looked_at)
    assert mnist_large_scale.image_counts(params) == {"train": 1500, "valid": 51, "test": 51}


@pytest.mark.parametrize("size", [1, 2])
def test_large_sizes_look_as_in_stirs_recipe(size):
    digits = np.zeros((3, 28, 28), dtype=np.uint8)
    strokes = np.random.default_rng(0).integers(0, 256, (3, 5, 5), dtype=np.uint8)
    digits[:, 4:24, 4:24] = strokes.repeat(4, axis=1).repeat(4, axis=2)
    made = np.empty((3, 112, 112), dtype=np.uint8)
    mnist_large_scale.resize(digits, size, 1.0, made)
    corner = (64 - 28 * size) // 2
    place = np.full((3, 2), corner)
    expected = _stir_mnist.compose(_stir_mnist.resize(digits, 28 * size), place)
    # that one clips the overshoot of the cubic, up to 8 % at an edge, before it smooths
    apart = np.abs(made[:, 24:88, 24:88].astype(int) - expected)
    assert apart.max() <= 10
    assert apart.mean() < 1


@pytest.fixture
def fashion(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path / "mine"))
    made_up_mnist.write_fashion(tmp_path / "mine", monkeypatch)
    return tmp_path / "mine" / "fashion_mnist"


def test_fashion_mnist_is_read_packed_with_its_checksum_and_unpacked_by_its_header(
    fashion, tmp_path
):
    packed = split_of(fashion_mnist, tmp_path, source="local")
    path = fashion / "t10k-images-idx3-ubyte.gz"
    content = gzip.decompress(path.read_bytes())
    path.unlink()
    path.with_suffix("").write_bytes(content)
    plain = split_of(fashion_mnist, tmp_path / "0", source="local")
    assert torch.equal(packed.images, plain.images)
    assert len(packed) == 20

    path.with_suffix("").write_bytes(made_up_mnist.idx(_idx.IMAGES, np.zeros((7, 28, 28))))
    with pytest.raises(UserError, match=r"not Fashion-MNIST's t10k-.*: its shape is \(7, 28, 28\)"):
        split_of(fashion_mnist, tmp_path / "1", source="local")
    path.with_suffix("").write_bytes(b"\0\0")
    with pytest.raises(UserError, match="no IDX file: it has 2 bytes"):
        split_of(fashion_mnist, tmp_path / "1", source="local")


def test_an_altered_packed_file_of_fashion_mnist_is_refused(fashion, tmp_path):
    path = fashion / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b"x", mtime=0))
    with pytest.raises(UserError, match=r"not Fashion-MNIST's train-labels.*another checksum"):
        split_of(fashion_mnist, tmp_path, source="local")


def test_the_splits_are_told_apart_by_name():
    with pytest.raises(ValueError, match="split must be one of train, valid, test, got 'all'"):
        _digit_files.chosen(mnist_rts.Params(source="digits8"), "all")


def test_pictures_of_mnist_and_of_the_small_digits_carry_their_licences():
    for plugin in (mnist_rts, mnist_scale, mnist_large_scale):
        assert "CC BY-SA 3.0" in plugin.credit(plugin.Params(source="local"))
        assert "CC BY 4.0" in plugin.credit(plugin.Params(source="digits8"))
    assert "MIT" in fashion_mnist.credit(fashion_mnist.Params(source="local"))
