"""Crops of the photographs that come with scikit-image."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from isotrope.data import photos
from isotrope.data._warp import pose_numbers
from isotrope.datasets.building import build_dataset
from isotrope.datasets.manifest import read_manifest
from isotrope.digests import dataset_digest
from isotrope.errors import UserError
from isotrope.settings import build_only


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The data set of 32 x 32 pixels, and that of 64 x 64."""
    folder = tmp_path_factory.mktemp("photos")
    for size in (32, 64):
        photos.build(photos.Params(size=size), folder, f"size={size}")
    return folder


def load(folder, split, size=32, **changes):
    return photos.load(photos.Params(size=size, **changes), folder, f"size={size}", split)


@pytest.mark.parametrize("size", [16, 32, 50, 64])
def test_regions_share_no_pixel_and_hold_a_crop_and_no_photo_is_enlarged(size):
    for photo in photos.PHOTOS:
        whole = photos.photograph(photo)
        height, width, _ = photos.reduced(whole, round(photos.CROPS * size)).shape
        assert width <= whole.width
        assert height <= whole.height
        edges = [photos.region(width, split) for split in photos.SPLITS]
        assert edges[0][1] <= edges[1][0] < edges[1][1] <= edges[2][0] < edges[2][1] <= width
        assert all(last - first >= size for first, last in edges)


@pytest.mark.parametrize("size", [32, 64])
def test_every_image_is_a_place_of_its_photograph_in_the_region_of_its_split(folder, size):
    reduced = [photos.reduced(photos.photograph(one), round(4.5 * size)) for one in photos.PHOTOS]
    for number, split in enumerate(photos.SPLITS):
        data = load(folder, split, size)
        places = pose_numbers(0, number, len(data), 2)
        for index in range(0, len(data), 37):
            photo = reduced[int(data.labels[index])]
            first, last = photos.region(photo.shape[1], split)
            left = first + int(places[index, 0] * (last - first - size + 1))
            top = int(places[index, 1] * (photo.shape[0] - size + 1))
            expected = photo[top : top + size, left : left + size]
            assert first <= left <= last - size
            assert (data.images[index].permute(1, 2, 0).numpy() == expected).all()


def test_every_beginning_has_the_classes_in_equal_parts(folder):
    data = load(folder, "train", train_images=50)
    assert data.labels.bincount().tolist() == [5] * 10
    assert torch.equal(data.images, load(folder, "train").images[:50])
    with pytest.raises(ValueError, match="one of train, valid, test, got 'all'"):
        load(folder, "all")


def test_another_seed_shows_other_places(folder, tmp_path):
    photos.build(photos.Params(seed=1), tmp_path, "seed=1")
    other = photos.load(photos.Params(seed=1), tmp_path, "seed=1", "test")
    same = (other.images == load(folder, "test").images).flatten(1).all(1)
    assert same.float().mean() < 0.1


def test_every_photograph_has_a_free_licence_and_is_named():
    credit = photos.credit(photos.Params())
    for photo in photos.PHOTOS:
        assert photo.credit.endswith(("CC0", "public domain"))
        assert photo.name in credit


def test_a_photograph_that_is_another_or_gone_is_named(monkeypatch):
    photo = photos.PHOTOS[0]
    with pytest.raises(UserError, match=r"astronaut\.png: not the photograph of scikit-image"):
        photos.photograph(photo._replace(sha256="0" * 64))
    with pytest.raises(UserError, match=r"lost\.png: cannot be read \(No such file"):
        photos.photograph(photo._replace(file="lost.png"))
    monkeypatch.setattr(photos.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="scikit-image is not installed"):
        photos.photograph(photo)


def test_a_tiny_network_learns_most_of_it_but_not_all(folder):
    torch.manual_seed(1)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 10),
    )
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    slower = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, total_iters=120)
    data, test = load(folder, "train"), load(folder, "test")
    for _ in range(6):
        for batch in torch.randperm(len(data)).split(50):
            optimizer.zero_grad()
            outputs = network(data.images[batch] / 255)
            F.cross_entropy(outputs, data.labels[batch]).backward()
            optimizer.step()
            slower.step()
    network.eval()
    with torch.no_grad():
        right = (network(test.images / 255).argmax(1) == test.labels).float().mean()
    assert 0.5 < right < 0.99


def test_they_are_built_where_nothing_says_how_many_are_used(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    params = build_only(photos.Params).model_validate({"size": 16})

    manifest = build_dataset("photos", params, dataset_digest("photos", params))

    assert read_manifest(manifest).images == photos.COUNTS
