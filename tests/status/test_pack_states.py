"""The state of a pack, from files made up for each."""

import json
import os
from dataclasses import replace

import pytest
from made_up_index import DEMO, LOCAL, made_up_index, run
from made_up_packs import ANOTHER, STORES, MadeUpPack, looked_at, only

from isotrope import paths
from isotrope.plan.index import Index
from isotrope.status import folders, reading
from isotrope.status.asked_packs import packs_of
from isotrope.status.datasets import DatasetStatus
from isotrope.status.heartbeats import Pulse
from isotrope.status.states import Finding


def test_a_run_of_which_nothing_is_there_is_queued(folder):
    (one,) = looked_at(only(DEMO))
    assert (one.found.state, one.found.finished, one.found.detail) == ("queued", 0, "")


def test_how_seeds_ended_is_read_only_where_it_is_asked_for(folder, monkeypatch):
    asked = []
    monkeypatch.setattr(
        reading,
        "read_state",
        lambda pack, pulse, outcomes: asked.append(outcomes) or Finding("done"),
    )
    index = only(DEMO)
    for more in ((), (True,), (False,)):
        reading.read_states(index, [DEMO], Pulse(paths.OUT), *more)
    assert asked == [False, True, False]


def test_every_pack_of_every_point_is_found_in_order(folder):
    base = made_up_index().runs[DEMO].points["base"]
    entry = run(DEMO, seeds=(1, 26), small=base, large=base)
    found = looked_at(Index({DEMO: entry}, made_up_index().datasets))
    assert [(one.point, one.pack, one.seeds) for one in found] == [
        (point, pack, seeds)
        for point in ("small", "large")
        for pack, seeds in (("1-25", [1]), ("26-50", [26]))
    ]


def test_a_run_without_its_data_waits_and_names_them(folder):
    found = {one.run: one.found for one in looked_at(made_up_index())}
    needed = "needs stir/aerial.npz under $ISOTROPE_DATA, which is not set (see docs/data.md)"
    assert (found[LOCAL].state, found[LOCAL].detail) == ("waiting", needed)
    assert {one.state for name, one in found.items() if name != LOCAL} == {"queued"}


def test_data_that_appear_between_two_looks_are_seen(folder, monkeypatch):
    index = only(LOCAL)
    monkeypatch.setenv("ISOTROPE_DATA", str(folder / "mine"))
    assert [one.found.state for one in looked_at(index)] == ["waiting"]
    (folder / "mine/stir").mkdir(parents=True)
    (folder / "mine/stir/aerial.npz").touch()
    assert [one.found.state for one in looked_at(index)] == ["queued"]


def test_what_is_done_is_done_also_where_the_data_are_gone(folder):
    MadeUpPack(LOCAL).make()
    (one,) = looked_at(only(LOCAL))
    assert one.found.state == "done"


def test_a_data_set_that_could_not_be_built_fails_the_packs_that_need_it(folder):
    MadeUpPack(DEMO).make()
    log = paths.data_folder("stir") / "emoji.log"
    log.parent.mkdir(parents=True)
    log.write_text("drawing\nthe artwork is not installed; run `make env`\n")
    found = {one.run: one.found for one in looked_at(made_up_index())}
    assert found[DEMO].state == "done"
    others = [one for name, one in found.items() if name not in (DEMO, LOCAL)]
    assert {(one.state, one.detail, one.log) for one in others} == {
        (
            "failed",
            "data set stir/emoji: the artwork is not installed; run `make env`",
            log.as_posix(),
        )
    }


