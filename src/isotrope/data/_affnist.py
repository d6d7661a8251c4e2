"""How the images of ``affnist`` are drawn; see there for what is published of them."""

import numpy as np
from numpy.typing import NDArray

from isotrope.data._digits import SIDE, Digits
from isotrope.data._image_blocks import Block
from isotrope.data._warp import pose_numbers, warp

CANVAS = 40  # pixels
TURN = 20.0  # degrees, either way
SHEAR = 0.2  # pixels to the right for each pixel down, either way
STRETCH = 0.2  # factors are 1 minus this to 1 plus this
_TRAIN, _TEST = 0, 1  # streams

Floats = NDArray[np.float64]


def shifted(digits: Digits, indices: NDArray[np.integer], seed: int) -> Block:
    """Training images: digits at a place of whole pixels where their 28 x 28 pixels fit.

    Args:
        digits: one for each image.
        indices: of the images in their split, which key what is drawn, ``(n,)``.
        seed: of the data set.
    """
    numbers = pose_numbers(seed, _TRAIN, indices, 2)
    corner = np.floor((CANVAS - SIDE + 1) * numbers)
    position = corner + (SIDE - 1) / 2
    images = warp(
        digits.images, CANVAS, scale=digits.zoom, position=position, interpolation="bicubic"
    )
    none = np.zeros(len(indices), np.float32)
    return {
        "images": images,
        "labels": digits.labels,
        "angle": none,
        "shear": none,
        "stretch": np.ones((len(indices), 2), np.float32),
        "position": position.astype(np.float32),
    }


def mapped(digits: Digits, indices: NDArray[np.integer], seed: int) -> Block:
    """Test images: digits stretched, sheared, turned, and put where all of their ink is seen.

    Args:
        digits: one for each image.
        indices: of the images in their split, which key what is drawn, ``(n,)``.
        seed: of the data set.
    """
    numbers = pose_numbers(seed, _TEST, indices, 6)
    ways = 2 * numbers[:, :4] - 1
    angle = (TURN * ways[:, 0]).astype(np.float32)
    shear = (SHEAR * ways[:, 1]).astype(np.float32)
    stretch = (1 + STRETCH * ways[:, 2:]).astype(np.float32)
    matrix = matrices(shear, stretch)
    low, high = places(digits, angle, matrix)
    position = (low + (high - low) * numbers[:, 4:]).astype(np.float32)
    images = warp(digits.images, CANVAS, angle, digits.zoom, position, "bicubic", matrix=matrix)
    return {
        "images": images,
        "labels": digits.labels,
        "angle": angle,
        "shear": shear,
        "stretch": stretch,
        "position": position,
    }


def matrices(shear: NDArray[np.float32], stretch: NDArray[np.float32]) -> Floats:
    """Stretching, then shearing, ``(n, 2, 2)``: from x and y to new x and y.

    Args:
        shear: ``(n,)``.
        stretch: across and down, ``(n, 2)``.
    """
    result = np.zeros((len(shear), 2, 2))
    result[:, 0, 0], result[:, 1, 1] = stretch.T
    result[:, 0, 1] = shear.astype(np.float64) * stretch[:, 1]
    return result


def places(digits: Digits, angle: NDArray[np.float32], matrix: Floats) -> tuple[Floats, Floats]:
    """Between which places the middle of an image may lie so that all ink is on the canvas.

    Ink is the squares of all pixels that are not black. Where it is larger than the canvas, both
    places are that at which it sticks out as far on either side.

    Args:
        digits: one for each image.
        angle: ``(n,)`` degrees.
        matrix: what comes before the turn, ``(n, 2, 2)``.

    Returns:
        The lowest x and y, ``(n, 2)`` pixels, and the highest.
    """
    radians = np.deg2rad(angle.astype(np.float64))
    cosine, sine = np.cos(radians), np.sin(radians)
    turn = np.stack([cosine, sine, -sine, cosine], axis=1).reshape(-1, 2, 2)
    whole = digits.zoom * (turn @ matrix)
    side = digits.images.shape[-1]
    ink = digits.images != 0
    across = np.arange(side) - (side - 1) / 2
    down = across[:, None]
    low, high = np.empty((len(angle), 2)), np.empty((len(angle), 2))
    for axis in range(2):
        of_x, of_y = (whole[:, axis, one][:, None, None] for one in range(2))
        rim = (np.abs(of_x) + np.abs(of_y))[:, 0, 0] / 2  # of a pixel's square
        at = of_x * across + of_y * down
        least = np.where(ink, at, np.inf).min(axis=(1, 2)) - rim
        most = np.where(ink, at, -np.inf).max(axis=(1, 2)) + rim
        first, last = -0.5 - least, CANVAS - 0.5 - most
        fits, middle = first <= last, (first + last) / 2
        low[:, axis], high[:, axis] = np.where(fits, (first, last), middle)
    return low, high
