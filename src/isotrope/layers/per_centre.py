"""A small network at each of many centres, on samples about the centre, piece by piece.

The samples of all centres together are hundreds of times as many as the pixels, and the responses
to them more still. Here they are computed piece by piece, and once more for the gradient.
Batch normalisation needs the moments over all centres before it can go on: with several pieces
each normalisation in training costs one more pass through what lies before it.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from isotrope.layers.centre_samples import CentreSamples, Piece
from isotrope.layers.channel_moments import (
    Affine,
    Moments,
    affine,
    along_channels,
    joined,
    moments_of,
    normalised,
)
from isotrope.layers.hashed_dropout import dropped, key_of, share_of
from isotrope.layers.recomputing import in_pieces

Affines = list[Affine | None]
Found = tuple[Tensor, Affines]


class Stage(NamedTuple):
    """One layer of the network at a centre.

    Args:
        compute: ``(centres, channels, ...)`` and the tensors to what follows.
        tensors: its weights.
        norm: what normalises its output, if anything does.
        dropout: what then sets some of it to zero, if anything does.
    """

    compute: Callable[..., Tensor]
    tensors: tuple[Tensor, ...] = ()
    norm: nn.BatchNorm2d | None = None
    dropout: nn.Module | None = None


class Response(NamedTuple):
    """What a network at each centre answers.

    Shapes:
        maps: ``(batch, features, rows, columns)``
        outside: ``(batch, features)``: the answer at a centre around which all is background, if
            there is one
    """

    maps: Tensor
    outside: Tensor | None


def per_centre(
    images: Tensor,
    samples: CentreSamples,
    stages: Sequence[Stage],
    numbers: int,
    *,
    background: Tensor | None = None,
    layers: int = 1,
) -> Response:
    """The answers of a network of some stages at each centre.

    Shapes:
        images: ``(batch, channels, height, width)``
        background: ``(batch, channels)`` or ``(1, channels)``, the values beyond the images

    Args:
        images: what is sampled.
        samples: where the centres are, and what is sampled.
        stages: the layers; the last one gives ``(centres, features)``.
        numbers: how many numbers all stages together hold for a centre.
        background: what is seen beyond the images; zeros, if left out.
        layers: how many such layers of a network share the memory for gradients.
    """
    constant = None
    if background is not None:
        constant = background.to(images.dtype).expand(len(images), -1)
        images = images - constant[..., None, None]
    keys = [None if stage.dropout is None else key_of(stage.dropout, images) for stage in stages]
    work = _Work(samples, stages, samples.pieces(images, numbers, layers))
    treat = _at_once if len(work.pieces) == 1 else _piece_by_piece
    values, affines = treat(work, images, constant, keys)
    outside = None
    if constant is not None:
        outside = constant[..., None, None] * samples.sums(images)
        for stage, found in zip(stages, affines, strict=True):
            outside = _after(stage, stage.compute(outside, *stage.tensors), found)
    maps = values.view(len(images), samples.rows, samples.columns, -1).permute(0, 3, 1, 2)
    return Response(maps, outside)


class _Work(NamedTuple):
    samples: CentreSamples
    stages: Sequence[Stage]
    pieces: Sequence[Piece]

    def sampled(self, piece: Piece, images: Tensor, constant: Tensor | None) -> Tensor:
        """The samples about the centres of a piece, with the constant beyond the images."""
        found = self.samples.of(piece, images)
        if constant is None:
            return found
        own = constant[piece.first : piece.last]
        of_images = found.view(len(own), -1, *found.shape[1:])
        whole = of_images + own[:, None, :, None, None] * self.samples.sums(images)
        return whole.flatten(0, 1)

    def numbers(self, piece: Piece, like: Tensor) -> Tensor:
        """The numbers of a piece's centres among all."""
        first = (piece.first * self.samples.rows + piece.top) * self.samples.columns
        rows = (piece.last - piece.first) * (piece.bottom - piece.top)
        return torch.arange(first, first + rows * self.samples.columns, device=like.device)


def _after(stage: Stage, values: Tensor, found: Affine | None) -> Tensor:
    return values if stage.norm is None or found is None else along_channels(values, *found)


def _at_once(
    work: _Work, images: Tensor, constant: Tensor | None, keys: Sequence[Tensor | None]
) -> Found:
    """All centres in one pass, whose inner results are kept for the gradient."""
    values = work.sampled(work.pieces[0], images, constant)
    affines: Affines = []
    for stage, key in zip(work.stages, keys, strict=True):
        values = stage.compute(values, *stage.tensors)
        found = None
        if stage.norm is not None:
            values, found = normalised(stage.norm, values, with_affine=constant is not None)
        affines.append(found)
        if key is not None and stage.dropout is not None:
            rows = work.numbers(work.pieces[0], images)
            values = dropped(values, rows, key, share_of(stage.dropout))
    return values, affines


def _piece_by_piece(
    work: _Work, images: Tensor, constant: Tensor | None, keys: Sequence[Tensor | None]
) -> Found:
    """Piece by piece, once for all moments that are wanted and once for the answers."""
    affines: Affines = []

    def leaves(end: int) -> list[Tensor | None]:
        given: list[Tensor | None] = [images, constant]
        for n, stage in enumerate(work.stages[:end]):
            known = affines[n] if n < len(affines) else None
            given += [keys[n], *(known or (None, None)), *stage.tensors]
        return given

    def through(number: int, end: int, given: Sequence[Tensor]) -> Tensor:
        piece, rest = work.pieces[number], list(given[2:])
        values = work.sampled(piece, given[0], given[1])
        for stage in work.stages[:end]:
            (key, factor, summand), rest = rest[:3], rest[3:]
            values = stage.compute(values, *rest[: len(stage.tensors)])
            rest = rest[len(stage.tensors) :]
            if factor is None and stage.norm is not None:
                return values  # whose moments are wanted
            values = _after(stage, values, (factor, summand))
            if key is not None and stage.dropout is not None:
                rows = work.numbers(piece, values)
                values = dropped(values, rows, key, share_of(stage.dropout))
        return values

    def moments(end: int) -> Moments:
        counts = [0] * len(work.pieces)

        def compute(number: int, *given: Tensor) -> tuple[Tensor, ...]:
            mean, variance, counts[number] = moments_of(through(number, end, given))
            return mean[None], variance[None]

        means, variances = in_pieces(compute, len(work.pieces), leaves(end))
        return joined(means, variances, counts)

    for end, stage in enumerate(work.stages, 1):
        training = stage.norm is not None and stage.norm.training
        found = moments(end) if training else None
        affines.append(None if stage.norm is None else affine(stage.norm, found))

    def answers(number: int, *given: Tensor) -> tuple[Tensor, ...]:
        return (through(number, len(work.stages), given),)

    (values,) = in_pieces(answers, len(work.pieces), leaves(len(work.stages)))
    return values, affines
