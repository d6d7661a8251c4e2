"""A bug is planted in a copy of the project, and tests run there until one fails.

Each trial is a process forked from one that has imported torch and the like already, so that tests
of a second take a second. All that a test starts is in its process group and ends with it.
"""

import json
import math
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from source_text import Mutation

PRELOADED = (
    *(
        "torch",
        "torch.func",
        "torchvision",
        "numpy",
        "pandas",
        "scipy.ndimage",
        "scipy.stats",
        "pydantic",
    ),
    *(
        "matplotlib.pyplot",
        "hypothesis",
        "pytest",
        "typer",
        "rich.console",
        "yaml",
        "safetensors.torch",
    ),
    *("skimage.transform", "sklearn.datasets", "requests", "jinja2", "PIL.Image", "http.server"),
)
THREADS = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "MPLBACKEND": "agg",
}
NOT_HERE = "not slurm and not faults and not slow"
PASSED, STOPPED, NO_TESTS = 0, 2, 5  # what pytest ends with
HANGING_SECONDS = 150.0  # by the clock, after which a test fails


@dataclass(frozen=True)
class Trial:
    """What became of a run of tests.

    Args:
        failed: the first test that failed, or nothing.
        how: the last line of its error.
        hung: whether the tests had to be killed.
        all_failed: all tests that failed.
        all_passed: all tests that ran and did not fail.
        ran: the test files that ran to their end, and the seconds that each took.
        seconds: of processors, for all of it.
    """

    failed: str
    how: str
    hung: bool
    all_failed: frozenset[str]
    all_passed: frozenset[str]
    ran: dict[str, float]
    seconds: float


