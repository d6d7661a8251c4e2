"""The loss with which networks that sample by TIPS are trained.

Source: the program that Saha and Gokhale published with "Improving Shift Invariance in
Convolutional Neural Networks with Translation Invariant Polyphase Sampling", WACV 2025,
https://arxiv.org/abs/2404.07410: ``(1 - a)`` times the cross-entropy, ``a`` times the mean over the
layers of the feature shift errors, which count from some epoch on, and the spread of the indices.
There ``a`` is 0.35 and they count from epoch 192 of 480 on.

Differs from it: each image has a shift of its own, up to a quarter of each layer's map where there
it is a quarter of the image; the layers of shortcuts have no part in it.
"""

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor

from isotrope.layers.tips import Mixing, feature_shift_error, index_spread
from isotrope.settings import Settings


class TipsLoss(Settings):
    """What the loss of ``tips`` consists of."""

    feature_shift: float = Field(
        0.35, ge=0, lt=1, description="weight of the feature shift errors; 1 less it is the rest's"
    )
    index_spread: float = Field(1.0, ge=0, description="weight of the spread of the weights")
    begins: float = Field(
        0.4, ge=0, le=1, description="share of the epochs before feature shift errors count"
    )

    def counts(self, epoch: int, epochs: int) -> float:
        """1 in an epoch in which feature shift errors count, else 0; epochs from 0."""
        return 1.0 if epoch >= self.begins * epochs else 0.0

    def total(
        self, classes: Tensor, mixings: Sequence[Mixing], places: Tensor, counts: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The whole loss, and its parts.

        Shapes:
            classes: ``()``, the cross-entropy
            places: ``(batch, 2)`` in 0..1, where between the ends of its range a shift lies
            counts: ``()``, as `counts` says

        Args:
            mixings: of each layer that samples.
        """
        shifts = [
            feature_shift_error(mixing, _shift(mixing.bordered, places)).to(classes.dtype)
            for mixing in mixings
        ]
        spreads = [index_spread(mixing).to(classes.dtype) for mixing in mixings]
        shift, spread = torch.stack(shifts).mean(), torch.stack(spreads).mean()
        total = (1 - self.feature_shift) * classes + self.index_spread * spread
        total = total + self.feature_shift * counts.to(classes.dtype) * shift
        return total, {"cross_entropy": classes, "feature_shift": shift, "index_spread": spread}


def _shift(maps: Tensor, places: Tensor) -> Tensor:
    """Whole pixels downwards and to the right, ``(batch, 2)``, up to a quarter of the map."""
    found = []
    for axis, side in enumerate(maps.shape[-2:]):
        reach = side // 4
        steps = (places[:, axis] * (2 * reach + 1)).long().clamp(0, 2 * reach)
        found.append(steps - reach)
    return torch.stack(found, dim=1)
