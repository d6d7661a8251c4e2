"""The 25 sub-policies that AutoAugment found for CIFAR-10, and how strong their operations are.

A sub-policy is two operations, each with a probability and the index of its magnitude. Two
implementations read the indices differently:

- ``published``, the code of Parametric Scattering Networks and of many others: index ``m`` draws a
  magnitude evenly between the edges ``m`` and ``m + 1`` of eleven that divide a range evenly. The
  ranges of geometry are signed, so a low index moves to one side and a high one to the other.
- ``torchvision``: index ``m`` is the ``m``-th of ten values from no effect on; the sign of geometry
  and of the four enhancements is drawn.

Magnitudes: shears are tangents; translations are parts of the side, rotations degrees, posterize
bits, solarize a grey level, the enhancements (contrast, colour, brightness, sharpness) factors.

Sources: Cubuk, Zoph, Mane, Vasudevan and Le, "AutoAugment: Learning Augmentation Policies from
Data", CVPR 2019, https://arxiv.org/abs/1805.09501; torchvision's ``AutoAugment``; the code of
Gauthier et al., "Parametric Scattering Networks", CVPR 2022, https://arxiv.org/abs/2107.09539.
"""

from typing import Literal

import torch
from torch import Tensor

Flavour = Literal["published", "torchvision"]

OPERATIONS = (
    *("nothing", "invert", "posterize", "solarize", "auto_contrast"),
    "equalize",
    *("brightness", "contrast", "colour", "sharpness"),
    *("shear_x", "shear_y", "translate_x", "translate_y", "rotate"),
)
CODES = {name: code for code, name in enumerate(OPERATIONS)}
ENHANCED = CODES["brightness"]  # the first of four that more or less can be had of
MOVING = CODES["shear_x"]  # the first operation that moves pixels; all after it do
ENHANCING = ("brightness", "contrast", "colour", "sharpness")

_LARGEST_SHIFT = 150 / 331  # of the side
RANGES = {  # of ``published``; operations that are not here have no magnitude
    "shear_x": (-0.3, 0.3),
    "shear_y": (-0.3, 0.3),
    "translate_x": (-_LARGEST_SHIFT, _LARGEST_SHIFT),
    "translate_y": (-_LARGEST_SHIFT, _LARGEST_SHIFT),
    "rotate": (-30.0, 30.0),
    "posterize": (4.0, 8.0),
    "solarize": (0.0, 256.0),
    **dict.fromkeys(ENHANCING, (0.1, 1.9)),
}

CIFAR10 = (
    (("invert", 0.1, 7), ("contrast", 0.2, 6)),
    (("rotate", 0.7, 2), ("translate_x", 0.3, 9)),
    (("sharpness", 0.8, 1), ("sharpness", 0.9, 3)),
    (("shear_y", 0.5, 8), ("translate_y", 0.7, 9)),
    (("auto_contrast", 0.5, 8), ("equalize", 0.9, 2)),
    (("shear_y", 0.2, 7), ("posterize", 0.3, 7)),
    (("colour", 0.4, 3), ("brightness", 0.6, 7)),
    (("sharpness", 0.3, 9), ("brightness", 0.7, 9)),
    (("equalize", 0.6, 5), ("equalize", 0.5, 1)),
    (("contrast", 0.6, 7), ("sharpness", 0.6, 5)),
    (("colour", 0.7, 7), ("translate_x", 0.5, 8)),
    (("equalize", 0.3, 7), ("auto_contrast", 0.4, 8)),
    (("translate_y", 0.4, 3), ("sharpness", 0.2, 6)),
    (("brightness", 0.9, 6), ("colour", 0.2, 8)),
    (("solarize", 0.5, 2), ("invert", 0.0, 3)),
    (("equalize", 0.2, 0), ("auto_contrast", 0.6, 0)),
    (("equalize", 0.2, 8), ("equalize", 0.6, 4)),
    (("colour", 0.9, 9), ("equalize", 0.6, 6)),
    (("auto_contrast", 0.8, 4), ("solarize", 0.2, 8)),
    (("brightness", 0.1, 3), ("colour", 0.7, 0)),
    (("solarize", 0.4, 5), ("auto_contrast", 0.9, 3)),
    (("translate_y", 0.9, 9), ("translate_y", 0.7, 9)),
    (("auto_contrast", 0.9, 2), ("solarize", 0.8, 3)),
    (("equalize", 0.8, 8), ("invert", 0.1, 3)),
    (("translate_y", 0.7, 9), ("auto_contrast", 0.9, 1)),
)


def draw_operations(
    flavour: Flavour, generator: torch.Generator, count: int
) -> tuple[Tensor, Tensor]:
    """The two operations of each image and their magnitudes.

    Returns:
        Codes of ``OPERATIONS``, int64 ``(count, 2)``, 0 where the operation is left out; and
        magnitudes, float64 ``(count, 2)``, 0 where there are none.
    """
    chosen = torch.randint(0, len(CIFAR10), (count,), generator=generator)
    chance, place = (
        torch.rand(count, 2, generator=generator, dtype=torch.float64) for _ in range(2)
    )
    codes = torch.tensor([[CODES[name] for name, _, _ in pair] for pair in CIFAR10])
    odds = torch.tensor([[odds for _, odds, _ in pair] for pair in CIFAR10], dtype=torch.float64)
    done = chance < odds[chosen]
    low, high = (
        torch.tensor(
            [[_ends(flavour, name, m)[end] for name, _, m in pair] for pair in CIFAR10],
            dtype=torch.float64,
        )[chosen]
        for end in (0, 1)
    )
    if flavour == "published":
        magnitudes = low + (high - low) * place
    else:
        magnitudes = torch.where(place < 0.5, low, high)
    return torch.where(done, codes[chosen], 0), torch.where(done, magnitudes, 0.0)


def _ends(flavour: Flavour, name: str, index: int) -> tuple[float, float]:
    """Between which magnitudes an index of ``published`` draws; which two ``torchvision`` has."""
    if name not in RANGES:
        return 0.0, 0.0
    low, high = RANGES[name]
    if flavour == "published":
        width = (high - low) / 10
        return low + index * width, low + (index + 1) * width
    if name == "posterize":
        bits = 8.0 - round(4 * index / 9)
        return bits, bits
    if name == "solarize":
        return (255 * (1 - index / 9),) * 2
    centre = (low + high) / 2  # 1 for enhancements, else 0
    reach = (high - centre) * index / 9
    return centre - reach, centre + reach
