"""The evaluations of a job in one process; what is known already is not computed again.

The rows of a seed under an evaluation lie in a file of their own, named by the evaluation's digest
and written as soon as they are known; the table of the job is put together from these. An
evaluation that says ``ARRAYS = True`` gives arrays beside its rows; they lie in an npz file of the
same name, whose checksum is in the last line of the rows. A diverged seed is not evaluated.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import torch

from isotrope import devices
from isotrope.files import disk
from isotrope.measuring.computing import Computation, Seed
from isotrope.measuring.position import Stops
from isotrope.measuring.task import EvaluationTask
from isotrope.packs import code_records, lease, summary
from isotrope.packs import rows as stored
from isotrope.packs.log_file import logged
from isotrope.packs.rows import Row
from isotrope.processes.signals import Interruption

Log = Callable[[str], None]


def evaluate(task: EvaluationTask, log: Log, own_log: bool = False) -> None:
    """Compute what is missing, and write the table of the job.

    Waits until a GPU is free, and while another process trains one of the packs, or computes the
    same rows. Different evaluations of a seed do not wait for each other.

    Args:
        task: what is computed.
        log: takes one line.
        own_log: whether ``evaluate.log`` beside the table, or that of the evaluation, is written,
            too; a workflow does that itself.

    Raises:
        UserError: if the packs' files are absent, damaged or of another training, the device or
            the data are not there, or a file cannot be written.
        SystemExit: after a signal that asks the job to end; what is computed is kept.
    """
    seeds: list[Seed] = [None] if task.of_run else list(task.seeds)
    known = [task.rows_file(one, seed) for one in task.evaluations for seed in seeds]
    device = devices.choose(task.device, log)
    name = task.results.name.replace("results", "evaluate", 1)
    file = task.results.with_name(name).with_suffix(".log")
    with Interruption() as interruption:

        def work() -> None:
            with logged(file, log) if own_log else nullcontext(log) as told:
                _evaluate(task, device, Stops(interruption, told))

        lease.hold(
            task.run,
            f"the evaluation of {task}",
            [task.results, *known],
            work,
            log,
            interruption,
            reads=task.folders,
        )


def _evaluate(task: EvaluationTask, device: torch.device, stops: Stops) -> None:
    """What ``evaluate`` says, while no other process is at work on the same."""
    status = {seed: how for folder in task.folders for seed, how in _trained(task, folder).items()}
    sound = [seed for seed in task.seeds if status[seed] != "diverged"]
    for seed in sorted(set(task.seeds) - set(sound)):
        stops.log(f"seed {seed} has diverged and is not evaluated")
    wanted: list[Seed] = ([None] if sound else []) if task.of_run else list(sound)
    known = {
        (one.alias, seed): stored.read(task.rows_file(one, seed), one.has_arrays, stops.log)
        for one in task.evaluations
        for seed in wanted
    }
    missing = {one.alias: _missing(task, one.alias, sound, known) for one in task.evaluations}
    if any(missing.values()):
        for one in task.evaluations:
            if missing[one.alias] and one.code.digest:
                code_records.record(task.run, one.code)
                stops.log(f"{one.alias}: {one.code.words}")
        known |= Computation(task, device, stops).run(missing)
        for alias in (one.alias for one in task.evaluations if missing[one.alias]):
            rows = [
                row for (other, _), found in known.items() if other == alias for row in found or ()
            ]
            for name, count in without_numbers(rows).items():
                stops.log(f"{alias}: {name} is not a number (nan) in all {count} rows")
    _write(task, known)
    for path in [task.results, *(task.rows_file(o, s) for o in task.evaluations for s in wanted)]:
        disk.remove_parts(path)  # what killed jobs left behind
        disk.remove_parts(stored.arrays_of(path))


def without_numbers(rows: Sequence[Row]) -> dict[str, int]:
    """What was measured and is nowhere a number, metrics and columns, with the number of rows."""
    found: dict[str, list[bool]] = {}
    for row in rows:
        for column, value in row.items():
            name = row["metric"] if column == "value" and "metric" in row else column
            found.setdefault(str(name), []).append(str(value).lower() == "nan")
    return {name: len(absent) for name, absent in found.items() if all(absent)}


def _missing(
    task: EvaluationTask,
    alias: str,
    sound: list[int],
    known: Mapping[tuple[str, Seed], list[Row] | None],
) -> list[int]:
    """The seeds that are to be evaluated; for a measure of the run all or none."""
    if task.of_run:
        return sound if known.get((alias, None)) is None else []
    return [seed for seed in sound if known[alias, seed] is None]


def _trained(task: EvaluationTask, folder: Path) -> Mapping[int, str]:
    """How the seeds of a pack have ended.

    Raises:
        UserError: if it was trained otherwise, or lacks a seed that is wanted.
    """
    known = summary.read(folder)
    known.check_training(task.training_digest, task.run)
    known.check_seeds(list(task.folders[folder]))
    return known.status


def _write(task: EvaluationTask, known: Mapping[tuple[str, Seed], list[Row] | None]) -> None:
    """Write the table of the job: the evaluations in their order, the seeds in theirs."""
    rows = [
        {"evaluation": alias, "run": task.run, "point": task.point, **row}
        for (alias, _), found in known.items()
        for row in found or ()
    ]
    seeds = dict.fromkeys(seed for _, seed in known)
    codes = {
        one.alias: (
            one.digest,
            {seed: stored.code_of(task.rows_file(one, seed)) for seed in seeds},
        )
        for one in task.evaluations
    }
    code_records.write_codes_of_results(task.results, codes)
    disk.write_whole(task.results, stored.results_text(rows))
