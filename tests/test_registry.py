import multiprocessing
import re
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from isotrope import registry
from isotrope.errors import UserError
from isotrope.settings import Settings

MODULE = '''\
"""What it is."""

from nowhere import nothing

REVISION: int = 3
NEEDS: set[str] = set()
PARTS = {"stage1", "stage2"}
SIZES = tuple(range(4))
PAIR, OF = 1, 2
LATER: int
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    for kind in registry.KINDS:
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "__init__.py").write_text("")
    (tmp_path / "models" / "round.py").write_text(MODULE)
    (tmp_path / "models" / "_shared.py").write_text("")
    (tmp_path / "models" / "flat.py").write_text("")
    (tmp_path / "models" / "notes.txt").write_text("")
    monkeypatch.setattr(registry, "PACKAGE", tmp_path)
    return tmp_path


def test_plug_ins_are_the_files_of_their_folder_but_hidden_ones(package):
    assert registry.names("models") == ["flat", "round"]
    assert registry.names("figures") == []


def test_literals_are_read_without_importing_the_module(package):
    assert registry.literal("models", "round", "REVISION") == 3
    assert registry.literal("models", "round", "NEEDS") == set()
    assert registry.literal("models", "round", "PARTS") == {"stage1", "stage2"}


@pytest.mark.parametrize("constant", ["SIZES", "PAIR", "LATER", "ABSENT"])
def test_what_is_no_literal_is_named_with_its_file(package, constant):
    message = re.escape(f"models/round.py: it must assign a literal to {constant}")
    with pytest.raises(registry.BrokenPluginError, match=message):
        registry.literal("models", "round", constant)
    assert registry.literal("models", "round", constant, 7) == 7


@pytest.mark.parametrize("read", [registry.load, registry.source])
def test_an_unknown_name_is_refused_with_the_nearest(package, read):
    with pytest.raises(UserError, match=r"no model is called 'rond'; did you mean 'round'\?"):
        read("models", "rond")


def test_hidden_modules_are_no_plug_ins(package):
    with pytest.raises(UserError, match="no model is called '_shared'"):
        registry.load("models", "_shared")


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in registry.KINDS for name in registry.names(kind)]
)
def test_every_plug_in_can_be_named_and_loaded(kind, name):
    module = registry.load(kind, name)

    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert module.__doc__
    if kind != "figures":
        assert issubclass(module.Params, Settings)
        assert registry.literal(kind, name, "REVISION") >= 1


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


MINE = '''\
"""A model of my own."""

from plugins.layers.halves import half

from isotrope.settings import Settings

REVISION = 1
PARTS = {"stage1"}


class Params(Settings):
    size: int = 2


def build(params, image_shape, classes):
    return half(params.size)
