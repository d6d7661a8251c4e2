"""Heartbeats and leases that are damaged: none is believed, and none ends in a traceback."""

import json

import pytest
from altered_files import DEEP, altered, flip
from made_up_packs import BEAT

from isotrope import paths
from isotrope.files.json_files import CHECKSUM
from isotrope.packs import lease_files
from isotrope.processes.process import Process
from isotrope.status import heartbeats

WRONG = [
    {"epoch": "1e400"},
    {"seed": "1e400"},
    {"seeds": "[1e400]"},
    {"seeds": "5"},
    {"pid": "1e400"},
    {"seconds_left": "NaN"},
    {"validation_accuracy": "-Infinity"},
    {"epochs": "1" * 5000},
    {"host": DEEP},
]


@pytest.mark.parametrize("changed", WRONG)
def test_a_heartbeat_with_numbers_that_are_none_is_none(pack, changed):
    content = {key: json.dumps(value) for key, value in BEAT.items()} | changed
    pack.heartbeat.write_text("{" + ", ".join(f'"{k}": {v}' for k, v in content.items()) + "}")
    assert heartbeats.read(pack.heartbeat) is None
    assert pack.state == ("queued", 0, "")


@pytest.mark.parametrize("text", ["", DEEP, "[]", "3", "null", '{"seed": {}}'])
def test_what_is_no_heartbeat_is_none(pack, text):
    pack.heartbeat.write_text(text)
    assert heartbeats.read(pack.heartbeat) is None


def test_times_longer_than_a_century_are_not_said(pack):
    for seconds in (1e300, -1.0):
        pack.beat(seconds_left=seconds)
        assert heartbeats.read(pack.heartbeat).seconds_left is None


def test_status_reads_every_altered_heartbeat(pack):
    pack.beat()
    whole = json.loads(pack.heartbeat.read_text())
    for number in range(200):
        pack.heartbeat.write_text(json.dumps(altered(whole, number)[0]))
        assert pack.found.state in ("running", "queued", "interrupted")
    for number in range(100):
        pack.beat()
        flip(pack.heartbeat, number)
        assert pack.found.state in ("running", "queued", "interrupted")


def test_a_folder_in_the_place_of_a_heartbeat_is_none(pack):
    pack.heartbeat.mkdir()
    assert heartbeats.read(pack.heartbeat) is None
    assert pack.state == ("queued", 0, "")


@pytest.mark.parametrize(
    "text", [DEEP, "[]", "null", '{"claims": 5}', '{"work": "x", "claims": [], "process": 3}']
)
def test_a_damaged_lease_claims_everything(folder, text):
    path = paths.leases("a/b/c") / "0123456789abcdef.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    (found,) = lease_files.read_all(path.parent)
    assert found.claims is None
    assert found.conflicts_with(set(), set())


def test_every_altered_lease_is_read(folder):
    leases = paths.leases("a/b/c")
    path = lease_files.write(leases, "work", ["out/x"], "now", Process.this(), ["out/y"])
    whole = json.loads(path.read_text())
    for number in range(200):
        changed, what = altered(whole, number)
        path.write_text(json.dumps(changed))
        (found,) = lease_files.read_all(leases)
        assert found.claims is None or what == f"('{CHECKSUM}',) is gone", what
        changed.pop(CHECKSUM, None)  # as older versions wrote it
        path.write_text(json.dumps(changed))
        (found,) = lease_files.read_all(leases)
        assert str(found)
        gone = found.process.why_gone(False) if found.process else None
        assert gone is None or isinstance(gone, str)
    lease_files.remove(path)
