"""A disk that a test can fill: a small one of its own where the test may mount it."""

import errno
import os
import subprocess
from io import FileIO
from pathlib import Path

import pytest

SIZE = 2 << 20  # bytes


def written(file: FileIO, content: bytes) -> bool:
    """Write, if there is room."""
    try:
        return bool(file.write(content))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            return False
        raise


class SmallDisk:
    """What lies under ``out`` of the working directory.

    Where nothing can be mounted, a full disk is one that does not take what is written to it for
    good, and ``mounted`` is false.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = Path("out").absolute()
        self.folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(self.folder)]
        done = (
            subprocess.run(mount, capture_output=True, check=False) if os.geteuid() == 0 else None
        )
        self.mounted = done is not None and done.returncode == 0
        self._patch = monkeypatch

    def fill(self) -> None:
        """Leave no room, not even for a file without content."""
        if not self.mounted:
            self._patch.setattr(os, "fsync", self._refuse)
            return
        with (self.folder / "filling").open("wb", buffering=0) as file:
            for size in (1 << 16, 1 << 10, 1):
                while written(file, b"x" * size):
                    pass

    def free(self) -> None:
        """Make room again."""
        self._patch.undo() if not self.mounted else (self.folder / "filling").unlink()

    def read_only(self, on: bool) -> None:
        """Forbid writing, or allow it again."""
        if self.mounted:
            change = f"remount,{'ro' if on else 'rw'}"
            subprocess.run(["mount", "-o", change, str(self.folder)], check=True)
            return
        for folder in [self.folder, *(path for path in self.folder.rglob("*") if path.is_dir())]:
            folder.chmod(0o500 if on else 0o700)

    def close(self) -> None:
        """Unmount it."""
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    @staticmethod
    def _refuse(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def small_disk(tmp_path, monkeypatch):
    """A small disk under ``out`` of a new working directory."""
    monkeypatch.chdir(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        disk = SmallDisk(patch)
        try:
            yield disk
        finally:
            disk.close()
