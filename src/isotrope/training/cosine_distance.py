"""One minus the cosine between the right classes and the logits.

Source: the second loss of the code that Gauthier et al. published with "Parametric Scattering
Networks", CVPR 2022, https://arxiv.org/abs/2107.09539; one minus `F.cosine_similarity` of one-hot
labels and logits. Here the right logit is divided by the length of all of them, which is the same.
"""

from torch import Tensor

from isotrope.layers.windows import one_hot

_SHORTEST = 1e-8  # length of logits, below which they are divided by this, as by torch


def cosine_distance(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean over a batch, 0 where all logits but the right ones are 0, at most 2.

    Shapes:
        logits: ``(batch, classes)`` float
        labels: ``(batch,)`` int64, each below the number of classes
        output: ``()``
    """
    right = (logits * one_hot(labels, logits.shape[-1], logits.dtype)).sum(dim=-1)
    lengths = logits.square().sum(dim=-1).clamp(min=_SHORTEST**2).sqrt()
    return 1 - (right / lengths).mean()
