"""Images of any size before and after a perturbation.

These are the two published ways to show ImageNet's images to RAM-LPM (Kiritani and Ono, 2020,
https://arxiv.org/abs/2002.05388): ``224`` attacks a resized crop, ``original`` attacks the image as
it is, which is padded to a square after the perturbation.
"""

from torch import Tensor
from torch.nn import functional as F


def resized(images: Tensor, size: int) -> Tensor:
    """The central square of images whose shorter side becomes a size.

    Bilinear, low-passed where they shrink. Differs from the original: not rounded to grey values.

    Args:
        images: ``(batch, channels, height, width)`` float.
        size: pixels, at least 1.

    Returns:
        ``(batch, channels, size, size)``.

    Raises:
        ValueError: if the size is below 1.
    """
    if size < 1:
        raise ValueError(f"size must be at least 1 pixel, got {size}")
    short = min(images.shape[-2:])
    height, width = (max(size, side * size // short) for side in images.shape[-2:])
    if (height, width) != tuple(images.shape[-2:]):
        images = F.interpolate(images, (height, width), mode="bilinear", antialias=True)
    top, left = round((height - size) / 2), round((width - size) / 2)
    return images[..., top : top + size, left : left + size]


def zero_padded(images: Tensor) -> Tensor:
    """Images in the middle of a black square as large as their longer side.

    As ``around`` of a `Victim` it comes after the perturbation, which stays inside the image.

    Shapes:
        images: ``(batch, channels, height, width)``
        output: ``(batch, channels, side, side)``; an odd rest goes below and to the right
    """
    height, width = images.shape[-2:]
    down, across = max(0, width - height), max(0, height - width)
    return F.pad(images, (across // 2, across - across // 2, down // 2, down - down // 2))
