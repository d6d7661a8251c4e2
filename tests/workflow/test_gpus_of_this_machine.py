"""profiles/default where a bare `snakemake` uses the GPUs of this machine; the GPUs are made up."""

import glob
from pathlib import Path

import pytest
import yte

PROFILE = Path(__file__).resolve().parents[2] / "profiles" / "default" / "config.yaml"


@pytest.fixture
def machine(monkeypatch):
    """Sets how many GPUs there are, and variables of the environment; gives the profile."""

    def profile(gpus, **environment):
        files = [f"/dev/nvidia{number}" for number in range(gpus)]
        monkeypatch.setattr(glob, "glob", lambda pattern: files if "nvidia" in pattern else [])
        monkeypatch.setattr("sys.argv", ["snakemake", "-n"])
        for name in ("CUDA_VISIBLE_DEVICES", "ISOTROPE_JOBS_PER_CARD", "SNAKEMAKE_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return yte.process_yaml(PROFILE.read_text(encoding="utf-8"))

    return profile


@pytest.mark.parametrize(
    ("gpus", "environment", "resources"),
    [
        (0, {}, None),
        (1, {}, ["gpu=1"]),
        (4, {}, ["gpu=4"]),
        (4, {"ISOTROPE_JOBS_PER_CARD": "2"}, ["gpu=8"]),
        (4, {"CUDA_VISIBLE_DEVICES": "2, 3"}, ["gpu=2"]),
        (4, {"CUDA_VISIBLE_DEVICES": "MIG-8e/1/0", "ISOTROPE_JOBS_PER_CARD": "3"}, ["gpu=3"]),
        (4, {"CUDA_VISIBLE_DEVICES": ""}, None),
        (4, {"CUDA_VISIBLE_DEVICES": "-1"}, None),
        (0, {"ISOTROPE_JOBS_PER_CARD": "2"}, None),
        (4, {"ISOTROPE_JOBS_PER_CARD": "two"}, ["gpu=4"]),
        (4, {"ISOTROPE_JOBS_PER_CARD": "0"}, ["gpu=4"]),
    ],
)
def test_as_many_jobs_as_there_are_places_on_gpus(machine, gpus, environment, resources):
    assert machine(gpus, **environment).get("resources") == resources


@pytest.mark.parametrize("visible", ["", "0", "0,1,2,3"])
def test_a_run_that_asks_for_four_gpus_is_planned_wherever_it_is(empty_project, visible):
    empty_project.add("tiny/stripes/one", **{"gpu: 0": "gpu: 4"})
    assert empty_project.planned("runs", CUDA_VISIBLE_DEVICES=visible)["train"] == 1


def test_jobs_of_the_workflow_claim_gpus(empty_project, tmp_path):
    for run in ("tiny/stripes/one", "tiny/stripes/two"):
        empty_project.add(run, **{"gpu: 0": "gpu: 1"})

    empty_project.make("runs", CUDA_VISIBLE_DEVICES="0,1", TMPDIR=str(tmp_path))

    for run in ("one", "two"):
        log = empty_project.path(f"out/runs/tiny/stripes/{run}/base/seeds-1-2/train.log")
        assert " of 0, 1\n" in log.read_text(encoding="utf-8")
