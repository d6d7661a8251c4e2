"""STIR: emoji, digits, traffic signs and aerial photos, each at all sizes from 17 to 64 pixels.

Source: Altstidl, Nguyen, Schwinn, Köferl, Mutschler, Eskofier and Zanca, "Just a Matter of Scale?
Reevaluating Scale Equivariance in Convolutional Neural Networks", IJCNN 2023,
https://arxiv.org/abs/2211.10288; archives at https://zenodo.org/record/6578038.

Sources, in every result row:

* ``embedded``: the emoji, drawn here with the published classes, sizes and places
  (``_stir_emoji.py``).
* ``download``: the published archive, fetched from Zenodo and checked against
  ``workflow/sources/stir.yaml``, which ``isotrope pin stir`` fills in.
* ``local``: the published archive, which lies at ``$ISOTROPE_DATA/stir/<task>.npz``.
* ``generated``: made here from raw material under ``$ISOTROPE_DATA`` by the rules of the published
  generators: mnist from ``mnist/`` (same digits and places; one pixel in a million differs, see
  ``_stir_mnist.py``), trafficsign from ``mtsd/`` and aerial from ``dota/`` (same things, but other
  places: the published ones were drawn without a seed, see ``_stir_photos.py``).

Scenarios name the sizes seen in training (and validation); the test has the others, 32 of 48:
``small2large`` trains on 17-32, ``mid2rest`` on 33-48, ``large2small`` on 49-64 pixels;
``all2all`` trains and tests on all. The splits show different objects, but for the emoji: there
they show the same 36 icons at places drawn anew, and meet where there are few places. At 64 pixels
all splits hold the same images; in all, 57 of 1,728 validation images and 67 test images are
training images too. So it is in the published data.
"""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator

from isotrope import paths
from isotrope.data import _stir_aerial, _stir_mnist, _stir_trafficsign
from isotrope.data._stir_archive import LARGEST, SCALES, write, write_sources
from isotrope.data._stir_emoji import check_positions, draw_archive
from isotrope.data._stir_reader import STIRDataset
from isotrope.datasets import sources
from isotrope.datasets.images import Images
from isotrope.datasets.local_data import local_file
from isotrope.errors import UserError
from isotrope.settings import Settings, load_time

REVISION = 1
SPLITS = ("train", "valid", "test", "all_scales")
ORDER = "fixed"  # as published
PACKAGES = ("fontawesomefree", "scipy")
PREVIEW = ("scale", "pixels", "scale")  # rows, their unit, and the side of an object's box


class Task(NamedTuple):
    """The counts that the archive of a task must have."""

    classes: int
    instances: int  # per class, scale and split
    channels: int


TASKS = {
    "emoji": Task(36, 1, 1),
    "mnist": Task(10, 50, 1),
    "trafficsign": Task(16, 25, 3),
    "aerial": Task(9, 25, 3),
}
RAW = {"mnist": _stir_mnist, "trafficsign": _stir_trafficsign, "aerial": _stir_aerial}
CREDITS = {
    "emoji": "Font Awesome Free 5.15, Fonticons, Inc., CC BY 4.0; resized and moved",
    "mnist": "Made from MNIST, Y. LeCun and C. Cortes, CC BY-SA 3.0",
    "trafficsign": "Mapillary Traffic Sign Dataset, CC BY-NC-SA 4.0",
    "aerial": "DOTA, from Google Earth, for academic use; as STIR's CC BY-NC-SA 4.0",
}
ALL = range(17, 65)  # pixels
TRAINED = {
    "small2large": range(17, 33),
    "mid2rest": range(33, 49),
    "large2small": range(49, 65),
    "all2all": ALL,
}


class Params(Settings):
    """Which STIR task, where it comes from, and which sizes are trained on."""

    task: Literal["emoji", "mnist", "trafficsign", "aerial"] = Field(
        description="36 emoji, 10 digits, 16 traffic signs or 9 kinds of things in aerial photos"
    )
    source: Literal["embedded", "local", "download", "generated"] = Field(
        "embedded",
        validate_default=True,
        description="embedded: drawn from installed icons (emoji only); download: the published "
        "archive, from Zenodo; local: the same, $ISOTROPE_DATA/stir/<task>.npz; generated: made "
        "from $ISOTROPE_DATA/mnist, mtsd or dota (not emoji)",
    )
    scenario: Literal["small2large", "mid2rest", "large2small", "all2all"] = load_time(
        description="sizes trained on: 17-32, 33-48, 49-64 or all 17-64 pixels"
    )

    @field_validator("source")
    @classmethod
    def _only_emoji_are_embedded(cls, source: str, info: ValidationInfo) -> str:
        task = info.data.get("task")
        if source == "embedded" and task in RAW:
            raise ValueError(
                f"task {task} is not embedded; write `source: download`, or `source: generated`, "
                f"or `source: local` and put {task}.npz into $ISOTROPE_DATA/stir"
            )
        if source == "generated" and task == "emoji":
            raise ValueError("the emoji need nothing of yours; write `source: embedded`")
        return source


