"""Checks a machine with a GPU, then measures it: the first thing to run on a new cluster.

Takes 8 minutes at most. Every model is computed on the GPU and compared with float64, in stacks and
by itself; trainings are killed, run out of memory and share the card; then each row of the table
is printed as it comes. What did not fit into the time is listed as not run. The exit status is 1 if
a check failed, 2 if something is missing here.

A whole run on a GPU writes benchmarks/results/gpu.md and gpu.json, any other below out/gpu.
"""

import argparse
import contextlib
import faulthandler
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS, ELSEWHERE = ROOT / "benchmarks" / "results", ROOT / "out" / "gpu"
COMMIT = ROOT / "benchmarks" / "commit.txt"  # an archive made by git has its commit there
BUDGET, FOR_CHECKS, GRACE = 480.0, 240.0, 60.0  # seconds
MODELS = [path.stem for path in sorted((ROOT / "src/isotrope/models").glob("[a-z]*.py"))]
QUICK = ["standard", "ensemble"]
NOT_RUN = "not run"


class OutOfTime(BaseException):
    """The time of a check or a measurement is over; no `except Exception` may hold it up."""


@contextlib.contextmanager
def limited(seconds):
    """Raise `OutOfTime` in the block when its time is over; in the main thread."""

    def end(*_):
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, max(0.01, seconds))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Inspection:
    """All checks and rows of a machine, and where their results go.

    Args:
        asked: the words of the command line.
        device: where to compute.
    """

    def __init__(self, asked, device):
        self.asked, self.device = asked, device
        self.begin = time.monotonic()
        self.checks, self.rows, self.rates = [], [], {}
        self.lock = threading.Lock()
        whole = device.type == "cuda" and not asked.quick and not asked.only
        whole = whole and not (asked.checks or asked.table or asked.models)
        self.folder = asked.results or (RESULTS if whole else ELSEWHERE)
        self.about = about(device, asked.quick)

    def left(self, of=None):
        """Seconds that are left of so many since the start; of all there are, if left out."""
        return (BUDGET if of is None else of) - (time.monotonic() - self.begin)

    def wanted(self, name):
        """Whether a check or a row was asked for."""
        return not self.asked.only or name in self.asked.only

    def add(self, kind, entry, line):
        """Print what has become of a check or a row, and write all that is known."""
        with self.lock:
            print(line, flush=True)
            (self.checks if kind == "check" else self.rows).append(entry)
            self.write()

    def write(self):
        """Write both files of results."""
        import gpu_report

        known = {
            **self.about,
            "seconds": round(time.monotonic() - self.begin),
            "checks": self.checks,
            "rows": self.rows,
            "rates": self.rates,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(known, indent=2) + "\n"
        (self.folder / "gpu.json").write_text(text, encoding="utf-8")
        (self.folder / "gpu.md").write_text(gpu_report.page(known), encoding="utf-8")

    def check(self, name, work, session):
        """One check."""
        from gpu_project import CheckError, NotRunError

        begin = time.monotonic()
        status, note = "ok", ""
        try:
            note = work(session)
        except CheckError as error:
            status, note = "failed", str(error)
        except NotRunError as error:
            status, note = NOT_RUN, str(error)
        except OutOfTime:
            status, note = NOT_RUN, "no time was left"
        except Exception as error:
            first = next(iter(str(error).strip().splitlines()), "")
            status, note = "failed", f"{type(error).__name__}: {first}"
        seconds = time.monotonic() - begin
        why = f": {note}" if note else ""
        line = {
            "ok": f"ok {name} ({seconds:.1f} s){why}",
            "failed": f"FAILED {name}{why or ': no reason was given'}",
            NOT_RUN: f"not run {name}{why}",
        }[status]
        entry = {"name": name, "status": status, "seconds": round(seconds, 1), "note": note}
        self.add("check", entry, line)

    def run_checks(self, session):
        """The checks in this process, beside them those in programs of their own."""
        import gpu_checks

        chosen = [
            {name: work for name, work in group.items() if self.wanted(name)}
            for group in (gpu_checks.IN_PROCESS, gpu_checks.IN_PROGRAMS)
        ]

        def programs():
            for name, work in chosen[1].items():
                self.check(name, work, session)

        beside = threading.Thread(target=programs)
        beside.start()
        try:
            for name, work in chosen[0].items():
                self.check(name, lambda one, work=work: _in_time(work, one), session)
        except BaseException:
            session.close()
            raise
        finally:
            beside.join()

    def run_table(self, session):
        """The rows, the shortest first."""
        import gpu_measuring
        import gpu_table

        measuring = gpu_measuring.Measuring(session)
        self.rates = measuring.rates
        chosen = [row for row in gpu_table.rows() if self.wanted(row.name)]
        if any("before" in row.text for row in chosen):
            measuring.start()
        try:
            for row in chosen:
                self.measure(row, measuring, session)
        finally:
            measuring.close()

    def measure(self, row, measuring, session):
        """One row of the table."""
        import gpu_report
        from gpu_project import CheckError, NotRunError

        begin = time.monotonic()
        entry = {"name": row.name, "text": row.text, "goal": row.goal, "unit": row.unit}
        try:
            if (left := max(0.0, session.seconds_left())) < row.least:
                raise NotRunError(f"{left:.0f} s were left, {row.least:.0f} are needed")
            found = _in_time(lambda _: row.measure(measuring), session)
            entry |= {"met": row.met(found.value), **found.as_json()}
        except (CheckError, NotRunError) as error:
            entry |= {"met": None, "note": f"{NOT_RUN}: {error}"}
        except OutOfTime:
            entry |= {"met": None, "note": f"{NOT_RUN}: no time was left"}
        except Exception as error:
            first = next(iter(str(error).strip().splitlines()), "")
            entry |= {"met": None, "note": f"{NOT_RUN}: {type(error).__name__}: {first}"}
        entry["seconds"] = round(time.monotonic() - begin, 1)
        self.add("row", entry, gpu_report.line(entry))


def _in_time(work, session):
    """Do something until the session's time is over."""
    from isotrope import devices

    try:
        with limited(session.seconds_left()):
            return work(session)
    finally:
        devices.free_memory(session.device)


def about(device, quick):
    """Date, card, versions and commit."""
    import torch

    from isotrope import devices

    on_gpu = device.type == "cuda"
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "card": devices.describe(device),
        "memory_gib": _gib(device) if on_gpu else None,
        "driver": _driver() if on_gpu else None,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        "commit": commit(),
        "quick": quick,
    }


