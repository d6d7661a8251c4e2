"""Made-up images, a data set that needs no files: bright squares at 36 places, with noise.

Copied as a plug-in into the project that `gpu_project` makes.
"""

import torch
from pydantic import Field

from isotrope.datasets.images import Images
from isotrope.settings import Settings

REVISION = 1
SPLITS = ("train", "valid", "test")
CLASSES, SIDE = 36, 64
CELL = 10  # pixels between two places, six in a row


class Params(Settings):
    """How many images there are."""

    count: int = Field(96, gt=0, description="images of each split")


def image_shape(params):
    """Channels, height and width of an image."""
    del params
    return 1, SIDE, SIDE


def classes(params):
    """How many classes there are."""
    del params
    return CLASSES


def image_counts(params):
    """Images of each split."""
    return dict.fromkeys(SPLITS, params.count)


def local_files(params):
    """Nothing of the user's."""
    del params
    return []


def build(params, folder, key):
    """No files: images are drawn when they are loaded."""
    del params, folder, key
    return []


def load(params, folder, key, split):
    """The images of a split, the same each time."""
    del folder, key
    generator = torch.Generator().manual_seed(SPLITS.index(split))
    shape = (params.count, *image_shape(params))
    images = torch.randint(0, 90, shape, dtype=torch.uint8, generator=generator)
    labels = torch.arange(params.count) % CLASSES
    for image, label in zip(images, labels.tolist(), strict=True):
        top, left = CELL * (label // 6), CELL * (label % 6)
        image[0, top : top + CELL, left : left + CELL] += 120
    return Images(images, labels)
