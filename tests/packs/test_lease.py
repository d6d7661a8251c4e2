"""Leases: one process at a time; whoever waits hears signals; nothing is left behind."""

import errno
import json
import os
import random
import signal
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import pytest
from lease_holders import FOLDER, ONE, THREE, TWO, hold, holder, log, quick, said, waiting  # noqa: F401
from toy_runs import start, wait_for

from isotrope.errors import UserError
from isotrope.packs import lease, lease_files
from isotrope.processes.process import Process
from isotrope.processes.signals import EXIT_AGAIN

pytestmark = pytest.mark.usefixtures("quick")


def test_a_lease_names_its_holder_beats_while_it_is_held_and_leaves_nothing():
    def work():
        (path,) = FOLDER.iterdir()
        content = json.loads(path.read_text())
        assert content["work"] == "some work"
        assert content["claims"] == ["out/one", "out/two"]
        assert content["process"] == asdict(Process.this())
        beats = {path.stat().st_mtime_ns}
        wait_for(lambda: beats.add(path.stat().st_mtime_ns) or len(beats) > 3)

    hold((ONE, TWO), work)

    assert not FOLDER.exists()
    assert not said()
    assert not [one for one in threading.enumerate() if one.name == "lease"]


def test_a_lease_is_given_back_after_an_error():
    def work():
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        hold(work=work)
    assert not FOLDER.exists()


def test_a_second_process_waits_until_the_first_is_done_and_says_for_whom():
    with holder() as first:
        second = waiting(work=lambda: log("second"))
        assert f"waits for some work: process {first.pid} on" in said()
        second.join(0.2)
        assert second.is_alive()
        assert "second" not in said()
    second.join(20)
    assert (first.exitcode, second.exitcode) == (0, 0)
    assert said().count("waits for") == 1
    assert said().endswith("second\n")
    assert not FOLDER.exists()


def test_other_claims_are_not_waited_for():
    with holder():
        hold((TWO,), lambda: log("done"))
        assert said() == "done\n"


def test_two_readers_go_side_by_side_and_a_writer_waits_for_them():
    def inside():
        hold((THREE,), lambda: log("read"), reads=(ONE,))
        writer = waiting(work=lambda: log("written"))
        assert said().startswith("read\nwaits for some work")
        return writer

    writers = []
    hold((TWO,), lambda: writers.append(inside()), reads=(ONE,))
    writers[0].join(20)

    assert said().endswith("written\n")


def test_a_reader_waits_for_a_writer():
    with holder():
        second = waiting(claims=(TWO,), work=lambda: log("read"), reads=(ONE,))
    second.join(20)
    assert said().endswith("read\n")


def test_a_lease_names_in_order_what_it_claims_and_reads():
    told = "work", {"c", "a", "b"}, "noon", Process.this(), ("e", "d", "f")
    content = json.loads(lease_files.write(FOLDER, *told).read_text())
    assert (content["claims"], content["reads"]) == (["a", "b", "c"], ["d", "e", "f"])


@pytest.mark.parametrize("names", [("1", "2"), ("2", "1")])
def test_a_conflicting_lease_is_found_wherever_it_stands_among_others(names, monkeypatch):
    for name, claim in zip(names, (TWO, ONE), strict=True):
        monkeypatch.setattr(lease_files, "token_hex", lambda _, name=name: name)
        lease_files.write(FOLDER, f"work on {claim}", {claim.as_posix()}, "noon", Process.this())
    wanted = lease._WantedLease(FOLDER, "mine", {ONE}, set(), log)
    assert [other.work for other in wanted._conflicting_leases()] == ["work on out/one"]


def work_alone(number, claims):
    """Work several times, each time with the claims marked as taken."""
    chance = random.Random(number)

    def work():
        for claim in claims:
            os.close(os.open(claim, os.O_CREAT | os.O_EXCL))
        time.sleep(chance.uniform(0, 0.003))
        for claim in claims:
            claim.unlink()

    for _ in range(12):
        hold(claims, work)


