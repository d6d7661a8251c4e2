"""Tables that no evaluation makes are named where a figure of one's own asks for them."""

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from made_up_param_file import GOOD, NAME, changed, write

from isotrope import cli, registry
from isotrope.plan.checking import check_folder
from isotrope.results import figure_mistakes
from isotrope.results.figure_mistakes import mistakes_in_figures

PATH = "plugins/figures/scale/mine.py"
Said = Callable[[str], list[str]]


@pytest.fixture
def said(param_files: Path) -> Said:
    """What is said of a figure of one's own whose file holds this."""
    write(param_files, GOOD)
    index = check_folder()

    def of(text: str) -> list[str]:
        write(param_files.parent / "plugins/figures/scale", f'"""A figure."""\n{text}', "mine.py")
        return mistakes_in_figures(index)

    return of


@pytest.mark.parametrize(
    "text",
    [
        'TABLES = ("runs", "selection", "accuracy", "network_costs")\nARRAYS = ("recordings",)\n',
        'TABLES = ["runs"]\nARRAYS = ("histories", "segmentation")\n',
        "",
    ],
)
def test_tables_that_there_may_be_have_nothing_said(said: Said, text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (
            'TITLE = "A"\nTABLES = ("runs", "acuracy")\n',
            *(3, "TABLES: no evaluation is called 'acuracy'; did you mean 'accuracy'"),
        ),
        (
            'TABLES = ("runs",)\nARRAYS = ("recording",)\n',
            *(3, "ARRAYS: no evaluation is called 'recording'; did you mean 'recordings'?"),
        ),
        (
            'TABLES = ("runs")\n',
            *(2, 'TABLES: must be names in brackets, as in ("runs", "accuracy")'),
        ),
    ],
)
def test_a_mistake_is_said_with_its_line(said: Said, text: str, line: int, what: str) -> None:
    (sentence,) = said(text)
    assert sentence.startswith(f"{PATH}:{line}: {what}")


@pytest.mark.parametrize("wrong", [("epochs: 2", "epochs: 0"), ("name: standard", "name: mine")])
def test_tables_of_runs_that_are_to_be_mended_are_known(
    param_files: Path, wrong: tuple[str, str]
) -> None:
    named = "evaluations: [{name: accuracy, as: later}, scale_generalization]"
    write(param_files, changed(("evaluations: [accuracy, scale_generalization]", named), wrong))
    plugins = param_files.parent / "plugins"
    write(plugins, "import nothing_there\n", "models/mine.py")
    write(plugins, 'TABLES = ("later", "latter")\n', "figures/scale/mine.py")
    index = check_folder()
    assert index.mistakes or index.runs[NAME].broken
    (sentence,) = mistakes_in_figures(index)
    assert "no evaluation is called 'latter'; did you mean 'later'?" in sentence


def test_check_ends_with_them(
    said: Said, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said('TABLES = ("runs", "acuracy")\n')
    monkeypatch.setattr(sys, "argv", ["isotrope", "check"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert f"{PATH}:2: TABLES: no evaluation is called 'acuracy'" in capsys.readouterr().err


def test_what_shipped_figures_ask_for_is_known() -> None:
    known = {*registry.names("evaluation"), *itertools.chain(*figure_mistakes.ALWAYS.values())}
    asked = {
        table
        for folder in registry.figure_folders()
        for name in registry.package_names(f"figures/{folder}")
        for constant in figure_mistakes.ALWAYS
        for table in registry.literal(f"figures/{folder}", name, constant, ())
        if not table.endswith("_costs")
    }
    of_runs = {"shift_consistency_untrained", "translation_published"}  # entries of evaluations
    assert asked - known <= of_runs
    assert asked & set(figure_mistakes.ALWAYS["ARRAYS"]) == set(figure_mistakes.ALWAYS["ARRAYS"])


def test_neither_pandas_nor_torch_is_needed() -> None:
    code = (
        f"import sys, json\nimport {figure_mistakes.__name__}\n"
        "print(json.dumps([name in sys.modules for name in ('pandas', 'torch')]))"
    )
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
    assert json.loads(done.stdout) == [False, False]
