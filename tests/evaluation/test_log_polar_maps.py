"""Kernels in the plane of the image, and maps of what log-polar convolutions choose."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from isotrope.datasets.images import Images
from isotrope.errors import UserError
from isotrope.evaluation.log_polar_maps import Params, evaluate, in_the_image
from isotrope.layers.log_polar_convolution import LPConv
from isotrope.measuring.networks import Networks

CPU = torch.device("cpu")
GRID = {"ntau": 6, "num_angles": 8, "tau_min": 1.0, "tau_max": 6.0}


class Network(nn.Module):
    """Two log-polar convolutions, the second asked for what its ``forward`` is made of."""

    def __init__(self, **options):
        super().__init__()
        self.layer1 = LPConv(1, 3, 3, **GRID | options)
        self.layer2 = LPConv(3, 2, 2, **GRID)

    def forward(self, images):
        maps = self.layer1(images)
        return self.layer2.pooled(maps[:, :3]).amax(dim=(2, 3, 4, 5))


class Marked(nn.Module):
    """A log-polar convolution whose kernel has one weight: it answers with the pixel there."""

    def __init__(self, **options):
        super().__init__()
        self.layer = LPConv(1, 1, 1, **GRID | options)
        nn.init.ones_(self.layer.weight_v)
        nn.init.ones_(self.layer.weight_g)

    def forward(self, images):
        return self.layer(images).amax(dim=(-2, -1))


def images_of(*labels, side=21):
    generator = torch.Generator().manual_seed(1)
    shape = (len(labels), 1, side, side)
    drawn = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    return Images(drawn, torch.tensor(labels))


@pytest.mark.parametrize("kind", ["bilinear", "gaussian", "sith_v2"])
def test_a_kernel_in_the_image_gives_the_response_at_its_row_and_angle(kind):
    options = {**GRID, "num_angles": 12, "kind": kind, "tau_pooling": 1, "theta_pooling": 1}
    torch.manual_seed(0)
    layer = LPConv(2, 3, (2, 5), **options).double()
    images = torch.rand(1, 2, 41, 41, dtype=torch.float64)
    with torch.no_grad():
        responses = layer.pooled(images)[0, ..., 20, 20]
    weights = layer.weight.detach().numpy()
    for row, angle in ((0, 0), (4, 11), (2, 7)):
        kernels = in_the_image(layer, weights, row, angle)
        reach = kernels.shape[-1] // 2
        seen = images[0, :, 20 - reach : 21 + reach, 20 - reach : 21 + reach].numpy()
        expected = (kernels * seen).sum(axis=(1, 2, 3))
        np.testing.assert_allclose(responses[:, row, angle].numpy(), expected, atol=1e-12)


def test_a_kernel_lies_about_the_x_axis_to_the_right():
    layer = LPConv(1, 1, 3, **GRID)
    kernel = in_the_image(layer, np.ones((1, 1, 3, 3)), row=3)[0, 0]
    reach = kernel.shape[0] // 2
    across = np.arange(-reach, reach + 1)
    assert (kernel.sum(axis=0) * across).sum() > 0
    np.testing.assert_allclose(kernel, kernel[::-1], atol=1e-12)


@pytest.mark.parametrize(
    ("down", "across", "angle"), [(0, 5, 0), (-5, 0, 90), (0, -5, 180), (5, 0, 270)]
)
def test_the_winner_is_where_the_bright_pixel_is(down, across, angle):
    images = torch.zeros(1, 1, 21, 21, dtype=torch.uint8)
    images[0, 0, 10 + down, 10 + across] = 250
    data = Images(images, torch.zeros(1, dtype=torch.int64))
    _, arrays = evaluate(Networks({1: Marked(tau_max=5.0)}, CPU), data, Params())
    its = arrays[1]
    assert its["angle_layer1"][0, 10, 10] == angle
    assert its["radius_layer1"][0, 10, 10] == pytest.approx(5)
    assert its["strength_layer1"][0, 10, 10] == 255
    silent = its["strength_layer1"][0] == 0
    assert silent.any()
    assert np.isnan(its["radius_layer1"][0][silent]).all()
    assert np.isnan(its["angle_layer1"][0][silent]).all()


@pytest.mark.parametrize("topk", [None, 8])
def test_there_are_arrays_of_every_layer_and_the_first_image_of_each_class(topk):
    torch.manual_seed(0)
    data = images_of(2, 2, 0, 1, 0)
    networks = Networks({3: Network(topk=topk)}, CPU)
    rows, arrays = evaluate(networks, data, Params(images=2, kernels=2, channels=1))
    its = arrays[3]
    assert its["labels"].tolist() == [0, 1]
    np.testing.assert_array_equal(its["images"], data.images[[2, 3]].numpy())
    assert its["weights_layer1"].shape == (2, 1, 3, 3)
    assert its["weights_layer2"].shape == (2, 1, 2, 2)
    for layer in ("layer1", "layer2"):
        assert its[f"kernels_{layer}"].shape[:2] == (2, 1)
        for name in ("radius", "angle", "strength"):
            assert its[f"{name}_{layer}"].shape == (2, 21, 21)
        assert 1 <= np.nanmin(its[f"radius_{layer}"]) <= np.nanmax(its[f"radius_{layer}"]) <= 6
        assert 0 <= np.nanmin(its[f"angle_{layer}"]) <= np.nanmax(its[f"angle_{layer}"]) < 360
    assert [(row["layer"], row["metric"], row["n"]) for row in rows] == [
        ("layer1", "mean_radius", 2),
        ("layer2", "mean_radius", 2),
    ]
    weights = its["strength_layer1"].astype(float)
    expected = np.nansum(weights * its["radius_layer1"]) / weights.sum()
    assert rows[0]["value"] == pytest.approx(expected)
    assert "pooled" not in dict(networks)[3].layer1.__dict__, "the layers are as they were"


def test_layers_that_average_have_no_winners():
    rows, arrays = evaluate(Networks({1: Marked(pooling="avg")}, CPU), images_of(0, 1), Params())
    assert sorted(arrays[1]) == ["images", "kernels_layer1", "labels", "weights_layer1"]
    assert rows[0]["n"] == 0
    assert math.isnan(rows[0]["value"])


def test_networks_without_such_layers_and_rows_beyond_the_radii_are_refused():
    with pytest.raises(UserError, match="needs networks with layers of the kind LPConv"):
        evaluate(Networks({1: nn.Conv2d(1, 2, 3)}, CPU), images_of(0), Params())
    with pytest.raises(UserError, match=r"kernels of layer1 begin at rows 0 to 3; set its row"):
        evaluate(Networks({1: Network()}, CPU), images_of(0), Params(row=4))
    masks = Images(images_of(0).images, torch.zeros(1, 21, 21, dtype=torch.int64))
    with pytest.raises(UserError, match="labels of these data are masks"):
        evaluate(Networks({1: Network()}, CPU), masks, Params())
