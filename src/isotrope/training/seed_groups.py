"""Which seeds train together: as an earlier job left them, and halved where memory ran out."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from isotrope.errors import UserError
from isotrope.packs import resume, store
from isotrope.training import stack_width
from isotrope.training.progress import seeds_text
from isotrope.training.steps import Limits
from isotrope.training.task import TrainingTask

Saved = dict[str, Any]  # of one seed: "training" as from LockstepTraining.states, and "record"


@dataclass(frozen=True)
class SeedGroup:
    """Seeds that train at the same time.

    Args:
        seeds: the seeds.
        rows: their rows in the stack.
        width: rows of the stack, more than seeds where some have ended; 1 for a seed by itself.
        saved: what an earlier job left of each, all at the same step; empty for new ones.
    """

    seeds: list[int]
    rows: list[int]
    width: int
    saved: dict[int, Saved] = field(default_factory=dict)

    @property
    def limits(self) -> Limits | None:
        """How much their training computes at once, where one was begun; they keep it."""
        known = [one["training"].get("limits") for one in self.saved.values()]
        return Limits(**known[0]) if known and known[0] else None  # older files do not tell

    @classmethod
    def new(cls, seeds: Sequence[int]) -> "SeedGroup":
        """Seeds that begin."""
        return cls(list(seeds), list(range(len(seeds))), len(seeds))

    @classmethod
    def saved_as(cls, saved: dict[int, Saved]) -> "SeedGroup":
        """Seeds that go on as they were saved."""
        stacks = [one["training"]["stack"] for one in saved.values()]
        return cls(list(saved), [one["row"] for one in stacks], stacks[0]["width"], saved)


class Unfinished:
    """The seeds of a pack that an earlier job began, or this one.

    Args:
        task: what is trained.
        log: is told what is left aside, and what is tried.
    """

    def __init__(self, task: TrainingTask, log: Callable[[str], None]) -> None:
        self.task = task
        self.log = log

    def taken_up(self, seeds: Sequence[int]) -> list[SeedGroup]:
        """The seeds that an earlier job began, together as they were."""
        left: dict[int, Saved] = {}
        for seed in seeds:
            if saved := self.saved(seed):
                left[seed] = saved
        groups = []
        while left:
            oldest = min(left.values(), key=_age)
            same: dict[int, Saved] = {}
            for seed in oldest["training"]["stack"]["seeds"]:
                if seed not in left:
                    continue
                if _step(left[seed]) == _step(oldest):
                    same[seed] = left[seed]
                elif (before := self.saved(seed, 1)) and _step(before) == _step(oldest):
                    same[seed] = before
                    resume.go_back(self.task.unfinished(seed))
            listed = [seed for seed in oldest["training"]["stack"]["seeds"] if seed in seeds]
            if all(self._begun(seed) for seed in listed):  # else killed in the first saving
                groups.append(SeedGroup.saved_as(same))
            left = {seed: one for seed, one in left.items() if seed not in same}
        return groups

    def _begun(self, seed: int) -> bool:
        path = self.task.unfinished(seed)
        return path.exists() or resume.previous(path).exists()

    def saved(self, seed: int, back: int = 0) -> Saved | None:
        """What is saved of a seed; ``back`` 1: what was saved before that."""
        path, digest = self.task.unfinished(seed), self.task.training_digest
        return resume.load(path, digest, self.log, back)

    def again(self, group: SeedGroup) -> SeedGroup:
        """A seed by itself, from where it was saved."""
        (seed,) = group.seeds
        saved = self.saved(seed)
        return SeedGroup.saved_as({seed: saved}) if saved else SeedGroup.new([seed])

    def halves(
        self, group: SeedGroup, error: torch.OutOfMemoryError, device: torch.device
    ) -> list[SeedGroup]:
        """Two groups of half the seeds each, saved as such, after memory ran out.

        Raises:
            UserError: if there is nothing to halve.
        """
        task, more = self.task, "more memory than the device has"
        if group.width == 1:
            raise UserError(
                f"{task.run}: seed {group.seeds[0]} needs {more} "
                f"({str(error).splitlines()[0]}); take a smaller batch_size, or a device with more "
                "memory"
            ) from error
        missing = [s for s in group.seeds if not store.holds(task.stored(s))]
        found = {seed: saved for seed in missing if (saved := self.saved(seed))}
        middle = math.ceil(len(missing) / 2)
        halves = [half for half in (missing[:middle], missing[middle:]) if half]
        they = "it needs" if len(group.seeds) == 1 else "they need"
        self.log(f"{seeds_text(group.seeds)}: together {they} {more}; {middle} are tried at once")
        stack_width.remember(task, device, middle)
        if len(found) < len(missing):  # there was no room for the networks themselves
            return [SeedGroup.new(half) for half in halves]
        groups = []
        for half in halves:
            for row, seed in enumerate(half):
                stack = {"seeds": half, "row": row, "width": len(half)}
                found[seed]["training"]["stack"] = stack
                resume.save(task.unfinished(seed), found[seed], task.training_digest)
            groups.append(SeedGroup.saved_as({seed: found[seed] for seed in half}))
        return groups


def _age(saved: Saved) -> tuple[int, int, int, int]:
    """What sorts states by when they were saved: at one step the larger stack is the older one."""
    epochs, position, seeds, width = _step(saved)
    return epochs, position, -len(seeds), -width


def _step(saved: Saved) -> tuple[int, int, list[int], int]:
    """Where a seed was saved, and with which others."""
    training = saved["training"]
    stack = training["stack"]
    return training["epochs"], training["position"], stack["seeds"], stack["width"]
