"""Which module may import which, read from their sources."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import isotrope

PACKAGE = Path(isotrope.__file__).parent
FREE_OF_TORCH = (
    *("cli", "console", "digests", "files", "params", "plan", "processes", "registry"),
    *("cluster.starting", "cluster.recording", "cluster.rendezvous", "commands"),
    *("packs.lease", "packs.rows", "packs.state", "packs.summary", "mistakes"),
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


# Rooms by floor, from the ground up: each may import from the floors below its own alone.
FLOORS = (
    ("errors", "paths", "settings", "geometry"),
    ("registry", "mistakes", "layers", "files", "console", "processes"),
    ("devices", "digests", "packs", "features"),
    ("params", "datasets"),
    ("data", "augmentation", "models", "plan", "skeletons"),
    ("training", "measuring", "results", "attacks"),
    ("evaluation", "tasks", "status", "tracking"),
    ("studies", "cluster"),
    ("figures", "commands"),
    ("cli",),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
MOST_AT_THE_ROOT = 10


def room_of(module):
    return module.split(".")[1]


def test_every_room_has_a_floor_and_the_root_holds_few_modules():
    rooms = {room_of(module) for module in MODULES if module != "isotrope"}
    assert rooms == set(FLOOR_OF)
    at_root = [path for path in PACKAGE.glob("*.py") if path.name != "__init__.py"]
    assert len(at_root) <= MOST_AT_THE_ROOT, sorted(path.name for path in at_root)


@pytest.mark.parametrize("module", [module for module in MODULES if module != "isotrope"])
def test_imports_go_down_only_those_for_types_and_inside_functions_too(module):
    room = room_of(module)
    others = {room_of(one) for one in imports(module, True) if one.startswith("isotrope.")}
    above = sorted(one for one in others - {room} if FLOOR_OF[one] >= FLOOR_OF[room])
    assert above == []


@pytest.mark.parametrize("module", below("figures"))
def test_figures_know_of_studies_their_cells_alone(module):
    known = {one for one in imports(module, True) if one.startswith("isotrope.studies.")}
    inside = {one.split(".", 3)[-1] for one in known if one.count(".") > 2}
    assert inside <= {"cells"}, known


def circles(everywhere):
    """Modules that are reached from what they import, the packages that they are in left out."""
    found = []
    for module in MODULES:
        seen, waiting = set(), [module]
        while waiting:
            here = waiting.pop()
            for one in imports(here, everywhere) - seen:
                if one in MODULES and not here.startswith(f"{one}."):
                    seen.add(one)
                    waiting.append(one)
        found += [module] if module in seen else []
    return found


def test_no_modules_import_each_other_not_even_for_types():
    assert circles(everywhere=True) == []


@pytest.mark.parametrize("room", sorted(FLOOR_OF))
def test_every_room_says_what_it_is_for(room):
    path = PACKAGE / room / "__init__.py"
    text = ast.get_docstring(
        ast.parse((path if path.is_file() else PACKAGE / f"{room}.py").read_text())
    )
    assert text
    if path.is_file():
        assert text.count(".") >= 2, "two sentences at least"


WORDS_OF_A_STUDY = re.compile(r"stir|scenario|mid2rest|altstidl", re.IGNORECASE)
KNOW_A_STUDY = ("studies", "data", "models", "layers", "evaluation", "figures.scale", "skeletons")


@pytest.mark.parametrize("module", sorted(set(MODULES) - set(below(*KNOW_A_STUDY))))
def test_no_other_room_knows_a_word_of_one_study(module):
    """Sources that docstrings name are no words of the code."""
    text = MODULES[module].read_text(encoding="utf-8")
    docstrings = [
        ast.get_docstring(node, clean=False) or ""
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
    ]
    for docstring in docstrings:
        text = text.replace(docstring, "")
    found = WORDS_OF_A_STUDY.findall(text)
    assert found == []


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
