"""A finished toy project, made in this process, and calls of commands in it.

Two runs of two seeds of the skeletons' model on the skeletons' data, with tables, figures, report
and a published number; one of the runs has a label that every medium must escape.
"""

import contextlib
import io
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from toy_param_files import param_file

from isotrope import cli
from isotrope.plan import index_file

LABEL = "<b>&amp;</b> | \\input{x} =cmd() $x^2$ {a} [red]b[/] 100%_#~"
PUBLISHED = """\
study,table,model,dataset,setting,metric,value,spread,n,source
scale,accuracy,tiny,stripes,,accuracy,0.75,0.05,5,made up
"""
PLAIN, CHOSEN = "tiny/stripes/one", "tiny/stripes/two"
SWEEP = "sweep: {model.channels: [4, 5]}\nselect: {seeds: 1}\n"
LONGEST = 10  # CPU seconds of a call
HANGS = 90  # seconds: other tests may want the CPU at the same time


class TooSlow(BaseException):
    """A call took longer than anybody waits."""


@dataclass(frozen=True)
class Outcome:
    """How a call ended, and what it said."""

    words: Sequence[str]
    status: int | str | None
    out: str
    err: str
    started: list[list[str]]

    def __str__(self) -> str:
        return f"{list(self.words)}\nstatus {self.status}\n{self.out}\n{self.err}"


def call(*words: str) -> Outcome:
    """Call ``isotrope`` in this process. A call that takes too long is ended.

    What it would start in place of itself is noted in ``started``, not started.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in "12")
    started: list[list[str]] = []

    def note(program: str, command: list[str]) -> None:
        started.append(command)

    def too_slow(*_: object) -> None:
        raise TooSlow(words)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["isotrope", *words])
        patch.setattr(os, "execv", note)
        patch.setattr(index_file, "_checked", check_here)
        clocks = {signal.SIGPROF: signal.ITIMER_PROF, signal.SIGALRM: signal.ITIMER_REAL}
        before = {number: signal.signal(number, too_slow) for number in clocks}
        signal.setitimer(signal.ITIMER_PROF, LONGEST)
        signal.setitimer(signal.ITIMER_REAL, HANGS)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                cli.main()
            status: int | str | None = 0
        except SystemExit as ended:
            status = ended.code or 0
        finally:
            for number, clock in clocks.items():
                signal.setitimer(clock, 0)
                signal.signal(number, before[number])
    said = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return Outcome(words, status, *said, started)


def check_here(names: set[str] | None) -> tuple[int, list[str]]:
    """Run `isotrope check` in this process."""
    err, before = io.StringIO(), sys.argv
    status: int | str | None = 0
    try:
        built = [] if names is None else ["--built", " ".join(sorted(names))]
        sys.argv = ["isotrope", "check", "--write-index", "--quiet", *built]
        with contextlib.redirect_stderr(err):
            cli.main()
    except SystemExit as ended:
        status = ended.code or 0
    finally:
        sys.argv = before
    return int(status), err.getvalue().splitlines()


def make(folder: Path) -> None:
    """Make the project in an empty folder, in which this process is."""
    for name, text in (("scale.csv", PUBLISHED),):
        path = folder / "workflow" / "published" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    (folder / "Snakefile").touch()
    for kind, name in (("dataset", "stripes"), ("model", "tiny")):
        done(call("new", kind, name))
    for run, label, more in ((PLAIN, "plain", ""), (CHOSEN, LABEL, SWEEP)):
        path = folder / "param-files" / f"{run}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        head = f"series: own\nlabel: '{label}'\nseeds: 1-2"
        path.write_text(
            param_file(replaced={"seeds: 1-2": head, "resources:": f"{more}resources:"})
        )
    done(call("check", "--write-index"))
    done(call("build", "stripes", "size=12"))
    for run, point in (
        *((PLAIN, "base"), (CHOSEN, "channels=4"), (CHOSEN, "channels=5")),
        (CHOSEN, "selected"),
    ):
        file = f"param-files/{run}.yaml"
        if point == "selected":
            done(call("choose", file))
        done(call("train", file, "--point", point, "--device", "cpu"))
        if point in ("base", "selected"):
            done(call("evaluate", file, "--point", point, "--device", "cpu"))
    done(call("collect", "scale"))
    for words in (
        ("sample", "scale", *map(str, sorted(Path("out/data").glob("*/*.manifest.json")))),
        ("draw", "accuracy", "--group", "scale"),
        ("typeset", "accuracy", "--group", "scale"),
        ("summarize", "scale"),
        ("report",),
    ):
        done(call(*words))


def done(outcome: Outcome) -> None:
    assert outcome.status == 0, outcome


def sound(outcome: Outcome) -> None:
    """Fail unless a call worked, or ended with status 2 and a sentence for people."""
    assert outcome.status in (0, 2), outcome
    for text in (outcome.out, outcome.err):
        assert "Traceback" not in text, outcome
        assert all(line.isprintable() for line in text.split("\n")), outcome
    if outcome.status == 2:
        assert outcome.err.strip(), outcome
        assert len(outcome.err) < 2500, outcome
        assert len(outcome.err.splitlines()) < 12, outcome


def restore(project: Path, from_: Path) -> None:
    """Make the project as it was, times of files included."""
    shutil.rmtree(project)
    shutil.copytree(from_, project, symlinks=True)
    os.chdir(project)