def _gib(device):
    import torch

    return round(torch.cuda.get_device_properties(device).total_memory / 2**30, 1)


def _driver():
    """The version of the driver, if it says so."""
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        found = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip().splitlines()[0]


def commit():
    """The commit of this code, as git says, or the archive that it came in."""
    from isotrope.processes import provenance

    with contextlib.chdir(ROOT):
        known = provenance.git_commit()
    carried = COMMIT.read_text(encoding="utf-8").strip() if COMMIT.is_file() else ""
    return known or (carried if carried and "$" not in carried else None)


def find_packages():
    """Import all that the checks need.

    Raises:
        SystemExit: with one sentence that names what is missing.
    """
    sys.path.insert(0, str(ROOT / "src"))
    try:
        import gpu_report  # noqa: F401
        import gpu_table  # noqa: F401

        import isotrope.cli
        import isotrope.measuring.evaluating
        import isotrope.training.pack  # noqa: F401
    except ModuleNotFoundError as error:
        name = (error.name or "?").partition(".")[0]
        package = {"yaml": "pyyaml", "PIL": "pillow"}.get(name, name)
        print(
            f"the package {package} is not installed for {sys.executable}: `{sys.executable} -m "
            f"pip install {package}`, or name another Python in ISOTROPE_PYTHON",
            file=sys.stderr,
        )
        sys.exit(2)


def check_names(asked):
    """Refuse names of checks, rows and models that there are not.

    Raises:
        UserError: with a sentence for each.
    """
    import gpu_checks
    import gpu_table

    from isotrope.errors import UserError, did_you_mean

    measured = [row.name for row in gpu_table.rows()]
    parts = [*gpu_checks.IN_PROCESS, *gpu_checks.IN_PROGRAMS, *measured]
    wrong = [
        f"{word} {name}: there is no such {what}{did_you_mean(name, known)}"
        for word, what, names, known in (
            ("--only", "check or row", asked.only, parts),
            ("--models", "model", asked.models, MODELS),
        )
        for name in names
        if name not in known
    ]
    if wrong:
        raise UserError(*wrong)


def parse():
    """The words of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes: shows that all of it runs"
    )
    parser.add_argument("--only", nargs="+", default=[], help="names of checks and rows")
    parser.add_argument("--models", nargs="+", default=[], help="models to check, all if left out")
    parser.add_argument("--checks", action="store_true", help="no table")
    parser.add_argument("--table", action="store_true", help="no checks")
    parser.add_argument("--results", type=Path, help="where gpu.md and gpu.json go")
    return parser.parse_args()


def main():
    asked = parse()
    find_packages()
    import torch
    from gpu_checks import Session

    from isotrope import devices
    from isotrope.errors import UserError

    try:
        check_names(asked)
        device = devices.choose(asked.device)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    inspection = Inspection(asked, device)
    scratch = Path(tempfile.mkdtemp(prefix="isotrope-gpu-"))
    models = asked.models or (QUICK if asked.quick else MODELS)
    until = BUDGET if asked.checks else FOR_CHECKS
    session = Session(device, models, asked.quick, scratch, lambda: inspection.left(until))
    head = ", ".join(f"{key} {value}" for key, value in inspection.about.items() if value)
    print(head, flush=True)
    if asked.quick:
        print("tiny sizes: no number counts", flush=True)
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    hung = {"exit": True, "file": sys.__stderr__}  # what waits for a GPU hears no signal
    faulthandler.dump_traceback_later(BUDGET + GRACE, **hung)
    try:
        with devices.arithmetic(device, threads=max(1, len(os.sched_getaffinity(0)) - 1)):
            if not asked.table:
                inspection.run_checks(session)
            session.seconds_left = inspection.left
            torch.set_num_threads(1)
            if not asked.checks:
                inspection.run_table(session)
    finally:
        faulthandler.cancel_dump_traceback_later()
        session.close()
        signal.signal(signal.SIGTERM, before)
        shutil.rmtree(scratch, ignore_errors=True)
    inspection.write()
    failed = [one["name"] for one in inspection.checks if one["status"] == "failed"]
    left_out = [one["name"] for one in inspection.checks if one["status"] == NOT_RUN]
    left_out += [one["name"] for one in inspection.rows if one["met"] is None]
    if left_out:
        print(f"not run: {', '.join(left_out)}")
    if failed:
        print(f"failed: {', '.join(failed)}")
    print(f"{time.monotonic() - inspection.begin:.0f} s; results in {inspection.folder}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
