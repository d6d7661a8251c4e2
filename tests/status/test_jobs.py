"""Jobs at work, ended and lost, from heartbeats and logs."""

import json
import os
import time

import pytest
from made_up_index import DEMO
from made_up_packs import ANOTHER, BEAT, STORES, MadeUpPack, looked_at, only

from isotrope import paths
from isotrope.cluster import recording
from isotrope.status import heartbeats
from isotrope.status.heartbeats import LOST, Pulse
from isotrope.status.jobs import STARTING

DETAIL = "seed 2, epoch 4 of 15, validation accuracy 25.4%, at most 2 min left, node7"
STARTS = (
    "standard/stir_emoji/demo, base, seeds 1-25: 3 to train, 0 are finished; cpu, 1 CPU threads"
)


def test_a_fresh_heartbeat_is_of_a_running_job(pack):
    pack.finish(1)
    pack.beat(age=5)
    assert pack.state == ("running", 1, DETAIL)
    assert pack.found.job.seeds == (2,)


def test_a_heartbeat_says_what_it_knows(pack):
    pack.beat(validation_accuracy=None, seconds_left=None)
    assert pack.state == ("running", 0, "seed 2, epoch 4 of 15, node7")


def test_a_heartbeat_of_a_slurm_job_names_it(pack):
    pack.beat(slurm_job="812", seconds_left=9000, validation_accuracy=None)
    detail = "seed 2, epoch 4 of 15, at most 2.5 h left, node7, SLURM job 812"
    assert pack.state == ("running", 0, detail)


def test_a_heartbeat_of_several_seeds_names_them(pack):
    pack.beat(seeds=[1, 2, 3, 7], seeds_done=1, seed=1)
    assert pack.found.detail == DETAIL.replace("seed 2", "seeds 1-3,7")
    assert (pack.found.job.seeds, pack.found.job.seeds_done) == ((1, 2, 3, 7), 1)


def test_a_lost_job_is_interrupted_and_resumes_what_it_saved(pack):
    pack.beat(age=LOST + 10)
    pack.write("train.log", "a line\n", age=LOST + 10)
    assert pack.state == ("interrupted", 0, f"last seen in {DETAIL}; begins anew")
    pack.save(2, digest=ANOTHER)
    assert pack.found.detail.endswith("begins anew")
    pack.save(2)
    assert pack.found.detail.endswith("resumes there")


def test_a_job_that_was_told_to_end_is_interrupted_at_once(pack):
    pack.write("train.log", "SIGTERM: saved, ends\n", age=2)
    pack.beat(age=1, ended=True)
    pack.save(2)
    assert pack.state == ("interrupted", 0, f"saved in {DETAIL}; resumes there")


def test_a_job_that_begins_after_an_interruption_starts(pack):
    pack.beat(age=60, ended=True)
    pack.write("train.log", STARTS, age=20)
    assert pack.state == ("running", 0, f"starts; last line: {STARTS}")


def test_a_job_that_fails_after_an_interruption_has_failed(pack):
    pack.beat(age=2 * LOST)
    pack.write("train.log", "out/data/x: no such file; put it there\n", age=LOST)
    assert pack.state == ("failed", 0, "out/data/x: no such file; put it there")


def test_a_log_without_a_heartbeat_is_of_a_job_that_starts_until_it_should_have_begun(pack):
    pack.write("train.log")
    assert pack.state == ("running", 0, "starts")
    pack.write("train.log", STARTS, age=200)
    assert pack.state == ("running", 0, f"starts, 3 min without a word; last line: {STARTS}")
    pack.write("train.log", STARTS, age=STARTING + 10)
    assert pack.state == ("interrupted", 0, f"ended without an error; last line: {STARTS}")


def test_a_failed_job_shows_the_end_of_its_log_and_where_it_is(pack):
    pack.write("train.log", "training\nout/data/x: no such file; put it there\n\n  \n", age=9999)
    assert pack.state == ("failed", 0, "out/data/x: no such file; put it there")
    assert pack.found.log == (pack.folder / "train.log").as_posix()


def test_trained_seeds_that_could_not_be_put_together_have_failed(pack):
    pack.finish(1, 2, 3)
    pack.write("train.log", "out/x could not be written: no space left on device; free space\n")
    assert pack.state[:2] == ("failed", 3)
    pack.write("train.log", "seed 3: done after 15 epochs, best\n")
    detail = "puts seeds together; last line: seed 3: done after 15 epochs, best"
    assert pack.state == ("running", 3, detail)


