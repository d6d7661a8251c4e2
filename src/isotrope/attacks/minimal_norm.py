"""The smallest perturbation that fools a network, without choosing a distance beforehand.

Source: Pintor, Roli, Brendel and Biggio, "Fast Minimum-norm Adversarial Attacks through Adaptive
Norm Constraints", NeurIPS 2021, https://arxiv.org/abs/2102.12827 (FMN). It begins at the image.
Differs from the paper: pixels that would leave 0..1 along the gradient are left out of it, and the
ball never shrinks while nothing has fooled; without that it comes to a halt in l2 on images most of
whose pixels are black or white. Of a stochastic network the smallest perturbation that ever fooled
is one of lucky draws: it bounds no ball here, and what is given back are multiples of the last one,
judged by fresh draws.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from isotrope.attacks.attacked import Attacked, Questions
from isotrope.attacks.balls import Ball, Norm, by_image, length, unit
from isotrope.attacks.checked import at_least
from isotrope.attacks.victim import Network, Victim

# of the last perturbation, from which the least is taken that fools a stochastic network
_MULTIPLES = (0.0, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0)


def minimal_norm(
    network: Network | Victim,
    images: Tensor,
    labels: Tensor,
    *,
    norm: Norm = "linf",
    steps: int = 100,
    step_size: float = 1.0,
    growth: float = 0.05,
    draws: int = 1,
    seed: int = 0,
    numbers: Sequence[int] | None = None,
) -> Attacked:
    """Find a small perturbation that fools: steps up the margin in a ball that shrinks and grows.

    The ball shrinks while the image is fooled and grows while it is not, by parts that fall along
    a half cosine, as the step size does.

    Args:
        network: ``nn.Module`` or function that gives logits, or a `Victim`.
        images: ``(batch, channels, height, width)`` in 0..1.
        labels: ``(batch,)`` int64.
        norm: ``linf`` or ``l2``.
        steps: how many.
        step_size: length of the first step, in l2 for both norms; the last has a hundredth of it.
        growth: by which part the ball grows or shrinks at first; a hundredth of it at last.
        draws: answers of a stochastic network to each question, whose margins are averaged.
        seed: of what the network draws.
        numbers: of the images in their split; from 0 if left out.

    Returns:
        The smallest perturbations found; ``distortion`` is ``inf`` where nothing fooled, 0 where
        the image is misclassified as it is. With a stochastic network it is the least of some
        multiples of the last perturbation (0 among them) that fools in two sets of fresh draws, and
        ``inf`` where a third does not confirm it.

    Raises:
        ValueError: if a value is out of range or the sizes do not fit.
    """
    at_least(1, steps=steps)
    if not (step_size > 0 and 0 < growth < 1):
        raise ValueError(f"need step_size > 0 and 0 < growth < 1, got {step_size:g} and {growth:g}")
    questions = Questions(
        network,
        images,
        labels,
        loss="margin",
        draws=draws,
        seed=seed,
        numbers=numbers,
        stop_early=False,
    )
    clean = Ball(images.detach(), 0.0, norm).images
    points, best = clean, clean
    radius = clean.new_zeros(len(clean))
    least = torch.full_like(radius, torch.inf)  # of the perturbations that fooled so far
    reached = torch.zeros_like(radius, dtype=torch.bool)  # whether a changed image has fooled
    with questions.victim.under_attack():
        for step in range(steps + 1):
            seen = questions.ask(points, gradient=step < steps)
            far = length(points - clean, norm)
            smaller = seen.wrong & (far < least)
            best = torch.where(by_image(smaller, points), points, best)
            least = torch.where(smaller, far, least)
            score = torch.where(seen.wrong, -far, -torch.inf)
            questions.note(points, seen._replace(values=score), step=step > 0)
            if seen.gradient is None:
                break
            part = growth * _falling(step, steps)
            slope = _free(seen.gradient, points)
            reached = reached | (seen.wrong & (far > 0))
            # where nothing fooled yet: as far as the border is, if the loss were linear
            border = torch.where(reached, 0.0, far - seen.values / _dual_length(slope, norm))
            grown = torch.maximum(radius * (1 + part), border)
            shrunk = radius * (1 - part)
            if not questions.stochastic:
                shrunk = torch.minimum(shrunk, least)
            radius = torch.where(seen.wrong, shrunk, grown)
            ahead = points + step_size * _falling(step, steps) * unit(slope, "l2")
            points = (clean + _within(ahead - clean, radius, norm)).clamp_(0, 1)
        if questions.stochastic:
            best = _least_multiple(questions, clean, points - clean)
        questions.settle(best)
    found = questions.attacked(norm, steps)
    return found._replace(distortion=torch.where(found.fooled, found.distortion, torch.inf))


def _least_multiple(questions: Questions, clean: Tensor, away: Tensor) -> Tensor:
    """Images under the least multiple of a perturbation that fools two sets of fresh draws.

    The largest multiple where none does.
    """
    best, found = clean, torch.zeros(len(clean), dtype=torch.bool, device=clean.device)
    for multiple in _MULTIPLES:
        points = (clean + multiple * away).clamp(0, 1)
        best = torch.where(by_image(found, points), best, points)
        twice = questions.judged(points).wrong & questions.judged(points).wrong
        found = found | twice
    return best


def _falling(step: int, steps: int) -> float:
    """From 1 to 0.01 along a half cosine."""
    return 0.01 + 0.99 * (1 + math.cos(math.pi * step / steps)) / 2


def _free(slopes: Tensor, points: Tensor) -> Tensor:
    """Gradients without the pixels that would leave 0..1 along them."""
    stuck = ((points <= 0) & (slopes < 0)) | ((points >= 1) & (slopes > 0))
    return slopes.masked_fill(stuck, 0.0)


def _dual_length(slopes: Tensor, norm: Norm) -> Tensor:
    """What a perturbation of length 1 can gain at most, ``(batch,)``, above 0."""
    found: Tensor = torch.linalg.vector_norm(slopes.flatten(1), 1 if norm == "linf" else 2, dim=1)
    return found.clamp(min=torch.finfo(slopes.dtype).tiny)


def _within(away: Tensor, radius: Tensor, norm: Norm) -> Tensor:
    """Perturbations drawn back to balls of some radii, by image."""
    if norm == "linf":
        wide = by_image(radius, away)
        return torch.maximum(torch.minimum(away, wide), -wide)
    far = length(away, norm)
    shrink = torch.where(far > radius, radius / far.clamp(min=torch.finfo(far.dtype).tiny), 1.0)
    return away * by_image(shrink, away)
