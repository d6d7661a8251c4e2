"""The digits that every form of MNIST is made from, and what param-files say of them.

Sources, in every result row:

* ``digits8``: 1,797 digits of 8 x 8 pixels, out of the package scikit-learn (the test part of
  "Optical Recognition of Handwritten Digits": Alpaydin and Kaynak, UCI Machine Learning Repository,
  1998, https://doi.org/10.24432/C50P49, CC BY 4.0; 0..16 is stretched to 0..255). They stand in for
  MNIST where no file of it is at hand: at scale 1 they are 20 x 20 pixels large, as MNIST's digits
  are inside their 28 x 28. The first 1,500 are for training, the last 297 for testing: writers
  follow each other, so but for one they do not meet.
* ``local``: MNIST (LeCun and Cortes, CC BY-SA 3.0) at ``$ISOTROPE_DATA/mnist/``, four IDX files,
  packed or not.
* ``download``: the same, fetched, and checked against ``workflow/sources/mnist.yaml``.

Counts of images are those of MNIST; ``digits8`` has as many as its 1,797 digits give, in the same
proportions. No digit is in two of the splits train, valid and test.
"""

from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator

from isotrope.data import _idx
from isotrope.settings import Settings, load_time

Source = Literal["digits8", "local", "download"]
CLASSES = 10
SIDE = 28  # pixels of an image of MNIST
INK = 20  # pixels of the digit in it
COUNTS8 = {"train": 1500, "test": 297}  # of digits8
_SIDE8, _LARGEST8 = 8, 16  # pixels, and the largest value


