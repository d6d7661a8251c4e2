"""Accuracy and its course over scales, on networks whose answers are known."""

import numpy as np
import pytest
import torch
from torch import nn
from toy_runs import TEST_SCALES, ToyDataParams, toy_images, toy_task, train

from isotrope import registry
from isotrope.data import stir
from isotrope.datasets.images import Images
from isotrope.errors import UserError
from isotrope.evaluation import accuracy, scale_generalization
from isotrope.measuring.networks import Networks

CPU = torch.device("cpu")
METADATA = ("title", "description", "author", "license", "version", "date")


class FirstPixel(nn.Module):
    """Answers with the class that the first pixel names, plus a constant."""

    def __init__(self, plus: int) -> None:
        super().__init__()
        self.plus = plus

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        classes = (images[:, 0, 0, 0] * 255).round().long() + self.plus
        return nn.functional.one_hot(classes % 4, 4).float()


@pytest.fixture
def known() -> tuple[Networks, Images]:
    """Six images; seed 3 is right where the first pixel is the label, seed 5 one class further."""
    images = torch.zeros(6, 1, 2, 2, dtype=torch.uint8)
    images[:, 0, 0, 0] = torch.tensor([0, 1, 2, 3, 0, 1], dtype=torch.uint8)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    scales = torch.tensor([20, 17, 17, 17, 20, 20])
    networks = Networks({3: FirstPixel(0), 5: FirstPixel(1)}, CPU)
    return networks, Images(images, labels, {"scale": scales})


def test_accuracy_is_the_share_of_right_answers(known):
    assert accuracy.evaluate(*known, accuracy.Params()) == [
        {"seed": 3, "metric": "accuracy", "value": 3 / 6, "n": 6},
        {"seed": 5, "metric": "accuracy", "value": 3 / 6, "n": 6},
    ]


def test_scale_generalization_has_a_row_for_each_seed_and_scale(known):
    rows = scale_generalization.evaluate(*known, scale_generalization.Params())

    assert [tuple(row.values()) for row in rows] == [
        (3, 17, "accuracy", 2 / 3, 3),
        (3, 20, "accuracy", 1 / 3, 3),
        (5, 17, "accuracy", 1 / 3, 3),
        (5, 20, "accuracy", 2 / 3, 3),
    ]
    assert list(rows[0]) == ["seed", "scale", "metric", "value", "n"]


def test_mean_over_the_test_scales_is_the_test_accuracy(toys):
    task = toy_task(seeds=[1, 2])
    train(task)
    networks = Networks.open(task.folder, CPU)
    images = {split: toy_images(ToyDataParams(), split) for split in ("test", "all_scales")}

    by_scale = scale_generalization.evaluate(
        networks, images[scale_generalization.SPLIT], scale_generalization.Params()
    )
    overall = accuracy.evaluate(networks, images[accuracy.SPLIT], accuracy.Params())

    for row in overall:
        tested = [
            one for one in by_scale if one["seed"] == row["seed"] and one["scale"] in TEST_SCALES
        ]
        right = sum(one["value"] * one["n"] for one in tested)
        assert right / sum(one["n"] for one in tested) == pytest.approx(row["value"], abs=1e-12)
        assert sum(one["n"] for one in tested) == row["n"]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A folder with a small random archive of STIR's layout: 3 classes of 2 objects."""
    random, counts = np.random.default_rng(0), (3, 48, 3, 2)
    folder = tmp_path_factory.mktemp("stir")
    np.savez(
        folder / "emoji.npz",
        imgs=random.integers(0, 256, (*counts, 64, 64), np.uint8),
        lbls=np.broadcast_to(np.arange(3)[:, None], counts),
        scls=np.broadcast_to(np.arange(64, 16, -1)[:, None, None], counts),
        psts=np.zeros((*counts, 2), np.int64),
        metadata=np.array([(key, "random") for key in METADATA]),
        lbldata=np.array(["a", "b", "c"]),
    )
    return folder


@pytest.mark.parametrize("scenario", ["small2large", "mid2rest", "large2small", "all2all"])
def test_in_every_scenario_the_mean_over_its_test_scales_is_the_test_accuracy(archive, scenario):
    params = stir.Params(task="emoji", scenario=scenario)
    torch.manual_seed(4)
    random = nn.Sequential(nn.AvgPool2d(16), nn.Flatten(), nn.Linear(16, 3))
    networks = Networks({1: random}, CPU)
    images = {
        plugin.SPLIT: stir.load(params, archive, "emoji", plugin.SPLIT)
        for plugin in (accuracy, scale_generalization)
    }

    (overall,) = accuracy.evaluate(networks, images["test"], accuracy.Params())
    by_scale = scale_generalization.evaluate(
        networks, images["all_scales"], scale_generalization.Params()
    )

    tested = set(images["test"].latents["scale"].tolist())
    values = [row["value"] for row in by_scale if row["scale"] in tested]
    assert len(by_scale) == 48
    assert len(values) == (48 if scenario == "all2all" else 32)
    assert sum(values) / len(values) == pytest.approx(overall["value"], abs=1e-12)
    assert 0 < overall["value"] < 1


def test_images_without_scales_are_refused_with_the_way_out(known):
    networks, data = known
    with pytest.raises(
        UserError, match="scale_generalization needs a data set that knows the scale"
    ):
        scale_generalization.evaluate(
            networks, Images(data.images, data.labels), scale_generalization.Params()
        )


@pytest.mark.parametrize("name", ["accuracy", "scale_generalization"])
def test_literals_are_read_without_an_import(name):
    plugin = registry.load("evaluation", name)
    for constant in ("REVISION", "NEEDS", "SPLIT"):
        assert registry.literal("evaluation", name, constant) == getattr(plugin, constant)
