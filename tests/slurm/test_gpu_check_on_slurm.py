"""What `make test-gpu-slurm` runs, on a real SLURM."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from on_slurm import Project, jobs_of

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.slurm,
    pytest.mark.usefixtures("cluster"),
    pytest.mark.timeout(600),
]


def test_the_check_of_a_gpu_is_one_job_where_trainings_go(project: Project) -> None:
    shutil.copytree(ROOT / "benchmarks", project.folder / "benchmarks")
    words = "--device cpu --quick --models standard --only float64"
    checked = replace(project, environment={"ARGS": words})

    status, said = checked.snakemake("--snakefile", "benchmarks/gpu.smk", "--retries", "0")

    assert status == 0, said[-5000:]
    (job,) = jobs_of(said)
    assert (job.partition, job.state) == ("gpu", "COMPLETED")
    assert "gres/gpu=1" in job.resources.split(",")
    log = (project.folder / "out" / "gpu" / "gpu.log").read_text(encoding="utf-8")
    assert "ok float64" in log
