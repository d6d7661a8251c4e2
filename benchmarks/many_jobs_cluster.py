"""A SLURM of its own for many_jobs.py, and what its daemons are asked and take."""

import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from signal import SIG_IGN, SIGINT, SIGTERM, signal

CLUSTER = Path(__file__).parents[1] / "tests/slurm/cluster"
TICKS = os.sysconf("SC_CLK_TCK")
POLL = ("squeue", "--format=%i|%T", "--states=all", "--noheader", "--name")  # as the plugin asks
# what sdiag counts, and which command sends it
MESSAGES = {"REQUEST_SUBMIT_BATCH_JOB": "sbatch", "REQUEST_JOB_INFO": "squeue"}


def run_on_a_cluster(command, folder):
    """Bring a cluster up in a folder, run a command that sees it, and always take it down."""
    folder.parent.chmod(0o755)  # the database has a user of its own
    place = {**os.environ, "SLURM_TEST_DIR": str(folder)}
    signal(SIGTERM, lambda *_: sys.exit(143))
    inside = None
    try:
        subprocess.run([CLUSTER, "up"], env=place, check=True)
        # Ctrl-C reaches this process alone, which passes it on, once
        inside = subprocess.Popen(
            [CLUSTER, "run", "--", *command], env=place, start_new_session=True
        )
        return inside.wait()
    except KeyboardInterrupt:
        return 130
    finally:
        signal(SIGINT, SIG_IGN)
        if inside is not None:
            if inside.poll() is None:
                inside.send_signal(SIGINT)
            inside.wait()
        subprocess.run([CLUSTER, "down", "--purge"], env=place, check=True)


def said(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def held_queue():
    """Jobs only wait meanwhile."""
    said("scontrol", "update", "PartitionName=gpu", "State=DOWN")
    try:
        yield
    finally:
        said("scontrol", "update", "PartitionName=gpu", "State=UP")


def processor_seconds(pid, children=False):
    """Processor time of a process, or of those that it started and that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[13:15] if children else fields[11:13])) / TICKS


class Daemons:
    """Processor time of SLURM's daemons, and what the controller was asked, since this was made."""

    def __init__(self):
        folder = Path(os.environ["SLURM_TEST_DIR"])
        names = ("slurmctld", "slurmdbd")
        self._pids = {name: int((folder / f"run/{name}.pid").read_text()) for name in names}
        self._before = {name: processor_seconds(pid) for name, pid in self._pids.items()}
        self._asked = asked()

    def seconds(self, name):
        return processor_seconds(self._pids[name]) - self._before[name]

    def questions(self):
        """By command: how often, and the milliseconds of the controller for all of them."""
        now = asked()
        return {
            command: tuple(a - b for a, b in zip(now[command], self._asked[command], strict=True))
            for command in MESSAGES.values()
        }


def asked():
    """What sdiag has counted since the cluster came up."""
    text = said("sdiag")
    found = dict.fromkeys(MESSAGES.values(), (0, 0.0))
    pattern = r"^\s+(\w+)\s+\(\s*\d+\) count:(\d+)\s+ave_time:\d+\s+total_time:(\d+)"
    for message, count, microseconds in re.findall(pattern, text, re.MULTILINE):
        if message in MESSAGES:
            found[MESSAGES[message]] = (int(count), int(microseconds) / 1000)
    return found


def one_poll(name, repeats=5):
    """What one look of the plugin costs.

    Returns:
        Jobs in the answer, all jobs of the controller, and milliseconds: by the clock, of the
        processor in squeue, and in the controller.
    """
    lines = said(*POLL, name).count("\n")
    held = said("squeue", "--states=all", "--noheader", "--format=%i").count("\n")
    daemons, before, begin = Daemons(), os.times(), time.perf_counter()
    for _ in range(repeats):
        said(*POLL, name)
    wall, after = time.perf_counter() - begin, os.times()
    busy = sum(after[2:4]) - sum(before[2:4])
    count, milliseconds = daemons.questions()["squeue"]
    return lines, held, 1000 * wall / repeats, 1000 * busy / repeats, milliseconds / count


def ended(name):
    """State and time of the end of each job with a name, by number; the accounting may lag."""
    wanted = ("sacct", "-X", "-n", "-P", "--format=JobID,State,End", "--name", name)
    rows = [line.split("|") for line in said(*wanted, "--starttime", "now-2hours").splitlines()]
    times = "%Y-%m-%dT%H:%M:%S"
    return {
        number: (state.split()[0], time.mktime(time.strptime(end, times)))
        for number, state, end in rows
        if end != "Unknown"
    }
