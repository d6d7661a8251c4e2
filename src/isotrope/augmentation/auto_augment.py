"""AutoAugment's policy for CIFAR-10: two operations on each image, of geometry, colour or contrast.

Each image draws one of 25 pairs of operations; each of both is then done or left out by its
probability. Operations work on grey levels of 0 to 255, to which images are rounded. They are made
for images of 32 x 32 pixels with one or three channels, and take any size. Masks are moved by the
operations of geometry, take the nearest pixel and are framed by void.

``flavour: published`` are the operations of the code of Parametric Scattering Networks: geometry
by cubic splines, framed by zeros; magnitudes drawn between two edges, whose sign belongs to the
policy; all else as in Pillow. Known of that code and kept: the point about which images turn and
are sheared lies one pixel right of and below the middle; ``translate_x`` and ``shear_x`` have
their names from different axes (``shear_x`` moves pixels up and down).

``flavour: torchvision`` are those of ``torchvision.transforms.AutoAugment`` on tensors: nearest
pixels, fixed magnitudes, signs drawn.

In the published training it stands behind ``crop`` (padding 4) and ``flip``, and before ``cutout``.

Sources: Cubuk et al., "AutoAugment: Learning Augmentation Policies from Data", CVPR 2019,
https://arxiv.org/abs/1805.09501; Gauthier et al., "Parametric Scattering Networks", CVPR 2022,
https://arxiv.org/abs/2107.09539. Differs from both: numbers are drawn for all images of an epoch
at once by the seed's own generator, so they are others than theirs; solarize draws its threshold
to a fraction of a level, as the published code does.
"""

from collections.abc import Callable

import torch
from pydantic import Field
from torch import Tensor

from isotrope.augmentation._levels import blended, equalizing, looked_up, tables
from isotrope.augmentation._pixels import nearest, sampled
from isotrope.augmentation._policies import (
    CODES,
    ENHANCED,
    MOVING,
    Flavour,
    draw_operations,
)
from isotrope.augmentation._splines import spline_sampled
from isotrope.layers import forms
from isotrope.settings import Settings

REVISION = 1


class Params(Settings):
    """Whose operations."""

    flavour: Flavour = Field(
        "published",
        description="published: those of Parametric Scattering Networks' code, cubic splines and "
        "magnitudes drawn between two edges; torchvision: those of torchvision on tensors, nearest "
        "pixels and fixed magnitudes",
    )


def draw(params: Params, generator: torch.Generator, count: int) -> dict[str, Tensor]:
    """What is done to each image.

    Returns:
        ``operation``, codes of two operations, int64 ``(count, 2)``, 0 where nothing is done; and
        ``magnitude``, float64 ``(count, 2)``, in the units that ``_policies`` has.
    """
    operations, magnitudes = draw_operations(params.flavour, generator, count)
    return {"operation": operations, "magnitude": magnitudes}


def augment(
    params: Params, images: Tensor, labels: Tensor, numbers: dict[str, Tensor]
) -> tuple[Tensor, Tensor]:
    """The images after both operations, whole levels divided by 255.

    Raises:
        ValueError: if images have neither one channel nor three.
    """
    levels = (images * 255).round().clamp(0, 255).to(torch.uint8)
    places = zip(numbers["operation"].unbind(1), numbers["magnitude"].unbind(1), strict=True)
    for operations, magnitudes in places:
        moving = operations >= MOVING
        levels = _recoloured(params.flavour, levels, operations, magnitudes)
        levels = _on(moving, _moved(params.flavour), levels, operations, magnitudes)
        if labels.ndim == 3:
            labels = _on(moving, _moved_masks(params.flavour), labels, operations, magnitudes)
    return levels.to(images.dtype) / 255, labels


