"""The table of survived faults tells what happened, and no more."""

import fault_record
from fault_record import HEADER, Fault, of_test

TABLE = f"# Faults\n\n{HEADER}\n|---|---|---|---|---|\n| kept | old | 3 of 3 | | 2020 |\n\nBelow.\n"
MARKED = {"fault": "SIGKILL", "done": "killed"}


def test_a_test_that_failed_survived_nothing_unless_it_says_how_often():
    assert of_test(MARKED, {}, passed=True) == Fault("SIGKILL", "killed", 1, 1)
    assert of_test(MARKED, {}, passed=False) == Fault("SIGKILL", "killed", 0, 1)
    counted = of_test(MARKED, {"tried": 25, "survived": 7, "said": "on"}, passed=False)
    assert counted == Fault("SIGKILL", "killed", 7, 25, "on")


def test_rows_of_one_fault_are_counted_together_and_others_stay(tmp_path):
    path = tmp_path / "faults.md"
    path.write_text(TABLE)
    faults = [Fault("SIGKILL", "killed", 25, 25, "alone"), Fault("SIGKILL", "killed", 24, 25, "")]

    fault_record.write(path, faults)
    fault_record.write(path, [Fault("SIGTERM", "ended", 1, 1), *faults])

    lines = path.read_text().splitlines()
    assert lines[:5] == TABLE.splitlines()[:5]
    assert lines[5].startswith("| SIGKILL | killed | 49 of 50 | alone | 2")
    assert lines[6].startswith("| SIGTERM | ended | 1 of 1 | ")
    assert lines[7:] == ["", "Below."]