def image_shape(params: Params) -> tuple[int, int, int]:
    """Channels, height and width of an image."""
    return TASKS[params.task].channels, LARGEST, LARGEST


def classes(params: Params) -> int:
    """How many classes there are."""
    return TASKS[params.task].classes


def credit(params: Params) -> str:
    """Whose images these are, and under which licence."""
    return CREDITS[params.task]


def image_counts(params: Params) -> dict[str, int]:
    """How many images each published split has, all sizes together."""
    task = TASKS[params.task]
    return dict.fromkeys(("train", "valid", "test"), len(SCALES) * task.classes * task.instances)


def local_files(params: Params) -> list[str]:
    """What must lie under ``$ISOTROPE_DATA``: the archive, or the raw material, or nothing."""
    if params.source == "generated":
        raw: list[str] = RAW[params.task].local_files()
        return raw
    return [f"stir/{params.task}.npz"] if params.source == "local" else []


def downloads(params: Params) -> list[str]:
    """The file that must be downloaded first, by its name in ``workflow/sources/stir.yaml``."""
    return [f"{params.task}.npz"] if params.source == "download" else []


def _file(params: Params, folder: Path, key: str) -> Path:
    """The npz file of these settings."""
    if params.source == "local":
        return local_file(f"stir/{params.task}.npz")
    if params.source == "download":
        return paths.download("stir", f"{params.task}.npz")
    return folder / f"{key}.npz"


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Make ``<folder>/<key>.npz``, or check the archive that is there and name it.

    Beside an archive made from the user's files, ``<key>.sources.csv`` lists these.

    Raises:
        UserError: if a file is absent, damaged, or not the one of this task.
    """
    path = _file(params, folder, key)
    if params.source == "embedded":
        return [write(draw_archive(), path)]
    if params.source == "generated":
        made, rows = RAW[params.task].make_archive(TASKS[params.task].instances)
        _compare(made.imgs, params, "what is under $ISOTROPE_DATA")
        listed = write_sources(rows, folder / f"{key}{paths.SOURCES_OF}")
        return [write(made, path), listed]
    if params.source == "download":
        sources.check("stir", path.name)
    archive = STIRDataset(path)
    _compare(archive.images, params, str(path))
    if params.task == "emoji" and not check_positions(archive.positions):
        raise UserError(
            f"{path}: the emoji lie at other places than those of the published archive; "
            "get the file again, or write `source: embedded`"
        )
    return [path]


def _compare(images: NDArray[np.uint8], params: Params, where: str) -> None:
    """Compare the images of an archive with the published counts of its task.

    Raises:
        UserError: if they are of another task, or made from parts of the raw material.
    """
    expected = TASKS[params.task]
    classes, instances = images.shape[2:4]
    found = Task(classes, instances, images.shape[6] if images.ndim == 7 else 1)
    if found != expected:
        raise UserError(
            f"{where}: task {params.task} has {expected.classes} classes, {expected.instances} "
            f"instances and {expected.channels} channels; this archive has {found.classes}, "
            f"{found.instances} and {found.channels}; put the archive of this task, or all of its "
            "raw material, there"
        )


def load(params: Params, folder: Path, key: str, split: str) -> Images:
    """The images of a split in the scenario.

    ``train``, ``valid`` and ``test`` have the scenario's sizes, ascending and then shuffled as
    published; ``all_scales`` is the test split at 17, 18, ... 64 pixels, not shuffled, whatever the
    scenario. Latents: ``scale`` ``(n,)`` and ``position`` ``(n, 2)``, left and top edge of the
    object's box, int64 pixels.

    Raises:
        ValueError: if the split is unknown.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got '{split}'")
    scales = list(ALL) if split == "all_scales" else list(TRAINED[params.scenario])
    if split == "test" and len(scales) < len(ALL):
        scales = [scale for scale in ALL if scale not in scales]
    archive = STIRDataset(_file(params, folder, key))
    stored, shuffle = ("test", False) if split == "all_scales" else (split, True)
    images, labels = archive.to_uint8(stored, scales, shuffle)
    sizes, positions = archive.get_latents(stored, scales, shuffle)
    return Images(
        images=torch.from_numpy(images),
        labels=torch.from_numpy(labels.astype(np.int64)),
        latents={
            "scale": torch.from_numpy(sizes.astype(np.int64)),
            "position": torch.from_numpy(positions.astype(np.int64)),
        },
    )
