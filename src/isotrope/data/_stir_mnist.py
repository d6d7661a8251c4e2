"""The mnist task of STIR, made from the files of MNIST: 10 digits, 50 of each per split and size.

Source: Altstidl, Nguyen, Schwinn, Köferl, Mutschler, Eskofier and Zanca, "Just a Matter of Scale?
Reevaluating Scale Equivariance in Convolutional Neural Networks", IJCNN 2023,
https://arxiv.org/abs/2211.10288. The recipe, resampling, then smoothing and a soft threshold, is
that of Jansson and Lindeberg, "Exploring the ability of CNNs to generalise to previously unseen
scales over wide scale ranges", ICPR 2020, https://arxiv.org/abs/2004.01536. Digits: LeCun and
Cortes, MNIST, CC BY-SA 3.0.

Digits and places are the published ones, number by number. The pixels follow scikit-image 0.18.1,
which the authors used: cubic interpolation after Catmull and Rom, mirrored about the outermost
pixels, clipped to the range of the digit; below 28 pixels a Gaussian first, which 0.18 rounds
down to whole grey values. Compared with 0.18.1 itself in 3,000 images, 11 of 12.3 million pixels
differ, each by 1 of 255: 0.18.1 finds its grid by least squares, and so with rounding errors.
From 0.19 on, scikit-image interpolates with splines and keeps fractions: with 0.26 7 % of the
pixels differ, by up to 38 of 255, in 98 % of the images. The choice of SciPy, 1.13 beside
scikit-image 0.18.1 and 1.17 here, made no difference.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isotrope.console.terminal import with_progress
from isotrope.data import _idx
from isotrope.data._stir_archive import CANVAS, SCALES, SPLITS, Archive, assemble

CLASSES = 10
SIDE = 28  # pixels of a digit as MNIST has it
SEED = 42
ABOUT = {
    "title": "STIR mnist, made by Isotrope",
    "description": "10 digits, white on black on 64 x 64 pixels, 50 of each in boxes of 17 to 64 "
    "pixels per split. Digits and places are those of the STIR mnist archive 1.0.0, and the pixels "
    "follow its recipe. The digits are from MNIST, resampled, smoothed and moved.",
    "author": "Y. LeCun and C. Cortes (digits); T. R. Altstidl et al. (design); Isotrope (pixels)",
    "license": "CC BY-SA 3.0, https://creativecommons.org/licenses/by-sa/3.0/",
    "version": "1",
    "date": "21 November 2026",
}


def local_files() -> list[str]:
    """The four files below ``$ISOTROPE_DATA``, each as it is or packed as ``.gz``."""
    return _idx.local_files(_idx.MNIST)


def choose_digits(
    images: NDArray[np.uint8], labels: NDArray[np.uint8], first: int, instances: int
) -> NDArray[np.uint8]:
    """Instances ``first``, ``first + 1``, ... of each digit, ``(10, instances, 28, 28)``.

    The images of a digit are in the published order: shuffled by NumPy's legacy stream of seed 42.

    Raises:
        ValueError: if there are too few of a digit.
    """
    chosen = []
    for digit in range(CLASSES):
        (found,) = np.nonzero(labels == digit)
        order = found[np.random.RandomState(SEED).permutation(len(found))]
        if len(order) < first + instances:
            raise ValueError(f"need {first + instances} images of digit {digit}, got {len(order)}")
        chosen.append(images[order[first : first + instances]])
    return np.stack(chosen)


def draw_positions(instances: int) -> NDArray[np.int32]:
    """The published places: left and top edge of each box, ``(3, 48, 10, instances, 2)`` pixels.

    NumPy's legacy stream of seed 42 is drawn from by class, instance, scale, then split.
    """
    stream = np.random.RandomState(SEED)
    positions = np.empty((len(SPLITS), len(SCALES), CLASSES, instances, 2), dtype=np.int32)
    for digit, instance in np.ndindex(CLASSES, instances):
        for index, scale in enumerate(SCALES):
            for split in range(len(SPLITS)):
                highest = CANVAS - scale
                place = stream.randint(0, highest + 1, 2, dtype=np.int64)
                positions[split, index, digit, instance] = place
    return positions


def _cubic(values: list[NDArray[np.float64]], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """The curve of Catmull and Rom through four neighbours, at a share of the middle interval."""
    before, left, right, after = values
    curve = 3.0 * (left - right) + after - before
    bend = 2.0 * before - 5.0 * left + 4.0 * right - after
    result: NDArray[np.float64] = left + 0.5 * at * (right - before + at * (bend + at * curve))
    return result


def resize(images: NDArray[np.uint8], size: int) -> NDArray[np.float64]:
    """Square images at another size, as scikit-image 0.18.1 resizes them with ``order=3``.

    Args:
        images: ``(n, side, side)``.
        size: pixels.

    Returns:
        ``(n, size, size)`` in 0..255.
    """
    side = images.shape[-1]
    sigma = max(0.0, (side / size - 1) / 2)
    smooth = _smoothed(images, sigma, "mirror")
    centres = side / size * (np.arange(size) + 0.5) - 0.5
    first = np.floor(centres).astype(int)
    near = np.abs(first[:, None] + np.arange(-1, 3))
    near = np.where(near < side, near, 2 * (side - 1) - near)
    at = centres - first
    values = smooth.astype(np.float64)
    values = _cubic([values[:, :, near[:, k]] for k in range(4)], at)
    values = _cubic([values[:, near[:, k]] for k in range(4)], at[:, None])
    ends = (smooth.min(axis=(1, 2), keepdims=True), smooth.max(axis=(1, 2), keepdims=True))
    clipped: NDArray[np.float64] = values.clip(*ends)
    return clipped


def _smoothed(images: NDArray[Any], sigma: float, mode: str) -> NDArray[Any]:
    """Each image smoothed by a Gaussian of ``sigma`` pixels; ``mode`` says what is beyond edges."""
    from scipy import ndimage  # slow to load, and checking imports this module

    found: NDArray[Any] = ndimage.gaussian_filter(images, (0, sigma, sigma), mode=mode)
    return found


def compose(digits: NDArray[np.float64], positions: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Digits at their places on the canvas, smoothed as their size asks for and thresholded.

    Args:
        digits: ``(n, size, size)`` in 0..255.
        positions: left and top edge, ``(n, 2)`` pixels.

    Returns:
        ``(n, 64, 64)``, each image from 0 to 255.
    """
    size = digits.shape[-1]
    canvas = np.zeros((len(digits), CANVAS, CANVAS))
    for image, digit, (left, top) in zip(canvas, digits, positions, strict=True):
        image[top : top + size, left : left + size] = digit
    sigma = 7.0 / 8.0 * size / SIDE
    smooth = _smoothed(canvas, sigma, "nearest")
    soft = 2 / np.pi * np.arctan(0.02 * (smooth - 128))
    low, high = soft.min(axis=(1, 2), keepdims=True), soft.max(axis=(1, 2), keepdims=True)
    stretched: NDArray[np.float64] = 255.0 * (soft - low) / (high - low)
    return stretched.astype(np.uint8)