def test_a_damaged_manifest_fails_the_packs_and_not_the_look(folder):
    manifest = paths.manifest("stir", "emoji")
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{")
    (one,) = looked_at(only(DEMO))
    assert (one.found.state, one.found.detail.split(";")[0]) == (
        "failed",
        f"{manifest}: not a whole manifest",
    )


def test_some_seeds_are_trained(pack):
    pack.finish(1)
    assert pack.state == ("queued", 1, "")


def test_all_seeds_are_trained(pack):
    pack.finish(1, 2, 3)
    assert pack.state == ("queued", 3, "trained; to be put together")


def test_a_folder_that_a_killed_job_left_is_no_seed(pack):
    pack.finish(1)
    (paths.point_folder(DEMO, "base") / f".seeds/.2-{'a' * 16}.0123abcd.part").mkdir()
    assert pack.state == ("queued", 1, "")


def test_a_pack_that_is_put_together_waits_for_its_evaluation(pack):
    pack.finish(1, 2, 3)
    pack.assemble()
    assert pack.state == ("queued", 3, "trained; to be evaluated")


def test_a_pack_is_done_when_it_is_evaluated(pack):
    pack.make()
    assert pack.state == ("done", 3, "")
    assert (pack.found.diverged, pack.found.collapsed) == (0, None)


def test_diverged_seeds_of_a_done_pack_are_counted(pack):
    pack.make(2, seed2="diverged")
    assert pack.state == ("done", 3, "1 diverged")
    assert pack.found.diverged == 1


def test_a_pack_of_diverged_seeds_alone_has_diverged(pack):
    pack.make(1, 2, 3, seed1="diverged", seed2="diverged", seed3="diverged")
    assert pack.state == ("diverged", 3, "3 diverged")


def test_collapsed_and_shipped_seeds_are_counted_where_that_is_asked_for(pack):
    pack.make(2, seed1="collapsed", seed2="diverged", seed3="shipped")
    (one,) = looked_at(only(DEMO), outcomes=True)
    assert one.found.detail == "1 diverged, 1 collapsed, 1 shipped"
    assert (one.found.diverged, one.found.collapsed, one.found.shipped) == (1, 1, 1)
    assert (pack.found.collapsed, pack.found.shipped) == (None, None)


def test_a_run_without_evaluations_is_done_with_its_empty_results(pack):
    pack.finish(1, 2, 3)
    pack.assemble(seed1="diverged", age=10)
    pack.write("results.csv")
    entry = made_up_index().runs[DEMO].points["base"]
    bare = only(DEMO, points={"base": type(entry)(entry.training_digest, "stir/emoji", {}, {})})
    (one,) = looked_at(bare)
    assert (one.found.state, one.found.detail) == ("done", "1 diverged")


def test_seeds_that_were_added_are_queued(pack):
    pack.finish(1, 2)
    pack.assemble(seeds=(1, 2))
    pack.evaluate(1, 2)
    assert pack.state == ("queued", 2, "1 seed more than were trained")
    pack.finish(3)
    pack.assemble()
    pack.write("results.csv", age=60)
    assert pack.state == ("queued", 3, "trained; to be evaluated")


def test_outputs_count_also_where_the_store_was_emptied(pack):
    pack.assemble(age=10)
    pack.evaluate(1, 2, 3)
    assert pack.state == ("done", 3, "")


def test_seeds_trained_on_another_file_of_the_users_do_not_count(pack):
    pack.finish(1, 2, 3)
    manifest = paths.manifest("stir", "emoji")
    manifest.parent.mkdir(parents=True)
    for root, finished in (("ISOTROPE_DATA", 0), ("folder", 3)):
        files = [{"root": root, "path": "a", "sha256": "x"}]
        manifest.write_text(json.dumps({"files": files}))
        assert pack.state[:2] == ("queued", finished)


def test_a_folder_that_may_not_be_read_fails_its_pack_and_no_other(folder, monkeypatch):
    MadeUpPack(DEMO).make()
    refused, listdir = MadeUpPack("standard/stir_emoji/mine").folder, os.listdir

    def guarded(path):
        if path == refused:
            raise PermissionError(13, "Permission denied", str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", guarded)
    found = {(one.run, one.pack): one.found for one in looked_at(made_up_index())}
    assert found[DEMO, "1-25"].state == "done"
    failed = found["standard/stir_emoji/mine", "1-25"]
    assert failed.state == "failed"
    assert failed.detail == f"{refused}: may not be read; ask its owner for permission"
    assert found["standard/stir_emoji/mine", "26-50"].state == "queued"


def test_a_file_that_vanishes_between_listing_and_reading_is_as_if_it_never_was(pack, monkeypatch):
    pack.finish(1)
    for name in (".heartbeat.json", "train.log", "run.json", "weights.safetensors"):
        pack.write(name)
    names_in = folders.names_in

    def listed_then_gone(folder):
        names = names_in(folder)
        if folder == pack.folder:
            for name in names:
                (folder / name).unlink()
        return names

    monkeypatch.setattr(folders, "names_in", listed_then_gone)
    assert pack.state == ("queued", 1, "")
    assert not list(pack.folder.iterdir())


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"seeds": 5}'])
def test_a_damaged_run_json_is_named(pack, text):
    pack.finish(1)
    pack.write("weights.safetensors")
    pack.write("history.csv")
    pack.write("run.json", text)
    state, finished, detail = pack.state
    assert (state, finished) == ("stale", 1)
    assert "run.json is truncated or altered; delete it" in detail


def test_results_of_other_settings_are_no_results(pack):
    pack.finish(1, 2, 3, digest=ANOTHER)
    pack.assemble(digest=ANOTHER)
    pack.evaluate(1, 2, 3, stores=[store[:-1] + "0" for store in STORES])
    assert pack.state[:2] == ("stale", 0)


@pytest.mark.parametrize("name", ["weights.safetensors", "history.csv", "run.json"])
def test_an_output_that_was_deleted_is_said_to_be_gone_and_no_job_to_be_at_work(pack, name):
    pack.make()
    pack.write("train.log", "seed 3: done after 2 epochs\n", age=11)
    (pack.folder / name).unlink()
    kept = f"{name} is gone; its seeds are kept, and only put together again"
    assert pack.state == ("queued", 3, kept)
    pack.write("train.log", "", age=-20)  # a training that has begun since
    assert pack.state == ("running", 3, "puts seeds together")


def test_deleted_outputs_whose_seeds_are_not_kept_are_trained_anew(pack):
    pack.assemble()
    (pack.folder / "history.csv").unlink()
    (pack.folder / "weights.safetensors").unlink()
    gone = "weights.safetensors, history.csv are gone; `snakemake runs` trains its seeds anew"
    assert pack.state == ("queued", 0, gone)


def test_the_first_data_set_that_cannot_be_made_is_the_one_that_is_named():
    entry = only(DEMO)
    base = entry.runs[DEMO].points["base"]
    more = {"accuracy": replace(base.evaluations["accuracy"], dataset="other")}
    both = replace(base, evaluations={**base.evaluations, **more})
    index = Index({DEMO: run(DEMO, base=both)}, entry.datasets)
    assert both.datasets == [base.dataset, "other"]
    (pack,) = packs_of(index, [DEMO], {key: [] for key in both.datasets})
    for troubles, named in (
        (("one", "two"), ("failed", "one", "1.log")),
        (("", "two"), ("failed", "two", "2.log")),
        (("", ""), ("queued", "", None)),
    ):
        found = {pack: Finding("queued")}
        data = {
            key: DatasetStatus([], [], trouble, f"{i}.log")
            for i, (key, trouble) in enumerate(zip(both.datasets, troubles, strict=True), 1)
        }
        reading._mark_blocked(index, data, found)
        assert (found[pack].state, found[pack].detail, found[pack].log) == named
