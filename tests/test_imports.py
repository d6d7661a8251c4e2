"""Which module may import which, read from their sources."""

import ast
from functools import cache
from pathlib import Path

import pytest

import isotrope

PACKAGE = Path(isotrope.__file__).parent
FREE_OF_TORCH = (
    *("cli", "console", "digests", "files", "params", "plan", "processes", "registry"),
    *("cluster.starting", "cluster.recording", "cluster.rendezvous", "commands"),
    *("results", "skeletons", "status", "studies.scale.export_published", "tracking"),
)


def name_of(path):
    parts = ("isotrope", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def tree(module):
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def statements(node, everywhere):
    """Import statements; those inside functions, or for types alone, only if asked for."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        if everywhere or not (inside or types):
            yield from statements(child, everywhere)


def named(statement):
    """The modules that a statement imports, packages above them included."""
    if isinstance(statement, ast.Import):
        found = [alias.name for alias in statement.names]
    else:
        base = statement.module or ""
        found = [base, *(f"{base}.{alias.name}" for alias in statement.names)]
    for name in found:
        parts = name.split(".")
        if parts[0] != "isotrope":
            yield parts[0]
            continue
        above = (".".join(parts[: i + 1]) for i in range(len(parts)))
        yield from (one for one in above if one in MODULES)


@cache
def imports(module, everywhere=False):
    found = {name for one in statements(tree(module), everywhere) for name in named(one)}
    return found - {module}


def reached(module, packages=True):
    """All that importing a module imports; if asked for, but for the packages that it is in."""
    found, waiting = set(), [module]
    while waiting:
        one = waiting.pop()
        for name in imports(one) - found:
            if packages or not one.startswith(f"{name}."):
                found.add(name)
                if name in MODULES:
                    waiting.append(name)
    return found


def below(*tops):
    """The modules of these names and all in folders of these names."""
    whole = [f"isotrope.{top}" for top in tops]
    return [m for m in MODULES if any(m == one or m.startswith(f"{one}.") for one in whole)]


def test_the_reading_of_imports_finds_what_is_there():
    assert "torch" in reached("isotrope.measuring.networks")
    assert {"isotrope", "isotrope.errors", "isotrope.data"} <= reached("isotrope.data.stir")
    assert "isotrope.params.schema" in imports("isotrope.commands.checking", everywhere=True)
    assert "isotrope.params.schema" not in reached("isotrope.commands.checking")
    assert not [
        s for s in statements(tree("isotrope.measuring.networks"), True) if getattr(s, "level", 0)
    ]


@pytest.mark.parametrize("module", MODULES)
def test_imports_inside_the_project_name_the_whole_module(module):
    assert all(
        one.level == 0
        for one in statements(tree(module), everywhere=True)
        if isinstance(one, ast.ImportFrom)
    )


@pytest.mark.parametrize("module", ["errors", "paths", "settings"])
def test_the_foundations_import_nothing_of_the_project(module):
    own = {name for name in imports(f"isotrope.{module}", True) if name.startswith("isotrope")}
    assert own <= {"isotrope"}


ALLOWED = [
    (("registry",), ("errors", "paths", "settings")),
    (("geometry",), ()),
    (("layers",), ("geometry", "layers")),
    (("models",), ("geometry", "layers", "models", "settings", "registry", "errors")),
]
FORBIDDEN = [
    (("data", "datasets"), ("models", "training", "evaluation", "measuring", "layers")),
    (("training",), ("evaluation", "measuring", "figures", "results")),
    (
        ("figures", "files", "results.tables"),
        ("data", "models", "training", "evaluation", "plan"),
    ),
    (("params", "plan"), ("training", "measuring")),
    (("evaluation",), ("models", "data", "figures", "results", "measuring.evaluating")),
]


@pytest.mark.parametrize(("who", "whom"), ALLOWED, ids=lambda names: "+".join(names))
def test_lower_layers_import_only_what_is_below_them(who, whom):
    for module in below(*who):
        own = {name for name in imports(module, True) if name.startswith("isotrope.")}
        assert own <= set(below(*whom)), module


@pytest.mark.parametrize(("who", "whom"), FORBIDDEN, ids=lambda names: "+".join(names))
def test_nothing_imports_what_is_above_it_or_beside_it(who, whom):
    for module in below(*who):
        assert not imports(module, True) & set(below(*whom)), module


def test_no_module_imports_the_command_line():
    assert [module for module in MODULES if "isotrope.cli" in imports(module, True)] == []


@pytest.mark.parametrize("module", ["isotrope", *below(*FREE_OF_TORCH, "figures")])
def test_planning_and_drawing_import_no_torch(module):
    assert not reached(module) & {"torch", "torchvision", "safetensors"}


def test_optional_packages_are_imported_by_what_writes_for_them_alone():
    optional = {"mlflow", "tensorboard"}
    found = {module for module in MODULES if reached(module) & optional}
    writers = ("mlflow_runs", "mlflow_store", "tensorboard_events")
    assert found == {f"isotrope.tracking.{writer}" for writer in writers}


def test_no_module_needs_itself_to_be_imported():
    # a package may list its modules, and they name each other: it is there before them
    assert [module for module in MODULES if module in reached(module, packages=False)] == []


@pytest.mark.parametrize("module", MODULES)
def test_only_one_module_prints(module):
    if module == "isotrope.console.printing":
        return
    for node in ast.walk(tree(module)):
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        assert called not in ("print", "sys.stdout.write", "sys.stderr.write"), node.lineno


@pytest.mark.parametrize("module", MODULES)
def test_checks_are_no_assertions_and_errors_are_caught_by_name(module):
    for node in ast.walk(tree(module)):
        assert not isinstance(node, ast.Assert), node.lineno
        assert not (isinstance(node, ast.ExceptHandler) and node.type is None), node.lineno


def test_no_two_files_of_tests_share_a_name():
    # pytest imports them by it, and finds the first one only
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
