"""Job arrays of `isotrope submit` on a real SLURM: preempted, queued again, chosen, done."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from on_slurm import Project, slurm, wait_for

CLUSTER = Path(__file__).with_name("cluster")
RUN = "standard/stir_emoji/submitted"
RATES = ("learning_rate=0.001", "learning_rate=1e-09")
pytestmark = [
    pytest.mark.slurm,
    pytest.mark.usefixtures("cluster"),
    pytest.mark.timeout(1800),
]


def add_run(project: Project) -> None:
    """A sweep of two candidates, of one seed and some epochs each, that ask for a GPU."""
    demo = project.folder / "param-files/standard/stir_emoji/demo.yaml"
    settings = yaml.safe_load(demo.read_text("utf-8"))
    settings |= {"series": "own", "seeds": [1], "evaluations": ["accuracy"]}
    settings |= {"select": {"seeds": [1]}}
    settings |= {"sweep": {"training.optimizer.learning_rate": [1.0e-3, 1.0e-9]}}
    settings["training"] |= {"epochs": 6}
    settings["resources"] |= {"seeds_per_job": 1}
    demo.with_stem("submitted").write_text(yaml.safe_dump(settings), "utf-8")


def test_a_preempted_array_goes_on_task_by_task_and_its_choice_follows(project: Project) -> None:
    add_run(project)
    words = ("submit", RUN, "--partition", "gpu", "--account", "isotrope", "--wait")
    logs = [project.folder / f"out/runs/{RUN}/{rate}/seeds-1-1/train.log" for rate in RATES]
    submitted = subprocess.Popen(
        [sys.executable, "-m", "isotrope.cli", *words],
        cwd=project.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    def begun() -> bool:
        if submitted.poll() is not None:
            pytest.fail(submitted.communicate()[0])
        return all(log.exists() and "epoch 1 of 6" in log.read_text("utf-8") for log in logs)

    wait_for(begun, "an epoch of both tasks", 600)
    urgent = ("sbatch", "-p", "gpu-urgent", "--nodes=2", "--gres=gpu:2", "--wrap=true")
    slurm(*urgent, "--output=/dev/null")
    array = ("squeue", "-h", "-r", "-t", "PENDING", "-n", "isotrope_submit", "-o", "%F %K %r")
    wait_for(lambda: slurm(*array).count("BeginTime") == 2, "both tasks in the queue again", 120)
    number = slurm(*array).split()[0]
    slurm(str(CLUSTER), "release")
    said, _ = submitted.communicate(timeout=900)

    assert submitted.returncode == 0, said
    sent = dict(re.findall(r"^sent .*, (\S+), seeds 1 as job (\S+)$", said, re.MULTILINE))
    assert [sent[rate] for rate in RATES] == [f"{number}_0", f"{number}_1"]
    assert "_" not in sent["selected"]
    assert said.count(" of 3 done: ") == 3
    for log in logs:
        assert log.read_text("utf-8").count("goes on in epoch") == 1
        (seed,) = json.loads(log.with_name("run.json").read_text("utf-8"))["seeds"]
        assert seed["resumed"] == 1
    status, plan = project.snakemake("-n", "--config", f"runs={RUN}", "--", "evaluations")
    assert (status, "Nothing to be done" in plan) == (0, True), plan[-3000:]
