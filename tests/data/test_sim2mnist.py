"""Where the digits of SIM2MNIST lie, what is about them, and the authors' own file."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from isotrope.data import (
    _sim2mnist,
    _sim2mnist_files,
    _sim2mnist_original,
    affnist,
    sim2mnist,
    sim2mnist_clean,
)
from isotrope.data._digits import Digits, Raw, read
from isotrope.data._image_blocks import SIZE
from isotrope.data._sim2mnist import CANVAS, Clutter, add_clutter, draw_poses, make_plan
from isotrope.data._warp import pose_numbers
from isotrope.errors import UserError

COUNTS = {"train": 40, "valid": 10, "test": 30}
GRID = np.arange(CANVAS)


def glyphs(picture, count=60):
    """Digits that all look like this, as a source gives them; the test has six."""
    images = np.broadcast_to(picture, (count, *picture.shape))
    labels = (np.arange(count) % 10).astype(np.uint8)
    return Raw(Digits(images, labels, 1.0), Digits(images[:6], labels[:6], 1.0), [])


def blob(x, y, wide=2.0, high=2.0):
    """A smooth spot on 28 x 28 pixels."""
    rows, columns = np.mgrid[:28, :28]
    exponent = ((columns - x) / wide) ** 2 + ((rows - y) / high) ** 2
    return np.rint(255 * np.exp(-exponent / 2)).astype(np.uint8)


def block(picture, split="train", **changes):
    plan = make_plan(glyphs(picture), COUNTS, **changes)
    return plan.block(split, np.arange(COUNTS[split]))


def centroids(images):
    mass = images.astype(np.float64)
    total = mass.sum(axis=(1, 2))
    across = (mass.sum(axis=1) * GRID).sum(axis=1) / total
    down = (mass.sum(axis=2) * GRID).sum(axis=1) / total
    return np.stack([across, down], axis=1)


def test_poses_clutter_and_choice_are_drawn_from_streams_of_their_own(monkeypatch):
    drawn = []

    def noted(seed, stream, indices, numbers):
        drawn.append((seed, stream))
        return pose_numbers(seed, stream, indices, numbers)

    monkeypatch.setattr(_sim2mnist, "pose_numbers", noted)
    plan = make_plan(glyphs(blob(13.5, 13.5)), COUNTS, clutter=Clutter(), seed=3)
    for split, count in COUNTS.items():
        plan.block(split, np.arange(count))
    assert len(drawn) == len(set(drawn)) == 7, "a choice, and poses and clutter of three splits"
    assert {seed for seed, _ in drawn} == {3}


@pytest.mark.parametrize("offset", [(0.0, 0.0), (5.0, 0.0), (-3.0, 4.5)])
def test_a_spot_lies_where_the_pose_says(offset):
    across, down = offset
    found = block(blob(13.5 + across, 13.5 + down))
    radians = np.deg2rad(found["angle"].astype(np.float64))
    turned = np.stack(  # counter-clockwise as seen: rows count downwards
        [
            across * np.cos(radians) + down * np.sin(radians),
            down * np.cos(radians) - across * np.sin(radians),
        ],
        axis=1,
    )
    expected = found["position"] + found["scale"][:, None] * turned
    # grey values are rounded: the faint rim of a spot moves its centroid by less than this
    np.testing.assert_allclose(centroids(found["images"]), expected, rtol=0, atol=0.2)


def test_the_angle_and_the_scale_are_those_of_the_second_moments():
    found = block(blob(13.5, 13.5, wide=4.0, high=1.5))
    for image, angle, scale in zip(found["images"], found["angle"], found["scale"], strict=True):
        mass = image / image.sum(dtype=np.float64)
        x, y = centroids(image[None])[0]
        across, down = GRID - x, (GRID - y)[:, None]
        xx, yy, xy = ((mass * moment).sum() for moment in (across**2, down**2, -across * down))
        seen = np.rad2deg(np.arctan2(2 * xy, xx - yy) / 2)
        assert abs((seen - angle + 90) % 180 - 90) < 1  # degrees
        # cubic interpolation keeps second moments; pixels have a width of their own
        assert np.sqrt(max(np.linalg.eigvalsh([[xx, xy], [xy, yy]]))) == pytest.approx(
            4 * scale, rel=0.05
        )


def test_the_turned_box_of_the_ink_stays_on_the_canvas_and_may_touch_its_edges():
    pose = draw_poses(np.random.default_rng(1).random((20_000, 4)), "uniform")
    assert 0 <= pose.angle.min() < 1
    assert 359 < pose.angle.max() <= 360
    assert 1 <= pose.scale.min() < 1.01
    assert 2.39 < pose.scale.max() <= np.float32(2.4)
    radians = np.deg2rad(pose.angle.astype(np.float64))
    corners = np.array([(-10, -10), (-10, 10), (10, -10), (10, 10)])
    turn = np.stack([np.cos(radians), np.sin(radians), -np.sin(radians), np.cos(radians)], 1)
    turned = np.einsum("nij,kj->nki", turn.reshape(-1, 2, 2), corners)
    places = pose.position[:, None] + pose.scale[:, None, None] * turned
    assert -0.5001 < places.min() < 0  # float32: a ten-thousandth of a pixel
    assert 95 < places.max() < 95.5001


def test_scales_are_uniform_or_their_logarithms_are():
    numbers = np.full((1, 4), 0.5)
    assert draw_poses(numbers, "uniform").scale[0] == pytest.approx(1.7)
    assert draw_poses(numbers, "log_uniform").scale[0] == pytest.approx(2.4**0.5)


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_any_image_can_be_made_alone(split):
    plan = make_plan(read("digits8"), {"train": 40, "valid": 30, "test": 30}, clutter=Clutter())
    whole, alone = plan.block(split, np.arange(30)), plan.block(split, np.array([17]))
    for name, values in whole.items():
        assert (alone[name][0] == values[17]).all(), name
    other = make_plan(
        read("digits8"), {"train": 40, "valid": 30, "test": 30}, clutter=Clutter(), seed=1
    )
    assert (other.block(split, np.array([17]))["angle"] != alone["angle"]).all()


def test_the_clutter_only_adds_small_patches_to_the_clean_images():
    raw = read("digits8")
    clean, full = (
        make_plan(raw, COUNTS, clutter=clutter).block("train", np.arange(40))
        for clutter in (None, Clutter(n=3, smallest=4, largest=6))
    )
    for name in ("labels", "angle", "scale", "position"):
        assert (clean[name] == full[name]).all()
    changed = (clean["images"] != full["images"]).sum(axis=(1, 2))
    assert (full["images"] >= clean["images"]).all()
    assert (changed <= 3 * 6 * 6).all()
    assert (changed > 0).mean() > 0.9  # a patch may hold no ink, or lie on brighter ink


def test_no_patch_is_of_the_digit_itself_and_all_sizes_and_places_occur():
    pictures = np.broadcast_to(np.arange(1, 6, dtype=np.uint8)[:, None, None], (5, 28, 28))
    own = np.arange(2000) % 5
    clutter = Clutter(n=1, smallest=8, largest=12)
    images = np.zeros((2000, CANVAS, CANVAS), np.uint8)
    add_clutter(images, pictures, own, pose_numbers(0, 0, 2000, 6), clutter)
    seen = images.max(axis=(1, 2))
    assert (seen != own + 1).all()
    assert set(zip(own, seen, strict=True)) == {
        (a, b + 1) for a in range(5) for b in range(5) if a != b
    }
    areas = (images > 0).sum(axis=(1, 2))
    assert set(areas) == {side**2 for side in range(8, 13)}
    assert images.any(axis=(0, 1)).all()
    assert images.any(axis=(0, 2)).all()


def test_patches_are_cut_out_of_the_ink_and_not_resampled():
    picture = np.zeros((2, 28, 28), np.uint8)
    picture[:, 4:24, 4:24] = np.arange(1, 401).reshape(20, 20) % 255 + 1
    images = np.zeros((200, CANVAS, CANVAS), np.uint8)
    clutter = Clutter(n=1, smallest=8, largest=8)
    add_clutter(images, picture, np.full(200, 2), pose_numbers(0, 1, 200, 6), clutter)
    windows = np.lib.stride_tricks.sliding_window_view(picture[0, 4:24, 4:24], (8, 8))
    known = {window.tobytes() for window in windows.reshape(-1, 8, 8).copy()}
    for image in images:
        rows, columns = np.nonzero(image)
        top, left = rows.min(), columns.min()
        assert image[top : top + 8, left : left + 8].tobytes() in known


def test_no_digit_is_in_two_splits_and_the_test_shows_each_as_often():
    raw = read("digits8")
    numbered = np.arange(1500, dtype=np.uint16).view(np.uint8).reshape(1500, 1, 2)
    train = Digits(numbered, raw.train.labels, 1.0)
    test = Digits(raw.test.images, raw.test.labels, 1.0)
    digits = make_plan(Raw(train, test, []), _sim2mnist_files.COUNTS_OF_DIGITS8).digits
    of_train, of_valid = (
        set(digits[split].images.copy().view(np.uint16).ravel()) for split in ("train", "valid")
    )
    assert len(of_train | of_valid) == 1500
    assert (digits["test"].images[297:594] == raw.test.images).all()
    for split in ("train", "valid", "test"):  # in MNIST's proportions
        counts = np.bincount(digits[split].labels)
        assert counts.max() - counts.min() <= 0.25 * counts.mean()


def test_counts_are_those_of_the_source_and_no_more_can_be_asked_for():
    made = sim2mnist_clean.Params(source="local", test_images=100, valid_from="test")
    assert sim2mnist_clean.image_counts(made) == {"train": 10_000, "valid": 100, "test": 100}
    small = sim2mnist.Params(source="digits8")
    assert sim2mnist.image_counts(small) == {"train": 1000, "valid": 500, "test": 1485}
    assert sim2mnist.image_counts(sim2mnist.Params(source="original")) == {}
    with pytest.raises(ValidationError, match="there are 1000 with `source: digits8`"):
        sim2mnist.Params(source="digits8", train_images=1001)
    with pytest.raises(ValidationError, match="must be at least smallest, which is 8"):
        Clutter(largest=7)


def test_files_are_asked_for_where_the_source_needs_them():
    assert sim2mnist.local_files(sim2mnist.Params(source="original")) == ["sim2mnist/sim2mnist.npz"]
    assert len(sim2mnist.local_files(sim2mnist.Params(source="local"))) == 4
    assert len(sim2mnist.downloads(sim2mnist.Params(source="download"))) == 4
    assert sim2mnist.local_files(sim2mnist.Params(source="digits8")) == []


def test_pictures_carry_the_licence_of_their_digits():
    for plugin in (sim2mnist, sim2mnist_clean, affnist):
        assert "CC BY-SA 3.0" in plugin.credit(plugin.Params(source="local"))
        assert "CC BY 4.0" in plugin.credit(plugin.Params(source="digits8"))
    assert "Esteves" in sim2mnist.credit(sim2mnist.Params(source="original"))


# The authors' file


def authors_arrays(counts=(30, 10, 20), white=1.0, shape=(CANVAS**2,)):
    """Arrays as the authors named them: random digits, one-hot classes."""
    generator = np.random.default_rng(3)
    arrays = {}
    for name, count in zip(("train", "validation", "test"), counts, strict=True):
        grey = generator.integers(0, 256, (count, *shape))
        arrays[f"x_{name}"] = (grey * (white / 255)).astype(np.float32)
        arrays[f"y_{name}"] = np.eye(10, dtype=np.float64)[np.arange(count) % 10]
    return arrays


@pytest.fixture
def original(root, tmp_path):
    """Writes the authors' file and builds the data set."""

    def make(arrays):
        path = root / "sim2mnist" / "sim2mnist.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **arrays)
        params = sim2mnist.Params(source="original")
        return params, sim2mnist.build(params, tmp_path, "original")

    return make


