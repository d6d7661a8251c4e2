"""One network in training on several GPUs: each sees a part of every batch.

Gradients, losses and counts are summed over all processes, so that a step is that of the whole
batch up to rounding. Batch norm is taken over the whole batch, too; torch can do so on GPUs only.
"""

from typing import Any

import torch
from torch import Tensor, nn

from isotrope.params.training import Training
from isotrope.training.distributed import Ranks
from isotrope.training.engines import WHOLE, Batch, Part
from isotrope.training.objective import Measured, Objective
from isotrope.training.single import Single


class DataParallel(Single):
    """`Single`, in each of several processes with the same weights.

    Args:
        network: with its initial weights, on the device of the images.
        training: how to train.
        objective: what is minimised.
        ranks: the processes.

    Raises:
        ValueError: if the network has batch norm and is not on a GPU, or as `Single`.
    """

    def __init__(
        self, network: nn.Module, training: Training, objective: Objective, ranks: Ranks
    ) -> None:
        normed = any(isinstance(one, nn.modules.batchnorm._BatchNorm) for one in network.modules())
        if normed:
            if not all(value.is_cuda for value in network.parameters()):
                raise ValueError("batch norm over several processes needs a GPU for each")
            convert: Any = nn.SyncBatchNorm.convert_sync_batchnorm
            network = convert(network)
        super().__init__(network, training, objective)
        self.ranks = ranks
        self._before = torch.zeros_like(self.gradient)  # gradients of the step's batches before

    def step(self, batch: Batch, part: Part = WHOLE) -> Measured:
        """See `Engine.step`."""
        self.network.train()
        before = self._before.copy_(self.gradient)
        found = self._run(*self._share(batch))
        self._add_gradients(found.loss * found.weight * self._counts(batch), WHOLE)
        summed = self._summed(found, batch)
        (total,) = self.ranks.add_up(self.gradient)
        if not part.averaged:
            total /= summed.weight.clamp(min=1).to(total.dtype)
        self.gradient.copy_(total)
        if not part.first:
            self.gradient += before
        self._end(part, summed.weight)
        return summed

    def key(self, keys: Tensor) -> None:
        """See `Engine.key`; each process has another, for its images have other places."""
        super().key(keys ^ (self.ranks.rank * 0x85EBCA6B & 0xFFFFFFFF))

    def _share(self, batch: Batch) -> Batch:
        share = self.ranks.share
        noises = tuple(share(noise) for noise in batch.noises)
        return Batch(share(batch.images), share(batch.labels), noises)

    def _counts(self, batch: Batch) -> bool:
        """Whether this process' part counts, or is a stopgap."""
        return self.ranks.weight(len(batch.labels)) > 0

    def test(self, batch: Batch) -> Measured:
        """See `Engine.test`."""
        self.network.eval()
        with torch.inference_mode():
            found = self._run_test(*self._share(batch))
            return self._summed(found, batch)

    def _summed(self, found: Measured, batch: Batch) -> Measured:
        """What all processes have measured together."""
        counts = self._counts(batch)
        weight = found.weight * counts
        loss = found.loss.detach().double() * weight if counts else found.weight * 0
        names = list(found.reported)
        parts = [loss, weight, *(found.reported[name] * weight for name in names)]
        total, whole, *reported = self.ranks.add_up(*parts)
        (scored,) = self.ranks.add_up(found.counts.double() * counts)
        below = whole.clamp(min=1)
        return Measured(
            (total / below)[None],
            whole[None],
            scored.long()[None],
            {name: (value / below)[None] for name, value in zip(names, reported, strict=True)},
        )
