"""What attacks raise: losses of logits, one number for each image."""

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

Loss = Callable[[Tensor, Tensor], Tensor]  # logits (batch, classes), labels (batch,) to (batch,)
LossName = Literal["cross_entropy", "margin", "logit_ratio"]

_LEAST = 1e-12  # keeps the ratio finite where three logits are equal


def loss_of(name: LossName | Loss) -> Loss:
    """The loss of a name; a function is taken as it is.

    Raises:
        ValueError: if the name is unknown.
    """
    if callable(name):
        return name
    if name not in _LOSSES:
        known = ", ".join(get_args(LossName))
        raise ValueError(f"unknown loss '{name}'; choose from {known}, or give a function")
    return _LOSSES[name]


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """The cross-entropy (nats). In float32 its gradient vanishes where a network is very sure."""
    return F.cross_entropy(logits, labels, reduction="none")


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """The largest logit of the other classes less that of the label: above 0 means misclassified.

    Source: Carlini and Wagner, "Towards Evaluating the Robustness of Neural Networks", IEEE S&P
    2017, https://arxiv.org/abs/1608.04644, without their floor.
    """
    place = labels[:, None]
    others = logits.scatter(1, place, -torch.inf).amax(dim=1)
    return others - logits.gather(1, place)[:, 0]


def logit_ratio(logits: Tensor, labels: Tensor) -> Tensor:
    """The margin over the distance of the largest logit from the third: no scaling changes it.

    Source: the "difference of logits ratio" of Croce and Hein, "Reliable evaluation of adversarial
    robustness with an ensemble of diverse parameter-free attacks", ICML 2020,
    https://arxiv.org/abs/2003.01690.

    Raises:
        ValueError: if there are fewer than three classes.
    """
    if logits.shape[1] < 3:
        raise ValueError(f"logit_ratio needs 3 classes or more, got {logits.shape[1]}; take margin")
    first, _, third = logits.topk(3, dim=1).values.unbind(dim=1)
    return margin(logits, labels) / (first - third + _LEAST)


_LOSSES: dict[str, Loss] = {
    "cross_entropy": cross_entropy,
    "margin": margin,
    "logit_ratio": logit_ratio,
}
