"""Which test files can notice a bug in a file, the likeliest first, read from their sources."""

import ast
import math
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from source_text import Mutation

ANY_ROOM = ("workflow", "commands")  # they run the whole of the project
LEFT_OUT = ("slurm", "faults", "mutants", "benchmarks", "old_results")
AS_MANY_STEPS = 3
FEW = 12  # test files that name a function; more name something else


class Guards:
    """The tests of a project, and what each imports or names.

    Args:
        root: the folder of the project.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._modules = {
            _module(path.relative_to(root / "src")): path for path in (root / "src").rglob("*.py")
        }
        self._helpers = {
            path.stem: path
            for path in (root / "tests").rglob("*.py")
            if not path.name.startswith(("test_", "conftest"))
        }

    @cached_property
    def tests(self) -> dict[str, str]:
        """The text of every test file that is considered, by its path."""
        found = {}
        for path in sorted((self.root / "tests").rglob("test_*.py")):
            name = path.relative_to(self.root).as_posix()
            if name.split("/")[1] not in LEFT_OUT:
                found[name] = path.read_text(encoding="utf-8")
        return found

    @cached_property
    def _imports(self) -> dict[str, set[str]]:
        """Of each test file, helper and module, the modules and helpers that it imports."""
        found = {name: self._imported(ast.parse(text)) for name, text in self.tests.items()}
        for name, path in (self._modules | self._helpers).items():
            found[name] = self._imported(ast.parse(path.read_bytes())) - {name}
        for test in self.tests:
            for folder in Path(test).parents:
                if (conftest := self.root / folder / "conftest.py").exists() and folder != Path(
                    "tests"
                ):
                    found[test] |= self._imported(ast.parse(conftest.read_bytes()))
        return found

    def _imported(self, tree: ast.AST) -> set[str]:
        named = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                named |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        return {name for name in named if name in self._modules or name in self._helpers}

    def steps(self, module: str) -> dict[str, int]:
        """How many imports lie between a module and each file that reaches it."""
        importers: dict[str, set[str]] = {}
        for name, imported in self._imports.items():
            for one in imported:
                importers.setdefault(one, set()).add(name)
        found, edge = {module: 0}, [module]
        for step in range(1, AS_MANY_STEPS + 1):
            edge = sorted({n for name in edge for n in importers.get(name, ())} - found.keys())
            found |= dict.fromkeys(edge, step)
        return found

    def _that_name(self, word: str) -> set[str]:
        """The test files in which a word stands; none for no word."""
        pattern = re.compile(rf"\b{re.escape(word)}\b")
        return {test for test, text in self.tests.items() if word and pattern.search(text)}

    def in_order(self, mutation: Mutation, seconds: Mapping[str, float]) -> list[str]:
        """The test files that may notice a bug, the likeliest and quickest first.

        Args:
            mutation: the bug.
            seconds: how long test files took that have run before.
        """
        if not mutation.path.startswith("src/"):
            return list(_of_rules(self.tests, mutation, seconds))
        module = _module(Path(mutation.path).relative_to("src"))
        steps, stem = self.steps(module), module.rpartition(".")[2].strip("_")
        parts = module.split(".")[1:]
        room = parts[0] if len(parts) > 1 else ""
        of_stem, of_scope = self._that_name(stem), self._that_name(mutation.scope)
        order = {}
        for test in self.tests:
            place = test.split("/")[1:-1]
            own = bool(room) and place[:1] == [room]
            step = steps.get(test, AS_MANY_STEPS + 2)
            near = 4 * own + 2 * (test in of_stem) + 4 * (Path(test).stem == f"test_{stem}")
            near += 3 * (test in of_scope and len(of_scope) <= FEW)
            near += 2 * (len(place) > 1 and place == parts[:-1])
            any_room = bool(place) and place[0] in ANY_ROOM
            slow = any_room or "compil" in test or "every" in test
            took = seconds.get(test, 40.0 if slow else 4.0)
            if step <= AS_MANY_STEPS or own or test in of_stem or any_room:
                order[test] = (2.5 * step - near + math.log2(1 + took), test)
        return sorted(order, key=lambda test: order[test])


def _of_rules(
    tests: Mapping[str, str], mutation: Mutation, seconds: Mapping[str, float]
) -> Iterator[str]:
    order = {}
    for test, text in tests.items():
        if mutation.path in text or test.split("/")[1] == "workflow" or ".smk" in text:
            names_it = bool(mutation.scope) and mutation.scope in text
            order[test] = (
                test != "tests/workflow/test_rules.py",
                not names_it,
                seconds.get(test, 20.0),
                test,
            )
    yield from sorted(order, key=lambda test: order[test])


def _module(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
