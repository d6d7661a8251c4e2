"""The largest responses of a convolution over three axes, in few large operations for a GPU.

Kernels and maps are multiplied in Fourier space, as `isotrope.layers.scaled_spectra` tells, with
one matrix for each axis. Here real and imaginary parts lie side by side along the axis that the
next matrix sums over, so that each axis takes one product and nothing is copied in between. Along
the scales, half of the frequencies are enough.

Dimensions are stored in the order ``rows, scales, height, width, parts, channels, batch``, where
``rows`` are those of a stack, and scales, height and width are positions or frequencies. As many
rows are computed at once as the memory holds, and of a row as many output channels.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

import isotrope.layers.scaled_spectra as spectral
from isotrope.layers.constants import made_once
from isotrope.layers.forms import numbers_of_all_rows

Sides = tuple[int, int, int]


def largest_responses(maps: Tensor, weights: Tensor, axes: int = 1) -> tuple[Tensor, Tensor]:
    """The largest response over the first axes of scales, rows and columns, and where it is.

    It has no gradient. Below float32 it computes in float32 and returns that.

    Shapes:
        maps: ``(batch, in_channels, scales, height, width)``
        weights: ``(out_channels, in_channels, k, k, k)``
        outputs: ``(batch, out_channels)`` and what axes are left; the second int64, the place
            among all positions of the first ``axes`` axes
    """
    run: Any = _Largest
    values, places = run.apply(maps.detach()[None], weights.detach()[None], axes)
    return values[0], places[0]


class _Matrices(NamedTuple):
    """What each axis is multiplied by.

    Args:
        maps: the transform of maps along scales, height and width: ``(frequencies * 2, scales)``,
            ``(frequencies * 2, 2 * height)`` and ``(frequencies * 3, 2 * width)``, the last to
            imaginary, real and negative imaginary parts.
        kernels: that of kernels, folded as by `isotrope.layers.scaled_spectra.fold`:
            ``(frequencies * k * k * 2, k**3)`` for scales and folding, ``(frequencies, k)`` for
            height and width.
        responses: the inverse transform along width, height and scales:
            ``(2 * columns, frequencies * 2)``, ``(2 * rows, frequencies * 2)`` and
            ``(scales, frequencies * 2)``.
    """

    maps: tuple[Tensor, Tensor, Tensor]
    kernels: tuple[Tensor, Tensor, Tensor]
    responses: tuple[Tensor, Tensor, Tensor]


@made_once
def _matrices(k: int, sides: Sides, dtype: torch.dtype, device: torch.device) -> _Matrices:
    forth, kernels, back = zip(
        *(_waves(k, side, dtype, device, half=axis == 0) for axis, side in enumerate(sides)),
        strict=True,
    )
    cosine, sine = forth[0]
    maps = [torch.stack((cosine, -sine), dim=1).flatten(0, 1)]
    for cosine, sine in forth[1:]:
        real, imaginary = torch.cat((cosine, sine), 1), torch.cat((-sine, cosine), 1)
        last = len(maps) == 2
        parts = (imaginary, real, -imaginary) if last else (real, imaginary)
        maps.append(torch.stack(parts, dim=1).flatten(0, 1))
    one_by_one = torch.eye(k**3, dtype=dtype, device=device).view(-1, 1, k, k, k)
    folded = spectral.fold(one_by_one, True)  # k, k, k, k**3, 2
    first = torch.einsum("sd,duvwr->suvrw", kernels[0], folded).reshape(-1, k**3)
    responses = []
    for cosine, sine in back[:0:-1]:
        real = torch.stack((cosine, -sine), dim=2).flatten(1)
        imaginary = torch.stack((sine, cosine), dim=2).flatten(1)
        responses.append(torch.cat((real, imaginary)))
    counts = torch.full((back[0][0].shape[1],), 2.0, dtype=dtype, device=device)
    counts[0] = 1  # a frequency and its negative, but for the first
    if sides[0] % 2 == 0:
        counts[-1] = 1  # and the last
    cosine, sine = (wave * counts / math.prod(sides) for wave in back[0])
    responses.append(torch.stack((cosine, -sine), dim=2).flatten(1))
    return _Matrices(
        (maps[0], maps[1], maps[2]),
        (first, kernels[1], kernels[2]),
        (responses[0], responses[1], responses[2]),
    )


def _waves(
    k: int, side: int, dtype: torch.dtype, device: torch.device, half: bool
) -> tuple[tuple[Tensor, Tensor], Tensor, tuple[Tensor, Tensor]]:
    """Cosine and sine at the positions of maps, of folded kernels and of responses."""
    frequencies = side // 2 + 1 if half else side
    step = 2 * torch.arange(side, device=device)
    forth, kernel, back = (
        spectral.waves(frequencies, side, doubled, dtype)
        for doubled in (step, step[:k] + 1 - k, step[: side - k + 1] + k - 1)
    )
    folded = torch.cat((kernel[0][:, : (k + 1) // 2], kernel[1][:, : k // 2]), dim=1)
    return forth, folded, (back[0].T, back[1].T)


def _along(matrix: Tensor, numbers: Tensor) -> Tensor:
    """The product of a matrix with each of a batch of others."""
    return torch.bmm(matrix.expand(len(numbers), -1, -1), numbers)


def _joined(parts: list[Tensor], dim: int) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim)


class _Largest(torch.autograd.Function):
    """Takes maps and weights with their rows of a stack, or with one."""

    @staticmethod
    def forward(maps: Tensor, weights: Tensor, axes: int) -> tuple[Tensor, Tensor]:
        dtype = torch.promote_types(maps.dtype, torch.float32)
        rows, batch, in_channels = maps.shape[:3]
        sides: Sides = (maps.shape[3], maps.shape[4], maps.shape[5])
        out_channels, k = weights.shape[1], weights.shape[-1]
        matrices = _matrices(k, sides, dtype, maps.device)
        frequencies = (sides[0] // 2 + 1) * sides[1] * sides[2]
        wanted = 2 * frequencies * out_channels * max(in_channels, batch)
        numbers = numbers_of_all_rows()
        groups = min(out_channels, math.ceil(wanted / numbers))
        chunks = math.ceil(rows / max(1, numbers // wanted))

        folded = _fold(weights.to(dtype), matrices)
        values, places = [], []
        for some, kernels in zip(
            maps.tensor_split(chunks), folded.tensor_split(chunks), strict=True
        ):
            spectra = _transform(some.to(dtype), matrices)
            found = [
                _responses(part, spectra, matrices).flatten(1, axes).max(dim=1)
                for part in kernels.tensor_split(groups, dim=3)
            ]
            values.append(_joined([part.values for part in found], -2))
            places.append(_joined([part.indices for part in found], -2))
        best, place = _joined(values, 0), _joined(places, 0)
        return best.movedim((-1, -2), (1, 2)), place.movedim((-1, -2), (1, 2)).contiguous()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        del inputs
        ctx.mark_non_differentiable(*output)

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], maps: Tensor, weights: Tensor, axes: int
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
        whole = []
        for one, dim in zip((maps, weights), in_dims, strict=False):
            stack = one.expand(info.batch_size, *one.shape) if dim is None else one.movedim(dim, 0)
            whole.append(stack.flatten(0, 1))
        run: Any = _Largest
        values, places = run.apply(*whole, axes)
        shape = (info.batch_size, -1, *values.shape[1:])
        return (values.view(shape), places.view(shape)), (0, 0)


def _fold(weights: Tensor, matrices: _Matrices) -> Tensor:
    """Weights folded, and transformed along scales and height.

    Shapes:
        weights: ``(rows, out_channels, in_channels, k, k, k)``
        output: ``(rows, scales * height, k, out_channels, 2, in_channels)``
    """
    k, (rows, *channels) = weights.shape[-1], weights.shape[:3]
    found = weights.reshape(-1, k**3) @ matrices.kernels[0].T
    found = found.view(rows, *channels, -1, k, k, 2).permute(0, 3, 4, 5, 1, 6, 2)
    found = _along(matrices.kernels[1], found.reshape(-1, k, k * 2 * math.prod(channels)))
    return found.view(rows, -1, k, channels[0], 2, channels[1])


def _transform(maps: Tensor, matrices: _Matrices) -> Tensor:
    """The transform of maps.

    Shapes:
        maps: ``(rows, batch, in_channels, scales, height, width)``
        output: ``(rows * frequencies, 3 * in_channels, batch)``
    """
    rows, batch, channels, scales, height, width = maps.shape
    numbers = maps.permute(0, 3, 4, 5, 2, 1).reshape(rows, scales, -1)
    numbers = _along(matrices.maps[0], numbers)
    numbers = _along(matrices.maps[1], numbers.view(-1, 2 * height, width * channels * batch))
    numbers = _along(matrices.maps[2], numbers.view(-1, 2 * width, channels * batch))
    return numbers.view(-1, 3 * channels, batch)


def _responses(folded: Tensor, spectra: Tensor, matrices: _Matrices) -> Tensor:
    """The responses of some kernels.

    Args:
        folded: as from `_fold`.
        spectra: as from `_transform`.
        matrices: of all axes.

    Returns:
        Shape ``(rows, scales, height, width, out_channels, batch)``.
    """
    rows, _, k, out_channels, _, channels = folded.shape
    (down, _), (across, _) = (one.shape for one in matrices.kernels[1:])
    numbers = folded.reshape(-1, k, out_channels * 2 * channels)
    numbers = _along(matrices.kernels[2], numbers)
    numbers = _products(numbers.view(-1, out_channels, 2 * channels), spectra)
    maps = numbers.shape[2] * numbers.shape[3]
    numbers = _along(matrices.responses[0], numbers.view(-1, across * 2, maps))
    columns = numbers.shape[1] // 2
    numbers = _along(matrices.responses[1], numbers.view(-1, down * 2, columns * maps))
    positions = numbers.shape[1] // 2 * columns
    numbers = _along(matrices.responses[2], numbers.view(rows, -1, positions * maps))
    return numbers.view(rows, -1, positions // columns, columns, out_channels, spectra.shape[2])


def _products(kernels: Tensor, spectra: Tensor) -> Tensor:
    """Real and imaginary part of the products of kernels and maps.

    Shapes:
        kernels: ``(rows * frequencies, out_channels, 2 * in_channels)``
        spectra: ``(rows * frequencies, 3 * in_channels, batch)``
        output: ``(rows * frequencies, 2, out_channels, batch)``
    """
    channels = kernels.shape[2] // 2
    parts = spectra[:, channels:], spectra[:, : 2 * channels]
    if torch.compiler.is_compiling():  # which has no `out` that is a part of a tensor
        return torch.stack([torch.bmm(kernels, part) for part in parts], dim=1)
    found = kernels.new_empty(len(kernels), 2, kernels.shape[1], spectra.shape[2])
    for part, product in zip(parts, found.unbind(1), strict=True):
        torch.bmm(kernels, part, out=product)
    return found
