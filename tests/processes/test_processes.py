"""Whether a process is gone: by its number on this machine, by SLURM's word elsewhere."""

import os
import platform
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from isotrope.processes import process
from isotrope.processes.process import Process

ELSEWHERE = Process("gpu1", "another machine", 123, 456, "99", "here", "1000")


@pytest.fixture(autouse=True)
def _outside_of_slurm(monkeypatch):
    for name in ("SLURM_JOB_ID", "SLURM_CLUSTER_NAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """Makes a ``squeue`` that answers as it is told, and notes what it is asked."""
    monkeypatch.setenv("SLURM_CLUSTER_NAME", "here")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    def answer(text, error="", status=0):
        program = tmp_path / "squeue"
        program.write_text(
            f'#!/bin/sh\necho "$SLURM_TIME_FORMAT $@" >> {tmp_path}/asked\n'
            f"cat <<END\n{text}\nEND\necho '{error}' >&2\nexit {status}\n"
        )
        program.chmod(0o755)
        return tmp_path / "asked"

    return answer


def finished_process():
    """A process of this machine that has ended and was waited for."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        return replace(Process.this(), number=child.pid, started=None)


def test_this_process_is_here_alive_and_read_as_it_was_written():
    this = Process.this()

    assert (this.number, this.slurm_job, this.is_here) == (os.getpid(), None, True)
    assert this.why_gone() is None
    assert Process.read(asdict(this)) == this
    assert str(this) == f"process {os.getpid()} on {this.host}"
    assert str(ELSEWHERE) == "process 123 on gpu1, SLURM job 99"


@pytest.mark.parametrize("said", [None, [], "x", {}, {"host": "a"}, {**asdict(ELSEWHERE), "b": 1}])
def test_what_is_no_process_is_none(said):
    assert Process.read(said) is None
    assert Process.read({**asdict(ELSEWHERE), "number": "12"}) is None


@pytest.mark.parametrize("key", asdict(ELSEWHERE))
def test_each_word_of_a_process_is_of_its_kind(key):
    assert Process.read(asdict(ELSEWHERE)) == ELSEWHERE
    for wrong in ([], 1.5, " " if key == "machine" else {}):
        assert Process.read({**asdict(ELSEWHERE), key: wrong}) is None


def test_a_process_that_ended_is_gone():
    assert finished_process().why_gone() == "that process is gone"


def test_another_process_with_the_same_number_is_another():
    this = Process.this()
    if this.started is None:
        pytest.skip("the system does not tell when a process started")
    assert replace(this, started=this.started - 1).why_gone() == "that process is gone"


def test_a_machine_that_was_started_anew_is_told_by_its_name():
    this = Process.this()
    assert not this.before_restart
    assert replace(this, machine="earlier pid").before_restart
    assert not replace(this, machine="earlier pid", host="login2").before_restart


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_a_process_that_was_killed_but_not_waited_for_is_gone():
    child = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"], stdin=-1, stdout=-1
    )
    child.stdout.readline()
    stat = Path(f"/proc/{child.pid}/stat").read_text()
    started = int(stat.rpartition(")")[2].split()[19])
    process = replace(Process.this(), number=child.pid, started=started)
    assert process.why_gone() is None

    child.send_signal(signal.SIGSTOP)
    assert process.why_gone() is None

    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process.why_gone() == "that process is gone"
    child.communicate()


def test_of_a_process_elsewhere_nothing_is_known_without_slurm(squeue, monkeypatch):
    asked = squeue("", "Invalid job id specified", 1)
    assert replace(ELSEWHERE, slurm_job=None).why_gone() is None
    monkeypatch.setenv("SLURM_CLUSTER_NAME", "there")
    assert ELSEWHERE.why_gone() is None
    monkeypatch.delenv("SLURM_CLUSTER_NAME")
    assert ELSEWHERE.why_gone() is None
    assert not asked.exists(), "the number means another job on this cluster"


def test_slurm_is_asked_about_the_job_and_only_if_it_may_be(squeue):
    asked = squeue("99 RUNNING 1000")
    assert ELSEWHERE.why_gone(ask_slurm=False) is None
    assert not asked.exists()
    assert ELSEWHERE.why_gone() is None
    assert asked.read_text() == "%s --noheader --states=all --format=%A %T %S --jobs=99\n"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("99 RUNNING 1000", None),
        ("99 COMPLETING 1000", None),
        ("99 SUSPENDED 1000", None),
        ("99 CANCELLED 1000", "SLURM says that its job is cancelled"),
        ("99 OUT_OF_MEMORY 1000", "SLURM says that its job is out of memory"),
        ("99 PENDING N/A", "SLURM says that its job is pending"),
        ("99 RUNNING 1001", "SLURM has started its job again"),
        ("", "SLURM says that its job is completed"),
        ("99 PENDING N/A\n98 RUNNING 7\n99 RUNNING 1000", None),  # an array
    ],
)
def test_slurm_says_what_became_of_a_job(squeue, answer, why):
    squeue(answer)
    assert ELSEWHERE.why_gone() == why


def test_a_job_that_slurm_has_forgotten_is_gone_and_a_silent_slurm_says_nothing(
    squeue, monkeypatch
):
    squeue("", "slurm_load_jobs error: Invalid job id specified", 1)
    assert ELSEWHERE.why_gone() == "SLURM says that its job is completed"
    squeue("", "slurm_load_jobs error: Unable to contact slurm controller", 1)
    assert ELSEWHERE.why_gone() is None
    monkeypatch.setenv("PATH", "")
    assert ELSEWHERE.why_gone() is None


def test_a_slurm_that_never_answers_is_not_waited_for(squeue, tmp_path, monkeypatch):
    squeue("99 CANCELLED 1000")
    (tmp_path / "squeue").write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(process, "SQUEUE_SECONDS", 0.1)
    began = time.monotonic()
    assert process._squeue("99") is None
    assert time.monotonic() - began < 30


def test_a_process_of_a_job_knows_the_job_its_cluster_and_its_start(squeue, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "99")
    squeue("99 RUNNING 2000")
    this = Process.this()
    assert (this.slurm_job, this.slurm_cluster, this.slurm_started) == ("99", "here", "2000")
    assert this.host == platform.node()
    assert Process.read(asdict(this)) == this


@pytest.mark.parametrize(
    ("number", "is_one"), [(-1, False), (0, False), (1, True), (2**31 - 1, True), (2**31, False)]
)
def test_numbers_of_processes_are_positive(number, is_one):
    read = Process.read(asdict(replace(ELSEWHERE, number=number)))
    assert (read is not None) == is_one


def test_a_job_that_was_queued_again_knows_its_own_earlier_start(squeue, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "99")
    squeue("99 RUNNING 2000")
    assert Process.this().slurm_started == "2000"
    assert ELSEWHERE.why_gone() == "SLURM has started its job again"
    assert replace(ELSEWHERE, slurm_started=None).why_gone() == "SLURM has started its job again"
    assert replace(ELSEWHERE, slurm_started="2000").why_gone() is None, "beside it, in one job"
    squeue("", "Unable to contact slurm controller", 1)
    assert Process.this().slurm_started is None
    assert ELSEWHERE.why_gone() == "SLURM has started this job again"
    assert replace(Process.this(), started=None).why_gone() is None, "alive on this machine"
