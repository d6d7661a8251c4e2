"""A plug-in that cannot be imported makes its own runs wait, and nothing else."""

import re
import sys

import pytest
from made_up_param_file import GOOD, NAME, changed, write

from isotrope import cli, paths, registry
from isotrope.errors import UserError
from isotrope.params import param_file
from isotrope.params.param_file import read_folder, read_run
from isotrope.plan import checking, index_file
from isotrope.plan.indexing import index_of
from isotrope.plan.needs import Needs
from isotrope.plan.targets import Plan
from isotrope.skeletons import write_skeleton

MINE = "mine/stir_emoji/mine"
BROKEN = "plugins/models/mine.py:3: cannot be imported: ModuleNotFoundError: No module named 'gone'"


@pytest.fixture
def project(param_files):
    """A project with a run of the package's model, and one whose model cannot be imported."""
    write(param_files)
    write(param_files, changed(("standard", "mine")), f"{MINE}.yaml")
    write_skeleton("model", "mine")
    path = registry.source("models", "mine")
    broken = param_files.parent / path
    broken.write_text(f'"""Mine."""\n\nimport gone\n{path.read_text()}')
    return param_files


def write_index():
    stamped, found = index_file.stamps(), read_folder()
    index_file.write(index_of(found.runs, found.waiting), stamped)


def test_its_own_runs_wait_and_all_others_are_planned(project, monkeypatch):
    write_index()
    monkeypatch.setattr(index_file, "current", lambda *_, **__: index_file.as_written())

    plan = Plan({})

    assert list(plan.index.runs) == [MINE, NAME]
    assert plan.packs("run.json") == [f"out/runs/{NAME}/base/seeds-1-25/run.json"]
    assert plan.notes() == [f"1 run waits for a broken plug-in to be mended: {BROKEN}: {MINE}"]
    with pytest.raises(
        UserError, match=f"{MINE} waits for a broken plug-in to be mended: plugins/models/mine.py:3"
    ):
        Needs().run(MINE)
    with pytest.raises(
        UserError, match=f"{MINE} waits for a broken plug-in to be mended: plugins/models/mine.py:3"
    ):
        Plan({"runs": MINE})


def test_a_run_that_is_asked_for_by_its_file_says_what_it_waits_for(project):
    with pytest.raises(UserError) as error:
        read_run(paths.PARAM_FILES / f"{MINE}.yaml")
    assert error.value.sentences == (f"{MINE} waits for a broken plug-in to be mended: {BROKEN}",)


def test_mistakes_beside_a_broken_plug_in_are_said_all_the_same(project):
    text = changed(("standard", "mine"), ("accuracy", "acuracy"), ("epochs: 2", "epochs: 0"))
    write(project, text, f"{MINE}.yaml")
    with pytest.raises(UserError) as error:
        read_folder()
    assert len(error.value.sentences) == 2
    assert "acuracy" in str(error.value)
    assert "training.epochs" in str(error.value)


@pytest.mark.parametrize(
    ("kind", "block", "name"),
    [
        ("dataset", "name: stir\n  task: emoji\n  scenario: mid2rest", "name: mine"),
        ("evaluation", "[accuracy,", "[mine,"),
    ],
)
def test_runs_wait_for_plug_ins_of_every_kind(kind, block, name, param_files):
    write(param_files, changed((block, name)))
    write_skeleton(kind, "mine")
    folder = {"dataset": "data"}.get(kind, kind)
    registry.source(folder, "mine").write_text("REVISION = (\n")

    (waiting,) = read_folder().waiting

    assert waiting.name == NAME
    assert waiting.reasons[0].startswith(f"plugins/{folder}/mine.py:1: cannot be imported: Syntax")


def test_a_model_that_fails_otherwise_than_by_refusing_images_is_named_with_its_line(project):
    path = registry.source("models", "mine")
    text = path.read_text().replace("import gone\n", "")
    path.write_text(text.replace("    channels, height", "    channels / {}\n    channels, height"))

    (waiting,) = read_folder().waiting

    (reason,) = waiting.reasons
    line = path.read_text().splitlines().index("    channels / {}") + 1
    assert reason.startswith(f"plugins/models/mine.py:{line}: cannot be built: UnboundLocalError")


HOOKS = """

def local_files(params):
    return {}["no such file"]
"""


ITS_MODEL = ("standard", "mine")
ITS_DATA = (
    "name: stir\n  task: emoji\n  scenario: mid2rest\n\nmodel:\n  name: standard",
    "name: mine\n\nmodel:\n  name: standard",
)


