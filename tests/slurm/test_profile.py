"""profiles/slurm where there is no cluster."""

import os
import re
import subprocess
from pathlib import Path
from shutil import which

import pytest
import yaml
import yte
from on_slurm import SNAKEMAKE, Project

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
