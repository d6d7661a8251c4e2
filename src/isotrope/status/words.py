"""Jobs in few words."""

from collections.abc import Sequence

from isotrope.console.wording import duration_text, range_text
from isotrope.status.heartbeats import Job


def job_text(jobs: Sequence[Job]) -> str:
    """How far one job is, or several at the seeds of one point: epoch, accuracy, time left, nodes.

    Of several jobs the accuracy is the mean and the time left the longest.
    """
    only_job = jobs[0] if len(jobs) == 1 else None
    epochs = sorted({job.epoch for job in jobs})
    most_epochs = max(job.epochs for job in jobs)
    parts = [f"{len(jobs)} jobs"]
    if only_job:
        parts = [f"seed{'s' if len(only_job.seeds) > 1 else ''} {range_text(only_job.seeds)}"]
    parts.append(
        f"epoch {'-'.join(map(str, dict.fromkeys((epochs[0], epochs[-1]))))} of {most_epochs}"
    )
    known = [job.validation_accuracy for job in jobs if job.validation_accuracy is not None]
    if known:
        parts.append(f"validation accuracy {sum(known) / len(known):.1%}")
    left = [job.seconds_left for job in jobs if job.seconds_left is not None]
    if left:
        parts.append(f"at most {duration_text(max(left))} left")
    parts.append(_listed_or_counted(sorted({job.host for job in jobs if job.host}), "nodes"))
    numbers = sorted({job.slurm_job for job in jobs if job.slurm_job})
    parts.append(
        f"SLURM job {numbers[0]}"
        if len(numbers) == 1
        else _listed_or_counted(numbers, "SLURM jobs")
    )
    return ", ".join(part for part in parts if part)


def _listed_or_counted(words: Sequence[str], what: str) -> str:
    """Up to three words, or how many there are."""
    return ", ".join(words) if len(words) <= 3 else f"{len(words)} {what}"
