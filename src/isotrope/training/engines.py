"""What computes the steps of some seeds, and what all that do so have in common.

``alone`` is one network by itself, ``stacked`` the networks of several seeds at once, ``shared``
one network on several GPUs. All give the same numbers up to rounding.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.params.training import Training

Weights = dict[str, Tensor]
BETAS, EPSILON = (0.9, 0.999), 1e-8  # torch's own


class Batch(NamedTuple):
    """Images and labels of a step, and what the networks drew for it.

    Shapes:
        images: ``(batch, channels, height, width)`` float in 0..1, the same for all rows, or with a
            leading axis of rows
        labels: ``(batch,)`` int64, with a leading axis of rows if the images have it
        noises: what each row's network drew; none where networks draw nothing
    """

    images: Tensor
    labels: Tensor
    noises: Sequence[Any] = ()


class Engine(Protocol):
    """Some seeds of one model, a row each; tensors of losses and counts have shape ``(rows,)``."""

    network: nn.Module
    rows: int

    def step(self, batch: Batch, rates: Sequence[float]) -> tuple[Tensor, Tensor]:
        """One step of the optimizer: each row's mean loss, and how many images it got right."""

    def test(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Each row's sum of losses in evaluation mode, and how many images it got right."""

    def weights(self, row: int) -> Weights:
        """A copy of a row's parameters and persistent buffers, in float32."""

    def state(self, row: int) -> dict[str, Any]:
        """Weights and optimizer of a row, as ``restore`` takes them."""

    def restore(self, row: int, state: dict[str, Any]) -> None:
        """Put a row back to a state, with tensors of any device."""


def loss_of(network: Any, batch: Batch, precision: torch.dtype | None) -> tuple[Tensor, Tensor]:
    """The mean loss of a batch and its logits.

    A network may define ``loss(images, labels, noise)``, which returns both; without it the loss
    is the cross-entropy of its logits. What a network that defines ``draw`` drew is its noise, and
    the second argument of its ``forward``; the noise of others is None.

    Args:
        network: in training mode.
        batch: images that one network sees.
        precision: what images are computed in; none for that of the images.
    """
    images = batch.images if precision is None else batch.images.to(precision)
    if hasattr(network, "loss"):
        noise = batch.noises[0] if batch.noises else None
        loss, logits = network.loss(images, batch.labels, noise)
    else:
        logits = network(images, *batch.noises)
        loss = F.cross_entropy(wide(logits), batch.labels)
    return loss, logits


def wide(logits: Tensor) -> Tensor:
    """Logits in float32 at least, in which losses are computed."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def lowered_of(training: Training) -> torch.dtype | None:
    """What a forward pass computes in, where that is not what the weights are kept in."""
    return torch.bfloat16 if training.precision == "bfloat16" else None


class Step(nn.Module):
    """`loss_of` as a module, which `functional_call` wants."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Batch, precision: torch.dtype | None) -> tuple[Tensor, Tensor]:
        """The mean loss and the logits."""
        return loss_of(self.network, batch, precision)


def prefixed(*named: Weights) -> Weights:
    """Tensors by the names that `Step` has for them."""
    return {f"network.{name}": value for some in named for name, value in some.items()}


def fixed_buffers(network: nn.Module) -> Weights:
    """Buffers that no file of weights holds: they follow from the settings, alike for all seeds."""
    kept = set(network.state_dict())
    return {name: value for name, value in network.named_buffers() if name not in kept}


def cast(value: Tensor, dtype: torch.dtype | None) -> Tensor:
    """A buffer in the type that is computed in, if it holds fractions."""
    return value if dtype is None or not value.is_floating_point() else value.to(dtype)
