"""Attacks on one network, batch after batch, and what is kept of each image.

Of each batch all attacks at one eps are made before those at the next, so that only the worst
images at one eps are held. After each attack the position is offered, so
that all may be ended there.
"""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

import torch
from torch import Tensor

from isotrope.attacks import Attacked, Victim
from isotrope.attacks.by_name import attack
from isotrope.attacks.judging import Judge
from isotrope.attacks.strength import WHITE_BOX, AttackSettings, Name
from isotrope.datasets.images import Images, to_unit
from isotrope.evaluation._chosen import keyed
from isotrope.measuring.position import Position

_MARKS = (1, 2, 5)  # times powers of ten: the steps and queries at which successes are counted


class Attempt(NamedTuple):
    """One attack at one eps.

    Args:
        name: of the attack.
        place: of the eps among all.
        eps: the bound.
        last: whether it is the last at this eps, so that the worst images can be judged.
    """

    name: Name
    place: int
    eps: float
    last: bool = False


class Plan(NamedTuple):
    """What is done to each batch.

    Args:
        settings: how hard attacks try.
        names: the attacks that can be made.
        bounds: each eps that is asked for.
        unbounded: an eps that no image is beyond; None where it is not tried.
        images: how many images there are.
        stochastic: whether the network draws at random and says so.
    """

    settings: AttackSettings
    names: Sequence[Name]
    bounds: Sequence[float]
    unbounded: float | None
    images: int
    stochastic: bool

    @property
    def bounded(self) -> list[Name]:
        """The attacks that know an eps."""
        return [name for name in self.names if name != "minimal_norm"]

    @property
    def minimal(self) -> bool:
        """Whether the smallest changes are searched."""
        return "minimal_norm" in self.names

    @property
    def every_eps(self) -> list[float]:
        """Those that are asked for, and the unbounded one if it is tried."""
        return [*self.bounds, *([] if self.unbounded is None else [self.unbounded])]

    def attempts(self) -> list[Attempt]:
        """All attacks on a batch, in order; the search for the smallest change comes first."""
        found = [Attempt("minimal_norm", 0, math.inf)] if self.minimal else []
        for place, eps in enumerate(self.every_eps):
            own = [
                name
                for name in self.bounded
                if place < len(self.bounds) or name in WHITE_BOX  # no bound: with gradients alone
            ]
            found += [Attempt(name, place, eps, name == own[-1]) for name in own]
        return found


def marks(most: int) -> list[int]:
    """Steps or queries at which successes are counted: 1, 2, 5, 10, ... and the last."""
    powers = range(len(str(most)))
    return sorted({most, *(m * 10**p for p in powers for m in _MARKS if m * 10**p <= most)})


Results = dict[str, Tensor]


def empty(plan: Plan) -> Results:
    """What is kept before the first batch: nan of images that no attack was made on.

    ``clean`` ``(images,)``; ``worst`` ``(eps, images)``; and of each attack ``share``,
    ``distortion``, ``queries``, ``zeros``, ``seen`` ``(eps, images)``, ``passes`` ``(eps, 2)``, and
    ``trace`` ``(eps, steps, images)``, as soon as its steps are known. Of ``minimal_norm`` there is
    one eps.
    """
    nan, eps = math.nan, len(plan.every_eps)
    found = {"clean": torch.full((plan.images,), nan, dtype=torch.float64)}
    found["worst"] = torch.full((eps, plan.images), nan, dtype=torch.float64)
    for name in plan.names:
        rows = 1 if name == "minimal_norm" else eps
        for what in ("share", "distortion", "queries", "zeros", "seen"):
            found[f"{name}.{what}"] = torch.full((rows, plan.images), nan, dtype=torch.float64)
        found[f"{name}.passes"] = torch.zeros(rows, 2, dtype=torch.float64)
    return found


