"""`isotrope status` on 20,000 packs, against asking for every seed of every pack alone.

A made-up project is written to a temporary folder: packs that are done, wait, run, were
interrupted, failed or diverged, in turn. Both ways look at it in one process, and must agree; the
system calls of both are counted by strace where it is installed. A network file system is imitated
by a pause before each question: one for the attributes of a file, two for listing a folder or
reading a file (open it, then get its content). The plain way is given a part of the runs there, and
both are compared on that part.
"""

import argparse
import builtins
import contextlib
import io
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import date
from pathlib import Path
from unittest import mock

import plain_status
from status_project import made_up, write_project

from isotrope import paths
from isotrope.plan import index_file
from isotrope.status.heartbeats import Pulse
from isotrope.status.reading import read_states

SAME = {"diverged": "done", "stale": "queued"}  # what the plain way has no word for


def here(index, names):
    """The state of each pack as the package finds it, in the words of the plain way."""
    found = read_states(index, names, Pulse(paths.OUT / "runs"))
    return {
        (one.run, one.point, one.pack): (
            SAME.get(one.found.state, one.found.state),
            one.found.finished,
            one.found.diverged or 0,
        )
        for one in found
    }


PART = 0.05  # of the runs, where looking at all would take minutes
SIDES = {"plain": plain_status.status_of, "here": here}


def timed(side, index, names):
    """Seconds of a look, by the clock and of processor time, and what it found."""
    begin, cpu = time.perf_counter(), time.process_time()
    found = SIDES[side](index, names)
    return time.perf_counter() - begin, time.process_time() - cpu, found


@contextlib.contextmanager
def far_away(seconds):
    """Questions to the file system take so long; counts them, each with what it costs."""
    asked, lock = {"attributes": 0, "listings": 0, "files": 0}, threading.Lock()

    def slow(function, what, times):
        def ask(*args, **options):
            with lock:
                asked[what] += 1
            time.sleep(times * seconds)
            return function(*args, **options)

        return ask

    with (
        mock.patch.object(os, "stat", slow(os.stat, "attributes", 1)),
        mock.patch.object(os, "scandir", slow(os.scandir, "listings", 2)),
        mock.patch.object(os, "listdir", slow(os.listdir, "listings", 2)),
        mock.patch.object(io, "open", slow(io.open, "files", 2)),
        mock.patch.object(builtins, "open", slow(open, "files", 2)),
    ):
        yield asked


def system_calls(side, part):
    """How many calls about files and folders a look at a part of the runs takes.

    It is a process of its own; what Python and the package need to start, the calls of a look at no
    run, is taken off.
    """
    counts = []
    for looked_at in (part, 0):
        with tempfile.NamedTemporaryFile() as report:
            traced = ("strace", "-f", "-c", "-e", "trace=%file,%desc", "-o", report.name)
            command = (sys.executable, __file__, "--look", side, "--part", str(looked_at))
            subprocess.run([*traced, *command], check=True, stdout=subprocess.DEVNULL)
            found = re.search(r"(\d+)(?: +\d+)? total$", Path(report.name).read_text(), re.M)
            counts.append(int(found[1]))
    return counts[0] - counts[1]


def look_once(side, part):
    index, _ = index_file.read()
    SIDES[side](index, some(index, part))


def some(index, part):
    """Evenly taken runs: a part of all."""
    names = list(index.runs)
    return names[:: round(1 / part)] if part else []


def compare(index, latency, repeats):
    packs = sum(len(run.packs("base")) for run in index.runs.values())
    names = list(index.runs)
    seconds = {side: [timed(side, index, names) for _ in range(repeats)] for side in SIDES}
    if seconds["plain"][0][2] != seconds["here"][0][2]:
        differing = [k for k, v in seconds["here"][0][2].items() if v != seconds["plain"][0][2][k]]
        sys.exit(f"the two ways disagree on {len(differing)} packs, {differing[0]} first")
    wall = {side: statistics.median(one[0] for one in found) for side, found in seconds.items()}
    cpu = {side: statistics.median(one[1] for one in found) for side, found in seconds.items()}
    row("this disk, warm: seconds", wall["plain"], wall["here"])
    row("  of processor time", cpu["plain"], cpu["here"])
    if shutil.which("strace"):
        row("system calls per pack", *(system_calls(side, PART) / packs / PART for side in SIDES))
    part = some(index, PART)
    with far_away(latency) as asked:
        plain = timed("plain", index, part)[0]
        questions = [sum(asked.values())]
        mine = timed("here", index, part)[0]
        questions.append(sum(asked.values()) - questions[0])
        row("questions to the file system per pack", *(q / packs / PART for q in questions))
        row(f"{1000 * latency:g} ms away, {len(part)} of the runs: seconds", plain, mine)
        whole, cpu_whole, _ = timed("here", index, names)
        row(f"{1000 * latency:g} ms away, all runs: seconds", None, whole)
        row("  of processor time", None, cpu_whole)


def row(what, plain, here):
    shown = (
        (f"{plain:.2f}", f"{here:.2f}", f"{plain / here:.1f}") if plain else ("", f"{here:.2f}", "")
    )
    print(f"| {what} | {' | '.join(shown)} |", flush=True)


def the_command(latency):
    """Seconds that `isotrope status` takes, from the shell, and what the index is of it."""
    command = [sys.executable, "-m", "isotrope.cli", "status"]
    before, begin = os.times(), time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    wall, after = time.perf_counter() - begin, os.times()
    cpu = (
        after.children_user - before.children_user + after.children_system - before.children_system
    )
    lines = done.stdout.splitlines()
    print(f"\n`isotrope status`: {wall:.2f} s, {cpu:.2f} s of processor time, {len(lines)} lines;")
    print(f"{lines[-1]}; {lines[0]!r} first")
    begin = time.perf_counter()
    known, stamped = index_file.read()
    reading = time.perf_counter() - begin
    print(
        f"the index: {len(known.runs)} runs, {paths.INDEX.stat().st_size / 1e6:.1f} MB, read in",
        end=" ",
    )
    with far_away(latency):
        begin = time.perf_counter()
        index_file.stamps()
        stamps = time.perf_counter() - begin
    print(
        f"{reading:.2f} s; times of {len(stamped)} files {1000 * latency:g} ms away {stamps:.2f} s"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--packs", type=int, default=50, help="of each run")
    parser.add_argument("--seeds", type=int, default=5, help="of each pack")
    parser.add_argument("--latency", type=float, default=1.0, help="milliseconds")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--look", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--part", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.look:
        return look_once(given.look, given.part)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        index = made_up(given.runs, given.packs, given.seeds)
        begin = time.perf_counter()
        write_project(index)
        packs = given.runs * given.packs
        print(f"{date.today()}, {platform.machine()}, Python {platform.python_version()}")
        print(
            f"{given.runs} runs of {given.packs} packs of {given.seeds} seeds, {packs} packs, "
            f"made up in {time.perf_counter() - begin:.0f} s\n"
        )
        print("| | every seed alone | `isotrope status` | ratio |\n|---|---|---|---|")
        compare(index, given.latency / 1000, given.repeats)
        the_command(given.latency / 1000)
    return None


if __name__ == "__main__":
    main()
