"""Operations on grey levels 0 to 255 of many images at once, on any device.

In ``published`` form they are those of Pillow's ``ImageOps`` and ``ImageEnhance``, which cut off
what lies between two levels. In ``torchvision`` form they are torchvision's on tensors: greys have
other weights, the mean of the contrast is not rounded, and sums are taken in another order.
"""

import torch
from torch import Tensor

from isotrope.augmentation._policies import CODES, Flavour

_PILLOW = (19595, 38470, 7471)  # grey of red, green and blue, in 65536ths
_TORCHVISION = (0.2989, 0.587, 0.114)


def tables(flavour: Flavour, levels: Tensor, operations: Tensor, magnitudes: Tensor) -> Tensor:
    """What becomes of each level: inverted, posterized, solarized, brightness, contrast and others.

    Shapes:
        levels: uint8 ``(n, channels, height, width)``
        operations: codes int64 ``(n,)``; other codes leave the levels as they are
        magnitudes: ``(n,)``
        output: uint8 ``(n, channels, 256)``
    """
    level = torch.arange(256, device=levels.device, dtype=torch.float32)
    factor = magnitudes[:, None]
    grey = _grey(flavour, levels).flatten(1).double().mean(dim=1)[:, None]
    mean = (grey + 0.5).floor() if flavour == "published" else grey
    bits = magnitudes.round()[:, None]
    step = 2.0 ** (8 - bits)
    found = level.expand(levels.shape[0], levels.shape[1], 256)
    choices = {
        "invert": 255 - level.expand(len(levels), 256),
        "posterize": ((level / step).floor() * step).float(),
        "solarize": torch.where(level < factor, level, 255 - level),
        "brightness": _blend(flavour, torch.zeros_like(mean), level, factor),
        "contrast": _blend(flavour, mean, level, factor),
    }
    for name, values in choices.items():
        found = torch.where((operations == CODES[name])[:, None, None], values[:, None], found)
    stretched = (operations == CODES["auto_contrast"])[:, None, None]
    return torch.where(stretched, _auto_contrast(flavour, levels, level), found).to(torch.uint8)


def looked_up(levels: Tensor, table: Tensor) -> Tensor:
    """Levels uint8 ``(n, channels, height, width)`` by a table uint8 ``(n, channels, 256)``."""
    return table.gather(2, levels.flatten(2).long()).view(levels.shape)


def equalizing(levels: Tensor) -> Tensor:
    """The table that spreads each channel's levels evenly, uint8 ``(n, channels, 256)``.

    Pixels of the highest level do not count for the width of a step. A channel with too few other
    pixels for a step stays as it is.
    """
    index = levels.flatten(2).long()
    counts = index.new_zeros((*index.shape[:2], 256), dtype=torch.int32)
    counts.scatter_add_(2, index, torch.ones_like(index, dtype=torch.int32))
    below = counts.cumsum(dim=2, dtype=torch.int32) - counts
    step = below.gather(2, index.amax(dim=2, keepdim=True)) // 255
    even = (step // 2 + below) // step.clamp(min=1)
    level = torch.arange(256, device=levels.device, dtype=torch.int32)
    return torch.where(step > 0, even.clamp(max=255), level).to(torch.uint8)


def coloured(flavour: Flavour, levels: Tensor, factors: Tensor) -> Tensor:
    """Between grey (0), the image (1) and stronger colours; images of one channel stay.

    Shapes:
        levels: uint8 ``(n, channels, height, width)``
        factors: ``(n,)``
        output: as the levels
    """
    if levels.shape[1] == 1:
        return levels
    factor = factors[:, None, None, None]
    return _blend(flavour, _grey(flavour, levels).float(), levels.float(), factor).to(torch.uint8)


def sharpened(flavour: Flavour, levels: Tensor, factors: Tensor) -> Tensor:
    """Between smoothed (0), the image (1) and sharper; pixels at the border stay.

    Smoothed is the mean of nine pixels in which the middle one counts five times.

    Shapes:
        levels: uint8 ``(n, channels, height, width)``
        factors: ``(n,)``
        output: as the levels
    """
    if min(levels.shape[-2:]) < 3:
        return levels
    image = levels.float()
    rows = image[..., :-2, :] + image[..., 1:-1, :] + image[..., 2:, :]
    inner = image[..., 1:-1, 1:-1]
    total = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:] + 4 * inner
    smooth = image.clone()
    smooth[..., 1:-1, 1:-1] = ((2 * total + 13) / 26).floor()  # the 13th part, rounded; exact
    return _blend(flavour, smooth, image, factors[:, None, None, None]).to(torch.uint8)


def _grey(flavour: Flavour, levels: Tensor) -> Tensor:
    """Grey levels, int32 ``(n, 1, height, width)``.

    Raises:
        ValueError: if images have neither one channel nor three.
    """
    channels = levels.shape[1]
    if channels not in (1, 3):
        raise ValueError(f"auto_augment needs images of 1 or 3 channels, got {channels}")
    if channels == 1:
        return levels.int()
    precise = torch.int32 if flavour == "published" else torch.float32
    red, green, blue = (levels[:, k : k + 1].to(precise) for k in range(3))
    weights: tuple[float, ...] = _PILLOW if flavour == "published" else _TORCHVISION
    grey = weights[0] * red + weights[1] * green + weights[2] * blue
    return (grey + 32768) >> 16 if flavour == "published" else grey.int()


def _blend(flavour: Flavour, least: Tensor, image: Tensor, factor: Tensor) -> Tensor:
    """The least of an effect at factor 0, the image at 1, on the line through both elsewhere.

    Float32, whole numbers from 0 to 255.
    """
    if flavour == "published":
        found = least.float() + factor.float() * (image - least.float())
    else:
        found = factor.float() * image + (1 - factor).float() * least.float()
    return found.clamp(0, 255).floor()


def _auto_contrast(flavour: Flavour, levels: Tensor, level: Tensor) -> Tensor:
    """Levels stretched so that those of each channel reach from 0 to 255."""
    darkest, brightest = levels.flatten(2).aminmax(dim=2, keepdim=True)
    precise = torch.float64 if flavour == "published" else torch.float32
    low, high, level = darkest.to(precise), brightest.to(precise), level.to(precise)
    span = torch.where(high > low, high - low, 1.0)
    if flavour == "published":
        scale = torch.full_like(span, 255) / span
        stretched = level * scale - low * scale
    else:
        scale = 255 / span  # torch multiplies by the reciprocal, and so does torchvision
        stretched = (level - low) * scale
    return torch.where(high > low, stretched.clamp(0, 255).floor(), level).float()
