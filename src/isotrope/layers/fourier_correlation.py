"""Correlation with large kernels by the fast Fourier transform."""

import torch
from torch import Tensor


def fourier_correlation(maps: Tensor, kernels: Tensor) -> Tensor:
    """What convolutional layers call a convolution, of each of a stack of maps, without padding.

    The same as ``torch.nn.functional.conv2d`` up to rounding (relative to the largest response).
    The cost hardly depends on the size of the kernels. Below float32 it computes in float32.

    Shapes:
        maps: ``(batch, in_channels, stack, height, width)``
        kernels: ``(out_channels, in_channels, stack, kernel_height, kernel_width)``
        output: ``(batch, out_channels, stack, height - kernel_height + 1,
            width - kernel_width + 1)``
    """
    from scipy.fft import next_fast_len  # slow to load, and checking imports this module

    dtype = torch.promote_types(maps.dtype, torch.float32)
    sides = [next_fast_len(side, real=True) for side in maps.shape[-2:]]
    height, width = (
        side - k + 1 for side, k in zip(maps.shape[-2:], kernels.shape[-2:], strict=True)
    )
    spectra = [torch.fft.rfft2(x.to(dtype), s=sides) for x in (maps, kernels)]
    bins = spectra[0].shape[-2:]
    seen, kernel = (spectrum.flatten(3).permute(2, 3, 0, 1).contiguous() for spectrum in spectra)
    product = seen @ kernel.mH  # stack, frequencies, batch, out_channels
    product = product.view(len(product), *bins, *product.shape[2:])
    found: Tensor = torch.fft.irfft2(product, s=sides, dim=(1, 2))[:, :height, :width]
    return found.permute(3, 4, 0, 1, 2).to(maps.dtype)
