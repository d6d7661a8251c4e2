"""The cross-entropy of classes in few operations, where networks are trained in stacks.

Under `torch.func.vmap` that of torch becomes some thirty operations, and its gradient scatters,
which sorts on a GPU. Here the classes are rows of zeros and a one, and the gradient is that of the
closed form. That of masks is computed so for a single network, too: on CUDA torch adds up their
pixels in an order that varies. Numbers agree up to rounding.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from isotrope.layers import forms
from isotrope.layers.windows import one_hot


def cross_entropy(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """The mean over a batch.

    Shapes:
        logits: ``(batch, classes)`` float
        labels: ``(batch,)`` int64, each below the number of classes
        output: ``()``

    Args:
        logits: what a network answers.
        labels: the classes.
        smoothing: the share of each label that all classes have evenly, 0 to 1.
    """
    if not (forms.few_launches(logits) and forms.in_a_stack()):
        return F.cross_entropy(logits, labels, label_smoothing=smoothing)
    run: Any = _CrossEntropy
    found: Tensor = run.apply(logits, labels, smoothing)
    return found


def cross_entropy_of_masks(logits: Tensor, labels: Tensor, ignore: int, smoothing: float) -> Tensor:
    """The sum over all pixels that are not void.

    Shapes:
        logits: ``(batch, classes, height, width)`` float
        labels: ``(batch, height, width)`` int64
        output: ``()``

    Args:
        logits: what a network answers.
        labels: the classes.
        ignore: the label of void pixels.
        smoothing: as for `cross_entropy`.
    """
    if not forms.few_launches(logits):
        return F.cross_entropy(
            logits, labels, ignore_index=ignore, reduction="sum", label_smoothing=smoothing
        )
    classes, logarithms = logits.shape[1], logits.log_softmax(dim=1)
    valid = (labels != ignore)[:, None]
    right = one_hot(labels, classes, torch.bool).movedim(-1, 1)
    total = torch.where(right & valid, logarithms, 0).sum()
    if smoothing > 0:
        evenly = torch.where(valid, logarithms, 0).sum() / classes
        total = total * (1 - smoothing) + evenly * smoothing
    return -total


class _CrossEntropy(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
        return _loss(logits.log_softmax(dim=-1), _targets(logits, labels, smoothing))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del output
        logits, labels, ctx.smoothing = inputs
        ctx.save_for_backward(logits, labels)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        logits, labels = ctx.saved_tensors
        error = logits.softmax(dim=-1) - _targets(logits, labels, ctx.smoothing)
        return error * (gradient / len(labels)), None, None


def _loss(logarithms: Tensor, targets: Tensor) -> Tensor:
    return (logarithms * targets).sum() / -len(targets)


def _targets(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """What each class should have: ``(batch, classes)``."""
    classes = logits.shape[-1]
    right = one_hot(labels, classes, logits.dtype)
    return right if smoothing == 0 else right * (1 - smoothing) + smoothing / classes
