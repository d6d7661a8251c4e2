"""The challenge of few images: which published number is to beat, and what a baseline has."""

import csv

import pytest

from isotrope import paths
from isotrope.files.tables import PUBLISHED_COLUMNS
from isotrope.results.challenge import Published
from isotrope.studies.scattering import challenge

BEST = "samples={},init=tight_frame,parameterization=canonical"
ROWS = [
    ("accuracy", "accuracy", "scattering_linear", "cifar10", BEST.format(100), 0.1),
    ("accuracy", "accuracy", "scattering_cnn", "textures3", BEST.format(100), 0.2),
    ("accuracy", "loss", "scattering_cnn", "cifar10", BEST.format(100), 0.3),
    ("other", "accuracy", "scattering_cnn", "cifar10", BEST.format(100), 0.35),
    (
        *("accuracy", "accuracy", "scattering_cnn", "cifar10"),
        *("samples=100,init=random,parameterization=canonical", 0.4),
    ),
    (
        *("accuracy", "accuracy", "scattering_cnn", "cifar10"),
        *("samples=100,init=tight_frame,parameterization=pixelwise", 0.45),
    ),
    ("accuracy", "accuracy", "scattering_cnn", "cifar10", BEST.format(500), 0.5),
    ("accuracy", "accuracy", "scattering_cnn", "cifar10", BEST.format(100), 0.6),
    (
        *("accuracy", "accuracy", "scattering_cnn", "cifar10"),
        *("init=tight_frame,parameterization=canonical", 0.9),
    ),
]


@pytest.fixture(autouse=True)
def _published(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = paths.published("scattering")
    path.parent.mkdir(parents=True)
    names = ("table", "metric", "model", "dataset", "setting", "value")
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(PUBLISHED_COLUMNS), restval="")
        writer.writeheader()
        for row in ROWS:
            more = {"study": "scattering", "spread": 0.25, "n": 10, "source": "x"}
            writer.writerow({**more, **dict(zip(names, row, strict=True))})


def parameters(samples, name="cifar10", pool="published"):
    return {"dataset.name": name, "dataset.pool": pool, "dataset.samples": samples}


@pytest.mark.parametrize(("samples", "mean"), [(100, 0.6), (500, 0.5), (None, 0.9)])
def test_the_best_network_on_as_many_images_is_to_beat(samples, mean):
    to_beat = Published("LS+WRN of Parametric Scattering Networks", mean, 0.25, 10)
    assert challenge.published(parameters(samples)) == to_beat


@pytest.mark.parametrize(
    "others", [parameters(1000), parameters(100, "textures3"), parameters(100, pool="own")]
)
def test_of_other_images_nothing_is_to_beat(others):
    assert challenge.published(others) is None


def test_a_baseline_of_the_same_images_is_trained_as_long_as_it_was():
    network = {
        "model.name": "scattering_linear",
        "model.parameterization": "canonical",
        "model.init": "tight_frame",
    }
    as_published = {"model.J": 2, "model.theta_grad": "published"}
    for samples, epochs in ((100, 200), (500, 1000), (1000, 500)):
        assert challenge.baseline(parameters(samples)) == {
            **network,
            **as_published,
            "training.epochs": epochs,
        }
        text = challenge.param_file("standard", samples)
        assert f"\n  epochs: {epochs}\n" in text
        assert f"on ten subsets of {samples} images" in text
    assert [challenge.place("mine", n) for n in challenge.SAMPLES] == [
        f"mine/cifar10_{n}/challenge" for n in (100, 500, 1000)
    ]
    for others in (parameters(250), parameters(None), parameters(100, "textures3"), {}):
        assert challenge.baseline(others) == network
