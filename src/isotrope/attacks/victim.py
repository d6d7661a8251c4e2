"""The network under attack: what it draws, what it answers, and how often it was asked.

A network that defines ``draw(generator, count)`` is stochastic, see `isotrope.datasets.draws`. An
attack gives it fresh noise for each question, keyed by seed, number of the image and number of the
draw, so that the same attack meets the same noise whatever batch an image is in. The loss of an
image is the mean over its draws, and so is the gradient (expectation over transformation, Athalye,
Carlini and Wagner, "Obfuscated Gradients Give a False Sense of Security", ICML 2018,
https://arxiv.org/abs/1802.00420); all draws are folded into one pass.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import numpy
import torch
from torch import Tensor, nn

from isotrope.attacks.losses import Loss
from isotrope.datasets.draws import is_stochastic
from isotrope.datasets.trees import joined, leaves, mapped

Fixations = Literal["differentiable", "detached"]
Network = Callable[..., Tensor]

_ATTACKING, _JUDGING = 3, 5  # tell these streams from those of a test
_BLOCK = 64  # draws of an image that are made at once


class Seen(NamedTuple):
    """What a victim has answered about a batch.

    Args:
        values: the loss of each image, mean over draws, ``(batch,)``.
        wrong: whether more than half of its draws are misclassified, bool ``(batch,)``.
        gradient: of the values by the images, in their shape; None if it was not asked for.
    """

    values: Tensor
    wrong: Tensor
    gradient: Tensor | None = None


class Noise:
    """What a stochastic network draws for the images of a batch, draw after draw.

    Args:
        network: defines ``draw``.
        seed: of the attack.
        numbers: of the images in their split.
        device: where the noise is used.
        purpose: tells streams apart.
    """

    def __init__(
        self, network: Any, seed: int, numbers: Sequence[int], device: torch.device, purpose: int
    ) -> None:
        self._network, self._seed, self._numbers = network, seed, list(numbers)
        self._device, self._purpose = device, purpose
        self._blocks = 0
        self._left: Any = None
        self._count = 0  # draws that are left of the blocks made so far

    def take(self, draws: int) -> Any:
        """The next draws of each image, tensors ``(batch, draws, ...)``."""
        blocks = [self._left] if self._count else []
        while self._count < draws:
            blocks.append(self._block())
            self._count += _BLOCK
        whole = joined(lambda parts: torch.cat(parts, dim=1), blocks)
        self._count -= draws
        self._left = mapped(lambda tensor: tensor[:, draws:], whole)
        return mapped(lambda tensor: tensor[:, :draws], whole)

    def _block(self) -> Any:
        parts = [self._network.draw(self._generator(number), _BLOCK) for number in self._numbers]
        self._blocks += 1
        return joined(lambda tensors: torch.stack(tensors).to(self._device), parts)

    def _generator(self, number: int) -> torch.Generator:
        entropy = [self._seed, number + 1, self._blocks + 1, self._purpose]
        mixed = numpy.random.SeedSequence(entropy).generate_state(1, numpy.uint64)
        return torch.Generator().manual_seed(int(mixed[0]))


class Victim:
    """A network as attacks see it. They wrap a plain network themselves.

    While it is attacked, a ``nn.Module`` is in evaluation mode and its parameters want no
    gradients; afterwards all is as before.

    Args:
        network: ``nn.Module`` or function: images ``(batch, channels, height, width)`` in 0..1 to
            logits ``(batch, classes)``. It is called with noise, too, if it is stochastic.
        fixations: whether gradients go through the places that a moving fovea looks at. Sets
            ``detach_fixations`` of each module that has it; None leaves it as it is.
        around: what is done to the images after the perturbation, before the network sees them, for
            instance `zero_padded`.
        at_once: the most images in one pass (each draw is one); None: all that are asked about.

    Attributes:
        forwards: images that were passed forward so far.
        backwards: images that were passed backward so far.
        stochastic: whether the network draws numbers of its own.
    """

    def __init__(
        self,
        network: Network,
        *,
        fixations: Fixations | None = None,
        around: Callable[[Tensor], Tensor] | None = None,
        at_once: int | None = None,
    ) -> None:
        if fixations not in (None, "differentiable", "detached"):
            raise ValueError(f"fixations must be differentiable or detached, got '{fixations}'")
        if at_once is not None and at_once < 1:
            raise ValueError(f"at_once must be at least 1, got {at_once}")
        self.network, self._around = network, around
        self._fixations, self._at_once = fixations, at_once
        self.forwards = self.backwards = 0
        self.stochastic = is_stochastic(network)  # type: ignore[arg-type]

    @classmethod
    def of(cls, network: "Network | Victim") -> "Victim":
        """The victim itself, or one made of a network."""
        return network if isinstance(network, Victim) else cls(network)

    @contextmanager
    def under_attack(self) -> Iterator[None]:
        """Evaluation mode, no gradients of parameters, fixations as wanted; restored afterwards."""
        modules = list(self.network.modules()) if isinstance(self.network, nn.Module) else []
        parameters = [one for module in modules for one in module.parameters(recurse=False)]
        modes = [module.training for module in modules]
        wanted = [one.requires_grad for one in parameters]
        looking = [one for one in modules if hasattr(one, "detach_fixations") and self._fixations]
        detached = [one.detach_fixations for one in looking]
        try:
            for module in modules:
                module.training = False
            for parameter in parameters:
                parameter.requires_grad_(False)
            for module in looking:
                module.detach_fixations = self._fixations == "detached"  # type: ignore[assignment]
            yield
        finally:
            for module, mode in zip(modules, modes, strict=True):
                module.training = mode
            for parameter, flag in zip(parameters, wanted, strict=True):
                parameter.requires_grad_(flag)
            for module, flag_of_module in zip(looking, detached, strict=True):
                module.detach_fixations = flag_of_module

    def noise(self, seed: int, numbers: Sequence[int], device: torch.device) -> Noise | None:
        """The noise of an attack on some images; None if the network draws nothing."""
        if not self.stochastic:
            return None
        return Noise(self.network, seed, numbers, device, _ATTACKING)

    @torch.no_grad()
    def answers(
        self,
        images: Tensor,
        *,
        draws: int = 1,
        seed: int = 0,
        numbers: Sequence[int] | None = None,
    ) -> Tensor:
        """Logits of fresh draws that no attack has met, to judge what an attack has found.

        Args:
            images: ``(batch, channels, height, width)`` in 0..1.
            draws: answers to each image; one, if the network draws nothing.
            seed: of the draws.
            numbers: of the images in their split; from 0 if left out.

        Returns:
            ``(batch, draws, classes)``.
        """
        numbers = range(len(images)) if numbers is None else numbers
        noise = None
        if self.stochastic:
            noise = Noise(self.network, seed, numbers, images.device, _JUDGING).take(draws)
        rows = _Rows(images, noise)
        with self.under_attack():
            found = [self._logits(some.images, some.noise) for some in rows.split(self._at_once)]
        whole = torch.cat(found)
        return whole.view(len(images), rows.draws, *whole.shape[1:])

    def seen(
        self, images: Tensor, labels: Tensor, loss: Loss, noise: Any = None, gradient: bool = False
    ) -> Seen:
        """Ask about images, each under all the draws that are given.

        Args:
            images: ``(batch, channels, height, width)``.
            labels: ``(batch,)``.
            loss: what is computed of the logits.
            noise: tensors ``(batch, draws, ...)``, or None for a network that draws nothing.
            gradient: whether the gradient is wanted. Where it is not finite it is 0.
        """
        rows = _Rows(images, noise)
        each = labels.repeat_interleave(rows.draws) if rows.draws > 1 else labels
        values, wrong, slopes = [], [], []
        for some in rows.split(self._at_once):
            its_labels = each[some.place]
            points = some.images.detach().requires_grad_(gradient)
            with torch.set_grad_enabled(gradient):
                logits = self._logits(points, some.noise)
                value = loss(logits, its_labels)
            values.append(value.detach())
            wrong.append(logits.detach().argmax(dim=1) != its_labels)
            if gradient:
                slopes.append(self._slope(value, points))
        return Seen(
            rows.mean(values), rows.mean(wrong) > 0.5, rows.mean(slopes) if gradient else None
        )

    def _slope(self, values: Tensor, points: Tensor) -> Tensor:
        self.backwards += len(points)
        if not values.requires_grad:  # nothing leads from the images to the answer
            return torch.zeros_like(points)
        (slope,) = torch.autograd.grad(values.sum(), points, allow_unused=True)
        return torch.zeros_like(points) if slope is None else slope.nan_to_num(0.0, 0.0, 0.0)

    def _logits(self, images: Tensor, noise: Any) -> Tensor:
        self.forwards += len(images)
        if self._around is not None:
            images = self._around(images)
        return self.network(images) if noise is None else self.network(images, noise)


class _Some(NamedTuple):
    """Rows of a pass: images and what is drawn for each."""

    place: slice
    images: Tensor
    noise: Any


class _Rows:
    """A row for each image and draw, the draws of an image beside each other."""

    def __init__(self, images: Tensor, noise: Any) -> None:
        self.draws = 1 if noise is None else next(leaves(noise)).shape[1]
        self._images = images
        if self.draws > 1:
            self._images = images.repeat_interleave(self.draws, dim=0)
        self._noise = mapped(lambda tensor: tensor.flatten(0, 1), noise)

    def split(self, size: int | None) -> Iterator[_Some]:
        """At most so many rows at a time."""
        step = size or max(1, len(self._images))
        for start in range(0, max(1, len(self._images)), step):
            place = slice(start, start + step)
            its = mapped(lambda tensor, at=place: tensor[at], self._noise)  # type: ignore[misc]
            yield _Some(place, self._images[place], its)

    def mean(self, parts: Sequence[Tensor]) -> Tensor:
        """The mean over draws of what was found for rows, float ``(batch, ...)``."""
        whole = parts[0] if len(parts) == 1 else torch.cat(list(parts))
        whole = whole.to(self._images.dtype)
        if self.draws == 1:
            return whole
        return whole.view(-1, self.draws, *whole.shape[1:]).mean(dim=1)
