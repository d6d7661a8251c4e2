"""Images sampled where a grid says, with a gradient of the grid that does not vary on a GPU.

The gradient of `torch.nn.functional.grid_sample` on CUDA computes those of images and grid in one
kernel, whose sums over pixels of the images come in random order; torch warns of it even where no
image needs a gradient. That of the grid alone are four neighbours of each sample and their weights.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from isotrope.layers.constants import made_once
from isotrope.layers.forms import few_launches

_AROUND = 2  # zeros around an image, so that all neighbours of what lies outside are zeros


def sampled(images: Tensor, grid: Tensor) -> Tensor:
    """The images at the positions of a grid, bilinear, with zeros outside.

    The same as ``torch.nn.functional.grid_sample`` with ``align_corners=False``.

    Shapes:
        images: ``(batch, channels, height, width)``
        grid: ``(batch, rows, columns, 2)``: x and y, -1 and 1 at the edges of the image
        output: ``(batch, channels, rows, columns)``
    """
    if few_launches(images) and torch.is_grad_enabled():
        run: Any = _Sampled
        found: Tensor = run.apply(images, grid)
        return found
    return F.grid_sample(images, grid, align_corners=False)


class _Places(NamedTuple):
    """What turns a grid into pixels of an image with zeros around it, each for x and y.

    Args:
        half: half of the width and of the height.
        edge: where the image begins, in pixels from the centre of the first.
        first, last: the outermost pixels to take for a neighbour towards the origin.
        steps: from one pixel to the next in the flat image with its zeros.
        neighbours: the places of all four there, from the one towards the origin: ``(2, 2)``: y, x.
    """

    half: Tensor
    edge: Tensor
    first: Tensor
    last: Tensor
    steps: Tensor
    neighbours: Tensor


@made_once
def _places(height: int, width: int, dtype: torch.dtype, device: torch.device) -> _Places:
    sides = torch.tensor([width, height], device=device)
    step = width + 2 * _AROUND
    neighbours = torch.tensor([[0, 1], [step, step + 1]], device=device)
    return _Places(
        sides.to(dtype) / 2,
        torch.full((2,), -0.5, dtype=dtype, device=device),
        torch.full_like(sides, -_AROUND),
        sides + _AROUND - 2,
        torch.tensor([1, step], device=device),
        neighbours + _AROUND * (step + 1),
    )


class _Sampled(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(images: Tensor, grid: Tensor) -> Tensor:
        return F.grid_sample(images, grid, align_corners=False)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        del output
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        images, grid = ctx.saved_tensors
        of_images = of_grid = None
        if ctx.needs_input_grad[0]:
            both = torch.ops.aten.grid_sampler_2d_backward
            of_images = both(gradient, images, grid, 0, 0, False, (True, False))[0]
        if ctx.needs_input_grad[1]:
            of_grid = _grid_gradient(gradient, images, grid)
        return of_images, of_grid


def _grid_gradient(gradient: Tensor, images: Tensor, grid: Tensor) -> Tensor:
    places = _places(images.shape[-2], images.shape[-1], grid.dtype, grid.device)
    pixels = torch.addcmul(places.edge, grid + 1, places.half)
    whole = pixels.floor()
    weights = pixels - whole
    corner = whole.long().clamp(places.first, places.last)  # NaN finds a pixel, too
    corner = (corner * places.steps).sum(dim=-1)
    index = (corner[..., None, None] + places.neighbours).flatten(1)
    padded = F.pad(images, (_AROUND,) * 4).flatten(2)
    values = padded.gather(2, index[:, None].expand(-1, images.shape[1], -1))
    values = values.view(*gradient.shape, 2, 2)
    summed = (values * gradient[..., None, None]).sum(dim=1)  # batch, rows, columns, y, x
    by_x, by_y = summed[..., 1] - summed[..., 0], summed[..., 1, :] - summed[..., 0, :]
    found = torch.stack(
        (
            torch.lerp(by_x[..., 0], by_x[..., 1], weights[..., 1]),
            torch.lerp(by_y[..., 0], by_y[..., 1], weights[..., 0]),
        ),
        dim=-1,
    )
    return found * places.half
