"""Rotated MNIST: 12,000 training and 50,000 test digits at all angles, 28 x 28 pixels.

Source: Larochelle, Erhan, Courville, Bergstra and Bengio, "An Empirical Evaluation of Deep
Architectures on Problems with Many Factors of Variation", ICML 2007. Of the training digits the
first 10,000 are trained on and the other 2,000 validate, as is usual.

* ``form: original`` reads the published files at ``$ISOTROPE_DATA/rot_mnist/`` (with ``source:
  local``): a row for each image, 784 grey values in 0..1 and the class. Their images are
  transposed, which makes mirror images; here they are turned over, so that a network that was
  trained on upright digits may be tested on them. Grey values are rounded to whole ones of 255;
  angles are not known.
* ``form: generated`` makes as many from MNIST: 62,000 of its 70,000 digits, drawn with each class
  in its proportion, each turned once by an angle in 0..360 degrees, by cubic interpolation. These
  are not the published images, and results say so by their settings. From ``digits8`` all 1,797
  digits are divided likewise: 348 and 1,449.

Training and testing share no digit; but the test digits are mostly training digits of ``mnist``,
as those of the published files are. Networks that were trained on upright MNIST have seen them
upright; ``mnist_r`` has test digits that they have not.

Generated images have the latent ``angle`` ``(n,)``, float32 degrees.
"""

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator

from isotrope.data import _amat, _digit_files
from isotrope.data._digit_files import Drawn, Half, load
from isotrope.data._digits import (
    SIDE,
    Counts,
    Digits,
    DigitSettings,
    classes,
    credit,
    downloads,
    image_counts,
    image_shape,
    valid_is_test,
)
from isotrope.data._digits import local_files as files_of_mnist
from isotrope.data._warp import warp

__all__ = ["classes", "credit", "downloads", "image_counts", "image_shape", "load", "valid_is_test"]

REVISION = 1
SPLITS = ("train", "valid", "test")
PACKAGES = ("scikit-learn",)
PREVIEW = (None, "", None, ("angle",))
FILES = {
    "train": "rot_mnist/mnist_all_rotation_normalized_float_train_valid.amat",
    "test": "rot_mnist/mnist_all_rotation_normalized_float_test.amat",
}


class Params(DigitSettings):
    """Whether the published images are read or others are made, and how many of them are used."""

    OF_MNIST: ClassVar[Counts] = Counts(12_000, 2_000, 50_000)

    form: Literal["original", "generated"] = Field(
        description="original: the published .amat files in $ISOTROPE_DATA/rot_mnist, with "
        "`source: local`; generated: as many images, made from the digits of the source"
    )
    seed: int = Field(
        0, ge=0, description="of the digits and angles that are drawn; without effect on `original`"
    )

    @field_validator("form")
    @classmethod
    def _published_files_are_local(cls, form: str, info: ValidationInfo) -> str:
        if form == "original" and info.data.get("source") not in (None, "local"):
            raise ValueError(
                "the published files are read from $ISOTROPE_DATA/rot_mnist alone; write "
                "`source: local`, or `form: generated`"
            )
        return form


def local_files(params: Params) -> list[str]:
    """The published files, or those of MNIST, if the user has to bring them."""
    return list(FILES.values()) if params.form == "original" else files_of_mnist(params)


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Make ``<folder>/<key>.npz``.

    Raises:
        UserError: if a file is absent, damaged or another.
    """
    if params.form == "generated":
        return _digit_files.build_pooled(params, params.seed, _turn, folder, key)
    halves, rows, first = {}, [], 0
    train, _, test = params.OF_MNIST
    for (half, path), count in zip(FILES.items(), (train, test), strict=True):
        found = _amat.read(path, count)
        numbers = np.arange(first, first + count)
        halves[half] = Half(found.images, found.labels, numbers, {})
        rows.append((Path(path).name, found.sha256))
        first += count
    return _digit_files.write(halves, rows, folder, key)


def _turn(digits: Digits, drawn: NDArray[np.float64]) -> Drawn:
    """Each digit at an angle of its own."""
    angle = (360 * drawn).astype(np.float32)
    images = warp(digits.images, SIDE, angle, digits.zoom, interpolation="bicubic")
    return Drawn(images, {"angle": angle})
