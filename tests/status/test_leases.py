"""A job that holds its lease is at work, whatever else it says of itself."""

import json
import os
import time

import pytest
from made_up_index import DEMO, OWN
from made_up_packs import ANOTHER, STORES, looked_at, only

from isotrope import paths
from isotrope.packs import lease_files
from isotrope.processes.process import Process
from isotrope.status import folders

DEAD = Process("node9", Process.this().machine, 2**30)  # no process has such a number
STEP = "seed 2, epoch 4 of 15, validation accuracy 25.4%, at most 2 min left, node7"


@pytest.fixture
def hold():
    """Write a lease on some files, as another process would, and give it an age."""
    written = []

    def write(*claims, age=0.0, process=None, run=DEMO):
        process = process or Process("node9", "another machine", 7)
        fields = "work", [path.as_posix() for path in claims], "now", process
        path = lease_files.write(paths.leases(run), *fields)
        os.utime(path, (time.time() - age,) * 2)
        written.append(path)
        return path

    yield write
    for path in written:
        lease_files.remove(path)


def test_a_step_of_many_minutes_is_no_lost_job_while_its_lease_is_held(pack, hold):
    pack.beat(age=400)
    assert pack.state[0] == "interrupted"
    held = hold(pack.folder)
    assert pack.state == ("running", 0, f"{STEP}, 7 min without a word")
    assert pack.found.job.epoch == 4
    os.utime(held, (time.time() - 121,) * 2)
    assert pack.state[0] == "interrupted"


def test_a_lease_of_a_process_of_this_machine_that_is_gone_counts_for_nothing(pack, hold):
    pack.beat(age=400)
    hold(pack.folder, process=DEAD)
    assert pack.state[0] == "interrupted"


def test_a_process_that_was_killed_while_it_started_is_not_waited_for(pack, hold):
    pack.write("train.log", "x: 3 to train, 0 are finished; CPU\n")
    assert pack.state[0] == "running"
    hold(pack.folder, process=DEAD)
    said = "its process is gone; last line: x: 3 to train, 0 are finished; CPU"
    assert pack.state == ("interrupted", 0, said)
    pack.write("train.log")  # the next one begins, and has not taken over yet
    assert pack.state == ("running", 0, "starts")


def test_an_evaluation_that_was_killed_is_not_waited_for(pack, hold):
    pack.finish(1, 2, 3)
    pack.assemble()
    pack.write("evaluate.log", "accuracy: 3 seeds on 9 images of stir, test\n")
    assert pack.state[0] == "running"
    hold(pack.folder / "results.csv", process=DEAD)
    last = "accuracy: 3 seeds on 9 images of stir, test"
    assert pack.state == ("interrupted", 3, f"evaluation: its process is gone; last line: {last}")


def test_a_lease_on_other_files_or_of_another_run_counts_for_nothing(pack, hold):
    pack.beat(age=400)
    hold(paths.pack_folder(DEMO, "base", "26-50"))
    hold(pack.folder, run=OWN)
    (paths.leases(DEMO) / "damaged.json").write_text("{")
    assert pack.state[0] == "interrupted"


def test_a_lease_whose_time_changes_between_two_looks_is_held_by_any_clock(pack, hold):
    from pathlib import Path

    from isotrope.status.heartbeats import Pulse

    pulse = Pulse(Path())
    pack.beat(age=4000)
    held = hold(pack.folder, age=3000)
    assert [one.found.state for one in looked_at(only(DEMO), pulse)] == ["interrupted"]
    os.utime(held, (time.time() - 2990,) * 2)
    assert [one.found.state for one in looked_at(only(DEMO), pulse)] == ["running"]


def test_a_training_that_loads_data_is_at_work(pack, hold):
    pack.write("train.log", "waits for the training of x: process 7 on y\n", age=700)
    hold(pack.folder)
    assert pack.state == ("running", 0, "starts")
    pack.write("train.log", "x: 3 to train, 0 are finished; CPU\n", age=700)
    expected = "starts, 12 min without a word; last line: x: 3 to train, 0 are finished; CPU"
    assert pack.state == ("running", 0, expected)


def test_seeds_of_old_settings_are_trained_anew_by_whom_the_lease_names(pack, hold):
    pack.finish(1, 2, 3, digest=ANOTHER)
    pack.assemble(digest=ANOTHER)
    assert pack.state[0] == "stale"
    hold(pack.folder)
    assert pack.state == ("running", 0, "starts")


def test_outputs_that_are_put_together_at_the_moment_are_not_gone(pack, hold):
    pack.make()
    (pack.folder / "run.json").unlink()
    hold(pack.folder)
    assert pack.state == ("running", 3, "puts seeds together")


def test_an_evaluation_by_hand_is_at_work(pack, hold):
    pack.finish(1, 2, 3)
    pack.assemble()
    hold(pack.folder / "results.csv")
    assert pack.state == ("running", 3, "evaluates")
    pack.write("results.csv", age=60)
    assert pack.state == ("running", 3, "evaluates")


def test_an_evaluation_that_differs_is_computed_anew_by_whom_the_lease_names(pack, hold):
    pack.finish(1, 2, 3)
    pack.assemble(age=10)
    pack.evaluate(1, 2, 3, stores=(STORES[0], "scale_generalization-" + ANOTHER))
    assert pack.state == ("stale", 3, "evaluation scale_generalization differs")
    hold(pack.folder / "results.csv")
    assert pack.state == ("running", 3, "evaluates")


def test_a_finished_pack_is_done_whoever_holds_a_lease_on_it(pack, hold):
    pack.make()
    hold(pack.folder, pack.folder / "results.csv")
    assert pack.state == ("done", 3, "")


def test_a_folder_of_leases_that_is_a_file_ends_no_look(pack):
    pack.beat(age=400)
    paths.leases(DEMO).write_text(json.dumps([]))
    assert pack.state[0] == "interrupted"


def test_what_a_killed_job_left_in_a_store_hides_no_seed():
    left = {f".{number}.part" for number in range(99)} | {"x-aaaa"}
    found, others = folders._seeds(frozenset({"7-aaaa", "8-aaaa", "7-bbbb", *left}), "aaaa")
    assert found == {7, 8}
    assert others == {7: {"bbbb"}}
