"""Digits anywhere on a large canvas, at any angle and of any size, with or without clutter.

Source: Esteves, Allen-Blanchette, Zhou and Daniilidis, "Polar Transformer Networks", ICLR 2018,
https://arxiv.org/abs/1709.01889, where the data are called SIM2MNIST. The digits are MNIST's
(LeCun and Cortes, CC BY-SA 3.0), or those that stand in for them (``_digits.py``).

What is published: 96 x 96 pixels, angles from 0 to 360 degrees, scales from 1 to 2.4, clutter, and
10,000 images for training, 5,000 for validation and 50,000 for testing. What is not, and is chosen
here: scales are uniform (``scale_law: log_uniform`` for the other choice); the centre is uniform
among the places where the turned box of the digit's 20 x 20 pixels stays inside; training and
validation have a digit of MNIST's training part each, the test each digit of its test part five
times; a digit is resampled once, by cubic interpolation; clutter is eight square patches of 8 to
12 pixels, cut out of other training digits, not resampled, the brighter pixel is seen.

Every image can be made alone: its pose and its clutter come from streams of their own
(``pose_numbers``), and so sim2mnist and sim2mnist_clean have the same digits at the same poses.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator

from isotrope.data._digits import INK, SIDE, Digits, Raw, stratified_order
from isotrope.data._image_blocks import SIZE, Block, starts
from isotrope.data._warp import pose_numbers, warp
from isotrope.settings import Settings

CANVAS = 96  # pixels
SMALLEST, LARGEST = 1.0, 2.4  # scales
SPLITS = ("train", "valid", "test")
ROUNDS = 5  # how often the test shows each digit
ScaleLaw = Literal["uniform", "log_uniform"]
_POSES, _CLUTTER, _CHOICE = 0, 3, 6  # the first of the streams of each


class Clutter(Settings):
    """Patches of other digits about the digit: how many, and how large."""

    n: int = Field(8, ge=0, le=64, description="patches in each image")
    smallest: int = Field(8, ge=1, le=INK, description="side of a patch at least, in pixels")
    largest: int = Field(12, ge=1, le=INK, description="side of a patch at most, in pixels")

    @field_validator("largest")
    @classmethod
    def _is_not_below_the_smallest(cls, largest: int, info: ValidationInfo) -> int:
        smallest = info.data.get("smallest", 1)
        if largest < smallest:
            raise ValueError(f"must be at least smallest, which is {smallest}")
        return largest


class Pose(NamedTuple):
    """Where digits lie: float32, in degrees, as a factor, and in pixels.

    Args:
        angle: ``(n,)``, counter-clockwise.
        scale: ``(n,)``; 1 is MNIST's size.
        position: x and y of the middle of MNIST's image, ``(n, 2)``.
    """

    angle: NDArray[np.float32]
    scale: NDArray[np.float32]
    position: NDArray[np.float32]


class Plan(NamedTuple):
    """What the images of all splits are made from.

    Args:
        digits: for each split its digits, one for each image.
        patches: pictures of the training split's digits ``(n, 28, 28)`` that clutter is cut from.
        scale_law: of the scales.
        clutter: None: none.
        seed: of all streams.
    """

    digits: dict[str, Digits]
    patches: NDArray[np.uint8]
    scale_law: ScaleLaw
    clutter: Clutter | None
    seed: int

    def blocks(self, split: str) -> Iterator[Block]:
        """The images of a split, block by block."""
        count = len(self.digits[split].labels)
        for start in starts(count):
            yield self.block(split, np.arange(start, min(start + SIZE, count)))

    def block(self, split: str, indices: NDArray[np.integer]) -> Block:
        """Some images of a split, by their indices ``(m,)``: with labels and pose."""
        stream = SPLITS.index(split)
        digits = self.digits[split].some(indices)
        pose = draw_poses(pose_numbers(self.seed, _POSES + stream, indices, 4), self.scale_law)
        scale = digits.zoom * pose.scale.astype(np.float64)
        images = warp(digits.images, CANVAS, pose.angle, scale, pose.position, "bicubic")
        if self.clutter and self.clutter.n:
            drawn = pose_numbers(self.seed, _CLUTTER + stream, indices, 6 * self.clutter.n)
            own = indices if split == "train" else np.full(len(indices), len(self.patches))
            add_clutter(images, self.patches, own, drawn, self.clutter)
        return {"images": images, "labels": digits.labels, **pose._asdict()}


def make_plan(
    raw: Raw,
    counts: dict[str, int],
    scale_law: ScaleLaw = "uniform",
    clutter: Clutter | None = None,
    seed: int = 0,
) -> Plan:
    """Choose the digits of each split.

    Args:
        raw: all digits.
        counts: images of each split; training and validation have as many digits.
        scale_law: of the scales.
        clutter: None: none.
        seed: of all that is drawn.
    """
    labels = raw.train.labels
    order = stratified_order(labels, pose_numbers(seed, _CHOICE, len(labels), 1)[:, 0])
    border = counts["train"]
    digits = {
        "train": raw.train.some(order[:border]),
        "valid": raw.train.some(order[border : border + counts["valid"]]),
        "test": raw.test.some(np.arange(counts["test"]) % len(raw.test.labels)),
    }
    train = digits["train"]
    patches = train.images
    if patches.shape[-1] != SIDE or train.zoom != 1:
        patches = warp(patches, SIDE, scale=train.zoom, interpolation="bicubic")
    return Plan(digits, patches, scale_law, clutter, seed)


def draw_poses(numbers: NDArray[np.float64], scale_law: ScaleLaw) -> Pose:
    """Poses from uniform numbers ``(n, 4)``: for angle, scale, x and y."""
    angle = (360 * numbers[:, 0]).astype(np.float32)
    if scale_law == "uniform":
        scale = (SMALLEST + (LARGEST - SMALLEST) * numbers[:, 1]).astype(np.float32)
    else:
        scale = (SMALLEST * (LARGEST / SMALLEST) ** numbers[:, 1]).astype(np.float32)
    half = half_widths(angle, scale)[:, None]
    position = half - 0.5 + (CANVAS - 2 * half) * numbers[:, 2:]
    return Pose(angle, scale, position.astype(np.float32))


def half_widths(angle: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.float64]:
    """Half of the side of the upright square about the turned 20 x 20 pixels, ``(n,)``."""
    radians = np.deg2rad(angle.astype(np.float64))
    turned = np.abs(np.cos(radians)) + np.abs(np.sin(radians))
    half: NDArray[np.float64] = INK / 2 * scale.astype(np.float64) * turned
    return half


def add_clutter(
    images: NDArray[np.uint8],
    pictures: NDArray[np.uint8],
    own: NDArray[np.integer],
    numbers: NDArray[np.float64],
    clutter: Clutter,
) -> None:
    """Put patches of other digits into images, in place; the brighter pixel is seen.

    Args:
        images: ``(n, 96, 96)``.
        pictures: digits to cut patches from, ``(m, 28, 28)``, m at least 2.
        own: the picture that an image itself shows, which is not cut from, ``(n,)``; m if none.
        numbers: uniform, ``(n, 6 * clutter.n)``.
        clutter: how many patches, how large.
    """
    margin = (SIDE - INK) // 2
    window = np.arange(clutter.largest)
    padded = np.pad(images, ((0, 0), (0, clutter.largest), (0, clutter.largest)))
    source = np.pad(pictures, ((0, 0), (0, clutter.largest), (0, clutter.largest)))
    each = np.arange(len(images))[:, None, None]
    others = len(pictures) - (own < len(pictures))
    for piece in numbers.reshape(len(images), clutter.n, 6).transpose(1, 2, 0):
        picture = (piece[0] * others).astype(np.int64)
        picture += picture >= own
        span = clutter.largest - clutter.smallest + 1
        side = clutter.smallest + (piece[1] * span).astype(np.int64)
        left, top = (margin + (share * (INK - side + 1)).astype(np.int64) for share in piece[2:4])
        x, y = ((share * (CANVAS - side + 1)).astype(np.int64) for share in piece[4:6])
        inside = window < side[:, None]
        patch = source[picture[:, None, None], _grid(top, window), _grid(left, window, across=True)]
        patch = patch * (inside[:, :, None] & inside[:, None, :])
        place = (each, _grid(y, window), _grid(x, window, across=True))
        padded[place] = np.maximum(padded[place], patch)
    images[:] = padded[:, :CANVAS, :CANVAS]


def _grid(
    first: NDArray[np.int64], window: NDArray[np.int64], *, across: bool = False
) -> NDArray[np.int64]:
    """Rows, or columns, of the pixels of windows that begin at ``first`` ``(n,)``."""
    lines = first[:, None] + window
    return lines[:, None, :] if across else lines[:, :, None]
