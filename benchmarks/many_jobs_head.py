"""A made-up project for many_jobs.py, and a Snakemake in it that is watched."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from many_jobs_cluster import processor_seconds

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/workflow"))
import workflow_project

PACKS_OF_RUN = 100
# In place of the two Snakemakes of a job: leaves files such as a training leaves, and ends.
STAND_IN = r"""
words="train:run=\([^,]*\),point=\([^,]*\),pack=\([^']*\)'"
folder=$(sed -n "s|.*$words.*|out/runs/\1/\2/seeds-\3|p" "$0")
mkdir -p "$folder"
for file in weights.safetensors history.csv run.json train.benchmark.tsv; do
    echo 'made up' >"$folder/$file"
done
exit 0
"""


class Project:
    """A copy of the project with toy images, which are built, and a toy network."""

    def __init__(self, folder):
        folder.mkdir()
        self.folder = folder
        self.toys = workflow_project.fresh(folder)
        self.toys.add("tiny/stripes/first")
        self.toys.make("datasets")
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(folder / "src"),
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": "1",
        }
        self.stand_in = folder / "stand_in"
        self.stand_in.write_text(STAND_IN)

    def ask_for(self, packs, cpus=1, memory="1GB"):
        """Param-files for so many packs of one seed, and no results."""
        for left in ("param-files", "out/runs", "out/tables"):
            shutil.rmtree(self.folder / left, ignore_errors=True)
        for number, first in enumerate(range(0, packs, PACKS_OF_RUN)):
            count = min(PACKS_OF_RUN, packs - first)
            wanted = {"seeds: 1-2": f"seeds: 1-{count}", "seeds_per_job: 2": "seeds_per_job: 1"}
            wanted |= {"cpus: 1": f"cpus: {cpus}", "memory: 1GB": f"memory: {memory}"}
            self.toys.add(f"tiny/stripes/many{number:03}", **wanted)
        self.measured("isotrope", "check", "--write-index")

    def measured(self, program, *words):
        """A command to its end: wall and processor seconds, peak memory in MB, what it said."""
        begin = time.perf_counter()
        process = subprocess.Popen(
            [workflow_project.BIN / program, *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(output)
        wall = time.perf_counter() - begin
        return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, output


@dataclass(frozen=True)
class Usage:
    """Processor seconds of a head and of the commands it ran, its memory in MB and its threads."""

    own: float
    commands: float
    memory: float
    threads: int


class Head:
    """A Snakemake through profiles/slurm; what it says is kept with its time."""

    def __init__(self, project, *words):
        self.submitted = {}  # SLURM's number: when
        self.finished = {}
        self.name = ""
        self.said = []
        self._numbers = {}
        command = [sys.executable, "-m", "snakemake", "--profile", "profiles/slurm", *words]
        self._process = subprocess.Popen(
            command,
            cwd=project.folder,
            env=project.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stop()

    def _read(self):
        for line in self._process.stdout:
            now = time.time()
            self.said.append(line)
            if found := re.match(r"Job (\d+) has been submitted with SLURM jobid (\d+)", line):
                self._numbers[found[1]] = found[2]
                self.submitted[found[2]] = now
            elif found := re.match(r"Finished jobid: (\d+) ", line):
                if found[1] in self._numbers:  # else it ran beside the head
                    self.finished[self._numbers[found[1]]] = now
            elif found := re.match(r"SLURM run ID: (\S+)", line):
                self.name = found[1]

    def usage(self):
        pid = self._process.pid
        status = Path(f"/proc/{pid}/status").read_text()
        memory, threads = (
            int(re.search(rf"{k}:\s+(\d+)", status)[1]) for k in ("VmRSS", "Threads")
        )
        own, commands = processor_seconds(pid), processor_seconds(pid, children=True)
        return Usage(own, commands, memory / 1024, threads)

    def wait_for(self, ready, seconds):
        """Wait until something is so, or the time is over; say whether it is so."""
        end = time.monotonic() + seconds
        while not ready():
            if self._process.poll() is not None:
                self._reader.join()
                sys.exit("".join(self.said[-40:]) + "Snakemake ended before its time")
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True

    def wait(self, seconds):
        """Wait for its end, which must be a good one."""
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = f"no end after {seconds} s"
        self._reader.join(0 if status else None)
        if status:
            sys.exit("".join(self.said[-40:]) + f"Snakemake: {status}")

    def stop(self):
        """End it as by Ctrl-C, which cancels its jobs; the seconds that takes."""
        begin = time.perf_counter()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(300)
            except subprocess.TimeoutExpired:
                self._process.kill()
                sys.exit("Snakemake did not end within 300 s of Ctrl-C")
        self._reader.join()
        return time.perf_counter() - begin
