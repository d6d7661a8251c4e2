"""Blobs at many sizes, and networks whose equivariance errors on them are known."""

import numpy as np
import torch
from torch import nn

from isotrope.datasets.images import Images
from isotrope.measuring.networks import Networks

CPU = torch.device("cpu")
SCALES = (64, 49, 48, 33, 32, 17)


class Cropped(nn.Module):
    """A pointwise network whose maps lack a margin, as those of valid convolutions do."""

    def __init__(self, stage1: int, stage2: int, change=nn.Identity()) -> None:  # noqa: B008
        super().__init__()
        self.change = change
        self.first, self.second = nn.ZeroPad2d(-stage1), nn.ZeroPad2d(-stage2)
        self.stage1, self.stage2 = nn.ReLU(), nn.ReLU()

    def forward(self, images):
        first = self.stage1(self.first(self.change(images)))
        return self.stage2(self.second(first)).amax(dim=(-2, -1))


class Square(nn.Module):
    def forward(self, images):
        return images.square()


def blob(scale, position, centre=(0.45, 0.6), width=0.16):
    """A Gaussian of ``width`` times the scale in its box, brightest at ``centre`` of the box."""
    x, y = (
        (np.arange(64) + 0.5 - edge) / scale - middle
        for edge, middle in zip(position, centre, strict=True)
    )
    values = np.exp(-(y[:, None] ** 2 + x**2) / (2 * width**2))
    return torch.from_numpy(np.round(255 * values).astype(np.uint8))


def blobs(objects=6, scales=SCALES):
    """The same blobs at all scales, at places of their own; class k is the k-th object."""
    random = np.random.default_rng(0)
    images, labels, sizes, places = [], [], [], []
    for scale in sorted(scales):
        for one in range(objects):
            place = random.integers(0, 64 - scale + 1, 2)
            images.append(blob(scale, place, centre=(0.35 + 0.05 * one, 0.6)))
            labels.append(one)
            sizes.append(scale)
            places.append(place)
    return Images(
        torch.stack(images)[:, None],
        torch.tensor(labels),
        {"scale": torch.tensor(sizes), "position": torch.tensor(np.array(places))},
    )


def networks(*given, first=1):
    return Networks(dict(enumerate(given, first)), CPU)


def table(rows):
    """The rows as ``{(form, metric, stage, a, b): (value, n)}``."""
    return {
        (row["form"], row["metric"], row["stage"], row["scale_from"], row["scale_to"]): (
            row["value"],
            row["n"],
        )
        for row in rows
    }
