"""A Snakemake that is killed on a real SLURM, and the next one."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from on_slurm import SNAKEMAKE, Project, jobs_of, slurm, wait_for
from test_workflow_on_slurm import Pack

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.usefixtures("cluster"),
    pytest.mark.timeout(1800),
]
ISOTROPE = Path(sys.executable).with_name("isotrope")
WORDS = SNAKEMAKE[SNAKEMAKE.index("--profile") :]


class Start:
    """``isotrope start`` beside the test."""

    def __init__(self, project: Project, *words: str) -> None:
        self.log = project.folder / "start.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [ISOTROPE, "start", *words],
                cwd=project.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self) -> str:
        return self.log.read_text("utf-8")

    def end(self) -> int:
        """Its exit status."""
        return self.process.wait(timeout=900)


def said_in(log: Path, what: str) -> str:
    """The text of a log that says it; nothing if it does not, or is not there."""
    try:
        text = log.read_text("utf-8")
    except FileNotFoundError:  # a head that plans the job removes it
        return ""
    return text if what in text else ""


@contextmanager
def killed(project: Project, pack: Pack) -> Iterator[str]:
    """The job of a Snakemake that was killed, stopped at its first seed until the block goes on."""
    with project.started("--", pack.target) as head:
        job = pack.job()
        head.send_signal(signal.SIGKILL)
        head.wait()
    slurm("scontrol", "suspend", job)
    try:
        yield job
    finally:
        slurm("scancel", job)


def test_jobs_of_a_killed_head_are_named_and_then_waited_for(project: Project) -> None:
    pack = Pack(project, "waited_for")
    with killed(project, pack) as job:
        refused = Start(project, *WORDS, "--", pack.target)
        assert refused.end() == 2, refused.said()
        left = f"1 job of an earlier Snakemake: {job} (1 suspended)"
        assert f"SLURM still has {left}; say what to do" in refused.said()

        second = Start(project, "--wait", *WORDS, "--", pack.target)
        wait_for(lambda: f"waits for {left}" in second.said(), "the second start", 120)
        slurm("scontrol", "resume", job)
        assert second.end() == 0, second.said()

    assert "a Snakemake was killed here; removes its lock" in second.said()
    assert not [one for one in jobs_of(second.said()) if one.rule == "train"]
    assert (project.folder / pack.target).exists()
    assert pack.resumed() == [0, 0]


def test_beside_jobs_of_a_killed_head_nothing_is_trained_twice(project: Project) -> None:
    pack = Pack(project, "beside")
    log = pack.folder / "train.log"
    with killed(project, pack) as job:
        second = Start(project, "--beside", *WORDS, "--", pack.target)
        waits = wait_for(lambda: said_in(log, "waits for the training"), "the copy", 300)
        slurm("scontrol", "resume", job)
        assert second.end() == 0, second.said()

    [copy] = [one for one in jobs_of(second.said()) if one.rule == "train"]
    assert copy.number != job
    assert re.search(rf"seeds 1-2: process \d+ on .*, SLURM job {job}, since ", waits)
    assert "0 to train, 2 are finished" in log.read_text("utf-8")
    assert pack.resumed() == [0, 0]
    hidden = {path.name for path in project.folder.joinpath("out").rglob(".*")}
    assert hidden == {".seeds", ".code"}
