"""Programs of this environment are found first, however its folder is called."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from isotrope.processes.programs import command_to_install, find_own_programs


def test_a_shell_finds_the_programs_beside_this_python(tmp_path, monkeypatch):
    folder = tmp_path / 'it\'s a "test" $(touch x)'
    folder.mkdir()
    program = folder / "isotrope"
    program.write_text("#!/bin/sh\necho mine\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setenv("PATH", os.environ["PATH"])

    find_own_programs()

    assert shutil.which("isotrope") == str(program)
    said = subprocess.run("isotrope", shell=True, text=True, capture_output=True, check=True)
    assert said.stdout == "mine\n"
    assert not Path("x").exists()


def test_without_a_path_there_is_one(monkeypatch):
    monkeypatch.delenv("PATH")
    find_own_programs()
    assert os.environ["PATH"] == str(Path(sys.executable).parent)


@pytest.mark.parametrize(
    ("pip", "uv", "own", "expected"),
    [
        (False, False, True, ".uv/bin/uv pip install --python .venv/bin/python h5py a==1"),
        (False, True, True, "uv pip install --python .venv/bin/python h5py a==1"),
        (True, True, False, "/opt/bin/python -m pip install h5py a==1"),
    ],
)
def test_packages_are_installed_by_what_is_there_for_this_python(
    tmp_path, monkeypatch, pip, uv, own, expected
):
    monkeypatch.chdir(tmp_path)
    python = tmp_path / ".venv/bin/python" if own else Path("/opt/bin/python")
    monkeypatch.setattr(sys, "executable", str(python))
    packages = tmp_path / "site-packages"
    installed = packages / "pip-26.0.dist-info" if pip else packages
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: pip\nVersion: 26.0\n")
    monkeypatch.setattr(sys, "path", [str(packages)])
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/uv" if uv else None)
    assert command_to_install("h5py", "a==1") == expected


def test_what_compiles_networks_can_be_imported_after_it():
    pytest.importorskip("setuptools")  # which PyTorch takes where it compiles for CPUs
    program = (
        "from isotrope.processes.programs import command_to_install\n"
        "command_to_install('h5py')\n"
        "import setuptools"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