class Copy:
    """A copy of the files of a project, those that git knows or would add, where bugs are planted.

    Args:
        root: the folder of the project.
        folder: where to copy it to.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root,
            stdout=subprocess.PIPE,
            check=True,
        )
        for name in listed.stdout.decode().split("\0"):
            if name and (root / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, folder / name)
        # checked by content: a bug may leave the size and the second of a file as they were
        words = ["-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "src", "tests"]
        subprocess.run([sys.executable, *words], cwd=folder, check=True)

    @contextmanager
    def planted(self, mutation: Mutation) -> Iterator[None]:
        """The copy has a bug for as long as the context lasts."""
        path = self.folder / mutation.path
        source = path.read_bytes()
        path.write_bytes(mutation.plant(source))
        try:
            yield
        finally:
            path.write_bytes(source)

    def text(self, path: str) -> str:
        """A file of the copy."""
        return (self.folder / path).read_text(encoding="utf-8")

    def test(
        self,
        tests: Sequence[str],
        seconds: float,
        without: Iterable[str] = (),
        compiled: bool = False,
        to_the_end: bool = False,
    ) -> Trial:
        """Run test files, or single tests, until one fails or the seconds are over.

        Args:
            tests: the tests, in this order.
            seconds: of processors, after which no further test begins.
            without: tests to leave out.
            compiled: whether what numba has compiled before may be what the bug is in.
            to_the_end: whether further tests run after one has failed.
        """
        words = [*(f"--deselect={test}" for test in without), *([] if to_the_end else ["-x"])]
        began = _spent()
        with tempfile.TemporaryDirectory(prefix="mutant-", ignore_cleanup_errors=True) as place:
            child = os.fork()
            if child == 0:
                _run_tests(self.folder, Path(place), [*words, *tests], seconds, compiled)
            status = _wait(child, 10 * seconds + HANGING_SECONDS)
            lines = Path(place, "tests.jsonl")
            reports = (
                [json.loads(line) for line in lines.read_text().splitlines()]
                if lines.exists()
                else []
            )
        took: dict[str, float] = {}
        for report in reports:
            file = report["test"].split("::")[0]
            took[file] = took.get(file, 0.0) + report["seconds"]
        failures = [report for report in reports if report["failed"]]
        failed, how = (failures[0]["test"], failures[0]["how"]) if failures else ("", "")
        if not failed and status not in (PASSED, STOPPED, NO_TESTS, None):
            failed, how = tests[0], f"pytest ended with status {status}"
        all_failed = frozenset(report["test"] for report in failures)
        passed = frozenset(report["test"] for report in reports) - all_failed
        return Trial(failed, how, status is None, all_failed, passed, took, _spent() - began)


def passing_without(copy: Copy, noticing: Collection[str]) -> dict[str, bool]:
    """Whether tests, or files of tests, that noticed bugs run and pass in a copy without one.

    Raises:
        SystemExit: if none of them runs.
    """
    names = {test: test.split("[")[0] for test in noticing}
    clean = copy.test(sorted(set(names.values())), math.inf, to_the_end=True)
    if not (clean.all_passed or clean.all_failed):
        raise SystemExit(f"no test that noticed a bug runs without one: {clean.how}")
    passed, failed = (
        {name for test in tests for name in (test.split("[")[0], test.split("::")[0])}
        for tests in (clean.all_passed, clean.all_failed)
    )
    return {test: name in passed - failed for test, name in names.items()}


class _Watcher:
    """Writes a line for each test; none begins after the seconds are over."""

    def __init__(self, path: Path, seconds: float) -> None:
        self.path = path
        self.end = _spent() + seconds

    def pytest_runtest_logreport(self, report) -> None:
        self._write(report.nodeid, report)

    def pytest_collectreport(self, report) -> None:
        if report.failed:
            self._write(report.nodeid, report)

    def pytest_runtest_protocol(self, item) -> None:
        if _spent() > self.end:
            item.session.shouldstop = "the seconds are over"

    def _write(self, test: str, report) -> None:
        text = report.longreprtext if report.failed else ""
        errors = [line for line in text.splitlines() if line.startswith("E ")]
        how = (errors or text.splitlines() or [""])[0][:200]
        said = {
            "test": test,
            "failed": report.failed,
            "seconds": getattr(report, "duration", 0.0),
            "how": how,
        }
        with self.path.open("a") as lines:
            lines.write(json.dumps(said) + "\n")


def _spent() -> float:
    """The seconds of processors that this process and those that it waited for have spent."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def preload() -> None:
    """Import what tests import from outside the project, so that forked processes have it."""
    os.environ.update(THREADS)
    for name in PRELOADED:
        __import__(name)


def _run_tests(
    folder: Path, place: Path, asked: Sequence[str], seconds: float, compiled: bool
) -> None:
    """In a forked process: run pytest and end."""
    status = 70
    try:
        os.setsid()
        os.chdir(folder)
        said = os.open(place / "output", os.O_WRONLY | os.O_CREAT)
        for stream in (1, 2):
            os.dup2(said, stream)
        (place / "temporary").mkdir()
        os.environ |= {
            "PYTHONPATH": str(folder / "src"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "TMPDIR": str(place / "temporary"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "NUMBA_CACHE_DIR": str(place / "numba" if compiled else folder / ".numba"),
        }
        tempfile.tempdir = None
        sys.path[:] = [
            str(folder / "src"),
            *(p for p in sys.path if Path(p) != Path(__file__).parent),
        ]
        import pytest

        words = ["-q", "-p", "no:cacheprovider", "-m", NOT_HERE]
        words += [f"--timeout={HANGING_SECONDS:.0f}"]
        words += [f"--basetemp={place / 'temporary' / 'pytest'}"]
        watcher = _Watcher(place / "tests.jsonl", seconds)
        status = int(pytest.main([*words, *asked], plugins=[watcher]))
    finally:
        os._exit(status)


def _wait(child: int, seconds: float) -> int | None:
    """Wait for a process and end all that it started; its status, or none if it is late."""
    end, pause = time.monotonic() + seconds, 0.01
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > end:
            _kill(child)
            os.waitpid(child, 0)
            return None
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)
    _kill(child)
    return os.waitstatus_to_exitcode(ended[1])


def _kill(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
