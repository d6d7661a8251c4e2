"""Riesz features: a hierarchy of moduli that knows no scale, and so moves with every scaling.

A Riesz transform weighs a wave by its direction alone, never by its length. Therefore it commutes
with scalings: the transform of an image twice as large is the transform, twice as large. So does
each number of the modulus at a place, and so does whatever is chained of the two. A scattering
transform samples scales; here is nothing to sample.

Source: the idea is that of Barisin, Angulo, Schladitz and Redenbach, "Riesz feature representation:
scale equivariant scattering network for classification tasks", SIAM Journal on Imaging Sciences 17,
2024, https://arxiv.org/abs/2307.08467, whose hierarchy has 85 features, too. The definition is our
own, and its numbers are not theirs. For a direction ``t``, with the first and the second Riesz
transform ``R`` and ``RR`` along it,

    ``U_t f = c * sqrt((R_t f)**2 + (RR_t f)**2)``,

the odd and the even answer to a line, so that the result does not tell an edge from a ridge. With
``a`` the cosine between a wave's direction and ``t``, ``R_t`` multiplies the wave by ``-i * a`` and
``RR_t`` by ``-a**2``; constants are removed. Hence ``U_t f`` is also the modulus of a complex
filter with the real spectrum ``c * a * (1 + a)``, which nearly vanishes for all directions but
those near to ``t``. With three directions or more, evenly spaced over half a turn, ``c**2 = 8 / (7
* directions)`` makes the energies of all ``U_t f`` together that of ``f`` less its mean. The
features of depth 3 with 4 directions are those of ``1 + 4 + 16 + 64 = 85`` paths: ``f``, ``U_t f``,
``U_s U_t f``, ``U_r U_s U_t f``.

On pixels the highest frequency of an even side has no sign, and is taken as the mean of both. The
transforms are those of a periodic image. Their scaling is exact as long as pixels hold what is
there; a modulus has finer details than what it is taken of, and loses some of them, fewer where
images are large.
"""

import math
from itertools import product
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from isotrope.layers.autocasting import without_autocast
from isotrope.layers.constants import made_once
from isotrope.layers.forms import few_launches

Border = Literal["mirror", "periodic"]
Pooling = Literal["mean", "max", "none"]


def riesz_moduli(maps: Tensor, directions: int = 4) -> Tensor:
    """One step of the hierarchy: ``U_t`` of periodic maps for each direction ``t``.

    Direction number ``d`` is the angle ``d * pi / directions`` from the x axis, counter-clockwise.
    The gradient of a modulus is 0 where the modulus is.

    Shapes:
        maps: ``(..., height, width)``; those of fewer bits than 32 are computed in float32
        output: ``(..., directions, height, width)``

    Raises:
        ValueError: if there are fewer than three directions.
    """
    _refuse_few(directions)
    with without_autocast(maps.device.type):
        exact = maps.to(torch.promote_types(maps.dtype, torch.float32))
        return _moduli(exact, directions).to(maps.dtype)


def riesz_maps(
    images: Tensor, depth: int = 3, directions: int = 4, border: Border = "mirror"
) -> Tensor:
    """The images and all moduli of the hierarchy, in the order of `riesz_paths`.

    Args:
        images: ``(..., height, width)``.
        depth: moduli that are chained at most.
        directions: of each step, three or more.
        border: ``mirror`` repeats the image as in a mirror before the first step, so that its
            sides do not meet as an edge, at four times the work; ``periodic`` does not.

    Returns:
        ``(..., paths, height, width)``.

    Raises:
        ValueError: for fewer than three directions, a depth below 0 or an unknown border.
    """
    _refuse(depth, directions, border, "none")
    height, width = images.shape[-2:]
    with without_autocast(images.device.type):
        level = _begin(images, border)
        found = [level]
        for _ in range(depth):
            level = _moduli(level, directions).flatten(-4, -3)
            found.append(level)
        maps = torch.cat([one[..., :height, :width] for one in found], dim=-3)
        return maps.to(images.dtype)


def riesz_features(
    images: Tensor,
    depth: int = 3,
    directions: int = 4,
    pooling: Literal["mean", "max"] = "mean",
    border: Border = "mirror",
) -> Tensor:
    """Numbers that stay when the whole image is scaled: mean or maximum of each of `riesz_maps`.

    The maps of the last step are not kept all at once on a CPU.

    A thing that grows on a black canvas of one size fills more of it, by which all means grow;
    ``max`` stays there, too.

    Args:
        images: ``(..., height, width)``.
        depth: as in `riesz_maps`.
        directions: as in `riesz_maps`.
        pooling: over the places of the image.
        border: as in `riesz_maps`.

    Returns:
        ``(..., paths)`` in the order of `riesz_paths`.

    Raises:
        ValueError: as `riesz_maps`, and for an unknown pooling.
    """
    _refuse(depth, directions, border, pooling)
    height, width = images.shape[-2:]

    def pooled(maps: Tensor) -> Tensor:
        kept = maps[..., :height, :width]
        return kept.mean((-2, -1)) if pooling == "mean" else kept.amax((-2, -1))

    with without_autocast(images.device.type):
        level = _begin(images, border)
        found = [pooled(level)]
        for step in range(1, depth + 1):
            if step < depth or few_launches(level):
                level = _moduli(level, directions).flatten(-4, -3)
                found.append(pooled(level))
            else:
                found += [pooled(_moduli(one, directions)) for one in level.unbind(-3)]
        return torch.cat(found, dim=-1).to(images.dtype)


