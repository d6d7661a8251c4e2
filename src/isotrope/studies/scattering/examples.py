"""Which images the scattering study shows: some of each class, as they are tested."""

import numpy as np

from isotrope.datasets.stream import Split
from isotrope.errors import UserError
from isotrope.files.arrays import Array

CLASSES, EACH = 11, 4  # of a data set, and images of a class, at most


def examples(data: Split) -> dict[str, Array]:
    """The first images of each class.

    Args:
        data: the last split of the data set.

    Returns:
        ``images`` (classes, images, height, width, 3), uint8, or without the last axis where they
        are grey; of a class with fewer images the rest is 0. ``labels`` (classes,). Nothing of
        data sets whose labels are masks.

    Raises:
        UserError: if there is no image.
    """
    if len(data) == 0:
        raise UserError("there is no image to show")
    if data.labels is None or data.labels.ndim > 1:
        return {}
    labels = data.labels.numpy()
    classes = np.unique(labels)[:CLASSES]
    found = [
        [data[int(i) : int(i) + 1].images[0].numpy() for i in np.flatnonzero(labels == one)[:EACH]]
        for one in classes
    ]
    channels, height, width = found[0][0].shape
    images = np.zeros((len(classes), EACH, height, width, channels), dtype=np.uint8)
    for row, its in zip(images, found, strict=True):
        row[: len(its)] = np.moveaxis(np.stack(its), 1, -1)
    return {"images": images[..., 0] if channels == 1 else images, "labels": classes}