def test_an_evaluation_runs_fails_or_is_lost_by_its_log(pack):
    pack.finish(1, 2, 3)
    pack.assemble()
    progress = "accuracy: 3 seeds on 1152 images of stir, test"
    pack.write("evaluate.log", f"{progress}\n")
    assert pack.state == ("running", 3, f"evaluates; last line: {progress}")
    pack.write("evaluate.log", f"{progress}\n", age=1810)
    ended = f"evaluation: ended without an error; last line: {progress}"
    assert pack.state == ("interrupted", 3, ended)
    pack.write("evaluate.log", f"{progress}\nit broke\n")
    assert pack.state == ("failed", 3, "evaluation: it broke")
    pack.evaluate(1, 2, 3)
    assert pack.state[0] == "done"


GONE = "results.csv is gone; its rows are kept, and only put together again"


def test_results_that_were_deleted_after_their_evaluation_are_gone(pack):
    pack.make()
    pack.write("evaluate.log", "accuracy: 3 seeds on 1152 images of stir, test\n", age=60)
    (pack.folder / "results.csv").unlink()
    assert pack.state == ("queued", 3, GONE)
    pack.write("evaluate.log", "Killed\n", age=60)
    assert pack.state == ("failed", 3, "evaluation: Killed")


def test_an_evaluation_that_had_nothing_to_say_is_over_when_snakemake_has_measured_it(pack):
    pack.make()
    (pack.folder / "results.csv").unlink()
    assert pack.state == ("queued", 3, "trained; to be evaluated")
    pack.write("evaluate.benchmark.tsv", age=90)
    pack.write("evaluate.log", age=40)  # the next one begins
    assert pack.state == ("running", 3, "evaluates")
    pack.write("evaluate.benchmark.tsv", age=30)
    assert pack.state == ("queued", 3, GONE)
    (pack.folder / "evaluate.benchmark.tsv").unlink()
    pack.write("evaluate.log", age=STARTING + 1)
    assert pack.state == ("queued", 3, GONE)


def test_outputs_that_were_deleted_after_a_training_with_nothing_to_do_are_gone(pack):
    pack.make()
    pack.write("train.log", "x: 0 to train, 3 are finished; cpu, 2 CPU threads\n")
    os.utime(pack.folder / "weights.safetensors", (time.time() - 90,) * 2)
    (pack.folder / "run.json").unlink()
    for name in ("history.csv", "results.csv"):
        os.utime(pack.folder / name, (time.time() - 90,) * 2)
    kept = "run.json is gone; its seeds are kept, and only put together again"
    assert pack.state == ("queued", 3, kept)


def test_a_job_that_waits_for_another_is_queued_however_long(pack):
    waits = "waits for the training of toy/toy/plain, base, seeds 1-2: process 12 on node7"
    pack.write("train.log", f"{waits}\n", age=9999)
    assert pack.state == ("queued", 0, waits)
    pack.beat()  # it is this pack's own that it waits for
    assert pack.state[0] == "running"
    pack.heartbeat.unlink()
    pack.finish(1, 2, 3)
    pack.assemble()
    pack.write("evaluate.log", f"{waits}\n")
    assert pack.state == ("queued", 3, waits)


def test_a_job_that_was_told_to_end_before_its_first_heartbeat_is_interrupted(pack):
    pack.write("train.log", "SIGTERM: waits no longer, ends\n")
    expected = "ended without an error; last line: SIGTERM: waits no longer, ends"
    assert pack.state == ("interrupted", 0, expected)


def test_a_heartbeat_that_was_left_behind_does_not_hide_that_all_is_done(pack):
    pack.make()
    pack.beat(age=LOST + 10)
    assert pack.state == ("done", 3, "")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"seed": 1}', '{"seed": "x", "epoch": 1, "epochs": 2}']
)
def test_a_damaged_heartbeat_is_none(pack, text):
    pack.heartbeat.write_text(text)
    assert pack.state == ("queued", 0, "")


# a job that keeps the outputs of an earlier one until it has its own, as `isotrope submit` does


