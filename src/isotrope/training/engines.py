"""What computes a step: one network by itself, or the networks of several seeds stacked.

Both give the same numbers up to rounding. A stack holds the parameters of all its seeds in one
tensor with a row for each seed, and runs the forward pass under `torch.func.vmap`; since no row's
loss depends on another row, the gradient of the losses' sum is every row's own. Adam then takes a
handful of kernels for the whole stack. Rows never mix: what a row holds, even NaN, changes nothing
in the others.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional as F

from isotrope.envelope import Training

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
        loss = F.cross_entropy(_wide(logits), batch.labels)
    return loss, logits


def _wide(logits: Tensor) -> Tensor:
    """Logits in float32 at least, in which losses are computed."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _lowered(training: Training) -> torch.dtype | None:
    """What a forward pass computes in, where that is not what the weights are kept in."""
    return torch.bfloat16 if training.precision == "bfloat16" else None


class Alone:
    """One network, with torch's own Adam.

    Args:
        network: with its initial weights, on the device of the images.
        training: how to train.
    """

    rows = 1

    def __init__(self, network: nn.Module, training: Training) -> None:
        self.network = network
        self.lowered = _lowered(training)
        rate = training.optimizer.learning_rate
        self.optimizer = torch.optim.Adam(network.parameters(), lr=rate, betas=BETAS, eps=EPSILON)
        self._called = _Step(network)
        self._parameters = dict(network.named_parameters())
        fixed = _fixed_buffers(network)
        self._buffers = {n: b for n, b in network.named_buffers() if n not in fixed}
        self._fixed = {name: _cast(value, self.lowered) for name, value in fixed.items()}

    def step(self, batch: Batch, rates: Sequence[float]) -> tuple[Tensor, Tensor]:
        """See `Engine.step`."""
        (self.optimizer.param_groups[0]["lr"],) = rates
        self.network.train()
        loss, logits = self._run(batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        correct = (logits.detach().argmax(dim=1) == batch.labels).sum()
        return loss.detach().double()[None], correct[None]

    def _run(self, batch: Batch) -> tuple[Tensor, Tensor]:
        if self.lowered is None:
            return loss_of(self.network, batch, None)
        weights = {name: value.to(self.lowered) for name, value in self._parameters.items()}
        called: tuple[Tensor, Tensor] = functional_call(
            self._called, _prefixed(weights, self._buffers, self._fixed), (batch, self.lowered)
        )
        return called

    def test(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Engine.test`."""
        self.network.eval()
        with torch.inference_mode():
            if self.lowered is None:
                logits = self.network(batch.images)
            else:
                weights = {name: value.to(self.lowered) for name, value in self._parameters.items()}
                named = {**weights, **self._buffers, **self._fixed}
                logits = functional_call(self.network, named, (batch.images.to(self.lowered),))
            loss = F.cross_entropy(_wide(logits), batch.labels, reduction="sum").double()
            return loss[None], (logits.argmax(dim=1) == batch.labels).sum()[None]

    def weights(self, row: int) -> Weights:
        """See `Engine.weights`."""
        del row
        return {name: value.detach().clone() for name, value in self.network.state_dict().items()}

    def state(self, row: int) -> dict[str, Any]:
        """See `Engine.state`."""
        moments: dict[str, Any] = {"steps": 0, "first": {}, "second": {}}
        for name, parameter in self._parameters.items():
            if known := self.optimizer.state.get(parameter):  # none of what had no gradient
                moments["steps"] = int(known["step"])
                moments["first"][name] = known["exp_avg"]
                moments["second"][name] = known["exp_avg_sq"]
        return {"weights": self.weights(row), "optimizer": moments}

    def restore(self, row: int, state: dict[str, Any]) -> None:
        """See `Engine.restore`."""
        del row
        self.network.load_state_dict(state["weights"])
        moments = state["optimizer"]
        self.optimizer.state.clear()
        for name in moments["first"] if moments["steps"] else ():
            parameter = self._parameters[name]
            self.optimizer.state[parameter] = {
                "step": torch.tensor(float(moments["steps"])),
                "exp_avg": moments["first"][name].to(parameter, copy=True),
                "exp_avg_sq": moments["second"][name].to(parameter, copy=True),
            }


class Stacked:
    """The networks of several seeds, a row each.

    Args:
        networks: one for each row, with its initial weights, on the device of the images.
        training: how to train.

    Raises:
        ValueError: if the networks' parameters are not all of one type, or some are shared by
            two of its modules.
    """

    def __init__(self, networks: Sequence[nn.Module], training: Training) -> None:
        self.network = networks[0]
        self.rows = len(networks)
        self.lowered = _lowered(training)
        self._called = _Step(self.network)
        trained = _trained(self.network)
        self.names = list(trained)
        if len({value.dtype for value in trained.values()}) != 1:
            raise ValueError("the parameters of a stacked network must be of one type")
        self.shapes = [value.shape for value in trained.values()]
        self.sizes = [value.numel() for value in trained.values()]
        flattened = [
            torch.cat([value.detach().flatten() for value in _trained(network).values()])
            for network in networks
        ]
        self.flat = torch.stack(flattened).requires_grad_()
        self.first, self.second = (torch.zeros_like(self.flat.detach()) for _ in range(2))
        self.steps = 0
        fixed = _fixed_buffers(self.network)
        self.fixed = {name: _cast(value, self.lowered) for name, value in fixed.items()}
        named = [network.state_dict() for network in networks]
        self.buffers = {
            name: torch.stack([values[name].detach() for values in named])
            for name in named[0]
            if name not in trained
        }
        known = {
            name for name, _ in (*self.network.named_parameters(), *self.network.named_buffers())
        }
        if shared := sorted(set(self.buffers) - known):
            raise ValueError(f"a stacked network may not share parameters, as it does {shared[0]}")

    def step(self, batch: Batch, rates: Sequence[float]) -> tuple[Tensor, Tensor]:
        """See `Engine.step`."""
        self.network.train()
        with torch.enable_grad():
            losses, correct = self._mapped(self._train_row, batch)
            (gradient,) = torch.autograd.grad(losses.sum(), self.flat)
        self._follow(gradient, rates)
        return losses.detach().double(), correct

    def _follow(self, gradient: Tensor, rates: Sequence[float]) -> None:
        """Adam for all rows."""
        self.steps += 1
        first, second = (1 - beta**self.steps for beta in BETAS)
        self.first.lerp_(gradient, 1 - BETAS[0])
        self.second.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        below = (self.second.sqrt() / math.sqrt(second)).add_(EPSILON)
        sizes = torch.tensor([rate / first for rate in rates], dtype=self.flat.dtype)
        with torch.no_grad():
            self.flat.sub_(self.first / below * sizes.to(self.flat.device)[:, None])

    def test(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Engine.test`."""
        self.network.eval()
        with torch.no_grad():
            return self._mapped(self._test_row, batch)

    def _mapped(
        self, work: Callable[..., tuple[Tensor, Tensor]], batch: Batch
    ) -> tuple[Tensor, Tensor]:
        """Do a row's work for all rows at once."""
        own = 0 if batch.labels.ndim == 2 else None
        noise = _stacked(batch.noises)
        flat = self.flat if self.lowered is None else self.flat.to(self.lowered)
        pieces = zip(self.names, flat.split_with_sizes(self.sizes, dim=1), self.shapes, strict=True)
        weights = {name: piece.view(self.rows, *shape) for name, piece, shape in pieces}
        axes = (0, 0, own, own, None if noise is None else 0)
        mapped: Callable[..., tuple[Tensor, Tensor]] = vmap(work, axes, randomness="error")
        return mapped(weights, self.buffers, batch.images, batch.labels, noise)

    def _train_row(
        self, weights: Weights, buffers: Weights, images: Tensor, labels: Tensor, noise: Any
    ) -> tuple[Tensor, Tensor]:
        batch = Batch(images, labels, () if noise is None else (noise,))
        named = _prefixed(weights, buffers, self.fixed)
        loss, logits = functional_call(self._called, named, (batch, self.lowered))
        return loss, (logits.argmax(dim=1) == labels).sum()

    def _test_row(
        self, weights: Weights, buffers: Weights, images: Tensor, labels: Tensor, noise: Any
    ) -> tuple[Tensor, Tensor]:
        del noise
        seen = images if self.lowered is None else images.to(self.lowered)
        logits = functional_call(self.network, {**weights, **buffers, **self.fixed}, (seen,))
        loss = F.cross_entropy(_wide(logits), labels, reduction="sum").double()
        return loss, (logits.argmax(dim=1) == labels).sum()

    def weights(self, row: int) -> Weights:
        """See `Engine.weights`."""
        own = self._named(self.flat.detach()[row])
        own |= {name: value[row] for name, value in self.buffers.items()}
        return {name: own[name].clone() for name in self.network.state_dict()}

    def _named(self, values: Tensor) -> Weights:
        """What a row of numbers is, parameter by parameter."""
        pieces = values.split_with_sizes(self.sizes)
        return {
            name: piece.view(shape)
            for name, piece, shape in zip(self.names, pieces, self.shapes, strict=True)
        }

    def state(self, row: int) -> dict[str, Any]:
        """See `Engine.state`."""
        first, second = (
            {name: value.clone() for name, value in self._named(moment[row]).items()}
            for moment in (self.first, self.second)
        )
        moments = {"steps": self.steps, "first": first, "second": second}
        return {"weights": self.weights(row), "optimizer": moments}

    def restore(self, row: int, state: dict[str, Any]) -> None:
        """See `Engine.restore`; all rows must be put back to states of as many steps."""
        weights, moments = state["weights"], state["optimizer"]
        self.steps = moments["steps"]
        with torch.no_grad():
            for name, value in self._named(self.flat.detach()[row]).items():
                value.copy_(weights[name])
            for goal, known in ((self.first, "first"), (self.second, "second")):
                goal[row].zero_()
                for name, value in self._named(goal[row]).items():
                    if self.steps:
                        value.copy_(moments[known][name])
            for name, value in self.buffers.items():
                value[row].copy_(weights[name])


class _Step(nn.Module):
    """`loss_of` as a module, which `functional_call` wants."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Batch, precision: torch.dtype | None) -> tuple[Tensor, Tensor]:
        """The mean loss and the logits."""
        return loss_of(self.network, batch, precision)


def _prefixed(*named: Weights) -> Weights:
    """Tensors by the names that `_Step` has for them."""
    return {f"network.{name}": value for some in named for name, value in some.items()}


def _fixed_buffers(network: nn.Module) -> Weights:
    """Buffers that no file of weights holds: they follow from the settings, alike for all seeds."""
    kept = set(network.state_dict())
    return {name: value for name, value in network.named_buffers() if name not in kept}


def _cast(value: Tensor, dtype: torch.dtype | None) -> Tensor:
    return value if dtype is None or not value.is_floating_point() else value.to(dtype)


def _trained(network: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that have gradients."""
    return {name: value for name, value in network.named_parameters() if value.requires_grad}


def _stacked(noises: Sequence[Any]) -> Any:
    """What the rows drew as one: tensors, or tuples, lists or dicts of them, gain an axis."""
    if not noises:
        return None
    first = noises[0]
    if isinstance(first, Tensor):
        return torch.stack(list(noises))
    if isinstance(first, dict):
        return {key: _stacked([noise[key] for noise in noises]) for key in first}
    return tuple(_stacked(some) for some in zip(*noises, strict=True))
