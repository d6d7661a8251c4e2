"""Snakemake through profiles/slurm, and what SLURM says about its jobs."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

CLUSTER = Path(__file__).with_name("cluster")
T = TypeVar("T")
# The profile as it is shipped, but for two waiting times that one machine does not need.
SNAKEMAKE = (
    *(sys.executable, "-m", "snakemake", "--profile", "profiles/slurm"),
    *("--slurm-init-seconds-before-status-checks", "3", "--latency-wait", "10"),
)


def slurm(*command: str) -> str:
    """The output of one of SLURM's commands."""
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def wait_for(ready: Callable[[], T], what: str, seconds: float) -> T:
    """Ask until the answer is true, and return it."""
    end = time.monotonic() + seconds
    while not (answer := ready()):
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.2)
    return answer


@dataclass(frozen=True)
class Job:
    """A SLURM job as the accounting knows it."""

    number: str
    rule: str
    partition: str
    state: str
    resources: str


def jobs_of(said: str) -> list[Job]:
    """The jobs that Snakemake says it submitted, once the accounting, which lags, has all ended."""
    numbers = re.findall(r"submitted with SLURM jobid (\d+)", said)
    fields = "JobID,Comment,Partition,State,AllocTRES"

    def ended() -> list[Job]:
        query = ("sacct", "-X", "-n", "-P", f"--format={fields}", "-j", ",".join(numbers))
        rows = [row.split("|") for row in slurm(*query).splitlines()]
        jobs = [
            Job(number, re.sub("^rule_|_wildcards_.*", "", comment), partition, state, resources)
            for number, comment, partition, said_state, resources in rows
            for state in said_state.split()[:1]  # "CANCELLED by 0"
        ]
        waiting = any(job.state in ("PENDING", "RUNNING", "REQUEUED") for job in jobs)
        return [] if waiting or len(jobs) < len(numbers) else jobs

    return wait_for(ended, f"the accounting of the jobs {numbers}", 30) if numbers else []


@dataclass(frozen=True)
class Project:
    """A copy of the project, with an ``out`` of its own, in which Snakemake runs on the cluster."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Snakemake beside the test; where it outlives the block, it is ended as by Ctrl-C."""
        head = subprocess.Popen(
            [*SNAKEMAKE, *arguments],
            cwd=self.folder,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield head
        finally:
            if head.poll() is None:
                head.send_signal(signal.SIGINT)
                head.communicate(timeout=120)

    def snakemake(self, *arguments: str) -> tuple[int, str]:
        """Snakemake to its end: exit status, and all that it said."""
        with self.started(*arguments) as head:
            said, _ = head.communicate()
        return head.returncode, said