def _recoloured(flavour: Flavour, levels: Tensor, operations: Tensor, magnitudes: Tensor) -> Tensor:
    """Levels after the operations that move no pixels."""

    def by_tables(some: Tensor, codes: Tensor, sizes: Tensor) -> Tensor:
        return looked_up(some, tables(flavour, some, codes, sizes))

    def equalized(some: Tensor) -> Tensor:
        return looked_up(some, equalizing(some))

    def enhanced(some: Tensor, codes: Tensor, factors: Tensor) -> Tensor:
        return blended(flavour, some, codes, factors)

    even = operations == CODES["equalize"]
    looking = (operations > 0) & (operations < CODES["equalize"])
    enhancing = (operations >= ENHANCED) & (operations < MOVING)
    levels = _on(looking, by_tables, levels, operations, magnitudes)
    levels = _on(even, equalized, levels)
    return _on(enhancing, enhanced, levels, operations, magnitudes)


def _moved(flavour: Flavour) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """What takes levels, codes and magnitudes, and gives levels moved by geometry."""

    def moved(levels: Tensor, operations: Tensor, magnitudes: Tensor) -> Tensor:
        y, x = _sources(flavour, operations, magnitudes, *levels.shape[-2:])
        if flavour == "torchvision":
            return nearest(levels, y, x)
        found = spline_sampled(levels, y, x)
        return (found + 0.5).floor().clamp(0, 255).to(torch.uint8)

    return moved


def _moved_masks(flavour: Flavour) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """What takes masks, codes and magnitudes, and gives masks moved by geometry."""

    def moved(masks: Tensor, operations: Tensor, magnitudes: Tensor) -> Tensor:
        return sampled(masks, *_sources(flavour, operations, magnitudes, *masks.shape[-2:]))

    return moved


def _sources(
    flavour: Flavour, operations: Tensor, magnitudes: Tensor, height: int, width: int
) -> tuple[Tensor, Tensor]:
    """Where each pixel comes from, rows and columns, float64 ``(n, height, width)``."""
    one, zero = torch.ones_like(magnitudes), torch.zeros_like(magnitudes)

    def of(name: str, value: Tensor, else_: Tensor) -> Tensor:
        return torch.where(operations == CODES[name], value, else_)

    angle = torch.deg2rad(magnitudes)
    cosine, sine = of("rotate", angle.cos(), one), of("rotate", angle.sin(), zero)
    if flavour == "published":
        middle = height / 2 + 0.5, width / 2 + 0.5
        rows_by_columns = of("shear_x", magnitudes, -sine)
        columns_by_rows = of("shear_y", magnitudes, sine)
        down = of("translate_y", magnitudes * height, zero)
        right = of("translate_x", magnitudes * width, zero)
    else:
        middle = (height - 1) / 2, (width - 1) / 2
        columns_by_rows = of("shear_x", magnitudes, -sine)
        rows_by_columns = of("shear_y", magnitudes, sine)
        # shears are about the corner of the image
        down = of("translate_y", -(magnitudes * height).trunc(), zero)
        down = down + of("shear_y", magnitudes * width / 2, zero)
        right = of("translate_x", -(magnitudes * width).trunc(), zero)
        right = right + of("shear_x", magnitudes * height / 2, zero)
    i = torch.arange(height, device=magnitudes.device, dtype=magnitudes.dtype)[:, None]
    j = torch.arange(width, device=magnitudes.device, dtype=magnitudes.dtype)
    cosine, down, right, rows_by_columns, columns_by_rows = (
        value[:, None, None] for value in (cosine, down, right, rows_by_columns, columns_by_rows)
    )
    y = cosine * (i - middle[0]) + rows_by_columns * (j - middle[1]) + middle[0] + down
    x = cosine * (j - middle[1]) + columns_by_rows * (i - middle[0]) + middle[1] + right
    return y, x


def _on(chosen: Tensor, work: Callable[..., Tensor], images: Tensor, *own: Tensor) -> Tensor:
    """Images of which the chosen ones are worked on, with their own numbers.

    A CPU works on those alone; a GPU must not wait to be told which, and works on all.
    """
    if forms.few_launches(images):
        shape = (-1, *(1,) * (images.ndim - 1))
        return torch.where(chosen.view(shape), work(images, *own), images)
    rows = chosen.nonzero()[:, 0]
    if not len(rows):
        return images
    return images.index_copy(0, rows, work(images[rows], *(values[rows] for values in own)))
