"""What a job says, kept in a file beside what it makes, for ``isotrope status``.

Snakemake keeps what its jobs print; whoever starts one without it calls this.
"""

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from isotrope.errors import UserError
from isotrope.packs.lease import LeaseLostError

Log = Callable[[str], None]

_WRITE = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK  # waits at no named pipe


@contextmanager
def logged(path: Path, say: Log, append: bool = False) -> Iterator[Log]:
    """Lines go to a file and to ``say``; what ends the work goes to the file.

    A file that cannot be written ends no work, and one that holds all that the process prints, as
    with Snakemake, is not written a second time.

    Args:
        path: the file; its folder is made.
        say: where lines go besides.
        append: whether what the file holds is kept.
    """
    if _is_output(path):
        yield say
        return
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not append:
            os.close(os.open(path, _WRITE | os.O_TRUNC, 0o666))

    def keep(text: str) -> None:
        with suppress(OSError), os.fdopen(os.open(path, _WRITE, 0o666), "ab") as file:
            file.write(f"{text}\n".encode())

    def log(line: str) -> None:
        keep(line)
        say(line)

    try:
        yield log
    except UserError as error:
        keep("\n".join(error.sentences))
        raise
    except LeaseLostError:
        raise  # another process is at work here, and its log is to be read
    except Exception:
        keep(traceback.format_exc().rstrip())
        raise


def _is_output(path: Path) -> bool:
    """Whether a file is what this process prints to."""
    with suppress(OSError, ValueError):
        return os.path.samestat(path.stat(), os.fstat(sys.stdout.fileno()))
    return False
