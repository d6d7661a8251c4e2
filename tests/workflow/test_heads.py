"""Two Snakemakes at once, one that was killed, and param-files that change under one at work."""

import os
import re
import signal

import pytest
from toy_runs import wait_for
from workflow_project import jobs

ONE, TWO = "tiny/stripes/one", "tiny/stripes/two"
CHOSEN = ("runs", "--config", f"runs={ONE}")


NOTED = """\
    import os, time
    with open("trained", "a") as file:
        file.write(f"{summary['seed']}\\n")
    while not os.path.exists("go"):
        time.sleep(0.05)
"""


@pytest.fixture
def slow(project):
    """A project with runs to be trained again; each is noted, and held until ``go`` is made."""
    for run in (ONE, TWO):
        project.edit(f"param-files/{run}.yaml", "epochs: 2", "epochs: 3")
    saves = "    packed = {name: value.detach()"
    project.edit("src/isotrope/packs/store.py", saves, NOTED + saves)
    return project


def log(project, run=ONE):
    """What the job has said; a head that plans it removes the log at any moment."""
    try:
        return project.path(f"out/runs/{run}/base/seeds-1-2/train.log").read_text()
    except FileNotFoundError:
        return ""


def trains(project, run=ONE):
    return "epoch 1 of 3" in log(project, run)


def waits(project, run=ONE):
    return "waits for the training" in log(project, run)


def go_on(project):
    project.path("go").touch()


def trained(project):
    """The seeds in the order in which they were trained."""
    return project.path("trained").read_text().split()


def nothing_left(project):
    hidden = [path.name for path in project.path("out").rglob(".*")]
    return set(hidden) <= {".seeds", ".evaluations", ".code", ".sums"}


def test_a_second_head_is_refused_and_without_snakemakes_lock_trains_nothing_twice(slow):
    head = ("snakemake", "--cores", "1")
    with slow.started(*head, *CHOSEN) as first:
        wait_for(lambda: trains(slow), 300)
        refused = slow.snakemake(*CHOSEN)
        assert refused.returncode == 1
        assert "Start with `isotrope start` in the place of `snakemake`" in refused.stdout
        named = slow.run("isotrope", "start", *head[1:], *CHOSEN)
        assert named.returncode == 2
        assert re.match(r"Snakemake: process \d+ on .* is at work in this folder", named.stdout)

        with slow.started(*head, "--nolock", *CHOSEN) as second:
            wait_for(lambda: waits(slow), 300)
            go_on(slow)
            assert second.wait(300) == 0, second.said()
        assert first.wait(300) == 0, first.said()

    assert trained(slow) == ["1", "2"]
    assert "0 to train, 2 are finished" in log(slow)
    assert nothing_left(slow)


def test_after_a_killed_head_the_next_finds_its_jobs_and_trains_nothing_twice(slow):
    with slow.started("snakemake", "--cores", "1", *CHOSEN) as first:
        wait_for(lambda: trains(slow), 300)
        os.kill(first.pid, signal.SIGKILL)  # its training runs on
        first.wait()
        with slow.started("isotrope", "start", "--cores", "1", *CHOSEN) as second:
            wait_for(lambda: waits(slow), 300)
            go_on(slow)
            assert second.wait(300) == 0, second.said()
            said = second.said()

    assert "a Snakemake was killed here; removes its lock" in said
    assert jobs(said) == {"train": 1, "runs": 1}
    assert trained(slow) == ["1", "2"]
    assert "0 to train, 2 are finished" in log(slow)
    assert nothing_left(slow)


def test_what_becomes_of_param_files_in_mid_run_is_the_affair_of_their_runs_and_of_the_next_head(
    slow,
):
    tables = ("out/tables/scale/accuracy.csv", "--config", f"runs={ONE}")
    with slow.started("snakemake", "--cores", "1", *tables) as head:
        wait_for(lambda: trains(slow), 300)
        slow.path("param-files/tiny/stripes/three.yaml").write_bytes(b"\xff\xfe")
        slow.edit(f"param-files/{TWO}.yaml", "epochs: 3", "epoch: 3")
        go_on(slow)
        assert head.wait(300) == 0, head.said()

    assert trained(slow) == ["1", "2"]
    mistake = f"{TWO}.yaml:7:3: training.epoch: unknown key; did you mean 'epochs'?"
    its_job = slow.run("isotrope", "train", f"param-files/{TWO}.yaml", ISOTROPE_PLANNED="1")
    next_head = slow.snakemake("-n", "runs")
    assert its_job.returncode == next_head.returncode == 2
    assert mistake in its_job.stdout
    assert mistake in next_head.stdout
    assert "three.yaml: not UTF-8 text" not in its_job.stdout
    assert "three.yaml: not UTF-8 text" in next_head.stdout
    slow.edit(f"param-files/{TWO}.yaml", "epoch: 3", "epochs: 4")
    its_job = slow.run("isotrope", "train", f"param-files/{TWO}.yaml", ISOTROPE_PLANNED="1")
    assert its_job.returncode == 2
    assert f"{TWO}.yaml has changed since Snakemake planned this job" in its_job.stdout
