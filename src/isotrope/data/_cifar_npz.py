"""CIFAR-10 in one npz file of the user's, which is compared with the published images."""

import hashlib
import zipfile
import zlib
from pathlib import Path

import numpy as np

from isotrope.data._cifar_pickles import SHAPE, Batch
from isotrope.data._splits import Part
from isotrope.datasets.local_data import local_file
from isotrope.errors import UserError

FILE = "cifar10/cifar10.npz"
# of the pixels of each part in the published order, red, green and blue plane of each image, and of
# its labels behind them, a byte each
SHA256: dict[Part, str] = {
    "train": "1e91790dbaf241617ca1f29a9aba08eb9a62df84cc90676b47edd05ad2ab3c94",
    "test": "9a4c74f5c8b6f2c4e13d3a1dfb43a5a8cda8a9da515e99fd620d2013a1a6287a",
}
_DAMAGE = (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error)


def check() -> Path:
    """The file, after its images and labels were compared with those of CIFAR-10.

    Raises:
        UserError: if it is absent or damaged, or holds other images or another order.
    """
    path = local_file(FILE)
    for part, expected in SHA256.items():
        found = read(part)
        sha256 = hashlib.sha256(found.images.tobytes())
        sha256.update(found.labels.astype(np.uint8).tobytes())
        if sha256.hexdigest() != expected:
            raise UserError(
                f"{path}: its {len(found.labels)} {part} images and their labels are not those of "
                "CIFAR-10 in the published order; make the file anew, or use `form: batches`"
            )
    return path


def read(part: Part) -> Batch:
    """The images of a part.

    Raises:
        UserError: if the file is absent or damaged, or its arrays are of other kinds.
    """
    path = local_file(FILE)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            pixels, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        count = len(labels)
        if labels.dtype.kind not in "iu" or labels.size != count:
            raise ValueError(f"{part}_labels are {labels.dtype} {labels.shape}")
        if pixels.dtype == np.uint8 and pixels.shape == (count, *SHAPE[1:], SHAPE[0]):
            pixels = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        elif pixels.dtype == np.uint8 and pixels.shape == (count, int(np.prod(SHAPE))):
            pixels = pixels.reshape(count, *SHAPE)
        elif pixels.dtype != np.uint8 or pixels.shape != (count, *SHAPE):
            raise ValueError(f"{part}_images are {pixels.dtype} {pixels.shape}")
    except _DAMAGE as error:
        reason = str(error) or type(error).__name__
        raise UserError(
            f"{path}: no npz file of CIFAR-10 ({reason}); it needs train_images, train_labels, "
            "test_images and test_labels as docs/data.md says"
        ) from error
    return Batch(pixels, labels.reshape(-1).astype(np.int64))
