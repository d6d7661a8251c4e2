"""Networks whose fovea moves: how they look, what they draw, and the loss by which they learn.

The loss is that of Mnih, Heess, Graves and Kavukcuoglu, "Recurrent Models of Visual Attention",
NeurIPS 2014, https://arxiv.org/abs/1406.6247, as the program published for RAM-LPM
(https://arxiv.org/abs/2002.05388) computes it: the negative log-likelihood of the answer after the
last glimpse; the mean squared error of the expected rewards, one for each fixation that was chosen;
and for each of these the negative log-density of the policy, times the reward (1 for a right
answer, else 0) less the expected one, summed over fixations and averaged over images.

Differs from that program: validation images have the same loss, with the answer of each draw.
Where a fixation follows the policy's mean nothing was drawn, and the policy has no loss; nor has it
one where it is ``learned_by: gradients``, which go through fixations to the means. With
``answers: every`` the likelihood is the mean of those after every glimpse.
"""

import math
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.layers.looking import Looked, Outline
from isotrope.layers.preceded import takes_images
from isotrope.models._gaze_settings import GazeParams
from isotrope.models._gaze_weights import taken_whole

_LOG_2PI = math.log(2 * math.pi)
_LEAST = 1e-8  # is added to a deviation that something is divided by


class Walk(NamedTuple):
    """Where a network looked, glimpse by glimpse.

    Args:
        fixations: ``(batch, 2)`` for each glimpse.
        means: as fixations; of the first, which the policy does not choose, the fixation.
        densities: the log-density of each chosen fixation, ``(batch,)``, from the second on; none
            where nothing was drawn, or rewards are not learned from.
        kept: what the network keeps of each glimpse.
    """

    fixations: list[Tensor]
    means: list[Tensor]
    densities: list[Tensor]
    kept: list[Tensor]


class ExpectedReward(nn.Module):
    """The reward that is expected after each glimpse; its gradient ends here.

    Shapes:
        input: ``(batch, glimpses, hidden)``
        output: ``(batch, glimpses)``

    Args:
        hidden: numbers after each glimpse.
        glimpses: how many glimpses have weights of their own, the last of them for all that
            follow; 1: they share them.
        rectified: whether it is never below 0.
    """

    def __init__(self, hidden: int, glimpses: int, rectified: bool) -> None:
        super().__init__()
        self.fc = nn.Linear(hidden, glimpses)
        self.rectified = rectified

    def forward(self, hidden: Tensor) -> Tensor:
        """The expected rewards."""
        found: Tensor = self.fc(hidden.detach())
        own = found.diagonal(dim1=-2, dim2=-1)
        rest = found[:, own.shape[-1] :, -1]
        found = torch.cat((own, rest), dim=1)
        return found.relu() if self.rectified else found


