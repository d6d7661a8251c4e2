"""The mnist task made from MNIST's files; what needs the real ones is skipped without them."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
from made_up_mnist import idx

from isotrope.data import STIRDataset, _idx, _stir_mnist, stir
from isotrope.datasets.building import build_dataset
from isotrope.datasets.loading import load_split
from isotrope.datasets.local_data import absent_files
from isotrope.digests import with_local_files
from isotrope.errors import UserError

OLD = Path(__file__).parent / "strokes_scikit_image_0_18_1.npz"  # made with the published recipe
PARAMS = stir.Params(task="mnist", source="generated", scenario="all2all")
needs_mnist = pytest.mark.skipif(
    bool(absent_files(_stir_mnist.local_files())), reason="needs MNIST under $ISOTROPE_DATA"
)


def test_the_places_are_those_of_the_published_generator():
    places = _stir_mnist.draw_positions(50)
    assert places.shape == (3, 48, 10, 50, 2)
    assert places.dtype == np.int32
    digest = hashlib.sha256(places.tobytes()).hexdigest()
    assert digest == "64194bbae4a99ce2801585b52c4ad41602cc3527b92d09bb0f7b56954dab913b"
    assert places.sum() == 1_696_948
    # the first draws of seed 42, which the emoji share: one place per split at 64, 63, ... pixels
    assert places[:, -1, 0, 0].tolist() == [[18, 47], [15, 2], [19, 23]]
    assert places[0, 1, 0, 0].tolist() == [0, 1]
    highest = 64 - np.arange(64, 16, -1)[:, None, None, None]
    assert ((places >= 0) & (places <= highest)).all()


def test_pixels_are_those_of_scikit_image_0_18_up_to_single_grey_values():
    with np.load(OLD) as old:
        strokes, sizes, positions, images = (
            old[key] for key in ("strokes", "sizes", "positions", "images")
        )
    for size, places, expected in zip(sizes, positions, images, strict=True):
        made = _stir_mnist.compose(_stir_mnist.resize(strokes, int(size)), places)
        apart = np.abs(made.astype(int) - expected.astype(int))
        # 0.18.1 fits its grid, so a value near a whole number may be cut to the other side of it
        assert apart.max() <= 1, size
        assert (apart > 0).sum() <= 4, size


def test_at_28_pixels_the_digit_is_not_resampled():
    digits = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    assert (_stir_mnist.resize(digits, 28) == digits).all()


@pytest.mark.parametrize("size", [17, 22, 23, 40, 64])
def test_resizing_keeps_the_range_of_each_digit_and_an_even_area(size):
    digits = np.random.default_rng(size).integers(40, 200, (3, 28, 28), dtype=np.uint8)
    digits[1] = 93
    resized = _stir_mnist.resize(digits, size)
    assert resized.shape == (3, size, size)
    assert resized.min() >= 40
    assert resized.max() < 200
    assert (resized[1] == 93).all()


def test_a_moved_digit_is_the_same_digit_elsewhere():
    digit = np.random.default_rng(1).integers(0, 256, (1, 28, 28), dtype=np.uint8)
    small = _stir_mnist.resize(digit.repeat(2, axis=0), 20)
    first, second = _stir_mnist.compose(small, np.array([(12, 20), (25, 14)]))
    # 10 pixels of margin are more than the smoothing reaches: 4 sigma of 7 / 8 * 20 / 28 pixels
    assert (first[10:50, 2:42] == second[4:44, 15:55]).all()
    assert first.min() == 0
    assert first.max() >= 254  # 255 * x / x may lie a rounding error below 255


def test_digits_are_shuffled_once_per_class_and_dealt_in_turn():
    labels = np.repeat(np.arange(10, dtype=np.uint8), 9)
    images = np.arange(90, dtype=np.uint8)[:, None, None] * np.ones((28, 28), np.uint8)
    first = _stir_mnist.choose_digits(images, labels, 0, 4)
    then = _stir_mnist.choose_digits(images, labels, 4, 4)
    expected = np.arange(27, 36)
    np.random.RandomState(42).shuffle(expected)
    assert first[3, :, 0, 0].tolist() == expected[:4].tolist()
    assert then[3, :, 5, 5].tolist() == expected[4:8].tolist()
    with pytest.raises(ValueError, match="need 10 images of digit 0, got 9"):
        _stir_mnist.choose_digits(images, labels, 6, 4)


@pytest.mark.parametrize(("magic", "content"), [(2051, "labels"), (2049, "images")])
def test_a_file_of_the_other_kind_is_refused(magic, content):
    packed = idx(2049, np.arange(4)) if content == "labels" else idx(2051, np.zeros((1, 28, 28)))
    with pytest.raises(ValueError, match=f"its magic number is .*, not {magic}"):
        _idx.parse(packed + bytes(16), magic)


@pytest.fixture
def small_mnist(tmp_path, monkeypatch):
    """Four files of made-up digits, two of them packed, and an archive of three instances."""
    generator = np.random.default_rng(3)
    folder = tmp_path / "mine" / "mnist"
    folder.mkdir(parents=True)
    sources = {}
    for what, source in _idx.MNIST.files.items():
        count = 80 if what.startswith("train") else 50
        array = generator.integers(0, 256, (count, 28, 28))
        if "labels" in what:
            array = np.arange(count) % 10
        content = idx(source.magic, array)
        sources[what] = source._replace(sha256=hashlib.sha256(content).hexdigest())
        if "images" in what:
            (folder / f"{source.name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / source.name).write_bytes(content)
    monkeypatch.setattr(_idx, "MNIST", _idx.MNIST._replace(files=sources))
    monkeypatch.setitem(stir.TASKS, "mnist", stir.Task(10, 3, 1))
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path / "mine"))
    return folder


def test_the_archive_is_built_from_packed_and_plain_files_with_the_published_layout(
    small_mnist, tmp_path
):
    assert absent_files(stir.local_files(PARAMS)) == []
    manifest = build_dataset("stir", PARAMS, "d", tmp_path / "out")
    path = tmp_path / "out" / "mnist-generated.npz"
    with np.load(path, allow_pickle=False) as arrays:
        kinds = {key: (arrays[key].shape, arrays[key].dtype.name) for key in arrays}
    assert list(kinds) == ["imgs", "lbls", "scls", "psts", "metadata", "lbldata"]
    assert kinds["imgs"] == ((3, 48, 10, 3, 64, 64), "uint8")
    assert kinds["lbls"] == kinds["scls"] == ((3, 48, 10, 3), "int32")
    assert kinds["psts"] == ((3, 48, 10, 3, 2), "int32")
    archive = STIRDataset(path)
    assert archive.labeldata.tolist() == [str(digit) for digit in range(10)]
    assert "made by Isotrope" in archive.metadata["title"]
    valid = load_split("stir", PARAMS, "valid", tmp_path / "out")
    assert valid.labels.bincount().tolist() == [48 * 3] * 10
    listed = (tmp_path / "out" / "mnist-generated.sources.csv").read_text()
    assert f"train-images-idx3-ubyte,{_idx.MNIST.files['train images'].sha256}" in listed
    assert with_local_files("t", manifest) != "t"


def test_no_digit_stands_in_two_splits_and_those_of_the_test_are_of_the_test_files(
    small_mnist, monkeypatch
):
    dealt = []

    def made(digits, positions):
        dealt.append(digits)
        return np.zeros((*positions.shape[:-1], 64, 64), np.uint8)

    monkeypatch.setattr(_stir_mnist, "make_images", made)
    _stir_mnist.make_archive(3)

    read = {}
    for name in ("train", "t10k"):
        packed = (small_mnist / f"{name}-images-idx3-ubyte.gz").read_bytes()
        pixels = gzip.decompress(packed)[16:]
        read[name] = [pixels[i : i + 784] for i in range(0, len(pixels), 784)]
    (splits,) = dealt
    places = []
    for split, name in zip(splits, ("train", "train", "t10k"), strict=True):
        for digit, images in enumerate(split):
            for image in images:
                place = read[name].index(image.tobytes())
                assert place % 10 == digit, "the labels count from 0 to 9 again and again"
                places.append((name, place))
    assert len(set(places)) == len(places) == 3 * 10 * 3


def test_other_raw_files_are_told_apart_by_the_digest_and_another_packing_is_not(
    small_mnist, tmp_path, monkeypatch
):
    before = with_local_files("t", build_dataset("stir", PARAMS, "d", tmp_path / "a"))
    images = small_mnist / "train-images-idx3-ubyte.gz"
    content = gzip.decompress(images.read_bytes())
    images.unlink()
    images.with_suffix("").write_bytes(content)
    assert with_local_files("t", build_dataset("stir", PARAMS, "d", tmp_path / "b")) == before

    other = content[:-1] + bytes([content[-1] ^ 1])
    images.with_suffix("").write_bytes(other)
    source = _idx.MNIST.files["train images"]._replace(sha256=hashlib.sha256(other).hexdigest())
    monkeypatch.setitem(_idx.MNIST.files, "train images", source)
    assert with_local_files("t", build_dataset("stir", PARAMS, "d", tmp_path / "c")) != before


def test_a_file_that_is_not_mnists_is_refused_by_its_content(small_mnist):
    path = small_mnist / "train-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=rf"{path}: not MNIST's train-labels-idx1-ubyte: its 87 b"):
        _stir_mnist.make_archive(3)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_packed_file_is_named(small_mnist, share):
    path = small_mnist / "t10k-images-idx3-ubyte.gz"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=rf"{path}: (cannot be unpacked|not MNIST's)"):
        _stir_mnist.make_archive(3)


def test_an_absent_file_of_mnist_is_named_and_waited_for(small_mnist):
    (small_mnist / "t10k-labels-idx1-ubyte").unlink()
    assert absent_files(stir.local_files(PARAMS)) == ["mnist/t10k-labels-idx1-ubyte*"]
    with pytest.raises(UserError, match=r"t10k-labels-idx1-ubyte\*: no such file"):
        _stir_mnist.make_archive(3)


@needs_mnist
def test_the_first_digits_of_mnist_at_three_sizes_have_known_sums(monkeypatch):
    dealt = []

    def made(digits, positions):
        dealt.append((digits[:, :, :2], positions))
        return np.zeros((*positions.shape[:-1], 64, 64), np.uint8)

    monkeypatch.setattr(_stir_mnist, "make_images", made)
    _stir_mnist.make_archive(50)
    ((digits, places),) = dealt
    sums = [
        [
            int(
                _stir_mnist.compose(
                    _stir_mnist.resize(chosen.reshape(-1, 28, 28), 64 - index),
                    places[split, index, :, :2].reshape(-1, 2),
                ).sum(dtype=int)
            )
            for index in (0, 36, 47)  # 64, 28 and 17 pixels
        ]
        for split, chosen in enumerate(digits)
    ]
    # taken from the whole archive; another libm may move single pixels by one grey value
    np.testing.assert_allclose(sums, SUMS, atol=8)


SUMS = [[2636949, 504218, 190078], [2621138, 501032, 188309], [3413403, 652392, 243443]]