@pytest.mark.parametrize("white", [1.0, 255.0])
@pytest.mark.parametrize("shape", [(9216,), (96, 96), (96, 96, 1)])
def test_the_authors_file_is_read_whatever_its_grey_values(
    original, tmp_path, monkeypatch, white, shape
):
    monkeypatch.setattr(_sim2mnist_original, "SIZE", 7)  # several blocks
    params, files = original(authors_arrays(white=white, shape=shape))
    expected = np.random.default_rng(3).integers(0, 256, (30, *shape)).reshape(30, 1, 96, 96)
    train, valid, test = (sim2mnist.load(params, tmp_path, "original", s) for s in sim2mnist.SPLITS)
    assert (train.images.numpy() == expected).all()
    assert train.labels.tolist() == [one % 10 for one in range(30)]
    assert (len(valid), len(test), train.latents) == (10, 20, {})
    assert f"grey values 0..{white:.0f}" in files[1].read_text()


def test_of_the_authors_file_no_more_need_be_read_than_is_wanted(original, tmp_path, monkeypatch):
    monkeypatch.setattr(_sim2mnist_original, "SIZE", 7)
    original(authors_arrays())
    params = sim2mnist.Params(source="original", test_images=9, valid_from="test")
    for split in ("valid", "test"):
        data = sim2mnist.load(params, tmp_path, "original", split)
        assert torch.equal(data.labels, torch.arange(9))
    assert SIZE > 9


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"x_validation": None}, "x_validation"),
        ({"x_test": np.zeros((20, 784), np.float32)}, r"shape \(20, 784\), not \(n, 9216\)"),
        ({"x_train": -np.ones((30, 9216), np.float32)}, r"grey values outside 0\.\.1"),
        ({"x_test": np.full((20, 9216), 2.0, np.float32)}, r"x_test has grey values outside"),
        ({"x_test": np.zeros((19, 9216), np.float32)}, "19 images, y_test 20 labels"),
        ({"x_test": np.zeros((21, 9216), np.float32)}, "more images than y_test"),
        ({"y_test": np.ones((20, 10))}, "not one-hot"),
        ({"y_test": np.full(20, 10)}, "nor classes 0 to 9"),
        ({"y_test": np.array([None] * 20)}, "cannot be read row by row"),
    ],
)
def test_a_file_of_another_layout_is_named(original, change, reason):
    arrays = authors_arrays() | change
    with pytest.raises(UserError, match=rf"sim2mnist\.npz: not the authors' .*{reason}"):
        original({name: array for name, array in arrays.items() if array is not None})


def test_classes_may_be_numbers(original, tmp_path):
    arrays = authors_arrays()
    params, _ = original(arrays | {"y_test": np.arange(20) % 10})
    assert sim2mnist.load(params, tmp_path, "original", "test").labels[11] == 1


def test_a_file_that_is_cut_short_is_named(original, root, tmp_path):
    original(authors_arrays())
    path = root / "sim2mnist" / "sim2mnist.npz"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match="not the authors' SIM2MNIST"):
        sim2mnist.build(sim2mnist.Params(source="original"), tmp_path, "k")


def test_an_unknown_split_is_a_value_error(tmp_path):
    with pytest.raises(ValueError, match="one of train, valid, test, got 'all'"):
        sim2mnist.load(sim2mnist.Params(source="digits8"), tmp_path, "k", "all")
