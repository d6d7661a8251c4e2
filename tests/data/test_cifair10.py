"""ciFAIR-10 from files of its layout."""

from pathlib import Path

import made_up_archives as made
import numpy as np
import pytest
import torch

from isotrope.data import cifair10, cifar10
from isotrope.data._cifar_pickles import CIFAIR10, CIFAR10
from isotrope.errors import UserError

LOCAL = {"source": "local", "valid_images": 10}


def load(module, split):
    return module.load(module.Params(**LOCAL), Path(), "", split)


def test_it_trains_on_images_of_cifar10_and_tests_on_images_of_its_own(root, monkeypatch):
    made.write_cifair10(root, monkeypatch)
    params = cifair10.Params(**LOCAL)
    found = cifair10.build(params, Path(), "")
    assert found == [
        root / ("ciFAIR-10" if name == "test_batch" else "cifar-10-batches-py") / name
        for name in CIFAR10.md5
    ]
    assert torch.equal(load(cifair10, "train").images, load(cifar10, "train").images)
    assert (load(cifair10, "test").images.flatten(1).numpy() == made.batch(17)[0]).all()


def test_training_batches_of_its_own_folder_are_read_first(root, monkeypatch):
    made.write_cifair10(root, monkeypatch)
    for name in CIFAIR10.of_part("train"):
        (root / "cifar-10-batches-py" / name).rename(root / "ciFAIR-10" / name)
    expected = np.concatenate([made.batch(number)[0] for number in range(5)])[:90]
    assert (load(cifair10, "train").images.flatten(1).numpy() == expected).all()


def test_the_test_batch_of_cifar10_is_refused(root, monkeypatch):
    made.write_cifair10(root, monkeypatch)
    (root / "cifar-10-batches-py" / "test_batch").replace(root / "ciFAIR-10" / "test_batch")
    with pytest.raises(UserError, match=r"test_batch is altered .* that of ciFAIR-10"):
        load(cifair10, "test")


def test_the_published_checksums_differ_in_the_test_batch_alone():
    differ = {name for name in CIFAR10.md5 if CIFAR10.md5[name] != CIFAIR10.md5[name]}
    assert differ == {"test_batch"}
    assert CIFAIR10.md5["test_batch"] == "01290e6b622a1977a000eff13650aca2"
    whole = cifair10.Params(source="local", samples=100)
    assert cifair10.image_counts(whole) == {"train": 50_000, "test": 10_000}
