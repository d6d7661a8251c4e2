"""STIR: emoji, digits, traffic signs and aerial photos, each at all sizes from 17 to 64 pixels.

Source: Altstidl, Nguyen, Schwinn, Köferl, Mutschler, Eskofier and Zanca, "Just a Matter of Scale?
Reevaluating Scale Equivariance in Convolutional Neural Networks", IJCNN 2023,
https://arxiv.org/abs/2211.10288; archives at https://zenodo.org/record/6578038.
Differs from the published data: the emoji of source ``embedded`` have the published classes, sizes
and places, while their pixels are drawn here (see ``_stir_emoji.py``).

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
from pydantic import Field, ValidationInfo, field_validator

from isotrope.data._stir_emoji import check_positions, draw_archive
from isotrope.data._stir_reader import LARGEST, SCALES, STIRDataset
from isotrope.dataset import Images
from isotrope.errors import UserError
from isotrope.local_data import local_file
from isotrope.settings import Settings, load_time

REVISION = 1
SPLITS = ("train", "valid", "test", "all_scales")
PACKAGES = ("fontawesomefree",)


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
    source: Literal["embedded", "local"] = Field(
        "embedded",
        validate_default=True,
        description="embedded: drawn from installed icons (emoji only); "
        "local: the published archive, $ISOTROPE_DATA/stir/<task>.npz",
    )
    scenario: Literal["small2large", "mid2rest", "large2small", "all2all"] = load_time(
        description="sizes trained on: 17-32, 33-48, 49-64 or all 17-64 pixels"
    )

    @field_validator("source")
    @classmethod
    def _only_emoji_are_embedded(cls, source: str, info: ValidationInfo) -> str:
        task = info.data.get("task", "emoji")
        if source == "embedded" and task != "emoji":
            raise ValueError(
                f"task {task} is not embedded; write `source: local` and put {task}.npz "
                "into $ISOTROPE_DATA/stir"
            )
        return source


def image_shape(params: Params) -> tuple[int, int, int]:
    """Channels, height and width of an image."""
    return TASKS[params.task].channels, LARGEST, LARGEST


def classes(params: Params) -> int:
    """How many classes there are."""
    return TASKS[params.task].classes


def image_counts(params: Params) -> dict[str, int]:
    """How many images each published split has, all sizes together."""
    task = TASKS[params.task]
    return dict.fromkeys(("train", "valid", "test"), len(SCALES) * task.classes * task.instances)


def local_files(params: Params) -> list[str]:
    """The archive that must lie under ``$ISOTROPE_DATA``; none for embedded emoji."""
    return [f"stir/{params.task}.npz"] if params.source == "local" else []


def _file(params: Params, folder: Path, key: str) -> Path:
    """The npz file of these settings."""
    names = local_files(params)
    return local_file(names[0]) if names else folder / f"{key}.npz"


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Draw the emoji into ``<folder>/<key>.npz``, or check the user's archive and name it.

    Raises:
        UserError: if the archive is absent, damaged, or not the one of this task.
    """
    path = _file(params, folder, key)
    if params.source == "embedded":
        np.savez_compressed(path, **draw_archive()._asdict())
        return [path]
    archive = STIRDataset(path)
    expected = TASKS[params.task]
    found = Task(archive.num_classes, archive.images.shape[3], archive.num_channels)
    if found != expected:
        raise UserError(
            f"{path}: task {params.task} has {expected.classes} classes, {expected.instances} "
            f"instances and {expected.channels} channels; this archive has {found.classes}, "
            f"{found.instances} and {found.channels}; put the archive of this task there"
        )
    if params.task == "emoji" and not check_positions(archive.positions):
        raise UserError(
            f"{path}: the emoji lie at other places than those of the published archive; "
            "get the file again, or write `source: embedded`"
        )
    return [path]


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
