"""ImageNet and Imagenette from trees and archives of their layouts, which are made here."""

import tarfile

import made_up_imagenet as made
import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from isotrope.data import imagenet, imagenette
from isotrope.datasets.building import build_dataset
from isotrope.datasets.loading import load_split
from isotrope.datasets.manifest import read_manifest
from isotrope.datasets.stream import Shuffle
from isotrope.errors import UserError
from isotrope.settings import build_only

TARS = ("ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar")


@pytest.fixture
def folder(root, monkeypatch):
    """Where ImageNet lies; nothing is there yet."""
    made.few_classes(monkeypatch)
    (root / "imagenet").mkdir(parents=True)
    return root / "imagenet"


def built(tmp_path, name="imagenet", **changes):
    """Builds a data set, and says how its splits are read."""
    plugin = {"imagenet": imagenet, "imagenette": imagenette}[name]
    params = plugin.Params(**(made.SETTINGS | changes))
    build_dataset(name, params, "d", tmp_path / "out")
    return lambda split: load_split(name, params, split, tmp_path / "out")


def contents(load):
    """All photos as they are tested with their classes, split by split."""
    found = {}
    for split in ("train", "valid", "test"):
        data = load(split)
        images = data.whole()
        assert torch.equal(images.labels, data.labels)
        found[split] = images
    return found


@pytest.fixture
def expected(root, tmp_path, monkeypatch):
    """What trees of class folders hold; they are gone then."""
    made.write_imagenet(root, monkeypatch)
    found = contents(built(tmp_path / "trees"))
    (root / "imagenet").rename(root / "gone")
    (root / "imagenet").mkdir()
    return found


def test_a_tree_has_every_photo_once_with_its_class_and_no_split_shares_any(
    root, tmp_path, monkeypatch
):
    made.write_imagenet(root, monkeypatch)
    load = built(tmp_path)
    names = {split: [one.name for one in load(split).entries] for split in imagenet.SPLITS}
    assert sorted(names["train"] + names["valid"]) == sorted(
        f"imagenet/train/{wnid}/{wnid}_{k}.JPEG" for wnid in made.WNIDS for k in range(made.TRAIN)
    )
    assert len(set(names["test"])) == len(made.WNIDS) * made.VAL
    for split in imagenet.SPLITS:
        entries = load(split).entries
        assert [made.WNIDS[one.label] for one in entries] == [
            one.name.split("/")[2] for one in entries
        ]
        assert [one.label for one in entries[:3]] == [0, 1, 2]  # every beginning has all classes


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(made.write_kit, id="the files of the kit"),
        pytest.param(lambda root: made.write_kit(root / made.KIT / "data"), id="the kit, unpacked"),
        pytest.param(lambda root: made.write_kit(root, packed=True), id="the kit"),
        pytest.param(made.write_solution, id="the list of Kaggle"),
    ],
)
@pytest.mark.parametrize("flat", ["folder", "archive"])
def test_validation_photos_that_are_not_sorted_get_their_classes_from_a_list(
    root, tmp_path, expected, labels, flat
):
    folder = root / "imagenet"
    made.write_train_archive(folder / TARS[0])
    if flat == "folder":
        made.write_flat_val(folder / "val")
    else:
        made.write_val_archive(folder / TARS[1])
    labels(folder)
    load = built(tmp_path)
    for split, found in contents(load).items():
        assert torch.equal(found.images, expected[split].images), split
        assert torch.equal(found.labels, expected[split].labels), split
    assert not list(folder.rglob("n0*"))  # nothing was unpacked
    first = load("train").entries[0]
    assert first.name == "n01440764/n01440764_0.JPEG"
    assert first.place.file == f"imagenet/{TARS[0]}"


def test_photos_are_resized_and_cut_as_pillow_does(root, tmp_path, monkeypatch):
    made.write_imagenet(root, monkeypatch)
    load = built(tmp_path, resize=30, size=20)
    data, images = load("test"), load("test").whole().images
    for entry, image in zip(data.entries, images, strict=True):
        photo = Image.open(root / entry.place.file).convert("RGB")
        assert photo.size == (40, 36)
        small = photo.resize((33, 30), Image.Resampling.BILINEAR)
        left, top = round((33 - 20) / 2), (30 - 20) // 2
        cut = np.asarray(small.crop((left, top, left + 20, top + 20)))
        assert (image.permute(1, 2, 0).numpy() == cut).all()


