"""The workflow on a real SLURM, through profiles/slurm as it is shipped."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml
from on_slurm import Project, jobs_of, slurm, wait_for

from isotrope import paths

CLUSTER = Path(__file__).with_name("cluster")
pytestmark = [
    pytest.mark.slurm,
    pytest.mark.usefixtures("cluster"),
    pytest.mark.timeout(3600),
]


@pytest.fixture(scope="module")
def demo(project: Project) -> str:
    """What Snakemake said of the demo, which went well."""
    status, said = project.snakemake("--config", "series=demo", "studies=scale")
    assert status == 0, said[-5000:]
    return said


def test_all_of_the_demo_that_reads_images_or_trains_was_one_slurm_job_each(demo: str) -> None:
    planned = dict(
        re.findall(r"^(build_dataset|sample_datasets|train|evaluate) +(\d+)$", demo, re.MULTILINE)
    )

    jobs = jobs_of(demo)

    counted = Counter(job.rule for job in jobs)
    assert {rule: str(count) for rule, count in counted.items()} == planned
    assert {job.state for job in jobs} == {"COMPLETED"}


def test_gpus_were_given_to_those_that_ask_for_them_where_the_profile_says(demo: str) -> None:
    for job in jobs_of(demo):
        asks = job.rule in ("train", "evaluate")
        assert ("gres/gpu=1" in job.resources.split(",")) == asks, job
        assert job.partition == ("gpu" if asks else "cpu"), job


def test_the_demo_leaves_tables_figures_and_a_report(demo: str, project: Project) -> None:
    out = project.folder / "out"
    tables = {path.name for path in (out / "tables/scale-demo").glob("*.csv")}
    figures = {
        path.suffix for path in (out / "figures/scale-demo").iterdir() if path.stat().st_size
    }

    assert tables >= {"runs.csv", "accuracy.csv", "scale_generalization.csv"}
    assert figures >= {".svg", ".pdf", ".csv"}
    assert (out / "report.html").stat().st_size > 100_000


def test_a_second_start_finds_nothing_to_do(demo: str, project: Project) -> None:
    status, said = project.snakemake("--config", "series=demo", "studies=scale")

    assert status == 0, said[-5000:]
    assert "Nothing to be done" in said
    assert not jobs_of(said)


class Pack:
    """A pack of two seeds, to be interrupted after the first epoch of the first."""

    def __init__(self, project: Project, variant: str) -> None:
        demo = project.folder / "param-files/standard/stir_emoji/demo.yaml"
        settings = yaml.safe_load(demo.read_text("utf-8"))
        settings |= {"series": "own", "seeds": "1-2"}
        settings["training"] |= {"epochs": 4}
        settings["resources"] |= {"seeds_per_job": 2}
        demo.with_stem(variant).write_text(yaml.safe_dump(settings), "utf-8")
        self.comment = f"rule_train_wildcards_standard_stir_emoji_{variant}_base_1-2"
        folder = paths.pack_folder(f"standard/stir_emoji/{variant}", "base", "1-2")
        self.folder = project.folder / folder
        self.target = str(folder / "weights.safetensors")

    def job(self) -> str:
        """Its SLURM job, once an epoch is done."""
        log = self.folder / "train.log"
        wait_for(lambda: log.exists() and "epoch 1 of 4" in log.read_text(), "an epoch", 300)
        running = slurm("squeue", "-h", "-t", "RUNNING", "-o", "%i %k").splitlines()
        return next(line.split()[0] for line in running if line.endswith(self.comment))

    def resumed(self) -> list[int]:
        """How often each seed was taken up again."""
        summary = json.loads((self.folder / "run.json").read_text("utf-8"))
        return [seed["resumed"] for seed in summary["seeds"]]


def test_a_cancelled_training_is_a_failed_job_and_the_next_start_goes_on(project: Project) -> None:
    pack = Pack(project, "cancelled")

    with project.started("--retries", "0", "--", pack.target) as head:
        slurm("scancel", pack.job())
        said, _ = head.communicate()

    assert head.returncode == 1
    assert "SLURM status is: 'CANCELLED'" in said
    assert [job.state for job in jobs_of(said) if job.rule == "train"] == ["CANCELLED"]
    assert not (project.folder / pack.target).exists()

    status, said = project.snakemake("--", pack.target)

    assert status == 0, said[-5000:]
    assert pack.resumed() == [1, 0]


def test_a_preempted_training_saves_and_requeues_itself_unnoticed(project: Project) -> None:
    pack = Pack(project, "preempted")

    with project.started("--slurm-keep-successful-logs", "--", pack.target) as head:
        job = pack.job()
        urgent = ("sbatch", "-p", "gpu-urgent", "--nodes=2", "--gres=gpu:2", "--wrap=true")
        slurm(*urgent, "--output=/dev/null")
        requeued = ("squeue", "-h", "-j", job, "-t", "PENDING", "-o", "%r")
        wait_for(lambda: "BeginTime" in slurm(*requeued), f"the requeue of job {job}", 60)
        slurm(str(CLUSTER), "release")
        said, _ = head.communicate()

    assert head.returncode == 0, said[-5000:]
    assert [one.number for one in jobs_of(said) if one.rule == "train"] == [job]
    assert pack.resumed() == [1, 0]
    # the Snakemake around the program would have died of the signal that the program acts on
    [log] = project.folder.glob(f".snakemake/slurm_logs/rule_train/*/{job}.log")
    assert "DUE TO JOB REQUEUE" in log.read_text("utf-8")
    assert "User defined signal" not in log.read_text("utf-8")
