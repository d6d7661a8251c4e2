"""profiles/slurm where there is no cluster."""

import os
import subprocess
from pathlib import Path
from shutil import which

import yaml
from on_slurm import SNAKEMAKE, Project

ROOT = Path(__file__).resolve().parents[2]


def test_the_default_profile_changes_nothing_in_that_of_the_cluster() -> None:
    # Snakemake reads profiles/default beside --profile profiles/slurm, and takes its word first
    default, cluster = (
        yaml.safe_load((ROOT / "profiles" / name / "config.yaml").read_text("utf-8"))
        for name in ("default", "slurm")
    )

    assert default.items() <= cluster.items()


def test_no_rule_knows_a_partition_or_an_account() -> None:
    for path in [ROOT / "Snakefile", *(ROOT / "workflow").rglob("*.smk")]:
        assert "slurm_" not in path.read_text("utf-8"), path


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
