"""Predictions and loss of networks whose answers are known."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from isotrope.datasets.images import Images
from isotrope.evaluation import accuracy
from isotrope.evaluation.predictions import Params, evaluate
from isotrope.measuring.networks import Networks

CPU = torch.device("cpu")


class Brightness(nn.Module):
    """Says the class that the first pixel names, with logits of 0 and ``height``."""

    def __init__(self, height):
        super().__init__()
        self.height = height

    def forward(self, images):
        named = (images[:, 0, 0, 0] * 255).round().long()
        return self.height * nn.functional.one_hot(named, 300).float()


@pytest.fixture
def images():
    """The class that five images show first, and the right one."""
    shown, right = torch.tensor([0, 3, 255, 7, 1]), torch.tensor([0, 3, 255, 290, 2])
    pixels = shown.to(torch.uint8)[:, None, None, None].expand(5, 1, 2, 2).contiguous()
    return Images(pixels, right, {})


def test_every_image_has_its_prediction_in_the_order_of_the_split(images):
    networks = Networks({4: Brightness(1.0), 9: Brightness(-1.0)}, CPU)
    _, arrays = evaluate(networks, images, Params())

    assert list(arrays) == [4, 9]
    assert sorted(arrays[4]) == ["labels", "predictions"]
    assert arrays[4]["predictions"].tolist() == [0, 3, 255, 7, 1]
    assert arrays[9]["predictions"].tolist() == [1, 0, 0, 0, 0], "the first of equal logits"
    for its in arrays.values():
        assert its["labels"].tolist() == [0, 3, 255, 290, 2]
        assert its["labels"].dtype == its["predictions"].dtype == np.uint16
    for row in accuracy.evaluate(networks, images, accuracy.Params()):
        its = arrays[row["seed"]]
        assert (its["predictions"] == its["labels"]).mean() == row["value"]


def test_the_loss_is_the_mean_cross_entropy_in_nats(images):
    heights = {1: 0.0, 2: 2.0, 3: 1000.0}
    rows, _ = evaluate(
        Networks({seed: Brightness(height) for seed, height in heights.items()}, CPU),
        images,
        Params(),
    )

    found = {row["seed"]: row["value"] for row in rows}
    expected = {
        seed: math.log(math.exp(height - 1000) + 299 * math.exp(-1000)) + 1000 - height * 3 / 5
        if height == 1000
        else math.log(math.exp(height) + 299) - height * 3 / 5
        for seed, height in heights.items()
    }
    assert found == pytest.approx(expected, rel=1e-12)
    assert {(row["metric"], row["n"]) for row in rows} == {("loss", 5)}


@pytest.mark.parametrize("batch", [2, 100])
def test_logits_are_kept_where_they_are_asked_for(images, batch, monkeypatch):
    monkeypatch.setattr("isotrope.devices.evaluation_batch", lambda device: batch)
    _, arrays = evaluate(Networks({1: Brightness(0.5)}, CPU), images, Params(logits=True))

    logits = arrays[1]["logits"]
    assert (logits.shape, logits.dtype) == ((5, 300), np.float32)
    assert (logits.argmax(axis=1) == arrays[1]["predictions"]).all()
    assert logits.sum() == 2.5
