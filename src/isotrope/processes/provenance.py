"""What a result was made with: versions, commit, host and time."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version

import isotrope

_CODE = ("src", "plugins", "envs/requirements.txt", "pyproject.toml")
DIRTY = "-dirty"  # ends a commit that does not hold all of the code


def versions() -> dict[str, str]:
    """The versions of what a number may depend on."""
    packages = {name: version(name) for name in ("torch", "numpy", "safetensors")}
    return {"isotrope": isotrope.__version__, "python": platform.python_version(), **packages}


def git_commit() -> str | None:
    """The commit of the working directory, with ``-dirty`` if its code differs; else none.

    Code is the package, a user's plug-ins and the pinned environment. Param-files are not: what
    they said stands beside the commit, and whoever adds one has changed no code.
    """
    commit = _git("rev-parse", "--verify", "--quiet", "HEAD")
    if not commit:
        return None
    changed = _git("status", "--porcelain", "--", *_CODE)
    return commit if changed == "" else f"{commit}{DIRTY}"


def _git(*words: str) -> str | None:
    """What git answers; nothing if there is no git, or it refuses."""
    try:
        found = subprocess.run(
            ["git", *words], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() if found.returncode == 0 else None


def now() -> str:
    """The time in UTC, to the second, as ISO 8601 has it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def job() -> dict[str, str | int | None]:
    """Where this process runs: host, process number, and SLURM's job number if it has one."""
    return {
        "host": platform.node(),
        "pid": os.getpid(),
        "slurm_job": os.environ.get("SLURM_JOB_ID"),
    }