class Work:
    """The attacks on one network.

    Args:
        plan: what is done.
        victim: the network.
        judge: tells by fresh draws what it recognises.
        source: the network from which ``transfer`` comes.
        position: where the state is kept.
        device: of the network.
        random: whether answers to one image may differ, so that nothing leaves a batch.
    """

    def __init__(
        self,
        plan: Plan,
        victim: Victim,
        judge: Judge,
        source: Victim | None,
        position: Position,
        device: torch.device,
        random: bool,
    ) -> None:
        self._plan, self._victim, self._judge, self._source = plan, victim, judge, source
        self._position, self._device, self._random = position, device, random
        state = position.restore() or {"done": 0, "attempt": 0, "results": {}, "held": {}}
        self.done: int = state["done"]
        self._next: int = state["attempt"]
        self._held: dict[str, Tensor] = {k: v.to(device) for k, v in state["held"].items()}
        self.results: Results = {**empty(plan), **state["results"]}

    def attack(self, numbers: Sequence[int], batch: Images) -> None:
        """Make all attacks on a batch that follows those that are done."""
        there = batch.to(self._device)
        images, at = to_unit(there.images), slice(self.done, self.done + len(batch))
        if self._next == 0:
            with self._keyed(0):
                shares = self._judge.shares(images, there.labels, numbers)
            self.results["clean"][at] = shares
            self.results["worst"][:, at] = 0.0  # of those that are never recognised
        attempts = self._plan.attempts()
        clean = self.results["clean"][at]
        chosen = (clean > 0).nonzero()[:, 0]
        if len(chosen):
            there = there[chosen.to(self._device)]
            its = [numbers[place] for place in chosen.tolist()]
            for count in range(self._next, len(attempts)):
                with self._keyed(count + 1):
                    self._attempt(attempts[count], its, there, self.done + chosen)
                self._next = count + 1
                if self._next < len(attempts):
                    self._offer()
        self.done, self._next, self._held = self.done + len(batch), 0, {}
        self._offer()

    def _offer(self) -> None:
        state = {"done": self.done, "attempt": self._next}
        self._position.save({**state, "results": self.results, "held": self._held})

    def _attempt(self, one: Attempt, numbers: Sequence[int], batch: Images, places: Tensor) -> None:
        """One attack, and what is kept of it."""
        images, settings = to_unit(batch.images), self._plan.settings
        if one.place >= len(self._plan.bounds):  # steps for a bound do not reach all images
            settings = settings.model_copy(update={"step_size": None})
        found = attack(
            one.name,
            settings,
            self._victim,
            images,
            batch.labels,
            eps=one.eps,
            numbers=numbers,
            source=self._source,
            stop_early=not self._random,
        )
        shares = self._judge.shares(found.images, batch.labels, numbers)
        self._keep(one, found, shares, places)
        if one.name == "minimal_norm":
            self._held["smallest"], self._held["smallest_change"] = found.images, found.distortion
            return
        if "worst" not in self._held:
            self._held["worst"] = images
            self._held["worst_share"] = self.results["clean"][places].to(images.device)
            self._offer_smallest(one.eps, places)
        self._worse(found.images, shares.to(images.device))
        if one.last:
            worst, least = self._held.pop("worst"), self._held.pop("worst_share").cpu()
            if self._judge.draws > 1:  # it was chosen by its luck, too
                least = self._judge.shares(worst, batch.labels, numbers, block=1)
            self.results["worst"][one.place, places] = least

    def _offer_smallest(self, eps: float, places: Tensor) -> None:
        """Let the smallest changes stand among the attacks at an eps."""
        if "smallest" in self._held:
            within = self._held["smallest_change"] <= eps
            shares = self.results["minimal_norm.share"][0, places].to(within.device)
            self._worse(self._held["smallest"], shares.where(within, torch.inf))

    def _worse(self, images: Tensor, shares: Tensor) -> None:
        """Keep, of each image, what is recognised least."""
        worse = shares < self._held["worst_share"]
        self._held["worst"] = torch.where(worse[:, None, None, None], images, self._held["worst"])
        self._held["worst_share"] = torch.where(worse, shares, self._held["worst_share"])

    def _keep(self, one: Attempt, found: Attacked, shares: Tensor, places: Tensor) -> None:
        """Put what an attack found at the places of its images."""
        name, row = one.name, one.place
        kept = {
            "share": shares,
            "distortion": found.distortion,
            "queries": found.queries,
            "zeros": found.zero_gradients,
            "seen": found.trace.any(dim=0),
        }
        for what, values in kept.items():
            self.results[f"{name}.{what}"][row, places] = values.cpu().double()
        passes = torch.tensor([found.forwards, found.backwards], dtype=torch.float64)
        self.results[f"{name}.passes"][row] += passes
        steps = len(found.trace)
        if f"{name}.trace" not in self.results:
            rows = len(self.results[f"{name}.share"])
            size = (rows, len(marks(steps)), self._plan.images)
            self.results[f"{name}.trace"] = torch.zeros(size, dtype=torch.bool)
            self.results[f"{name}.steps"] = torch.tensor(steps)
        marked = torch.tensor(marks(steps)) - 1
        self.results[f"{name}.trace"][row, :, places] = found.trace.cpu()[marked]

    def _keyed(self, count: int) -> AbstractContextManager[None]:
        seed = self._plan.settings.attack_seed + 1009 * self.done + count
        return keyed(seed, self._device)