def test_a_training_that_fails_beside_stale_results_has_failed(pack):
    pack.finish(1, 2, 3, digest=ANOTHER)
    pack.assemble(digest=ANOTHER, age=300)
    pack.write("train.log", "seed 3: done after 15 epochs\n", age=295)  # of the same job
    assert pack.state[0] == "stale"
    pack.write("train.log", STARTS, age=100)
    assert pack.state[0] == "running"
    pack.write("train.log", "device cuda: there is none; use another\n", age=50)
    assert pack.state == ("failed", 0, "device cuda: there is none; use another")


def test_an_evaluation_that_fails_beside_stale_results_has_failed(pack):
    pack.finish(1, 2, 3)
    pack.assemble(age=300)
    pack.evaluate(1, 2, 3, stores=STORES[:1])
    pack.write("results.csv", age=200)
    assert pack.state == ("stale", 3, "evaluation scale_generalization is new")
    pack.write("evaluate.log", "it broke\n", age=100)
    assert pack.state == ("failed", 3, "evaluation: it broke")
    pack.write("results.csv", age=400)
    assert pack.state == ("failed", 3, "evaluation: it broke")
    pack.write("evaluate.log", age=400)
    assert pack.state == ("queued", 3, "trained; to be evaluated")


def test_the_log_of_an_added_seed_tells_how_it_fares(pack, monkeypatch):
    monkeypatch.setattr(recording, "_snakemake", lambda *words: None)
    pack.finish(1, 2)
    pack.assemble(seeds=(1, 2), age=300)
    pack.write("train.log", "it broke\n", age=100)
    assert pack.state == ("failed", 2, "it broke")
    recording.forget([pack.folder / "run.json"])  # as `isotrope submit` does with a part of a pack
    pack.write("train.log", "seed 2: done after 15 epochs\n")
    assert pack.state == ("queued", 2, "1 seed more than were trained")


# clocks


def set_clock_of_files(monkeypatch, ahead):
    """The clock of the file system is so many seconds ahead of this machine's."""
    monkeypatch.setattr(heartbeats, "file_system_time", lambda folder: time.time() + ahead)


@pytest.mark.parametrize("ahead", [-3600, 3600])
def test_clocks_that_differ_make_no_live_job_look_lost_and_no_lost_one_live(
    pack, monkeypatch, ahead
):
    set_clock_of_files(monkeypatch, ahead)
    pack.beat(age=5 - ahead)
    assert pack.state[0] == "running"
    pack.beat(age=LOST + 10 - ahead)
    assert pack.state[0] == "interrupted"


def test_the_nodes_own_word_of_the_time_does_not_count(pack):
    pack.heartbeat.write_text(json.dumps({**BEAT, "time": time.time() - 9999}))
    assert pack.state[0] == "running"


def test_the_file_systems_time_is_that_of_a_file_made_there_of_which_nothing_is_left(folder):
    before = time.time()
    now = heartbeats.file_system_time(folder)
    assert before - 1 < now < time.time() + 1
    assert not list(folder.iterdir())


def test_where_nothing_can_be_written_this_machines_clock_has_to_do(folder):
    before = time.time()
    assert before <= heartbeats.file_system_time(folder / "absent") <= time.time()


def test_a_project_without_jobs_is_looked_at_without_making_a_file(pack, monkeypatch):
    pack.make()
    monkeypatch.setattr(heartbeats, "file_system_time", lambda folder: pytest.fail("asked"))
    assert pack.state[0] == "done"


def test_a_heartbeat_that_changed_between_two_looks_is_alive_by_any_clock(pack, monkeypatch):
    set_clock_of_files(monkeypatch, 3600)  # and the node writes its own time: an hour behind
    pulse, now = Pulse(pack.folder), time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)

    def state():
        (one,) = looked_at(only(DEMO), pulse)
        return one.found.state

    pack.beat()
    assert state() == "interrupted"
    os.utime(pack.heartbeat, (time.time() + 7,) * 2)
    assert state() == "running"
    now += LOST - 1
    assert state() == "running"  # it has not beaten since, but not for long
    now += 2
    assert state() == "interrupted"


def test_two_packs_have_two_pulses(pack, monkeypatch):
    other = MadeUpPack(name="26-50")
    index = only(DEMO, seeds=[1, 2, 3, 26])
    pulse = Pulse(paths.OUT)
    pack.beat(age=LOST + 10)
    other.beat(age=LOST + 10)
    assert [one.found.state for one in looked_at(index, pulse)] == ["interrupted"] * 2
    other.beat(age=LOST + 5)
    assert [one.found.state for one in looked_at(index, pulse)] == ["interrupted", "running"]
