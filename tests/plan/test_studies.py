"""Which names of studies are asked about."""

from dataclasses import replace
from pathlib import Path

import pytest
from made_up_index import OWN, made_up_index

from isotrope import paths
from isotrope.plan import index_file
from isotrope.plan.index import Index
from isotrope.plan.studies import near_misses, question_about
from isotrope.plan.targets import Plan


@pytest.fixture
def empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_study_nearly_called_like_one_of_the_package_is_asked_about(empty):
    assert near_misses([("a/b/c", "scale"), ("a/b/d", "scael"), ("a/b/e", "scael")]) == [
        "param-files/a/b/d.yaml and 1 more: the study 'scael' is new; did you mean 'scale'?"
    ]


def test_a_new_study_with_a_name_of_its_own_is_not(empty):
    assert near_misses([("a/b/c", "scale"), ("a/b/d", "rotation"), ("a/b/e", "of_mine")]) == []


def test_of_two_new_studies_the_one_with_fewer_runs_may_be_a_mistake(empty):
    runs = [("a/b/c", "weathers"), ("a/b/d", "weathers"), ("a/b/e", "weather")]
    assert near_misses(runs) == [
        "param-files/a/b/e.yaml: the study 'weather' is new; did you mean 'weathers'?"
    ]
    assert near_misses(runs[1:]) == []


@pytest.mark.parametrize(
    "file", ["workflow/published/scales.csv", "plugins/studies/scales/cells.py"]
)
def test_a_study_with_files_of_its_own_is_never_one(empty, file):
    path = Path(file)
    path.parent.mkdir(parents=True)
    path.touch()
    assert near_misses([("a/b/c", "scale"), ("a/b/d", "scales")]) == []


def test_it_is_said_before_the_work_starts(indexed, monkeypatch):
    known = made_up_index()
    runs = {**known.runs, OWN: replace(known.runs[OWN], study="scal")}
    monkeypatch.setattr(index_file, "current", lambda *_, **__: Index(runs, known.datasets))
    assert Plan({}).notes()[0] == (
        f"{paths.PARAM_FILES}/{OWN}.yaml: the study 'scal' is new; did you mean 'scale'?"
    )


def test_a_name_that_is_given_is_asked_about_unless_it_has_files(empty):
    assert question_about("scal") == ["the study 'scal' is new; did you mean 'scale'?"]
    assert question_about("scale") == []
    assert question_about("segmented_streets") == []


def test_a_name_that_is_nearly_that_of_a_study_with_runs_alone_is_asked_about(empty):
    path = Path("param-files/cnn/mnist/mine.yaml")
    path.parent.mkdir(parents=True)
    path.write_text("# mine\nstudy: edges # of images\nseeds: 1\n")
    path.with_name("damaged.yaml").write_bytes(b"study: \xff")
    assert question_about("egdes") == ["the study 'egdes' is new; did you mean 'edges'?"]
    assert question_about("edges") == []
