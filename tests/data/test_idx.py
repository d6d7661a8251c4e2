"""MNIST's files: what is in them is told apart by what everybody knows of it."""

import struct

import numpy as np
import pytest

from isotrope.data import _idx
from isotrope.datasets.local_data import absent_files

needs_mnist = pytest.mark.skipif(
    bool(absent_files(_idx.local_files(_idx.MNIST))), reason="needs MNIST under $ISOTROPE_DATA"
)


@needs_mnist
def test_the_first_digits_of_mnist_and_its_mean_are_the_known_ones():
    arrays, _ = _idx.read(_idx.MNIST, "local")
    assert arrays["train labels"][:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert arrays["test labels"][:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert arrays["train images"].shape == (60000, 28, 28)
    assert arrays["test images"].shape == (10000, 28, 28)
    # by which every second program on the net normalises
    assert round(float(arrays["train images"].mean()) / 255, 4) == 0.1307
    assert round(float(arrays["train images"].std()) / 255, 4) == 0.3081
    one = arrays["train images"][3]  # upright, a little to the right at the top
    assert (one > 0).sum() < 100
    assert abs(np.nonzero(one)[1].mean() - 14) < 2


def test_an_idx_file_is_read_row_by_row_after_its_header():
    labels = bytes([0, 0, 8, 1]) + struct.pack(">I", 4) + bytes([5, 0, 4, 1])
    assert _idx.parse(labels, _idx.LABELS).tolist() == [5, 0, 4, 1]

    pixels = bytearray(2 * 28 * 28)
    pixels[1] = 10  # the first image, first row, second column
    pixels[28] = 20  # second row, first column
    pixels[28 * 28 + 27] = 30  # the second image, the end of its first row
    header = bytes([0, 0, 8, 3]) + struct.pack(">3I", 2, 28, 28)
    images = _idx.parse(header + bytes(pixels), _idx.IMAGES)
    assert images.shape == (2, 28, 28)
    found = [(*place, images[tuple(place)]) for place in np.argwhere(images).tolist()]
    assert found == [(0, 0, 1, 10), (0, 1, 0, 20), (1, 0, 27, 30)]
