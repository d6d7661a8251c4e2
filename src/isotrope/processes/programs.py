"""The programs that shells find which are started from here, and what installs packages."""

import os
import shlex
import shutil
import sys
from importlib import metadata
from pathlib import Path


def find_own_programs() -> None:
    """Let them find those of the environment that this Python is of, whether activated or not.

    Not by a line of a shell: the folder may have blanks and quotes in its name.
    """
    own = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([own, *filter(None, [os.environ.get("PATH")])])


def command_to_install(*packages: str) -> str:
    """What a user types in the project's folder to install packages for this Python.

    The environment of ``make env`` has no pip: uv installs there, which ``make env`` brings itself
    where the machine has none.
    """
    python = Path(sys.executable)
    if python.is_relative_to(Path.cwd()):
        python = python.relative_to(Path.cwd())
    # no search for the module: setuptools takes it for pip at work, and fails from then on
    if any(metadata.distributions(name="pip")):
        words = [str(python), "-m", "pip", "install"]
    else:
        uv = "uv" if shutil.which("uv") else ".uv/bin/uv"
        words = [uv, "pip", "install", "--python", str(python)]
    return shlex.join([*words, *packages])
