"""Which packs go into the tables of a group: those that are up to date on disk."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up_index import point, run
from test_tables import DIGEST, write_pack

from isotrope import paths
from isotrope.digests import with_local_files
from isotrope.errors import UserError
from isotrope.files.arrays import read_arrays, write_arrays
from isotrope.files.json_files import sealed
from isotrope.files.tables import RESULT_COLUMNS, RUN_COLUMNS, SELECTION_COLUMNS, read_table
from isotrope.packs import rows as stored
from isotrope.plan import index_file
from isotrope.plan.index import EvaluationEntry, Index, SelectEntry
from isotrope.results import choice
from isotrope.results.choice import Candidate, Choice
from isotrope.results.collecting import collect_group
from isotrope.results.drawing import read_tables
from isotrope.results.verifying import read_left_out

ONE, TWO, MINE = (f"standard/stir_emoji/{variant}" for variant in ("one", "two", "mine"))
EVALUATIONS = {
    "accuracy": EvaluationEntry("accuracy", "b" * 16, "stir/emoji"),
    "by_scale": EvaluationEntry("scale_generalization", "c" * 16, "stir/emoji"),
}
PARAMETERS = {"model.name": "standard", "training.epochs": 18}


PLACE = ("evaluation", "run", "point")


def seal(path, **changes):
    """Write a run.json as if it had been written with these changes."""
    path.write_text(json.dumps(sealed({**json.loads(path.read_text()), **changes})))


class Project:
    """Runs on disk and in the index; both can be changed."""

    def __init__(self, datasets):
        base = point(digest=DIGEST, evaluations=EVALUATIONS, parameters=PARAMETERS)
        self.runs = {
            name: run(name, series=series, seeds_per_job=3, base=base)
            for name, series in ((ONE, "demo"), (TWO, "demo"), (MINE, "own"))
        }
        self.datasets = datasets

    def index(self):
        return Index(self.runs, self.datasets)

    def finish(self, name, digest=None, **options):
        folder = write_pack(paths.OUT / "runs", name, **options).pack
        seal(folder / "run.json")
        with (folder / "results.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        for table, entry in EVALUATIONS.items():
            for seed in {row["seed"] for row in rows}:
                its = [row for row in rows if (row["seed"], row["evaluation"]) == (seed, table)]
                cells = [{k: v for k, v in row.items() if v and k not in PLACE} for row in its]
                stored.write(self.rows(name, int(seed), entry), cells, None)

    def rows(self, name, seed, entry=EVALUATIONS["accuracy"]):
        return paths.finished_evaluation(name, "base", entry.name, entry.digest, seed)

    def pack(self, name):
        return paths.pack_folder(name, "base", "1-3")


@pytest.fixture
def project(tmp_path, monkeypatch):
    from made_up_index import made_up_index

    monkeypatch.chdir(tmp_path)
    project = Project(made_up_index().datasets)
    monkeypatch.setattr(index_file, "current", lambda **_: project.index())
    manifest(files=[])
    for name in (ONE, TWO, MINE):
        project.finish(name)
    return project


def manifest(files):
    path = paths.manifest("stir", "emoji")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"files": files}))
    return path


def collected(group="scale-demo", table="runs"):
    (path,) = collect_group(group, table)
    with path.open(newline="") as file:
        return [(row["run"].rpartition("/")[2], int(row["seed"])) for row in csv.DictReader(file)]


BOTH = [("one", 1), ("one", 2), ("one", 3), ("two", 1), ("two", 2), ("two", 3)]


def test_a_group_has_the_finished_runs_of_its_own(project):
    assert collected() == BOTH
    assert collected("scale") == [("mine", 1), ("mine", 2), ("mine", 3)]
    assert [path.as_posix() for path in collect_group("scale-demo")] == [
        f"out/tables/scale-demo/{table}.csv" for table in ("runs", "accuracy", "by_scale")
    ]


def test_parameters_are_columns_but_names_that_stand_there_anyway(project):
    collect_group("scale-demo")
    header = (paths.table_folder("scale-demo") / "runs.csv").read_text().splitlines()[0].split(",")
    assert "training.epochs" in header
    assert "model.name" not in header


def test_unfinished_runs_are_left_out(project):
    (project.pack(TWO) / "run.json").unlink()
    assert collected() == BOTH[:3]


def runs_in(table):
    collect_group("scale-demo")
    with (paths.table_folder("scale-demo") / f"{table}.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        return {row["run"] for row in csv.DictReader(file)}


def test_a_run_that_is_not_evaluated_is_in_the_table_of_runs_only(project):
    (project.pack(TWO) / "results.csv").unlink()

    assert collected() == BOTH
    assert runs_in("accuracy") == runs_in("by_scale") == {ONE}


def test_a_run_with_one_evaluation_missing_is_left_out_of_that_table_only(project):
    project.rows(TWO, 3, EVALUATIONS["by_scale"]).unlink()

    assert collected() == BOTH
    assert runs_in("accuracy") == {ONE, TWO}
    assert runs_in("by_scale") == {ONE}


def test_a_run_trained_with_other_settings_is_left_out(project):
    base = replace(project.runs[TWO].points["base"], training_digest="0" * 16)
    project.runs[TWO] = replace(project.runs[TWO], points={"base": base})
    assert collected() == BOTH[:3]


def test_a_run_with_a_seed_more_in_its_param_file_is_left_out(project):
    project.runs[TWO] = replace(project.runs[TWO], seeds=[1, 2, 3, 4])
    assert collected() == BOTH
    project.runs[TWO] = replace(project.runs[TWO], seeds=[1, 2, 3, 4], seeds_per_job=4)
    assert collected() == BOTH[:3]


def test_seeds_that_the_param_file_no_longer_has_are_left_out(project):
    project.runs[TWO] = replace(project.runs[TWO], seeds=[1, 3])
    assert collected() == [*BOTH[:3], ("two", 1), ("two", 3)]


def test_diverged_seeds_need_no_evaluation(project):
    shutil.rmtree(paths.point_folder(TWO, "base"))
    project.finish(TWO, status={2: "diverged"})
    assert not project.rows(TWO, 2).exists()
    assert collected() == BOTH
    assert collected(table="accuracy") == [pair for pair in BOTH if pair != ("two", 2)]


def test_runs_whose_data_are_not_built_or_were_exchanged_are_left_out(project):
    path = manifest(files=[{"root": "ISOTROPE_DATA", "path": "a", "sha256": "x"}])
    with pytest.raises(UserError, match="no run of scale-demo is finished"):
        collect_group("scale-demo")

    digest = with_local_files(DIGEST, path)
    seal(project.pack(ONE) / "run.json", training_digest=digest)
    for entry in EVALUATIONS.values():
        renamed = replace(entry, digest=with_local_files(entry.digest, path))
        project.rows(ONE, 1, entry).parent.rename(project.rows(ONE, 1, renamed).parent)
    assert collected() == BOTH[:3]

    path.unlink()
    with pytest.raises(UserError, match="no run of scale-demo is finished; run `snakemake eval"):
        collect_group("scale-demo")


def test_runs_that_wait_for_a_plug_in_are_named_where_no_other_is_finished(project, monkeypatch):
    known, why = index_file.current(), "plugins/models/x.py:3: cannot be imported"
    runs = {name: replace(run, points={}, broken=[why]) for name, run in known.runs.items()}
    monkeypatch.setattr(index_file, "current", lambda *_, **__: Index(runs, known.datasets))
    with pytest.raises(UserError) as error:
        collect_group("scale-demo")
    assert f"{ONE} waits for a broken plug-in to be mended: {why}" in error.value.sentences


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"training_digest": "12345678"}'])
def test_a_damaged_summary_is_named_and_its_seeds_alone_are_left_out(project, text):
    (project.pack(TWO) / "run.json").write_text(text)
    said = []
    collect_group("scale-demo", log=said.append)
    (sentence,) = said
    assert "two/base/seeds-1-3/run.json is truncated or altered" in sentence
    assert "it is left out of all tables" in sentence
    assert "delete it and run `snakemake runs`" in sentence
    with (paths.table_folder("scale-demo") / "runs.csv").open(newline="") as file:
        rows = [(row["run"], row["seed"], row["status"]) for row in csv.DictReader(file)]
    assert rows[3:] == [(TWO, seed, "left out") for seed in "123"]
    assert {status for _, _, status in rows[:3]} == {"done"}
    folder = paths.table_folder("scale-demo")
    assert set(read_table(folder / "runs.csv", RUN_COLUMNS)["run"]) == {ONE}
    assert set(read_table(folder / "accuracy.csv", RESULT_COLUMNS)["run"]) == {ONE}


def test_weights_without_a_summary_are_named(project):
    (project.pack(TWO) / "weights.safetensors").touch()
    (project.pack(TWO) / "run.json").unlink()
    said = []
    collect_group("scale-demo", log=said.append)
    assert "run.json is not there; run `snakemake runs`" in said[0]


def test_a_damaged_manifest_is_named_with_the_way_out(project):
    paths.manifest("stir", "emoji").write_text('{"files')
    with pytest.raises(UserError, match=r"emoji\.manifest\.json: not a whole manifest; run"):
        collect_group("scale-demo")


def test_unknown_groups_and_tables_are_refused_with_the_nearest(project):
    with pytest.raises(UserError, match="no param-file belongs to 'scale-dema'; did you mean 'sca"):
        collect_group("scale-dema")
    with pytest.raises(UserError, match="no run of scale-demo has 'acuracy'; did you mean 'acc"):
        collect_group("scale-demo", "acuracy")


@pytest.fixture
def chosen(project):
    """The run ``two`` sweeps a rate; its three seeds are trained and tested at the chosen one."""
    points = {
        rate: point(digest=digest, evaluations=EVALUATIONS, parameters=PARAMETERS)
        for rate, digest in ((GOOD, DIGEST), (BAD, "f" * 8))
    }
    rule = SelectEntry("validation_accuracy", "median", [1, 2], "last")
    project.runs[TWO] = replace(project.runs[TWO], points=points, select=rule)
    shutil.move(paths.point_folder(TWO, "base"), paths.point_folder(TWO, GOOD))
    shutil.move(paths.pack_folder(TWO, GOOD, "1-3"), paths.pack_folder(TWO, "selected", "1-3"))
    results = paths.pack_folder(TWO, "selected", "1-3") / "results.csv"
    results.write_text(results.read_text().replace(f"{TWO},base,", f"{TWO},{GOOD},"))
    candidates = [Candidate(rate, one.training_digest, 0.5, [], []) for rate, one in points.items()]
    choice.write(TWO, Choice(GOOD, rule, candidates, []))
    return project


GOOD, BAD = "rate=1", "rate=2"


def points_in(table):
    collect_group("scale-demo", table)
    path = paths.table_folder("scale-demo") / f"{table}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return {row["point"] for row in csv.DictReader(file) if row["run"] == TWO}


def test_the_chosen_point_stands_in_tables_under_its_own_name(chosen):
    assert collected() == BOTH
    assert points_in("runs") == points_in("accuracy") == {GOOD}


def test_the_table_of_selections_has_a_row_for_every_candidate(chosen):
    (path,) = collect_group("scale-demo", "selection")
    assert path.read_text().splitlines() == [
        "run,point,statistic,value,n,chosen",
        f"{TWO},{GOOD},median,0.5,0,true",
        f"{TWO},{BAD},median,0.5,0,false",
    ]
    assert path in collect_group("scale-demo")
    assert path.read_text().splitlines()[0] == ",".join(SELECTION_COLUMNS)


def test_without_a_choice_that_is_up_to_date_a_run_is_left_out(chosen):
    paths.choice(TWO).unlink()
    assert collected() == BOTH[:3]
    with pytest.raises(UserError, match="no run of scale-demo has chosen a point; run `snakema"):
        collect_group("scale-demo", "selection")


@pytest.fixture
def arrays_of_one(project):
    """The run ONE, whose ``by_scale`` gives arrays: those of seed s are s throughout."""
    entry = EvaluationEntry("index_correlation", "9" * 16, "stir/emoji")
    run_of_one = project.runs[ONE]
    base = replace(run_of_one.points["base"], evaluations={**EVALUATIONS, "by_scale": entry})
    project.runs[ONE] = replace(run_of_one, points={"base": base})
    for seed in (1, 2, 3):
        known = stored.checked(project.rows(ONE, seed, EVALUATIONS["by_scale"]), "")
        stored.write(project.rows(ONE, seed, entry), known, {"maps": np.full(2, seed)})
    return entry


def test_the_arrays_of_the_best_seed_stand_beside_their_table(project, arrays_of_one):
    written = [path.as_posix() for path in collect_group("scale-demo")]
    assert written[-1] == "out/tables/scale-demo/by_scale.npz"
    found = read_arrays(paths.table_folder("scale-demo") / "by_scale.npz", "")
    assert {name: array.tolist() for name, array in found.items()} == {
        f"{ONE}/base/seed": 1,
        f"{ONE}/base/maps": [1, 1],
    }, "all seeds are equally good, so the first"
    assert collect_group("scale-demo", "by_scale") == [
        paths.table_folder("scale-demo") / "by_scale.csv"
    ]
    (alone,) = collect_group("scale-demo", "by_scale", arrays=True)
    assert alone == paths.table_folder("scale-demo") / "by_scale.npz"
    with pytest.raises(UserError, match="no finished run has arrays of 'accuracy'"):
        collect_group("scale-demo", "accuracy", arrays=True)


def test_a_recording_that_is_damaged_leaves_out_its_seed_and_is_named_beside_the_tables(project):
    recorded(project)
    paths.recordings(TWO, "base", 2, DIGEST).write_bytes(b"PK")
    said = []

    (path,) = collect_group("scale-demo", "recordings", arrays=True, log=said.append)

    assert list(read_arrays(path, "")) == [f"{TWO}/base/1/theta"]
    (lost,) = read_left_out(path.parent)
    assert said == [str(lost)]
    assert said[0].startswith(f"{TWO}, base: seed 2 is left out of the table recordings.npz: ")
    (path.parent / "left_out-recordings.json").unlink()
    with pytest.raises(UserError, match=r"left_out-recordings\.json is gone"):
        read_left_out(path.parent)
    path.unlink()
    assert read_left_out(path.parent) == [], "of arrays that are gone, too, nothing is left out"
    recorded(project)
    collect_group("scale-demo", "recordings", arrays=True)
    assert read_left_out(path.parent) == []


def test_arrays_of_which_none_is_sound_keep_no_others_from_being_written(project, arrays_of_one):
    recorded(project)
    stored.arrays_of(project.rows(ONE, 1, arrays_of_one)).write_bytes(b"PK")
    with pytest.raises(UserError, match=r"1\.npz is absent, or not what"):
        collect_group("scale-demo")
    folder = paths.table_folder("scale-demo")
    assert not (folder / "by_scale.npz").exists()
    assert list(read_arrays(folder / "recordings.npz", "")) == [
        f"{TWO}/base/1/theta",
        f"{TWO}/base/2/theta",
    ]


def test_collected_arrays_that_were_altered_are_drawn_by_no_figure(project):
    recorded(project)
    (path,) = collect_group("scale-demo", "recordings", arrays=True)
    collect_group("scale-demo", "runs")
    figure = Path("plugins/figures/general/recorded.py")
    figure.parent.mkdir(parents=True)
    figure.write_text('TABLES, ARRAYS = ("runs",), ("recordings",)\n')
    read_tables("scale", "recorded", path.parent, None)
    write_arrays(path, [(f"{TWO}/base/1/theta", np.full(2, 0.97))])
    with pytest.raises(UserError, match=r"recordings\.npz was altered since .*`snakemake figures`"):
        read_tables("scale", "recorded", path.parent, None)


def test_arrays_of_a_run_that_is_not_evaluated_as_now_are_left_out(project, arrays_of_one):
    project.rows(ONE, 2, arrays_of_one).unlink()
    assert all(path.suffix == ".csv" for path in collect_group("scale-demo"))


def recorded(project):
    """Recordings of the run TWO, of which seed 3 has one of another training alone."""
    whole = project.runs[TWO].points["base"]
    parameters = {**PARAMETERS, "training.monitor.every": 1}
    project.runs[TWO] = replace(
        project.runs[TWO], points={"base": replace(whole, parameters=parameters)}
    )
    for seed, digest in ((1, DIGEST), (2, DIGEST), (3, "0" * 16), (4, DIGEST)):
        path = paths.recordings(TWO, "base", seed, digest)
        write_arrays(path, [("theta", np.full(2, seed))])


def test_recordings_are_those_of_the_seeds_as_they_are_trained_now(project):
    recorded(project)
    files = collect_group("scale-demo")

    assert files[-1] == paths.table_folder("scale-demo") / "recordings.npz"
    assert list(read_arrays(files[-1], "")) == [f"{TWO}/base/1/theta", f"{TWO}/base/2/theta"]
    assert collect_group("scale-demo", "recordings", arrays=True) == [files[-1]]
