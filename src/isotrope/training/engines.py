"""What computes the steps of some seeds, and what all that do so have in common.

``single`` is one network by itself, ``stacked`` the networks of several seeds at once,
``data_parallel`` one network on several GPUs. All give the same numbers up to rounding.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from isotrope.params.training import Training
from isotrope.training.objective import Measured
from isotrope.training.parameters import Layout

Weights = dict[str, Tensor]


class Batch(NamedTuple):
    """Images and labels of a step, and what the networks drew for it.

    Shapes:
        images: ``(batch, channels, height, width)`` float in 0..1, the same for all rows, or with a
            leading axis of rows
        labels: ``(batch,)`` int64, or masks ``(batch, height, width)``; with a leading axis of rows
            if the images have it
        noises: what each row's network drew, in a tuple with an entry for each draw; nothing where
            networks draw nothing
    """

    images: Tensor
    labels: Tensor
    noises: Sequence[Any] = ()

    @property
    def rows(self) -> bool:
        """Whether each row has images of its own."""
        return self.images.ndim == 5


class Part(NamedTuple):
    """A batch's part in a step of the optimizer.

    Args:
        averaged: whether the step follows the mean over all that its batches count, as if they were
            one; else the sum of their mean gradients.
        first: whether gradients begin with it.
        last: whether the optimizer follows.
    """

    averaged: bool = False
    first: bool = True
    last: bool = True


WHOLE = Part()


class Engine(Protocol):
    """Some seeds of one model, a row each; what is measured has a leading axis of rows."""

    network: nn.Module
    rows: int
    layout: Layout
    has_dropout: bool
    rates: Tensor

    def step(self, batch: Batch, part: Part = WHOLE) -> Measured:
        """Gradients of a batch and, with its last part, a step of the optimizer.

        It follows ``rates``, float64 ``(rows, groups + 1)``: for each row the learning rate of
        every group, then the momentum; they, too, are written in place.

        Args:
            batch: what the networks see.
            part: the batch's part in the step.
        """

    def test(self, batch: Batch) -> Measured:
        """What a batch gives in evaluation mode."""

    def write(self, values: Mapping[str, Any]) -> None:
        """Set buffers of all rows, in place."""

    def key(self, keys: Tensor) -> None:
        """Set the key of each row's dropout, int64 ``(rows,)``."""

    def changed(self) -> dict[str, Tensor]:
        """All tensors that steps and tests change, by names that stay."""

    def weights(self, row: int) -> Weights:
        """A copy of a row's parameters and persistent buffers, in float32."""

    def gradients(self, row: int) -> Weights:
        """A copy of the gradients of a row's last step, or of the parts of one in hand."""

    def recorded(self, row: int) -> Weights:
        """What a row's network records of itself."""

    def state(self, row: int, pending: bool = False) -> dict[str, Any]:
        """Weights and optimizer of a row, as ``restore`` takes them.

        Args:
            row: which.
            pending: whether gradients of parts of a step are to be kept, too.
        """

    def restore(self, row: int, state: dict[str, Any]) -> None:
        """Put a row back to a state, with tensors of any device."""


def lowered_of(training: Training) -> torch.dtype | None:
    """What a forward pass computes in, where that is not what the weights are kept in."""
    return torch.bfloat16 if training.precision == "bfloat16" else None


def prefixed(*named: Weights) -> Weights:
    """Tensors by the names that `objective.Step` has for them."""
    return {f"network.{name}": value for group in named for name, value in group.items()}


def fixed_buffers(network: nn.Module, keys: Sequence[str] = ()) -> Weights:
    """Buffers that no file of weights holds: they follow from the settings, alike for all seeds.

    Those named in ``keys`` are left out.
    """
    left_out = {*network.state_dict(), *keys}
    return {name: value for name, value in network.named_buffers() if name not in left_out}


def cast(value: Tensor, dtype: torch.dtype | None) -> Tensor:
    """A buffer in the type that is computed in, if it holds fractions."""
    return value if dtype is None or not value.is_floating_point() else value.to(dtype)


def rates_of(layout: Layout, rows: int, device: torch.device) -> Tensor:
    """A place for the rates of a step, `Engine.rates`, all zero."""
    return torch.zeros(rows, len(layout.groups) + 1, dtype=torch.float64, device=device)


class RecordOf(nn.Module):
    """What a network records of itself, as a module, which `functional_call` wants."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self) -> Weights:
        """The recorded tensors by their names."""
        network: Any = self.network
        found: Weights = network.record()
        return found


def moments(layout: Layout, state: Mapping[str, Tensor], row: int) -> dict[str, Any]:
    """An optimizer's state of one row by the names of the parameters, copied."""
    kept = {
        name: {key: view.clone() for key, view in layout.views(value[row]).items()}
        for name, value in state.items()
        if name != "steps"
    }
    return {"steps": int(state["steps"][row]), **kept}


def restore_moments(
    layout: Layout, state: Mapping[str, Tensor], row: int, saved: Mapping[str, Any]
) -> None:
    """Put an optimizer's row back to what `moments` gave, or an older version of this program.

    What has no moments there had no gradient before: they are zero.
    """
    state["steps"][row] = saved["steps"]
    for name, value in state.items():
        if name == "steps":
            continue
        value[row].zero_()
        for key, view in layout.views(value[row]).items():
            if key in saved.get(name, {}):
                view.copy_(saved[name][key])


def pending_gradients(
    layout: Layout, gradient: Tensor, counted: Tensor, row: int
) -> dict[str, Any]:
    """A row's gradients by the names of the parameters, and what they count, copied."""
    named = {name: value.clone() for name, value in layout.views(gradient[row]).items()}
    return {"gradient": named, "counted": counted[row].clone()}


def restore_gradients(
    layout: Layout, gradient: Tensor, counted: Tensor, row: int, saved: Mapping[str, Any]
) -> None:
    """Put a row's gradients back to what `pending_gradients` gave; zero, if there are none."""
    gradient[row].zero_()
    counted[row] = saved.get("counted", 0)
    for name, value in layout.views(gradient[row]).items():
        if name in saved.get("gradient", {}):
            value.copy_(saved["gradient"][name])
