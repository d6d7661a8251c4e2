"""Every value of the index that two param-files make, and what is known of an entry without it."""

from dataclasses import replace
from pathlib import Path

import pytest
from made_up_param_file import GOOD

from isotrope import paths
from isotrope.datasets.names import dataset_key
from isotrope.digests import dataset_digest
from isotrope.params.param_file import WaitingRun, read_all
from isotrope.plan import index as entries
from isotrope.plan.index import (
    DatasetEntry,
    EvaluationEntry,
    Index,
    JobEntry,
    OtherEntry,
    PointEntry,
    RunEntry,
    SelectEntry,
    StartEntry,
)
from isotrope.plan.indexing import index_of
from isotrope.plan.result_code import ResultCode
from isotrope.registry import load
from isotrope.settings import build_settings

FIRST, SWEPT = "standard/digits/first", "standard/digits/swept"
RESOURCES = """\
resources: {gpu: 2, cpus: 4, runtime: 3h, evaluation_runtime: 50m, memory: 6GB, seeds_per_job: 2}
"""
EVALUATIONS = f"""\
sweep: {{training.batch_size: [16, 32]}}
select: {{seeds: 1-2, statistic: mean, ties: first}}
label: Swept
series: demo
evaluations:
  - accuracy
  - {{name: accuracy, as: long, resources: {{gpu: 0, cpus: 1, runtime: 2h, memory: 500MB}}}}
  - {{name: accuracy, as: short, resources: {{runtime: 9m}}}}
  - {{name: accuracy, as: there, dataset: {{name: digits8, size: 20}}}}
  - {{name: accuracy, as: same, against: {{run: {FIRST}}}}}
  - {{name: accuracy, as: one, against: {{run: {FIRST}, seed: 2}}}}
  - seed_ensemble
"""


OWN, THERE = "digits8/size=16", "digits8/size=20"
STIR = "name: stir\n  task: emoji\n  scenario: mid2rest"
CELLS = "plugins/studies/mine/cells.py:4: wrong"
TEXT = GOOD.replace(STIR, "name: digits8\n  size: 16").replace(", scale_generalization", "")


def write(name, text):
    path = paths.PARAM_FILES / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    start = "epochs: 2\n  start_from: {file: mine/first.pt}"
    write(FIRST, TEXT.replace("epochs: 2", start))
    begin = f"epochs: 2\n  start_from: {{run: {FIRST}, seed: 3}}"
    text = TEXT[: TEXT.index("evaluations")].replace("epochs: 2", begin)
    write(SWEPT, text + EVALUATIONS + RESOURCES)
    return {run.name: run for run in read_all()}


def parameters(batch_size):
    return {"training.batch_size": batch_size, "model.name": "standard", "training.epochs": 2}


def test_the_index_of_two_runs_is_all_that_their_files_say(runs):
    found = index_of([runs[SWEPT], runs[FIRST]])

    first, swept = (found.runs[name] for name in (FIRST, SWEPT))
    assert list(found.runs) == [FIRST, SWEPT]
    kind = load("data", "digits8").Params
    datasets = {}
    for size in (16, 20):
        params = kind(size=size)
        key, digest = dataset_key(params), dataset_digest("digits8", params)
        settings = build_settings(params)
        datasets[f"digits8/{key}"] = DatasetEntry("digits8", key, settings, digest, [], [])
    assert found.datasets == datasets
    assert list(datasets) == [OWN, THERE]
    plain = {point: replace(one, parameters={}) for point, one in swept.points.items()}
    points = {}
    for point in runs[SWEPT].points:
        points[point.name] = expected_point(runs[SWEPT], point)
        for name, value in parameters(point.training.batch_size).items():
            assert swept.points[point.name].parameters[name] == value
    assert plain == points
    assert list(swept.points) == ["batch_size=16", "batch_size=32"]
    assert replace(swept, points={}) == RunEntry(
        study="scale",
        series="demo",
        label="Swept",
        source="digits8",
        model="standard",
        dataset="digits8",
        seeds=[1, 2, 3],
        gpu=2,
        cpus=4,
        minutes=180,
        megabytes=6000,
        seeds_per_job=2,
        points={},
        select=SelectEntry("validation_accuracy", "mean", [1, 2], "first"),
        evaluation_minutes=50,
        broken=[],
    )
    assert first.points["base"].start == StartEntry("", "", None, [], ["mine/first.pt"])
    assert (first.label, first.series, first.select) == (runs[FIRST].label, "own", None)


def expected_point(run, point):
    """A point of the swept run, without its parameters."""
    behind = ["data/digits8", "models/standard"]
    theirs = {"datasets": [OWN], "files": ["mine/first.pt"]}
    more = {
        "long": {"job": JobEntry(0, 1, 120, 500)},
        "short": {"job": JobEntry(2, 4, 9, 6000)},
        "there": {"dataset": THERE},
        "same": {"against": OtherEntry(FIRST, "base", None, **theirs)},
        "one": {"against": OtherEntry(FIRST, "base", 2, **theirs)},
        "seed_ensemble": {"job": JobEntry(2, 4, 50, 6000), "of_run": True},
    }
    known = {}
    for one in run.evaluations:
        own = {"dataset": OWN, **more.get(one.alias, {})}
        named = [f"evaluation/{one.name}", *behind]
        digest = one.digest(point.digest, [1, 2, 3])
        known[one.alias] = EvaluationEntry(one.name, digest, plugins=named, **own)
    return PointEntry(
        training_digest=point.digest,
        dataset=OWN,
        evaluations=known,
        parameters={},
        start=StartEntry(FIRST, "base", 3, [OWN], ["mine/first.pt"]),
        plugins=behind,
    )


