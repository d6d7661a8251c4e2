"""Random and fixed views of an image and its mask: both are scaled, cut and flipped alike.

Images are uint8 ``(3, height, width)``, masks uint8 ``(height, width)``. Images are read between
their pixels (bilinear, anti-aliased), masks at the nearest pixel. All numbers are drawn from the
generator that is handed in.
"""

import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as views

from isotrope.datasets.images import VOID

MEAN_COLOUR = (124, 116, 104)  # of ImageNet, which is 0 behind the published normalisation
Both = tuple[Tensor, Tensor]


def scaled(
    image: Tensor, mask: Tensor, smallest: float, largest: float, generator: torch.Generator
) -> Both:
    """Both enlarged by one factor, evenly distributed between two."""
    factor = smallest + (largest - smallest) * _number(generator)
    height, width = (max(1, int(size * factor)) for size in mask.shape)
    return _resized(image, mask, height, width)


def randomly_cropped(
    image: Tensor, mask: Tensor, size: int, background: bool, generator: torch.Generator
) -> Both:
    """A square of both; a smaller image is enlarged evenly on both sides by what is nothing.

    Args:
        image: the image.
        mask: its mask.
        size: of the square, in pixels.
        background: what is outside of the image: black and of class 0; else of the mean colour and
            void.
        generator: of the place.
    """
    missing = [max(0, size - side) for side in mask.shape]
    top, left = (number // 2 for number in missing)
    bottom, right = (number - number // 2 for number in missing)
    image, mask = _padded(image, mask, (left, top, right, bottom), background)
    top, left = (
        int(torch.randint(0, side - size + 1, (), generator=generator)) for side in mask.shape
    )
    window = slice(top, top + size), slice(left, left + size)
    return image[:, *window], mask[window]


def flipped_or_not(image: Tensor, mask: Tensor, generator: torch.Generator) -> Both:
    """Both mirrored left to right, every second time."""
    if _number(generator) < 0.5:
        return views.horizontal_flip(image), views.horizontal_flip(mask)
    return image, mask


def coloured(image: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Brightness, contrast and saturation changed in a random order.

    Args:
        image: the image.
        strength: each is multiplied by a number evenly distributed in 1 - strength to 1 + strength.
        generator: of the order and the numbers.
    """
    changes = (views.adjust_brightness, views.adjust_contrast, views.adjust_saturation)
    order = torch.randperm(len(changes), generator=generator).tolist()
    factors = [1 + strength * (2 * _number(generator) - 1) for _ in changes]
    for place in order:
        image = changes[place](image, factors[place])
    return image


def central_square(image: Tensor, mask: Tensor, size: int) -> Both:
    """The shorter side resized to ``size`` pixels, and the square in the middle, mask included."""
    height, width = mask.shape
    shorter = min(height, width)
    height, width = (int(size * side / shorter) for side in (height, width))
    image, mask = _resized(image, mask, height, width)
    top, left = round((height - size) / 2), round((width - size) / 2)
    window = slice(top, top + size), slice(left, left + size)
    return image[:, *window], mask[window]


def padded_to_multiple(image: Tensor, mask: Tensor, multiple: int) -> Both:
    """Both as they are, with the mean colour and void to the right of them and below."""
    bottom, right = (-side % multiple for side in mask.shape)
    return _padded(image, mask, (0, 0, right, bottom), background=False)


def _number(generator: torch.Generator) -> float:
    """Evenly distributed in 0 to 1."""
    return float(torch.rand((), generator=generator))


def _resized(image: Tensor, mask: Tensor, height: int, width: int) -> Both:
    size = [height, width]
    nearest = InterpolationMode.NEAREST_EXACT  # the pixel whose centre is nearest, as in the image
    return (
        views.resize(image, size, InterpolationMode.BILINEAR, antialias=True),
        views.resize(mask[None], size, nearest)[0],
    )


def _padded(image: Tensor, mask: Tensor, around: tuple[int, ...], background: bool) -> Both:
    """Both with something left, above, right and below."""
    if not any(around):
        return image, mask
    colour = [0.0, 0.0, 0.0] if background else [float(one) for one in MEAN_COLOUR]
    label = [0.0] if background else [float(VOID)]
    sides = list(around)
    return views.pad(image, sides, colour), views.pad(mask[None], sides, label)[0]