@pytest.mark.parametrize(
    ("kind", "run", "block", "broken", "reason"),
    [
        ("model", MINE, ITS_MODEL, "raise SystemExit(3)", "cannot be imported: SystemExit"),
        ("model", MINE, ITS_MODEL, "REVISION = 2", "REVISION is assigned twice"),
        ("model", MINE, ITS_MODEL, "\0", "cannot be"),
        (
            "evaluation",
            "standard/stir_emoji/other",
            ("[accuracy,", "[mine, accuracy,"),
            "raise SystemExit",
            "cannot be imported: SystemExit",
        ),
        ("data", "standard/mine/other", ITS_DATA, HOOKS, "fails: KeyError"),
    ],
)
def test_whatever_is_wrong_in_a_plug_in_its_runs_wait_and_its_line_is_said(
    param_files, kind, run, block, broken, reason
):
    write(param_files)
    write(
        param_files, changed(block, ("accuracy, scale_generalization", "accuracy")), f"{run}.yaml"
    )
    write_skeleton({"data": "dataset"}.get(kind, kind), "mine")
    folder = {"model": "models"}.get(kind, kind)
    path = registry.source(folder, "mine")
    path.write_text(f"{path.read_text()}\n{broken}\n")

    found = checking.check_folder()

    assert set(found.runs) == {run, NAME}
    assert found.runs[NAME].broken == []
    (said,) = found.runs[run].broken
    assert re.match(rf"plugins/{folder}/mine\.py:\d+: {reason}", said), said


@pytest.mark.parametrize("revision", ["1 + 0", "'one'"])
def test_a_revision_that_is_computed_or_no_number_breaks_its_plug_in_alone(param_files, revision):
    write(param_files)
    write(param_files, changed(("standard", "mine")), f"{MINE}.yaml")
    write_skeleton("model", "mine")
    path = registry.source("models", "mine")
    path.write_text(path.read_text().replace("REVISION = 1", f"REVISION = {revision}"))

    found = checking.check_folder()

    assert found.runs[NAME].broken == []
    (said,) = found.runs[MINE].broken
    assert said.startswith("plugins/models/mine.py: it")
    assert "REVISION" in said


@pytest.mark.parametrize(("module", "name"), [(checking, "index_of"), (param_file, "points_of")])
def test_an_error_outside_of_plug_ins_keeps_its_traceback(param_files, monkeypatch, module, name):
    write(param_files)
    monkeypatch.setattr(module, name, lambda *arguments: {}["a bug"])
    with pytest.raises(KeyError, match="a bug"):
        checking.check_folder()


def test_an_index_with_broken_plug_ins_is_made_anew_as_a_package_may_have_come(
    project, monkeypatch
):
    write_index()
    called = []
    monkeypatch.setattr(index_file, "_checked", lambda _: called.append("check") or (0, []))
    assert index_file.current().runs[MINE].broken == [BROKEN]
    assert len(called) == 1

    registry.source("models", "mine").unlink()
    (paths.PARAM_FILES / f"{MINE}.yaml").unlink()
    write_index()
    index_file.current()
    assert len(called) == 1


def test_a_name_that_the_package_has_is_a_mistake_for_all(project):
    write_skeleton("model", "spare")
    registry.source("models", "spare").rename("plugins/models/xu.py")
    with pytest.raises(UserError, match=r"plugins/models/xu\.py: the package has a model of that"):
        read_folder()


def test_plug_ins_of_a_user_stamp_the_index(param_files):
    write(param_files, GOOD)
    before = index_file.stamps()
    write_skeleton("model", "mine")
    layer = write(param_files.parent / "plugins", "", "layers/half.py")
    assert set(index_file.stamps()) - set(before) == {
        "plugins/models/mine.py",
        "plugins/layers/half.py",
    }
    assert layer.is_file()


def test_check_and_status_go_on_and_name_the_line(project, monkeypatch, capsys):
    def said(*words, status=0):
        monkeypatch.setattr(sys, "argv", ["isotrope", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == status
        output = capsys.readouterr()
        return output.out + output.err

    assert MINE in said("check", "--quiet", status=2)
    assert MINE not in said("check", "--write-index", "--quiet"), "Snakemake goes on without it"
    checked = said("check", status=2)
    assert f"{MINE} waits for a broken plug-in to be mended: {BROKEN}" in checked
    assert "1 param-files are in order" in checked

    write(project, changed(("epochs: 2", "epochs: 0")), f"{NAME}2.yaml")
    wrong = f"param-files/{NAME}2.yaml:13:3: training.epochs: input should be greater than 0"
    for words in (("check",), ("check", "--quiet")):
        both = said(*words, status=2)
        assert f"{MINE} waits for a broken plug-in to be mended: {BROKEN}" in both
        assert wrong in both
    assert BROKEN not in said("check", "--write-index", "--quiet", status=2)
    (project / f"{NAME}2.yaml").unlink()

    monkeypatch.setenv("COLUMNS", "300")
    rows = said("status").splitlines()
    (waiting,) = [row for row in rows if row.startswith("waiting")]
    assert f"waits for a broken plug-in to be mended: {BROKEN}" in waiting
    (queued,) = [row for row in rows if NAME in row]
    assert queued.startswith("queued")


def test_check_names_a_broken_plug_in_that_no_param_file_names(param_files, monkeypatch, capsys):
    def status(*words):
        monkeypatch.setattr(sys, "argv", ["isotrope", "check", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, capsys.readouterr().err

    write(param_files)
    write_skeleton("evaluation", "other")
    assert status() == (0, "")
    write_skeleton("model", "mine")
    broken = param_files.parent / registry.source("models", "mine")
    broken.write_text(f'"""Mine."""\n\nimport gone\n{broken.read_text()}')
    assert status() == (2, f"{BROKEN}\n")
    assert status("--write-index", "--quiet") == (0, "")
