"""Whole tasks of training and evaluation, value by value, as param-file and words ask for."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from made_up_param_file import GOOD, NAME

from isotrope import paths
from isotrope.datasets.local_data import checksum
from isotrope.measuring.task import TrainedSeed
from isotrope.params.param_file import read_run
from isotrope.plan import index_file
from isotrope.plan.indexing import index_of
from isotrope.plan.result_code import ResultCode
from isotrope.tasks import by_hand
from isotrope.training.initial_weights import FileStart, SeedStart
from isotrope.training.task import TrainingTask

FILE = paths.PARAM_FILES / f"{NAME}.yaml"
OTHER = NAME.replace("mine", "other")
EVALUATIONS = """\
evaluations:
  - scale_generalization
  - {name: accuracy, as: long, resources: {cpus: 4}}
  - seed_ensemble
  - accuracy
  - {name: accuracy, as: short, resources: {runtime: 5m}}
resources: {cpus: 3, stack: 2, seeds_per_job: 2}
"""
SWEEP = "sweep: {training.batch_size: [16, 32]}\nevaluations"
TEXT = GOOD[: GOOD.index("evaluations")] + EVALUATIONS
SHARED, ALL = ["scale_generalization", "accuracy"], {"1-2": [1, 2], "3-4": [3]}


@pytest.fixture(autouse=True)
def _project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path / "mine"))
    write(FILE, TEXT)
    write(paths.manifest("stir", "emoji"), json.dumps({"files": []}))


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_task_of_training_has_every_value_of_its_point():
    write(FILE, TEXT.replace("evaluations", SWEEP))
    run = read_run(FILE)
    point = run.points[1]
    first = TrainingTask(
        run=NAME,
        point="batch_size=32",
        pack="1-2",
        seeds=[1, 2],
        model_name="standard",
        model_params=point.model.params,
        dataset_name="stir",
        dataset_params=point.dataset.params,
        training=point.training,
        training_digest=point.digest,
        settings=point.settings(),
        device="cuda",
        threads=5,
        save_every=7.0,
        stack=2,
        start=None,
        eager=True,
        selected=False,
        code=replace(ResultCode().of(point.plugins), since=[]),
    )
    assert first.training.batch_size == 32
    assert {"models/standard", "data/stir"} == set(point.plugins)
    assert len(first.code.files) > 2
    words = (FILE, "batch_size=32", None, None, "cuda", 5)
    assert by_hand.training_tasks(*words, save_every=7.0, eager=True) == [
        first,
        replace(first, pack="3-4", seeds=[3]),
    ]
    write(FILE, TEXT.replace("stack: 2, ", ""))
    (task, _) = by_hand.training_tasks(FILE, "base", None, None, "auto", None)
    assert (task.stack, task.threads, task.save_every, task.eager) == (None, 3, 30.0, False)
    assert task.device == "auto"


def evaluations(**words):
    given = {"pack": None, "seeds": None, "device": "cpu", "threads": None, **words}
    tasks = by_hand.evaluation_tasks(FILE, "base", **given)
    return [
        (one.packs, [of.alias for of in one.evaluations], one.table, one.threads, one.of_run)
        for one in tasks
    ]


def of_pack(packs, table=None, threads=3):
    return (packs, [table] if table else SHARED, table, threads, False)


def test_evaluations_are_tasks_by_pack_and_job_and_of_the_run_as_a_whole():
    one, two = {"1-2": [1, 2]}, {"3-4": [3]}
    whole = (ALL, ["seed_ensemble"], "seed_ensemble", 3, True)
    jobs = [
        [of_pack(packs), of_pack(packs, "long", 4), of_pack(packs, "short")] for packs in (one, two)
    ]
    assert evaluations() == [*jobs[0], *jobs[1], whole]
    assert evaluations(pack="1-2") == jobs[0]
    assert evaluations(seeds="1-2") == jobs[0]
    assert evaluations(seeds="2") == [({"1-2": [2]}, *rest) for _, *rest in jobs[0]]
    assert evaluations(own_jobs=False) == [of_pack(one), of_pack(two)]
    assert evaluations(table="long") == [of_pack(one, "long", 4), of_pack(two, "long", 4)]
    assert evaluations(table="long", own_jobs=False) == evaluations(table="long")
    assert evaluations(table="accuracy") == [of_pack(one), of_pack(two)]
    assert evaluations(table="seed_ensemble") == [whole]
    assert evaluations(table="seed_ensemble", pack="1-2") == []
    assert {threads for *_, threads, _ in evaluations(threads=1)} == {1}


def test_where_no_evaluation_shares_a_job_its_task_is_of_packs_all_the_same():
    write(FILE, TEXT.replace("  - scale_generalization\n", "").replace("  - accuracy\n", ""))
    one, two = {"1-2": [1, 2]}, {"3-4": [3]}
    assert evaluations(own_jobs=False) == [(packs, [], None, 3, False) for packs in (one, two)]


def test_an_evaluation_is_bound_to_data_digest_and_code_of_its_point():
    write(FILE, TEXT.replace("epochs: 2", "epochs: 2\n  augmentation: [{name: flip}]"))
    point = read_run(FILE).points[0]
    assert len(point.plugins) > len(point.tested_plugins)
    shared, long, *_ = by_hand.evaluation_tasks(FILE, "base", "1-2", None, "cuda", 1)
    assert (shared.run, shared.point, shared.device) == (NAME, "base", "cuda")
    assert (shared.training_digest, shared.selected) == (point.digest, False)
    code = ResultCode()
    for one in (*shared.evaluations, *long.evaluations):
        assert one.dataset == one.trained_on == point.dataset
        assert one.against == {}
        assert one.digest == one.evaluation.digest(point.digest, [1, 2, 3])
        its = code.of(one.evaluation.plugins(point.tested_plugins))
        assert one.code == replace(its, since=[])
        assert f"isotrope/evaluation/{one.name}.py" in one.code.files


def test_in_a_job_code_that_the_plan_did_not_know_so_is_said(monkeypatch):
    index, code = index_of([read_run(FILE)]), ResultCode()
    files = code.of(read_run(FILE).points[0].plugins).files
    planned = dict(files)
    edited = [*sorted(planned)[:1], *sorted(planned)[-1:]]
    planned[edited[0]] = "another"
    del planned[edited[1]]
    index_file.write(replace(index, code=planned), {})
    ask = (FILE, "base", "1-2", None, "cpu", 1)
    assert by_hand.training_tasks(*ask)[0].code.since == []
    monkeypatch.setenv(index_file.PLANNED, "1")
    assert sorted(by_hand.training_tasks(*ask)[0].code.since) == edited


@pytest.mark.parametrize(("named", "seed"), [("", None), (", seed: 2", 2)])
def test_a_training_starts_from_the_point_seed_and_digest_of_another_run(named, seed):
    write(paths.PARAM_FILES / f"{OTHER}.yaml", TEXT.replace("evaluations", SWEEP))
    other = read_run(paths.PARAM_FILES / f"{OTHER}.yaml").points[1]
    words = f"start_from: {{run: {OTHER}, point: batch_size=32{named}}}"
    write(FILE, TEXT.replace("epochs: 2", f"epochs: 2\n  {words}"))
    (task, _) = by_hand.training_tasks(FILE, "base", None, None, "cpu", 1)
    assert task.start == SeedStart(OTHER, "batch_size=32", seed, other.digest)


def test_a_training_starts_from_a_file_with_its_checksum(tmp_path):
    write(tmp_path / "mine/weights/first.pt", "weights")
    write(FILE, TEXT.replace("epochs: 2", "epochs: 2\n  start_from: {file: weights/first.pt}"))
    (task, _) = by_hand.training_tasks(FILE, "base", None, None, "cpu", 1)
    assert task.start == FileStart("weights/first.pt", checksum("weights/first.pt"))


def test_the_other_network_is_of_the_point_that_is_named():
    write(paths.PARAM_FILES / f"{OTHER}.yaml", TEXT.replace("evaluations", SWEEP))
    other = read_run(paths.PARAM_FILES / f"{OTHER}.yaml").points[1]
    words = f"{{name: accuracy, as: beside, against: {{run: {OTHER}, point: batch_size=32}}}}"
    write(FILE, TEXT.replace("  - scale_generalization", f"  - {words}"))
    task = by_hand.evaluation_tasks(FILE, "base", "3-4", None, "cpu", 1)[0]
    found = task.evaluations[0].against
    folders = {1: "1-2", 2: "1-2", 3: "3-4"}
    assert found == {
        seed: TrainedSeed(paths.pack_folder(OTHER, "batch_size=32", pack), seed, other.digest)
        for seed, pack in folders.items()
    }


def test_a_seed_is_shipped_and_imported_by_its_own_number_at_its_point(monkeypatch):
    asked = []
    note = lambda task, *more: asked.append((task.point, task.pack, task.seeds, *more))  # noqa: E731
    monkeypatch.setattr(by_hand.shipped, "ship", note)
    monkeypatch.setattr(by_hand.imported, "import_seed", note)
    write(FILE, TEXT.replace("evaluations", SWEEP))
    by_hand.ship(FILE, "batch_size=32", 2)
    by_hand.import_seed(FILE, "batch_size=16", 3, Path("w.pt"))
    assert asked == [
        ("batch_size=32", "1-2", [2], 2),
        ("batch_size=16", "3-4", [3], 3, Path("w.pt")),
    ]
