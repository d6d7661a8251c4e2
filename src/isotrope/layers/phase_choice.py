"""From the logits of phases to the phase that is kept, or to a mixture of all."""

from typing import Literal

import torch
from torch import Tensor

from isotrope.layers.phases import Selection
from isotrope.layers.windows import one_hot

TrainMode = Literal["gumbel", "straight_through", "convex", "hard"]
TestMode = Literal["hard", "convex", "gumbel"]


_ROUNDING = 32  # units in the last place of the largest logit: sums in another order differ so much


def hardest(logits: Tensor, norms: Tensor) -> Selection:
    """The phase of the largest logit; of several that tie, the one of the largest norm.

    Logits tie that differ by no more than rounding.

    Shapes:
        logits, norms: ``(batch, phases)``
    """
    alike = _ROUNDING * torch.finfo(logits.dtype).eps * logits.abs().amax(dim=-1, keepdim=True)
    best = logits >= logits.amax(dim=-1, keepdim=True) - alike
    return Selection(logits, None, norms.masked_fill(~best, -torch.inf).argmax(dim=-1))


def selected(
    logits: Tensor,
    mode: Literal["gumbel", "straight_through", "convex"],
    tau: Tensor,
    noise: Tensor | None = None,
) -> Selection:
    """The mixture that logits choose in a mode of `LPD`.

    Shapes:
        logits, noise: ``(batch, phases)``
        tau: ``()``
    """
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
