"""Subsets of the training images, balanced by class: few images for each seed, others for each.

Source: Gauthier et al., "Parametric Scattering Networks", CVPR 2022,
https://arxiv.org/abs/2107.09539, and its published code, whose subsets are NumPy's
``RandomState(seed).permutation`` of the ranks within a class, the same ranks for all classes. All
networks of a seed are trained on the seed's subset, whatever they are.
Where classes differ in size, the ranks are those of the smallest.
"""

from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, ValidationInfo, field_validator
from torch import Tensor

from isotrope.errors import UserError
from isotrope.settings import Settings, load_time

Samples = Annotated[int, Field(ge=1)] | Literal["all"] | None


def balanced_subset(labels: ArrayLike, samples: int, seed: int) -> NDArray[np.int64]:
    """Which images a seed is trained on: equally many of each class.

    Args:
        labels: the class of each image in the order of the data set, ``(n,)`` whole numbers.
        samples: how many images there shall be, a multiple of the number of classes.
        seed: 0 to 2^32 - 1.

    Returns:
        Indices ``(samples,)``, class by class in ascending order, each class in the order of the
        permutation. A larger subset of the same seed holds the smaller ones.

    Raises:
        ValueError: if ``samples`` is no multiple of the classes, or there are too few images of
            one, or the seed is out of range.
    """
    known = np.asarray(labels)
    names, counts = np.unique(known, return_counts=True)
    smallest = int(counts.min()) if len(counts) else 0
    each, rest = divmod(samples, max(len(names), 1))
    if samples < 1 or rest or each > smallest:
        raise ValueError(
            f"need a multiple of {len(names)} classes, at most {smallest * len(names)} samples, "
            f"got {samples}"
        )
    ranks = np.random.RandomState(seed).permutation(smallest)[:each]
    return np.concatenate([np.flatnonzero(known == name)[ranks] for name in names])


class SubsetSettings(Settings):
    """How many training images each seed sees, and whose they are.

    Args:
        CLASSES: how many classes there are.
    """

    CLASSES: ClassVar[int]

    samples: Samples = load_time(
        None,
        description="train each seed on so many images of its own, equally many of each class; "
        "all, null: all seeds train on all images",
    )
    subset_seed: int | None = load_time(
        None,
        ge=0,
        le=2**32 - 1,
        description="train all seeds on the subset of this one; null: each on its own",
    )

    @field_validator("samples")
    @classmethod
    def _samples_of_all_classes(cls, samples: Samples, info: ValidationInfo) -> Samples:
        del info
        if samples == "all":
            return None
        if samples is not None and samples % cls.CLASSES:
            raise ValueError(f"there are {cls.CLASSES} classes; write a multiple of it")
        return samples

    @field_validator("subset_seed")
    @classmethod
    def _of_a_subset(cls, seed: int | None, info: ValidationInfo) -> int | None:
        if seed is not None and info.data.get("samples", 0) is None:
            raise ValueError("it chooses nothing without `samples`")
        return seed

    @property
    def chosen(self) -> int | None:
        """How many training images each seed has of its own; None where all train on all."""
        return None if isinstance(self.samples, str) else self.samples


def own_subsets(params: SubsetSettings) -> bool:
    """Whether each seed is trained on images of its own."""
    return params.chosen is not None and params.subset_seed is None


def subset(params: SubsetSettings, labels: Tensor, seed: int) -> Tensor | None:
    """The indices of a seed's training images; None where all seeds train on all.

    Args:
        params: of the data set.
        labels: of its training images, ``(n,)``.
        seed: of the training.

    Raises:
        UserError: if there are too few images of a class.
    """
    if params.chosen is None:
        return None
    whose = seed if params.subset_seed is None else params.subset_seed
    try:
        return torch.from_numpy(balanced_subset(labels.numpy(), params.chosen, whose))
    except ValueError as error:
        raise UserError(f"dataset.samples: {error}") from error
