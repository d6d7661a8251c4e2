"""How far a job is: lines for its log, a heartbeat for ``isotrope status``, a bar on a terminal.

Nothing is printed here: lines go to a function and the bar to a console, both of the command line.
"""

import json
import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from torch import nn

from isotrope.errors import UserError
from isotrope.files import write_whole
from isotrope.training import provenance
from isotrope.training.loop import SeedTraining

HEARTBEAT_SECONDS = 5.0  # at most one in that time


@dataclass(frozen=True)
class Report:
    """Where a job says how far it is.

    Args:
        log: takes one line.
        console: a terminal for a progress bar; without one there is no bar.
    """

    log: Callable[[str], None]
    console: Console | None = None


def duration(seconds: float) -> str:
    """A time for people: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def model_summary(network: nn.Module) -> list[str]:
    """One line for each module that holds parameters of its own, then their number."""
    rows = []
    for name, module in network.named_modules():
        count = sum(parameter.numel() for parameter in module.parameters(recurse=False))
        if count:
            kind = f"{type(module).__name__}({module.extra_repr()})"
            rows.append((name or "(itself)", f"{count:,}", kind))
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(2)]
    lines = [f"  {name:<{widths[0]}}  {count:>{widths[1]}}  {kind}" for name, count, kind in rows]
    total = sum(parameter.numel() for parameter in network.parameters())
    return [f"{type(network).__name__}, {total:,} parameters", *lines]


class PackProgress:
    """Follows the seeds that a job trains one after the other.

    Args:
        report: where lines and the bar go.
        heartbeat: the file that says how the job fares.
        seeds: how many seeds are to be trained.
        epochs: how many epochs a seed has at most.
    """

    def __init__(self, report: Report, heartbeat: Path, seeds: int, epochs: int) -> None:
        self.report = report
        self.heartbeat = heartbeat
        self.epochs = epochs
        self.steps = 0  # training steps and validation batches since the start
        self._seeds_after = seeds
        self._training: SeedTraining | None = None
        self._done = 0.0  # epochs since the start, without those of the seed in hand
        self._resumed_at = 0.0  # epochs of the seed in hand that an earlier job did
        self._start = time.monotonic()
        self._beat_at = -math.inf
        self._ended = False
        self._bar: Progress | None = None
        self._bar_task = TaskID(0)
        if report.console is not None:
            columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=report.console, transient=True)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
            self._bar_task = self._bar.add_task("", total=self.epochs)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if kind is None or issubclass(kind, Exception):  # finished, or failed: the log says why
            self.heartbeat.unlink(missing_ok=True)
        else:  # a signal: the seed in hand is saved
            self._ended = True
            self._beat(always=True)

    def begin(self, training: SeedTraining) -> None:
        """A seed begins, or goes on where an earlier job left it."""
        self._training = training
        self._seeds_after -= 1
        self._resumed_at = self._epochs_of_seed()
        if self._resumed_at:
            epoch = len(training.history) + 1
            self.report.log(f"seed {training.seed}: goes on in epoch {epoch} of {self.epochs}")
        self._beat(always=True)

    def step(self) -> None:
        """A training step or a batch of validation images is done."""
        self.steps += 1
        self._beat(always=False)

    def epoch(self) -> None:
        """An epoch is done: one line."""
        if (training := self._training) is None:
            return
        row = training.history[-1]
        parts = [
            f"seed {row.seed}: epoch {row.epoch} of {self.epochs}",
            f"loss {row.train_loss:.4f}",
            f"accuracy {row.train_accuracy:.1%}",
            f"validation loss {row.validation_loss:.4f}",
            f"accuracy {row.validation_accuracy:.1%}"
            + (" (best)" if training.best_epoch == row.epoch else ""),
            f"{row.train_seconds:.2f} s",
        ]
        left = self.seconds_left()
        if left:
            parts.append(f"at most {duration(left)} left")
        self.report.log(", ".join(parts))
        self._beat(always=False)

    def end(self, status: str) -> None:
        """The seed is finished and stored."""
        if (training := self._training) is None:
            return
        self._done += self._epochs_of_seed() - self._resumed_at
        best = "none" if training.best_accuracy is None else f"{training.best_accuracy:.1%}"
        self.report.log(
            f"seed {training.seed}: {status} after {len(training.history)} epochs, best validation "
            f"accuracy {best} in epoch {training.best_epoch}"
        )
        self._training = None

    def seconds_left(self) -> float | None:
        """Time until the last seed is finished if none stops early; none before the first step."""
        now, before = self._epochs_of_seed(), self._resumed_at
        done = self._done + now - before
        if done <= 0:
            return None
        training = self._training
        left = 0.0 if training is None or training.finished else self.epochs - now
        return (time.monotonic() - self._start) / done * (left + self._seeds_after * self.epochs)

    def _epochs_of_seed(self) -> float:
        """Epochs of the seed in hand, the last one in part."""
        if (training := self._training) is None:
            return 0.0
        return len(training.history) + training.position / training.steps

    def _beat(self, always: bool) -> None:
        """Write the heartbeat and move the bar, unless that was done just now."""
        now = time.monotonic()
        if (training := self._training) is None:
            return
        if not always and now - self._beat_at < HEARTBEAT_SECONDS:
            return
        self._beat_at = now
        accuracy = training.history[-1].validation_accuracy if training.history else None
        left = self.seconds_left()
        said = {
            "seed": training.seed,
            "epoch": min(len(training.history) + 1, self.epochs),
            "epochs": self.epochs,
            "validation_accuracy": None if accuracy is None or math.isnan(accuracy) else accuracy,
            "time": round(time.time(), 3),
            "ended": self._ended,
            **provenance.job(),
            "seconds_left": None if left is None else round(left, 1),
        }
        with suppress(UserError):  # a heartbeat that cannot be written ends no training
            write_whole(self.heartbeat, json.dumps(said) + "\n")
        if self._bar is not None:
            shown = f"seed {training.seed}, epoch {said['epoch']} of {self.epochs}"
            if left is not None:
                shown += f", at most {duration(left)} left"
            done = self._epochs_of_seed()
            self._bar.update(self._bar_task, completed=done, description=shown)
