"""Batches that cannot be attacked: images, labels and numbers that do not fit each other."""

import pytest
import torch
from torch import nn

from isotrope.attacks import apgd, pgd, spsa, square

NETWORK = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
ATTACKS = (apgd, pgd, spsa, square)


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize(
    ("labels", "more", "said"),
    [
        ([0, 1, 2], {}, "got 2 images, 3 labels and 2 numbers"),
        ([0, 1], {"numbers": [7]}, "got 2 images, 2 labels and 1 numbers"),
        ([0.0, 1.0], {}, r"labels must be \(batch,\) of whole numbers, got \(2,\) torch\.float32"),
        ([[0], [1]], {}, r"labels must be \(batch,\) of whole numbers, got \(2, 1\) torch\.int64"),
        ([0, 1], {"draws": 0}, "draws must be at least 1, got 0"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_asked(attack, labels, more, said):
    images = torch.rand(2, 1, 2, 2)
    with pytest.raises(ValueError, match=said):
        attack(NETWORK, images, torch.tensor(labels), eps=0.1, **more)