def riesz_paths(depth: int = 3, directions: int = 4) -> tuple[tuple[int, ...], ...]:
    """The directions of the steps of each feature, the first step first; ``()`` is the image.

    Shorter paths come first, and among those of one length the first direction changes slowest.
    """
    steps = range(directions)
    return tuple(path for length in range(depth + 1) for path in product(steps, repeat=length))


class Riesz2d(nn.Module):
    """`riesz_features` as a layer without weights; with ``pooling="none"``, `riesz_maps`.

    Shapes:
        input: ``(..., height, width)``, of any size
        output: ``(..., paths)``, or ``(..., paths, height, width)`` without a pooling

    Attributes:
        paths: the directions of each feature, see `riesz_paths`.

    Args:
        depth: moduli that are chained at most.
        directions: of each step, three or more.
        pooling: ``mean``, ``max`` or ``none``.
        border: ``mirror`` or ``periodic``, see `riesz_maps`.

    Raises:
        ValueError: for fewer than three directions, a depth below 0 or an unknown word.
    """

    def __init__(
        self,
        depth: int = 3,
        directions: int = 4,
        pooling: Pooling = "mean",
        border: Border = "mirror",
    ) -> None:
        super().__init__()
        _refuse(depth, directions, border, pooling)
        self.depth, self.directions = depth, directions
        self.pooling, self.border = pooling, border
        self.paths = riesz_paths(depth, directions)

    def forward(self, images: Tensor) -> Tensor:
        """The features of the images, or their maps."""
        if self.pooling == "none":
            return riesz_maps(images, self.depth, self.directions, self.border)
        return riesz_features(images, self.depth, self.directions, self.pooling, self.border)

    def extra_repr(self) -> str:
        """The settings, as they are printed."""
        return (
            f"depth={self.depth}, directions={self.directions}, "
            f"pooling={self.pooling!r}, border={self.border!r}"
        )


def _begin(images: Tensor, border: Border) -> Tensor:
    """The images as the only path so far, mirrored beyond their lower and right border."""
    exact = images.to(torch.promote_types(images.dtype, torch.float32))
    if border == "mirror":
        exact = torch.cat((exact, exact.flip(-1)), dim=-1)
        exact = torch.cat((exact, exact.flip(-2)), dim=-2)
    return exact.unsqueeze(-3)


def _moduli(maps: Tensor, directions: int) -> Tensor:
    """``U_t`` of each direction, steered from four transforms: ``(..., directions, h, w)``."""
    height, width = maps.shape[-2:]
    weights = _multipliers(height, width, maps.dtype, maps.device)
    spectrum = torch.fft.rfft2(maps).unsqueeze(-3) * weights
    along, up, both, mixed = torch.fft.irfft2(spectrum, s=(height, width)).unbind(-3)
    # the second transforms along two axes are together the image less its mean, negative
    vertical = maps.mean((-2, -1), keepdim=True) - maps - both
    cos, sin = _cosines(directions, maps.dtype, maps.device)
    odd = cos * along.unsqueeze(-3) + sin * up.unsqueeze(-3)
    even = (
        cos * cos * both.unsqueeze(-3)
        + 2 * cos * sin * mixed.unsqueeze(-3)
        + sin * sin * vertical.unsqueeze(-3)
    )
    return math.sqrt(8 / (7 * directions)) * torch.complex(odd, even).abs()


@made_once
def _cosines(directions: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Cosines and sines of the directions: ``(2, directions, 1, 1)``."""
    angles = torch.arange(directions, dtype=torch.float64) * (math.pi / directions)
    return torch.stack((angles.cos(), angles.sin()))[..., None, None].to(device, dtype)


@made_once
def _multipliers(height: int, width: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Of half the spectrum: first transforms along x and y, second along x twice and along both.

    ``(4, height, width // 2 + 1)``, complex.
    """
    x = torch.fft.rfftfreq(width, dtype=torch.float64).expand(height, -1)
    y = -torch.fft.fftfreq(height, dtype=torch.float64)[:, None]  # rows count downwards
    y = y.expand(-1, x.shape[1])
    length = torch.hypot(x, y)
    length[0, 0] = 1  # x and y are 0 there
    # the highest frequency of an even side is the mean of both signs
    signed_x, signed_y = x.clone(), y.clone()
    if width % 2 == 0:
        signed_x[:, -1] = 0
    if height % 2 == 0:
        signed_y[height // 2] = 0
    first = torch.stack((signed_x, signed_y)) / length
    second = torch.stack((x * x, signed_x * signed_y)) / length**2
    weights = torch.cat((torch.complex(0 * first, -first), torch.complex(-second, 0 * second)))
    kind = torch.complex128 if dtype == torch.float64 else torch.complex64
    return weights.to(device, kind)


def _refuse(depth: int, directions: int, border: str, pooling: str) -> None:
    _refuse_few(directions)
    if depth < 0:
        raise ValueError(f"depth must be 0 or more, got {depth}")
    for said, words in ((border, get_args(Border)), (pooling, get_args(Pooling))):
        if said not in words:
            raise ValueError(f"need one of {', '.join(words)}, got {said!r}")


def _refuse_few(directions: int) -> None:
    if directions < 3:
        raise ValueError(f"need three directions or more, got {directions}")
