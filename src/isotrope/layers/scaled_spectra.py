"""Scaled convolutions in Fourier space: what one weight responds with, kernel size by kernel size.

A valid correlation of an image ``x`` with a kernel ``K`` that fits into it needs no padding: the
circular one, at the size of the image, has the same values wherever the kernel does not cross
the border. It is the inverse transform of ``X(f) conj(K(f))`` over the frequencies ``f = (p, q)``.

Four facts make this cheap for `SiConv2d`, whose kernels are ``K = A w A^T`` with one ``size x k``
matrix ``A`` for each size:

* ``X`` is shared by all sizes.
* ``conj(K)(p, q) = sum over u, v of a(p, u) w(u, v) a(q, v)``, where ``a`` is the transform of
  ``A``'s columns. With phases counted from the kernel's centre, even columns have real transforms
  and odd ones imaginary. Columns are therefore split into even and odd ones, and ``w`` is folded to
  fit them; then all numbers but one factor ``i`` for each odd column are real.
* The framed maps of all sizes have the same centres, so one inverse transform serves them all, and
  larger kernels take fewer of its rows. Where few positions count it costs little.
* Real and imaginary parts are a dimension of length 2, and every transform is a product of real
  matrices: at some 60 pixels that is faster than a fast transform, and works under
  `torch.func.vmap`, `torch.compile` and any floating-point type.

Dimensions are stored in the order ``p, q, parts, channels, batch``: with the batch last, all
products run over long contiguous rows.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

_ON_A_CPU, _ON_A_GPU = 2**21, 2**28  # numbers at a time, few enough for a CPU's cache


class Bases(NamedTuple):
    """The matrices of a layer at one image size.

    ``folded`` is the number of even and odd columns together: ``k``, or ``2 k`` where the
    interpolation is not symmetric.

    Args:
        rows: transforms of ``A``'s columns at every ``p``: ``(scales, p, folded)``.
        columns: the same at every ``q``: ``(scales, q, folded)``.
        real: inverse transform of real parts along ``p``: ``(rows of the map * 2, p)``.
        imaginary: the same of imaginary parts.
        across: inverse transform along ``q``: ``(columns of the map, 2 * q)``.
    """

    rows: Tensor
    columns: Tensor
    real: Tensor
    imaginary: Tensor
    across: Tensor

    def inside(self, frame: int) -> tuple[Tensor, Tensor, Tensor]:
        """The inverse transform to what lies inside a frame: ``real, imaginary, across``."""
        rows, columns = len(self.real) // 2 - frame, len(self.across) - frame
        return (
            self.real[2 * frame : 2 * rows],
            self.imaginary[2 * frame : 2 * rows],
            self.across[frame:columns],
        )


def waves(
    frequencies: int, length: int, doubled: Tensor, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Cosine and sine of the frequencies at positions, which are given times two (pixels)."""
    steps = torch.arange(frequencies, device=doubled.device)[:, None] * doubled
    angles = (steps % (2 * length)).to(torch.float64) * (math.pi / length)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def bases(lines: Tensor, symmetric: bool, height: int, width: int) -> Bases:
    """The matrices for images of a size.

    Args:
        lines: the matrix ``A`` of each size, centred among zeros: ``(scales, largest size, k)``.
        symmetric: whether mirroring a kernel mirrors all its sizes.
        height: height of the images, in pixels, not below the largest size.
        width: width of the images, in pixels, not below the largest size.
    """
    largest, k = lines.shape[1:]
    mirrored = lines.flip(1)
    pairs = (k + 1) // 2, k // 2
    even, odd = (lines + mirrored) / 2, (lines - mirrored) / 2
    if symmetric:
        even, odd = even[..., : pairs[0]], odd[..., : pairs[1]]
    from_centre = 2 * torch.arange(largest, device=lines.device) + 1 - largest
    sides = []
    for frequencies, length in ((height, height), (width // 2 + 1, width)):
        cosine, sine = waves(frequencies, length, from_centre, lines.dtype)
        sides.append(torch.cat((cosine @ even, sine @ odd), dim=-1))
    centres = 2 * torch.arange(height - k + 1, device=lines.device) + k - 1
    cosine, sine = (wave.T for wave in waves(height, height, centres, lines.dtype))
    real = torch.stack((cosine, sine), dim=1).flatten(0, 1)
    imaginary = torch.stack((-sine, cosine), dim=1).flatten(0, 1)
    centres = 2 * torch.arange(width - k + 1, device=lines.device) + k - 1
    cosine, sine = (wave.T for wave in waves(width // 2 + 1, width, centres, lines.dtype))
    counts = cosine.new_full((width // 2 + 1,), 2.0)  # a frequency and its negative
    counts[0] = 1
    if width % 2 == 0:
        counts[-1] = 1
    across = torch.cat((cosine * counts, -sine * counts), dim=1) / (height * width)
    return Bases(sides[0], sides[1], real, imaginary, across)


def fold(weights: Tensor, symmetric: bool) -> Tensor:
    """Weights folded to fit even and odd columns, with the factors ``i`` multiplied out.

    Shapes:
        weights: ``(out_channels, in_channels, k, ..., k)``
        output: ``(folded, ..., folded, out_channels, 2 * in_channels)``
    """
    k, dims = weights.shape[-1], range(2, weights.ndim)
    for dim in dims:
        if symmetric:
            first, centre, last = torch.split(weights, [k // 2, k % 2, k // 2], dim)
            last = last.flip(dim)
            weights = torch.cat((first + last, centre, first - last), dim)
        else:
            weights = torch.cat((weights, weights), dim)
    folded = weights.shape[-1]
    evens = (k + 1) // 2 if symmetric else k
    odd = (torch.arange(folded, device=weights.device) >= evens).long()
    factors = odd  # how many factors i
    for _ in dims[1:]:
        factors = factors[..., None] + odd
    real, imaginary = (1 - factors % 2) * (1 - factors), factors % 2 * (2 - factors)
    parts = torch.stack((real, imaginary), dim=-1)[..., None, :, None].to(weights.dtype)
    return (weights.movedim((0, 1), (-2, -1))[..., None, :] * parts).flatten(-2)


def transform(images: Tensor) -> Tensor:
    """The transform of images.

    Shapes:
        images: ``(batch, channels, height, width)``
        output: ``(p, q, 2, channels, batch)``
    """
    batch, channels, height, width = images.shape
    pixels = torch.arange(max(height, width), device=images.device) * 2
    across, down = width // 2 + 1, height
    cosine, sine = waves(across, width, pixels[:width], images.dtype)
    lines = torch.cat((cosine, -sine)) @ images.permute(2, 3, 1, 0).flatten(2)
    cosine, sine = waves(down, height, pixels[:height], images.dtype)
    shape = (down, 2, across, channels, batch)
    turned = (cosine @ lines.flatten(1)).view(shape), (sine @ lines.flatten(1)).view(shape)
    real = turned[0][:, 0] + turned[1][:, 1]
    imaginary = turned[0][:, 1] - turned[1][:, 0]
    return torch.stack((real, imaginary), dim=2)


def multipliers(spectra: Tensor) -> tuple[Tensor, Tensor]:
    """What kernels are multiplied by for the real and for the imaginary part of the responses.

    Shapes:
        spectra: ``(p, q, 2, channels, batch)``
        outputs: ``(p * q, 2 * channels, batch)``
    """
    real, imaginary = spectra.flatten(0, 1).unbind(1)
    return overlapping(torch.cat((imaginary, real, -imaginary), dim=1))


def overlapping(parts: Tensor) -> tuple[Tensor, Tensor]:
    """The `multipliers`, given imaginary, real and negative imaginary parts side by side."""
    channels = parts.shape[1] // 3
    return parts[:, channels:], parts[:, : 2 * channels]


def multipliers_gradient(gradients: tuple[Tensor, Tensor], shape: torch.Size) -> Tensor:
    """The gradient of the images' transform for those of `multipliers`."""
    parts = (shape[:2].numel(), 2, -1, shape[-1])
    for_real, for_imaginary = (gradient.reshape(parts) for gradient in gradients)
    real = for_real[:, 0] + for_imaginary[:, 1]
    imaginary = for_imaginary[:, 0] - for_real[:, 1]
    return torch.stack((real, imaginary), dim=1).reshape(shape)


def kernel_spectra(folded: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The conjugate transforms of all kernels of one size.

    Shapes:
        folded: as from `fold`
        rows: ``(p, folded)``
        columns: ``(q, folded)``
        output: ``(p * q, out_channels, 2 * in_channels)``
    """
    down = (rows @ folded.flatten(1)).view(len(rows), columns.shape[-1], -1)
    both = torch.bmm(columns.expand(len(rows), -1, -1), down)
    return both.view(-1, *folded.shape[2:])


def groups(folded: Tensor, spectra: Tensor) -> tuple[Tensor, ...]:
    """Folded weights, in as many groups of output channels as the memory at hand asks for."""
    numbers = _ON_A_GPU if spectra.is_cuda else _ON_A_CPU
    rows, columns, _, channels, batch = spectra.shape
    wanted = 2 * rows * columns * (channels + batch) * folded.shape[2]
    return folded.tensor_split(min(folded.shape[2], math.ceil(wanted / numbers)), dim=2)


def responses(kernels: Tensor, images: tuple[Tensor, Tensor], inverse: Sequence[Tensor]) -> Tensor:
    """The responses of all kernels of one size where they fit.

    Args:
        kernels: their spectra, as from `kernel_spectra`.
        images: as from `multipliers`.
        inverse: as from `Bases.inside`.

    Returns:
        Shape ``(rows, columns, out_channels, batch)``.
    """
    return to_positions([torch.bmm(kernels, part) for part in images], inverse)


def to_positions(products: Sequence[Tensor], inverse: Sequence[Tensor]) -> Tensor:
    """The inverse transform.

    Args:
        products: real and imaginary part, each ``(p * q, channels, batch)``.
        inverse: as from `Bases.inside`.

    Returns:
        Shape ``(rows, columns, channels, batch)``.
    """
    real, imaginary, across = inverse
    parts = [product.reshape(real.shape[-1], -1) for product in products]
    lines = (real @ parts[0]).add_(imaginary @ parts[1])
    lines = lines.view(len(real) // 2, across.shape[-1], -1)
    found = torch.bmm(across.expand(len(lines), -1, -1), lines)
    return found.view(len(lines), len(across), *products[0].shape[1:])


def response_gradient(gradient: Tensor, inverse: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The gradients of the products of kernels and images for that of `responses`.

    Shapes:
        gradient: ``(rows, columns, out_channels, batch)``
        outputs: ``(p * q, out_channels, batch)``
    """
    real, imaginary, across = inverse
    lines = torch.bmm(
        across.T.expand(len(gradient), -1, -1), gradient.reshape(*gradient.shape[:2], -1)
    )
    lines = lines.reshape(len(real), -1)
    shape = (-1, *gradient.shape[2:])
    return (real.T @ lines).reshape(shape), (imaginary.T @ lines).reshape(shape)


def kernel_gradient(
    products: tuple[Tensor, Tensor], images: tuple[Tensor, Tensor], rows: Tensor, columns: Tensor
) -> Tensor:
    """The gradient of the folded weights for that of one size's products.

    Args:
        products: as from `response_gradient`.
        images: as from `multipliers`.
        rows: ``(p, folded)``
        columns: ``(q, folded)``

    Returns:
        Shape ``(folded, folded, out_channels, 2 * in_channels)``.
    """
    real = torch.bmm(products[0], images[0].mT)
    both = torch.baddbmm(real, products[1], images[1].mT).reshape(len(rows), len(columns), -1)
    down = torch.bmm(columns.T.expand(len(rows), -1, -1), both)
    shape = (rows.shape[-1], columns.shape[-1], *real.shape[1:])
    return (rows.T @ down.reshape(len(rows), -1)).reshape(shape)


def image_gradient(
    products: tuple[Tensor, Tensor], kernels: Tensor, so_far: tuple[Tensor, Tensor] | None = None
) -> tuple[Tensor, Tensor]:
    """The gradients of the images' multipliers for that of one size's products, summed up."""
    kernels = kernels.mT
    if so_far is None:
        return torch.bmm(kernels, products[0]), torch.bmm(kernels, products[1])
    return (
        so_far[0].add_(torch.bmm(kernels, products[0])),
        so_far[1].add_(torch.bmm(kernels, products[1])),
    )


def multiplications(weights: torch.Size, images: torch.Size, size: int) -> float:
    """How many of them `kernel_spectra` and `responses` take for one size and image."""
    out_channels, in_channels, k, _ = weights
    batch, _, height, width = images
    rows, columns, waves = height - size + 1, width - size + 1, width // 2 + 1
    kernels = 2 * k * height * (k + waves) * in_channels / batch
    products = 4 * height * waves * in_channels
    inverse = 4 * rows * height * waves + 2 * rows * columns * waves
    return out_channels * (kernels + products + inverse)


def direct_multiplications(weights: torch.Size, images: torch.Size, size: int) -> float:
    """How many of them a plain convolution takes for one size and image."""
    positions = (images[2] - size + 1) * (images[3] - size + 1)
    return weights[0] * weights[1] * size**2 * positions
