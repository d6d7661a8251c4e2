"""How far a pack's jobs are, or how they ended: from its heartbeat and its logs."""

import math
from collections.abc import Set
from pathlib import Path

from isotrope.console.wording import duration_text
from isotrope.status import heartbeats, logs
from isotrope.status.folders import HEARTBEAT, TRAIN_LOG
from isotrope.status.heartbeats import Job, Pulse
from isotrope.status.logs import LastWord
from isotrope.status.states import Finding
from isotrope.status.words import job_text

STARTING = 600.0  # seconds that a training may take until its first heartbeat
_SILENT = 60.0  # seconds without a line that are worth a word
_FORGOTTEN = 86_400.0  # `recording.forget` dates files to 1970
_LATER = 10.0  # seconds that a log may be younger than other files of the same job


class Jobs:
    """The jobs of one pack.

    Args:
        folder: the pack's.
        names: what lies in it.
        pulse: tells live jobs from lost ones.
        run: the run's name.
    """

    def __init__(self, folder: Path, names: Set[str], pulse: Pulse, run: str) -> None:
        self._folder, self._names, self.pulse, self._run = folder, names, pulse, run

    def heartbeat(self) -> tuple[Job, bool] | None:
        """The training's last heartbeat, and whether it is alive; None if there is none."""
        if HEARTBEAT not in self._names:
            return None
        path = self._folder / HEARTBEAT
        beat = heartbeats.read(path)
        return (beat, self.pulse.is_alive(path, beat)) if beat else None

    def after(self, beat: Job, unfinished: Set[int]) -> Finding:
        """The state after a training was told to end, or was lost; a later one may have begun.

        Args:
            beat: its last heartbeat.
            unfinished: the seeds that can be taken up where they are.
        """
        since = self._finding_if_newer(
            TRAIN_LOG, beat.beat_at, 0 if beat.ended else _LATER, STARTING
        )
        if since is not None:
            return since
        how = "saved" if beat.ended else "last seen"
        resumes = not unfinished.isdisjoint(beat.seeds)
        then = "resumes there" if resumes else "begins anew"
        return Finding("interrupted", detail=f"{how} in {job_text([beat])}; {then}", job=beat)

    def at_work(self, beat: Job | None, all_trained: bool) -> Finding | None:
        """A training that holds its lease, whatever it last said; None if there is none.

        Args:
            beat: its last heartbeat, if there is one.
            all_trained: as for ``training``.
        """
        if not self.pulse.is_held(self._run, self._folder):
            return None
        if beat is not None and not beat.ended:
            detail = f"{job_text([beat])}{self._silence(self.pulse.age(beat.beat_at))}"
            return Finding("running", detail=detail, job=beat)
        doing = "puts seeds together" if all_trained else "starts"
        word = self._last_word(TRAIN_LOG)
        known = word is not None and word.kind == "well"
        return Finding("running", detail=f"{doing}{self._after(word)}" if known else doing)

    def evaluates(self, made: str) -> Finding | None:
        """An evaluation that holds its lease on a file; None if there is none."""
        held = self.pulse.is_held(self._run, self._folder / made)
        return Finding("running", detail="evaluates") if held else None

    def is_over(self, outputs: Set[str], all_trained: bool) -> bool:
        """Whether no training is at work that makes its outputs; asked where no lease is held.

        Args:
            outputs: those that are there.
            all_trained: as for ``training``.
        """
        word = self._last_word(TRAIN_LOG)
        made = [written for name in outputs if (written := self._written(name)) < math.inf]
        if not made:
            return False
        spoke = word is not None and bool(word.line) and word.kind == "well"
        return word is None or word.written - max(made) <= _LATER or (all_trained and spoke)

    def has_evaluated(self, log: str) -> bool:
        """Whether the job of a log is over that had nothing left to compute but its table.

        Asked where all rows are there and no lease is held: whoever has said something had one. Of
        a job that had nothing to say Snakemake notes how long it took.
        """
        word = self._last_word(log)
        if word is None or word.kind != "well":
            return False
        if word.line:
            return True
        measured = self._written(log.replace(".log", ".benchmark.tsv"))
        return word.written <= measured < math.inf or self.pulse.age(word.written) >= STARTING

    def training(self, all_trained: bool) -> Finding | None:
        """A training without a heartbeat, by its log; None if it has not begun.

        Args:
            all_trained: whether all its seeds are trained; only the outputs are to be written.
        """
        word = self._last_word(TRAIN_LOG)
        return (
            self._finding_in_log(
                TRAIN_LOG, word, "puts seeds together" if all_trained else "starts", STARTING
            )
            if word
            else None
        )

    def evaluation(self, log: str, patience: float) -> Finding | None:
        """An evaluation, by its log; None if it has not begun.

        Args:
            log: the log's name.
            patience: seconds that it may take from one line to the next: its time limit.
        """
        word = self._last_word(log)
        return self._finding_in_log(log, word, "evaluates", patience) if word else None

    def training_since(self, made: str) -> Finding | None:
        """A training by its log, if that was written after a file of an earlier one."""
        return self._finding_if_newer(TRAIN_LOG, self._written(made), _LATER, STARTING)

    def evaluation_since(self, made: str, log: str, patience: float) -> Finding | None:
        """An evaluation, if its log was written after a file of an earlier one.

        Args:
            made: the file.
            log: the log's name.
            patience: as for ``evaluation``.
        """
        return self._finding_if_newer(log, self._written(made), _LATER, patience)

    def _finding_if_newer(
        self, log: str, moment: float, margin: float, patience: float
    ) -> Finding | None:
        """What a log says, if it was written ``margin`` seconds after a moment.

        None if it was not, or if its job has ended, too.
        """
        word = self._last_word(log)
        if word is None or word.written - moment <= margin:
            return None
        doing = "starts" if log == TRAIN_LOG else "evaluates"
        found = self._finding_in_log(log, word, doing, patience)
        return None if found.state == "interrupted" else found

    def _written(self, name: str) -> float:
        """When a file was written; in the future if it has vanished or was told to be forgotten."""
        try:
            written = (self._folder / name).stat().st_mtime
        except OSError:
            return math.inf
        return written if written > _FORGOTTEN else math.inf

    def _last_word(self, log: str) -> LastWord | None:
        return logs.last_word(self._folder / log) if log in self._names else None

    def _finding_in_log(self, log: str, word: LastWord, doing: str, patience: float) -> Finding:
        path = (self._folder / log).as_posix()
        trains = log == TRAIN_LOG
        if word.is_error:
            what = "" if trains else "evaluation: "
            return Finding("failed", detail=f"{what}{word.line}", log=path)
        if word.kind == "waits":
            return Finding("queued", detail=word.line, log=path)
        table = self._folder / log.replace("evaluate", "results", 1).replace(".log", ".csv")
        claim = self._folder if trains else table
        gone = bool(word.line) and self.pulse.is_left(self._run, claim)  # else another begins
        if gone or word.kind == "ended" or self.pulse.age(word.written) >= patience:
            what = "its process is gone" if gone else "ended without an error"
            last = f"; last line: {word.line}" if word.line else ""
            return Finding(
                "interrupted", detail=f"{'' if trains else 'evaluation: '}{what}{last}", log=path
            )
        return Finding("running", detail=f"{doing}{self._after(word)}", log=path)

    def _after(self, word: LastWord | None) -> str:
        """How long ago a log's last line was written, and what it says."""
        if word is None:
            return ""
        last = f"; last line: {word.line}" if word.line else ""
        return f"{self._silence(self.pulse.age(word.written))}{last}"

    @staticmethod
    def _silence(seconds: float) -> str:
        return f", {duration_text(seconds)} without a word" if seconds >= _SILENT else ""
