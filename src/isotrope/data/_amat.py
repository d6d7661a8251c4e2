"""Files ``.amat`` of rotated MNIST: text, a row for each image, 784 grey values and the class.

Source: Larochelle, Erhan, Courville, Bergstra and Bengio, "An Empirical Evaluation of Deep
Architectures on Problems with Many Factors of Variation", ICML 2007. The pixels of an image follow
each other by columns; they are put back into rows.
"""

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isotrope.data._digits import CLASSES, SIDE
from isotrope.datasets.local_data import local_file
from isotrope.errors import UserError

_CHUNK = 2_000  # rows at a time: some 50 MiB


class Amat(NamedTuple):
    """Images ``(n, 28, 28)`` uint8, labels ``(n,)`` uint8, and the checksum of the file."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    sha256: str


def read(name: str, count: int) -> Amat:
    """The images of a file.

    Args:
        name: its path below ``$ISOTROPE_DATA``.
        count: how many rows it must have.

    Raises:
        UserError: if the file is absent, cut short or of another layout.
    """
    path = local_file(name)
    images = np.empty((count, SIDE, SIDE), dtype=np.uint8)
    labels = np.empty(count, dtype=np.uint8)
    layout = f"rows of {SIDE * SIDE} numbers in 0..1 and a class 0..{CLASSES - 1}"
    try:
        with path.open(encoding="ascii") as file:
            for first in range(0, count, _CHUNK):
                most = min(_CHUNK, count - first)
                rows = np.loadtxt(file, dtype=np.float64, ndmin=2, max_rows=most)
                if len(rows) < most:
                    raise UserError(
                        f"{path}: ends after {first + len(rows)} of {count} rows; get it again"
                    )
                grey, kinds = rows[:, :-1], rows[:, -1]
                fits = rows.shape[1] == SIDE * SIDE + 1 and 0 <= grey.min() <= grey.max() <= 1
                if not fits or not np.isin(kinds, range(CLASSES)).all():
                    raise ValueError(f"rows {first + 1} to {first + most} are others")
                columns = np.rint(255 * grey).astype(np.uint8).reshape(-1, SIDE, SIDE)
                images[first : first + most] = columns.transpose(0, 2, 1)
                labels[first : first + most] = kinds
            if file.read(1_000).strip():
                raise ValueError(f"more than {count} rows")
    except ValueError as error:
        raise UserError(f"{path}: not {layout}: {error}; get the file again") from error
    with path.open("rb") as file_of_bytes:
        return Amat(images, labels, hashlib.file_digest(file_of_bytes, "sha256").hexdigest())
