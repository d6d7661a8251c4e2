"""Mistakes in the cells of a study are said before anything is trained, with file and line."""

import json
import subprocess
import sys

import pytest
from made_up_param_file import GOOD, NAME, write

from isotrope import cli
from isotrope.plan import index_file
from isotrope.plan.checking import check_folder
from isotrope.results.cells_mistakes import mistakes_in_cells

HEAD = "from isotrope.results.cells import Cells\n\n"
PATH = "plugins/studies/mine/cells.py"


@pytest.fixture
def said(param_files):
    """What is said of the cells of a study that has one run."""
    write(param_files, GOOD.replace("study: scale", "study: mine"))
    index = check_folder()

    def of(text):
        write(param_files.parent / "plugins/studies/mine", HEAD + text, "cells.py")
        for module in [name for name in sys.modules if name.startswith("plugins.")]:
            del sys.modules[module]
        return mistakes_in_cells(index)

    return of


@pytest.mark.parametrize(
    "text",
    [
        "CELLS = Cells()\n",
        'CELLS = Cells(dataset=("dataset", "dataset.task"), settings={"scenario": '
        '"dataset.scenario"}, order={"scenario": ("all2all",), "model": ("cnn",)}, classes='
        '{"stir": 36}, words={"scenario": "on {}"}, variants={"k": "model.kernel_size"})\n',
    ],
)
def test_cells_that_are_right_have_nothing_said(said, text):
    assert said(text) == []


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (
            'CELLS = Cells(\n    settings={\n        "scenario": "dataset.scenarios"\n    },\n)\n',
            *(5, "settings.scenario: no run of mine has the setting 'dataset.scenarios'; did you"),
        ),
        ("\nCELLS = Cells(setings={})\n", 4, "Cells has no 'setings'; did you mean 'settings' or"),
        (
            'CELLS = Cells(variants={"a": "model.a"})\n',
            *(3, "variants.a: no run of mine has the setting 'model.a'"),
        ),
        (
            'CELLS = Cells(\n    dataset=("dataset", "dataset.tasks"))\n',
            *(4, "dataset: no run of mine has the setting 'dataset.tasks'; did you mean"),
        ),
        (
            'CELLS = Cells(\n    settings=dict(scenario="dataset.scenarios"),\n)\n',
            *(4, "settings.scenario: no run of mine has the setting 'dataset.scenarios'; did you"),
        ),
        (
            'CELLS = Cells(order={"scenarios": ()},\n settings={"scenario": "dataset.scenario"})\n',
            *(3, "order.scenarios: there is no such thing to order; did you mean 'scenario'?"),
        ),
        ('CELLS = Cells(words={"size": "{}"})\n', 3, "words.size: no setting is called that"),
        ('CELLS = Cells(settings=["dataset.task"])\n', 3, "settings: input should be a valid"),
        ('CELLS = Cells(main=("accuracy",))\n', 3, "main: input should be a valid tuple"),
        ('CELLS = Cells(dataset="dataset")\n', 3, "dataset: input should be a valid tuple"),
        ("CELS = Cells()\n", 1, "must assign a Cells to CELLS"),
        ("CELLS = Cells(\n", 3, "cannot be imported: SyntaxError"),
        ("CELLS = 1 / 0\n", 3, "cannot be imported: ZeroDivisionError: division by zero"),
    ],
)
def test_a_mistake_is_said_with_its_line(said, text, line, what):
    (sentence,) = said(text)
    assert sentence.startswith(f"{PATH}:{line}: {what}")


@pytest.fixture
def isotrope(monkeypatch):
    """Calls the command line; gives the exit status."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["isotrope", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code

    return call


def test_check_ends_with_them_and_the_index_tells_whoever_plans(said, isotrope, capsys):
    said('CELLS = Cells(\n    settings={"size": "dataset.sizes"},\n)\n')
    for words in ((), ("--write-index", "--quiet")):
        assert isotrope("check", *words) == 2
        assert f"{PATH}:4: settings.size: no run of mine has" in capsys.readouterr().err
    index, _ = index_file.read()
    assert [*index.runs] == [NAME], "nothing else waits for it"
    assert index.notes[0].startswith(f"{PATH}:4: settings.size")
    assert "figures of a study can be drawn once" in index.notes[-1]
    said("CELLS = Cells()\n")
    assert isotrope("check", "--write-index", "--quiet") == 0
    assert index_file.read()[0].notes == []


def test_shipped_cells_are_read_without_pandas_and_torch():
    code = (
        "import sys, json\nfrom isotrope import registry\n"
        "from isotrope.results import cells_mistakes\n"
        "said = [[*cells_mistakes._mistakes(study, ())] for study in registry.study_folders()\n"
        "        if 'cells' in registry.names(f'studies/{study}')]\n"
        "print(json.dumps([said, 'pandas' in sys.modules, 'torch' in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
    said, *imported = json.loads(done.stdout)
    assert (len(said) >= 5, sum(map(len, said)), imported) == (True, 0, [False, False])