def make_images(digits: NDArray[np.uint8], positions: NDArray[np.int32]) -> NDArray[np.uint8]:
    """All images ``(3, 48, classes, instances, 64, 64)``, with a bar on a terminal.

    Args:
        digits: ``(3, classes, instances, 28, 28)``.
        positions: left and top edge of each, ``(3, 48, classes, instances, 2)`` pixels.
    """
    images = np.empty((*positions.shape[:-1], CANVAS, CANVAS), dtype=np.uint8)
    for index, scale in enumerate(with_progress(SCALES, "mnist: sizes")):
        for split, chosen in enumerate(digits):
            flat = resize(chosen.reshape(-1, SIDE, SIDE), scale)
            made = compose(flat, positions[split, index].reshape(-1, 2))
            images[split, index] = made.reshape(images.shape[2:])
    return images


def make_archive(instances: int) -> tuple[Archive, list[tuple[str, str]]]:
    """The mnist archive, and the names and checksums of the user's files that it is made from.

    Args:
        instances: how many digits of a class each split has; 50 in the published archive.

    Raises:
        UserError: if a file of MNIST is absent, damaged or another.
    """
    arrays, rows = _idx.read(_idx.MNIST, "local")
    train = (arrays["train images"], arrays["train labels"])
    digits = np.stack(
        [
            choose_digits(*train, 0, instances),
            choose_digits(*train, instances, instances),
            choose_digits(arrays["test images"], arrays["test labels"], 0, instances),
        ]
    )
    positions = draw_positions(instances)
    names = [str(digit) for digit in range(CLASSES)]
    archive = assemble(make_images(digits, positions), positions, names, ABOUT)
    return archive, rows
