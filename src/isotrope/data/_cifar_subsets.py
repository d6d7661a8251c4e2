"""Few images of CIFAR-10 for each seed: the published subsets, and images that are in none.

The published subsets are of all 50,000 training images: none are left for validation, and a
training keeps its last epoch. Whoever chooses settings without the test images takes
``pool: rest``: of the 50,000 those 40,880 that are in none of the ten published subsets of up to
1,000 images. Of them the last ``valid_images`` validate, equally many of each class, and subsets
are drawn from the others as the published ones are drawn from all.
"""

from functools import cache
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from pydantic import ValidationInfo, field_validator
from torch import Tensor

from isotrope.data import _subsets
from isotrope.data._splits import VALID, Part, TwoPartSettings
from isotrope.data._subsets import Samples, SubsetSettings, balanced_subset
from isotrope.datasets.images import Images
from isotrope.settings import load_time

PUBLISHED_SEEDS = (
    207715039,
    491659600,
    493572006,
    737523103,
    827192296,
    877498678,
    1103100946,
    1210393663,
    1277404878,
    1377264326,
)
LARGEST = 1000  # images of the largest published subset that is not the whole


class CifarSettings(SubsetSettings, TwoPartSettings):
    """How much of CIFAR-10 is used, and which images each seed is trained on."""

    pool: Literal["published", "rest"] = load_time(
        "published",
        validate_default=True,
        description="what `samples` are drawn from; published: all training images, none validate; "
        "rest: images that are in no published subset, of which `valid_images` validate",
    )

    @field_validator("samples")
    @classmethod
    def _samples_of_all_classes(cls, samples: Samples, info: ValidationInfo) -> Samples:
        most = cls.COUNTS["train"]
        if samples == "all":
            samples = most
        if samples is None:
            return None
        if samples % cls.CLASSES or samples > most:
            raise ValueError(f"write a multiple of {cls.CLASSES} up to {most}, or all")
        if info.data.get("train_images") is not None:
            raise ValueError("leave `train_images` out: they are two ways to train on fewer")
        if info.data.get("valid_from") == "test":
            raise ValueError(
                "leave `valid_from` out; to look at the test images while training, write "
                "`monitor: {split: test}` under training"
            )
        return samples

    @field_validator("pool")
    @classmethod
    def _there_is_enough(cls, pool: str, info: ValidationInfo) -> str:
        known = info.data
        if "samples" not in known or "valid_images" not in known:
            return pool  # another complaint is made already
        samples, valid = known["samples"], known["valid_images"]
        if pool == "rest":
            if samples is None:
                raise ValueError("it chooses nothing without `samples`")
            there = _in_rest(cls.COUNTS["train"], cls.CLASSES)
            if valid % cls.CLASSES or valid + samples > there:
                raise ValueError(
                    f"it has {there} images; `valid_images` ({valid}) must be a multiple of "
                    f"{cls.CLASSES}, and leave {samples}"
                )
        elif samples is not None and valid != VALID:
            raise ValueError("no image validates; leave `valid_images` out, or write `pool: rest`")
        return pool

    def rows(self, split: str) -> tuple[Part, slice]:
        """The part that a split is of, and the rows of it from which `pooled` takes some.

        Raises:
            UserError: if the part has too few images.
            ValueError: if the split is unknown, or not there with these settings.
        """
        if split not in splits(self):
            raise ValueError(f"split must be one of {', '.join(splits(self))}, got '{split}'")
        if self.samples is None or split == "test":
            return super().rows(split)
        return "train", slice(0, self.COUNTS["train"])

    def pooled(self, split: str, found: Images) -> Images:
        """Of the images of `rows` those that the split has."""
        if self.pool == "published" or split == "test":
            return found
        each = self.valid_images // self.CLASSES
        rows = unpublished(found.labels.numpy())
        by_class = [rows[found.labels[rows] == one] for one in range(self.CLASSES)]
        parts = [one[:-each] if split == "train" else one[-each:] for one in by_class]
        chosen = torch.cat(parts).sort().values
        return Images(found.images[chosen], found.labels[chosen])


def splits(params: CifarSettings) -> tuple[str, ...]:
    """The splits that there are: the published subsets leave no images for validation."""
    if params.samples is not None and params.pool == "published":
        return "train", "test"
    return "train", "valid", "test"


def image_counts(params: CifarSettings) -> dict[str, int]:
    """Images of each split as they are read with these settings, before seeds choose theirs."""
    rows_of = {split: params.rows(split)[1] for split in splits(params)}
    counts = {split: rows.stop - rows.start for split, rows in rows_of.items()}
    if params.pool == "rest":
        there = _in_rest(params.COUNTS["train"], params.CLASSES)
        counts |= {"train": there - params.valid_images, "valid": params.valid_images}
    return counts


def own_subsets(params: CifarSettings) -> bool:
    """Whether each seed is trained on images of its own."""
    return params.samples != params.COUNTS["train"] and _subsets.own_subsets(params)


def subset(params: CifarSettings, labels: Tensor, seed: int) -> Tensor | None:
    """The indices of a seed's training images; None where all seeds train on all.

    Args:
        params: of the data set.
        labels: of its training images, ``(n,)``.
        seed: of the training.
    """
    if params.samples == len(labels):
        return None
    return _subsets.subset(params, labels, seed)


def unpublished(labels: ArrayLike) -> Tensor:
    """The training images that are in none of the published subsets, in ascending order.

    Smaller subsets of a seed are parts of its largest.

    Args:
        labels: the class of each image, ``(n,)``.

    Returns:
        Indices ``(m,)``.

    Raises:
        ValueError: as `balanced_subset`.
    """
    known = np.asarray(labels)
    left = np.ones(len(known), bool)
    for seed in PUBLISHED_SEEDS:
        left[balanced_subset(known, LARGEST, seed)] = False
    return torch.from_numpy(np.flatnonzero(left))


@cache
def _in_rest(images: int, classes: int) -> int:
    """How many images `unpublished` leaves of classes that are equally large."""
    return len(unpublished(np.arange(images) % classes))
