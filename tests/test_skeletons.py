"""`isotrope new` writes plug-ins that pass the tests of their kind as they stand."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pandas
import pytest
from pydantic import Field

from isotrope import paths, registry
from isotrope.errors import UserError
from isotrope.results.cells import Cells, cells_of
from isotrope.results.series import Tables
from isotrope.results.style import styles
from isotrope.settings import Settings
from isotrope.skeletons import KINDS, runs, write_skeleton, write_study
from isotrope.skeletons.templates import Known, known_runs

ROOT = Path(__file__).parents[1]
LOOPS = {
    "dataset": "data/test_every_dataset.py",
    "augmentation": "augmentation/test_every_augmentation.py",
    "model": "models/test_every_model.py",
    "evaluation": "evaluation/test_every_evaluation.py",
    "figure": "figures/test_every_figure.py",
}
NAME = "my_own"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Empty folders in the place of the package, so that nothing is written into it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "PACKAGE", tmp_path / "isotrope")
    for folder in KINDS.values():
        registry.folder(folder).mkdir(parents=True)
        registry.users_folder(folder).mkdir(parents=True)
    return tmp_path / "isotrope"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the package and its tests with a skeleton of every kind."""
    folder = tmp_path_factory.mktemp("project")
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("src", "tests", "workflow"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    shutil.copy2(ROOT / "pyproject.toml", folder)
    code = (
        "from isotrope.skeletons import write_skeleton\n"
        f"for kind in {list(KINDS)}: print(*write_skeleton(kind, '{NAME}'), sep='\\n')\n"
        f"from isotrope.skeletons import write_study; write_study('{NAME}')"
    )
    return folder, in_project(folder, "-c", code)


def in_project(folder, *words):
    environment = {k: v for k, v in os.environ.items() if k != "CI"}
    environment |= {"PYTHONPATH": str(folder / "src")}
    command = [sys.executable, *words]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("core", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_written_into_its_folder_and_says_what_comes_next(package, kind, core):
    lines = write_skeleton(kind, "radial_2", core)

    place = package if core else Path("plugins")
    path = place / KINDS[kind] / "radial_2.py"
    assert lines[0] == f"wrote {path}"
    assert "radial_2" in lines[-2]
    assert "{{" not in lines[-2]
    part = KINDS[kind].partition("/")[0]
    assert lines[-1] == f"`make test PART={part}` tests it already"
    assert (ROOT / "tests" / part).is_dir()
    text = path.read_text()
    assert text.startswith('"""Radial 2: ')
    assert "$" not in text
    assert registry.names(KINDS[kind]) == ["radial_2"]


@pytest.mark.parametrize(
    "name", ["", "2d", "My_model", "my-model", "my model", "_mine", "../x", "ä"]
)
def test_what_cannot_be_a_name_is_refused(package, name):
    with pytest.raises(UserError, match="a name has small letters, digits and '_', a letter first"):
        write_skeleton("model", name)
    assert list(package.rglob("*.py")) == []


@pytest.mark.parametrize(
    ("kind", "name"), [("model", "class"), ("evaluation", "runs"), ("model", "lambda")]
)
def test_words_that_mean_something_else_are_refused(package, kind, name):
    with pytest.raises(UserError, match=f"'{name}' means something else"):
        write_skeleton(kind, name)
    assert list(package.rglob("*.py")) == []


@pytest.mark.parametrize("core", [False, True])
def test_a_name_that_is_taken_is_refused_and_its_file_kept(package, core):
    write_skeleton("model", "mine", core)
    path = (package if core else Path("plugins")) / "models" / "mine.py"
    path.write_text("my work")

    for again in (True, False):
        with pytest.raises(UserError, match=r"models/mine\.py is there already"):
            write_skeleton("model", "mine", again)
    assert path.read_text() == "my work"
    write_skeleton("figure", "mine")


def test_an_unknown_kind_is_refused_with_the_nearest(package):
    with pytest.raises(UserError, match="modell`: there is no such kind of file; did you mean 'm"):
        write_skeleton("modell", "mine")
    with pytest.raises(UserError, match="evaluation, figure, model, run, study"):
        write_skeleton("x", "mine")


@pytest.mark.parametrize("core", [False, True])
def test_a_study_is_written_with_what_panels_are(package, core):
    lines = write_study("rotation", core)

    place = package if core else Path("plugins")
    assert lines[0] == f"wrote {place}/studies/rotation/cells.py"
    assert lines[-2].startswith("next: `isotrope new run cnn/mnist/rotation --study rotation`")
    assert (place / "studies/rotation/__init__.py").exists() is core
    if not core:
        assert cells_of("rotation") == Cells()
    with pytest.raises(UserError, match=r"rotation/cells\.py is there already"):
        write_study("rotation", not core)
    for name, said in (("Rot", "a study has small letters"), ("general", "means something else")):
        with pytest.raises(UserError, match=said):
            write_study(name)


def test_the_settings_that_the_skeleton_of_a_study_explains_are_those_there_are(package):
    write_study("rotation")
    text = Path("plugins/studies/rotation/cells.py").read_text()
    shown = [line.removeprefix("    #     ") for line in text.splitlines() if "#     " in line]
    cells = eval(f"Cells({' '.join(shown)})", {"Cells": Cells})
    assert cells.order["model"] == ("cnn", "mine")


def test_a_figure_of_one_study_goes_into_its_folder(package):
    assert "make test" not in write_skeleton("figure", "radial", study="rotation")[-1]
    assert registry.names("figures/rotation") == ["radial"]
    with pytest.raises(UserError, match="'Rot': a study has small letters"):
        write_skeleton("figure", "radial", study="Rot")


def test_a_skeleton_that_param_files_may_name_is_in_the_schema_at_once(project):
    folder, said = project

    committed = folder / "workflow/schemas/param-file.schema.json"
    schema = (folder / "out/param-file.schema.json").read_text()

    assert said.count("wrote out/param-file.schema.json") == len(KINDS) - 1
    assert committed.read_text() == (ROOT / "workflow/schemas/param-file.schema.json").read_text()
    for kind in ("data", "models", "evaluation"):
        assert f"{kind}_{NAME}" in schema
    assert f"figures_{NAME}" not in schema


def test_skeletons_are_as_the_linters_want_them(project):
    folder, _ = project
    files = [f"plugins/{kind}/{NAME}.py" for kind in KINDS.values()]
    files.append(f"plugins/studies/{NAME}/cells.py")
    in_project(folder, "-m", "ruff", "check", "--no-cache", *files)
    in_project(folder, "-m", "ruff", "format", "--no-cache", "--check", *files)


def test_skeletons_pass_the_tests_of_their_kind_as_they_stand(project):
    folder, _ = project
    loops = [f"tests/{path}" for path in (*LOOPS.values(), "models/test_fingerprints.py")]

    chosen = f"{NAME} and not (twelve or scenarios)"  # the slow cases of figures
    words = ("-p", "no:cacheprovider", "-vv", "-k", chosen)

    output = in_project(folder, "-m", "pytest", *words, *loops)

    for loop in loops:
        assert f"{loop}::" in output
    assert NAME in (folder / "tests/models/fingerprints.json").read_text()


def test_a_figure_says_its_panels_and_colours_its_series_as_the_study_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_skeleton("figure", "radial")
    cells = Cells(
        settings={"images": "dataset.images"},
        words={"images": "{} images"},
        order={"model": ("steered", "plain")},
    )
    at = {"run": "plain/mnist/a", "point": "base", "seed": [1, 2]}
    told = {"model": "plain", "label": "Plain", "dataset": "mnist", "dataset.images": 100}
    runs = pandas.DataFrame(
        {**at, **told, "status": "done", "source": "", "training.epochs": 9, "origin": "trained"}
    )
    accuracy = pandas.DataFrame({**at, "metric": "accuracy", "value": [0.5, 0.7], "n": 10})
    tables = Tables({"runs": runs, "accuracy": accuracy}, cells)

    figure, data = registry.load("figures/general", "radial").draw(tables)

    (axes,) = figure.axes
    assert axes.get_title(loc="left") == "mnist, 100 images"
    assert axes.lines[0].get_color() == styles(("steered", "plain"))["plain"].colour
    assert data["mean"].tolist() == [0.6]


def test_what_has_a_default_is_left_out_and_what_has_none_behind_it_is_not(monkeypatch):
    class Mixed(Settings):
        first: int = 3
        second: int = Field(ge=2)
        third: float = 1.0
        source: Literal["local", "made"]
        fifth: int = Field(ge=5)

    monkeypatch.setattr(runs, "_settings", lambda kind, name: Mixed.model_fields)
    known = [Known("a/b/c", {"model": {"name": "mixed", "first": 9, "fifth": 7}})]
    assert runs._of_plugin("models", "mixed") == {
        "name": "mixed",
        "second": 2,
        "source": "made",
        "fifth": 5,
    }
    assert runs._of_plugin("models", "mixed", known)["fifth"] == 7


def test_runs_behind_files_that_cannot_be_read_or_are_no_runs_are_known(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = paths.PARAM_FILES / "a" / "b"
    folder.mkdir(parents=True)
    whole = "series: {}\ndataset: {{name: x}}\nmodel: {{name: a}}\ntraining: {{epochs: 1}}\n"
    for name, content in (
        ("1.yaml", b"\xff\xfe"),
        ("2.yml", whole.format("own").encode()),
        ("3.yaml", b"- no run"),
        ("4.yaml", b"dataset: 3\nmodel: {}\ntraining: {}"),
        ("5.yaml", whole.format("extra").encode()),
        ("6.yaml", whole.format("demo").encode()),
        ("7.yaml", whole.format("published").encode()),
    ):
        (folder / name).write_bytes(content)
    found = {series: [one.name for one in known_runs(series)] for series in ("own", "demo")}
    assert found["own"] == ["a/b/7", "a/b/6", "a/b/5"]
    assert found["demo"] == ["a/b/6", "a/b/7", "a/b/5"]
