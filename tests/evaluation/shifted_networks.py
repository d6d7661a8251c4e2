"""Networks whose answers to shifted images are known, for the tests of evaluations under shifts."""

import torch
from torch import nn

CPU = torch.device("cpu")
SIDE = 12


class Seen(list):
    """Images that a network was shown; a copy of the network adds to them, too."""

    def __deepcopy__(self, memo):
        return self


class Corner(nn.Module):
    """Class 1 where the pixel in the first row and column is bright, else class 0."""

    def __init__(self):
        super().__init__()
        self.seen = Seen()

    def forward(self, images):
        self.seen.append(images)
        bright = images[:, 0, 0, 0]
        return torch.stack((0.5 - bright, bright - 0.5), dim=1)


class Mean(nn.Module):
    """Whether an image is brighter than a third; what is rolled has the same mean."""

    def forward(self, images):
        mean = images.mean(dim=(1, 2, 3))
        return torch.stack((1 / 3 - mean, mean - 1 / 3), dim=1)


class Constant(nn.Module):
    """Always the same class."""

    def forward(self, images):
        return torch.tensor([0.0, 1.0, 0.5], dtype=images.dtype).expand(len(images), 3)


class InOrder(nn.Module):
    """Tells a sum from itself: exact it is larger by a little, in float32 the order decides."""

    def forward(self, images):
        in_order = sum(images.flatten(1).unbind(dim=1))
        exact = images.double().sum(dim=(1, 2, 3)) + 1e-9
        return torch.stack((in_order, exact.to(images.dtype)), dim=1)


def dots(places, side=SIDE):
    """Black images with a white pixel each, uint8; rows and columns of the pixels."""
    images = torch.zeros(len(places), 1, side, side, dtype=torch.uint8)
    for image, (row, column) in zip(images, places, strict=True):
        image[0, row, column] = 255
    return images


def noise(count, side=SIDE):
    """Images of random grey values."""
    generator = torch.Generator().manual_seed(5)
    return torch.randint(0, 256, (count, 1, side, side), generator=generator, dtype=torch.uint8)


def values(rows, metric, *keys, **settings):
    """The values of a metric by some columns, in rows that have these and no others."""
    fixed = {"seed", "dtype", "metric", "value", "n", *settings}
    return {
        tuple(row[key] for key in keys): row["value"]
        for row in rows
        if row["metric"] == metric
        and set(row) - fixed == set(keys)
        and all(row[key] == value for key, value in settings.items())
    }


def value(rows, metric, **settings):
    """The one value of a metric that has these settings and no others."""
    (found,) = values(rows, metric, **settings).values()
    return found
