"""Training, validation and test images of a data set that is published in two parts."""

from typing import Literal

from isotrope.errors import UserError

VALID = 5000  # images for validation where nothing else is said
Part = Literal["train", "test"]


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


def _enough(name: str, wanted: int | None, there: int) -> int:
    if wanted is not None and wanted > there:
        raise UserError(
            f"dataset.{name}: {wanted} images are asked for where {there} are left; "
            f"write at most {there}, or leave it out for all"
        )
    return there if wanted is None else wanted
