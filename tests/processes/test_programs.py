"""Programs of this environment are found first, however its folder is called."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from isotrope.processes.programs import find_own_programs


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
