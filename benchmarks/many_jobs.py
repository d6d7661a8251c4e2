"""Thousands of jobs: what planning, submitting, polling and short jobs take with a real SLURM.

A cluster is brought up on this machine (root, Debian or Ubuntu) and taken down again, and the
project's Snakefile and profiles/slurm as they are serve a made-up project: toy images and packs of
one seed. Each part varies some keys of the profile and leaves the others.

plan      `snakemake -n` for so many packs: seconds, peak memory
submit    packs whose jobs only wait (the partition is down): jobs a second into the queue, and what
          Snakemake takes when as many are in it as `jobs` allows while others are still ready
poll      Snakemake, squeue and slurmctld while thousands of jobs wait
short     jobs that end at once: in place of the two Snakemakes of a job a shell script leaves files
          such as a training leaves. All the rest is real
long      the same with more jobs, 200 at a time, while hundreds are ready and hundreds have ended
real      trainings and evaluations of the toy network as they are, each with its two Snakemakes
"""

import argparse
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import date
from pathlib import Path

from many_jobs_cluster import Daemons, ended, held_queue, one_poll, run_on_a_cluster, said
from many_jobs_head import Head, Project

PARTS = ("plan", "submit", "poll", "short", "long", "real")
BY_SECOND, BY_MINUTE = "20/1s", "600/1m"
# jobs, max-jobs-per-timespan, and where the account stands
SUBMITTED = (
    (200, BY_SECOND, "profile"),
    (1000, "5/1s", "profile"),
    (1000, BY_SECOND, "profile"),
    (1000, BY_MINUTE, "profile"),
    (1000, "100/1s", "SBATCH_ACCOUNT"),
)
WITHOUT_ACCOUNT = ("--default-resources", "slurm_partition=cpu", "mem_mb=1000", "runtime=10")
# jobs, max-jobs-per-timespan, init-seconds-before-status-checks
SHORT = ((200, BY_SECOND, 40), (200, BY_SECOND, 10), (1000, BY_SECOND, 40))
LONG = ((200, BY_SECOND, 10), (200, BY_MINUTE, 10))
REAL = (200, BY_SECOND, 40)


def words(jobs, rate, seconds=40):
    timing = ("--slurm-init-seconds-before-status-checks", str(seconds))
    return ("--jobs", str(jobs), "--max-jobs-per-timespan", rate, *timing)


def row(*cells):
    shown = [
        f"{cell:.{0 if cell >= 100 else 1}f}" if isinstance(cell, float) else str(cell)
        for cell in cells
    ]
    print(f"| {' | '.join(shown)} |", flush=True)


def table(title, *columns):
    print(f"\n{title}\n")
    row(*columns)
    print(f"|{'---|' * len(columns)}", flush=True)


def load():
    return round(os.getloadavg()[0], 1)


def plan(project, options):
    table(
        "Plans (`snakemake --profile profiles/slurm -n --quiet rules`)",
        *("packs", "jobs", "seconds", "of processor time", "peak memory, MB", "load"),
    )
    for packs in options.packs:
        project.ask_for(packs)
        asked = ("--profile", "profiles/slurm", "-n", "--quiet", "rules")
        wall, busy, memory, text = project.measured("snakemake", *asked)
        jobs = re.search(r"^total +(\d+)$", text, re.MULTILINE)[1]
        row(packs, jobs, wall, busy, memory, load())


def submit(project, options):
    table(
        f"Submission of {options.ready} packs, which only wait",
        *("`jobs`", "rate", "account", "in the queue", "jobs a second", "Snakemake: s a job"),
        *("its commands: s a job", "slurmctld: ms a job", "of them sbatch", "slurmdbd: ms a job"),
        *("then Snakemake: s a minute", "memory, MB", "Ctrl-C: s", "jobs left by it", "load"),
    )
    project.ask_for(options.ready)
    for jobs, rate, account in SUBMITTED:
        asked = words(jobs, rate)
        if account != "profile":
            project.environment[account] = "isotrope"
            asked += WITHOUT_ACCOUNT
        with held_queue(), Head(project, "runs", *asked) as head:
            submitted(head, min(jobs, options.ready), options.window, (jobs, rate, account))
        project.environment.pop(account, None)


def submitted(head, jobs, window, cells):
    """A row for a head that submits for so many seconds, or all that it may."""
    head.wait_for(lambda: head.submitted, 600)
    daemons, before = Daemons(), head.usage()
    already, begin = len(head.submitted), time.perf_counter()
    head.wait_for(lambda: len(head.submitted) >= jobs, window)
    after, count = head.usage(), len(head.submitted) - already
    rate = count / (time.perf_counter() - begin)
    busy = 1000 * daemons.seconds("slurmctld") / count, 1000 * daemons.seconds("slurmdbd") / count
    _, answering = daemons.questions()["sbatch"]
    own, commands = after.own - before.own, after.commands - before.commands
    waiting = ""
    if len(head.submitted) >= jobs:
        idle, begin = head.usage(), time.perf_counter()
        time.sleep(20)
        waiting = 60 * (head.usage().own - idle.own) / (time.perf_counter() - begin)
    memory, queued, stopping = head.usage().memory, len(head.submitted), head.stop()
    left = said("squeue", "--noheader", "--format=%i", "--name", head.name).count("\n")
    subprocess.run(("scancel", "--name", head.name), check=True)
    row(
        *(*cells, queued, rate, f"{own / count:.3f}", f"{commands / count:.3f}"),
        *(busy[0], answering / count, busy[1], waiting, memory, stopping, left, load()),
    )


