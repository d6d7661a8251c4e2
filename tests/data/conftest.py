"""The drawn emoji, small archives of the published layout, and photos to make some from."""

import numpy as np
import pytest
from made_up_photos import label, squares, write_dota, write_mtsd

from isotrope.data import STIRDataset, stir
from isotrope.data._stir_archive import ABOUT


@pytest.fixture(scope="session")
def emoji(tmp_path_factory):
    """The npz file that the plug-in builds."""
    params = stir.Params(task="emoji", scenario="all2all")
    return stir.build(params, tmp_path_factory.mktemp("stir"), "emoji")[0]


@pytest.fixture(scope="session")
def archive(emoji):
    return STIRDataset(emoji)


def _arrays(classes=2, instances=1, channels=1, integer=np.int32, seed=0):
    """An archive of the published layout, its images random in a corner (to be quick to pack)."""
    counts = (3, 48, classes, instances)
    generator = np.random.default_rng(seed)
    images = np.zeros((*counts, 64, 64, channels), np.uint8)
    images[..., :4, :4, :] = generator.integers(0, 256, (*counts, 4, 4, channels))
    return {
        "imgs": images if channels == 3 else images[..., 0],
        "lbls": np.broadcast_to(np.arange(classes, dtype=integer)[:, None], counts),
        "scls": np.broadcast_to(np.arange(64, 16, -1, dtype=integer)[:, None, None], counts),
        "psts": generator.integers(0, 64, (*counts, 2), dtype=integer),
        "metadata": np.array([(key, f"the {key}") for key in ABOUT]),
        "lbldata": np.array([f"thing {one}" for one in range(classes)]),
    }


@pytest.fixture(scope="session")
def small_arrays():
    return _arrays


@pytest.fixture(scope="session")
def save():
    def pack(path, arrays):
        np.savez_compressed(path, **arrays)
        return path

    return pack


@pytest.fixture
def root(tmp_path, monkeypatch):
    """What ``$ISOTROPE_DATA`` names; it is not there yet."""
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path / "mine"))
    return tmp_path / "mine"


@pytest.fixture
def signs(root, monkeypatch):
    """Two classes with six signs each."""
    photos = squares("stop", [70, 75, 80, 85, 90, 95]) | squares("yield", [66, 67, 68, 99, 98, 97])
    write_mtsd(root, photos)
    monkeypatch.setitem(stir.TASKS, "trafficsign", stir.Task(2, 2, 3))
    return root


@pytest.fixture
def things(root, monkeypatch):
    """Two classes with six things each, two of them in one photo."""
    photos = {}
    for kind in ("plane", "ship"):
        for number, width in enumerate((64, 66, 68, 70, 72, 74)):
            box = (60, 50, 60 + width, 90)
            folder = "val" if number % 2 else "train"
            photos[f"{kind}{number}"] = (
                folder,
                (400, 390),
                "GoogleEarth",
                "RGB",
                [label(kind, box)],
            )
    write_dota(root, photos)
    monkeypatch.setitem(stir.TASKS, "aerial", stir.Task(2, 2, 3))
    return root
