"""From the logits of phases to the phase that is kept, or to a mixture of all."""

from typing import Literal

import torch
from torch import Tensor

from isotrope.layers.phases import Selection
from isotrope.layers.windows import one_hot

TrainMode = Literal["gumbel", "straight_through", "convex", "hard"]
TestMode = Literal["hard", "convex", "gumbel"]


def selected(
    logits: Tensor, mode: TrainMode | TestMode, tau: Tensor, noise: Tensor | None = None
) -> Selection:
    """The phase or the mixture that logits choose in a mode of `LPD`.

    Shapes:
        logits, noise: ``(batch, phases)``
        tau: ``()``
    """
    if mode == "hard":
        return Selection(logits, None, logits.argmax(dim=-1))
    scores = logits
    if mode != "convex":
        if noise is None:
            noise = -torch.empty_like(logits).exponential_().log()
        scores = logits + noise.to(logits.dtype)
    scores = scores - scores.detach().amax(dim=-1, keepdim=True)  # 0 / tau is 0 for any tau
    lowest = torch.finfo(logits.dtype).tiny
    weights = (scores / tau.to(logits.dtype).clamp_min(lowest)).softmax(dim=-1)
    if mode == "straight_through":
        best = one_hot(scores.detach().argmax(dim=-1), logits.shape[-1], logits.dtype)
        weights = best + (weights - weights.detach())
    return Selection(logits, weights, None)
