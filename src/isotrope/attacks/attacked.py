"""What an attack has found, and the questions by which it finds it."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from isotrope.attacks.balls import Ball, Norm, by_image, length
from isotrope.attacks.losses import Loss, LossName, loss_of
from isotrope.attacks.streams import Streams
from isotrope.attacks.victim import Network, Seen, Victim

JUDGED = 20  # fresh draws by which the result of an attack on a stochastic network is judged


class Attacked(NamedTuple):
    """What an attack has found for a batch.

    Args:
        images: the attacked images, ``(batch, channels, height, width)``. Of a network that draws
            nothing: the image of the largest loss among those that fool it, or among all where
            none does. Of a stochastic network: the last image of the best restart.
        fooled: whether they are misclassified, bool ``(batch,)``. A stochastic network is fooled
            if it errs in more than half of 20 (or ``draws``, if that is more) fresh draws.
        distortion: how far they are from the given images, in the norm, ``(batch,)``.
        queries: images (draws) shown until the first success, or in all, int64 ``(batch,)``.
        forwards: images passed forward, all together.
        backwards: images passed backward, all together.
        zero_gradients: in which share of its gradients, at points that do not fool, an image had
            none at all, exactly 0 at every pixel, ``(batch,)``; nan if there was none of these.
        trace: what is fooled after each step, bool ``(steps, batch)``; restarts follow each other.
            Once fooled is fooled; only for a stochastic network each row stands for itself.
    """

    images: Tensor
    fooled: Tensor
    distortion: Tensor
    queries: Tensor
    forwards: int
    backwards: int
    zero_gradients: Tensor
    trace: Tensor


class Questions:
    """What one attack asks a victim about a batch, and the best that it has found.

    Args:
        network: the network, or a `Victim`.
        images: ``(batch, channels, height, width)`` float in 0..1.
        labels: ``(batch,)`` int64.
        loss: what the attack raises.
        draws: answers of a stochastic network to each question.
        seed: of all that is drawn.
        numbers: of the images in their split; from 0 if left out.
        stop_early: whether images leave once they are fooled; those of a stochastic network stay.

    Raises:
        ValueError: if the sizes do not fit, labels are no whole numbers, or ``draws`` is below 1.

    Attributes:
        victim: the victim.
        left: the places in the batch of the images that are still attacked.
        labels: their labels.
        streams: their random numbers.
    """

    def __init__(
        self,
        network: Network | Victim,
        images: Tensor,
        labels: Tensor,
        *,
        loss: LossName | Loss,
        draws: int,
        seed: int,
        numbers: Sequence[int] | None,
        stop_early: bool,
    ) -> None:
        numbers = range(len(images)) if numbers is None else numbers
        if not len(images) == len(labels) == len(numbers):
            raise ValueError(
                f"got {len(images)} images, {len(labels)} labels and {len(numbers)} numbers"
            )
        if labels.dim() != 1 or labels.is_floating_point():
            raise ValueError(
                f"labels must be (batch,) of whole numbers, got {tuple(labels.shape)} "
                f"{labels.dtype}"
            )
        if draws < 1:
            raise ValueError(f"draws must be at least 1, got {draws}")
        self.victim, self._loss = Victim.of(network), loss_of(loss)
        self._images, self._labels = images.detach(), labels
        self._draws = draws if self.victim.stochastic else 1
        self._leaving = stop_early and not self.victim.stochastic
        self._noise = self.victim.noise(seed, numbers, images.device)
        self._streams = Streams(seed, list(numbers), images.device, images.dtype)
        self._passes = self.victim.forwards, self.victim.backwards
        batch = len(images)
        self._best = self._images.clone()
        self._value = images.new_full((batch,), -torch.inf)
        self._fooled = torch.zeros(batch, dtype=torch.bool, device=images.device)
        self._ever = self._fooled.clone()
        self._shown = torch.zeros(batch, dtype=torch.int64, device=images.device)
        self._queries = self._shown.clone()
        self._gradients, self._zeros = images.new_zeros(batch), images.new_zeros(batch)
        self._trace: list[Tensor] = []
        self._all = torch.arange(batch, device=images.device)
        self.left = self._all

    @property
    def stochastic(self) -> bool:
        """Whether the victim draws numbers of its own."""
        return self.victim.stochastic

    @property
    def images(self) -> Tensor:
        """The given images that are left."""
        return self._images[self._at]

    @property
    def labels(self) -> Tensor:
        """The labels of the images that are left."""
        return self._labels[self._at]

    @property
    def streams(self) -> Streams:
        """The random numbers of the images that are left."""
        return self._streams if self.left is self._all else self._streams.only(self.left)

    @property
    def _at(self) -> Tensor | slice:
        return slice(None) if self.left is self._all else self.left

    def restarts(self, ball: Ball, count: int) -> Iterator[tuple[int, Ball]]:
        """Begin with all images, or with those not fooled yet, until none is left.

        Yields:
            The number of the restart, and the balls of its images.
        """
        for restart in range(count):
            self.left = self._all[~self._fooled] if self._leaving else self._all
            if not len(self.left):
                return
            yield restart, ball.only(self.left)

    def ask(self, points: Tensor, gradient: bool = False) -> Seen:
        """Loss and judgment of images with fresh noise, and the gradient if it is wanted."""
        seen = self.asked(points, self.labels, self.take(1), gradient)
        self.shown(1)
        if seen.gradient is not None:
            stands = ~seen.wrong  # beyond, a loss may be flat: the logit ratio is, in parts
            self._gradients[self._at] += stands
            self._zeros[self._at] += stands & (seen.gradient == 0).flatten(1).all(dim=1)
        return seen

    def take(self, times: int) -> Any:
        """Noise for so many questions about each image, ``(batch, times * draws, ...)``."""
        return None if self._noise is None else self._noise.take(times * self._draws)

    def asked(
        self, points: Tensor, labels: Tensor, noise: Any = None, gradient: bool = False
    ) -> Seen:
        """Loss and judgment of any points with given noise; see `shown`."""
        return self.victim.seen(points, labels, self._loss, noise, gradient)

    def shown(self, times: int) -> None:
        """Count so many questions about each image."""
        self._shown[self._at] += times * self._draws

    def note(self, points: Tensor, seen: Seen, step: bool = True) -> Tensor | None:
        """Keep what was found, and let fooled images leave.

        Args:
            points: images that are left, as they were asked about.
            seen: what was answered.
            step: whether a step of the attack lies behind them, which gives a row of the trace.

        Returns:
            Which of them stay, bool; None if all do.
        """
        at = self._at
        if not self.stochastic:
            self._keep(points, seen)
        self._mark(seen.wrong)
        if step:
            row = seen.wrong if self.stochastic else self._fooled
            self._trace.append(row.clone())
        if not self._leaving or not bool(seen.wrong.any()):
            return None
        self.left = self._all[at][~seen.wrong]
        return ~seen.wrong

    def settle(self, points: Tensor) -> None:
        """End a restart on a stochastic network: judge the last points by fresh draws.

        Args:
            points: the last images; of a network that draws nothing they have been noted.
        """
        if self._noise is not None:
            self._keep(points, self.judged(points))

    def judged(self, points: Tensor) -> Seen:
        """Judgment of images by fresh draws of a stochastic network, `JUDGED` at least."""
        if self._noise is None:
            return self.asked(points, self.labels)
        draws = max(self._draws, JUDGED)
        self._shown += draws
        return self.asked(points, self.labels, self._noise.take(draws))

    def attacked(self, norm: Norm | None, steps: int) -> Attacked:
        """What was found.

        Args:
            norm: of the distortion; None if there is none, and nan stands for it.
            steps: rows of the trace; where all images have left before, the last is repeated.
        """
        self._trace += [self._fooled] * (steps - len(self._trace))
        forwards, backwards = self._passes
        away = self._best - self._images
        return Attacked(
            images=self._best,
            fooled=self._fooled,
            distortion=length(away, norm) if norm else torch.full_like(self._value, torch.nan),
            queries=torch.where(self._ever, self._queries, self._shown),
            forwards=self.victim.forwards - forwards,
            backwards=self.victim.backwards - backwards,
            zero_gradients=self._zeros / self._gradients,
            trace=torch.stack(self._trace),
        )

    def _keep(self, points: Tensor, seen: Seen) -> None:
        """Keep the points that are better: fooling before not, then the larger loss."""
        at = self._at
        fooled, value = self._fooled[at], self._value[at]
        better = (seen.wrong & ~fooled) | ((seen.wrong == fooled) & (seen.values > value))
        self._best[at] = torch.where(by_image(better, points), points, self._best[at])
        self._value[at] = torch.where(better, seen.values, value)
        self._fooled[at] = fooled | seen.wrong

    def _mark(self, wrong: Tensor) -> None:
        """Remember at which question an image was fooled first."""
        at = self._at
        first = wrong & ~self._ever[at]
        self._queries[at] = torch.where(first, self._shown[at], self._queries[at])
        self._ever[at] = self._ever[at] | wrong
