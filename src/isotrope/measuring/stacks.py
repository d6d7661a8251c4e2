"""Networks of several seeds called at once on a GPU, where many small operations leave it idle.

The weights of a stack stand in tensors with a row for each seed, and its forward pass runs under
`torch.func.vmap`. Seeds and images at once follow the memory: what one network takes is measured
with the first images, and where memory runs out all the same, half as many are tried. Networks that
cannot be stacked are called one after the other, as all are on a CPU.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from isotrope import devices
from isotrope.datasets.draws import (
    is_stochastic,
    mean_over_draws,
    mean_prediction,
    noise_of_images,
)
from isotrope.datasets.trees import joined
from isotrope.layers import forms
from isotrope.measuring.outputs import Kept, has_hooks, outputs_of
from isotrope.params.wrapping import why_not_stacked

SHARE = 0.5  # of the memory that the process may have; the rest is for what is made of the outputs
_BYTES_PER_NUMBER = 64  # of that share: a layer holds some such results; 16 in float32

Log = Callable[[str], None]


class Seen(NamedTuple):
    """What the networks of some seeds have made of a batch.

    Args:
        seeds: the seeds.
        answers: ``(seeds, batch, ...)`` as the networks return them.
        parts: what parts of the networks returned, ``(seeds, batch, ...)`` each.
    """

    seeds: list[int]
    answers: Tensor
    parts: dict[str, Tensor]


class Question(NamedTuple):
    """A batch, and what is asked of networks that see it.

    Args:
        images: ``(batch, channels, height, width)`` float, on the device.
        numbers: which images of the split they are.
        draws: predictions of a stochastic network that are averaged.
        parts: the parts that are looked into, and what is kept of the output of each.
    """

    images: Tensor
    numbers: Sequence[int]
    draws: int
    parts: Mapping[str, Kept]

    def split(self, size: int) -> "list[Question]":
        """The same of at most ``size`` images at a time."""
        starts = range(0, len(self.images), size) if size < len(self.images) else [0]
        return [
            self._replace(
                images=self.images[start : start + size], numbers=self.numbers[start : start + size]
            )
            for start in starts
        ]


class Stacks:
    """How networks of one model are called, and what was learned about their memory.

    Args:
        possible: whether they differ in nothing but their weights and buffers, so that they can be
            stacked.
        log: is told where fewer are stacked than were tried.

    Attributes:
        rows: the most seeds of a stack; none: as many as the memory holds.
        images: the most images at once; none: all that are asked for.
        said: lines that the log was told once.
    """

    def __init__(self, possible: bool, log: Log = lambda _: None) -> None:
        self.possible = possible
        self.log = log
        self.rows: int | None = None
        self.images: int | None = None
        self.said: set[str] = set()
        self._bytes: dict[Any, float] = {}  # of one network and one image, by what is asked

    def ask(
        self,
        networks: Mapping[int, nn.Module],
        question: Question,
        between: Callable[[], None] = lambda: None,
    ) -> Iterator[Seen]:
        """What networks make of a batch, without gradients where they are stacked.

        Args:
            networks: the network of each seed, in evaluation mode, on the device of the images.
            question: the batch, and what is asked.
            between: called before each network or stack.

        Yields:
            What the seeds of a stack, or a single seed, have made of it.

        Raises:
            torch.OutOfMemoryError: if one image does not fit the memory, or if gradients are
                wanted and the batch does not.
        """
        seeds, done = list(networks), 0
        while done < len(seeds):
            between()
            width = self._width(networks, seeds[done:], question)
            some = {seed: networks[seed] for seed in seeds[done : done + width]}
            seen = self._seen(some, question)
            if seen is not None:
                yield seen
                done += len(some)

    def _seen(self, networks: Mapping[int, nn.Module], question: Question) -> Seen | None:
        """What a stack or a single network makes of a batch; none if it must be asked anew."""
        ran_out = False
        try:
            return _together(networks, [*self._split(question)])
        except torch.OutOfMemoryError:
            if torch.is_grad_enabled() or not self._can_halve(len(networks), question):
                raise
            ran_out = True  # tensors of the failed pass are freed when this block is left
        except Exception as error:
            if len(networks) == 1:
                raise
            reason = why_not_stacked(error)
        if ran_out:
            devices.free_memory(question.images.device)
            self._halve(len(networks), question)
            return None
        (seed, network), *_ = networks.items()
        seen = _together({seed: network}, [*self._split(question)])  # its own mistakes show here
        del seen
        self.possible = False
        self.log(
            f"{type(network).__name__} cannot be stacked ({reason}): seeds are evaluated one after "
            "the other"
        )
        return None

    def _split(self, question: Question) -> list[Question]:
        """The batch in as many parts as the memory wants."""
        size = self.images
        whole = size is None or torch.is_grad_enabled()
        return [question] if whole or size is None else question.split(size)

    def _can_halve(self, rows: int, question: Question) -> bool:
        return rows > 1 or min(self.images or math.inf, len(question.images)) > 1

    def _halve(self, rows: int, question: Question) -> None:
        """Take half of the seeds at once from now on, or half of the images."""
        if rows > 1:
            self.rows = math.ceil(rows / 2)
            self.log(f"{rows} networks at once need more memory than there is; now {self.rows}")
        else:
            images = min(self.images or len(question.images), len(question.images))
            self.images = math.ceil(images / 2)
            self.log(f"{images} images at once need more memory than there is; now {self.images}")

    def _width(
        self, networks: Mapping[int, nn.Module], seeds: Sequence[int], question: Question
    ) -> int:
        """How many of these seeds are called at once."""
        if len(seeds) == 1 or not self.stacks(networks, question.images):
            return 1
        memory = SHARE * devices.memory_total(question.images.device)
        width = min(self.rows or len(networks), len(networks))
        if memory:
            kind = tuple(question.images.shape[1:]), tuple(question.parts)
            if kind not in self._bytes:
                self._bytes[kind] = _bytes(networks[seeds[0]], len(networks), question)
            images = min(self.images or math.inf, len(question.images))
            width = min(width, int(memory / (self._bytes[kind] * images)))
        width = max(1, width)
        return math.ceil(len(seeds) / math.ceil(len(seeds) / width))  # stacks of like widths

    def stacks(self, networks: Mapping[int, nn.Module], like: Tensor) -> bool:
        """Whether networks are called in stacks, for images such as these."""
        return (
            self.possible
            and forms.few_launches(like)
            and not torch.is_grad_enabled()
            and not any(has_hooks(network) for network in networks.values())
        )


def _bytes(network: nn.Module, rows: int, question: Question) -> float:
    """Bytes that one network of a stack of so many takes for each image."""
    device = question.images.device
    devices.start_memory_peak(device)
    before = devices.memory_now(device)
    try:
        with _layers(device), forms.stacked(rows):
            found = _stack({0: network}, question)
    except Exception:  # the stack itself says why
        return 1.0
    del found
    taken = devices.memory_peak_mb(device) * 1e6 - before
    return max(1.0, taken) / len(question.images)


def _layers(device: torch.device) -> AbstractContextManager[None]:
    """Let layers know what memory there is, where it is less than they reckon with."""
    memory = SHARE * devices.memory_total(device)
    return (
        forms.memory(min(forms.NUMBERS, int(memory / _BYTES_PER_NUMBER)))
        if memory
        else nullcontext()
    )


def _together(networks: Mapping[int, nn.Module], questions: Sequence[Question]) -> Seen:
    """What networks make of a batch that comes in parts."""
    rows, found = len(networks), []
    for question in questions:
        with _layers(question.images.device), forms.stacked(rows):
            found.append((_stack if rows > 1 else _single)(networks, question))
    if len(found) == 1:
        return found[0]
    return Seen(
        list(networks),
        torch.cat([one.answers for one in found], dim=1),
        {name: torch.cat([one.parts[name] for one in found], dim=1) for name in found[0].parts},
    )


def _single(networks: Mapping[int, nn.Module], question: Question) -> Seen:
    """What one network makes of a batch."""
    ((seed, network),) = networks.items()
    with outputs_of(network, question.parts) as parts:
        answers = mean_prediction(network, question.images, seed, question.numbers, question.draws)
    return Seen([seed], answers[None], {name: value[None] for name, value in parts.items()})


def _stack(networks: Mapping[int, nn.Module], question: Question) -> Seen:
    """What several networks make of a batch, in one forward pass."""
    first, *_ = networks.values()
    called = _Called(first, question.parts)
    noises: tuple[Any, ...] = ()
    if is_stochastic(first):
        of_seeds = [
            tuple(
                noise_of_images(network, seed, question.numbers, draw, question.images.device)
                for draw in range(question.draws)
            )
            for seed, network in networks.items()
        ]
        noises = joined(torch.stack, of_seeds)

    def of_row(weights: dict[str, Tensor], noises: tuple[Any, ...]) -> Any:
        return functional_call(called, weights, (question.images, noises))

    axes = (0, 0 if noises else None)
    answers, parts = vmap(of_row, axes, randomness="error")(_weights(networks), noises)
    return Seen(list(networks), answers, parts)


def _weights(networks: Mapping[int, nn.Module]) -> dict[str, Tensor]:
    """Parameters and stored buffers with a row for each network, by their names in `_Called`.

    They are stacked for each batch, since an evaluation may change weights in between.
    """
    first, *_ = networks.values()
    stored = set(first.state_dict())  # other buffers follow from the settings, alike for all
    names = [name for name, _ in (*first.named_parameters(), *first.named_buffers())]
    rows = [
        dict((*network.named_parameters(), *network.named_buffers()))
        for network in networks.values()
    ]
    return {
        f"network.{name}": torch.stack([row[name] for row in rows])
        for name in names
        if name in stored
    }


class _Called(nn.Module):
    """A network and the outputs of its parts as a module, which `functional_call` wants."""

    def __init__(self, network: nn.Module, parts: Mapping[str, Kept]) -> None:
        super().__init__()
        self.network = network
        self.parts = parts

    def forward(self, images: Tensor, noises: tuple[Any, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean over what was drawn, and the outputs."""
        with outputs_of(self.network, self.parts) as parts:
            if not noises:
                return self.network(images), parts
            return mean_over_draws(self.network, images, noises), parts
