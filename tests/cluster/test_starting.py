"""What a new Snakemake finds of an earlier one, and what is done about it."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from isotrope import cli, paths
from isotrope.cluster import starting
from isotrope.cluster.starting import Head, Job
from isotrope.errors import UserError
from isotrope.packs import lease_files
from isotrope.processes.process import Process

UUID = "c0ffee00-1234-4abc-9def-0123456789ab"
SNAKEMAKE = [sys.executable, "-m", "snakemake"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setattr(starting, "LOOK_SECONDS", 0.0)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    Path("Snakefile").touch()
    Path("bin").mkdir()
    program("squeue", "exit 0")
    return tmp_path


def program(name, text):
    path = Path("bin", name)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def jobs(*lines, times=1000):
    """A ``squeue`` that lists jobs, the first few times it is asked."""
    Path("queue").write_text("".join(f"{line}\n" for line in lines))
    count = 'echo "$@" >> asked; [ $(wc -l < asked) -gt'
    program("squeue", f"{count} {times} ] || cat queue")


def in_flight(**options):
    here = Path.cwd()
    jobs(
        f"12 RUNNING isotrope_{UUID}|{here}",
        f"13 PENDING {UUID}|{here}",
        f"14 RUNNING isotrope_{UUID}|/somewhere else",
        f"15 RUNNING my own job|{here}",
        **options,
    )


def prepare(*words, treatment="refuse"):
    said = []
    return starting.prepare(words, treatment, said.append), said


def killed_head(**changes):
    process = replace(Process.this(), **{"started": 1, **changes})
    starting.LOCKS.mkdir(parents=True, exist_ok=True)
    (starting.LOCKS / "0.input.lock").touch()
    return lease_files.write(paths.HEADS, "Snakemake", (), "noon", process)


def unlocks(monkeypatch, status=0):
    """Notes the calls of ``snakemake --unlock`` instead of making them."""
    calls, run = [], starting.subprocess.run

    def spy(command, **options):
        if "--unlock" not in command:
            return run(command, **options)
        calls.append(command)
        return starting.subprocess.CompletedProcess(command, status)

    monkeypatch.setattr(starting.subprocess, "run", spy)
    return calls


def test_where_nothing_is_left_snakemake_is_started_with_its_words():
    command, said = prepare("--profile", "profiles/slurm", "runs")
    assert command == [*SNAKEMAKE, "--profile", "profiles/slurm", "runs"]
    assert said == []


def test_jobs_of_this_folder_with_snakemakes_names_are_found():
    in_flight()
    assert starting.jobs_left() == [Job("12", "RUNNING"), Job("13", "PENDING")]
    (asked,) = Path("asked").read_text().splitlines()
    assert asked.startswith("--noheader --user=")


def test_jobs_that_are_left_are_named_with_what_can_be_done():
    in_flight()
    with pytest.raises(UserError) as error:
        prepare("runs")
    (sentence,) = error.value.sentences
    expected = "SLURM still has 2 jobs of an earlier Snakemake: 12, 13 (1 pending, 1 running); say"
    assert sentence.startswith(expected)
    assert all(option in sentence for option in ("--wait", "--cancel", "--beside"))


def test_jobs_that_are_left_are_waited_for():
    in_flight(times=3)
    command, said = prepare("runs", treatment="wait")
    assert command == [*SNAKEMAKE, "runs"]
    assert said == ["waits for 2 jobs of an earlier Snakemake: 12, 13 (1 pending, 1 running)"]
    assert len(Path("asked").read_text().splitlines()) == 4


def test_all_jobs_that_are_left_are_waited_for_and_no_later_ones(monkeypatch):
    first, second, later = Job("12", "RUNNING"), Job("13", "PENDING"), Job("14", "RUNNING")
    looks = [[first, second], [first, second], [second, later], [later], [later]]
    monkeypatch.setattr(starting, "jobs_left", lambda: looks.pop(0))

    prepare("runs", treatment="wait")

    assert looks == [[later]], "one job was left, then none of those that were waited for"


def test_jobs_that_are_left_are_cancelled_and_waited_for():
    in_flight(times=2)
    program("scancel", 'echo "$@" > cancelled')
    command, said = prepare("runs", treatment="cancel")
    assert command == [*SNAKEMAKE, "runs"]
    assert said[0].startswith("cancelled 2 jobs")
    assert Path("cancelled").read_text() == "12 13\n"
    assert len(Path("asked").read_text().splitlines()) == 3


def test_jobs_that_are_left_may_stay():
    in_flight()
    assert prepare("runs", treatment="beside") == ([*SNAKEMAKE, "runs"], [])


@pytest.mark.parametrize("word", ["-n", "--dry-run", "--dryrun"])
def test_a_plan_asks_for_nothing(word):
    in_flight()
    killed_head()
    assert prepare(word, "runs") == ([*SNAKEMAKE, word, "runs"], [])


def test_a_damaged_name_is_that_of_no_snakemake_at_work(monkeypatch):
    calls, path = unlocks(monkeypatch), killed_head()
    path.write_text("{")
    prepare("runs")
    assert len(calls) == 1
    assert not path.exists()


def test_without_slurm_there_are_no_jobs(monkeypatch):
    program("squeue", "echo squeue: fatal: Could not establish a configuration source >&2; exit 1")
    assert starting.jobs_left() == []
    monkeypatch.setenv("PATH", "")
    assert starting.jobs_left() == []


def test_a_slurm_that_does_not_answer_is_named():
    program("squeue", "echo Unable to contact slurm controller >&2; exit 1")
    with pytest.raises(UserError, match="`squeue --noheader` says: Unable to contact slurm"):
        prepare("runs")
    assert prepare("runs", treatment="beside")[1] == []


@pytest.mark.parametrize(
    ("errors", "said"),
    [("echo a warning >&2; echo the error >&2", "the error"), ("true", "exit status 3")],
)
def test_of_a_command_that_fails_the_last_line_is_said_or_its_status(errors, said):
    program("squeue", f"{errors}; exit 3")
    with pytest.raises(UserError) as error:
        prepare("runs")
    assert str(error.value).endswith(f"`squeue --noheader` says: {said}")


def test_the_lock_of_a_killed_snakemake_is_removed(monkeypatch):
    calls, path = unlocks(monkeypatch), killed_head()

    _, said = prepare("runs")

    assert calls == [[*SNAKEMAKE, "--unlock"]]
    assert said == ["a Snakemake was killed here; removes its lock"]
    assert not path.parent.exists()


def test_a_machine_that_was_started_anew_has_ended_its_snakemake(monkeypatch):
    calls = unlocks(monkeypatch)
    killed_head(machine="before pid", started=None)
    prepare("runs")
    assert len(calls) == 1


def test_a_lock_that_stays_is_said_and_the_name_is_kept(monkeypatch):
    unlocks(monkeypatch, status=1)
    path = killed_head()
    with pytest.raises(UserError, match="the lock could not be removed"):
        prepare("runs")
    assert path.exists()


def test_a_lock_without_a_name_is_left_to_snakemake(monkeypatch):
    calls = unlocks(monkeypatch)
    killed_head().unlink()
    prepare("runs")
    assert calls == []


def test_a_snakemake_at_work_is_named_and_leaves_no_name_behind(monkeypatch):
    calls, head = unlocks(monkeypatch), Head()
    head.begins()
    with pytest.raises(UserError, match=rf"^Snakemake: process {os.getpid()} on .* is at work"):
        prepare("runs", treatment="beside")
    head.ends()
    assert prepare("runs")[1] == []
    assert not paths.HEADS.exists()
    assert calls == []


def test_a_snakemake_on_another_machine_may_be_at_work():
    path = killed_head(host="login2", machine="another pid")
    with pytest.raises(
        UserError, match=r"process .* on login2, since noon may be at work"
    ) as error:
        prepare("runs")
    assert f"delete {path} if it is gone" in str(error.value)


def call(monkeypatch, *words):
    """Exit status of the command, and what it started."""
    started = []
    monkeypatch.setattr(os, "execv", lambda program, words: started.append(words))
    monkeypatch.setattr(sys, "argv", ["isotrope", "start", *words])
    with pytest.raises(SystemExit) as error:
        cli.main()
    return error.value.code, started


@pytest.mark.parametrize(
    "words",
    [
        ["--profile", "profiles/slurm", "-k", "--config", "runs=a/b/c", "--", "runs"],
        ["-np"],
        ["--cores=2", "runs", "tables"],
        [],
    ],
)
def test_the_command_hands_on_what_is_snakemakes(monkeypatch, words):
    assert call(monkeypatch, "--wait", *words) == (0, [[*SNAKEMAKE, *words]])
    assert call(monkeypatch, *words) == (0, [[*SNAKEMAKE, *words]])


def test_the_commands_own_words_come_first_and_one_of_them(monkeypatch, capsys):
    assert call(monkeypatch, "--wait", "--cancel") == (2, [])
    assert call(monkeypatch, "runs", "--wait") == (2, [])
    assert capsys.readouterr().err.splitlines() == [
        "--wait and --cancel: say one of them",
        "--wait: put it before the words for Snakemake",
    ]


def test_another_folder_is_refused(folder):
    Path("Snakefile").unlink()
    with pytest.raises(UserError, match="no Snakefile here: start in the project's root"):
        prepare("runs")
