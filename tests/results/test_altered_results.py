"""Nothing that was altered reaches a table: what is not vouched for is named and left out."""

import csv
import json
import shutil
from dataclasses import replace

import pytest
from altered_files import flip
from made_up_index import made_up_index, point, run
from test_evaluating import evaluate, evaluation, task_for
from toy_runs import toy_task, toy_training, toys, train

from isotrope import paths
from isotrope.errors import UserError
from isotrope.files.json_files import CHECKSUM, sealed
from isotrope.packs import code_records
from isotrope.packs.summary import RESULTS, RUN, SEED
from isotrope.plan import index_file
from isotrope.plan.index import EvaluationEntry, Index
from isotrope.results.collecting import collect_group
from isotrope.results.summary import write_summary
from isotrope.results.verifying import read_left_out

NAME, GROUP, DIGEST = "toy/toy/plain", "scale", "d" * 16
TABLES = ("accuracy", "scale_generalization")
BITS = 120
UNVOUCHED = (
    "1 of 1 packs were written before run.json had a checksum: their numbers of classes and of "
    "parameters, for which nothing vouches, are left out; delete a run.json and run `snakemake "
    "runs` to have it written anew from its finished seeds"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run whose two seeds were trained and tested, with its index."""
    patch = pytest.MonkeyPatch()
    try:
        folder = tmp_path_factory.mktemp("made")
        toys.__wrapped__(patch, folder)
        manifest = paths.manifest("stir", "emoji")
        manifest.parent.mkdir(parents=True)
        manifest.write_text(json.dumps({"files": []}))
        task = toy_task(training=toy_training(epochs=2))
        train(task)
        evaluate(task_for(task, *(evaluation(name, digest=DIGEST) for name in TABLES)))
        entries = {name: EvaluationEntry(name, DIGEST, "stir/emoji") for name in TABLES}
        base = point(digest=task.training_digest, evaluations=entries)
        known = replace(run(NAME, seeds=(1, 2), seeds_per_job=2), points={"base": base})
        yield folder, task, Index({NAME: known}, made_up_index().datasets)
    finally:
        patch.undo()


class Copy:
    """The run in a folder of its own, whose files a test alters."""

    def __init__(self, task):
        self.task = task
        self.said = []

    @property
    def results(self):
        return self.task.folder / RESULTS

    @property
    def run_json(self):
        return self.task.folder / RUN

    def rows(self, table="accuracy", seed=1):
        return paths.finished_evaluation(NAME, "base", table, DIGEST, seed)

    def seed_json(self, seed=1):
        return self.task.stored(seed) / SEED

    def edit(self, path, old, new):
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def collect(self, table=None):
        self.said = []
        return collect_group(GROUP, table, log=self.said.append)

    def refused(self):
        """The sentences by which collecting is refused; none if it is not."""
        try:
            self.collect()
        except UserError as error:
            return error.sentences
        return ()

    def table(self, name):
        """The rows of a table, without seeds that are left out."""
        return [row for row in self.all_rows(name) if row.get("status") != "left out"]

    def all_rows(self, name):
        with (paths.table_folder(GROUP) / f"{name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def lost(self):
        """The seeds that the table of runs shows as left out, and says nothing else of."""
        lost = [row for row in self.all_rows("runs") if row["status"] == "left out"]
        assert not any(row["best_validation_accuracy"] or row["epochs"] for row in lost)
        assert all(row["run"] == NAME and row["label"] for row in lost)
        return [int(row["seed"]) for row in lost]

    def seeds_in(self, table):
        return sorted({int(row["seed"]) for row in self.table(table)})


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    folder, task, index = made
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(index_file, "current", lambda *_, **__: index)
    return Copy(task)


@pytest.fixture
def whole(project):
    """The tables before anything is altered."""
    project.collect()
    return {name: project.table(name) for name in ("runs", *TABLES)}


def of_seed(rows, *seeds):
    return [row for row in rows if int(row["seed"]) in seeds]


def test_sound_results_are_all_in_the_tables(project):
    project.collect()
    assert project.said == []
    assert all(project.seeds_in(table) == [1, 2] for table in ("runs", *TABLES))
    assert list(paths.table_folder(GROUP).glob("left_out*")) == []


def first_row(text, table="accuracy"):
    return next(line for line in text.splitlines() if line.startswith(f"{table},"))


def with_value(line, value, at=-2):
    cells = line.split(",")
    cells[at] = value
    return ",".join(cells)


@pytest.mark.parametrize(("at", "value"), [(-2, "0.97"), (-2, "nan"), (-2, "7.5"), (-1, "3")])
def test_an_altered_number_leaves_its_seed_out_of_its_table_alone(project, whole, at, value):
    line = first_row(project.results.read_text())
    project.edit(project.results, line, with_value(line, value, at))

    project.collect()

    assert project.table("runs") == whole["runs"]
    assert project.table("accuracy") == of_seed(whole["accuracy"], 2)
    assert project.table("scale_generalization") == whole["scale_generalization"]
    (said,) = project.said
    assert said.startswith(
        f"{NAME}, base: seed 1 is left out of the table accuracy: {project.results}"
    )
    assert "its rows are not those that were computed" in said
    assert said.endswith("what is sound is not trained or tested again")
    (kept,) = read_left_out(paths.table_folder(GROUP))
    assert (kept.run, kept.seed, kept.table, kept.pack) == (
        NAME,
        1,
        "accuracy",
        project.task.folder,
    )
    assert "seed 1 is left out of the table accuracy" in write_summary(
        paths.table_folder(GROUP)
    ).read_text(encoding="utf-8")


def test_rows_that_were_computed_for_other_settings_are_not_called_altered(project, whole):
    line = first_row(project.results.read_text())
    project.edit(project.results, line, with_value(line, "0.97"))
    codes = code_records.codes_of_results(project.results)
    others = {name: ("e" * 16, {1: code, 2: code}) for name, (_, (code, *_)) in codes.items()}
    code_records.write_codes_of_results(project.results, others)

    project.collect()

    assert project.table("accuracy") == of_seed(whole["accuracy"], 2)
    (said,) = project.said
    assert (
        "holds rows of accuracy with other settings, or another REVISION, than now; delete" in said
    )
    assert "altered" not in said


def test_a_damaged_store_of_one_seed_hides_no_altered_row_of_another(project):
    project.rows(seed=1).write_text("")
    line = next(
        line
        for line in project.results.read_text().splitlines()
        if line.startswith("accuracy,") and ",2," in line
    )
    project.edit(project.results, line, with_value(line, "0.97"))

    assert project.refused() == ()

    assert any("seed 2 is left out of the table accuracy" in said for said in project.said)


@pytest.mark.parametrize("change", ["gone", "twice", "other scale"])
def test_rows_that_are_gone_or_added_leave_their_seed_out(project, whole, change):
    line = first_row(project.results.read_text(), "scale_generalization")
    new = {
        "gone": "",
        "twice": f"{line}\n{line}\n",
        "other scale": with_value(line, "99", 4) + "\n",
    }[change]
    project.edit(project.results, f"{line}\n", new)

    project.collect("scale_generalization")

    assert project.table("scale_generalization") == of_seed(whole["scale_generalization"], 2)
    assert len(project.said) == 1


def test_a_summary_of_another_pack_is_named(project):
    content = json.loads(project.run_json.read_text())
    project.run_json.write_text(json.dumps(sealed({**content, "pack": "3-4"})))
    (said,) = project.refused()
    assert "run.json is of seeds 3-4; delete it" in said


def test_results_that_are_gone_though_their_rows_are_computed_are_named(project, whole):
    project.results.unlink()
    project.collect("runs")
    assert project.table("runs") == whole["runs"]
    assert len(project.said) == len(TABLES)
    assert all(f"{project.results} is not there, though it is computed" in s for s in project.said)
    for seed in (1, 2):  # as while a job is at work
        project.rows("accuracy", seed).unlink()
    project.collect("runs")
    assert project.said == []


def test_results_that_are_no_table_leave_what_is_in_them_out(project):
    project.results.write_bytes(project.results.read_bytes().replace(b",", b"\n", 9))
    project.collect()
    assert project.seeds_in("runs") == [1, 2]
    assert all("it is left out of the table" in sentence for sentence in project.said)
    assert not (paths.table_folder(GROUP) / "accuracy.csv").exists()


@pytest.mark.parametrize("gone", [0, 1])
def test_an_evaluation_that_is_gone_as_a_whole_is_named(project, gone):
    lost, other = TABLES[gone], TABLES[1 - gone]
    lines = project.results.read_text().splitlines(keepends=True)
    project.results.write_text("".join(line for line in lines if not line.startswith(f"{lost},")))

    project.collect()

    assert not (paths.table_folder(GROUP) / f"{lost}.csv").exists()
    assert project.seeds_in("runs") == project.seeds_in(other) == [1, 2]
    (said,) = project.said
    assert f"it is left out of the table {lost}" in said
    assert "does not hold it, though it is computed" in said
    with pytest.raises(UserError, match="does not hold it, though it is computed"):
        project.collect(lost)


def test_what_is_deleted_as_the_sentence_says_is_put_together_again(project, whole, made):
    _, task, _ = made
    line = first_row(project.results.read_text())
    project.edit(project.results, line, with_value(line, "0.97"))
    project.collect()
    assert project.said

    project.results.unlink()
    evaluate(task_for(task, *(evaluation(name, digest=DIGEST) for name in TABLES)))
    project.collect()

    assert project.said == []
    assert {name: project.table(name) for name in ("runs", *TABLES)} == whole
    assert read_left_out(paths.table_folder(GROUP)) == []


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_text(path.read_text().replace("0.", "0.9", 1)), "is truncated or"),
        (lambda path: path.write_bytes(b""), "is truncated or altered"),
        (lambda path: path.write_bytes(b"\xff"), "cannot be read"),
        (lambda path: (path.unlink(), path.mkdir()), "cannot be read"),
        (lambda path: shutil.copy(path.with_name("2.csv"), path), "it holds rows of another seed"),
    ],
)
def test_a_damaged_evaluation_leaves_its_seed_out(project, whole, damage, reason):
    damage(project.rows())

    project.collect()

    assert project.table("accuracy") == of_seed(whole["accuracy"], 2)
    (said,) = project.said
    assert reason in said


@pytest.mark.parametrize("key", ["best_validation_accuracy", "peak_memory_mb", "device"])
def test_an_altered_entry_of_a_seed_is_refused(project, whole, key):
    content = json.loads(project.run_json.read_text())
    content["seeds"][0][key] = "A100" if key == "device" else 0.97
    project.run_json.write_text(json.dumps(content))

    with pytest.raises(UserError, match=r"run\.json is truncated or altered"):
        project.collect()
    assert project.table("runs") == whole["runs"], "nothing is written"


def without_network(tables):
    """Tables without what nothing vouches for in older packs."""
    return {
        name: [{**row, "classes": "", "parameters": ""} if name == "runs" else row for row in rows]
        for name, rows in tables.items()
    }


def older(project):
    """Make the files those of a version that wrote no checksums into them."""
    for path in (project.run_json, project.seed_json(1), project.seed_json(2)):
        content = json.loads(path.read_text())
        for one in (content, *content.get("seeds", ())):
            one.pop(CHECKSUM, None)
        path.write_text(json.dumps(content))


def test_of_older_packs_the_finished_seeds_vouch(project, whole):
    assert {row["classes"] for row in whole["runs"]} == {"4"}
    older(project)
    project.collect()
    assert project.said == [UNVOUCHED]
    assert {name: project.table(name) for name in ("runs", *TABLES)} == without_network(whole)


@pytest.mark.parametrize("file", ["run_json", "seed_json"])
def test_an_altered_entry_of_an_older_pack_leaves_its_seed_out(project, whole, file):
    older(project)
    path = project.run_json if file == "run_json" else project.seed_json()
    content = json.loads(path.read_text())
    (content["seeds"][0] if file == "run_json" else content)["peak_memory_mb"] = 1.0
    path.write_text(json.dumps(content))

    project.collect()

    for table, rows in without_network(whole).items():
        assert project.table(table) == of_seed(rows, 2)
    assert project.lost() == [1]
    said, note = project.said
    assert note == UNVOUCHED
    assert "seed 1 is left out of all tables" in said
    assert "do not agree on peak_memory_mb: one of them was altered" in said


def test_older_packs_for_which_nothing_vouches_are_named(project, whole):
    older(project)
    shutil.rmtree(project.task.stored(1))
    project.collect()
    assert project.table("runs") == of_seed(without_network(whole)["runs"], 2)
    assert "has no checksum, and " in project.said[0]

    shutil.rmtree(project.task.stored(2))
    with pytest.raises(UserError) as error:
        project.collect()
    assert len(error.value.sentences) == 2


@pytest.mark.parametrize("kind", ["results", "run_json", "rows"])
def test_no_bit_can_be_turned_round_unnoticed(project, whole, kind):
    path = {"results": project.results, "run_json": project.run_json, "rows": project.rows()}[kind]
    sound = path.read_bytes()
    for number in range(BITS if kind == "results" else BITS // 3):
        path.write_bytes(sound)
        what = flip(path, number)
        refused = project.refused()
        if refused:
            assert all(len(sentence) < 800 for sentence in refused), what
            continue
        for table in ("runs", *TABLES):
            found = project.table(table)
            assert all(row in whole[table] for row in found), what
            lost = len(found) < len(whole[table])
            assert not lost or project.said, what
