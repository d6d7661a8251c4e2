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


def test_names_that_are_too_long_or_lead_in_a_circle_are_said(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(link)
    for path, said in (
        (tmp_path / ("a" * 300), "too long for a name of a file; give a shorter one"),
        (link, "is a link that leads to itself; remove it"),
    ):
        with pytest.raises(OSError, match=r".") as error:
            path.read_text()
        assert of_the_system(error.value).sentences == (f"{path}: {said}",)


def test_a_command_says_one_sentence_and_ends_with_status_2(tmp_path):
    (tmp_path / "out").write_text("no folder")
    (tmp_path / "param-files").mkdir()
    command = [sys.executable, "-m", "isotrope.cli", "collect", "scale"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
