"""Networks that tell which side of an image is bright, and images for them."""

import torch
from torch import nn

from isotrope.datasets.images import Images
from isotrope.measuring.networks import Networks


class Sides(nn.Module):
    """Two classes: how bright the left half is, and how bright the right, weighted and biased."""

    def __init__(self, left=1.0, right=1.0, bias=0.0):
        super().__init__()
        self.weights = nn.Parameter(torch.tensor([left, right]))
        self.bias = nn.Parameter(torch.tensor([bias, 0.0]))

    def forward(self, images):
        half = images.shape[-1] // 2
        left, right = (one.mean(dim=(1, 2, 3)) for one in images.split(half, dim=-1))
        return torch.stack((left, right), dim=-1) * self.weights + self.bias


def pictures(sides):
    """Images whose left and right halves are so bright; the brighter side is the class."""
    images = torch.zeros(len(sides), 1, 4, 4, dtype=torch.uint8)
    for image, (left, right) in zip(images, sides, strict=True):
        image[..., :2], image[..., 2:] = left, right
    return Images(images, torch.tensor([int(right > left) for left, right in sides]))


def values(rows, **settings):
    return {
        row["metric"]: row["value"]
        for row in rows
        if all(row[key] == wanted for key, wanted in settings.items())
    }


def networks(*made, seen=None):
    found = Networks(dict(enumerate(made, 1)), torch.device("cpu"), alike=True)
    return _Knowing(found, seen)


class _Knowing:
    """Networks of which it is known what they were trained on."""

    def __init__(self, networks, seen):
        self._networks, self._seen = networks, seen

    def subsets(self):
        return self._seen

    def __getattr__(self, name):
        return getattr(self._networks, name)

    def __len__(self):
        return len(self._networks)