def test_photos_may_be_padded_to_squares_of_any_size(root, tmp_path, monkeypatch):
    made.write_imagenet(root, monkeypatch)
    load = built(tmp_path, fit="pad", size=80)
    data, images = load("test"), load("test").whole().images
    for entry, image in zip(data.entries, images, strict=True):
        photo = Image.open(root / entry.place.file).convert("RGB")
        square = Image.new("RGB", (40, 40))
        square.paste(photo, (0, 2))
        assert (
            image.permute(1, 2, 0).numpy()
            == np.asarray(square.resize((80, 80), Image.Resampling.BILINEAR))
        ).all()


def test_validation_is_part_of_the_training_photos_or_the_test(root, tmp_path, monkeypatch):
    made.write_imagenet(root, monkeypatch)
    load = built(tmp_path, train_images=6, test_images=3)
    assert [len(load(split)) for split in imagenet.SPLITS] == [6, 3, 3]
    assert load("valid").labels.tolist() == [0, 1, 2]
    published = built(tmp_path, valid_from="test")
    assert [len(published(split)) for split in imagenet.SPLITS] == [18, 12, 12]
    assert torch.equal(published("valid").labels, published("test").labels)
    params = imagenet.Params(**made.SETTINGS, valid_from="test")
    assert imagenet.valid_is_test(params)
    assert imagenet.image_counts(params) == {"train": 18, "valid": 12, "test": 12}
    with pytest.raises(UserError, match=r"dataset\.train_images: 16 images .* 15 are left"):
        built(tmp_path, train_images=16)("train")


def test_the_published_numbers_are_known_before_anything_is_built():
    params = imagenet.Params(source="local")
    assert imagenet.image_shape(params) == (3, 224, 224)
    assert imagenet.classes(params) == 1000
    counts = {"train": 1_231_167, "valid": 50_000, "test": 50_000}
    assert imagenet.image_counts(params) == counts
    small = imagenette.Params(source="local", size=256)
    assert imagenette.image_shape(small) == (3, 256, 256)
    assert imagenette.image_counts(small) == {"train": 8469, "valid": 1000, "test": 3925}
    assert imagenette.classes(small) == 10
    assert imagenet.image_counts(imagenet.Params(source="local", complete=False)) == {}
    with pytest.raises(ValidationError, match=r"the shorter side of photos has 256 pixels"):
        imagenet.Params(source="local", size=257)


def test_a_class_that_is_missing_is_named(root, tmp_path, monkeypatch):
    made.write_imagenet(root, monkeypatch)
    gone = root / "imagenet/train/n02102040"
    gone.rename(root / "aside")
    with pytest.raises(UserError, match=r"imagenet/train: has no class n02102040; add"):
        built(tmp_path)
    (root / "imagenet/val/n02102040").rename(root / "aside too")
    with pytest.raises(UserError, match=r"imagenet/train: has 2 classes, not 3; add"):
        built(tmp_path)
    gone.mkdir()
    (root / "aside too").rename(root / "imagenet/val/n02102040")
    with pytest.raises(UserError, match=r"class n02102040 has no photo; complete it"):
        built(tmp_path)


def test_fewer_photos_than_are_published_are_used_only_if_asked_for(root, tmp_path, monkeypatch):
    made.write_imagenet(root, monkeypatch)
    (root / "imagenet/train/n03888257/n03888257_3.JPEG").unlink()
    with pytest.raises(UserError, match=r"train: has 17 photos, not the 18 .*complete: false"):
        built(tmp_path)
    load = built(tmp_path, complete=False)
    assert len(load("train")) == 14


def test_what_is_absent_is_said_with_all_places_where_it_may_be(folder, root, tmp_path):
    with pytest.raises(UserError, match=r"holds no train photos; put train/<class>/\*\.JPEG or "):
        built(tmp_path)
    made.write_train_archive(folder / TARS[0])
    with pytest.raises(UserError, match=r"holds no test photos; put val/<class>/\*\.JPEG or ILS"):
        built(tmp_path)
    made.write_val_archive(folder / TARS[1])
    with pytest.raises(UserError, match=r"nothing says the classes .* put LOC_val_solution\.csv"):
        built(tmp_path)


