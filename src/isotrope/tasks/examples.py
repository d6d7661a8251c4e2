"""A few images of data sets, for figures that show what the networks see.

They lie beside the tables of a group, so that a figure needs neither torch nor the data. Which
images they are says ``examples(data)`` in ``studies/<study>/examples.py``; without it they are the
first of some classes, or the first of all where labels are masks.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from isotrope import registry
from isotrope.datasets.loading import load_split
from isotrope.datasets.manifest import read_manifest
from isotrope.datasets.stream import Split
from isotrope.files import checksums
from isotrope.files.arrays import Array, write_arrays
from isotrope.results.cells import Cells, cells_of
from isotrope.settings import build_only

MODULE = "examples"  # studies/<study>/examples.py
SHOWN = 8  # images, at most, where the study does not say which

Choose = Callable[[Split], dict[str, Array]]


def write_examples(study: str, manifests: Sequence[Path], path: Path) -> Path:
    """Write images of built data sets into one npz file.

    For each data set there are the arrays that the study chooses, under its name in panels:
    ``<data set>/<array>``. Of two data sets with one name, the first counts.

    Args:
        study: whose examples they are.
        manifests: those of the data sets.
        path: the npz file.

    Raises:
        UserError: if a data set is not built, or a file of it is absent or altered.
    """
    kind, cells = f"studies/{study}", cells_of(study)
    chosen: Choose = first_images
    if MODULE in registry.names(kind):
        chosen = registry.load(kind, MODULE).examples
    arrays: dict[str, Array] = {}
    for manifest in manifests:
        for name, array in _examples_of(manifest, cells, chosen).items():
            arrays.setdefault(name, array)
    with checksums.renewed(path):
        write_arrays(path, sorted(arrays.items()))
    return path


def _examples_of(path: Path, cells: Cells, choose: Choose) -> dict[str, Array]:
    """The arrays of one data set with their names."""
    manifest = read_manifest(path)
    plugin = registry.load("data", manifest.dataset)
    params = build_only(plugin.Params).model_validate(manifest.settings)
    data = load_split(manifest.dataset, params, plugin.SPLITS[-1], path.parent).whole()
    place = cells.place_of(manifest.dataset, manifest.settings)
    return {f"{place}/{name}": array for name, array in choose(data).items()}


def first_images(data: Split) -> dict[str, Array]:
    """The first image of each class, as far as so many are shown; with masks, the first of all.

    Returns:
        ``images`` (objects, height, width), with a last axis of 3 for colours, uint8, and
        ``labels``, a class or a mask for each; nothing of images of several sizes.
    """
    chosen = np.arange(min(SHOWN, len(data)))
    if data.kind == "classification" and data.labels is not None:
        chosen = np.sort(np.unique(data.labels.numpy(), return_index=True)[1][:SHOWN])
    shown = [data[int(index) : int(index) + 1] for index in chosen]
    if len({image.images.shape for image in shown}) != 1:
        return {}
    images = np.moveaxis(np.concatenate([image.images.numpy() for image in shown]), 1, -1)
    labels = np.concatenate([image.labels.numpy() for image in shown])
    return {"images": images[..., 0] if images.shape[-1] == 1 else images, "labels": labels}
