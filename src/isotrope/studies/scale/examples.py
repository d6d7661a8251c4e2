"""Which images of a data set the scale study shows: objects of two classes at several sizes."""

import numpy as np

from isotrope.datasets.images import Images
from isotrope.datasets.stream import Split
from isotrope.errors import UserError
from isotrope.files.arrays import Array

SIZES = 7  # at most, from the smallest to the largest
OBJECTS = 2  # of different classes, at most


def examples(data: Split) -> dict[str, Array]:
    """Some objects at some sizes; the first image of each class and size.

    Args:
        data: the last split of the data set.

    Returns:
        ``images`` (sizes, objects, height, width), with a last axis of 3 for colours, uint8;
        ``scales`` (sizes,), ``positions`` (sizes, objects, 2) and ``labels`` (objects,). Nothing of
        data sets that do not know the size and place of their objects.

    Raises:
        UserError: if there is no image.
    """
    if not isinstance(data, Images) or not {"scale", "position"} <= data.latents.keys():
        return {}
    scales, labels = data.latents["scale"].numpy(), data.labels.numpy()
    if len(scales) == 0:
        raise UserError("there is no image to show")
    sizes, classes = np.unique(scales), np.unique(labels)
    wanted = np.linspace(sizes[0], sizes[-1], min(SIZES, len(sizes)))
    sizes = sizes[[int(np.abs(sizes - size).argmin()) for size in wanted]]
    classes = classes[[len(classes) * i // OBJECTS for i in range(min(OBJECTS, len(classes)))]]
    chosen = np.array(
        [
            [int(np.flatnonzero((scales == size) & (labels == label))[0]) for label in classes]
            for size in sizes
        ]
    )
    images = np.moveaxis(data.images.numpy()[chosen], 2, -1)
    return {
        "images": images[..., 0] if images.shape[-1] == 1 else images,
        "scales": sizes,
        "positions": data.latents["position"].numpy()[chosen],
        "labels": classes,
    }