def test_damaged_lists_of_classes_are_named(folder, tmp_path):
    made.write_train_archive(folder / TARS[0])
    made.write_val_archive(folder / TARS[1])
    truth = folder / "ILSVRC2012_validation_ground_truth.txt"
    made.write_kit(folder)
    for text, message in (
        (
            "2\n3\n9\n",
            r"line 3 of ILSVRC2012_validation_ground_truth\.txt is '9', the number",
        ),
        ("2\n4\n", r"line 2 .* is '4'"),  # a synset that contains others
        ("2\n3\n", r"val\.tar: ILSVRC2012_val_00000003\.JPEG is in no list"),
    ):
        truth.write_text(text)
        with pytest.raises(UserError, match=message):
            built(tmp_path)
    (folder / "meta.mat").write_bytes(b"MATLAB 5.0 MAT-file, but no more")
    with pytest.raises(UserError, match=r"meta\.mat holds no table of classes"):
        built(tmp_path)
    (folder / "LOC_val_solution.csv").write_text("ImageId,PredictionString\nILS,dog 1 2\n")
    with pytest.raises(UserError, match=r"LOC_val_solution\.csv:2: names no class"):
        built(tmp_path)


def test_a_damaged_archive_and_a_damaged_photo_are_named(folder, root, tmp_path):
    made.write_train_archive(folder / TARS[0])
    made.write_val_archive(folder / TARS[1])
    made.write_solution(folder)
    load = built(tmp_path)
    path = folder / TARS[0]
    whole = path.read_bytes()
    place = load("train").entries[3].place
    first = int(place.at.split(":")[0])
    path.write_bytes(whole[:first] + bytes(200) + whole[first + 200 :])
    with pytest.raises(UserError, match=r"n01440764/n01440764_1\.JPEG: cannot be read \("):
        load("train").whole()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"img_train\.tar: .*cannot be read as a"):
        built(tmp_path)
    path.write_bytes(whole.replace(b"ustar", b"uztar"))
    with pytest.raises(UserError, match=r"img_train\.tar: .*cannot be read as a"):
        built(tmp_path)


@pytest.mark.parametrize("resolution", ["full", "320", "160"])
def test_imagenette_is_the_same_as_a_tree_and_as_a_tar_archive(
    root, tmp_path, monkeypatch, resolution
):
    name = imagenette.FOLDERS[resolution]
    made.write_imagenette(root, monkeypatch, name)
    settings = {"resolution": resolution, "valid_images": 10}
    tree = contents(built(tmp_path / "tree", "imagenette", **settings))
    with tarfile.open(root / f"{name}.tar", "w") as archive:
        archive.add(root / name, f"./{name}")
    (root / name).rename(root / "aside")
    packed = contents(built(tmp_path / "tar", "imagenette", **settings))
    assert {split: len(found) for split, found in tree.items()} == {
        "train": 30,
        "valid": 10,
        "test": 20,
    }
    for split, found in tree.items():
        assert torch.equal(found.images, packed[split].images)
        assert torch.equal(found.labels, packed[split].labels)
    assert tree["valid"].labels.tolist() == list(range(10))


def test_the_packed_archive_of_imagenette_is_refused_with_what_to_do(root, tmp_path):
    root.mkdir()
    (root / "imagenette2-320.tgz").write_bytes(b"packed")
    with pytest.raises(UserError, match=r"has no class n01440764; .*`gunzip` it to ima"):
        built(tmp_path, "imagenette")


def test_a_training_photo_looks_the_same_whoever_reads_it(root, tmp_path, monkeypatch):
    made.write_imagenet(root, monkeypatch)
    load = built(tmp_path, view="circular")
    parts = [[0, 4], [2]]
    alone, read_ahead = (
        list(load("train").with_workers(workers).chosen(parts, Shuffle(1, 2))) for workers in (0, 1)
    )
    for one, other in zip(alone, read_ahead, strict=True):
        assert torch.equal(one[0].images, other[0].images)
        assert torch.equal(one[0].labels, other[0].labels)
    later = next(iter(load("train").chosen(parts, Shuffle(1, 3))))
    assert not torch.equal(later[0].images, alone[0][0].images)


def test_the_index_is_made_where_nothing_says_how_photos_are_used(root, tmp_path, monkeypatch):
    made.write_imagenette(root, monkeypatch)
    settings = {"source": "local", "complete": False}
    params = build_only(imagenette.Params).model_validate(settings)
    manifest = read_manifest(build_dataset("imagenette", params, "d", tmp_path))
    assert tuple(manifest.image_shape) == (3, 224, 224)


def test_photos_are_tested_whole_when_that_is_asked_for(root, tmp_path, monkeypatch):
    made.write_imagenet(root, monkeypatch)
    square, whole = built(tmp_path)("test"), built(tmp_path, tested="whole")("test")
    assert tuple(whole[:1].images.shape) == (1, 3, 36, 40)
    assert torch.equal(whole.labels, square.labels)
    (same,) = whole.chosen([[0]], Shuffle(1, 1))
    assert same[0].images.shape[-2:] == (24, 24), "training sees what it saw"
