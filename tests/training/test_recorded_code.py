"""Each seed, and the rows of each evaluation, say which code they were made with."""

import json
from dataclasses import replace

import pytest
from toy_runs import ToyDataParams, toy_task, toys, train  # noqa: F401

from isotrope import paths
from isotrope.evaluation import accuracy
from isotrope.measuring import evaluating
from isotrope.measuring.task import BoundEvaluation, EvaluationTask
from isotrope.packs import code_records, rows, summary
from isotrope.packs.code_records import Code
from isotrope.params.blocks import Plugin
from isotrope.params.evaluations import Evaluation
from isotrope.training.pack import train_pack
from isotrope.training.progress import Report


def code(files):
    return Code(code_records.digest_of(files), files)


ONE = code({"plugins/models/mine.py": "a"})
TWO = code({"plugins/models/mine.py": "b"})
MEASURE = code({"isotrope/evaluation/accuracy.py": "c"})


def codes_of_seeds(task):
    return {n: code_records.codes_of(seed) for n, seed in summary.read(task.folder).seeds.items()}


def evaluate(task, code):
    entry = Evaluation("accuracy", "accuracy", accuracy.Params(), None, ("evaluations", 0))
    bound = BoundEvaluation(entry, Plugin("toy", ToyDataParams()), "d" * 16, code=code)
    packs = {task.pack: task.seeds}
    measured = EvaluationTask(
        task.run, task.point, packs, task.training_digest, [bound], device="cpu"
    )
    said = []
    evaluating.evaluate(measured, said.append)
    return measured, bound, said


def test_seeds_keep_the_code_that_trained_them_and_the_pack_lists_all(toys):  # noqa: F811
    first = toy_task(seeds=[1], code=ONE)
    assert f"code {ONE.digest}: 1 module as it is now" in train(first)
    both = toy_task(code=TWO)
    train(both)
    assert codes_of_seeds(both) == {1: [ONE.digest], 2: [TWO.digest]}
    made = code_records.trained_with(both.folder)
    assert made == (both.training_digest, {ONE.digest, TWO.digest})
    assert code_records.recorded_files(both.run, ONE.digest) == ONE.files
    assert code_records.recorded_files(both.run, TWO.digest) == TWO.files
    stored = json.loads((both.stored(2) / "seed.json").read_text())
    assert stored["code"] == [TWO.digest]


def test_a_job_says_which_modules_have_changed_since_it_was_planned(toys):  # noqa: F811
    changed = replace(ONE, since=["plugins/models/mine.py"])
    said = train(toy_task(seeds=[1], code=changed))
    assert (
        f"code {ONE.digest}: 1 module as it is now; plugins/models/mine.py has changed since "
        "this job was planned"
    ) in said


def test_a_seed_that_is_taken_up_with_other_code_names_both(toys):  # noqa: F811
    def stop(line):
        if "epoch 2" in line:
            raise InterruptedError

    task = toy_task(seeds=[1], save_every=0.0, code=ONE)
    with pytest.raises(InterruptedError):
        train_pack(task, Report(log=stop))
    said = train(replace(task, code=TWO))
    assert "seed 1 goes on with other code than it began with" in said
    assert codes_of_seeds(task) == {1: [ONE.digest, TWO.digest]}


def test_a_seed_without_a_word_about_code_is_unrecorded(toys):  # noqa: F811
    task = toy_task(seeds=[1])
    train(task)
    assert codes_of_seeds(task) == {1: [code_records.NOT_RECORDED]}
    assert not paths.code_record(task.run, "").exists()
    path = task.folder / "run.json"
    told = json.loads(path.read_text())
    del told["code"], told["checksum"], told["seeds"][0]["code"], told["seeds"][0]["checksum"]
    path.write_text(json.dumps(told, indent=2))
    assert code_records.trained_with(task.folder) == (task.training_digest, {""})
    assert codes_of_seeds(task) == {1: [""]}


def test_rows_keep_the_code_that_computed_them(toys):  # noqa: F811
    task = toy_task(seeds=[1], code=ONE)
    train(task)
    measured, bound, said = evaluate(task, MEASURE)
    assert f"accuracy: code {MEASURE.digest}: 1 module as it is now" in said
    train(toy_task(code=ONE))
    measured, bound, said = evaluate(toy_task(code=ONE), TWO)
    found = code_records.codes_of_results(measured.results)
    assert found == {"accuracy": ("d" * 16, {MEASURE.digest: [1], TWO.digest: [2]})}
    assert code_records.recorded_files(task.run, MEASURE.digest) == MEASURE.files

    path = measured.rows_file(bound, 1)
    assert rows.code_of(path) == MEASURE.digest
    assert rows.read(path, False, said.append) is not None
    path.write_text(path.read_text().replace(MEASURE.digest, "4" * 16))
    assert rows.read(path, False, said.append) is None, "the checksum covers the code"
    assert "is truncated or altered" in said[-1]


def test_rows_of_older_versions_are_read_and_their_code_is_unrecorded(toys):  # noqa: F811
    task = toy_task(seeds=[1])
    train(task)
    measured, bound, _ = evaluate(task, Code())
    path = measured.rows_file(bound, 1)
    assert ", code" not in path.read_text()
    assert rows.code_of(path) == ""
    assert rows.read(path, False, lambda line: pytest.fail(line)) is not None
    assert rows.code_of(path.with_name("2.csv")) == ""
    _, _, said = evaluate(task, TWO)
    assert said == [], "what is known is not computed again"
    found = code_records.codes_of_results(measured.results)
    assert found == {"accuracy": ("d" * 16, {"": [1]})}


def test_a_record_of_code_that_was_altered_tells_nothing_and_is_written_anew(toys):  # noqa: F811
    task = toy_task(seeds=[1], code=ONE)
    path = paths.code_record(task.run, ONE.digest)
    for text in (json.dumps({"plugins/models/mine.py": "z"}), "{", "[1]", "{}"):
        code_records.record(task.run, ONE)
        assert code_records.recorded_files(task.run, ONE.digest) == ONE.files
        path.write_text(text)
        assert code_records.recorded_files(task.run, ONE.digest) == {}
