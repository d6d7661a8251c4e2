"""Files of the layout of MNIST's."""

import gzip
import hashlib
import struct

import numpy as np

from isotrope.data import _idx, fashion_mnist
from isotrope.data._digits import Counts


def idx(magic, array):
    """An IDX file of bytes with these values."""
    array = np.asarray(array)
    header = struct.pack(f">{1 + array.ndim}I", magic, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def contents(files, counts):
    """The unpacked content of four files with random images, by what is in them."""
    generator = np.random.default_rng(0)
    found = {}
    for what, file in files.items():
        count = counts[what.split()[0]]
        images = generator.integers(0, 256, (count, 28, 28))
        found[what] = idx(file.magic, np.arange(count) % 10 if "labels" in what else images)
    return found


def write_fashion(root, patch):
    """100 training and 20 test images where Fashion-MNIST is looked for, with their checksums."""
    counts = {"train": 100, "test": 20}
    folder = root / "fashion_mnist"
    folder.mkdir(parents=True)
    files = {}
    for what, content in contents(_idx.FASHION.files, counts).items():
        file, packed = _idx.FASHION.files[what], gzip.compress(content, mtime=0)
        (folder / f"{file.name}.gz").write_bytes(packed)
        files[what] = file._replace(md5=hashlib.md5(packed).hexdigest())
    patch.setattr(_idx, "COUNTS", counts)
    patch.setattr(_idx, "FASHION", _idx.FASHION._replace(files=files))
    patch.setattr(fashion_mnist.Params, "OF_MNIST", Counts(100, 20, 20))
