"""Files where folders should be, and the reverse: one sentence and status 2."""

import subprocess
import sys

import pytest

from isotrope.errors import of_the_system


@pytest.mark.parametrize(
    ("kind", "mendable"),
    [
        (IsADirectoryError, True),
        (NotADirectoryError, True),
        (FileExistsError, True),
        (PermissionError, True),
        (FileNotFoundError, False),
        (OSError, False),
    ],
)
def test_what_a_user_can_mend_is_a_sentence(kind, mendable):
    found = of_the_system(kind(5, "In the way", "out/x"))
    assert (found is not None) is mendable
    assert not mendable or found.sentences == (
        "out/x: in the way; move it away, or give permission, and start again",
    )
    assert of_the_system(kind("no file is named")) is None


def test_a_command_says_one_sentence_and_ends_with_status_2(tmp_path):
    (tmp_path / "out").write_text("no folder")
    (tmp_path / "param-files").mkdir()
    command = [sys.executable, "-m", "isotrope.cli", "collect", "scale"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
