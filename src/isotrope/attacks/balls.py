"""Where an attack may go: images within a distance of the given ones and in 0..1."""

from typing import Literal, get_args

import torch
from torch import Tensor

from isotrope.attacks.checked import beyond_all
from isotrope.attacks.streams import Streams

Norm = Literal["linf", "l2"]
NORMS: tuple[Norm, ...] = get_args(Norm)


def checked_norm(norm: Norm) -> Norm:
    """The norm, if it is one of `NORMS`.

    Raises:
        ValueError: if it is not.
    """
    if norm not in NORMS:
        raise ValueError(f"unknown norm '{norm}'; choose from {', '.join(NORMS)}")
    return norm


def by_image(numbers: Tensor, images: Tensor) -> Tensor:
    """One number for each image, in a shape that meets the images, ``(batch, 1, 1, 1)``."""
    return numbers.view(-1, *(1,) * (images.dim() - 1))


def length(vectors: Tensor, norm: Norm) -> Tensor:
    """The length of each image or gradient in a norm, ``(batch,)``; 0 of nothing."""
    flat = vectors.flatten(1)
    found: Tensor = torch.linalg.vector_norm(flat, torch.inf if norm == "linf" else 2, dim=1)
    return found


def unit(vectors: Tensor, norm: Norm) -> Tensor:
    """The direction of length 1 in a norm in which a loss with these gradients grows fastest.

    Signs for ``linf``, the gradient over its length for ``l2``; zeros stay zeros.
    """
    if norm == "linf":
        return vectors.sign()
    return vectors / by_image(
        length(vectors, "l2").clamp(min=torch.finfo(vectors.dtype).tiny), vectors
    )


class Ball:
    """Images within a distance of the given ones and in 0..1, up to the last bit.

    Bounds are rounded towards the given images. In ``l2`` the radius is smaller by what rounding of
    the pixels can add (about ``6e-8`` times the root of their number, in float32).

    Args:
        images: ``(batch, channels, height, width)`` in 0..1.
        eps: the distance, at least 0; in ``linf`` at most 1, which reaches every image.
        norm: ``linf`` or ``l2``.

    Raises:
        ValueError: if the distance is out of range or not finite, the norm is unknown, or images
            are no floating numbers or leave 0..1.
    """

    def __init__(self, images: Tensor, eps: float, norm: Norm) -> None:
        if not 0 <= eps < torch.inf:
            raise ValueError(f"eps must be at least 0 and finite, got {eps}")
        if beyond := beyond_all(eps, checked_norm(norm)):
            raise ValueError(beyond)
        if not images.is_floating_point():
            raise ValueError(f"an attack needs images of floating numbers, got {images.dtype}")
        if len(images) and not (float(images.min()) >= 0 and float(images.max()) <= 1):
            raise ValueError("an attack needs images in 0..1")
        self.images, self.eps, self.norm = images, eps, norm
        if norm == "linf":
            self.lowest, self.highest = (
                _rounded_inwards(images, -eps),
                _rounded_inwards(images, eps),
            )
        else:
            bit = torch.finfo(images.dtype).eps
            rounding = bit * (4 * eps + images[:1].numel() ** 0.5 / 2)
            self._radius = max(0.0, eps - rounding)

    def only(self, places: Tensor) -> "Ball":
        """The balls of some images, by their places or a mask."""
        found = object.__new__(Ball)
        found.__dict__ |= {
            name: value[places] if isinstance(value, Tensor) else value
            for name, value in self.__dict__.items()
        }
        return found

    def inside(self, points: Tensor) -> Tensor:
        """Points moved into the ball: clipped, or drawn back to the images and then clipped."""
        if self.norm == "linf":
            return points.clamp(self.lowest, self.highest)
        away = points - self.images
        far = length(away, "l2").clamp(min=max(self._radius, torch.finfo(points.dtype).tiny))
        return (self.images + away * by_image(self._radius / far, away)).clamp_(0, 1)

    def random(self, streams: Streams, *path: int) -> Tensor:
        """Points drawn uniformly in the ball, then clipped to 0..1."""
        volume = self.images[:1].numel()
        if self.norm == "linf":
            drawn = streams.uniform(volume, *path).mul_(2).sub_(1)
        else:
            drawn = unit(streams.normal(volume, *path, 0), "l2")
            drawn *= streams.uniform(1, *path, 1) ** (1 / max(1, volume))
        return self.inside(self.images + self.eps * drawn.view_as(self.images))


def _rounded_inwards(images: Tensor, step: float) -> Tensor:
    """The farthest numbers within a step and in 0..1."""
    exact = images.double()
    ends = (exact + step).to(images.dtype)
    beyond = (ends.double() - exact).abs() > abs(step)
    return torch.where(beyond, torch.nextafter(ends, images), ends).clamp_(0, 1)
