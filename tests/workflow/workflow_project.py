"""A small project of its own: the real workflow and package, toy images, a run in seconds."""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from toy_param_files import param_file

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Project:
    """A folder with a whole copy of the project in it."""

    folder: Path

    def run(self, *words, **environment):
        """A command in the project's folder; its output and errors are one text."""
        return subprocess.run(
            [str(BIN / words[0]), *words[1:]],
            **self._place(environment),
            stdout=subprocess.PIPE,
            timeout=300,
            check=False,
        )

    @contextmanager
    def started(self, *words, **environment):
        """A command beside the test, with all that it starts in a process group of its own.

        What is left of the group at the end of the block is killed.
        """
        with self.path(f"{len(words)}-{words[-1].replace('/', '-')}.said").open("w+") as said:
            process = subprocess.Popen(
                [str(BIN / words[0]), *words[1:]],
                **self._place(environment),
                stdout=said,
                start_new_session=True,
            )
            process.said = lambda: Path(said.name).read_text()
            try:
                yield process
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _place(self, environment):
        inherited = {k: v for k, v in os.environ.items() if k != "ISOTROPE_DATA"}
        own = {"PYTHONPATH": str(self.folder / "src"), "OMP_NUM_THREADS": "1"}
        return {
            "cwd": self.folder,
            "env": {**inherited, **own, **environment},
            "stderr": subprocess.STDOUT,
            "text": True,
        }

    def snakemake(self, *words, **environment):
        return self.run("snakemake", "--cores", "2", *words, **environment)

    def make(self, *words, **environment):
        """Run snakemake; it must succeed."""
        done = self.snakemake(*words, **environment)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def planned(self, *words, **environment):
        """How many jobs of each rule a dry run plans."""
        return jobs(self.make("-n", *words, **environment))

    def path(self, name):
        return self.folder / name

    def edit(self, name, old, new):
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{name} does not hold {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def add(self, name, channels=4, **replaced):
        """A param-file for the toy model."""
        path = self.folder / "param-files" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(param_file(channels, replaced), encoding="utf-8")

    def trained(self, run, pack="1-2"):
        """The first line of a pack's log: how many seeds it had to train."""
        log = self.folder / f"out/runs/{run}/base/seeds-{pack}/train.log"
        return log.read_text(encoding="utf-8").splitlines()[0]


def jobs(output):
    """How many jobs of each rule snakemake's output announces."""
    if "Nothing to be done" in output:
        return {}
    lines = output.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("-----"))
    counts = {}
    for row in (line.split() for line in lines[start + 1 :]):
        if len(row) != 2 or row[0] == "total":
            break
        counts[row[0]] = int(row[1])
    return counts


def bare(folder):
    """A copy of the project without results and param-files."""
    shutil.copytree(_copied(), folder, dirs_exist_ok=True)
    return Project(folder)


def fresh(folder):
    """The same with toy plug-ins."""
    shutil.copytree(_with_toys(), folder, dirs_exist_ok=True)
    return Project(folder)


@cache
def _copied():
    """What projects are copied from, made once: with bytecode, so that commands start sooner."""
    folder = Path(tempfile.mkdtemp(prefix="isotrope-project-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in ("workflow", "profiles", "src", "envs"):
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    shutil.copy2(ROOT / "Snakefile", folder / "Snakefile")
    (folder / "param-files").mkdir()
    Project(folder).run("python", "-m", "compileall", "-q", "src")
    return folder


@cache
def _with_toys():
    folder = Path(tempfile.mkdtemp(prefix="isotrope-project-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    project = bare(folder)
    for kind, name in (("dataset", "stripes"), ("model", "tiny"), ("evaluation", "confidence")):
        done = project.run("isotrope", "new", kind, name)
        assert done.returncode == 0, done.stdout
    return folder
