"""Settings with which a network cannot be built, told with what they would have to be."""

import pytest
import torch

from isotrope import build_model
from isotrope.models._shift_settings import Following

DEEP = {"ntau": 8, "num_angles": 8, "channels": [2, 2], "widths": [2], "kernel_sizes": [3, 3]}


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("deep_lp", {**DEEP, "layers": [{}]}, "layers tells of 1 layers, and there are 2"),
        ("deep_lp", {**DEEP, "widths": []}, "2 channels, 2 kernel_sizes and 0 widths"),
        ("deep_lp", {**DEEP, "kernel_sizes": [3]}, "2 channels, 1 kernel_sizes and 1 widths"),
    ],
)
def test_lists_of_layers_are_as_long_as_there_are_layers(name, params, said):
    with pytest.raises(ValueError, match=said):
        build_model(name, (1, 12, 12), 3, **params)


def test_a_shortcut_without_a_selection_says_what_it_lacks():
    with pytest.raises(ValueError, match="follows the selection of its block, and was given none"):
        Following(None).down(torch.zeros(1, 2, 4, 4))
