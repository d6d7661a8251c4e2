"""Which code stands behind a result, and what of it counts."""

import ast
import json
import os
import textwrap
from pathlib import Path

import pytest

from isotrope import paths, registry
from isotrope.plan.result_code import ResultCode, counts
from isotrope.plan.sources import Sources
from isotrope.plan.syntax import digest_of_syntax

MODEL = '''\
"""A model."""

from isotrope.layers import Blur
from isotrope.layers.sharpen import sharpen
from isotrope.training.engine import step
from plugins.models._parts import half

REVISION = 1


def forward(images):
    """Logits."""
    return sharpen(Blur(half(images)))
'''
PACKAGE = {
    "layers/__init__.py": "from isotrope.layers.blur import Blur\n"
    "from isotrope.layers.far import X\n",
    "layers/blur.py": "from isotrope.geometry import turn\n\nBlur = turn\n",
    "layers/sharpen.py": "import importlib\n\n\ndef sharpen(x):\n"
    "    return importlib.import_module('isotrope.layers.kernels').sharpen(x)\n",
    "layers/kernels.py": "def sharpen(x):\n    return x\n",
    "layers/far.py": "X = 1\n",
    "geometry.py": "turn = abs\n",
    "training/engine.py": "def step():\n    return 1\n",
    "data/dots.py": "from isotrope.datasets.images import Images\n",
    "datasets/images.py": "Images = list\n",
    "datasets/loading.py": "from isotrope.datasets import pinning\n",
    "datasets/pinning.py": "PIN = 1\n",
    "evaluation/accuracy.py": "from isotrope.evaluation._means import mean\n",
    "evaluation/_means.py": "def mean(x):\n    return x\n",
    "evaluation/shift.py": "Y = 1\n",
}
TRAINED = ("data/dots", "models/mine")
TESTED = {name: (f"evaluation/{name}", *TRAINED) for name in ("accuracy", "shift")}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package, and a user's model that lies beside it; writes a file of one of both."""
    root = tmp_path / "src" / "isotrope"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "PACKAGE", root)

    def write(name, text):
        path = tmp_path / name if name.startswith("plugins/") else root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    for name, text in PACKAGE.items():
        write(name, text)
    write("plugins/models/mine.py", MODEL)
    write("plugins/models/_parts.py", "def half(x):\n    return x / 2\n")
    return write


def digests():
    code = ResultCode()
    return {"training": code.of(TRAINED).digest} | {
        name: code.of(plugins).digest for name, plugins in TESTED.items()
    }


def test_the_code_is_the_plugins_and_what_they_import_where_results_are_computed(package):
    assert set(ResultCode().of(TRAINED).files) == {
        "isotrope/data/dots.py",
        "isotrope/datasets/images.py",
        "isotrope/datasets/loading.py",
        "isotrope/geometry.py",
        "isotrope/layers/blur.py",
        "isotrope/layers/kernels.py",
        "isotrope/layers/sharpen.py",
        "plugins/models/_parts.py",
        "plugins/models/mine.py",
    }


