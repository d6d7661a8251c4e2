"""PneumoniaMNIST from files of its layout."""

import made_up_squares as made
import numpy as np
import pytest
import torch

from isotrope.data import pneumonia_mnist
from isotrope.errors import UserError


def load(folder, split, **changes):
    params = pneumonia_mnist.Params(**(made.PNEUMONIA | changes))
    pneumonia_mnist.build(params, folder, "p")
    return pneumonia_mnist.load(params, folder, "p", split)


@pytest.mark.parametrize("size", [28, 64])
def test_images_and_labels_are_those_of_the_file(root, tmp_path, size):
    arrays = made.write_pneumonia(root, size=size)
    for split, name in (("train", "train"), ("valid", "val"), ("test", "test")):
        data = load(tmp_path, split, size=size)
        assert (data.images[:, 0].numpy() == arrays[f"{name}_images"]).all()
        assert data.labels.tolist() == arrays[f"{name}_labels"][:, 0].tolist()
    colour = load(tmp_path, "test", size=size, channels=3, test_images=5)
    assert torch.equal(colour.images, data.images[:5].expand(-1, 3, -1, -1))
    with pytest.raises(ValueError, match="one of train, valid, test, got 'val'"):
        load(tmp_path, "val", size=size)


def test_seeds_have_balanced_subsets_of_their_own(root, tmp_path):
    made.write_pneumonia(root)
    labels = load(tmp_path, "train").labels
    params = pneumonia_mnist.Params(**made.PNEUMONIA, samples=6)
    first, second = (pneumonia_mnist.subset(params, labels, seed) for seed in (1, 2))
    assert labels[first].bincount().tolist() == [3, 3]
    assert first.tolist() != second.tolist()
    many = pneumonia_mnist.Params(**made.PNEUMONIA, samples=16)
    with pytest.raises(UserError, match=r"dataset\.samples: need .* at most 14 samples, got 16"):
        pneumonia_mnist.subset(many, labels, 1)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"val_labels": np.full((6, 1), 2)}, "val_labels are not 0 and 1"),
        ({"test_labels": np.zeros((8, 1), int)}, "test_labels are not 0 and 1, both of them"),
        ({"test_labels": np.zeros((8, 1))}, r"no npz file .*test_labels are float64 \(8, 1\)"),
        ({"train_images": np.zeros((20, 28, 28))}, r"train_images are float64"),
        ({"train_images": np.zeros((19, 28, 28), np.uint8)}, r"not uint8 \(20, 28, 28\)"),
    ],
)
def test_a_file_of_another_layout_is_named(root, tmp_path, changes, sentence):
    made.write_pneumonia(root, **changes)
    with pytest.raises(UserError, match=sentence):
        load(tmp_path, "train")


def test_a_file_that_is_incomplete_damaged_or_absent_is_named(root, tmp_path):
    made.write_pneumonia(root)
    with pytest.raises(UserError, match=r"has 20 train_images, not the 4708 that are published"):
        load(tmp_path, "train", complete=True)
    path = root / "medmnist" / "pneumoniamnist.npz"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(UserError, match=r"pneumoniamnist\.npz: no npz file of PneumoniaMNIST"):
        load(tmp_path, "train")
    path.unlink()
    with pytest.raises(UserError, match=r"pneumoniamnist\.npz: no such file"):
        load(tmp_path, "train")


def test_the_published_file_has_its_published_counts_and_a_licence():
    params = pneumonia_mnist.Params(source="local")
    assert pneumonia_mnist.image_counts(params) == {"train": 4708, "valid": 524, "test": 624}
    fewer = pneumonia_mnist.Params(source="local", test_images=100)
    assert pneumonia_mnist.image_counts(fewer)["test"] == 100
    assert "CC BY 4.0" in pneumonia_mnist.credit(params)
