"""Batch norm that also takes weights and maps of fewer bits than its running statistics."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class BatchNorm2d(nn.BatchNorm2d):
    """`nn.BatchNorm2d`, computed in the type of its running statistics.

    A forward pass in bfloat16 has weights and maps of that type, but keeps buffers in float32,
    which torch does not take together on a CPU.

    Args:
        channels: of the maps.
        momentum: how much of the running statistics a batch replaces.
        eps: is added to the variance.
    """

    running_mean: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__(channels, eps, momentum)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """The normalised maps."""
        exact = self.running_mean.dtype
        if input.dtype == exact:
            return super().forward(input)
        if self.training:
            self.num_batches_tracked.add_(1)
        # torch takes such maps beside exact statistics, and so moves half as many bytes
        mixes = not torch.compiler.is_compiling() and not _in_a_stack(input)
        seen = input if mixes else input.to(exact)
        found = F.batch_norm(
            seen,
            self.running_mean,
            self.running_var,
            self.weight.to(exact),
            self.bias.to(exact),
            self.training,
            self.momentum,
            self.eps,
        )
        return found.to(input.dtype)


def _in_a_stack(maps: Tensor) -> bool:
    found: bool = torch._C._functorch.is_functorch_wrapped_tensor(maps)  # no public way
    return found
