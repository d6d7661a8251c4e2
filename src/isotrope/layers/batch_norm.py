"""Batch norm that also takes weights and maps of fewer bits than its running statistics."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class BatchNorm2d(nn.BatchNorm2d):
    """`nn.BatchNorm2d`, computed in the type of its running statistics.

    A forward pass in bfloat16 has weights and maps of that type, but keeps buffers in float32,
    which torch does not take together on a CPU. Where a batch has one number for each channel,
    which torch refuses in training, it is normalised by the running statistics, which stay.

    Args:
        channels: of the maps.
        momentum: how much of the running statistics a batch replaces.
        eps: is added to the variance.
        affine: whether a weight and a bias of each channel follow.
    """

    running_mean: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def __init__(
        self, channels: int, momentum: float = 0.1, eps: float = 1e-5, affine: bool = True
    ) -> None:
        super().__init__(channels, eps, momentum, affine)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """The normalised maps."""
        plain = input.dtype == self.running_mean.dtype and not _single(self, input)
        return super().forward(input) if plain else _normalised(self, input)


class BatchNorm1d(nn.BatchNorm1d):
    """`nn.BatchNorm1d`, computed in the type of its running statistics, as `BatchNorm2d` is.

    Args:
        numbers: of each image.
        momentum: how much of the running statistics a batch replaces.
        eps: is added to the variance.
    """

    running_mean: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def __init__(self, numbers: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__(numbers, eps, momentum)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """The normalised numbers."""
        plain = input.dtype == self.running_mean.dtype and not _single(self, input)
        return super().forward(input) if plain else _normalised(self, input)


def _normalised(norm: BatchNorm1d | BatchNorm2d, maps: Tensor) -> Tensor:
    """Maps of another type than the running statistics, or one number for each channel."""
    exact = norm.running_mean.dtype
    training = norm.training and not _single(norm, maps)
    if training:
        norm.num_batches_tracked.add_(1)
    # torch takes such maps beside exact statistics, and so moves half as many bytes
    in_a_stack = _in_a_stack(maps) or _in_a_stack(norm.running_mean)
    mixes = not torch.compiler.is_compiling() and not in_a_stack
    found = F.batch_norm(
        maps if mixes else maps.to(exact),
        norm.running_mean,
        norm.running_var,
        norm.weight.to(exact) if norm.affine else None,
        norm.bias.to(exact) if norm.affine else None,
        training,
        norm.momentum,
        norm.eps,
    )
    return found.to(maps.dtype)


def _single(norm: BatchNorm1d | BatchNorm2d, maps: Tensor) -> bool:
    """Whether a training batch has a single number for each channel, and so no deviation."""
    return norm.training and maps.numel() == maps.shape[1]


def _in_a_stack(tensor: Tensor) -> bool:
    found: bool = torch._C._functorch.is_functorch_wrapped_tensor(tensor)  # no public way
    return found
