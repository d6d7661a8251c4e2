"""A black-box attack by gradients that are estimated from differences of the loss.

Source: Uesato, O'Donoghue, van den Oord and Kohli, "Adversarial Risk and the Dangers of Evaluating
Against Weak Attacks", ICML 2018, https://arxiv.org/abs/1802.05666 (SPSA). Each sample has the
difference of its own two losses; the published attack of RAM-LPM (Kiritani and Ono, 2020,
https://arxiv.org/abs/2002.05388) takes a sum over a sub-batch, which adds the noise of the other
samples. Both points of a sample meet the same draws of a stochastic network.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from isotrope.attacks.attacked import Attacked, Questions
from isotrope.attacks.balls import Ball, Norm
from isotrope.attacks.checked import at_least
from isotrope.attacks.losses import Loss, LossName
from isotrope.attacks.victim import Network, Victim
from isotrope.datasets.trees import mapped

_KEPT, _KEPT_SQUARES, _LEAST = 0.9, 0.999, 1e-8  # of Adam


def spsa(
    network: Network | Victim,
    images: Tensor,
    labels: Tensor,
    *,
    eps: float,
    steps: int = 100,
    samples: int = 8192,
    delta: float = 0.01,
    learning_rate: float = 0.01,
    sub_batch: int = 64,
    norm: Norm = "linf",
    loss: LossName | Loss = "margin",
    draws: int = 1,
    seed: int = 0,
    numbers: Sequence[int] | None = None,
    stop_early: bool = True,
) -> Attacked:
    """Attack images by Adam on estimated gradients. It begins at the images.

    Args:
        network: function or ``nn.Module`` that gives logits, or a `Victim`.
        images: ``(batch, channels, height, width)`` in 0..1.
        labels: ``(batch,)`` int64.
        eps: the largest perturbation in the norm.
        steps: of Adam.
        samples: differences of the loss from which a gradient is estimated, two questions each.
        delta: how far the two points of a difference are from the image, at each pixel. They may
            leave the ball and 0..1, as published; the attacked images do not.
        learning_rate: of Adam.
        sub_batch: samples of an image in one pass; it changes memory, and numbers to rounding.
        norm: ``linf`` or ``l2``.
        loss: what is raised.
        draws: answers of a stochastic network to each question, whose losses are averaged.
        seed: of the samples and of what the network draws.
        numbers: of the images in their split; from 0 if left out.
        stop_early: whether images leave once they are fooled, if the network draws nothing.

    Raises:
        ValueError: if a value is out of range or the sizes do not fit.
    """
    at_least(1, steps=steps, samples=samples, sub_batch=sub_batch)
    if not delta > 0:
        raise ValueError(f"delta must be above 0, got {delta:g}")
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
    ball = Ball(images.detach(), eps, norm)
    points = ball.images
    mean, square = torch.zeros_like(points), torch.zeros_like(points)
    with questions.victim.under_attack():
        stay = questions.note(points, questions.ask(points), step=False)
        for step in range(1, steps + 1):
            if stay is not None:
                ball, points = ball.only(stay), points[stay]
                mean, square = mean[stay], square[stay]
                if not len(points):
                    break
            slope = estimated_gradient(
                questions, points, step, samples=samples, delta=delta, sub_batch=sub_batch
            )
            mean = _KEPT * mean + (1 - _KEPT) * slope
            square = _KEPT_SQUARES * square + (1 - _KEPT_SQUARES) * slope.square()
            size = (square / (1 - _KEPT_SQUARES**step)).sqrt() + _LEAST
            points = ball.inside(points + learning_rate / (1 - _KEPT**step) * mean / size)
            stay = questions.note(points, questions.ask(points))
        questions.settle(points)
    return questions.attacked(norm, steps)


def estimated_gradient(
    questions: Questions, points: Tensor, step: int, *, samples: int, delta: float, sub_batch: int
) -> Tensor:
    """The gradient of the loss by each image, estimated without bias where the loss is quadratic.

    The mean over samples of ``(loss(x + delta v) - loss(x - delta v)) / (2 delta) v``, where each
    number of ``v`` is -1 or 1.

    Args:
        questions: asks the victim.
        points: the images that are left.
        step: tells the samples of this estimate from those of others.
        samples: how many.
        delta: how far the points of a difference are from the image.
        sub_batch: samples of an image in one pass.

    Returns:
        In the shape of the points.
    """
    batch, volume = len(points), points[:1].numel()
    total = torch.zeros_like(points).flatten(1)
    for first in range(0, samples, sub_batch):
        count = min(sub_batch, samples - first)
        signs = questions.streams.rows_of_signs(first, count, volume, step)
        to = delta * signs.view(batch, count, *points.shape[1:])
        pairs = torch.stack((points[:, None] + to, points[:, None] - to), dim=2).flatten(0, 2)
        noise = mapped(
            lambda drawn, count=count: (  # type: ignore[misc]
                drawn.view(batch, count, 1, -1, *drawn.shape[2:])
                .expand(-1, -1, 2, *[-1] * (drawn.dim() - 1))
                .flatten(0, 2)
            ),
            questions.take(count),
        )
        labels = questions.labels.repeat_interleave(2 * count)
        values = questions.asked(pairs, labels, noise).values.view(batch, count, 2)
        questions.shown(2 * count)
        slopes = (values[..., 0] - values[..., 1]) / (2 * delta)
        total += torch.einsum("bs,bsv->bv", slopes, signs)
    return (total / samples).view_as(points)
