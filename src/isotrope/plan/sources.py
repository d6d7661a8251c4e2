"""What modules of the project say, compute and import, read from their sources and remembered.

Nothing is imported. What was read of a file is kept in ``out/modules.json`` with the time and size
that the file had, so that a thousand figures cost a thousand looks at files, and no reading.
"""

import ast
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from isotrope import paths, registry
from isotrope.errors import UserError
from isotrope.files import json_files, regular
from isotrope.files.disk import write_whole
from isotrope.plan.code_digests import absolute_name
from isotrope.plan.syntax import digest_of_syntax

VERSION = 3
CONSTANTS = ("TABLES", "ARRAYS", "LATEX", "ANIMATION", "CAPTION")  # that are remembered


class Read(NamedTuple):
    """What was read of a module, and when it was written.

    Args:
        stamp: time and size of the file.
        constants: those of ``CONSTANTS`` that it assigns a literal; remembered of figures alone.
        imports: each module that it imports from, with the names.
        syntax: a digest of its code, comments and docstrings apart; empty if it is no Python.
    """

    stamp: list[int]
    constants: dict[str, Any] | None  # none where they are not remembered
    imports: list[tuple[str, list[str]]]
    syntax: str


class Sources:
    """Reads modules; paths are absolute."""

    def __init__(self) -> None:
        self._root = Path.cwd()
        self._kept = self._remembered()
        self._seen: dict[str, Read] = {}
        self._files: dict[str, str | None] = {}
        self._all: dict[str, frozenset[str]] = {}

    def constants(self, path: str) -> dict[str, Any]:
        """The constants of a module.

        Raises:
            BrokenPluginError: if the file is no Python.
            ValueError: if one is assigned twice.
        """
        known = self._read(path).constants
        return registry.literals(Path(path)) if known is None else known

    def syntax(self, path: str) -> str:
        """A digest of what a module computes: comments, docstrings and formatting do not count."""
        return self._read(path).syntax

    def imported(self, path: str) -> set[str]:
        """The modules of the project that a module imports, at its top or in a function."""
        found: set[str] = set()
        for module, names in self._read(path).imports:
            inside = {name: self._file(f"{module}.{name}") for name in names}
            found.update(file for file in inside.values() if file)
            others = [name for name, file in inside.items() if not file]
            if (others or not names) and (whole := self._file(module)):
                found.add(whole)
            elif package := self._file(f"{module}.__init__"):
                found.update(self._handed_on(package, others) if names else [package])
        return found - {path}

    def _handed_on(self, package: str, names: list[str]) -> Iterator[str]:
        """The modules that a package takes some names from; itself for those that it defines."""
        homes = {name: module for module, of in self._read(package).imports for name in of}
        for name in names:
            file = self._file(homes[name]) if name in homes else None
            yield file or package

    def behind(self, path: str) -> frozenset[str]:
        """A module with all that it imports, and what that imports."""
        if path not in self._all:
            found, waiting = {path}, [path]
            while waiting:
                new = self.imported(waiting.pop()) - found
                found |= new
                waiting.extend(new)
            self._all[path] = frozenset(found)
        return self._all[path]

    def all_of(self, path: str) -> set[str]:
        """The same of a module that nothing else imports: what it imports is looked at once."""
        return {path}.union(*(self.behind(module) for module in self.imported(path)))

    def file_of(self, module: str) -> str | None:
        """The file of a module of the project; None for others, and for packages."""
        return self._file(module)

    def keep(self) -> None:
        """Remember what was read, if any of it is new; a disk that cannot be written is no harm."""
        if any(self._kept.get(path) != read for path, read in self._seen.items()):
            known = {**self._kept, **self._seen}
            files = {path: list(read) for path, read in sorted(known.items())}
            with suppress(OSError, UserError):
                content = {"version": VERSION, "files": files}
                write_whole(paths.MODULES, json_files.sealed_text(content))

    def _remembered(self) -> dict[str, Read]:
        try:
            kept = json_files.parse_sealed_text(regular.read_text(paths.MODULES))
            if kept["version"] != VERSION:
                return {}
            return {
                path: Read(stamp, constants, [(module, names) for module, names in imports], syntax)
                for path, (stamp, constants, imports, syntax) in kept["files"].items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}

    def _read(self, path: str) -> Read:
        if path not in self._seen:
            found = Path(path).stat()
            stamp = [found.st_mtime_ns, found.st_size]
            kept = self._kept.get(path)
            same = kept is not None and kept.stamp == stamp
            self._seen[path] = kept if kept is not None and same else _parsed(path, stamp)
        return self._seen[path]

    def _file(self, module: str) -> str | None:
        if module not in self._files:
            top, _, inside = module.partition(".")
            roots = {
                "isotrope": registry.PACKAGE,
                registry.USERS.name: self._root / registry.USERS,
            }
            path = f"{roots[top]}/{inside.replace('.', '/')}.py" if top in roots else ""
            self._files[module] = path if inside and Path(path).is_file() else None
        return self._files[module]


def _parsed(path: str, stamp: list[int]) -> Read:
    try:
        tree = ast.parse(regular.read_text(Path(path)), path)
        syntax = digest_of_syntax(tree)
    except (SyntaxError, ValueError, RecursionError):
        return Read(stamp, None, [], "")
    imports = list(_imports(tree, Path(path)))
    try:
        literals = registry.literals(Path(path)) if "/figures/" in path else None
    except (UserError, ValueError):
        literals = None
    if literals is None:
        return Read(stamp, None, imports, syntax)
    constants = {name: literals[name] for name in CONSTANTS if name in literals}
    known = json.loads(json.dumps(constants, default=list))  # as it will be remembered
    return Read(stamp, known, imports, syntax)


def _imports(tree: ast.AST, path: Path) -> Iterator[tuple[str, list[str]]]:
    """Each module of the project that is imported from, with the names that are."""
    tops = ("isotrope", registry.USERS.name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = [(alias.name, list[str]()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = absolute_name("." * node.level + (node.module or ""), path)
            found = [(module, [alias.name for alias in node.names])]
        elif isinstance(node, ast.Call) and node.args and _imports_by_name(node.func):
            first = node.args[0]
            found = [(str(first.value), list[str]())] if isinstance(first, ast.Constant) else []
        else:
            continue
        yield from ((module, names) for module, names in found if module.split(".")[0] in tops)


def _imports_by_name(function: ast.expr) -> bool:
    """Whether a function that is called is ``importlib.import_module``."""
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name == "import_module"
