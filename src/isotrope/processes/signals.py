"""What a job does when it is told to end: it saves, and leaves so that it is started again.

SIGTERM (an operator, ``scancel``, Snakemake): exit status 143. SIGINT (Ctrl-C): 130. SIGUSR1 and
SIGUSR2 (SLURM's warning before a time limit or a preemption): the job asks SLURM to be queued again
and waits for its end, so that Snakemake notices nothing; outside of SLURM, or if SLURM refuses, or
if not a single step was done since the start (so that no job goes round for ever), it exits with
status 75 ("try again later").

A handler that was there before for one of these two warnings, such as submitit's, is called when
all is saved, in place of that: it then decides how the work is queued again.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import NoReturn, Self

EXIT_AGAIN = 75  # EX_TEMPFAIL of sysexits.h
REQUEUE_WAIT = 120  # seconds; SLURM ends a requeued job long before
_WARNINGS = (signal.SIGUSR1, signal.SIGUSR2)
_HANDLED = (signal.SIGTERM, signal.SIGINT, *_WARNINGS)


class Interruption:
    """Remembers a signal until the work can be left, while it is entered as a context.

    Outside of the main thread, where Python allows no handlers, it hears nothing.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._earlier_handlers: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _HANDLED:
                self._earlier_handlers[number] = signal.signal(number, self._remember)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore_handlers()
        if kind is None and (warning := self._warning_with_earlier_handler()):
            signal.raise_signal(warning)  # it came after the last step

    def _restore_handlers(self) -> None:
        for number, handler in self._earlier_handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _warning_with_earlier_handler(self) -> signal.Signals | None:
        """The remembered warning, if an earlier handler (not a default action) was set for it."""
        known = self.signal in _WARNINGS and callable(self._earlier_handlers.get(self.signal))
        return self.signal if known else None

    def _remember(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.signal = signal.Signals(number)
        if number == signal.SIGINT:  # the second Ctrl-C does not wait
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def leave(self, log: Callable[[str], None], steps: int, done: str = "saved") -> NoReturn:
        """End the process in the way that the remembered signal asks for. All must be saved.

        Args:
            log: is told what happens.
            steps: training steps done since the start of this process.
            done: what was done about the signal.

        Raises:
            SystemExit: always, unless an earlier handler of the signal raises something else.
        """
        job = _job()
        name = self.signal.name if self.signal else "no signal"
        if self.signal in (signal.SIGTERM, signal.SIGINT):
            again = "; the same command goes on from here" if self.signal == signal.SIGINT else ""
            log(f"{name}: {done}, ends{again}")
            raise SystemExit(128 + self.signal)
        if warning := self._warning_with_earlier_handler():
            log(f"{name}: {done}, goes to the handler that was there before")
            self._restore_handlers()
            signal.raise_signal(warning)
            raise SystemExit(0)  # another process of the job asks for all of them
        if job is None or steps == 0:
            reason = "not a SLURM job" if job is None else "no step was done since the start"
            log(f"{name}: {done}, ends with status {EXIT_AGAIN} ({reason})")
            raise SystemExit(EXIT_AGAIN)
        log(f"{name}: {done}, asks SLURM to queue job {job} again")
        if _requeue(job, log):
            end = time.monotonic() + REQUEUE_WAIT
            while (left := end - time.monotonic()) > 0:
                time.sleep(left)
        raise SystemExit(EXIT_AGAIN)


def _job() -> str | None:
    """SLURM's name of this job; in an array its task's own: the number alone may mean them all."""
    array, task = (os.environ.get(f"SLURM_ARRAY_{word}_ID") for word in ("JOB", "TASK"))
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID")


def _requeue(job: str, log: Callable[[str], None]) -> bool:
    """Whether SLURM has taken the job back into its queue."""
    try:
        done = subprocess.run(
            ["scontrol", "requeue", job], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        log(f"scontrol requeue {job} failed: {error}")
        return False
    if done.returncode in (0, -signal.SIGTERM):  # SLURM may end it, with the job, before it is done
        return True
    log(f"scontrol requeue {job} failed: {done.stderr.strip() or done.returncode}")
    return False
