"""A few images of data sets, for the figure that shows what the networks see.

They lie beside the tables of a group, so that the figure needs neither torch nor the data.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from isotrope import registry
from isotrope.datasets.images import Images
from isotrope.datasets.loading import load_split
from isotrope.datasets.manifest import read_manifest
from isotrope.errors import UserError
from isotrope.files.arrays import Array, write_arrays
from isotrope.settings import build_only

SIZES = 7  # at most, from the smallest to the largest
OBJECTS = 2  # of different classes, at most


def write_examples(manifests: Sequence[Path], path: Path) -> Path:
    """Write images of built data sets into one npz file.

    For each data set, named ``<data set>/<task>``, there are ``images`` (sizes, objects, height,
    width), with a last axis of 3 for colours, uint8; ``scales`` (sizes,), ``positions`` (sizes,
    objects, 2) and ``labels`` (objects,). Data sets that do not know the size and place of their
    objects are passed over; of two with one name, the first counts.

    Args:
        manifests: those of the data sets.
        path: the npz file.

    Raises:
        UserError: if a data set is not built, or a file of it is absent or altered.
    """
    arrays: dict[str, Array] = {}
    for manifest in manifests:
        for name, array in _examples_of(manifest):
            arrays.setdefault(name, array)
    write_arrays(path, sorted(arrays.items()))
    return path


def _examples_of(path: Path) -> Iterator[tuple[str, Array]]:
    """The arrays of one data set with their names."""
    manifest = read_manifest(path)
    plugin = registry.load("data", manifest.dataset)
    params = build_only(plugin.Params).model_validate(manifest.settings)
    data = load_split(manifest.dataset, params, plugin.SPLITS[-1], path.parent)
    if not {"scale", "position"} <= data.latents.keys():
        return
    place = "/".join([manifest.dataset, *filter(None, [manifest.settings.get("task")])])
    for name, array in _chosen(data).items():
        yield f"{place}/{name}", array


def _chosen(data: Images) -> dict[str, Array]:
    """Some objects at some sizes; the first image of each class and size.

    Raises:
        UserError: if there is no image.
    """
    scales, labels = data.latents["scale"].numpy(), data.labels.numpy()
    if len(scales) == 0:
        raise UserError("there is no image to show")
    sizes, classes = np.unique(scales), np.unique(labels)
    wanted = np.linspace(sizes[0], sizes[-1], min(SIZES, len(sizes)))
    sizes = sizes[[int(np.abs(sizes - size).argmin()) for size in wanted]]
    classes = classes[[len(classes) * i // OBJECTS for i in range(min(OBJECTS, len(classes)))]]
    places = np.array(
        [
            [int(np.flatnonzero((scales == size) & (labels == one))[0]) for one in classes]
            for size in sizes
        ]
    )
    images = np.moveaxis(data.images.numpy()[places], 2, -1)
    return {
        "images": images[..., 0] if images.shape[-1] == 1 else images,
        "scales": sizes,
        "positions": data.latents["position"].numpy()[places],
        "labels": classes,
    }
