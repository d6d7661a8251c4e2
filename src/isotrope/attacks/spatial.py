"""The worst rotation, scale and shift of an image.

Source: Engstrom, Tran, Tsipras, Schmidt and Madry, "Exploring the Landscape of Spatial Robustness",
ICML 2019, https://arxiv.org/abs/1712.02779 (grid, and worst of some random ones). Differs from the
paper: scales, too, and a refinement about the worst pose.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from isotrope.attacks.attacked import Attacked, Questions
from isotrope.attacks.balls import Ball
from isotrope.attacks.checked import at_least
from isotrope.attacks.victim import Network, Victim
from isotrope.geometry import affine_grid, pixel_centres

Search = Literal["grid", "random"]
_WIDEST, _NARROWEST = 0.25, 0.01  # of a refinement, in parts of the range


class Posed(NamedTuple):
    """What a spatial attack has found.

    Args:
        attacked: the images in their worst poses; their distortion is nan, since no pixels are
            perturbed.
        poses: angle (degrees, counter-clockwise), scale, shift to the right and down (pixels) of
            each image, ``(batch, 4)``.
    """

    attacked: Attacked
    poses: Tensor


def spatial(
    network: Network | Victim,
    images: Tensor,
    labels: Tensor,
    *,
    angles: Sequence[float] = (0.0,),
    scales: Sequence[float] = (1.0,),
    shifts: Sequence[float] = (0.0,),
    search: Search = "grid",
    samples: int = 100,
    refine: int = 0,
    draws: int = 1,
    seed: int = 0,
    numbers: Sequence[int] | None = None,
    stop_early: bool = False,
) -> Posed:
    """Turn, scale and shift images so that the margin of a network becomes worst.

    Args:
        network: function or ``nn.Module`` that gives logits, or a `Victim`.
        images: ``(batch, channels, height, width)`` in 0..1. What comes in at the border is black.
        labels: ``(batch,)`` int64.
        angles: degrees, counter-clockwise.
        scales: 2 makes the thing twice as large.
        shifts: pixels, along both axes.
        search: ``grid`` tries every combination of these; ``random`` draws for each image from
            their ranges, least to largest (scales evenly in their logarithm).
        samples: poses that ``random`` draws.
        refine: poses that are drawn afterwards about the worst one so far, closer and closer,
            inside the ranges.
        draws: answers of a stochastic network to each question, whose margins are averaged.
        seed: of the search and of what the network draws.
        numbers: of the images in their split; from 0 if left out.
        stop_early: whether images leave once they are fooled, if the network draws nothing.

    Raises:
        ValueError: if a value is out of range or the sizes do not fit.
    """
    at_least(1, samples=samples, draws=draws)
    at_least(0, refine=refine)
    if search not in ("grid", "random"):
        raise ValueError(f"search must be grid or random, got '{search}'")
    if not (angles and scales and shifts) or min(scales, default=0) <= 0:
        raise ValueError("need an angle, a scale above 0 and a shift at least")
    questions = Questions(
        network,
        images,
        labels,
        loss="margin",
        draws=draws,
        seed=seed,
        numbers=numbers,
        stop_early=stop_early,
    )
    clean = Ball(images.detach(), 0.0, "linf").images
    logs = [math.log(scale) for scale in scales]
    every = list(itertools.product(angles, logs, shifts, shifts))
    fixed = clean.new_tensor(every)
    least, width = fixed.amin(dim=0), fixed.amax(dim=0) - fixed.amin(dim=0)
    poses = fixed[:1].repeat(len(clean), 1)
    worst = clean.new_full((len(clean),), -torch.inf)
    count = len(every) if search == "grid" else samples
    with questions.victim.under_attack():
        for step in range(count + refine):
            left = questions.left
            if not len(left):
                break
            if step < count and search == "grid":
                drawn = fixed[step].expand(len(left), -1)
            else:
                drawn = questions.streams.uniform(4, step)
                if step < count:
                    drawn = least + drawn * width
                else:
                    narrow = (_NARROWEST / _WIDEST) ** ((step - count) / max(1, refine - 1))
                    drawn = poses[left] + (2 * drawn - 1) * _WIDEST * narrow * width
                    drawn = drawn.clamp(least, least + width)
            points = posed(clean[left], drawn)
            seen = questions.ask(points)
            worse = seen.values > worst[left]
            poses[left] = torch.where(worse[:, None], drawn, poses[left])
            worst[left] = torch.where(worse, seen.values, worst[left])
            questions.note(points, seen)
        questions.settle(posed(clean, poses) if questions.stochastic else clean)
    found = torch.cat((poses[:, :1], poses[:, 1:2].exp(), poses[:, 2:]), dim=1)
    return Posed(questions.attacked(None, count + refine), found)


def posed(images: Tensor, poses: Tensor) -> Tensor:
    """Each image in a pose of its own, read bilinearly; black beyond the border.

    It is not low-passed where it shrinks.

    Args:
        images: ``(batch, channels, height, width)``.
        poses: angle (degrees), logarithm of the scale, shift to the right and down (pixels),
            ``(batch, 4)``.

    Returns:
        As the images, in 0..1 where they are.
    """
    height, width = images.shape[-2:]
    radians, logs, right, down = poses.unbind(dim=1)
    radians = radians * (math.pi / 180)
    by = (-logs).exp()
    cosine, sine = radians.cos() * by, radians.sin() * by
    rows = (
        (cosine, -sine * (height / width), (sine * down - cosine * right) * (2 / width)),
        (sine * (width / height), cosine, -(sine * right + cosine * down) * (2 / height)),
    )
    maps = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
    x, y = (pixel_centres(side, images.dtype, images.device) for side in (width, height))
    grid = affine_grid(maps, x, y)
    return F.grid_sample(images, grid, padding_mode="zeros", align_corners=False).clamp_(0, 1)
