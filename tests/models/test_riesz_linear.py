"""The linear classifier of Riesz features: its size, and what it answers to larger images."""

import pytest
import torch
from skimage import data, transform

from isotrope import build_model


def test_it_has_two_weights_a_feature_and_those_of_a_linear_layer():
    for channels, classes, settings, paths in (
        (1, 10, {}, 85),
        (3, 10, {}, 85),
        (3, 4, {"depth": 2, "directions": 6}, 1 + 6 + 36),
    ):
        network = build_model("riesz_linear", (channels, 12, 9), classes, **settings)
        features = channels * paths
        assert network.features(torch.rand(2, channels, 12, 9)).shape == (2, features)
        count = sum(weight.numel() for weight in network.parameters())
        assert count == 2 * features + (features + 1) * classes
    assert sum(w.numel() for w in build_model("riesz_linear", (1, 28, 28), 10).parameters()) == 1030


@torch.no_grad()
def test_its_features_of_a_photograph_hardly_change_with_its_size():
    photograph = data.camera()[100:356, 120:376] / 255
    features = build_model("riesz_linear", (1, 64, 64), 10).features
    found = []
    for side in (64, 96, 128, 256):
        resized = transform.resize(photograph, (side, side), anti_aliasing=True)
        found.append(features(torch.from_numpy(resized)[None, None]))
    other = features(torch.from_numpy(data.brick()[:256, :256] / 255)[None, None])

    apart = (other - found[-1]).norm()
    for one in found[:-1]:
        assert (one - found[-1]).norm() < 0.15 * apart


def test_images_of_one_pixel_have_no_direction():
    with pytest.raises(ValueError, match="1 x 7 pixels are too small for a direction"):
        build_model("riesz_linear", (3, 1, 7), 10)
