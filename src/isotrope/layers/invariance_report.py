"""Whether a network's answers survive circular shifts: said, and measured."""

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

ROLLS = ((1, 0), (0, 1), (3, 5))  # pixels, downwards and to the right


class InvarianceReport(NamedTuple):
    """What became of a network.

    Attributes:
        exact: whether it answers an image and its circular shifts alike in evaluation, up to
            rounding.
        measured_error: the largest change of an output under circular shifts of random images, in
            units of the largest output; in float64.
        sentences: why it is not exact, and what else is to be known.
        samplings: the steps that choose phases, each with those that follow its choice, by the
            names of the steps in the graph of the network.
    """

    exact: bool
    measured_error: float
    sentences: tuple[str, ...]
    samplings: dict[str, tuple[str, ...]]

    def __str__(self) -> str:
        """In one paragraph."""
        said = "exactly shift-invariant" if self.exact else "not exactly shift-invariant"
        why = "".join(f"; {sentence}" for sentence in self.sentences)
        return (
            f"the network is {said}: outputs change by {self.measured_error:.1e} of the largest "
            f"under circular shifts{why}"
        )


def change_under_rolls(network: nn.Module, image_shape: tuple[int, int, int]) -> float:
    """The largest change of an output of a network, see `InvarianceReport`.

    A copy of it is measured in evaluation, with normal random numbers for images.

    Args:
        network: gives a tensor, or several in a tuple, list or dict, of which all are compared.
        image_shape: channels, height and width.
    """
    measured = copy.deepcopy(network).double().eval()
    device = next(measured.parameters(), torch.empty(())).device
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, *image_shape, generator=generator, dtype=torch.float64).to(device)
    batch = torch.cat([images, *(images.roll(roll, (-2, -1)) for roll in ROLLS)])
    with torch.no_grad():
        outputs = _tensors(measured(batch))
    worst = 0.0
    for output in outputs:
        expected, *moved = output.chunk(1 + len(ROLLS))
        change = torch.stack([(one - expected).abs().max() for one in moved]).max()
        largest = expected.abs().max()
        worst = max(worst, float(change / largest) if change > 0 else 0.0)
        if not torch.isfinite(output).all():
            return float("nan")
    return worst


def _tensors(answer: Any) -> list[Tensor]:
    if isinstance(answer, Tensor):
        return [answer]
    parts = answer.values() if isinstance(answer, dict) else answer
    return [tensor for part in parts for tensor in _tensors(part)]
