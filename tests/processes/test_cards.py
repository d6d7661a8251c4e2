"""GPUs that processes claim; the GPUs are names, the processes and their locks are real."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from isotrope.errors import UserError
from isotrope.processes import cards

HOLD = """
import sys
from isotrope.processes import cards

def say(line):
    print(line, flush=True)

cards.LOOK_SECONDS = 0.05
names, places, wanted = sys.argv[1].split(), int(sys.argv[2]), int(sys.argv[3])
cards.claim(names, places, say, wanted)
import os
say(os.environ["CUDA_VISIBLE_DEVICES"])
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where the locks lie; the environment is set back afterwards."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for name in (cards.VISIBLE, "SLURM_JOB_ID"):
        monkeypatch.setenv(name, "any")  # so that it is set back, whatever the code does
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def holder():
    """Starts processes that claim GPUs and keep them; gives each and the lines that it says."""
    started = []

    def start(names, places=1, wanted=1):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, names, str(places), str(wanted)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def line(process):
    return process.stdout.readline().rstrip("\n")


@pytest.mark.parametrize(
    ("said", "names"),
    [
        (None, ["0", "1", "2"]),
        ("", []),
        ("3", ["3"]),
        (" 2, 0 ", ["2", "0"]),
        ("1,-1,2", ["1"]),
        ("GPU-5d,MIG-8e/1/0", ["GPU-5d", "MIG-8e/1/0"]),
    ],
)
def test_the_names_of_visible_gpus_are_read_as_cuda_reads_them(monkeypatch, said, names):
    if said is not None:
        monkeypatch.setenv(cards.VISIBLE, said)
    assert cards.visible(lambda: 3) == names


def test_each_process_takes_another_gpu_and_the_next_waits_for_the_first_that_ends(holder):
    first, second = holder("0 1"), holder("0 1")
    lines = {line(first), line(second)}
    assert lines == {"takes GPU 0 of 0, 1", "takes GPU 1 of 0, 1"}
    assert {line(first), line(second)} == {"0", "1"}

    third = holder("0 1")
    assert line(third) == "waits for a GPU: of 0, 1 too few are free (a job on each)"
    second.kill()
    second.wait()
    assert line(third).startswith("takes GPU ")
    assert line(third) in ("0", "1")


def test_places_on_one_gpu_are_taken_once_every_gpu_has_a_job(holder):
    taken = []
    for _ in range(4):
        process = holder("0 1", places=2)
        line(process)
        taken.append(line(process))
    assert taken == ["0", "1", "0", "1"]

    assert "(2 jobs on each)" in line(holder("0 1", places=2))


def test_whoever_needs_several_takes_them_at_once_or_none(holder):
    one = holder("0 1 2")
    assert line(one) == "takes GPU 0 of 0, 1, 2"
    all_three = holder("0 1 2", wanted=3)
    assert line(all_three).startswith("waits for a GPU")
    two = holder("0 1 2", wanted=2)
    waits = (said := line(two)).startswith("waits")  # it looked while the three were tried
    assert (line(two) if waits else said) == "takes GPU 1, 2 of 0, 1, 2"
    assert line(two) == "1,2"


def test_parts_of_a_gpu_are_claimed_by_their_names(holder):
    first, second = holder("MIG-8e/1/0 MIG-8e/2/0"), holder("MIG-8e/2/0 MIG-8e/1/0")
    for process in (first, second):
        line(process)
    assert {line(first), line(second)} == {"MIG-8e/1/0", "MIG-8e/2/0"}


def test_jobs_of_slurm_do_not_wait_for_each_other(holder, monkeypatch):
    for job in ("7", "8"):
        monkeypatch.setenv("SLURM_JOB_ID", job)
        assert line(holder("0 1")) == "takes GPU 0 of 0, 1"


@pytest.mark.parametrize("names", [[], ["3"]])
def test_where_there_is_no_choice_nothing_is_claimed(folder, names):
    cards.claim(names, 1, pytest.fail)
    assert cards.VISIBLE not in os.environ
    assert not list(folder.iterdir())


def test_a_program_that_replaces_the_process_keeps_what_is_to_be_inherited(folder):
    code = (
        "import os; from isotrope.processes import cards; "
        "cards.claim(['0', '1'], 1, print, 2, inherited=True); "
        "os.execvp('sleep', ['sleep', '60'])"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while b"sleep" not in cmdline(process.pid):
            assert time.monotonic() < end
            time.sleep(0.05)
        assert cards._try(["0", "1"], 1, 1) is None
    finally:
        process.kill()
        process.wait()
    free = cards._try(["0", "1"], 1, 1)
    assert free is not None
    os.close(free["0"])


def cmdline(number):
    return Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")[0]


def test_a_folder_that_cannot_be_written_is_the_users_affair(folder, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(folder / "none"))
    with pytest.raises(UserError, match=r"gpu-0\.0: cannot be locked \(No such file"):
        cards.claim(["0", "1"], 1, pytest.fail)


def test_a_second_place_is_looked_for_on_the_gpus_behind_one_that_is_taken():
    held = [cards._lock(cards._folder() / f"gpu-{name}.0") for name in "12"]
    try:
        taken = cards._try(["0", "1", "2"], places=2, wanted=2)
        assert list(taken) == ["0", "1"]
        assert cards._try(["0", "1", "2"], places=1, wanted=1) is None
        assert list(cards._try(["0", "1", "2"], places=2, wanted=1)) == ["0"]
    finally:
        for handle in (*held, *taken.values()):
            os.close(handle)


def test_one_gpu_is_claimed_and_not_inherited_where_nothing_else_is_said():
    before = os.environ.get(cards.VISIBLE)
    said = []
    cards.claim(["0", "1"], 1, said.append)
    assert (said, os.environ[cards.VISIBLE], before) == (["takes GPU 0 of 0, 1"], "0", None)
    (lock,) = cards._folder().iterdir()
    held = [int(one.name) for one in Path("/proc/self/fd").iterdir() if points_to(one, lock)]
    assert [os.get_inheritable(handle) for handle in held] == [False]
    os.close(held[0])


def points_to(handle, path):
    return handle.exists() and handle.samefile(path)
