"""A black-box attack that changes one square at a time and keeps what raises the loss.

Source: Andriushchenko, Croce, Flammarion and Hein, "Square Attack: a query-efficient black-box
adversarial attack via random search", ECCV 2020, https://arxiv.org/abs/1912.00049. Differs from the
paper: a stochastic network is asked about the image so far and the candidate under the same draws,
fresh ones at each step, so that no lucky draw is kept; each step then costs two questions.
"""

import math
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from isotrope.attacks.attacked import Attacked, Questions
from isotrope.attacks.balls import Ball, Norm, by_image, length
from isotrope.attacks.checked import at_least
from isotrope.attacks.losses import Loss, LossName
from isotrope.attacks.streams import Streams, whole
from isotrope.attacks.victim import Network, Seen, Victim

_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # of 10,000 steps
_TILES = 5  # along a side of the first perturbation in l2


def square(
    network: Network | Victim,
    images: Tensor,
    labels: Tensor,
    *,
    eps: float,
    queries: int = 1000,
    norm: Norm = "linf",
    loss: LossName | Loss = "margin",
    share: float = 0.8,
    restarts: int = 1,
    draws: int = 1,
    seed: int = 0,
    numbers: Sequence[int] | None = None,
    stop_early: bool = True,
) -> Attacked:
    """Attack images by random search over squares, without gradients.

    Args:
        network: function or ``nn.Module`` that gives logits, or a `Victim`.
        images: ``(batch, channels, height, width)`` in 0..1.
        labels: ``(batch,)`` int64.
        eps: the largest perturbation in the norm.
        queries: candidates of each restart, the first perturbation included.
        norm: ``linf`` or ``l2``.
        loss: what is raised.
        share: the part of the image that the first squares cover; it is halved nine times on the
            way.
        restarts: how often it begins anew.
        draws: answers of a stochastic network to each question, whose losses are averaged.
        seed: of the search and of what the network draws.
        numbers: of the images in their split; from 0 if left out.
        stop_early: whether images leave once they are fooled, if the network draws nothing.

    Raises:
        ValueError: if a value is out of range or the sizes do not fit.
    """
    at_least(1, queries=queries, restarts=restarts)
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1, got {share:g}")
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
    around = Ball(images.detach(), eps, norm)
    with questions.victim.under_attack():
        for restart, ball in questions.restarts(around, restarts):
            questions.settle(_search(questions, ball, restart, queries, share))
    return questions.attacked(norm, restarts * queries)


def _search(questions: Questions, ball: Ball, restart: int, queries: int, share: float) -> Tensor:
    """One restart; gives the points of the images that are left."""
    first, change = (_stripes, _square) if ball.norm == "linf" else (_tiles, _moved_mass)
    points = first(ball, questions.streams, restart)
    seen = questions.ask(points)
    stay = questions.note(points, seen)
    for step in range(1, queries):
        values = seen.values
        if stay is not None:
            ball, points, values = ball.only(stay), points[stay], values[stay]
            if not len(points):
                break
        size = math.sqrt(share_at(step, queries, share) * math.prod(points.shape[-2:]))
        candidate = change(ball, points, size, questions.streams, restart, step)
        noise = questions.take(1)
        new = questions.asked(candidate, questions.labels, noise)
        questions.shown(1)
        old = Seen(values, torch.zeros_like(new.wrong))
        if questions.stochastic:
            old = questions.asked(points, questions.labels, noise)
            questions.shown(1)
        better = new.values > old.values
        points = torch.where(by_image(better, points), candidate, points)
        seen = Seen(
            torch.where(better, new.values, old.values), torch.where(better, new.wrong, old.wrong)
        )
        stay = questions.note(points, seen)
    return points


def share_at(step: int, queries: int, share: float) -> float:
    """Which part of the image a square covers at a step, from 0, of so many."""
    of_ten_thousand = step / queries * 10_000
    return share * 0.5 ** sum(of_ten_thousand > halving for halving in _HALVINGS)


def _stripes(ball: Ball, streams: Streams, restart: int) -> Tensor:
    """Columns at the upper or lower border of the ball, each channel by itself."""
    _, channels, _, width = ball.images.shape
    signs = streams.signs(channels * width, restart, 0, 0).view(-1, channels, 1, width)
    return torch.where(signs > 0, ball.highest, ball.lowest)