'''


@pytest.fixture
def mine(project):
    write(project / "plugins/layers/halves.py", "def half(size):\n    return size / 2\n")
    return write(project / "plugins/models/mine.py", MINE)


def test_a_users_plug_in_is_found_beside_those_of_the_package(mine):
    assert {"mine", "standard"} <= set(registry.names("models"))
    assert "mine" not in registry.package_names("models")
    assert registry.source("models", "mine") == Path("plugins/models/mine.py")
    assert registry.literal("models", "mine", "PARTS") == {"stage1"}
    module = registry.load("models", "mine")
    assert module.build(module.Params(size=6), (1, 8, 8), 3) == 3


def test_the_settings_of_a_users_plug_in_reach_a_process_of_their_own(mine):
    params = registry.load("models", "mine").Params(size=4)

    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as workers:
        (there,) = workers.map(repr, [params])

    assert there == "Params(size=4)"


def test_two_projects_one_after_the_other_each_have_their_own(tmp_path, monkeypatch):
    for number in (1, 2, 1):
        path = tmp_path / str(number) / "plugins/models/mine.py"
        settings = "from isotrope.settings import Settings as Params"
        write(path, f"{settings}\nREVISION = {number}\nPARTS = 0\nbuild = print\n")
        monkeypatch.chdir(tmp_path / str(number))
        found = registry.load("models", "mine").REVISION
        assert found == number


@pytest.mark.parametrize("read", [registry.load, registry.source])
def test_a_name_that_the_package_has_too_is_a_mistake_that_names_both_files(read, project):
    write(project / "plugins/models/standard.py", MINE)
    write(project / "plugins/models/other.py", MINE)

    with pytest.raises(
        UserError, match=r"plugins/models/standard\.py: .*isotrope/models/standard\.py"
    ):
        read("models", "standard")
    assert len(list(registry.doubled())) == 1
    write(project / "plugins/layers/scale_pool.py", "")
    write(project / "plugins/studies/scale/cells.py", "")
    write(project / "plugins/studies/rotation/cells.py", "")
    found = list(registry.doubled())
    assert [one.partition(":")[0] for one in found[1:]] == [
        "plugins/layers/scale_pool.py",
        "plugins/studies/scale/cells.py",
    ]
    assert registry.names("models").count("standard") == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def half(:\n", "plugins/layers/halves.py:1: cannot be imported: SyntaxError: invalid"),
        ("\nimport no_such_package\n", "plugins/layers/halves.py:2: cannot be imported: ModuleNot"),
        (
            "half = 1 / 0\n",
            "plugins/layers/halves.py:1: cannot be imported: ZeroDivisionError: div",
        ),
        ("whole = 2\n", "plugins/models/mine.py:3: cannot be imported: ImportError: cannot"),
    ],
)
def test_what_cannot_be_imported_is_named_with_its_line(mine, text, sentence):
    write(mine.parents[1] / "layers/halves.py", text)

    with pytest.raises(registry.BrokenPluginError) as error:
        registry.load("models", "mine")

    (said,) = error.value.sentences
    assert said.startswith(sentence)


def test_what_a_plug_in_lacks_is_named(mine):
    mine.write_text(MINE.replace("def build", "def make"))

    with pytest.raises(
        registry.BrokenPluginError, match=r"plugins/models/mine\.py: a model must define build"
    ):
        registry.load("models", "mine")


BARS = (registry.PACKAGE / "skeletons/dataset.py.txt").read_text()
SHARP = (registry.PACKAGE / "skeletons/evaluation.py.txt").read_text()


@pytest.mark.parametrize(
    ("kind", "text", "here", "there", "what"),
    [
        (
            "data",
            BARS,
            "def load(",
            "def laod(",
            "load, and this one has laod; did you mean 'load'?",
        ),
        ("data", BARS, "def build(", "def bild(", "build, and this one has bild; did you mean"),
        ("data", BARS, "def classes(", "def clases(", "classes, and this one has clases; did you"),
        ("data", BARS, "def load(", "def _x(", "load; `isotrope new` writes one that does"),
        (
            "evaluation",
            SHARP,
            "def evaluate(",
            "def evalute(",
            "evaluate, and this one has evalute",
        ),
        ("evaluation", SHARP, "\nSPLIT =", "\nSPLITS =", "SPLIT, and this one has SPLITS; did you"),
    ],
)
def test_what_it_lacks_is_named_with_what_may_be_meant_for_it(
    project, kind, text, here, there, what
):
    assert here in text
    write(project / f"plugins/{kind}/bars.py", text.replace(here, there))

    with pytest.raises(registry.BrokenPluginError) as error:
        registry.load(kind, "bars")

    word = {"data": "a data set", "evaluation": "an evaluation"}[kind]
    (said,) = error.value.sentences
    assert said.startswith(f"plugins/{kind}/bars.py: {word} must define {what}")


def test_what_should_be_a_function_and_is_none_is_named(project):
    write(project / "plugins/data/bars.py", f"{BARS}\n\nclasses = 2\n")

    with pytest.raises(
        registry.BrokenPluginError, match=r"bars\.py: its classes must be a function"
    ):
        registry.load("data", "bars")


@pytest.mark.parametrize("params", ["class Params:", "class Params(dict):", "def Params():"])
def test_settings_that_are_none_are_named(mine, params):
    mine.write_text(MINE.replace("class Params(Settings):", params))

    with pytest.raises(registry.BrokenPluginError, match=r"models/mine\.py: its Params must be"):
        registry.load("models", "mine")


def test_an_error_is_a_plug_ins_fault_where_its_code_raised_it_and_no_user_can_mend_it(mine):
    mine.write_text(MINE + "\n\ndef fail(error):\n    raise error\n")
    fail = registry.load("models", "mine").fail

    def fault(error, call=fail):
        try:
            call(error)
        except Exception as raised:
            return registry.fault_of(raised)

    line = len(mine.read_text().splitlines())
    expected = f"plugins/models/mine.py:{line}: fails: KeyError: 'a'"
    assert str(fault(KeyError("a"))) == expected
    assert fault(UserError("a sentence")) is None
    assert fault("12a", int) is None


def test_literals_of_what_is_no_python_are_refused_with_the_line(mine):
    mine.write_text(f"{MINE}\n)\n")

    with pytest.raises(
        registry.BrokenPluginError, match=r"^plugins/models/mine\.py:18: cannot be read"
    ):
        registry.literal("models", "mine", "PARTS")


def test_figures_of_a_folder_are_a_kind_of_their_own(project):
    write(project / "plugins/figures/rotation/turns.py", '"""Turns."""\n\nTITLE = "Turns"\n')

    assert "rotation" in registry.figure_folders()
    assert registry.names("figures/rotation") == ["turns"]
    assert registry.literal("figures/rotation", "turns", "TITLE") == "Turns"
    assert registry.load("figures/rotation", "turns").TITLE == "Turns"
    with pytest.raises(UserError, match="no figure is called 'turn'; did you mean 'turns'"):
        registry.load("figures/rotation", "turn")
