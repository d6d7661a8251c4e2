"""Progress bars: on a terminal, and nowhere else."""

import os
import pty
import re
import subprocess
import sys

from isotrope.console.terminal import transfer, with_progress

CODE = """
from isotrope.console.terminal import with_progress, transfer
assert list(with_progress(range(4), "digits: sizes")) == [0, 1, 2, 3]
with transfer("a.npz", 2_000_000) as bar:
    bar.at(1_000_000)
"""


def test_items_are_followed_without_a_word_where_nobody_watches(capfd):
    assert list(with_progress("abc", "letters")) == ["a", "b", "c"]
    with transfer("a.npz", 10) as bar:
        bar.at(10)
    assert capfd.readouterr() == ("", "")


def test_a_bar_is_shown_on_a_terminal_s_standard_error():
    mine, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        stderr=theirs,
        stdout=subprocess.PIPE,
        env=environment,
        check=True,
    )
    shown = os.read(mine, 65536).decode()
    for handle in (mine, theirs):
        os.close(handle)
    assert "digits: sizes" in shown
    assert "a.npz" in shown
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown)
    assert re.search(r"1\.0/2\.0 MB (\? |.* .B/s )", plain), "how much, and how fast"
    assert done.stdout == b""