def test_what_was_read_of_a_file_is_forgotten_with_its_time_or_its_size(package):
    file = Path("plugins/models/mine.py")
    os.utime(file, ns=(10**18, 10**18))

    def syntax():
        sources = Sources()
        found = sources.syntax(str(file))
        sources.keep()
        return found

    first = syntax()
    package("plugins/models/mine.py", MODEL.replace("sharpen(Blur(", "sharpen(Blot("))
    os.utime(file, ns=(10**18 + 1, 10**18 + 1))
    second = syntax()
    package("plugins/models/mine.py", MODEL.replace("half(images)", "images"))
    os.utime(file, ns=(10**18 + 1, 10**18 + 1))
    assert len({first, second, syntax()}) == 3


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Logits."""', '"""The logits of some images."""'),
        ('    """Logits."""\n', "    # no docstring\n"),
        ('"""A model."""', '"""Another sentence."""'),
        ("REVISION = 1", "REVISION = 2"),
        (
            "    return sharpen(Blur(half(images)))",
            "    return (\n        sharpen(Blur(half(images),))\n    )",
        ),
    ],
)
def test_docstrings_comments_formatting_and_revisions_do_not_count(package, old, new):
    before = digests()
    assert old in MODEL
    package("plugins/models/mine.py", MODEL.replace(old, new))
    assert digests() == before


@pytest.mark.parametrize(
    ("name", "text", "changed"),
    [
        ("plugins/models/mine.py", MODEL.replace("half(images)", "images"), {"training", *TESTED}),
        ("plugins/models/_parts.py", "def half(x):\n    return x / 3\n", {"training", *TESTED}),
        ("layers/blur.py", "Blur = abs\n", {"training", *TESTED}),
        ("layers/kernels.py", "def sharpen(x):\n    return -x\n", {"training", *TESTED}),
        ("geometry.py", "turn = max\n", {"training", *TESTED}),
        ("datasets/images.py", "Images = tuple\n", {"training", *TESTED}),
        ("evaluation/_means.py", "def mean(x):\n    return x + 1\n", {"accuracy"}),
        ("layers/far.py", "X = 2\n", set()),
        ("layers/__init__.py", PACKAGE["layers/__init__.py"] + "Z = 1\n", set()),
        ("training/engine.py", "def step():\n    return 2\n", set()),
        ("datasets/pinning.py", "PIN = 2\n", set()),
    ],
)
def test_changed_code_is_told_where_it_counts_and_nowhere_else(package, name, text, changed):
    before = digests()
    package(name, text)
    now = digests()
    assert {one for one in now if now[one] != before[one]} == changed


def test_a_file_that_is_no_python_is_changed_code_and_no_error(package):
    before = digests()
    package("layers/blur.py", "def (\n")
    now = digests()
    assert now["training"] != before["training"]
    package("layers/blur.py", PACKAGE["layers/blur.py"])
    assert digests() == before


def test_a_plugin_that_is_gone_has_no_code(package):
    assert ResultCode().of(["models/gone"]).digest == ""


def test_what_was_read_is_remembered_by_time_and_size_and_figures_keep_theirs(package, monkeypatch):
    code = ResultCode()
    before = code.of(TRAINED)
    code.sources.keep()
    kept = json.loads(paths.MODULES.read_text())
    monkeypatch.setattr(ast, "parse", lambda *words: pytest.fail("a source was read again"))
    again = ResultCode()
    assert again.of(TRAINED) == before
    other = Sources()
    other.syntax(str(registry.PACKAGE / "geometry.py"))
    other.keep()
    assert json.loads(paths.MODULES.read_text()) == kept


def test_what_was_remembered_of_a_source_is_read_anew_where_it_was_altered(package):
    code = ResultCode()
    before = code.of(TRAINED)
    code.sources.keep()
    whole = paths.MODULES.read_text()
    for old in set(before.files.values()):
        paths.MODULES.write_text(whole.replace(old, "0" * len(old)))
        assert ResultCode().of(TRAINED) == before


def test_a_users_figures_are_no_code_of_results():
    assert counts("plugins/models/mine.py")
    assert counts("isotrope/geometry.py")
    assert not counts("plugins/figures/general/mine.py")
    assert not counts("isotrope/results/tables.py")
    assert not counts("isotrope/__init__.py")


@pytest.mark.parametrize(
    ("module", "reads"),
    [
        *((name, True) for name in ("images", "loading", "stream", "draws", "trees")),
        *((name, True) for name in ("archived_files", "file_index")),
        *((name, False) for name in ("download", "manifest", "contact_sheet", "local_data")),
    ],
)
def test_code_of_data_sets_counts_where_it_makes_what_networks_see(module, reads):
    assert (registry.PACKAGE / "datasets" / f"{module}.py").is_file()
    assert counts(f"isotrope/datasets/{module}.py") == reads


def syntax(text):
    return digest_of_syntax(ast.parse(textwrap.dedent(text)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 2"),
        ("x = 1", "x = True"),
        ("x = 1", "x = 1.0"),
        ("x = 'a'", "x = b'a'"),
        ("f(a, b)", "f(b, a)"),
        ("f(a=1)", "f(b=1)"),
        ("f(*a)", "f(a)"),
        ("x = a + b", "x = a - b"),
        ("x = [1, 2]", "x = (1, 2)"),
        ("if a:\n    b = 1\nc = 1", "if a:\n    b = 1\n    c = 1"),
        ("if a:\n    b = 1\nelse:\n    pass", "if a:\n    b = 1\nelse:\n    c = 1"),
        ("def f(a, b=1): return a", "def f(a, b=2): return a"),
        ("def f(a, *, b): return a", "def f(a, b): return a"),
        ("for a in b:\n    c()", "async def g():\n    for a in b:\n        c()"),
        ("x = a[1:]", "x = a[:1]"),
        ("revision = 1", "revision = 2"),
        ("x: int = 1", "x: float = 1"),
        ("x = f'{a}'", "x = f'{a!r}'"),
        ("import a", "import a as b"),
    ],
)
def test_another_computation_is_another_digest(one, other):
    assert syntax(one) != syntax(other)


def test_a_revision_counts_where_it_is_asked_for():
    texts = ["REVISION = 1", "REVISION: int = 1", "REVISION = 2  # a comment", "REVISION = 2"]
    one, typed, two, again = (digest_of_syntax(ast.parse(text), revisions=True) for text in texts)
    assert len({one, typed, two}) == 3
    assert two == again
    assert len({syntax(text) for text in texts}) == 1


def test_the_digest_of_a_syntax_tree_stays_what_it_is():
    """It stands in results that are years old: another spelling would call all of them changed."""
    text = """
    from a import b as c

    @c
    class D(E, metaclass=F):
        x: int = 3

        async def g(self, *args, y=None, **more):
            async with h() as i:
                return [j async for j in k if j not in (1.5, "two", b"3", None)]
    """
    assert syntax(text) == "037d11c7b1dceb4c"
