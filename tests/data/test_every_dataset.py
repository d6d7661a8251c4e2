"""What holds for every data set; a new one whose settings have defaults is tested as it stands."""

import os
import sys
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

import drawn_cityscapes
import drawn_voc
import made_up_archives
import made_up_imagenet
import made_up_mnist
import made_up_squares
import pytest
import torch
from PIL import Image

from isotrope import paths, registry
from isotrope.datasets.building import build_dataset
from isotrope.datasets.images import VOID, Images
from isotrope.datasets.loading import kind_of, load_split, shape_of_split
from isotrope.datasets.local_data import absent_files
from isotrope.datasets.manifest import read_manifest
from isotrope.datasets.names import dataset_key
from isotrope.datasets.stream import Shuffle
from isotrope.digests import dataset_digest
from isotrope.settings import Settings

# settings of the data sets that need any; all images of a split shall be in it
SETTINGS = {
    "affnist": {"source": "digits8"},
    "cifair10": {"source": "local", "samples": 20},
    "cifar10": {"source": "local", "valid_images": 20},
    "cityscapes": {"source": "local", "complete": False, "valid_images": 2, "crop": 24},
    "cifar100": {"source": "local", "valid_images": 100},
    "covidx": made_up_squares.COVIDX | {"samples": 4, "valid_images": 2},
    "fashion_mnist": {"source": "local", "valid_images": 20},
    "imagenet": made_up_imagenet.SETTINGS,
    "imagenette": made_up_imagenet.SETTINGS | {"valid_images": 10},
    "kth_tips2": made_up_squares.KTH | {"valid_sample": "a"},
    "mnist": {"source": "digits8"},
    "mnist_large_scale": {"source": "digits8", "train_images": 100, "test_images": 40},
    "mnist_r": {"source": "digits8"},
    "mnist_rts": {"source": "digits8"},
    "mnist_scale": {"source": "digits8"},
    "pneumonia_mnist": made_up_squares.PNEUMONIA | {"samples": 6},
    "rot_mnist": {"source": "digits8", "form": "generated"},
    "rot_svhn": {"source": "local", "valid_images": 10},
    "sim2mnist": {"source": "digits8"},
    "sim2mnist_clean": {"source": "digits8"},
    "stir": {"task": "emoji", "scenario": "all2all"},
    "svhn": {"source": "local", "valid_images": 20},
    "textures3": {"samples": 30},
    "voc": {
        "source": "local",
        "complete": False,
        "valid_images": 4,
        "crop": 40,
        "test_form": "published",
    },
}
# what makes a data set small, and writes files of its layout if it reads files alone
FILES = {
    "cifair10": made_up_archives.write_cifair10,
    "cifar10": made_up_archives.write_cifar10,
    "cityscapes": drawn_cityscapes.small_cityscapes,
    "cifar100": made_up_archives.write_cifar100,
    "covidx": made_up_squares.write_covidx,
    "fashion_mnist": made_up_mnist.write_fashion,
    "imagenet": made_up_imagenet.write_imagenet,
    "imagenette": made_up_imagenet.write_imagenette,
    "kth_tips2": made_up_squares.write_kth,
    "pneumonia_mnist": made_up_squares.write_pneumonia,
    "rot_svhn": made_up_archives.write_rot_svhn,
    "sim2mnist": made_up_archives.few_of_sim2mnist,
    "sim2mnist_clean": made_up_archives.few_of_sim2mnist,
    "svhn": made_up_archives.write_svhn,
    "voc": lambda root, patch: drawn_voc.write_voc(root),
}
PNG = b"\x89PNG\r\n\x1a\n"


def few(stream, split, count):
    """Some images of a stream, as they are trained on or tested."""
    shuffle = Shuffle(0, 0) if split == "train" else None
    ((some,),) = stream.chosen([range(min(count, len(stream)))], shuffle)
    return some


class Opened:
    """Notes the files below a folder that are opened meanwhile."""

    def __init__(self):
        self.below, self.paths = None, set()
        sys.addaudithook(self._hear)

    def _hear(self, event, arguments):
        if self.below is not None and event == "open" and isinstance(arguments[0], str | Path):
            path = Path(arguments[0])
            if path.is_relative_to(self.below) and path.is_file():
                self.paths.add(path.relative_to(self.below).as_posix())

    @contextmanager
    def noted(self, folder):
        """The files that are opened inside, below a folder, by their paths from there."""
        self.below, self.paths = folder, set()
        try:
            yield self.paths
        finally:
            self.below = None


OPENED = Opened()


def means(pattern, path):
    """Whether a path or pattern of `local_files` means a file, one in an archive included."""
    for one in pattern.split(" or "):
        archive, found, _ = one.partition(".zip/")
        if fnmatchcase(path, one.replace("**/", "*")) or (
            found and fnmatchcase(path, f"{archive}.zip")
        ):
            return True
    return False


