"""One network in training on several GPUs: each sees a part of every batch.

Gradients, losses and counts are summed over all processes, so that a step is that of the whole
batch up to rounding. Batch norm is taken over the whole batch, too; torch can do so on GPUs only.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from isotrope.params.training import Training
from isotrope.training.distributed import Ranks
from isotrope.training.engines import Batch
from isotrope.training.single import Alone


class Shared(Alone):
    """`Alone`, in each of several processes with the same weights.

    Args:
        network: with its initial weights, on the device of the images.
        training: how to train.
        ranks: the processes.

    Raises:
        ValueError: if the network has batch norm and is not on a GPU.
    """

    def __init__(self, network: nn.Module, training: Training, ranks: Ranks) -> None:
        normed = any(isinstance(one, nn.modules.batchnorm._BatchNorm) for one in network.modules())
        if normed:
            if not all(value.is_cuda for value in network.parameters()):
                raise ValueError("batch norm over several processes needs a GPU for each")
            convert: Any = nn.SyncBatchNorm.convert_sync_batchnorm
            network = convert(network)
        super().__init__(network, training)
        self.ranks = ranks

    def step(self, batch: Batch, rates: Sequence[float]) -> tuple[Tensor, Tensor]:
        """See `Engine.step`."""
        (self.optimizer.param_groups[0]["lr"],) = rates
        self.network.train()
        own = self._share(batch)
        weight = self.ranks.weight(len(batch.labels))
        loss, logits = self._run(own)
        self.optimizer.zero_grad(set_to_none=True)
        (loss * weight).backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
        for gradient, total in zip(gradients, self.ranks.add_up(*gradients), strict=True):
            gradient.copy_(total)
        self.optimizer.step()
        return self._summed(loss.detach() * weight, logits.detach(), own.labels, weight > 0)

    def _share(self, batch: Batch) -> Batch:
        share = self.ranks.share
        noises = tuple(share(noise) for noise in batch.noises)
        return Batch(share(batch.images), share(batch.labels), noises)

    def test(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Engine.test`."""
        losses, correct = super().test(self._share(batch))
        counts = self.ranks.weight(len(batch.labels)) > 0
        loss, right = self.ranks.add_up(losses * counts, correct.double() * counts)
        return loss, right.long()

    def _summed(
        self, loss: Tensor, logits: Tensor, labels: Tensor, counts: bool
    ) -> tuple[Tensor, Tensor]:
        correct = (logits.argmax(dim=1) == labels).sum() * counts
        total, right = self.ranks.add_up(loss.double()[None], correct.double()[None])
        return total, right.long()
