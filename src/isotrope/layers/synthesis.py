"""An image from its coefficients: what a transform tells of an image, and what it leaves out.

An image is changed until its coefficients are those asked for. Whatever differs from the original
then is what the transform does not see: places within its windows, phases.

Source: synthesis from scattering coefficients by descent on their squared distance is that of Bruna
and Mallat, "Multiscale sparse microcanonical models", Mathematical Statistics and Learning 1 (3),
2018, https://arxiv.org/abs/1801.02013. Differs from it: it begins with uniform, not with Gaussian
noise, ends after a number of steps, and takes any transform. Steps are those of L-BFGS (Liu and
Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical Programming
45, 1989), halved until the error falls enough; they are written here since torch's come to a halt
at the kinks of moduli.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_REMEMBERED = 20  # steps from which the curvature is learned
_HALVINGS = 30
_ENOUGH = 1e-4  # of what the slope promises, for a step to be taken


@dataclass(frozen=True)
class Synthesis:
    """What came of a synthesis.

    Attributes:
        image: the last image, of the shape that was asked for.
        start: the noise that it began with.
        errors: before the first step and after each: the distance of the coefficients from those
            asked for, divided by the norm of these (or by 1 if it is 0).
    """

    image: Tensor
    start: Tensor
    errors: tuple[float, ...]


def synthesise(
    transform: Callable[[Tensor], Tensor],
    target_coefficients: Tensor,
    shape: Sequence[int],
    steps: int = 100,
    seed: int = 0,
) -> Synthesis:
    """Change noise until its coefficients are those of a target, as far as so many steps lead.

    Pixels are not kept within 0..1. The same seed gives the same noise on every device.

    Args:
        transform: differentiable, of tensors of ``shape``; parameters in it are left as they are.
        target_coefficients: of any shape, that which ``transform`` returns; their type and device
            are those of the image.
        shape: of the image, as in ``(height, width)`` or ``(1, channels, height, width)``.
        steps: of L-BFGS; the transform is computed once in most of them.
        seed: of the noise, uniform in 0..1; its lowest 32 bits count.

    Raises:
        ValueError: if steps are below 0, the coefficients have another shape than those of the
            noise, or no gradient.
    """
    if steps < 0:
        raise ValueError(f"steps must be 0 or more, got {steps}")
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(*shape, generator=generator, dtype=torch.float64)
    with torch.inference_mode(False):
        target = target_coefficients.detach().clone()
        start = noise.to(target)
        norm = torch.linalg.vector_norm(target)
        norm = torch.where(norm > 0, norm, torch.ones_like(norm))

    def loss(image: Tensor) -> Tensor:
        coefficients = transform(image)
        if coefficients.shape != target.shape:
            raise ValueError(
                f"the transform gives coefficients of shape {tuple(coefficients.shape)} for an "
                f"image of shape {tuple(shape)}, and the target has {tuple(target.shape)}"
            )
        return ((coefficients - target) / norm).square().sum()

    descent = _Descent(loss, start)
    errors = [descent.loss]
    for _ in range(steps):
        with torch.inference_mode(False):
            descent.step()
        errors.append(descent.loss)
    return Synthesis(descent.place, start, tuple(math.sqrt(one) for one in errors))


class _Descent:
    """L-BFGS towards the least value, 0 or more, of a function.

    Attributes:
        place: where it is.
        loss: the value there.
    """

    def __init__(self, function: Callable[[Tensor], Tensor], start: Tensor) -> None:
        self._function = function
        self._steps: deque[tuple[Tensor, Tensor]] = deque(maxlen=_REMEMBERED)
        self.place = start
        self.loss, self._slope = self._at(start)

    def step(self) -> None:
        """Go to a lower place, if one is found; else forget the curvature, and stay."""
        direction = self._direction()
        promised = float((direction * self._slope).sum())
        if promised >= 0:  # no way down: what was learned does not hold here
            self._steps.clear()
            direction = self._direction()
            promised = float((direction * self._slope).sum())
        length = 1.0
        for _ in range(_HALVINGS):
            place = self.place + length * direction
            loss, slope = self._at(place)
            if loss < self.loss and loss <= self.loss + _ENOUGH * length * promised:
                self._take(place, loss, slope)
                return
            length /= 2
        self._steps.clear()

    def _at(self, place: Tensor) -> tuple[float, Tensor]:
        with torch.inference_mode(False), torch.enable_grad():
            inputs = place.clone().requires_grad_()
            value = self._function(inputs)
            if not value.requires_grad:
                raise ValueError("the transform has no gradient with respect to the image")
            (slope,) = torch.autograd.grad(value, inputs)
        return float(value.detach()), slope

    def _take(self, place: Tensor, loss: float, slope: Tensor) -> None:
        moved, bent = place - self.place, slope - self._slope
        curved = (moved * bent).sum() > 1e-8 * moved.norm() * bent.norm()
        if curved:
            self._steps.append((moved, bent))
        self.place, self.loss, self._slope = place, loss, slope

    def _direction(self) -> Tensor:
        """Down, through the curvature of the last steps; at first as far as 0 would be."""
        down = -self._slope
        if not self._steps:
            steepness = float(down.square().sum())
            return down * (self.loss / steepness) if steepness > 0 else down
        shares = []
        for moved, bent in reversed(self._steps):
            share = (moved * down).sum() / (moved * bent).sum()
            down = down - share * bent
            shares.append(share)
        moved, bent = self._steps[-1]
        down = down * ((moved * bent).sum() / bent.square().sum())
        for (moved, bent), share in zip(self._steps, reversed(shares), strict=True):
            down = down + (share - (bent * down).sum() / (moved * bent).sum()) * moved
        return down
