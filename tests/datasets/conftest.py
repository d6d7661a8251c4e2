import shutil
from pathlib import Path

import pytest
import torch

from isotrope.data import stir
from isotrope.datasets.building import build_dataset

torch.set_num_threads(1)
PARAMS = stir.Params(task="emoji", scenario="mid2rest")


@pytest.fixture(scope="session")
def pristine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "stir"
    build_dataset("stir", PARAMS, "a-digest", folder)
    return folder


@pytest.fixture
def built(pristine, tmp_path):
    return Path(shutil.copytree(pristine, tmp_path / "stir"))


@pytest.fixture
def quick(monkeypatch, pristine):
    """Building copies the drawn archive instead of drawing it."""

    def copy(params, folder, key):
        shutil.copy(pristine / "emoji.npz", folder / f"{key}.npz")
        return [folder / f"{key}.npz"]

    monkeypatch.setattr(stir, "build", copy)
