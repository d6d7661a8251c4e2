"""GPUs of this machine, claimed so that no two jobs of a user take the same place on one.

A claim is a lock (``flock``) on a file for each place of each GPU, in a folder of this user among
the temporary files. The kernel takes it back when the process has ended, however it ended. In a
SLURM job the folder is that job's own: its GPUs may have the numbers of another's. What other
users, and programs that know nothing of this, do on a GPU is not known here.
"""

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

from isotrope.errors import UserError

VISIBLE = "CUDA_VISIBLE_DEVICES"
LOOK_SECONDS = 1.0  # between two looks for a free GPU


def visible(count: Callable[[], int]) -> list[str]:
    """The names of the GPUs that CUDA shows this process: numbers, UUIDs or MIG parts.

    Args:
        count: says how many there are; asked only where the environment does not name them, since
            that may start CUDA, as for MIG parts, which then shows the first of them for good.
    """
    said = os.environ.get(VISIBLE)
    if said is None:
        return [str(number) for number in range(count())]
    names: list[str] = []
    for word in said.split(","):
        if not word.strip() or word.strip().startswith("-"):  # CUDA, too, stops here
            break
        names.append(word.strip())
    return names


def claim(
    names: Sequence[str],
    places: int,
    log: Callable[[str], None],
    wanted: int = 1,
    inherited: bool = False,
) -> None:
    """Wait for free places on different GPUs, and let CUDA show this process those GPUs alone.

    CUDA must not have been asked for anything before. Nothing happens where there is no choice.

    Args:
        names: the GPUs to choose from.
        places: how many processes may take the same GPU.
        log: is told which are taken, and when it has to wait.
        wanted: how many GPUs, at most as many as there are names.
        inherited: whether a program that replaces this process, and what that starts, keep them.

    Raises:
        UserError: if a lock cannot be had.
    """
    if len(names) < 2:
        return
    told = False
    while (claimed := _try(names, places, wanted)) is None:
        if not told:
            jobs = "a job" if places == 1 else f"{places} jobs"
            log(f"waits for a GPU: of {', '.join(names)} too few are free ({jobs} on each)")
            told = True
        time.sleep(LOOK_SECONDS)
    for handle in claimed.values():  # open until the end of the process
        os.set_inheritable(handle, inherited)
    os.environ[VISIBLE] = ",".join(claimed)
    log(f"takes GPU {', '.join(claimed)} of {', '.join(names)}")


def _try(names: Sequence[str], places: int, wanted: int) -> dict[str, int] | None:
    """The open files of the places taken, by GPU; None if too few are free, and none is kept."""
    taken: dict[str, int] = {}
    for place in range(places):  # the second place of a GPU once the first of all are taken
        for name in names:
            if name in taken or len(taken) == wanted:
                continue
            if (handle := _lock(_folder() / f"gpu-{quote(name, safe='')}.{place}")) is not None:
                taken[name] = handle
    if len(taken) == wanted:
        return {name: taken[name] for name in names if name in taken}
    for handle in taken.values():
        os.close(handle)
    return None


def _folder() -> Path:
    job = os.environ.get("SLURM_JOB_ID")
    return Path(tempfile.gettempdir()) / "-".join(
        ["isotrope", str(os.getuid()), *([job] if job else [])]
    )


def _lock(path: Path) -> int | None:
    """The handle of a file that is now locked; None if another process has locked it."""
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _refused(path, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if isinstance(error, BlockingIOError):
            return None
        raise _refused(path, error) from error
    return handle


def _refused(path: Path, error: OSError) -> UserError:
    return UserError(
        f"{path}: cannot be locked ({error.strerror}), so no GPU can be claimed; let TMPDIR name "
        f"a folder of this machine that you may write to, or {VISIBLE} the one GPU to take"
    )
