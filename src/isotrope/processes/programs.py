"""Which programs the shells find that are started from here."""

import os
import sys
from pathlib import Path


def find_own_programs() -> None:
    """Let them find those of the environment that this Python is of, whether activated or not.

    Not by a line of a shell: the folder may have blanks and quotes in its name.
    """
    own = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([own, *filter(None, [os.environ.get("PATH")])])