def poll(project, options):
    columns = ("minute", "squeue", "Snakemake: s", "its commands: s", "slurmctld: s")
    columns += ("of them squeue: ms", "memory, MB", "load")
    costs = []
    project.environment["SBATCH_ACCOUNT"] = "isotrope"  # is faster, and changes nothing here
    for jobs in (200, 1000, options.pending):
        project.ask_for(jobs)
        asked = (*words(jobs, "100/1s"), *WITHOUT_ACCOUNT)
        with held_queue(), Head(project, "runs", *asked) as head:
            begin = time.perf_counter()
            if not head.wait_for(lambda count=jobs: len(head.submitted) == count, 1800):
                sys.exit(f"{len(head.submitted)} of {jobs} jobs in half an hour")
            if jobs == options.pending:
                wall = time.perf_counter() - begin
                table(f"{jobs} jobs wait, submitted in {wall:.0f} s with the plan", *columns)
                for minute in range(1, options.minutes + 1):
                    polled(head, minute)
            costs.append((*one_poll(head.name), load()))
    table(
        "One poll",
        *("jobs of this Snakemake", "jobs in slurmctld", "ms", "of squeue's processor time"),
        *("of slurmctld's time", "load"),
    )
    for cost in costs:
        row(*cost)
    del project.environment["SBATCH_ACCOUNT"]


def polled(head, minute):
    """A row for a minute in which jobs only wait."""
    daemons, before = Daemons(), head.usage()
    time.sleep(60)
    (count, answering), after = daemons.questions()["squeue"], head.usage()
    own, commands = after.own - before.own, after.commands - before.commands
    busy = daemons.seconds("slurmctld")
    row(minute, count, own, commands, busy, answering, after.memory, load())


FINISHED = ("`jobs`", "rate", "first poll, s", "jobs", "finished once", "seconds")
FINISHED += ("jobs a second", "end to notice, s: mean", "longest")
FINISHED += ("Snakemake with its plan: s", "its commands: s", "slurmctld: s", "squeue")
FINISHED += ("memory, MB", "threads", "load")


def finished(head, jobs, cells):
    """A row for a head that works until all jobs are done."""
    daemons, before = Daemons(), head.usage()
    head.wait_for(lambda: head.submitted, 600)
    begin, usage, threads = time.time(), before, 0

    def done():
        nonlocal usage, threads
        usage = head.usage()
        threads = max(threads, usage.threads)
        return len(head.finished) >= jobs

    if not head.wait_for(done, 3600):
        sys.exit(f"{len(head.finished)} of {jobs} jobs in an hour")
    wall, counts = time.time() - begin, daemons.questions()
    controller = daemons.seconds("slurmctld")
    head.wait(600)
    ends = ended(head.name)
    states = Counter(state for state, _ in ends.values())
    whole = states == {"COMPLETED": jobs} and ends.keys() == head.finished.keys()
    how = "all" if whole else ", ".join(f"{count} {state}" for state, count in states.items())
    late = [seen - ends[number][1] for number, seen in head.finished.items() if number in ends]
    row(
        *(*cells, jobs, how, wall, f"{jobs / wall:.2f}", statistics.mean(late), max(late)),
        *(usage.own - before.own, usage.commands - before.commands, controller),
        *(counts["squeue"][0], usage.memory, threads, load()),
    )


def short(project, options):
    at_once(project, options.short, SHORT)


def long(project, options):
    at_once(project, options.ready, LONG)


def at_once(project, jobs, cases):
    table(f"{jobs} jobs that end at once", *FINISHED)
    for case in cases:
        project.ask_for(jobs)
        with Head(project, "runs", "--precommand", f". {project.stand_in}", *words(*case)) as head:
            finished(head, jobs, case)


def real(project, options):
    jobs = 2 * options.real
    what = f"{options.real} trainings, each with its evaluation"
    table(f"{jobs} real jobs, four at a time: {what}", *FINISHED)
    project.ask_for(options.real, cpus=4, memory="2GB")
    with Head(project, "evaluations", *words(*REAL)) as head:
        finished(head, jobs, REAL)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART")
    parser.add_argument("--packs", nargs="+", type=int, default=(1000, 5000), help="of the plans")
    parser.add_argument("--ready", type=int, default=800, help="packs of submit and long")
    parser.add_argument("--window", type=float, default=10, help="seconds of each submission")
    parser.add_argument("--pending", type=int, default=2000, help="jobs in the longest queue")
    parser.add_argument("--minutes", type=int, default=1, help="of polling it")
    parser.add_argument("--short", type=int, default=240, help="jobs that end at once")
    parser.add_argument("--real", type=int, default=6, help="trainings")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    # a shell that starts this in the background has it, and so each Snakemake, ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    needs_slurm = set(options.only) != {"plan"}
    if needs_slurm and not options.inside:
        if os.geteuid():
            sys.exit("all but --only plan brings up a SLURM and needs root")
        with tempfile.TemporaryDirectory() as folder:
            command = (sys.executable, __file__, "--inside", *sys.argv[1:])
            sys.exit(run_on_a_cluster(command, Path(folder) / "slurm"))
    versions = [f"Python {platform.python_version()}"]
    versions.append(f"Snakemake {said(sys.executable, '-m', 'snakemake', '--version').strip()}")
    if needs_slurm:
        versions.append(said("sbatch", "--version").strip())
        config = said("scontrol", "show", "config")
        limits = dict(re.findall(r"^(MinJobAge|MaxJobCount) += (.*?) *$", config, re.MULTILINE))
        versions += [f"{key} {value}" for key, value in limits.items()]
    print(f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores, {', '.join(versions)}")
    with tempfile.TemporaryDirectory() as folder:
        try:
            project = Project(Path(folder) / "project")
            for part in options.only:
                globals()[part](project, options)
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the folder is removed now


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
