import re

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
    message = re.escape(f"models/round.py must assign a literal to {constant}")
    with pytest.raises(ValueError, match=message):
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