def test_what_follows_from_an_entry_of_a_run(runs):
    known = index_of(list(runs.values()))
    swept, first = known.runs[SWEPT], known.runs[FIRST]
    point = swept.points["batch_size=16"]
    tables = ["accuracy", "long", "one", "same", "seed_ensemble", "short", "there"]
    assert (swept.group, first.group) == ("scale-demo", "scale")
    assert (swept.seeds_to_train, first.seeds_to_train) == (2 + 3, 3)
    assert (swept.needed_runs, first.needed_runs) == ({FIRST}, set())
    begun = replace(point, evaluations={})
    assert replace(swept, points={"x": begun}).needed_runs == {FIRST}, "to begin with"
    assert replace(swept, points={"x": replace(point, start=None)}).needed_runs == {FIRST}
    assert swept.tables == tables
    assert not swept.records
    assert (swept.evaluated, first.evaluated) == ([paths.SELECTED], ["base"])
    assert swept.behind("selected") == list(swept.points.values())
    assert swept.behind("batch_size=32") == [swept.points["batch_size=32"]]
    assert first.behind("selected") == swept.behind("base") == []
    assert swept.packs("batch_size=16") == {"1-2": [1, 2]}
    assert swept.packs("selected") == {"1-2": [1, 2], "3-4": [3]}
    assert first.packs("base") == {"1-25": [1, 2, 3]}
    assert point.shared_tables == ["accuracy", "there", "same", "one"]
    assert point.datasets == [OWN, THERE]
    assert point.trained_on == point.datasets_behind("same") == [OWN]
    assert point.datasets_behind("there") == [OWN, THERE]
    assert point.files == point.files_behind("accuracy") == ["mine/first.pt"]
    base = replace(first.points["base"], start=None)
    against = {"same": point.evaluations["same"], "accuracy": point.evaluations["accuracy"]}
    base = replace(base, evaluations=against)
    assert base.files_behind("same") == ["mine/first.pt"]
    assert (base.files, base.files_behind("accuracy")) == ([], [])
    assert known.needed_by([SWEPT]) == {SWEPT, FIRST}
    assert known.needed_by([FIRST, "no/such/run"]) == {FIRST}


def test_all_code_behind_runs_is_that_of_their_trainings_and_evaluations(runs):
    known, code = index_of(list(runs.values())), ResultCode()
    found = code.all_files(known)
    named = ("data/digits8", "models/standard", "evaluation/accuracy", "evaluation/seed_ensemble")
    assert found == code.of(named).files
    assert {f"isotrope/{name}.py" for name in named} <= found.keys()
    assert code.all_files(Index({}, {})) == {}


def test_a_run_that_waits_for_plug_ins_keeps_what_its_file_says_of_it(runs):
    run = runs[SWEPT]
    for label, said in (("Swept", "Swept"), (None, "theirs")):
        envelope = run.envelope.model_copy(update={"label": label})
        waiting = WaitingRun("a/b/c", envelope, "theirs", "data", ("it is broken",))
        entry = index_of([], [waiting]).runs["a/b/c"]
        assert (entry.label, entry.model, entry.dataset) == (said, "theirs", "data")
        assert (entry.points, entry.broken, entry.source) == ({}, ["it is broken"], "")
        assert (entry.minutes, entry.evaluation_minutes, entry.megabytes) == (180, 50, 6000)


def test_of_many_param_files_with_mistakes_ten_are_named():
    mistakes = {f"param-files/{i}.yaml": [f"{i}: wrong", "and more"] for i in range(12)}
    known = Index({}, {}, mistakes=dict([*mistakes.items()][:10]), studies=[CELLS])
    first = [f"{i}: wrong" for i in range(10)]
    assert known.notes == [*first, entries.LEFT_OUT, CELLS, entries.WITHOUT_FIGURES]
    more = replace(known, mistakes=mistakes, studies=[])
    assert more.notes == [*first, "2 more param-files have mistakes", entries.LEFT_OUT]
    assert replace(more, mistakes={}).notes == []
    figure = "plugins/figures/scale/mine.py:3: TABLES: wrong"
    assert replace(more, mistakes={}, studies=[figure]).notes == [figure], "others are drawn"
    assert known.mistakes_of("1") == ["1: wrong", "and more"]
    assert len(more.mistakes_of("1*")) == 6
    assert known.mistakes_of("12") == []


def test_a_data_set_is_known_by_the_files_that_it_is_made_from(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path))
    Path("here.npz").write_bytes(b"12345")
    settings = {"task": "aerial", "size": 3}
    entry = DatasetEntry("stir", "k", settings, "d" * 16, ["here.npz", "absent.npz"], ["a.gz"])
    assert entry.manifest == "out/data/stir/k.manifest.json"
    assert entry.preview == "out/data/stir/k.png"
    assert entry.words == "task=aerial size=3"
    assert entry.downloads == ["out/downloads/stir/a.gz"]
    assert entry.made_from.startswith(f"{'d' * 16} ")
    assert "5" in entry.made_from.split(" ", 1)[1]
    monkeypatch.setattr(entries, "unpinned", lambda *asked: [f"unpinned {asked}"])
    assert entry.missing_files == ["absent.npz", "unpinned ('stir', ['a.gz'])"]
    bulk = replace(entry, local_files=["absent.npz", "folder/**/*.png"])
    assert bulk.missing_files[:-1] == ["absent.npz", "folder/**/*.png"]
    Path(entry.manifest).parent.mkdir(parents=True)
    Path(entry.manifest).touch()
    assert replace(bulk).missing_files[:-1] == ["absent.npz"]
