"""Processes that hold and want leases, with little patience, for tests."""

import multiprocessing
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from toy_runs import start, wait_for

from isotrope import paths
from isotrope.packs import lease, lease_files
from isotrope.processes.process import Process

RUN, LOG = "toy/toy/plain", Path("log")
FOLDER = paths.leases(RUN)
ONE, TWO, THREE = Path("out/one"), Path("out/two"), Path("out/three")
FOREVER = 1e9


@pytest.fixture
def quick(tmp_path, monkeypatch):
    """An empty working directory, and leases that are looked at often and never stale."""
    monkeypatch.chdir(tmp_path)
    for name in ("SLURM_JOB_ID", "SLURM_CLUSTER_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.02)
    monkeypatch.setattr(lease, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(lease, "STALE_SECONDS", FOREVER)
    yield
    for process in multiprocessing.active_children():
        process.kill()
        process.join()


def log(line):
    with LOG.open("a") as file:
        file.write(f"{line}\n")


def said():
    return LOG.read_text() if LOG.exists() else ""


def hold(claims=(ONE,), work=lambda: None, reads=()):
    lease.hold(RUN, "some work", claims, work, log, reads=reads)


def hold_until(end, begun=Path("begun"), claims=(ONE,)):
    """Hold a lease until a file appears."""

    def work():
        begun.touch()
        wait_for(end.exists, 60)

    hold(claims, work)


@contextmanager
def holder(**options):
    """A process that holds a lease until the block ends, if it still can."""
    process = start(lambda: hold_until(Path("end"), **options))
    wait_for(options.get("begun", Path("begun")).exists)
    try:
        yield process
    finally:
        Path("end").touch()
        process.join(20)
        assert process.exitcode is not None


def waiting(**options):
    """A process that waits for a lease, once it says so."""
    process = start(lambda: hold(**options))
    wait_for(lambda: "waits for" in said())
    return process


def elsewhere(**changes):
    """A lease whose holder is on another machine."""
    process = replace(Process.this(), host="gpu1", machine="another", **changes)
    return lease_files.write(FOLDER, "other work", {ONE.as_posix()}, "noon", process)
