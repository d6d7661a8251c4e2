"""profiles/slurm where there is no cluster."""

import os
import re
import signal
import subprocess
from pathlib import Path
from shutil import which

import pytest
import yaml
import yte
from on_slurm import SNAKEMAKE, Project

from isotrope.processes import signals

ROOT = Path(__file__).resolve().parents[2]


def profile(name: str) -> dict[str, object]:
    """A profile as Snakemake reads it, with the words of the command line."""
    text = (ROOT / "profiles" / name / "config.yaml").read_text("utf-8")
    found = yte.process_yaml(text) if "__use_yte__" in text else yaml.safe_load(text)
    return {key: value for key, value in found.items() if key != "__use_yte__"}


def test_the_default_profile_changes_nothing_in_that_of_the_cluster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Snakemake reads profiles/default beside --profile profiles/slurm, and takes its word first
    monkeypatch.setattr("sys.argv", ["snakemake", "--profile=profiles/slurm"])

    assert profile("default").items() <= profile("slurm").items()


def test_without_a_profile_this_machine_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["snakemake", "-n"])
    monkeypatch.delenv("SNAKEMAKE_PROFILE", raising=False)

    assert profile("default")["cores"] == "all"


def test_every_key_of_the_cluster_profile_is_explained() -> None:
    text = (ROOT / "profiles" / "README.md").read_text("utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]

    assert [key for key in profile("slurm") if not any(f"`{key}`" in row for row in rows)] == []


def test_no_rule_knows_a_partition_or_an_account() -> None:
    for path in [ROOT / "Snakefile", *(ROOT / "workflow").rglob("*.smk")]:
        assert "slurm_" not in path.read_text("utf-8"), path


def test_every_rule_that_asks_for_gpus_goes_to_the_partition_that_has_them() -> None:
    text = "".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    rules = re.split(r"^ *rule (?=\w+:$)", text, flags=re.MULTILINE)[1:]
    asking = {rule.partition(":")[0] for rule in rules if re.search(r"^ +gpu=", rule, re.MULTILINE)}
    sent = profile("slurm")["set-resources"]

    assert asking == {"train", "evaluate", "evaluate_alone", "evaluate_run"}
    assert {rule: sent[rule]["slurm_partition"] for rule in asking} == dict.fromkeys(asking, "gpu")
    assert all("--open-mode=append" in sent[rule]["slurm_extra"] for rule in asking)


def test_a_job_hears_of_its_end_by_a_signal_that_training_knows_and_snakemake_does_not() -> None:
    found = profile("slurm")
    sent = re.search(r"--signal=(\w+)@(\d+)", found["set-resources"]["train"]["slurm_extra"])
    assert sent is not None
    name, seconds = sent.groups()

    assert getattr(signal, f"SIG{name}") in signals._WARNINGS
    assert int(seconds) >= 60  # to save in
    assert name in re.fullmatch(r"trap '' ([A-Z0-9 ]+)", found["precommand"])[1].split()
    common = (ROOT / "workflow" / "rules" / "common.smk").read_text("utf-8")
    ignored = re.search(r"for warning in \((.*)\):\n    signal.signal\(warning, ", common)[1]
    assert f"signal.SIG{name}" in ignored.split(", ")


def test_slurm_starts_a_job_again_and_snakemake_only_what_failed() -> None:
    found = profile("slurm")

    assert found["slurm-requeue"] is True
    assert found["retries"] > 0
    assert found["keep-going"] is True
    assert found["slurm-status-command"] == "squeue"  # sacct waits for ever for a cancelled job
    for name in ("default", "slurm"):
        assert profile(name)["rerun-triggers"] == ["mtime", "params", "input"]
        assert profile(name)["rerun-incomplete"] is True
    assert found["config"] == {"series": "demo,own"}, "a paper is made when it is named"


def test_the_check_of_a_gpu_goes_where_the_profile_sends_trainings() -> None:
    rule = re.findall(r"^rule (\w+):", (ROOT / "benchmarks" / "gpu.smk").read_text(), re.MULTILINE)

    assert profile("slurm")["set-resources"][rule[0]]["slurm_partition"] == "gpu"
    assert len(rule) == 1


def test_the_cluster_profile_plans_on_a_machine_without_slurm(
    project: Project, tmp_path: Path
) -> None:
    for command in ("bash", "sh", "env", "git", "which"):
        (tmp_path / command).symlink_to(which(command) or command)

    planned = subprocess.run(
        [*SNAKEMAKE, "--dry-run"],
        cwd=project.folder,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert "build_dataset" in planned.stdout + planned.stderr
