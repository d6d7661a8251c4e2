"""SIM2MNIST: digits at any angle, of any size, anywhere on 96 x 96 pixels, with clutter.

Source: Esteves, Allen-Blanchette, Zhou and Daniilidis, "Polar Transformer Networks", ICLR 2018,
https://arxiv.org/abs/1709.01889.

* ``source: original`` reads the authors' file, ``$ISOTROPE_DATA/sim2mnist/sim2mnist.npz``.
* ``local``, ``download`` and ``digits8`` make images like theirs: ``_sim2mnist.py`` says what is
  published of them, and what is chosen here. The clutter is not published.

10,000 images are for training, 5,000 for validation, 50,000 for testing; from ``digits8`` 1,000,
500 and 1,485. Made images are CC BY-SA 3.0 as MNIST is, those from digits8 CC BY 4.0.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field

from isotrope.data import _sim2mnist_files, _sim2mnist_original
from isotrope.data._digits import classes, credit_of
from isotrope.data._sim2mnist import Clutter
from isotrope.data._sim2mnist_files import (
    MadeSettings,
    build_made,
    downloads,
    image_counts,
    image_shape,
    load,
    valid_is_test,
)

__all__ = ["classes", "downloads", "image_counts", "image_shape", "load", "valid_is_test"]

REVISION = 1
SPLITS = ("train", "valid", "test")
PACKAGES = ("scikit-learn",)
PREVIEW = (None, "", None, ("angle", "scale"))


class Params(MadeSettings):
    """Where the images come from, how they are drawn, and how many of them."""

    source: Literal["digits8", "local", "download", "original"] = Field(  # type: ignore[assignment]
        description="digits8: made from scikit-learn's small digits, nothing is needed; local: "
        "from MNIST in $ISOTROPE_DATA/mnist; download: from MNIST, fetched; original: the "
        "authors' file, $ISOTROPE_DATA/sim2mnist/sim2mnist.npz"
    )
    clutter: Clutter = Field(
        default_factory=Clutter, description="patches of other training digits; n 0: none"
    )


def credit(params: Params) -> str:
    """Whose images these are, and under which licence."""
    if params.source == "original":
        return "SIM2MNIST: C. Esteves et al., ICLR 2018, made from MNIST"
    return credit_of(params.source)


def local_files(params: Params) -> list[str]:
    """What must lie under ``$ISOTROPE_DATA``: MNIST, the authors' file, or nothing."""
    if params.source == "original":
        return [_sim2mnist_original.FILE]
    return _sim2mnist_files.local_files(params)


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Make ``<folder>/<key>.npz``.

    Raises:
        UserError: if a file of the user's is absent, damaged or another.
    """
    if params.source == "original":
        return _sim2mnist_original.build(folder, key)
    return build_made(params, params.clutter, folder, key)
