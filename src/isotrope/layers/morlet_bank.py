"""Banks of Morlet wavelets in Fourier space, as differentiable functions of four numbers each.

A wavelet is a wave under an oval Gaussian. With ``a`` along its direction and ``b`` across it, both
in pixels from the centre of the grid, it is ``(exp(i * xi * a) - beta) * g`` with
``g = exp(-(a**2 + (slant * b)**2) / (2 * sigma**2))``; ``beta`` makes its mean zero.

Source: Gauthier et al., "Parametric Scattering Networks", CVPR 2022,
https://arxiv.org/abs/2107.09539; the tight frame is that of Kymatio, https://www.kymat.io.
Differs from the published code: the axes are a cosine and a sine instead of a singular value
decomposition, whose second vector had no gradient (`morlet_spectra` tells of ``theta_grad``).
"""

import math
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isotrope.layers.constants import made_once

Array = NDArray[np.float64]
ThetaGradient = Literal["exact", "published"]
PI = 3.1415  # of the norm, as in Kymatio and the published code
NAMES = ("theta", "xi", "sigma", "slant")


def tight_frame(scales: int, angles: int) -> dict[str, Tensor]:
    """The wavelets of Kymatio: one shape, turned in steps of ``pi / angles`` and doubled in size.

    Args:
        scales: ``J``, their number of sizes.
        angles: ``L``, their number of directions.

    Returns:
        ``theta`` in radians, ``xi`` in radians a pixel, ``sigma`` in pixels and ``slant``, each of
        shape ``(scales, angles)`` in float64 on the CPU.
    """
    scale = 2.0 ** np.arange(scales)[:, None]
    across = np.ones((1, angles))
    return _on_the_cpu(
        theta=np.ones((scales, 1)) * (first_angle(angles) - turns(angles)),
        xi=0.75 * math.pi / scale * across,
        sigma=0.8 * scale * across,
        slant=np.full((scales, angles), 4 / angles),
    )


def random_frame(scales: int, angles: int, *, equivariant: bool = False) -> dict[str, Tensor]:
    """Wavelets drawn from numpy's global generator, in the published order of draws.

    Angles are uniform in 0..2 pi, slants in 0.5..1.5, frequencies in 0.5..1 and the exponentials
    of the widths in e..e**5. Nothing ties the numbers of a wavelet to its scale.

    Args:
        scales: ``J``.
        angles: ``L``.
        equivariant: whether one wavelet is drawn for each scale and turned, as
            ``theta - t * pi / angles``, for the others; the published order is another one then.

    Returns:
        As `tight_frame`.
    """
    draw = np.random.uniform  # the published draws are the global generator's
    if not equivariant:
        count = (scales, angles)
        theta = draw(0, 2 * math.pi, count)
        slant = draw(0.5, 1.5, count)
        xi = draw(0.5, 1, count)
        sigma = np.log(draw(math.e, math.e**5, count))
        return _on_the_cpu(theta=theta, xi=xi, sigma=sigma, slant=slant)
    drawn = []
    for _ in range(scales):
        width, frequency, oval = draw(math.e, math.e**5), draw(0.5, 1), draw(0.5, 1.5)
        drawn.append((draw(0, 2 * math.pi), frequency, math.log(width), oval))
    columns = np.array(drawn).T[:, :, None] * np.ones(angles)
    theta, *others = columns
    return _on_the_cpu(**dict(zip(NAMES, (theta - turns(angles), *others), strict=True)))


def _on_the_cpu(**arrays: Array) -> dict[str, Tensor]:
    tensors = {name: torch.tensor(array, device="cpu") for name, array in arrays.items()}
    return {name: tensors[name].double() for name in NAMES}


def first_angle(angles: int) -> float:
    """The direction of the first wavelet of each size in a tight frame, in radians."""
    return int(angles - angles / 2 - 1) * math.pi / angles


def turns(angles: int) -> Array:
    """How far the wavelets of a size are turned back from the first, in radians: ``(angles,)``."""
    return np.arange(angles) * math.pi / angles


def morlet_spectra(
    theta: Tensor,
    xi: Tensor,
    sigma: Tensor,
    slant: Tensor,
    shape: tuple[int, int],
    *,
    tiles: int = 1,
    theta_grad: ThetaGradient = "exact",
) -> Tensor:
    """The Fourier transforms of wavelets on a periodic grid; only their real parts are taken.

    The grid's centre is a pixel, and the transform is that of the wavelet moved from there to the
    first pixel. Norm and mean are those on the grid and differentiated with all the rest. What is
    left out, the imaginary part, is not zero only because an even grid reaches farther on one side.

    Shapes:
        theta, xi, sigma, slant: ``(...)``
        output: ``(..., rows, columns)``, the constant first

    Args:
        theta: direction, in radians from the vertical axis down to the horizontal one.
        xi: frequency, in radians a pixel.
        sigma: width along the direction, in pixels.
        slant: width along the direction divided by that across it.
        shape: rows and columns of the grid, each even.
        tiles: how many grids side by side, an odd number, the wavelet is cut off at; what lies
            outside the middle one is added to it. Kymatio has 5, the published code 1.
        theta_grad: ``published`` leaves out of the gradient of ``theta``, and of nothing else,
            that the axis across the wave turns with it.

    Raises:
        ValueError: if a side of the grid is odd, or the number of tiles is not odd.
    """
    rows, columns = shape
    if rows % 2 or columns % 2 or tiles % 2 != 1:
        raise ValueError(
            f"need a grid of even sides and an odd number of tiles, got {shape} and {tiles}"
        )
    theta, xi, sigma, slant = (one[..., None, None] for one in (theta, xi, sigma, slant))
    down = _places(rows, tiles, theta.dtype, theta.device)[:, None]
    right = _places(columns, tiles, theta.dtype, theta.device)
    across_theta = theta.detach() if theta_grad == "published" else theta
    along = down * theta.cos() + right * theta.sin()
    across = right * across_theta.cos() - down * across_theta.sin()
    narrow = 0.5 / sigma.square()
    bell = torch.exp(-narrow * (along.square() + slant.square() * across.square()))
    phase = xi * along
    even, odd = bell * phase.cos(), bell * phase.sin()
    beta = even.sum((-2, -1), keepdim=True) / bell.sum((-2, -1), keepdim=True)
    norm = slant / (2 * PI * sigma.square())
    wavelet = torch.complex((even - beta * bell) * norm, odd * norm)
    if tiles > 1:
        side_by_side = wavelet.reshape(*theta.shape[:-2], tiles, rows, tiles, columns)
        wavelet = side_by_side.sum((-4, -2))
    spectra: Tensor = torch.fft.fft2(wavelet)
    return spectra.real


@made_once
def _places(side: int, tiles: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Pixels from the centre, each tile beginning with its centre: ``(tiles * side,)``."""
    exact: Any = {"dtype": torch.float64, "device": "cpu"}
    within = torch.fft.fftfreq(side, 1 / side, **exact)
    tile = torch.arange(tiles, **exact)[:, None] - tiles // 2
    places: Tensor = (tile * side + within).flatten()
    return places.to(device, dtype)
