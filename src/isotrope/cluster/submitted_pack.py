"""The work of one submitted task: a pack is trained, then evaluated, as two rules would do it.

The task carries texts and numbers only, since pickled objects break when the code changes. It
reads everything else when it starts: the param-file, the choice of a sweep, the data. A change
since it was submitted is noticed by the training digest.

submitit sets the handler of SLURM's warning before a time limit or a preemption. While training,
that of ``isotrope.processes.signals`` takes its place, saves after the step and calls submitit's;
at any other moment that one acts at once, as all other work is kept piece by piece. It has the task
queued again, once, and this object is called anew: finished seeds and evaluations are found, and
the unfinished seed goes on at the step it was saved at.
"""

import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from isotrope import paths
from isotrope.cluster import recording, rendezvous
from isotrope.console.printing import say
from isotrope.errors import UserError
from isotrope.measuring import evaluating
from isotrope.measuring.task import EvaluationTask
from isotrope.packs import state, summary
from isotrope.packs.log_file import logged
from isotrope.packs.summary import OUTPUTS, RUN, WEIGHTS
from isotrope.params.param_file import read_run
from isotrope.params.param_folder import name_of
from isotrope.plan.indexing import index_of
from isotrope.results import choice
from isotrope.tasks import by_hand
from isotrope.training.pack import train_pack
from isotrope.training.progress import Report
from isotrope.training.task import TrainingTask

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

Log = Callable[[str], None]


