"""Data sets that are published in two parts: how much of each is used, and which images validate.

Such a data set takes from here its settings and what follows from them; its file says the sizes.
"""

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationInfo, field_validator

from isotrope.errors import UserError
from isotrope.settings import Settings, load_time

VALID = 5000  # images for validation where nothing else is said
Part = Literal["train", "test"]


class TwoPartSettings(Settings):
    """Where the images come from, and how many of them are used.

    Args:
        COUNTS: how many images each part has as it is published.
        SHAPE: channels, height and width of an image.
        CLASSES: how many classes there are.
    """

    COUNTS: ClassVar[dict[Part, int]]
    SHAPE: ClassVar[tuple[int, int, int]]
    CLASSES: ClassVar[int]

    source: str
    train_images: int | None = load_time(
        None, ge=1, description="train on so many, the first ones; null: all"
    )
    valid_images: int = load_time(
        VALID, ge=1, description="so many of the last training images validate"
    )
    test_images: int | None = load_time(
        None, ge=1, description="test so many, the first ones; null: all"
    )
    valid_from: Literal["train", "test"] = load_time(
        "train",
        description="train: some training images are kept for validation; test: the test images "
        "are looked at while training, with `training.keep: last` only",
    )

    @field_validator("train_images", "valid_images", "test_images")
    @classmethod
    def _are_there(cls, wanted: int | None, info: ValidationInfo) -> int | None:
        """Refuse more images than there are."""
        most = cls.COUNTS["test" if info.field_name == "test_images" else "train"]
        if info.field_name == "valid_images":
            most -= 1
        if wanted is not None and wanted > most:
            raise ValueError(f"there are {most}")
        return wanted

    def rows(self, split: str) -> tuple[Part, slice]:
        """The part that a split is of, and the rows of it.

        Raises:
            UserError: if the part has too few images.
            ValueError: if the split is unknown.
        """
        return rows_of_split(
            split,
            self.COUNTS,
            train_images=self.train_images,
            valid_images=self.valid_images,
            test_images=self.test_images,
            valid_from=self.valid_from,
        )


def image_shape(params: TwoPartSettings) -> tuple[int, int, int]:
    """Channels, height and width of an image."""
    return params.SHAPE


def classes(params: TwoPartSettings) -> int:
    """How many classes there are."""
    return params.CLASSES


def image_counts(params: TwoPartSettings) -> dict[str, int]:
    """Images of each split as they are read with these settings."""
    rows = {split: params.rows(split)[1] for split in ("train", "valid", "test")}
    return {split: found.stop - found.start for split, found in rows.items()}


def valid_is_test(params: TwoPartSettings) -> bool:
    """Whether the validation images are the test images, which must choose nothing."""
    return params.valid_from == "test"


def rows_of_split(
    split: str,
    parts: dict[Part, int],
    *,
    train_images: int | None,
    valid_images: int,
    test_images: int | None,
    valid_from: Part,
) -> tuple[Part, slice]:
    """Which images of which part a split has, the same for all seeds.

    ``test`` has the first of the test part. With ``valid_from: train`` the last images of the
    training part are ``valid``, and ``train`` has the first of those before them. With
    ``valid_from: test`` all training images may be trained on, and ``valid`` shows what ``test``
    shows.

    Args:
        split: ``train``, ``valid`` or ``test``.
        parts: how many images each part has.
        train_images: how many are trained on; None: all.
        valid_images: how many training images are kept for validation.
        test_images: how many are tested; None: all.
        valid_from: the part that validation images are from.

    Returns:
        The part, and the rows of it.

    Raises:
        UserError: if a part has too few images.
        ValueError: if the split is unknown.
    """
    if split not in ("train", "valid", "test"):
        raise ValueError(f"split must be one of train, valid, test, got '{split}'")
    if split == "test" or (split == "valid" and valid_from == "test"):
        return "test", slice(0, _enough("test_images", test_images, parts["test"]))
    kept = 0 if valid_from == "test" else valid_images
    left = parts["train"] - kept
    if left < 1:
        raise UserError(
            f"dataset.valid_images: {kept} of {parts['train']} training images leave none to train "
            f"on; write a number below {parts['train']}"
        )
    if split == "valid":
        return "train", slice(left, parts["train"])
    return "train", slice(0, _enough("train_images", train_images, left))


def interleaved(labels: NDArray[np.integer]) -> NDArray[np.intp]:
    """An order in which every beginning, and every end, has the classes in their proportions.

    Images of a class keep their order; the k-th of n of a class stands at (k + 1/2) / n of the
    whole.

    Args:
        labels: ``(n,)``.
    """
    by_class = np.argsort(labels, kind="stable")
    _, first, counts = np.unique(labels[by_class], return_index=True, return_counts=True)
    rank = np.arange(len(labels)) - np.repeat(first, counts)
    place = (rank + 0.5) / np.repeat(counts, counts)
    return by_class[np.argsort(place, kind="stable")]


def _enough(name: str, wanted: int | None, there: int) -> int:
    if wanted is not None and wanted > there:
        raise UserError(
            f"dataset.{name}: {wanted} images are asked for where {there} are left; "
            f"write at most {there}, or leave it out for all"
        )
    return there if wanted is None else wanted
