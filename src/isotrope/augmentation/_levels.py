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
    """What becomes of each level: inverted, solarized, posterized, or stretched.

    Shapes:
        levels: uint8 ``(n, channels, height, width)``
        operations: codes int64 ``(n,)``; those of other operations leave the levels as they are
        magnitudes: ``(n,)``
        output: uint8 ``(n, channels, 256)``
    """
    level = torch.arange(256, device=levels.device, dtype=torch.float32)
    codes = operations[:, None]
    threshold = torch.where(codes == CODES["invert"], 0.0, magnitudes[:, None])
    turning = (codes == CODES["invert"]) | (codes == CODES["solarize"])
    found = torch.where(turning & (level >= threshold), 255 - level, level)
    step = 2.0 ** (8 - magnitudes.round())[:, None]
    kept = ((level / step).floor() * step).float()
    found = torch.where(codes == CODES["posterize"], kept, found)[:, None]
    stretched = _auto_contrast(flavour, levels, level)
    return torch.where((codes == CODES["auto_contrast"])[..., None], stretched, found).byte()


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
    return torch.where(step > 0, even.clamp(max=255), level).byte()


def blended(flavour: Flavour, levels: Tensor, operations: Tensor, factors: Tensor) -> Tensor:
    """Less or more brightness, contrast, colour or sharpness: none (0), the image (1), more.

    None are black, the mean grey of the image, its greys, and its smoothed form: the mean of nine
    pixels in which the middle one counts five times; pixels at the border are not smoothed.

    Shapes:
        levels: uint8 ``(n, channels, height, width)``
        operations: codes int64 ``(n,)``, each one of ``ENHANCING``
        factors: ``(n,)``
        output: as the levels
    """
    codes, factor = operations[:, None, None, None], factors[:, None, None, None]
    image = levels.float()
    grey = _grey(flavour, levels)
    mean = grey.mean(dim=(1, 2, 3), keepdim=True, dtype=torch.float64)
    mean = ((mean + 0.5).floor() if flavour == "published" else mean).float()
    least = torch.where(codes == CODES["contrast"], mean, 0.0)
    grey = grey.float() if levels.shape[1] == 3 else image
    least = torch.where(codes == CODES["colour"], grey, least)
    least = torch.where(codes == CODES["sharpness"], _smoothed(image), least)
    found = _blend(flavour, least, image, factor)
    if levels.shape[1] == 1:  # greys have no colours, and blending would round them
        found = torch.where(codes == CODES["colour"], image, found)
    return found.byte()


def _smoothed(image: Tensor) -> Tensor:
    if min(image.shape[-2:]) < 3:
        return image
    rows = image[..., :-2, :] + image[..., 1:-1, :] + image[..., 2:, :]
    total = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:] + 4 * image[..., 1:-1, 1:-1]
    smooth = image.clone()
    smooth[..., 1:-1, 1:-1] = ((2 * total + 13) / 26).floor()  # the 13th part, rounded; exact
    return smooth


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
