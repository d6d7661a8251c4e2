"""How far a run is, from files made up for every state."""

import io
import json
import sys
import time
from dataclasses import replace

import pytest
from made_up_index import DEMO, LOCAL, made_up_index, point, run
from rich.console import Console

from isotrope import choice, cli, index, paths, status
from isotrope.index import Index, SelectEntry

DIGEST = "a" * 16  # that of the made-up points
BEAT = {
    "seed": 2,
    "epoch": 4,
    "epochs": 15,
    "validation_accuracy": 0.254,
    "host": "node7",
    "pid": 1,
    "slurm_job": None,
    "seconds_left": 130.0,
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ISOTROPE_DATA", raising=False)
    paths.pack_folder(DEMO, "base", "1-25").mkdir(parents=True)
    return tmp_path


def of_demo():
    known = Index({DEMO: made_up_index().runs[DEMO]}, made_up_index().datasets)
    (row,) = status.of(known)
    assert (row["run"], row["point"], row["pack"], row["seeds"]) == (DEMO, "base", "1-25", 3)
    return row["state"], row["finished"], row["detail"]


def finish(*seeds, digest=DIGEST, **states):
    for seed in seeds:
        folder = paths.finished_seed(DEMO, "base", seed, digest)
        folder.mkdir(parents=True)
        said = {"status": states.get(f"seed{seed}", "done")}
        (folder / "seed.json").write_text(json.dumps(said))


def write(name, text=""):
    (paths.pack_folder(DEMO, "base", "1-25") / name).write_text(text)


def beat(age, **changes):
    content = {**BEAT, "time": time.time() - age, **changes}
    paths.heartbeat(DEMO, "base", "1-25").write_text(json.dumps(content))


def test_a_run_without_its_data_waits_and_names_them():
    rows = status.of(made_up_index())
    (row,) = [row for row in rows if row["run"] == LOCAL]
    needed = "needs stir/aerial.npz under $ISOTROPE_DATA, which is not set (see the README, Data)"
    assert (row["state"], row["detail"]) == ("waiting", needed)


def test_a_run_of_which_nothing_is_there_is_queued():
    assert of_demo() == ("queued", 0, "")


def test_a_fresh_heartbeat_is_of_a_running_job():
    finish(1)
    beat(age=5)

    detail = "seed 2, epoch 4 of 15, validation accuracy 25.4%, at most 2 min left, node7"
    assert of_demo() == ("running", 1, detail)


def test_a_heartbeat_before_the_first_epoch_says_what_it_knows():
    beat(age=0, validation_accuracy=None, seconds_left=None)
    assert of_demo() == ("running", 0, "seed 2, epoch 4 of 15, node7")


def test_a_stale_heartbeat_is_of_an_interrupted_job():
    finish(1)
    beat(age=status.STALE_HEARTBEAT + 10)
    write("train.log", "a line\n")

    state, finished, detail = of_demo()

    assert (state, finished) == ("interrupted", 1)
    assert detail.startswith("last seen in seed 2, epoch 4 of 15")
    assert detail.endswith("resumes there")


def test_a_failed_job_shows_the_last_line_of_its_log():
    write("train.log", "training\nout/data/x: no such file; put it there\n\n  \n")
    assert of_demo() == ("failed", 0, "out/data/x: no such file; put it there")


def test_a_job_that_waits_for_another_has_not_failed():
    waits = "waits for the training of toy/toy/plain, base, seeds 1-2: process 12 on node7"
    write("train.log", f"{waits}\n")
    assert of_demo() == ("queued", 0, waits)
    finish(1, 2, 3)
    write("evaluate.log", f"{waits}\n")
    assert of_demo() == ("queued", 3, f"trained; evaluation: {waits}")


def test_a_changed_param_file_is_queued_again_and_has_not_failed():
    finish(1, 2, 3, digest="0" * 16)
    for name in ("train.log", "weights.safetensors", "results.csv"):
        write(name, "what an earlier job said\n")
    assert of_demo() == ("queued", 0, "")


def test_trained_seeds_wait_for_their_evaluation():
    finish(1, 2, 3)
    assert of_demo() == ("queued", 3, "trained; evaluation: queued")
    progress = "accuracy: 3 seeds on 1152 images of stir, test"
    write("evaluate.log", f"{progress}\n")
    assert of_demo() == ("queued", 3, f"trained; evaluation: {progress}")


def test_a_failed_evaluation_has_failed_and_shows_the_last_line_of_its_log():
    finish(1, 2, 3)
    write("evaluate.log", "accuracy: 3 seeds on 1152 images of stir, test\nit broke\n")
    assert of_demo() == ("failed", 3, "trained; evaluation: it broke")


def test_a_done_pack_counts_the_seeds_that_came_to_no_good():
    finish(1, 2, 3)
    write("results.csv")
    assert of_demo() == ("done", 3, "")


def test_diverged_and_collapsed_seeds_are_counted():
    finish(1, 2, 3, seed1="diverged", seed3="collapsed")
    write("results.csv")
    assert of_demo() == ("done", 3, "1 collapsed, 1 diverged")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_a_damaged_heartbeat_is_none(text):
    paths.heartbeat(DEMO, "base", "1-25").write_text(text)
    assert of_demo() == ("queued", 0, "")


def test_every_pack_of_every_point_has_a_row():
    points = made_up_index().runs[DEMO].points
    entry = run(DEMO, seeds=(1, 26), small=points["base"], large=points["base"])
    rows = status.of(Index({DEMO: entry}, made_up_index().datasets))
    assert [(row["point"], row["pack"], row["seeds"]) for row in rows] == [
        (point, pack, 1) for point in ("small", "large") for pack in ("1-25", "26-50")
    ]


def test_candidates_and_the_chosen_point_have_their_packs_and_states():
    points = {name: point(digest=name * 16) for name in "ab"}
    rule = SelectEntry("validation_accuracy", "median", [1, 2], "last")
    entry = replace(run(DEMO, seeds=(1, 2, 26), **points), select=rule)
    known = Index({DEMO: entry}, made_up_index().datasets)

    def states():
        return {
            (row["point"], row["pack"]): (row["state"], row["finished"], row["detail"])
            for row in status.of(known)
        }

    for name, seeds in (("a", (1, 2)), ("b", (1,))):
        for seed in seeds:
            folder = paths.finished_seed(DEMO, name, seed, name * 16)
            folder.mkdir(parents=True)
            (folder / "seed.json").write_text('{"status": "done"}')
    pack = paths.pack_folder(DEMO, "a", "1-25")
    pack.mkdir(parents=True)
    (pack / "run.json").write_text("{}")
    assert states() == {
        ("a", "1-25"): ("done", 2, ""),
        ("b", "1-25"): ("queued", 1, ""),
        ("selected", "1-25"): ("queued", 0, "waits for the choice"),
        ("selected", "26-50"): ("queued", 0, "waits for the choice"),
    }

    candidates = [choice.Candidate(name, name * 16, 0.5, [0.5, 0.5], []) for name in "ab"]
    choice.write(DEMO, choice.Choice("a", rule, candidates, []))
    assert states()["selected", "1-25"] == ("queued", 2, "a; trained; evaluation: queued")
    assert states()["selected", "26-50"] == ("queued", 0, "a")
    pack = paths.pack_folder(DEMO, "selected", "1-25")
    pack.mkdir(parents=True)
    (pack / "results.csv").touch()
    assert states()["selected", "1-25"] == ("done", 2, "a")


def test_shipped_seeds_are_counted():
    finish(1, 2, 3)
    path = paths.finished_seed(DEMO, "base", 2, DIGEST) / "seed.json"
    path.write_text(json.dumps({"status": "done", "origin": "shipped"}))
    write("results.csv")
    assert of_demo() == ("done", 3, "1 shipped")


def test_seeds_trained_on_another_file_of_the_users_do_not_count(folder, monkeypatch):
    finish(1, 2, 3)
    manifest = paths.manifest("stir", "emoji")
    manifest.parent.mkdir(parents=True)
    manifest.write_text(
        json.dumps({"files": [{"root": "ISOTROPE_DATA", "path": "a", "sha256": "x"}]})
    )
    assert of_demo()[:2] == ("queued", 0)
    manifest.write_text(json.dumps({"files": [{"root": "folder", "path": "a", "sha256": "x"}]}))
    assert of_demo()[:2] == ("queued", 3)


def test_json_is_for_programs_and_the_table_for_people(monkeypatch, capsys):
    monkeypatch.setattr(index, "current", made_up_index)
    beat(age=5)
    for words in (["--json"], []):
        monkeypatch.setattr(sys, "argv", ["isotrope", "status", *words])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        assert exit_.value.code == 0
        output = capsys.readouterr().out
        if words:
            rows = json.loads(output)
            assert rows == status.of(made_up_index())
            assert {row["state"] for row in rows} == {"running", "queued", "waiting"}
        else:
            assert "running" in output


def test_what_needs_attention_stands_first_and_sums_below():
    beat(age=5)
    text = io.StringIO()
    Console(file=text, width=200).print(status.table(status.of(made_up_index())))
    lines = text.getvalue().splitlines()
    assert "running" in lines[1]
    assert "0 of 3" in lines[1]
    assert "1 running, 5 queued, 1 waiting" in lines[-1]


def test_runs_that_wait_for_the_same_data_are_one_row():
    waiting = {f"standard/stir_aerial/v{i}": made_up_index().runs[LOCAL] for i in range(4)}
    rows = status.of(Index(waiting, made_up_index().datasets))
    text = io.StringIO()
    Console(file=text, width=200).print(status.table(rows))
    lines = text.getvalue().splitlines()
    assert len(rows) == 4
    assert len(lines) == 3
    assert lines[1].split()[:5] == ["4", "runs", "waiting", "needs", "stir/aerial.npz"]
    assert lines[-1].strip() == "4 waiting"
