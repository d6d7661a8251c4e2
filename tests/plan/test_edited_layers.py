"""Where only what layers compute changed, who starts nothing has nothing imported or built."""

import json
import os
import subprocess
import sys

import pytest
from made_up_param_file import changed, write

from isotrope import registry
from isotrope.cli import main
from isotrope.params import modelling
from isotrope.plan import index_file
from isotrope.plan.checking import check_folder
from isotrope.skeletons import write_skeleton

NAME = "mine/stir_emoji/mine"
FILE = f"param-files/{NAME}.yaml"
LAYER = """
from typing import Literal

Mode = Literal["half", "whole"]
SCALE = 2


def halved(count: int, by: int = SCALE) -> int:
    return count // by
"""
USED = """

from plugins.layers.halving import Mode, halved  # noqa: E402


class Params(Settings):
    mode: Mode = "half"
    channels: int = 16


class Half(Network):
    def __init__(self, image_channels, classes, channels):
        super().__init__(image_channels, classes, halved(channels))


def build(params, image_shape, classes):
    return Half(image_shape[0], classes, params.channels)
"""
REFUSING = ("    return count", "    raise ValueError('no halves today')\n    return count")


@pytest.fixture
def built(param_files, monkeypatch):
    """A checked project of a run whose model uses a layer; the models built since last asked."""
    write_skeleton("model", "mine")
    source = registry.source("models", "mine")
    source.write_text(source.read_text() + USED)
    write(param_files.parent / "plugins", LAYER, "layers/halving.py")
    write(param_files, mine(), f"{NAME}.yaml")
    seen, build = [], modelling.build
    monkeypatch.setattr(modelling, "build", lambda *words: seen.append(words[0]) or build(*words))

    def names():
        found, seen[:] = sorted(set(seen)), []
        return found

    check()
    assert names() == ["mine"]
    return names


def mine(*pairs):
    return changed(("name: standard", "name: mine\n  mode: whole"), *pairs)


def check(built=None):
    """A check that imports the plug-ins as they are now."""
    for module in [name for name in sys.modules if name.startswith("plugins.")]:
        del sys.modules[module]
    return check_folder(built=built)


def edit(file, old, new):
    path = registry.USERS / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_neither_torch_nor_a_plug_in_is_imported_for_what_layers_compute(built):
    code = (
        "import json, sys; from isotrope.plan.checking import check_folder\n"
        "found = check_folder(built=[])\n"
        "print(json.dumps([found.untried, [*found.runs], 'torch' in sys.modules]))"
    )

    def in_another_process():
        source = {**os.environ, "PYTHONPATH": str(registry.PACKAGE.parent)}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=source, text=True, capture_output=True, check=True)
        return json.loads(done.stdout)

    edit("layers/halving.py", *REFUSING)
    assert in_another_process() == [[NAME], [NAME], False]
    assert in_another_process() == [[NAME], [NAME], False]
    edit("layers/halving.py", *reversed(REFUSING))
    assert in_another_process() == [[], [NAME], False], "it was tried as it is now"


def test_what_was_not_tried_is_tried_once_it_is_asked_for(built):
    before = check()
    edit("layers/halving.py", *REFUSING)
    found = check(built=[])
    assert (found.untried, found.runs) == ([NAME], before.runs)
    assert built() == []

    found = check(built=[NAME])
    assert built() == ["mine"]
    assert [*found.mistakes] == [FILE]
    assert "no halves today" in found.mistakes[FILE][0]
    assert not found.untried

    for asked in ([], [NAME], None):
        assert [*check(built=asked).mistakes] == [FILE], "what was found is not forgotten"
    edit("layers/halving.py", *reversed(REFUSING))
    assert check(built=[]) == before


def test_a_changed_value_is_tried_whatever_is_asked_for(built, param_files):
    edit("layers/halving.py", *REFUSING)
    write(param_files, mine(("epochs: 2", "epochs: 3")), f"{NAME}.yaml")
    assert [*check(built=[]).mistakes] == [FILE]


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "layers/halving.py",
            '"half", "whole"',
            '"half"',
            "model.mode: 'whole' is not known; choose from half",
        ),
        (
            "models/mine.py",
            'mode: Mode = "half"',
            'modes: Mode = "half"',
            "model.mode: unknown key",
        ),
        (
            "models/mine.py",
            "    channels: int = 16",
            "    channels: str",
            "model.channels: missing",
        ),
    ],
)
def test_which_settings_there_are_is_seen_at_once(built, file, old, new, said):
    edit(file, old, new)
    found = check(built=[])
    assert said in " ".join(found.mistakes[FILE])
    assert built() == []


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("layers/halving.py", "def halved(", "def halved((", "layers/halving.py:8: cannot be"),
        ("layers/halving.py", "def halved(", "def halves(", "cannot import name 'halved'"),
        ("layers/halving.py", "SCALE = 2", "SCALE = 1 / 0", "layers/halving.py:5: cannot be"),
        ("models/mine.py", "def build(", "def build((", "models/mine.py"),
    ],
)
def test_code_that_cannot_be_imported_is_named_at_once(built, file, old, new, said):
    edit(file, old, new)
    (reason,) = check(built=[]).runs[NAME].broken
    assert said in reason


def test_a_raised_revision_is_seen_at_once(built):
    before = check().runs[NAME].points["base"].training_digest
    edit("models/mine.py", "REVISION = 1", "REVISION = 2")
    found = check(built=[])
    assert found.runs[NAME].points["base"].training_digest != before
    assert (found.untried, built()) == ([NAME], [])


def test_code_of_a_plug_in_is_read_anew_and_its_network_is_left_open(built):
    edit("models/mine.py", "halved(channels)", "halved(channels) // 0")
    assert (check(built=[]).untried, built()) == ([NAME], [])
    assert check(built=[NAME]).runs[NAME].broken


def test_a_check_of_all_tells_the_index_what_it_tried(built, monkeypatch):
    def command(*words):
        monkeypatch.setattr(sys, "argv", ["isotrope", "check", *words])
        with pytest.raises(SystemExit, match="0"):
            main()

    edit("layers/halving.py", "count // by", "count // by + 1")
    command("--write-index", "--quiet", "--built", "")
    assert index_file.read()[0].untried == [NAME]
    command(FILE)
    assert index_file.read()[0].untried == [NAME], "one file alone tells nothing of all"
    command()
    assert index_file.read()[0].untried == []
    assert not index_file.leaves_open(index_file.stamps())


def test_what_is_imported_beside_is_imported_again_by_who_has_networks_built(built, param_files):
    layers = param_files.parent / "plugins/layers"
    write(layers, "def made():\n    return 1\n", "making.py")
    write(layers, "from plugins.layers.making import made\n\nY = made()\n", "beside.py")
    handed_on = (
        "from plugins.layers.beside import Y\nfrom plugins.layers.halving import Mode, halved"
    )
    write(layers, f"{handed_on}\n", "__init__.py")
    edit("models/mine.py", "plugins.layers.halving", "plugins.layers")
    before = check()
    edit("layers/making.py", "return 1", "return 1 / 0")
    assert check(built=[]) == before, "no function that the run uses has changed"
    for asked in ([NAME], None):
        assert "layers/making.py:2: cannot be" in check(built=asked).runs[NAME].broken[0]
