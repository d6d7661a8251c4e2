"""Which faults trainings survived, as a table: ``pytest -m faults --record FILE``.

Each test of a fault is a row, told by ``@pytest.mark.faults(fault=..., done=...)``; tests of the
same fault are counted together. What the trainings said comes from ``record_property("said",
...)``; a test of several times says how many with ``tried`` and ``survived``. Rows of faults that
were not tried this time stay as they are.
"""

import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from shutil import which

HEADER = "| fault | what was done | survived | what the log said | when and where |"


@dataclass(frozen=True)
class Fault:
    """What a test found out about a fault."""

    fault: str
    done: str
    survived: int
    tried: int
    said: str = ""


def of_test(marked: Mapping[str, str], found: Mapping[str, object], passed: bool) -> Fault:
    """The outcome of a test.

    Args:
        marked: what its mark says: ``fault`` and ``done``.
        found: what it recorded: ``said``, ``tried``, ``survived``.
        passed: whether all that it asserts is true.
    """
    tried = int(str(found.get("tried", 1)))
    survived = int(str(found.get("survived", int(passed))))
    said = str(found.get("said", ""))
    return Fault(marked["fault"], marked["done"], survived, tried, said)


def write(path: Path, faults: Iterable[Fault]) -> None:
    """Put rows into the table of a file, in the place of older ones of the same faults."""
    lines = path.read_text("utf-8").splitlines()
    start = lines.index(HEADER) + 2
    end = next((i for i in range(start, len(lines)) if not lines[i].startswith("|")), len(lines))
    rows = {row.split(" | ")[0].removeprefix("| "): row for row in lines[start:end]}
    rows |= {fault: _row(group) for fault, group in _grouped(faults).items()}
    path.write_text("\n".join([*lines[:start], *rows.values(), *lines[end:]]) + "\n", "utf-8")


def _grouped(faults: Iterable[Fault]) -> dict[str, list[Fault]]:
    groups: dict[str, list[Fault]] = {}
    for one in faults:
        groups.setdefault(one.fault, []).append(one)
    return groups


def _row(group: list[Fault]) -> str:
    said = "; ".join(one.said for one in group if one.said)
    counts = f"{sum(one.survived for one in group)} of {sum(one.tried for one in group)}"
    when = f"{datetime.now(UTC):%Y-%m-%d}, {_machine()}"
    return f"| {group[0].fault} | {group[0].done} | {counts} | {said} | {when} |"


def _machine() -> str:
    """Processor, cores, load and versions, as short as can be."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    name = next((line.split(": ")[1] for line in lines if line.startswith("model name")), "")
    parts = [
        f"{name.replace('(R)', '') or platform.machine()}, {os.cpu_count()} cores",
        f"load {os.getloadavg()[0]:.0f}",
        f"torch {version('torch')}",
    ]
    if which("scontrol") and "SLURM_CONF" in os.environ:
        said = subprocess.run(["scontrol", "--version"], capture_output=True, text=True, check=True)
        parts.append(f"SLURM {said.stdout.split()[-1]}")
    return ", ".join(parts)
