"""Projected gradient descent that finds its step sizes by itself.

Source: Croce and Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse
parameter-free attacks", ICML 2020, https://arxiv.org/abs/2003.01690 (APGD). Differs from the paper:
for a stochastic network the losses that are compared are means over its draws, so that the best
point is the best by its own estimate; it is judged by fresh draws.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from isotrope.attacks.attacked import Attacked, Questions
from isotrope.attacks.balls import Ball, Norm, by_image, unit
from isotrope.attacks.checked import at_least
from isotrope.attacks.losses import Loss, LossName
from isotrope.attacks.victim import Network, Victim

_MOMENTUM = 0.75  # the part of a step that is new
_RISES = 0.75  # the share of steps that must raise the loss, or the step size is halved


def apgd(
    network: Network | Victim,
    images: Tensor,
    labels: Tensor,
    *,
    eps: float,
    steps: int = 100,
    norm: Norm = "linf",
    loss: LossName | Loss = "cross_entropy",
    restarts: int = 1,
    draws: int = 1,
    seed: int = 0,
    numbers: Sequence[int] | None = None,
    stop_early: bool = False,
) -> Attacked:
    """Attack images by gradient steps with momentum, whose size is halved where they stop helping.

    Each restart begins at a random point of the ball.

    Args:
        network: ``nn.Module`` or function that gives logits, or a `Victim`.
        images: ``(batch, channels, height, width)`` in 0..1.
        labels: ``(batch,)`` int64.
        eps: the largest perturbation in the norm.
        steps: of each restart.
        norm: ``linf`` or ``l2``.
        loss: what is raised: ``cross_entropy`` or ``logit_ratio`` as published, ``margin`` or a
            function.
        restarts: how often it begins anew.
        draws: answers of a stochastic network to each question, whose losses are averaged.
        seed: of random starts and of what the network draws.
        numbers: of the images in their split; from 0 if left out.
        stop_early: whether images leave once they are fooled, if the network draws nothing.

    Raises:
        ValueError: if a value is out of range or the sizes do not fit.
    """
    at_least(1, steps=steps, restarts=restarts)
    questions = Questions(
        network,
        images,
        labels,
        loss=loss,
        draws=draws,
        seed=seed,
        numbers=numbers,
        stop_early=stop_early,
    )
    whole = Ball(images.detach(), eps, norm)
    with questions.victim.under_attack():
        for restart, ball in questions.restarts(whole, restarts):
            questions.settle(_climb(questions, ball, restart, steps))
    return questions.attacked(norm, restarts * steps)


def checkpoints(steps: int) -> list[int]:
    """The steps after which the step size may be halved; they come closer and closer."""
    shares = [0.0, 0.22]
    while shares[-1] < 1:
        shares.append(shares[-1] + max(shares[-1] - shares[-2] - 0.03, 0.06))
    return sorted({math.ceil(share * steps - 1e-9) for share in shares[1:] if share < 1})


class _State:
    """Where the images of a batch are, and what decides on their step sizes; rows of images."""

    def __init__(self, points: Tensor, value: Tensor, slope: Tensor, size: float) -> None:
        self.points, self.before, self.value, self.slope = points, points, value, slope
        self.best, self.best_value, self.best_slope = points, value, slope
        self.size = torch.full_like(value, size)
        self.rises = torch.zeros_like(value)
        self.halved = torch.zeros_like(value, dtype=torch.bool)
        self.best_before = value

    def only(self, stay: Tensor) -> None:
        """Keep the images of a mask."""
        self.__dict__ = {name: value[stay] for name, value in self.__dict__.items()}

    def move(self, points: Tensor, value: Tensor, slope: Tensor) -> None:
        """Take a step."""
        self.rises += value > self.value
        self.before, self.points, self.value, self.slope = self.points, points, value, slope
        better = value > self.best_value
        wide = by_image(better, points)
        self.best = torch.where(wide, points, self.best)
        self.best_slope = torch.where(wide, slope, self.best_slope)
        self.best_value = torch.where(better, value, self.best_value)

    def check(self, since: int) -> None:
        """Halve the steps of images that have not gained, and put them at their best points."""
        few = self.rises < _RISES * since
        stuck = ~self.halved & (self.best_value <= self.best_before)
        self.halved = few | stuck
        self.size = torch.where(self.halved, self.size / 2, self.size)
        wide = by_image(self.halved, self.points)
        self.points = torch.where(wide, self.best, self.points)
        self.slope = torch.where(wide, self.best_slope, self.slope)
        self.value = torch.where(self.halved, self.best_value, self.value)
        self.best_before, self.rises = self.best_value, torch.zeros_like(self.rises)


def _climb(questions: Questions, ball: Ball, restart: int, steps: int) -> Tensor:
    """One restart; gives the best points of the images that are left."""
    points = ball.random(questions.streams, restart)
    seen = questions.ask(points, gradient=True)
    stay = questions.note(points, seen, step=False)
    slope = torch.zeros_like(points) if seen.gradient is None else seen.gradient
    state = _State(points, seen.values, slope, 2 * ball.eps)
    checks, checked = checkpoints(steps), 0
    for step in range(1, steps + 1):
        if stay is not None:
            ball = ball.only(stay)
            state.only(stay)
            if not len(state.points):
                break
        ahead = state.points + by_image(state.size, points) * unit(state.slope, ball.norm)
        points = ball.inside(ahead)
        if step > 1:
            ahead = _MOMENTUM * points + (1 - _MOMENTUM) * (2 * state.points - state.before)
            points = ball.inside(ahead)
        seen = questions.ask(points, gradient=step < steps)
        stay = questions.note(points, seen)
        slope = state.slope if seen.gradient is None else seen.gradient
        state.move(points, seen.values, slope)
        if step in checks:
            state.check(step - checked)
            checked = step
    return state.best