class Built:
    """A data set, built once for all tests."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.plugin = registry.load("data", name)
        self.params = self.plugin.Params(**SETTINGS.get(name, {}))
        self.key = dataset_key(self.params)
        if absent := absent_files(self.plugin.local_files(self.params)):
            pytest.skip(f"{name} needs {', '.join(absent)}")
        with OPENED.noted(Path(os.environ.get("ISOTROPE_DATA", "/nowhere"))) as opened:
            self.manifest = read_manifest(self.build(folder))
        self.opened = opened

    def build(self, folder):
        digest = dataset_digest(self.name, self.params)
        return build_dataset(self.name, self.params, digest, folder)

    def load(self, split):
        return load_split(self.name, self.params, split, self.folder)


@pytest.fixture(params=registry.names("data"), scope="module")
def built(request, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        if request.param in FILES:
            root = tmp_path_factory.mktemp("mine")
            patch.setenv("ISOTROPE_DATA", str(root))
            FILES[request.param](root, patch)
        yield Built(request.param, tmp_path_factory.mktemp(request.param))


def test_a_data_set_defines_what_its_kind_asks_for(built):
    assert issubclass(built.plugin.Params, Settings)
    for constant in ("REVISION", "SPLITS"):
        stored = registry.literal("data", built.name, constant)
        assert stored == getattr(built.plugin, constant)
    assert built.plugin.REVISION >= 1
    assert "train" in built.plugin.SPLITS
    kind = registry.literal("data", built.name, "kind", "classification")
    assert kind in ("classification", "segmentation")
    assert registry.literal("data", built.name, "ORDER", "own") in ("fixed", "shared", "own")
    assert len(set(built.plugin.SPLITS)) == len(built.plugin.SPLITS)


def test_shape_and_classes_are_known_before_anything_is_built(built):
    shape, classes = built.plugin.image_shape(built.params), built.plugin.classes(built.params)
    assert len(shape) == 3
    assert all(isinstance(number, int) and number >= 1 for number in (*shape, classes))


def test_every_split_has_the_images_that_the_data_set_says(built):
    counts = built.plugin.image_counts(built.params)
    classes = built.plugin.classes(built.params)
    splits = registry.splits(built.name, built.params)
    assert set(counts) <= set(splits) <= set(built.plugin.SPLITS)
    for split in splits:
        data = built.load(split)
        assert len(data) == counts.get(split, len(data)) > 0
        some = data if isinstance(data, Images) else few(data, split, 2 * classes)
        shape = shape_of_split(built.plugin, built.params, split)
        assert tuple(some.images.shape[1:]) == shape
        assert some.kind == data.kind == kind_of(built.plugin)
        found = (some.labels if data.labels is None else data.labels).unique().tolist()
        if data.kind == "segmentation":
            assert set(found) <= {*range(classes), VOID}
        else:
            assert found == list(range(classes)), split
        assert some.images.min() < some.images.max()
        assert all(len(values) == len(some) for values in some.latents.values())


def test_no_file_is_read_but_those_that_it_says(built):
    """What is read and not said is missed too late, and watched by no rule.

    Pictures that a list of theirs names need not be said beside it.
    """
    said = built.plugin.local_files(built.params)
    assert bool(built.opened) == bool(said)
    unsaid = [path for path in built.opened if not any(means(one, path) for one in said)]
    lists = [path for path in unsaid if not path.endswith((".png", ".jpg"))]
    assert [path for path in lists if not path.startswith("sources/")] == []


def test_validation_images_are_not_trained_on_and_test_images_are_neither(built):
    known = registry.splits(built.name, built.params)
    splits = [split for split in ("train", "valid", "test") if split in known]
    data = {split: built.load(split) for split in splits}
    if not all(isinstance(one, Images) for one in data.values()):
        pytest.skip("a stream trains on parts of its images")
    seen = {split: {image.numpy().tobytes() for image in one.images} for split, one in data.items()}
    same = getattr(built.plugin, "valid_is_test", lambda params: False)(built.params)
    for split in set(splits) - {"train"}:
        assert len(seen[split] & seen["train"]) <= len(seen[split]) // 20, split
    if {"valid", "test"} <= set(splits):
        assert (seen["valid"] == seen["test"]) == same
        assert same or len(seen["valid"] & seen["test"]) <= len(seen["test"]) // 20


def test_subsets_are_equally_long_and_follow_from_the_seed_alone(built):
    if not hasattr(built.plugin, "subset"):
        pytest.skip(f"all seeds train on all images of {built.name}")
    labels = built.load("train").labels
    chosen = [built.plugin.subset(built.params, labels, seed) for seed in (1, 2, 2**32 - 1, 1)]
    if chosen[0] is None:
        assert all(indices is None for indices in chosen)
        pytest.skip(f"all seeds train on all images of {built.name} with these settings")
    for indices in chosen:
        assert indices.dtype == torch.int64
        assert len(indices) == len(chosen[0]) == len(indices.unique())
        assert 0 <= indices.min() <= indices.max() < len(built.load("train"))
    assert torch.equal(chosen[0], chosen[-1])
    assert not torch.equal(chosen[0].sort().values, chosen[1].sort().values)


def test_a_split_read_twice_is_the_same_and_draws_no_random_number(built):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, second = (next(built.load("train").batches(1000)) for _ in range(2))
    assert torch.equal(first.images, second.images)
    assert torch.equal(first.labels, second.labels)
    assert torch.equal(torch.get_rng_state(), before)


def test_two_builds_give_identical_bytes(built, tmp_path):
    built.build(tmp_path)
    names = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert len(names) >= 2
    for name in names:
        assert (tmp_path / name).read_bytes() == (built.folder / name).read_bytes(), name


def test_the_manifest_says_what_was_built(built):
    assert built.manifest.dataset == built.name
    assert built.manifest.revision == built.plugin.REVISION
    assert built.manifest.digest == dataset_digest(built.name, built.params)
    assert built.manifest.image_shape == built.plugin.image_shape(built.params)
    assert built.manifest.classes == built.plugin.classes(built.params)
    assert built.manifest.images == built.plugin.image_counts(built.params)


def test_the_preview_is_a_picture_in_which_something_is_seen(built):
    path = built.folder / paths.preview(built.name, built.key).name
    assert path.read_bytes().startswith(PNG)
    with Image.open(path) as picture:
        low, high = picture.convert("L").getextrema()
        assert min(picture.size) > 100
        assert high - low > 50
