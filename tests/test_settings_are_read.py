"""Every setting of every plug-in is read by its code: none is accepted and then ignored."""

import ast
from functools import cache
from pathlib import Path

import pytest

import isotrope
from isotrope import registry

PACKAGE = Path(isotrope.__file__).parent
READ_ELSEWHERE = {"source"}  # by the room datasets
OF_TWO_WORDS = ("what_", "where_")  # names that are put together where they are read
KINDS = ("models", "data", "evaluation", "augmentation")
PLUGINS = [(kind, name) for kind in KINDS for name in registry.names(kind)]


@cache
def read_in(path):
    """The attributes and keys that a module reads, and the modules of its room that it imports."""
    tree = ast.parse(path.read_bytes())
    attributes = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    } | {
        node.slice.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)
    }
    beside = set()
    for node in ast.walk(tree):
        module = (getattr(node, "module", None) or "").split(".")
        if module[0] == "isotrope" and module[1:2] in ([path.parent.name], ["attacks"]):
            names = module[2:] or [alias.name for alias in node.names]
            beside |= {PACKAGE / module[1] / f"{name}.py" for name in names}
    return attributes, {one for one in beside if one.is_file()}


def read_behind(path):
    """The attributes that a module and those of its room behind it read."""
    found, seen, waiting = set(), set(), [path]
    while waiting:
        if (one := waiting.pop()) not in seen:
            seen.add(one)
            attributes, beside = read_in(one)
            found |= attributes
            waiting.extend(beside)
    return found


@pytest.mark.parametrize(("kind", "name"), PLUGINS, ids=lambda word: word)
def test_every_setting_is_read(kind, name):
    params = getattr(registry.load(kind, name), "Params", None)
    names = params.model_fields if params is not None else ()
    fields = {name for name in names if not name.startswith(OF_TWO_WORDS)}
    read = read_behind(PACKAGE / kind / f"{name}.py")
    if not {"model_dump", "_fields"} & read:  # else they are handed on by their names
        assert fields - read - READ_ELSEWHERE == set()


def test_a_setting_that_is_not_read_is_noticed(tmp_path):
    (tmp_path / "net.py").write_text("def build(params):\n    params.lost = params.size\n")
    assert read_behind(tmp_path / "net.py") == {"size"}