def _square(
    ball: Ball, points: Tensor, size: float, streams: Streams, restart: int, step: int
) -> Tensor:
    """A square at the upper or lower border of the ball, each channel by itself."""
    channels, height, width = points.shape[1:]
    side = min(max(1, round(size)), height, width)
    drawn = streams.uniform(2 + channels, restart, step)
    top, left = whole(drawn[:, :1], height - side + 1), whole(drawn[:, 1:2], width - side + 1)
    rows, columns = (torch.arange(n, device=points.device) for n in (height, width))
    down = (rows >= top) & (rows < top + side)
    across = (columns >= left) & (columns < left + side)
    inside = (down[:, :, None] & across[:, None, :])[:, None]
    up = (drawn[:, 2:] < 0.5).view(-1, channels, 1, 1)
    return torch.where(inside, torch.where(up, ball.highest, ball.lowest), points)


@cache
def bump(side: int) -> Tensor:
    """A hill beside a valley, of length 1, float64 ``(side, side)``."""
    left = side // 2
    hills = torch.cat((_hill(side, left), -_hill(side, side - left)), dim=1)
    far: Tensor = torch.linalg.vector_norm(hills)
    return hills / far


def _hill(height: int, width: int) -> Tensor:
    """Higher towards the middle: a sum of squares, each smaller and weighted more."""
    middle = height // 2
    down = (torch.arange(height) - middle).abs()[:, None]
    across = (torch.arange(width) - width // 2).abs()
    steps = 1 / torch.arange(middle + 1, 0, -1, dtype=torch.float64).square()
    return steps.cumsum(0)[middle - torch.maximum(down, across)]


def _bumps(one: Tensor, drawn: Tensor) -> Tensor:
    """Bumps for the channels of each image, of either sign, standing or lying by image.

    Shapes:
        one: ``(side, side)``
        drawn: uniform numbers, ``(batch, 1 + channels)``
        output: ``(batch, channels, side, side)``
    """
    wide = drawn[:, :, None, None]
    return torch.where(wide[:, :1] < 0.5, one.T, one) * torch.where(wide[:, 1:] < 0.5, 1.0, -1.0)


def _tiles(ball: Ball, streams: Streams, restart: int) -> Tensor:
    """A grid of bumps, of the length that is allowed."""
    channels, height, width = ball.images.shape[1:]
    side = max(1, min(height, width) // _TILES)
    rows, columns = min(_TILES, height // side), min(_TILES, width // side)
    away = torch.zeros_like(ball.images)
    top, left = (height - rows * side) // 2, (width - columns * side) // 2
    one = bump(side).to(away.device, away.dtype)
    for tile in range(rows * columns):
        row, column = top + tile // columns * side, left + tile % columns * side
        drawn = streams.uniform(1 + channels, restart, 0, tile)
        away[:, :, row : row + side, column : column + side] = _bumps(one, drawn)
    return ball.inside(ball.images + away * (ball.eps / by_image(length(away, "l2"), away)))


def _moved_mass(
    ball: Ball, points: Tensor, size: float, streams: Streams, restart: int, step: int
) -> Tensor:
    """The perturbation of one window moved to another, where a bump is added to it."""
    batch, channels, height, width = points.shape
    side = min(max(3, round(size) | 1), height, width)
    away = (points - ball.images).flatten(2)
    drawn = streams.uniform(5 + channels, restart, step)
    to, source = (
        _places(
            whole(drawn[:, k : k + 1], height - side + 1),
            whole(drawn[:, k + 1 : k + 2], width - side + 1),
            side,
            width,
        ).expand(batch, channels, -1)
        for k in (0, 2)
    )
    either = torch.zeros_like(away).scatter_(2, source, 1).scatter_(2, to, 1)
    unused = (ball.eps**2 - away.square().sum(dim=(1, 2))).clamp(min=0)
    allowed = ((away.square() * either).sum(dim=2) + unused[:, None] / channels).sqrt()
    bumps = _bumps(bump(side).to(away.device, away.dtype), drawn[:, 4:]).flatten(2)
    shape = _of_length_1(bumps + _of_length_1(away.gather(2, to))) * allowed[:, :, None]
    moved = away.scatter(2, source, 0.0).scatter(2, to, shape)
    return ball.inside(ball.images + moved.view_as(points))


def _places(top: Tensor, left: Tensor, side: int, width: int) -> Tensor:
    """The pixels of windows, by their numbers along the rows, ``(batch, 1, side * side)``."""
    steps = torch.arange(side, device=top.device)
    rows, columns = top + steps, left + steps
    return (rows[:, :, None] * width + columns[:, None, :]).flatten(1)[:, None]


def _of_length_1(vectors: Tensor) -> Tensor:
    far: Tensor = torch.linalg.vector_norm(vectors, dim=2, keepdim=True)
    return vectors / far.clamp(min=torch.finfo(vectors.dtype).tiny)
