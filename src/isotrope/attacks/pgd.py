"""Projected gradient descent: steps up the loss, each drawn back into the ball.

Source: Madry, Makelov, Schmidt, Tsipras and Vladu, "Towards Deep Learning Models Resistant to
Adversarial Attacks", ICLR 2018, https://arxiv.org/abs/1706.06083. Differs from the paper: of a
network that draws nothing the best point on the way counts, not the last.
"""

from collections.abc import Sequence

from torch import Tensor

from isotrope.attacks.attacked import Attacked, Questions
from isotrope.attacks.balls import Ball, Norm, unit
from isotrope.attacks.checked import at_least
from isotrope.attacks.losses import Loss, LossName
from isotrope.attacks.victim import Network, Victim


def pgd(
    network: Network | Victim,
    images: Tensor,
    labels: Tensor,
    *,
    eps: float,
    steps: int = 40,
    step_size: float | None = None,
    norm: Norm = "linf",
    loss: LossName | Loss = "cross_entropy",
    random_start: bool = True,
    restarts: int = 1,
    draws: int = 1,
    seed: int = 0,
    numbers: Sequence[int] | None = None,
    stop_early: bool = False,
) -> Attacked:
    """Attack images by projected gradient descent.

    Args:
        network: ``nn.Module`` or function that gives logits, or a `Victim`.
        images: ``(batch, channels, height, width)`` in 0..1.
        labels: ``(batch,)`` int64.
        eps: the largest perturbation in the norm, in parts of the range of grey values.
        steps: of each restart.
        step_size: length of a step in the norm; ``2.5 * eps / steps`` if left out.
        norm: ``linf`` or ``l2``.
        loss: what is raised: ``cross_entropy``, ``margin``, ``logit_ratio`` or a function.
        random_start: whether each restart begins at a random point of the ball, not at the image.
        restarts: how often it begins anew.
        draws: answers of a stochastic network to each question, whose losses are averaged.
        seed: of random starts and of what the network draws.
        numbers: of the images in their split; from 0 if left out. Nothing that is drawn for an
            image depends on anything but this number and the seed.
        stop_early: whether images leave the batch once they are fooled (if the network draws
            nothing), which is faster.

    Raises:
        ValueError: if a value is out of range or the sizes do not fit.
    """
    at_least(1, steps=steps, restarts=restarts)
    length = 2.5 * eps / steps if step_size is None else step_size
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
            points = ball.images
            if random_start:
                points = ball.random(questions.streams, restart)
            for step in range(steps + 1):
                last = step == steps
                seen = questions.ask(points, gradient=not last)
                stay = questions.note(points, seen, step=step > 0)
                if last or seen.gradient is None:
                    break
                slope = seen.gradient
                if stay is not None:
                    ball, points, slope = ball.only(stay), points[stay], slope[stay]
                    if not len(points):
                        break
                points = ball.inside(points + length * unit(slope, norm))
            questions.settle(points)
    return questions.attacked(norm, restarts * steps)
