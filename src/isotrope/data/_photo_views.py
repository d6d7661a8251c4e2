"""Views of one photo, fixed for tests and random for training, as ImageNet is usually prepared.

A view is uint8 ``(3, side, side)``. Photos are resized between their pixels (bilinear,
anti-aliased). All numbers are drawn from the generator that is handed in.
"""

import math
from typing import Literal, NamedTuple

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as views

Training = Literal["basic", "circular", "randomresized", "plain"]
Fit = Literal["crop", "pad"]
AREA = (0.08, 1.0)  # parts of the photo that a random crop shows
ASPECT = (3 / 4, 4 / 3)  # its width through its height
TRIES = 10
LARGEST_ROLL = 32  # pixels


class Window(NamedTuple):
    """A part of a photo, in pixels."""

    top: int
    left: int
    height: int
    width: int


def whole(photo: Image.Image) -> Tensor:
    """A photo as large as it is, ``(3, height, width)``."""
    image: Tensor = views.pil_to_tensor(photo)
    return image


def tested(photo: Image.Image, shorter: int, side: int) -> Tensor:
    """The middle of a photo whose shorter side was resized.

    Args:
        photo: in colour.
        shorter: pixels of the shorter side.
        side: of the square that is cut out, at most ``shorter``.
    """
    resized = views.center_crop(views.resize(photo, [shorter]), [side, side])
    image: Tensor = views.pil_to_tensor(resized)
    return image


def padded(photo: Image.Image, side: int) -> Tensor:
    """A whole photo in the middle of a black square, which is resized.

    Args:
        photo: in colour.
        side: of the view.
    """
    longer = max(photo.size)
    square = Image.new(photo.mode, (longer, longer))
    square.paste(photo, ((longer - photo.width) // 2, (longer - photo.height) // 2))
    image: Tensor = views.pil_to_tensor(views.resize(square, [side, side]))
    return image


def trained(
    photo: Image.Image,
    view: Training,
    shorter: int,
    side: int,
    generator: torch.Generator,
    fit: Fit = "crop",
) -> Tensor:
    """A random view of a photo.

    Args:
        photo: in colour.
        view: ``plain``: as it is tested; ``basic``: that, mirrored every second time;
            ``circular``: that, rolled by up to 32 pixels along each axis, what leaves on one side
            enters on the other; ``randomresized``: a random part of the photo, resized, mirrored
            every second time.
        shorter: pixels of the shorter side; without effect on ``randomresized``.
        side: of the view.
        generator: of all that is drawn.
        fit: ``crop``: it begins with what `tested` gives; ``pad``: with what `padded` gives;
            without effect on ``randomresized``.
    """
    if view == "randomresized":
        part = random_window(photo.height, photo.width, generator)
        image: Tensor = views.pil_to_tensor(views.resized_crop(photo, *part, [side, side]))
    else:
        image = padded(photo, side) if fit == "pad" else tested(photo, shorter, side)
    if view == "plain":
        return image
    if _number(generator) < 0.5:
        image = views.horizontal_flip(image)
    if view == "circular":
        down, across = (
            int(torch.randint(-LARGEST_ROLL, LARGEST_ROLL + 1, (), generator=generator))
            for _ in range(2)
        )
        image = image.roll((down, across), dims=(1, 2))
    return image


def random_window(height: int, width: int, generator: torch.Generator) -> Window:
    """The part of a photo that a random crop shows.

    Its area is evenly distributed in 0.08 to 1 of the photo's, and the logarithm of its aspect
    evenly between those of 3/4 and 4/3. A part that does not fit is drawn again, ten times at most;
    then it is the largest part in the middle whose aspect is allowed.

    Source: Szegedy et al., "Going Deeper with Convolutions", CVPR 2015.
    """
    low, high = (math.log(aspect) for aspect in ASPECT)
    for _ in range(TRIES):
        area = height * width * (AREA[0] + (AREA[1] - AREA[0]) * _number(generator))
        aspect = math.exp(low + (high - low) * _number(generator))
        its_width, its_height = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < its_width <= width and 0 < its_height <= height:
            top, left = (
                int(torch.randint(0, room + 1, (), generator=generator))
                for room in (height - its_height, width - its_width)
            )
            return Window(top, left, its_height, its_width)
    its_width = min(width, round(height * ASPECT[1]))
    its_height = min(height, round(width / ASPECT[0]))
    return Window((height - its_height) // 2, (width - its_width) // 2, its_height, its_width)


def _number(generator: torch.Generator) -> float:
    """A number in 0..1."""
    return float(torch.rand((), generator=generator))
