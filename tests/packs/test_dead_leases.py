"""Leases of the dead, the silent and the suspended: who is waited for, and for how long."""

import errno
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from lease_holders import FOLDER, elsewhere, hold, holder, log, quick, said  # noqa: F401
from toy_runs import start, wait_for

from isotrope.files import disk
from isotrope.packs import lease, lease_files

pytestmark = pytest.mark.usefixtures("quick")


def test_a_killed_process_is_not_waited_for():
    with holder() as first:
        first.kill()
        first.join()
        hold(work=lambda: log("second"))

    takes = f"takes over from some work: process {first.pid} on"
    assert said().startswith(takes)
    assert said().endswith("that process is gone\nsecond\n")
    assert not FOLDER.exists()


def test_a_suspended_process_loses_its_lease_writes_nothing_and_does_its_work_again(monkeypatch):
    goal = Path("goal")

    def first_work():
        log("first begins")
        wait_for(lambda: goal.exists() or Path("go").exists(), 60)
        disk.write_whole(goal, "by the first\n" if not goal.exists() else "by the first, again\n")

    first = start(lambda: hold(work=first_work))
    wait_for(lambda: "first begins" in said())
    os.kill(first.pid, signal.SIGSTOP)
    monkeypatch.setattr(lease, "STALE_SECONDS", 0.5)  # for whoever comes now

    def second_work():
        Path("go").touch()
        os.kill(first.pid, signal.SIGCONT)
        wait_for(lambda: "has lost its lease; it writes nothing" in said())
        assert not goal.exists()
        disk.write_whole(goal, "by the second\n")

    hold(work=second_work)
    first.join(20)

    assert first.exitcode == 0
    assert "not heard of for" in said()
    assert said().count("first begins") == 2
    assert goal.read_text() == "by the first, again\n"
    assert not list(Path().rglob("*.part"))
    assert not FOLDER.exists()


def test_a_holder_elsewhere_is_waited_for_while_its_heartbeat_changes_whatever_its_clock(
    monkeypatch,
):
    path, year = elsewhere(), 365 * 86400
    monkeypatch.setattr(lease, "STALE_SECONDS", 0.3)
    beats = iter(range(30))

    def look(self, interruption):
        if (beat := next(beats, None)) is not None:
            os.utime(path, (time.time() + year * (-1) ** beat * (beat + 1),) * 2)
        time.sleep(0.02)

    monkeypatch.setattr(lease._WantedLease, "_pause", look)
    hold(work=lambda: log("mine"))

    assert next(beats, None) is None, "it was taken over while the heartbeat changed"
    assert "waits for other work: process" in said()
    assert "takes over from other work" in said()
    assert said().endswith("mine\n")


def test_silence_is_counted_from_the_last_heartbeat_on(monkeypatch):
    path, now, looks = elsewhere(), [0.0], []
    monkeypatch.setattr(lease, "STALE_SECONDS", 3 * lease.LOOK_SECONDS)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def look(self, interruption):
        looks.append(now[0])
        now[0] += lease.LOOK_SECONDS
        if len(looks) % 2 == 0 and len(looks) <= 20:  # silent at every second look
            os.utime(path, (len(looks),) * 2)

    monkeypatch.setattr(lease._WantedLease, "_pause", look)
    hold()

    assert len(looks) == 20 + 3


def test_a_pause_of_whoever_waits_is_not_the_silence_of_the_holder(monkeypatch):
    elsewhere()
    now, looks = [0.0], []
    monkeypatch.setattr(lease, "STALE_SECONDS", 0.2)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def suspended(self, interruption):
        looks.append(now[0])
        now[0] += 1000.0

    monkeypatch.setattr(lease._WantedLease, "_pause", suspended)
    hold()

    assert len(looks) == 0.2 / (2 * lease.LOOK_SECONDS)


def test_a_holder_whose_slurm_job_is_gone_is_not_waited_for(monkeypatch):
    elsewhere(slurm_job="99")
    asked = []
    monkeypatch.setattr("isotrope.processes.process._squeue", lambda job: asked.append(job))
    monkeypatch.setattr(lease, "ASK_SECONDS", 0.0)

    def look(self, interruption):
        monkeypatch.setattr("isotrope.processes.process._squeue", lambda job: ("CANCELLED", "7"))

    monkeypatch.setattr(lease._WantedLease, "_pause", look)
    hold()

    assert asked == ["99"]
    first, second = said().splitlines()
    assert first.endswith("on gpu1, SLURM job 99, since noon")
    assert second.endswith("since noon; SLURM says that its job is cancelled")


def test_slurm_is_asked_about_a_job_at_intervals_and_not_at_every_look(monkeypatch):
    elsewhere(slurm_job="99")
    now, asked = [0.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(lease, "ASK_SECONDS", 10.0)

    def squeue(job):
        asked.append(now[0])
        return ("RUNNING", "7") if len(asked) < 3 else ("CANCELLED", "7")

    def look(self, interruption):
        now[0] += 5.0

    monkeypatch.setattr("isotrope.processes.process._squeue", squeue)
    monkeypatch.setattr(lease._WantedLease, "_pause", look)
    hold()

    assert asked == [0.0, 10.0, 20.0]


def test_a_lease_that_this_process_could_not_remove_is_not_waited_for(monkeypatch):
    unlink = Path.unlink

    def refused(path, **options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "unlink", refused)
    hold()
    assert len(list(FOLDER.iterdir())) == 1
    monkeypatch.setattr(Path, "unlink", unlink)
    hold(work=lambda: log("again"))
    assert said().endswith("; this process could not remove it\nagain\n")
    assert not FOLDER.exists()


def test_of_two_that_break_a_dead_lease_at_once_one_works_at_a_time(monkeypatch):
    dead = elsewhere(slurm_job="99")
    monkeypatch.setattr("isotrope.processes.process._squeue", lambda job: ("COMPLETED", "7"))
    both, remove, busy, done = threading.Barrier(2), lease_files.remove, threading.Lock(), []

    def at_once(path):
        if path == dead:
            both.wait(20)  # each has found it dead before one removes it
        remove(path)

    def work():
        assert busy.acquire(blocking=False)
        time.sleep(0.05)
        busy.release()
        done.append("worked")

    monkeypatch.setattr(lease_files, "remove", at_once)
    threads = [threading.Thread(target=lambda: hold(work=work)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert done == ["worked"] * 2
    assert said().count("takes over from other work") == 2
    assert not FOLDER.exists()


@pytest.mark.parametrize("content", ["", '{"work": "a', "[]", '{"claims": [], "work": "b"}'])
def test_a_damaged_lease_is_respected_until_it_is_stale(monkeypatch, content):
    elsewhere().write_text(content)
    monkeypatch.setattr(lease, "STALE_SECONDS", 0.1)
    hold(work=lambda: log("mine"))

    first, second, third = said().splitlines()
    assert first.startswith("waits for work that its lease does not name: out/runs/")
    assert second.startswith("takes over from work that its lease does not name")
    assert third == "mine"
    assert not FOLDER.exists()
