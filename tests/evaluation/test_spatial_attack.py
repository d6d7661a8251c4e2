"""The worst pose, on networks of which it is known."""

import pytest
import torch
from ending_evaluations import Kept
from planted_networks import Chance, Hidden, Plain, images_of
from torch import nn

from isotrope.datasets.images import Images
from isotrope.evaluation import spatial_attack
from isotrope.measuring.networks import Networks

CPU = torch.device("cpu")


class Middle(nn.Module):
    """Class 1 where the middle of the image is bright, as seen without rotation."""

    def forward(self, images):
        bright = images[:, 0, 3:5, 3:5].mean(dim=(1, 2))
        return torch.stack((0.5 - bright, bright - 0.5), dim=1)


def bars(count=6):
    """Bright squares in the middle: class 1 in every rotation, but not where they are shifted."""
    images = torch.zeros(count, 1, 8, 8, dtype=torch.uint8)
    images[..., 2:6, 2:6] = 255
    return Images(images, torch.ones(count, dtype=torch.int64))


def measured(network, data, **settings):
    networks = Networks({1: network}, CPU)
    return spatial_attack.evaluate(networks, data, spatial_attack.Params(**settings))


def value(rows, metric, **settings):
    (found,) = (
        row["value"]
        for row in rows
        if row["metric"] == metric
        and ("queries" in row) == ("queries" in settings)
        and all(row[key] == its for key, its in settings.items())
    )
    return found


GRID = {"angles": [0.0, 45.0, 90.0], "scales": [1.0], "shifts": [0.0], "refine": 0}


def test_a_square_is_known_in_every_rotation_but_not_where_it_is_shifted():
    rows = measured(Middle(), bars(), **GRID)
    assert value(rows, "robust_accuracy", pose="worst") == 1
    assert value(rows, "queries_mean", pose="worst") == 3
    rows = measured(Middle(), bars(), **GRID | {"shifts": [0.0, 1.0, 3.0]})
    assert value(rows, "robust_accuracy", pose="upright") == 1
    assert value(rows, "robust_accuracy", pose="worst") == 0
    assert value(rows, "success", pose="worst") == 1
    assert value(rows, "shift", pose="worst") == 3
    rows = measured(Middle(), bars(), **GRID | {"scales": [1.0, 0.25]})
    assert value(rows, "success", pose="worst") == 1
    assert value(rows, "scale", pose="worst") == pytest.approx(4)


def test_the_pose_of_an_image_is_its_own():
    data = bars(5)
    data.images[:3, :, 2:6, 2:6] = 0
    data.images[:3, :, 3:5, 3:5] = 255  # so small that a shift by a pixel moves half of it away
    rows = measured(Middle(), data, **GRID | {"shifts": [0.0, 1.25, 3.0]})
    assert value(rows, "success", pose="worst") == 1
    assert value(rows, "shift", pose="worst") == 1.25


def test_a_random_search_with_refinement_finds_what_the_grid_finds():
    settings = {"angles": [-30.0, 30.0], "scales": [0.9, 1.1], "shifts": [-4.0, 4.0]}
    data = images_of(Plain(), 30)
    rows = measured(Plain(), data, search="random", samples=30, refine=10, **settings)
    assert value(rows, "incorrect", pose="upright") == 5
    assert value(rows, "robust_accuracy", pose="upright") == 25 / 30
    left = value(rows, "robust_accuracy", pose="worst")
    assert left < 0.2
    assert value(rows, "success", pose="worst") == pytest.approx(1 - left * 30 / 25)
    few = measured(Plain(), data, search="random", samples=2, refine=0, **settings)
    assert value(few, "robust_accuracy", pose="worst") > left
    assert value(rows, "success", pose="worst", queries=40) == value(rows, "success", pose="worst")


@pytest.mark.parametrize("network", [Plain(), Chance(), Hidden()])
def test_an_ended_search_goes_on_to_the_same_rows(network):
    data = images_of(Plain(), 20)
    settings = {**GRID, "batch": 8, "draws": 2}
    whole = measured(network, data, **settings)
    networks, position = Networks({1: network}, CPU), Kept(2)
    networks._position_of = lambda seed: position
    params = spatial_attack.Params(**settings)
    with pytest.raises(SystemExit):
        spatial_attack.evaluate(networks, data, params)
    assert repr(spatial_attack.evaluate(networks, data, params)) == repr(whole)
    if not isinstance(network, Hidden):  # its draws are not those of an image
        assert repr(measured(network, data, **settings | {"batch": 20})) == repr(whole)
