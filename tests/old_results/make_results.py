"""Make results.tar.xz again: a small project folder as the code of commit 460f702 leaves it.

In a checkout of that commit, with its environment, on a CPU:

    PATH=$PWD/.venv/bin:$PATH PYTHONPATH=$PWD/src python <here>/tests/old_results/make_results.py

The param-files are those beside this file. ``demo`` (two packs of one seed, three evaluations) and
``sweep`` (a choice between two points) are finished and in tables; ``unfinished`` and
``unfinished_stack`` were ended with SIGTERM in their third epoch and left ``.resume/``. Beside them
lies ``expected/``: how the same code ended both, for comparison. The archive of images is left out
(1.4 MB, drawn in seconds); its manifest and preview are there. Never run this with later code.
"""

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
FINISHED = ("standard/stir_emoji/demo", "standard/stir_emoji/sweep")
UNFINISHED = ("standard/stir_emoji/unfinished", "standard/stir_emoji/unfinished_stack")
LEFT_OUT = (".snakemake/log", "emoji.npz", ".snakemake/auxiliary", ".snakemake/locks")


def snakemake(folder, run, target):
    command = ["snakemake", "--cores", "1", "--retries", "0", "--config", f"runs={run}"]
    command += ["--", target]
    return subprocess.Popen(command, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"})


def make(folder, run, target):
    if snakemake(folder, run, target).wait():
        sys.exit(f"{run} failed")


def interrupt(folder, run, line):
    """End the training of a run with SIGTERM when its log says so much."""
    log = folder / f"out/runs/{run}/base/seeds-1-2/train.log"
    head = snakemake(folder, run, "runs")
    while not (log.exists() and line in log.read_text()):
        time.sleep(0.05)
        if head.poll() is not None:
            sys.exit(f"{run} ended too early")
    time.sleep(0.25)  # into the next epoch
    found = subprocess.run(["pgrep", "-f", f"isotrope train .*{run}.yaml"], capture_output=True)
    for process in found.stdout.split():
        os.kill(int(process), signal.SIGTERM)
    head.wait()
    assert list(folder.glob(f"out/runs/{run}/base/.resume/*")), f"{run} left nothing"


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("src", "workflow", "profiles", "envs"):
            shutil.copytree(part, folder / part)
        shutil.copy("Snakefile", folder)
        shutil.copytree(HERE / "param-files", folder / "param-files")
        os.environ["PYTHONPATH"] = str(folder / "src")
        for run in FINISHED:
            make(folder, run, "tables")
        interrupt(folder, UNFINISHED[0], "seed 2: epoch 2 of 4")
        interrupt(folder, UNFINISHED[1], "seeds 1-2: epoch 2 of 4")
        with tempfile.TemporaryDirectory() as other:
            whole = Path(other, "whole")
            shutil.copytree(folder, whole, symlinks=True)
            for run in UNFINISHED:
                make(whole, run, "runs")
            for run in UNFINISHED:
                history = f"out/runs/{run}/base/seeds-1-2/history.csv"
                (folder / "expected" / run).mkdir(parents=True)
                shutil.copy(whole / history, folder / "expected" / run / "history.csv")
        with tarfile.open(HERE / "results.tar.xz", "w:xz", preset=9) as archive:
            for part in ("param-files", "out", ".snakemake", "expected"):
                archive.add(folder / part, part, filter=kept)


def kept(member):
    """What goes into the archive, as nobody's."""
    if any(part in f"/{member.name}" for part in LEFT_OUT):
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    main()
