"""Tables on standard output: whoever reads only their beginning is no mistake."""

import os

import pytest

from isotrope.console.output import Output
from isotrope.console.printing import BROKEN_PIPE


def test_a_table_that_nobody_reads_ends_the_program_with_the_status_of_a_broken_pipe(monkeypatch):
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w") as pipe:
        monkeypatch.setattr("sys.stdout", pipe)
        with pytest.raises(SystemExit) as ended:
            Output().print("a table")
    assert ended.value.code == BROKEN_PIPE
