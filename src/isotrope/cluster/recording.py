"""Telling Snakemake about files that were made without it.

Snakemake remembers what each of its files was made from, and plans a file anew when that changes.
For a file made without Snakemake, its record is missing or out of date: it would overlook a later
change, or make a correct file again. So code that makes a rule's outputs itself records them here.
Both functions call ``snakemake``; they may run beside another one, and in many processes at once.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

_LONG_AGO = 1  # seconds since 1970; Snakemake takes 0 for no time at all


def record(rules: Sequence[str], files: Sequence[Path], log: Callable[[str], None]) -> None:
    """Tell Snakemake that these files are what these rules make from the param-files of now.

    Args:
        rules: the rules that make the files; those of other files are left out, so that nothing
            else passes for up to date.
        files: one output of each of the rules' jobs; all outputs of these jobs must be there.
        log: is told if Snakemake refuses. The files are good all the same.
    """
    words = ("--touch", "--force", "--cores", "1", "--quiet", "all", "--allowed-rules", *rules)
    done = _snakemake(*words, "--", *(str(path) for path in files))
    if done.returncode != 0:
        output = f"{done.stdout}\n{done.stderr}".strip() or f"status {done.returncode}"
        reason = output.splitlines()[-1]
        log(f"snakemake does not know of {files[0].parent} yet, for it said: {reason}")


def forget(files: Sequence[Path]) -> None:
    """Let Snakemake make these files again the next time, whatever it knew of them.

    The files stay as they are. Their time of change is set to long ago, before that of any input.
    """
    there = [path for path in files if path.is_file()]
    for path in there:
        os.utime(path, (_LONG_AGO, _LONG_AGO))
    _snakemake("--cleanup-metadata", *(str(path) for path in there))  # fails if it knew nothing


def _snakemake(*words: str) -> subprocess.CompletedProcess[str]:
    """Snakemake on this machine, whatever profile the user has set, beside any other one."""
    environment = {k: v for k, v in os.environ.items() if k != "SNAKEMAKE_PROFILE"}
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "--nolock", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