class Gaze(nn.Module, ABC):
    """A network with a moving fovea; what it sees and remembers is the business of a subclass.

    A subclass has modules ``locator`` and ``baseline``, the latter an `ExpectedReward`.

    Shapes:
        input: ``(batch, channels, height, width)`` in 0..1
        features: ``(batch, hidden)``: what the answer after the last glimpse is made of
        output: ``(batch, classes)`` logits after the last glimpse

    Args:
        params: how it looks, and how it learns to.
        glimpses: how often it looks at an image.

    Attributes:
        glimpses: as given; may be set.
        detach_fixations: see `isotrope.layers.looking.Looking`.
    """

    std: Tensor
    outline: Outline
    locator: nn.Module
    baseline: nn.Module

    def __init__(self, params: GazeParams, glimpses: int) -> None:
        super().__init__()
        self.params = params
        self.glimpses = glimpses
        self.detach_fixations = False
        self.features = nn.Identity()
        self.register_buffer("std", torch.tensor(params.std))

    @property
    def draws_in_tests(self) -> bool:
        """Whether fixations are drawn in tests, too."""
        return self.params.policy == "stochastic"

    def prepared(self, images: Tensor) -> Any:
        """What all glimpses at images are taken of."""
        return images

    @abstractmethod
    def step(self, seen: Any, fixation: Tensor, memory: Any) -> tuple[Tensor, Tensor, Any]:
        """One glimpse.

        Args:
            seen: what `prepared` gave.
            fixation: ``(batch, 2)``.
            memory: what the glimpse before has left; None before the first.

        Returns:
            What the locator is given, ``(batch, numbers)``; what `hidden` wants of this glimpse;
            and the memory.
        """

    @abstractmethod
    def hidden(self, walk: Walk) -> Tensor:
        """What is known after each glimpse of a walk, ``(batch, glimpses, hidden)``."""

    @abstractmethod
    def answer(self, hidden: Tensor) -> Tensor:
        """Logits ``(batch, classes)`` of what is known, ``(batch, hidden)``."""

    @abstractmethod
    def rings(self, height: int, width: int) -> Tensor:
        """See `isotrope.layers.looking.Looking`."""

    def forward(self, images: Tensor, noise: Tensor | None = None) -> Tensor:
        """Logits after the last glimpse."""
        hidden = self.hidden(self._walk(images, noise, self.glimpses))
        return self.answer(self.features(hidden[:, -1]))

    @takes_images
    def look(
        self,
        images: Tensor,
        noise: Tensor | None = None,
        glimpses: int | None = None,
        fixations: Tensor | None = None,
    ) -> Looked:
        """See `isotrope.layers.looking.Looking`.

        Where fixations are not drawn in tests, noise counts in training alone.
        """
        walk = self._walk(images, noise, glimpses or self.glimpses, fixations)
        hidden = self.hidden(walk)
        logits = self.answer(hidden.flatten(0, 1))
        return Looked(
            logits.view(*hidden.shape[:2], -1),
            torch.stack(walk.fixations, dim=1),
            torch.stack(walk.means, dim=1),
            self.baseline(hidden),
        )

    @takes_images
    def loss(
        self, images: Tensor, labels: Tensor, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """The loss of answers, expected rewards and policy, the answers, and the three apart."""
        walk = self._walk(images, noise, self.glimpses)
        hidden = self.hidden(walk)
        logits = self.answer(self.features(hidden[:, -1]))
        exact = logits.to(torch.promote_types(logits.dtype, torch.float32))
        nll = F.cross_entropy(exact, labels)
        if self.params.answers == "every":
            earlier = [self.answer(hidden[:, one]) for one in range(len(walk.kept) - 1)]
            losses = [F.cross_entropy(one.to(exact.dtype), labels) for one in earlier]
            nll = torch.stack([*losses, nll]).mean()
        reward = (exact.detach().argmax(dim=1) == labels).to(exact.dtype)[:, None]
        chosen = max(1, len(walk.fixations) - 1)  # a single glimpse has an expected reward, too
        expected = self.baseline(hidden)[:, :chosen].to(exact.dtype)
        baseline = (expected - reward).square().mean()
        reinforce = torch.zeros_like(nll)
        if walk.densities:
            advantage = self._advantage(reward - expected.detach())
            reinforce = -(torch.stack(walk.densities, dim=1) * advantage).sum(dim=1).mean()
        whole = nll + baseline + self.params.reinforce_weight * reinforce
        return whole, logits, {"nll": nll, "baseline_mse": baseline, "reinforce": reinforce}

    def _advantage(self, advantage: Tensor) -> Tensor:
        if self.params.advantage == "none":
            return advantage
        variance, mean = torch.var_mean(advantage, correction=0)
        return (advantage - mean) / (variance.sqrt() + _LEAST)

    def _walk(
        self,
        images: Tensor,
        noise: Tensor | None,
        glimpses: int,
        fixations: Tensor | None = None,
    ) -> Walk:
        """Let the fovea move."""
        _refuse_other_shapes(len(images), glimpses, noise, fixations)
        dtype = torch.promote_types(images.dtype, torch.float32)
        if noise is not None:
            drawn = self.training or self.draws_in_tests
            noise = noise.to(dtype) if drawn else None
        walk, memory, seen = Walk([], [], [], []), None, self.prepared(images)
        if noise is None:
            mean = images.new_zeros(len(images), 2, dtype=dtype)
        else:
            mean = self.params.first_fixation * noise[:, :2]
        fixation = mean
        for glimpse in range(glimpses):
            if fixations is not None:
                fixation = fixations[:, glimpse].to(dtype)
                mean = fixation if glimpse == 0 else mean
            walk.fixations.append(fixation)
            walk.means.append(mean)
            given, kept, memory = self.step(seen, fixation, memory)
            walk.kept.append(kept)
            if glimpse + 1 < glimpses:
                mean = self._mean(given, dtype)
                fixation = mean
                if noise is not None:
                    fixation = mean + self.std.to(dtype) * noise[:, 2 * glimpse + 2 :][:, :2]
                fixation = self._followed(fixation, mean, noise is not None, walk)
        return walk

    def _mean(self, given: Tensor, dtype: torch.dtype) -> Tensor:
        """The policy's mean."""
        if self.params.detached_locator and self.training:  # attacks see through it
            given = given.detach()
        raw: Tensor = self.locator(given).to(dtype)
        return raw.tanh() if self.params.squashing == "tanh" else raw.clamp(-1, 1)

    def _followed(self, fixation: Tensor, mean: Tensor, drawn: bool, walk: Walk) -> Tensor:
        """The next fixation, with a gradient if it shall have one; its density is noted."""
        params = self.params
        rewarded = params.learned_by == "rewards" and params.policy != "deterministic"
        if self.detach_fixations or (self.training and rewarded):
            fixation = fixation.detach()
        if drawn and rewarded:
            std = self.std.to(mean.dtype)
            squares = ((fixation.detach() - mean) / std).square()
            walk.densities.append((-squares / 2 - std.log() - _LOG_2PI / 2).sum(dim=1))
        return fixation.clamp(-1, 1) if self.params.squashing == "tanh" else fixation

    def parameter_groups(self) -> dict[str, list[str]]:
        """``where``: names with ``where`` or ``locator``; ``baseline``; all others are ``base``."""
        names = [name for name, _ in self.named_parameters()]
        where = [name for name in names if "where" in name or "locator" in name]
        return {"where": where, "baseline": [name for name in names if "baseline" in name]}

    def adopt(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """All weights of such a network; but the deviation of the policy is that of the settings.

        Where it falls with the epochs it is that of the weights.
        """
        constant = ("std",) if self.params.std_half_life is None else ()
        given = {name: value for name, value in weights.items() if name not in constant}
        return taken_whole(self, given, constant)

    def on_epoch(self, epoch: int, epochs: int) -> dict[str, float]:
        """The standard deviation of the policy after so many epochs, if it falls."""
        del epochs
        half_life = self.params.std_half_life
        return {} if half_life is None else {"std": self.params.std * 0.5 ** (epoch / half_life)}


class Drawing(Gaze):
    """A network with a moving fovea that draws its fixations, in training at least."""

    def draw(self, generator: torch.Generator, count: int) -> Tensor:
        """Numbers for the fixations of so many images, ``(count, 2 * glimpses)``.

        The first two are uniform in -1..1, the others standard normal.
        """
        first = 2 * torch.rand(count, 2, generator=generator) - 1
        rest = torch.randn(count, 2 * (self.glimpses - 1), generator=generator)
        return torch.cat((first, rest), dim=1)


def _refuse_other_shapes(
    batch: int, glimpses: int, noise: Tensor | None, fixations: Tensor | None
) -> None:
    if glimpses < 1:
        raise ValueError(f"a network looks at least once, got {glimpses} glimpses")
    if noise is not None and (len(noise) != batch or noise.shape[1] < 2 * glimpses):
        raise ValueError(
            f"{glimpses} glimpses at {batch} images need noise ({batch}, {2 * glimpses}), "
            f"got {tuple(noise.shape)}"
        )
    if fixations is not None and tuple(fixations.shape) != (batch, glimpses, 2):
        raise ValueError(
            f"fixations must be ({batch}, {glimpses}, 2), got {tuple(fixations.shape)}"
        )
