"""The gradients of scaled convolutions in Fourier space.

Both functions keep their inputs only, not the kernels' transforms, which are cheaper to compute
again than to hold. Arguments as in `isotrope.layers.scaled_spectra`. Where no gradient is asked
for, the forward passes are called as they are: `torch.compile` hands them one argument too many
under ``no_grad`` as of torch 2.13.
"""

from typing import Any

import torch
from torch import Tensor

import isotrope.layers.scaled_spectra as spectral
from isotrope.layers.scaled_spectra import Bases

Gradients = tuple[Tensor | None, ...]


def responses(spectra: Tensor, folded: Tensor, *matrices: Tensor) -> Tensor:
    """The responses of the kernels of one size, where they fit.

    Args:
        spectra: the images' transform.
        folded: the folded weights.
        matrices: ``rows`` and ``columns`` of the size, and the inverse transform.

    Returns:
        Shape ``(rows, columns, out_channels, batch)``.
    """
    run: Any = _Responses
    run = run.apply if torch.is_grad_enabled() else run.forward
    groups = spectral.groups(folded, spectra)
    return torch.cat([run(spectra, some, *matrices) for some in groups], dim=2)


def largest_responses(
    spectra: Tensor, folded: Tensor, frames: tuple[int, ...], bases: Bases
) -> tuple[Tensor, Tensor]:
    """The largest response at each pixel over the kernel sizes that fit there, and its scale.

    Args:
        spectra: the images' transform.
        folded: the folded weights.
        frames: what the kernels of each size leave free at the border of the map, in pixels.
        bases: the matrices of all sizes.

    Returns:
        Two tensors of shape ``(rows, columns, out_channels, batch)``, the second int16.
    """
    run: Any = _LargestResponses
    run = run.apply if torch.is_grad_enabled() else run.forward
    groups = spectral.groups(folded, spectra)
    found = [run(spectra, some, frames, *bases) for some in groups]
    largest, scales = zip(*found, strict=True)
    return torch.cat(largest, dim=2), torch.cat(scales, dim=2)


def keep_larger(largest: Tensor, scales: Tensor, found: Tensor, scale: int) -> None:
    """Put what was found at a scale where it is larger than at all scales before it."""
    better = (found > largest).to(scales.dtype) * scale
    scales.copy_(torch.maximum(scales, better))  # scales grow; a mask would take much longer
    largest.copy_(torch.maximum(largest, found))


class _Responses(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(spectra: Tensor, folded: Tensor, *matrices: Tensor) -> Tensor:
        rows, columns, real, imaginary, across = matrices
        kernels = spectral.kernel_spectra(folded, rows, columns)
        images = spectral.multipliers(spectra)
        return spectral.responses(kernels, images, (real, imaginary, across))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        del output
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        spectra, folded, rows, columns, *inverse = ctx.saved_tensors
        products = spectral.response_gradient(gradient, inverse)
        images = spectral.multipliers(spectra)
        of_folded = spectral.kernel_gradient(products, images, rows, columns)
        of_spectra = None
        if ctx.needs_input_grad[0]:
            kernels = spectral.kernel_spectra(folded, rows, columns)
            of_images = spectral.image_gradient(products, kernels)
            of_spectra = spectral.multipliers_gradient(of_images, spectra.shape)
        return of_spectra, of_folded, *[None] * 5


class _LargestResponses(torch.autograd.Function):
    """The gradient of a pixel belongs to the one scale that was chosen there."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        spectra: Tensor, folded: Tensor, frames: tuple[int, ...], *matrices: Tensor
    ) -> tuple[Tensor, Tensor]:
        bases, images = Bases._make(matrices), spectral.multipliers(spectra)
        largest = scales = spectra
        for scale, frame in enumerate(frames):
            kernels = spectral.kernel_spectra(folded, bases.rows[scale], bases.columns[scale])
            found = spectral.responses(kernels, images, bases.inside(frame))
            if scale == 0:
                largest, scales = found, torch.zeros_like(found, dtype=torch.int16)
                continue
            keep_larger(_inside(largest, frame), _inside(scales, frame), found, scale)
        return largest, scales

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        spectra, folded, ctx.frames, *matrices = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(spectra, folded, output[1], *matrices)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _: Any) -> Gradients:
        spectra, folded, scales, *matrices = ctx.saved_tensors
        bases, images = Bases._make(matrices), spectral.multipliers(spectra)
        of_folded = of_images = of_spectra = None
        for scale, frame in enumerate(ctx.frames):
            rows, columns = bases.rows[scale], bases.columns[scale]
            chosen = _inside(gradient, frame) * (_inside(scales, frame) == scale)
            products = spectral.response_gradient(chosen, bases.inside(frame))
            part = spectral.kernel_gradient(products, images, rows, columns)
            of_folded = part if of_folded is None else of_folded + part
            if ctx.needs_input_grad[0]:
                kernels = spectral.kernel_spectra(folded, rows, columns)
                of_images = spectral.image_gradient(products, kernels, of_images)
        if of_images is not None:
            of_spectra = spectral.multipliers_gradient(of_images, spectra.shape)
        return of_spectra, of_folded, None, *[None] * len(matrices)


def _inside(maps: Tensor, frame: int) -> Tensor:
    """What a frame leaves of maps ``(rows, columns, ...)``."""
    rows, columns = (side - 2 * frame for side in maps.shape[:2])
    return maps.narrow(0, frame, rows).narrow(1, frame, columns)
