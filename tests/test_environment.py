"""`make env WITHOUT_CUDA=1`: all of the lock file but what is built for CUDA."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "envs/requirements.txt").read_text(encoding="utf-8")
LARGE = ("nvidia-", "cuda-", "torch==", "torchvision==", "triton==")


@pytest.fixture
def folder(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "envs", tmp_path / "envs")
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / ".venv").mkdir()
    return tmp_path


def steps(folder, *words):
    """What make would do."""
    command = ["make", "--dry-run", "UV=uv", "env", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def packages(text):
    return re.findall(r"^[a-z].*?==", text, re.MULTILINE)


def test_without_cuda_the_rest_of_the_lock_file_is_installed_with_its_hashes(folder):
    said = steps(folder, "WITHOUT_CUDA=1")
    (line,) = re.findall(r"^awk .*$", said, re.MULTILINE)
    subprocess.run(["bash", "-c", line], cwd=folder, check=True)
    kept = (folder / ".venv/without-cuda.txt").read_text()
    left_out = set(packages(LOCK)) - set(packages(kept))
    assert all(name.startswith(LARGE) for name in left_out)
    assert {"torch==", "torchvision==", "triton==", "nvidia-nccl-cu13=="} <= left_out
    assert not any(name.startswith(LARGE) for name in packages(kept))
    assert {"numpy==", "snakemake=="} <= set(packages(kept))
    blocks = re.split(r"^(?=[a-z])", kept, flags=re.MULTILINE)[1:]
    assert blocks
    assert all(block in LOCK and "--hash=sha256:" in block for block in blocks)
    assert "--require-hashes .venv/without-cuda.txt" in said
    versions = re.findall(r"^(torch==\S+|torchvision==\S+)", LOCK, re.MULTILINE)
    assert f"--no-deps --torch-backend cpu \\\n\t{' '.join(versions)}\n" in said


def test_the_choice_is_kept_and_nobody_has_it_unasked(folder):
    assert "--require-hashes envs/requirements.txt" in steps(folder)
    assert "--torch-backend" not in steps(folder)
    (folder / ".venv/without-cuda.txt").touch()
    assert "--torch-backend cpu" in steps(folder)