class Digits(NamedTuple):
    """Digits before any resampling.

    Args:
        images: ``(n, side, side)`` uint8, white on black.
        labels: ``(n,)`` uint8.
        zoom: how many pixels of a canvas a pixel is wide where the digit has scale 1.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    zoom: float

    def some(self, chosen: NDArray[np.integer]) -> "Digits":
        """Some of the digits, by their indices ``(m,)``."""
        return Digits(self.images[chosen], self.labels[chosen], self.zoom)


class Raw(NamedTuple):
    """All digits of a source, and the files that they were read from with their SHA-256."""

    train: Digits
    test: Digits
    files: list[_idx.Row]

    def pooled(self) -> Digits:
        """Training and test digits as one, in this order."""
        images = np.concatenate([self.train.images, self.test.images])
        labels = np.concatenate([self.train.labels, self.test.labels])
        return Digits(images, labels, self.train.zoom)


def read(source: Source) -> Raw:
    """The digits of a source.

    Raises:
        UserError: if a file of MNIST is absent, damaged or another.
    """
    if source == "digits8":
        return _read_digits8()
    arrays, files = _idx.read(_idx.MNIST, source)
    train, test = (
        Digits(arrays[f"{half} images"], arrays[f"{half} labels"], 1.0) for half in COUNTS8
    )
    return Raw(train, test, files)


def _read_digits8() -> Raw:
    from sklearn.datasets import load_digits  # a second that planning need not wait

    found = load_digits()
    values = np.rint(found.images * (255 / _LARGEST8)).astype(np.uint8)
    every = Digits(values, found.target.astype(np.uint8), INK / _SIDE8)
    border = COUNTS8["train"]
    return Raw(every.some(np.arange(border)), every.some(np.arange(border, len(values))), [])


class Counts(NamedTuple):
    """How many digits are for training, how many of these for validation, how many for testing."""

    train: int
    valid: int
    test: int


class DigitSettings(Settings):
    """Which digits, and how many of them.

    Forms that divide the digits otherwise than MNIST say so in ``OF_MNIST``.
    """

    OF_MNIST: ClassVar[Counts] = Counts(60_000, 5_000, 10_000)

    source: Source = Field(
        description="digits8: scikit-learn's small digits, nothing is needed; local: MNIST in "
        "$ISOTROPE_DATA/mnist; download: MNIST, fetched"
    )
    valid_from: Literal["train", "test"] = load_time(
        "train",
        description="what the validation images are: the last of the training digits, or, as the "
        "log-polar authors published, the test images; with `training.keep: last` only",
    )
    valid_images: int | None = load_time(
        None,
        ge=1,
        description="how many validation images are taken from training; null: 5,000 of MNIST's "
        "60,000, or as published, and the same part of digits8",
    )
    train_images: int | None = load_time(
        None, ge=1, description="the first so many of the remaining training images; null: all"
    )
    test_images: int | None = load_time(
        None, ge=1, description="the first so many test images; null: all"
    )

    def available(self) -> Counts:
        """How many digits there are."""
        return self._counts_of(self.source)

    @classmethod
    def _counts_of(cls, source: Source) -> Counts:
        if source != "digits8":
            return cls.OF_MNIST
        train, valid, test = cls.OF_MNIST
        if train == _idx.COUNTS["train"]:  # divided as published
            here = COUNTS8["train"]
        else:  # drawn from all digits
            here = round(sum(COUNTS8.values()) * train / (train + test))
        return Counts(here, round(here * valid / train), sum(COUNTS8.values()) - here)

    @field_validator("valid_images", "train_images", "test_images")
    @classmethod
    def _are_there(cls, wanted: int | None, info: ValidationInfo) -> int | None:
        """Refuse more images than there are."""
        if wanted is None or not (source := info.data.get("source")):
            return wanted
        counts = cls._counts_of(source)
        if info.field_name == "test_images":
            most = counts.test
        elif info.field_name == "valid_images":
            most = counts.train - 1
        else:
            valid = info.data.get("valid_images") or counts.valid
            most = counts.train - (0 if info.data.get("valid_from") == "test" else valid)
        if wanted > most:
            raise ValueError(f"there are {most} with `source: {source}`")
        return wanted

    def counts(self) -> Counts:
        """How many images each split has."""
        counts = self.available()
        test = min(self.test_images or counts.test, counts.test)
        held_out = self.valid_images or counts.valid
        valid = test if self.valid_from == "test" else held_out
        train = counts.train - (0 if self.valid_from == "test" else held_out)
        return Counts(self.train_images or train, valid, test)


def image_counts(params: DigitSettings) -> dict[str, int]:
    """How many images each split has."""
    return params.counts()._asdict()


def credit(params: DigitSettings) -> str:
    """Whose digits these are, and under which licence pictures of them are."""
    return credit_of(params.source)


def credit_of(source: str) -> str:
    """Whose the digits of a source are, and under which licence."""
    if source == "digits8":
        return "Digits: E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, CC BY 4.0"
    return "Made from MNIST, Y. LeCun and C. Cortes, CC BY-SA 3.0"


def image_shape(params: Settings) -> tuple[int, int, int]:
    """Channels, height and width of an image of a form that keeps MNIST's canvas."""
    del params
    return 1, SIDE, SIDE


def classes(params: Settings) -> int:
    """How many classes there are."""
    del params
    return CLASSES


def valid_is_test(params: DigitSettings) -> bool:
    """Whether the validation images are the test images, which must choose nothing."""
    return params.valid_from == "test"


def local_files(params: DigitSettings) -> list[str]:
    """MNIST's four files below ``$ISOTROPE_DATA``, if they are read there."""
    return _idx.local_files(_idx.MNIST) if params.source == "local" else []


def downloads(params: DigitSettings) -> list[str]:
    """MNIST's four files, if they are fetched; all forms share them."""
    return _idx.downloads(_idx.MNIST) if params.source == "download" else []


def stratified_order(labels: NDArray[np.uint8], numbers: NDArray[np.float64]) -> NDArray[np.intp]:
    """A random order in which every beginning has the classes in their proportions.

    Within a class the order is that of the numbers; the k-th of n of a class stands at
    (k + 1/2) / n of the whole.

    Args:
        labels: ``(n,)``.
        numbers: uniform, one for each digit ``(n,)``.
    """
    place = np.empty(len(labels))
    for kind in np.unique(labels):
        (found,) = np.nonzero(labels == kind)
        order = found[np.argsort(numbers[found], kind="stable")]
        place[order] = (np.arange(len(order)) + 0.5) / len(order)
    return np.lexsort((numbers, place))
