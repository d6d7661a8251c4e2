"""SIM2MNIST without clutter: digits at any angle, of any size, anywhere on 96 x 96 pixels.

Not published: the same digits at the same poses as ``sim2mnist``, which says more, on black.
"""

from pathlib import Path

from isotrope.data._digits import classes
from isotrope.data._sim2mnist_files import (
    MadeSettings,
    build_made,
    credit,
    downloads,
    image_counts,
    image_shape,
    load,
    local_files,
    valid_is_test,
)

__all__ = [
    "classes",
    "credit",
    "downloads",
    "image_counts",
    "image_shape",
    "load",
    "local_files",
    "valid_is_test",
]

REVISION = 1
SPLITS = ("train", "valid", "test")
PACKAGES = ("scikit-learn",)
PREVIEW = (None, "", None, ("angle", "scale"))


class Params(MadeSettings):
    """Which digits, how their scales are drawn, and how many of them."""


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Make ``<folder>/<key>.npz``.

    Raises:
        UserError: if a file of MNIST is absent, damaged or another.
    """
    return build_made(params, None, folder, key)