@dataclass(frozen=True)
class SubmittedPack:
    """A pack that a task trains and evaluates.

    Args:
        file: the param-file, as seen from the project's root.
        point: the point of the run's sweep; ``selected`` for the one that is chosen by then.
        pack: the pack's name, ``<first seed>-<last seed>``.
        seeds: the seeds wanted of it, as a command line names them; all if ``None``.
        digests: the training digests, one of which the point must have when the task starts.
        threads: CPU threads of one operation.
        evaluate: whether it is evaluated; candidates of a choice are not, whatever this says.
        restarts: how often the task was queued again.
        shown: the seeds that it holds, for people; its name where that was not worked out.
    """

    file: str
    point: str
    pack: str
    seeds: str | None
    digests: tuple[str, ...]
    threads: int
    evaluate: bool
    restarts: int = 0
    shown: str = ""

    @property
    def run(self) -> str:
        """The run's name."""
        return name_of(Path(self.file))

    @property
    def folder(self) -> Path:
        """The folder of the pack's files."""
        return paths.pack_folder(self.run, self.point, self.pack)

    @property
    def logs(self) -> tuple[Path, Path]:
        """Where training and evaluation say how far they are, as with Snakemake."""
        return self.folder / "train.log", self.folder / "evaluate.log"

    def __str__(self) -> str:
        return f"{self.run}, {self.point}, seeds {self.shown or self.pack}"

    def __call__(self) -> str:
        """Train and evaluate what is missing, and tell Snakemake of it.

        Returns:
            How many seeds ended in each status, as in ``4 done, 1 diverged``.

        Raises:
            UserError: as training and evaluation do, and if the param-file was changed so that the
                pack would be trained otherwise than when it was submitted.
        """
        _end_quietly_when_requeued()
        if rendezvous.export() > 0:  # the first process writes the files
            self._choose(say)
            train_pack(self._task(), Report(say))
            return ""
        train_log, evaluation_log = self.logs
        with self._logged(train_log) as log:
            if self._choose(log):
                recording.record(["choose"], [paths.choice(self.run)], log)
            task = self._task()
            train_pack(task, Report(log))
            try:
                now = self._seeds_as_trained(task)
            except UserError:
                recording.forget([task.folder / name for name in OUTPUTS])
                raise
        tested: list[EvaluationTask] = []
        try:
            if self.evaluate and now:
                self._evaluate(now, evaluation_log, tested)
        except Exception:  # what was trained is there all the same
            self._tell(task, tested)
            raise
        self._tell(task, tested)
        return _outcome(task)

    def _seeds_as_trained(self, task: TrainingTask) -> list[int]:
        """The trained seeds that are asked for still.

        Raises:
            UserError: if they would be trained otherwise now, or cannot be.
        """
        changed = f"was changed while {self} was trained; its finished seeds are kept"
        try:
            now = self._task_now(self.seeds)
        except UserError as error:
            what = f"{self.file}, or what it names, {changed}"
            raise UserError(what, *error.sentences) from error
        if now.training_digest != task.training_digest:
            raise UserError(f"{self.file} {changed}, `snakemake runs` trains what it says now")
        return [seed for seed in task.seeds if seed in now.seeds]

    def _evaluate(self, seeds: list[int], file: Path, tested: list[EvaluationTask]) -> None:
        """Evaluate seeds; each task whose table is written is added to ``tested``."""
        with self._logged(file) as log:
            wanted = ",".join(str(seed) for seed in seeds)
            for tests in by_hand.evaluation_tasks(*self._task_arguments(wanted)):
                evaluating.evaluate(tests, log)
                tested.append(tests)

    def _tell(self, task: TrainingTask, tested: list[EvaluationTask]) -> None:
        """Tell Snakemake what was made, if it is what the param-file asks for now."""
        tables = [one.results for one in tested]
        if self._is_asked_for(task, tested):
            rules = ["train", "evaluate", "evaluate_alone"][: 1 + len(tables)]
            recording.record(rules, [task.folder / WEIGHTS, *tables], say)
        else:
            recording.forget([*(task.folder / name for name in OUTPUTS), *tables])

    def _is_asked_for(self, task: TrainingTask, tested: list[EvaluationTask]) -> bool:
        """Whether the param-file asks now for what was made: all of the pack, and nothing else."""
        try:
            now = self._task_now(None)
            tests = by_hand.evaluation_tasks(*self._task_arguments(None)) if tested else []
        except UserError:
            return False
        same = (list(now.seeds), now.training_digest) == (list(task.seeds), task.training_digest)
        known = {one.results: one.digests for one in tests}
        return same and all(known.get(one.results) == one.digests for one in tested)

    def is_finished(self) -> bool:
        """Whether the files hold all that the param-file asks for now."""
        if not (self.folder / RUN).is_file():
            return False
        try:
            task = self._task_now(self.seeds)
            tests = by_hand.evaluation_tasks(*self._task_arguments(self.seeds))
            status = state.trained(self.folder, task.training_digest)
        except UserError:
            return False
        if not status.keys() >= set(task.seeds):
            return False
        tested = state.sound(status, task.seeds)
        return not self.evaluate or all(
            task.results.is_file()
            and all(
                task.rows_file(one, seed).is_file() for one in task.evaluations for seed in tested
            )
            for task in tests
        )

    def checkpoint(self) -> "DelayedSubmission":
        """What submitit keeps for the next start, after its handler was called."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(replace(self, restarts=self.restarts + 1))

    def _task_arguments(self, seeds: str | None) -> tuple[Path, str, str, str | None, str, int]:
        return Path(self.file), self.point, self.pack, seeds, "auto", self.threads

    def _task_now(self, seeds: str | None) -> TrainingTask:
        """What is to be trained as the param-file is now."""
        (task,) = by_hand.training_tasks(*self._task_arguments(seeds))
        return task

    def _task(self) -> TrainingTask:
        """What is to be trained, if that is what was submitted."""
        task = self._task_now(self.seeds)
        if task.training_digest not in self.digests:
            raise UserError(
                f"{self.file} was changed after {self} was submitted: its training digest was "
                f"{' or '.join(self.digests)} and is {task.training_digest}; restore the "
                "param-file, or submit it again"
            )
        return task

    def _choose(self, log: Log) -> bool:
        """Choose the point that is trained, if it is to be chosen and that was not done."""
        run = read_run(Path(self.file))
        known = index_of([run])
        if self.point != paths.SELECTED or choice.current(known, run.name) is not None:
            return False
        made = choice.choose(run.name, known.run(run.name), known.digests(run.name))
        choice.write(run.name, made)
        log(f"{made.winner} is chosen; wrote {paths.choice(run.name)}")
        return True

    @contextmanager
    def _logged(self, path: Path) -> Iterator[Log]:
        """Lines go to a file and to standard output, as does what ends the work."""
        with logged(path, say, append=bool(self.restarts)) as log:
            try:
                yield log
            except UserError as error:
                for sentence in error.sentences:
                    say(sentence)
                raise


def _end_quietly_when_requeued() -> None:
    """End this process quietly where submitit would report a task queued again as failed.

    SLURM ends all processes of a task that it queues again, and so at times ``scontrol requeue``
    before that could say so; submitit 1.5.4 then reports an error.
    """
    before = signal.getsignal(signal.SIGUSR2)
    if not callable(before):  # not a task of submitit, or its `debug`
        return

    def handle(number: int, frame: FrameType | None) -> None:
        try:
            before(number, frame)
        except subprocess.CalledProcessError as error:
            if error.returncode != -signal.SIGTERM:
                raise
            raise SystemExit(128 + signal.SIGTERM) from error

    signal.signal(signal.SIGUSR2, handle)


def _outcome(task: TrainingTask) -> str:
    counts = Counter(summary.read(task.folder).status.values())
    return ", ".join(f"{count} {status}" for status, count in counts.items())