def test_of_many_processes_none_works_on_what_another_works_on():
    claims = [Path(name) for name in "abc"]
    chosen = [claims[:2], claims[1:], [claims[2], claims[0]], claims]
    processes = [start(work_alone, i, some) for i, some in enumerate(chosen)]
    for process in processes:
        process.join(120)

    assert [process.exitcode for process in processes] == [0] * len(chosen)
    assert not FOLDER.exists()


def test_two_threads_of_one_process_wait_for_each_other():
    busy = threading.Lock()

    def work():
        assert busy.acquire(blocking=False)
        time.sleep(0.01)
        busy.release()

    done = []
    threads = [threading.Thread(target=lambda: done.append(hold(work=work))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(done) == 3
    assert "takes over" not in said()


def test_a_lease_that_another_thread_removes_just_now_is_not_taken_for_one_left_behind(monkeypatch):
    path = lease_files.write(FOLDER, "some work", {ONE.as_posix()}, "noon", Process.this())
    (seen,) = lease_files.read_all(FOLDER)
    unlink, verdicts = Path.unlink, []

    def judged_before_and_after(path, **options):
        verdicts.append(seen.is_left_behind)
        unlink(path, **options)
        verdicts.append(seen.is_left_behind)

    monkeypatch.setattr(Path, "unlink", judged_before_and_after)
    lease_files.remove(path)
    verdicts.append(seen.is_left_behind)

    assert verdicts == [False] * 3
    assert not FOLDER.exists()


def test_a_lease_is_not_left_behind_where_the_look_for_others_fails(monkeypatch):
    def look(folder):
        if folder.exists():
            raise UserError("the disk is gone")
        return []

    monkeypatch.setattr(lease_files, "read_all", look)
    with pytest.raises(UserError, match="the disk is gone"):
        hold()
    assert not FOLDER.exists()


def test_a_lease_is_not_left_behind_where_its_heartbeat_cannot_start(monkeypatch):
    def refused(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(RuntimeError, match="new thread"):
        hold()
    assert not FOLDER.exists()


def test_a_lease_that_could_not_be_written_to_its_end_is_removed(monkeypatch):
    def full(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(lease_files.json_files, "sealed", full)
    with pytest.raises(UserError, match=r"\.json could not be written: no space left"):
        hold()
    assert not FOLDER.exists()


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGUSR2, EXIT_AGAIN)],
)
def test_a_signal_ends_the_waiting_and_the_holder_notices_nothing(number, status):
    with holder() as first:
        second = waiting()
        os.kill(second.pid, number)
        second.join(20)
        assert second.exitcode == status
        assert f"{number.name}: waits no longer, ends" in said()
        assert ("; the same command goes on from here" in said()) == (number == signal.SIGINT)
        assert len(list(FOLDER.iterdir())) == 1
    assert first.exitcode == 0
    assert not FOLDER.exists()


def test_a_warning_of_slurm_while_waiting_queues_the_job_again(monkeypatch):
    program = Path("scontrol").absolute()
    program.write_text(f'#!/bin/sh\necho "$@" > {program.parent}/asked\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    with holder():
        monkeypatch.setenv("SLURM_JOB_ID", "4711")
        second = waiting()
        os.kill(second.pid, signal.SIGUSR2)
        second.join(20)
        assert Path("asked").read_text() == "requeue 4711\n"
        assert second.exitcode == EXIT_AGAIN, "this scontrol refuses"


def test_a_folder_of_leases_that_is_none_is_named():
    FOLDER.parent.mkdir(parents=True)
    FOLDER.write_text("a file in the way")
    with pytest.raises(UserError, match=r"\.leases could not be read: not a directory; free"):
        hold()


def test_a_folder_that_others_remove_at_any_moment_is_made_again():
    FOLDER.mkdir(parents=True)
    end = threading.Event()

    def remove():
        while not end.is_set():
            with suppress(OSError):
                FOLDER.rmdir()
            time.sleep(0.0005)

    remover = threading.Thread(target=remove)
    remover.start()
    try:
        for _ in range(100):
            hold()
    finally:
        end.set()
        remover.join()
