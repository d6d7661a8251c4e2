"""`isotrope evaluate F --like RUN`: what each step is asked, and every line, without a network.

What is tried is ``_evaluate_like`` of ``isotrope.commands.runs``.
"""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from isotrope import devices
from isotrope.cli import app
from isotrope.cluster import recording
from isotrope.errors import UserError
from isotrope.plan import index_file
from isotrope.results import beside
from isotrope.tasks import like_run

RUN = "cnn/digits/one"


def evaluation(alias, dataset=None):
    return SimpleNamespace(alias=alias, name=f"plug-in of {alias}", dataset=dataset)


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """What was asked; `refused` evaluations cannot be given to the network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    found = {"calls": [], "refused": ["third"], "names": [RUN, "cnn/digits/two"]}
    calls = found["calls"]
    known = SimpleNamespace(run=lambda name: SimpleNamespace(cpus=6))
    chosen = [evaluation("first"), evaluation("second", "its own data"), evaluation("third")]
    its = SimpleNamespace(run=RUN, point="base", dataset="the data")

    class Measured:
        def __init__(self, words, weights, like, device, told):
            calls.append(("measured", words, weights, like is its, str(device)))
            told.log("built a data set")
            told.record(("build_dataset",), (Path("x"),))

        def rows(self, one):
            if one.alias in found["refused"]:
                raise UserError("it needs features", "which are not there")
            return [{"seed": 1, "metric": "m", "value": 0.5, "n": 3, "angle": 15}]

    def arithmetic(device, threads):
        calls.append(("arithmetic", str(device), threads))
        return nullcontext()

    def cells(network, own, others, most=beside.MOST):
        calls.append(("cells", network, own, others, most))
        return [SimpleNamespace(most=most)] * (1 if most == beside.FEW else 2), ["strange/run"]

    def current(asks):
        assert asks is index_file.only_look, "networks of the param-files are of no interest"
        return known

    def text(name):
        return lambda alias, found: [f"{name} of {alias}: {[cell.most for cell in found]}"]

    monkeypatch.setattr(index_file, "current", current)
    monkeypatch.setattr(like_run, "meant", lambda index, word: found["names"])
    monkeypatch.setattr(like_run, "like", lambda index, names: its)
    monkeypatch.setattr(like_run, "settings_of_data", lambda *words: {"at": words[1:]})
    monkeypatch.setattr(like_run, "words_of_data", lambda data: f"data {data['at'][1]}")
    monkeypatch.setattr(
        like_run,
        "evaluations_named",
        lambda its, table: [one for one in chosen if table in (None, one.alias)],
    )
    monkeypatch.setattr(like_run, "entry_of_data", lambda dataset: f"entry of {dataset}")
    monkeypatch.setattr(like_run, "Measured", Measured)
    monkeypatch.setattr(devices, "arithmetic", arithmetic)
    monkeypatch.setattr(recording, "record", lambda *words: calls.append(("record", *words[:2])))
    monkeypatch.setattr(beside, "own_values", lambda rows: f"{len(rows)} values")
    monkeypatch.setattr(
        beside, "seeds_beside", lambda *words: calls.append(("beside", *words[1:])) or "others"
    )
    monkeypatch.setattr(beside, "cells", cells)
    monkeypatch.setattr(beside, "text_of", text("all"))
    monkeypatch.setattr(beside, "main_text", text("main"))
    monkeypatch.setattr(beside, "csv_of", lambda found: f"csv of {list(found)}\n")
    return found


def run(*words):
    return CliRunner().invoke(app, ["evaluate", "mine.py:f", "--like", "digits", *words])


FEW, MOST = beside.FEW, beside.MOST
HEAD = ["built a data set", f"mine.py:f like {RUN}, the first of 2 runs called so: data base"]
LEFT = "third is left out: it needs features; which are not there"
MORE = "these are the main values: --all prints every metric, --to FOLDER writes all as CSV"


def test_main_values_are_told_beside_runs_and_what_is_left_out(asked):
    done = run("--device", "cpu")
    strange = "  strange/run was evaluated at other settings"
    assert (done.exit_code, done.output.splitlines()) == (
        0,
        [
            *HEAD,
            *(f"main of first: [{FEW}]", strange),
            *(f"main of second: [{FEW}]", strange, LEFT, MORE),
        ],
    )
    data = {"at": (RUN, "base")}
    sides = ("mine.py:f", "1 values", "others")
    expected = [
        ("arithmetic", "cpu", 6),
        ("measured", "mine.py:f", None, True, "cpu"),
        ("record", ("build_dataset",), (Path("x"),)),
        ("beside", "first", "plug-in of first", data, "entry of the data"),
        *(("cells", *sides, MOST), ("cells", *sides, FEW)),
        ("beside", "second", "plug-in of second", data, "entry of its own data"),
        *(("cells", *sides, MOST), ("cells", *sides, FEW)),
    ]
    assert asked["calls"] == expected


def test_every_metric_of_one_table_is_told_where_that_is_asked_for(asked):
    Path("w.pt").touch()
    asked["names"] = [RUN]
    done = run("--all", "--table", "second", "--weights", "w.pt", "--threads", "2")
    assert done.output.splitlines() == [
        HEAD[0],
        f"mine.py:f like {RUN}: data base",
        f"all of second: [{MOST}, {MOST}]",
        "  strange/run was evaluated at other settings",
    ]
    assert [call[2] for call in asked["calls"][:2]] == [2, Path("w.pt")]


def test_all_rows_and_all_values_are_written_where_a_folder_is_named(asked):
    done = run("--to", "there")
    assert done.output.splitlines()[-1] == (
        "wrote there: every value of each evaluation, and beside-runs.csv"
    )
    assert MORE not in done.output
    assert sorted(path.name for path in Path("there").iterdir()) == [
        *("beside-runs.csv", "first.csv", "second.csv"),
    ]
    assert Path("there/beside-runs.csv").read_text() == "csv of ['first', 'second']\n"
    assert Path("there/second.csv").read_text() == (
        "evaluation,run,point,seed,angle,metric,value,n\nsecond,mine.py:f,base,1,15,m,0.5,3\n"
    )


def test_where_no_evaluation_can_be_given_to_it_that_is_a_mistake(asked):
    asked["refused"] += ["first", "second"]
    done = run("--to", "there")
    assert str(done.exception) == (
        f"mine.py:f: no evaluation of {RUN} can be given to this network"
    )
    assert done.output.count(" is left out: ") == 3
    assert not Path("there").exists()
