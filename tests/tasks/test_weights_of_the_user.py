"""A file of the user's with which a network began counts wherever that network is measured."""

import json
from types import SimpleNamespace

import pytest
from made_up_param_file import GOOD, NAME

from isotrope import paths
from isotrope.datasets import local_data
from isotrope.packs import code_records
from isotrope.params.param_file import read_run
from isotrope.plan.code_state import CodeStates
from isotrope.plan.indexing import index_of
from isotrope.plan.reasons import Reasons
from isotrope.plan.stores import stale_tables
from isotrope.results import finished
from isotrope.status import asked_packs
from isotrope.tasks import by_hand

FIRST, SECOND = (NAME.replace("mine", name) for name in ("first", "second"))
BESIDE = "evaluations: [{{name: accuracy, as: beside, against: {{run: {}}}}}, "


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """One run begins with a file, another with that run; the third measures against either."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(local_data.VARIABLE, str(tmp_path))
    manifest = paths.manifest("stir", "emoji")
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"files": []}))
    (tmp_path / "first.pt").write_bytes(b"one")
    add(FIRST, "epochs: 2", "epochs: 2\n  start_from: {file: first.pt}")
    add(SECOND, "epochs: 2", f"epochs: 3\n  start_from: {{run: {FIRST}}}")
    return tmp_path


def add(name, old, new):
    assert old in GOOD
    path = paths.PARAM_FILES / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(GOOD.replace(old, new))
    return path


def measured(name):
    """The evaluations of a run as its jobs keep them, by the names of their tables."""
    file = paths.PARAM_FILES / f"{name}.yaml"
    (task,) = by_hand.evaluation_tasks(file, "base", None, None, "cpu", 1)
    return task, {one.alias: (one.name, one.digest) for one in task.evaluations}


def known():
    return index_of(
        [read_run(paths.PARAM_FILES / f"{name}.yaml") for name in (FIRST, SECOND, NAME)]
    )


def looked_for(name, index):
    """Under what the evaluations of a run are looked for by what reads them."""
    entry = index.runs[name]
    manifests = {key: paths.manifest("stir", "emoji") for key in entry.points["base"].datasets}
    for_tables = finished._asked(name, entry, "base", "base", manifests)
    for_status = asked_packs._read_run(index, name, dict.fromkeys(manifests, ()))
    return for_tables, for_status


def said_to_differ(name, index):
    """The evaluations of a pack trained as it would be now that are said to differ."""
    pack = paths.pack_folder(name, "base", "1-25")
    pack.mkdir(parents=True, exist_ok=True)
    said = {"training_digest": measured(name)[0].training_digest, "settings": {}, "point": "base"}
    (pack / "run.json").write_text(json.dumps({**said, "seeds": [{"seed": 1, "status": "done"}]}))
    (pack / "results.csv").touch()
    wildcards = {"run": name, "point": "base", "pack": "1-25"}
    said = Reasons(SimpleNamespace(index=index)).why("evaluate", wildcards)
    return [part.split()[2] for part in said.split(", ") if part]


@pytest.mark.parametrize("other", [FIRST, SECOND])
def test_rows_against_a_network_that_began_with_a_file_are_other_ones_with_another_file(
    folder, other
):
    add(NAME, "evaluations: [", BESIDE.format(other))
    task, before = measured(NAME)
    against = task.evaluations[0].against

    (folder / "first.pt").write_bytes(b"two")
    task, now = measured(NAME)

    assert [table for table in now if now[table] != before[table]] == ["beside"]
    for seed in task.seeds:
        assert task.evaluations[0].against[seed].training_digest != against[seed].training_digest


@pytest.mark.parametrize("other", [FIRST, SECOND])
@pytest.mark.parametrize("name", [NAME, SECOND])
def test_they_are_looked_for_where_they_are_kept(folder, name, other):
    add(NAME, "evaluations: [", BESIDE.format(other))
    task, kept = measured(name)
    index = known()

    for_tables, for_status = looked_for(name, index)

    assert for_tables.stores == kept
    assert for_tables.digest == for_status.digests["base"] == task.training_digest
    assert for_status.stores["base"] == {table: "-".join(one) for table, one in kept.items()}
    for store in kept.values():
        paths.finished_evaluation(name, "base", *store, 1).parent.mkdir(parents=True)
    assert stale_tables(index, name, "base") == set(said_to_differ(name, index)) == set()
    (folder / "first.pt").write_bytes(b"two")
    changed = {table for table, one in measured(name)[1].items() if one != kept[table]}
    assert changed == ({"beside"} if name == NAME else set(kept))
    assert stale_tables(index, name, "base") == set(said_to_differ(name, index)) == changed
    (folder / "first.pt").unlink()
    for_status = asked_packs._read_run(index, name, {"stir/emoji": ()})
    assert for_status.stores["base"].keys() == kept.keys()


@pytest.mark.parametrize("other", [FIRST, SECOND])
def test_a_run_waits_for_the_file_behind_the_network_that_it_is_measured_against(folder, other):
    add(NAME, "evaluations: [", BESIDE.format(other))
    index = known()
    assert index.waiting_for(NAME) == []

    (folder / "first.pt").unlink()

    assert index.waiting_for(NAME) == index.waiting_for(SECOND) == ["first.pt"]
    for_tables, _ = looked_for(NAME, index)
    assert for_tables.stores.keys() == {"accuracy", "scale_generalization"}


def test_the_state_of_such_rows_is_told_without_reading_the_file(folder, monkeypatch):
    """Rows of any digest pass for current where a file is behind them, and no others do."""
    add(NAME, "evaluations: [", BESIDE.format(FIRST))
    rows = {table: ("0" * 16, {"c": [1]}) for table in ("beside", "accuracy")}
    monkeypatch.setattr(code_records, "codes_of_results", lambda path: rows)
    index = known()
    states, point = CodeStates(index), index.runs[NAME].points["base"]

    def codes(table):
        return states._codes_of_rows(NAME, "base", "1-25", table, point)

    assert (codes("beside"), codes("accuracy")) == (["c"], None)
