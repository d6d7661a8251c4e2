"""Scores of masks that follow from confusion matrices: true classes by predicted ones."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from isotrope.evaluation._intervals import RESAMPLES, Interval, middle

_STREAM = 6  # tells these numbers from others of the seed 0
_AT_ONCE = 2**24  # numbers of resampled matrices that are held at once


class MaskScores(NamedTuple):
    """Shares in 0..1, each nan where nothing could be measured.

    Args:
        iou: of each class, ``(classes,)``: pixels that are of it and are taken for it, among those
            that are or are; nan of classes that occur nowhere.
        mean_iou: the mean over the classes that occur in labels or predictions.
        pixel_accuracy: pixels whose class is recognised.
        mean_accuracy: the mean over true classes of the share of its pixels that are recognised.
        mean_precision: the mean over predicted classes of the share of its pixels that are right.
        frequency_weighted_iou: the mean IoU weighted by how often each class is true.
        prediction_weighted_iou: the same, weighted by how often each class is predicted.
    """

    iou: Tensor
    mean_iou: float
    pixel_accuracy: float
    mean_accuracy: float
    mean_precision: float
    frequency_weighted_iou: float
    prediction_weighted_iou: float


def mask_scores(confusion: Tensor) -> MaskScores:
    """The scores of a confusion matrix, int64 ``(classes, classes)``."""
    counts = confusion.double()
    right, true, guessed = counts.diagonal(), counts.sum(dim=1), counts.sum(dim=0)
    iou = _iou(counts)
    return MaskScores(
        iou=iou,
        mean_iou=float(iou.nanmean()),
        pixel_accuracy=float(right.sum() / counts.sum()),
        mean_accuracy=float((right / true).nanmean()),
        mean_precision=float((right / guessed).nanmean()),
        frequency_weighted_iou=_weighted(iou, true),
        prediction_weighted_iou=_weighted(iou, guessed),
    )


def mean_iou_interval(confusions: Tensor) -> Interval:
    """The middle 95 % of the mean IoU of resampled images.

    As many images as there are are drawn anew with replacement, the same ones for all networks, and
    their matrices added up.

    Args:
        confusions: of each image, int64 ``(images, classes, classes)``.
    """
    count, classes, _ = confusions.shape
    generator = np.random.default_rng([0, _STREAM])
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    often = torch.from_numpy(drawn).double()
    cells = confusions.flatten(1).double()
    size = max(1, _AT_ONCE // classes**2)
    means = [
        _iou((some @ cells).view(-1, classes, classes)).nanmean(dim=-1)
        for some in torch.split(often, size)
    ]
    return middle(torch.cat(means).numpy())


def _iou(counts: Tensor) -> Tensor:
    """Of each class, ``(..., classes)``; nan where a class occurs nowhere."""
    right = counts.diagonal(dim1=-2, dim2=-1)
    return right / (counts.sum(dim=-1) + counts.sum(dim=-2) - right)


def _weighted(iou: Tensor, weights: Tensor) -> float:
    return float((iou.nan_to_num() * weights).sum() / weights.sum())
