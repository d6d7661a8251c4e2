"""Runs that were submitted without the workflow, and what the workflow makes of them."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

NEW, SLOW = "tiny/stripes/new", "tiny/stripes/slow"
FILE = f"param-files/{NEW}.yaml"
OWN_JOB = "[accuracy, {name: confidence, resources: {runtime: 2m}}]"
SWEEP = """\
sweep: {training.optimizer.learning_rate: [1.0e-2, 1.0e-9]}
select: {seeds: 1, ties: last}

evaluations"""


def submit(project, *words, status=0):
    done = project.run("isotrope", "submit", *words)
    assert done.returncode == status, done.stdout
    return done.stdout


def pack(project, run, name="1-2", point="base"):
    return project.path(f"out/runs/{run}/{point}/seeds-{name}")


def kinds(planned):
    return set(planned) - {"runs", "evaluations"}


def test_submitted_runs_are_done_for_snakemake_which_notices_a_later_change(project):
    project.add(NEW, channels=5, **{"[accuracy]": OWN_JOB})
    said = submit(project, FILE, "tiny/stripes/one", "--executor", "local")

    assert "1 pack is finished already" in said
    assert f"1 of 1 done: {NEW}, base, seeds 1-2: 2 done" in said
    noted = json.loads(project.path("out/asked.json").read_text())
    assert noted == sorted([NEW, "tiny/stripes/one", "tiny/stripes/two"])
    assert project.planned("evaluations") == {}
    assert "2 to train" in project.trained(NEW)
    log = pack(project, NEW).joinpath("evaluate.log").read_text()
    seeds = "2 seeds on 32 images of stripes, test\n"
    code = r"code [0-9a-f]{16}: \d+ modules as they are now\n"
    of_each = [f"{name}: {code}{name}: {seeds}" for name in ("accuracy", "confidence")]
    assert re.fullmatch("".join(of_each), log)
    rows = json.loads(project.run("isotrope", "status", "--json").stdout)
    assert {row["state"] for row in rows} == {"done"}
    project.edit(FILE, "epochs: 2", "epochs: 1")
    assert kinds(project.planned("evaluations")) == {"train", "evaluate", "evaluate_alone"}

    submit(project, NEW, "--executor", "debug")  # what snakemake knew is out of date

    assert project.planned("evaluations") == {}


def test_a_data_set_is_built_first_and_a_part_of_a_pack_is_completed_by_snakemake(empty_project):
    project = empty_project
    project.add(NEW)
    assert "would build the data set stripes" in submit(project, NEW, "--dry-run")
    assert not project.path("out/data").exists()

    said = submit(project, NEW, "--seeds", "2", "--executor", "debug")

    assert "building the data set stripes" in said
    folder = pack(project, NEW)
    assert [row.split(",")[3] for row in folder.joinpath("results.csv").open()] == ["seed", "2"]
    output = project.make("evaluations")
    assert "build_dataset" not in output
    assert "1 to train, 1 are finished" in project.trained(NEW)
    assert len(folder.joinpath("results.csv").read_text().splitlines()) == 3


def test_candidates_are_followed_by_the_choice_and_the_chosen_point(project):
    project.add(NEW, **{"seeds_per_job: 2": "seeds_per_job: 1"}, evaluations=SWEEP)

    said = submit(project, NEW, "--executor", "debug")

    done = re.findall(r"^\d of 4 done: .*, (\S+), seeds (\S+): ", said, re.MULTILINE)
    rates = ["learning_rate=0.01", "learning_rate=1e-09"]
    assert done == [(rates[0], "1"), (rates[1], "1"), ("selected", "1"), ("selected", "2")]
    made = json.loads(project.path(f"out/runs/{NEW}/choice.json").read_text())
    assert made["winner"] == rates[0]
    assert pack(project, NEW, "2-2", "selected").joinpath("results.csv").is_file()
    assert not pack(project, NEW, "1-1", rates[0]).joinpath("results.csv").exists()
    assert project.planned("evaluations", f"out/runs/{NEW}/choice.json") == {}
    project.edit(FILE, "ties: last", "ties: first")
    assert "choose" in project.planned("evaluations")


class Task:
    """A pack whose training takes a while, worked on by processes of this machine."""

    def __init__(self, project, *words):
        project.add(SLOW, **{"epochs: 2": "epochs: 600", "seeds: 1-2": "seeds: 1"})
        self.project, self.folder = project, pack(project, SLOW)
        self.log = self.folder / "train.log"
        words = words or ("-m", "isotrope.cli", "submit", SLOW, "--executor", "local")
        self.process = subprocess.Popen(
            [sys.executable, *words],
            cwd=project.folder,
            env={**os.environ, "PYTHONPATH": str(project.path("src"))},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.wait_for("epoch 3 of")

    def wait_for(self, words):
        for _ in range(1200):
            if self.log.exists() and words in self.log.read_text():
                return
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.05)
        pytest.fail(f"{self.log} does not come to say {words!r}")

    def signal(self, number):
        beat = json.loads(self.folder.joinpath(".heartbeat.json").read_text())
        os.kill(beat["pid"], number)

    def end(self):
        said, _ = self.process.communicate(timeout=200)
        return self.process.returncode, said


def test_a_task_that_is_warned_saves_is_queued_again_once_and_goes_on(project):
    task = Task(project)
    task.signal(signal.SIGUSR2)
    status, said = task.end()

    assert (status, said) == (0, f"1 of 1 done: {SLOW}, base, seeds 1: 1 done\n")
    log = task.log.read_text()
    assert log.count("SIGUSR2: saved") == log.count("goes on in epoch") == 1
    (seed,) = json.loads(task.folder.joinpath("run.json").read_text())["seeds"]
    assert seed["resumed"] == 1
    (kept,) = project.path("out/submitted/local").glob("gpu=0,*/*_0_log.out")
    assert kept.read_text().count("Requeued job") == 1
    assert project.planned("evaluations") == {}


TWO_PROCESSES = f"""
from submitit import LocalExecutor
from isotrope.cluster import submitting
(array,) = submitting.family(submitting.runs_of(["{SLOW}"]), None, None, None, True).arrays
executor = LocalExecutor("out/submitted/local/two")
executor.update_parameters(timeout_min=10, tasks_per_node=2)
job = executor.submit(array.packs[0])
print(job.job_id, flush=True)
print(job.results())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the processes of a process in /proc")
def test_two_processes_that_are_warned_go_on_together_and_the_first_writes(project):
    task = Task(project, "-c", TWO_PROCESSES)
    controller = task.process.stdout.readline().strip()
    both = Path(f"/proc/{controller}/task/{controller}/children").read_text().split()
    for process in both:
        os.kill(int(process), signal.SIGUSR2)
    status, said = task.end()

    assert (len(both), status, said) == (2, 0, "['1 done', '']\n")
    assert task.log.read_text().count("goes on in epoch") == 1
    assert "accuracy: 1 seeds" in task.log.with_name("evaluate.log").read_text()
    outputs = sorted(project.path("out/submitted/local/two").glob("*_log.out"))
    assert [path.read_text().count("Requeued job") for path in outputs] == [1, 0]
    assert all("local_rank" in path.read_text() for path in outputs)
    assert project.planned("evaluations") == {}


def test_a_param_file_that_changes_meanwhile_fails_the_task_and_snakemake_trains_it(project):
    task = Task(project)
    project.edit(f"param-files/{SLOW}.yaml", "epochs: 600", "epochs: 1")
    status, said = task.end()

    assert status == 1
    assert f"1 of 1 FAILED: {SLOW}, base, seeds 1: param-files/{SLOW}.yaml was changed" in said
    assert "its finished seeds are kept" in said
    assert kinds(project.planned("evaluations")) == {"train", "evaluate"}


def test_ctrl_c_saves_what_processes_of_this_machine_train(project):
    task = Task(project)
    os.killpg(task.process.pid, signal.SIGINT)
    status, _ = task.end()

    assert status in (1, 130)  # 1 where the end of the task is seen before the signal
    assert "saved, ends" in task.log.read_text().splitlines()[-1]
    assert list(task.folder.parent.joinpath(".resume").iterdir())
