"""How far a job is: lines for its log, a heartbeat for ``isotrope status``, a bar on a terminal.

Nothing is printed here: lines go to a function and the bar to a console, both of the command line.
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from torch import nn

from isotrope.console.wording import duration_text
from isotrope.errors import UserError
from isotrope.files.disk import write_whole
from isotrope.processes import provenance
from isotrope.training.loop import LockstepTraining
from isotrope.training.records import EpochRow, SeedRecord

HEARTBEAT_SECONDS = 5.0  # at most one in that time


@dataclass(frozen=True)
class Report:
    """Where a job says how far it is.

    Args:
        log: takes one line.
        console: a terminal for a progress bar; without one there is no bar.
        own_log: whether the pack's ``train.log`` is written, too; a workflow does that itself.
    """

    log: Callable[[str], None]
    console: Console | None = None
    own_log: bool = False


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
    """Follows the seeds that a job trains: one after the other, or some of them together.

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
        self._seeds_done = 0
        self._training: LockstepTraining | None = None
        self._rows: list[EpochRow] = []  # of the last epoch
        self._done = 0.0  # epochs of all seeds since the start, without the one in hand
        self._start = time.monotonic()
        self._first: tuple[float, float] | None = None  # when an epoch ended first, and its part
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
            with suppress(OSError):  # a disk in trouble must not hide the error
                self.heartbeat.unlink(missing_ok=True)
        else:  # a signal: the seeds in hand are saved
            self._ended = True
            self._beat(always=True)

    def begin(self, training: LockstepTraining) -> None:
        """Seeds begin, or go on where an earlier job left them."""
        self._training, self._rows = training, []
        self._seeds_after -= len(training.seeds)
        self._done -= self._in_hand()
        going = [seed for seed in training.seeds if not training.records[seed].finished]
        if going and (training.epochs or training.position):
            epoch = training.epochs + 1
            who = f"{seeds_text(going)}: {'goes' if len(going) == 1 else 'go'} on"
            self.report.log(f"{who} in epoch {epoch} of {self.epochs}")
            histories = (record.history for record in training.records.values())
            self._rows = [history[-1] for history in histories if history]
        self._beat(always=True)

    def put_off(self) -> None:
        """The seeds in hand are taken up later."""
        if (training := self._training) is not None:
            self._seeds_after += len(training.seeds)
            self._training = None

    def step(self) -> None:
        """A training step or a batch of validation images is done."""
        self.steps += 1
        self._beat(always=False)

    def epoch(self) -> None:
        """An epoch is done: one line."""
        if (training := self._training) is None:
            return
        self._rows = [record.history[-1] for record in training.records.values()]
        self._done += len(self._rows)
        if self._first is None:
            self._first = time.monotonic(), self._done
        left = self.seconds_left()
        line = _epoch_line(self._rows, self.epochs, training)
        self.report.log(line + (f", at most {duration_text(left)} left" if left else ""))
        self._beat(always=False)

    def end(self, record: SeedRecord, status: str) -> None:
        """A seed is finished and stored."""
        self._seeds_done += 1
        count = len(record.history)
        line = f"seed {record.seed}: {status} after {count} epoch{'s' if count > 1 else ''}"
        if record.best_score is not None:
            what = "validation" if record.keeps_last else "best validation"
            line += f", {what} {score_words(record.score)} {record.best_score:.1%}"
            line += f" in epoch {record.best_epoch}"
        self.report.log(line)

    def seconds_left(self) -> float | None:
        """Time until the last seed is finished if none stops early; none in the first epoch.

        The first epoch of a job is its slowest, since kernels are compiled and data read for the
        first time. So it counts only until something of another one is done.
        """
        if self._first is None:
            return None
        then, done = self._first
        since = time.monotonic() - then
        more = self._done + self._in_hand() - done
        if more <= 0 and done <= 0:  # of the first one only the validation was left
            return None
        pace = since / more if more > 0 else (then - self._start) / done
        left = float(self._seeds_after * self.epochs)
        if (training := self._training) is not None:
            going = sum(not record.finished for record in training.records.values())
            left += going * (self.epochs - training.epochs - training.share)
        return pace * left

    def _in_hand(self) -> float:
        """How much of an epoch is done, of all seeds in training."""
        if (training := self._training) is None:
            return 0.0
        return len(training.seeds) * training.share

    def _beat(self, always: bool) -> None:
        """Write the heartbeat and move the bar, unless that was done just now."""
        now = time.monotonic()
        if (training := self._training) is None or not training.seeds:
            return
        if not always and now - self._beat_at < HEARTBEAT_SECONDS:
            return
        self._beat_at = now
        scores = [row.validation_score for row in self._rows]
        known = [score for score in scores if score is not None and not math.isnan(score)]
        left = self.seconds_left()
        said = {
            "seed": training.seeds[0],
            "seeds": training.seeds,
            "seeds_done": self._seeds_done,
            "epoch": min(training.epochs + 1, self.epochs),
            "epochs": self.epochs,
            "validation_accuracy": math.fsum(known) / len(known) if known else None,
            "time": round(time.time(), 3),
            "ended": self._ended,
            **provenance.job(),
            "seconds_left": None if left is None else round(left, 1),
        }
        with suppress(UserError):  # a heartbeat that cannot be written ends no training
            write_whole(self.heartbeat, json.dumps(said) + "\n")
        if self._bar is not None:
            shown = f"{seeds_text(training.seeds)}, epoch {said['epoch']} of {self.epochs}"
            if left is not None:
                shown += f", at most {duration_text(left)} left"
            done = training.epochs + training.share
            self._bar.update(self._bar_task, completed=done, description=shown)


def seeds_text(seeds: Sequence[int]) -> str:
    """Seeds for people: ``seed 3``, ``seeds 1-5``, ``25 seeds of 1-50``."""
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    first, last = min(seeds), max(seeds)
    return (
        f"seeds {first}-{last}"
        if last - first + 1 == len(seeds)
        else (f"{len(seeds)} seeds of {first}-{last}")
    )


def _epoch_line(rows: Sequence[EpochRow], epochs: int, training: LockstepTraining) -> str:
    """A line about an epoch: of one seed its numbers, of several their means."""

    def mean(key: str) -> float:
        return math.fsum(getattr(row, key) for row in rows) / len(rows)

    records = [training.records[row.seed] for row in rows]
    words = score_words(records[0].score)
    best = [record for record in records if record.best_epoch == rows[0].epoch]
    mark = "" if not best else " (best)" if len(rows) == 1 else f" (best of {len(best)})"
    parts = [
        f"{seeds_text([row.seed for row in rows])}: epoch {rows[0].epoch} of {epochs}",
        f"loss {mean('train_loss'):.4f}",
        f"{words} {mean('train_score'):.1%}",
    ]
    if records[0].validated:
        parts += [
            f"validation loss {mean('validation_loss'):.4f}",
            f"{words} {mean('validation_score'):.1%}{'' if records[0].keeps_last else mark}",
        ]
    return ", ".join([*parts, f"{math.fsum(row.train_seconds for row in rows):.2f} s"])


def score_words(score: str) -> str:
    """The name of a score for people: ``accuracy``, ``mean IoU``."""
    return score.replace("_", " ").replace("iou", "IoU")
