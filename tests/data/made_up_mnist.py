"""Files of the layout of MNIST's."""

import struct

import numpy as np


def idx(magic, array):
    """An IDX file of bytes with these values."""
    array = np.asarray(array)
    header = struct.pack(f">{1 + array.ndim}I", magic, *array.shape)
    return header + array.astype(np.uint8).tobytes()
