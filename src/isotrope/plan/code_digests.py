"""Digests of code: of a module and of all modules of the project that it imports.

All is read from the sources, without an import. Packages count, too: an import runs them.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from isotrope import registry

_OWN = ("isotrope", registry.USERS.name)  # the packages whose modules are looked at


def _names_imported(text: str, path: Path) -> Iterator[str]:
    """What a source imports at its top or in its functions: modules, and names that may be some.

    Relative ones keep their dots.
    """
    for node in ast.walk(ast.parse(text, str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield module
            between = "." if node.module else ""
            yield from (f"{module}{between}{alias.name}" for alias in node.names)


def absolute_name(module: str, path: Path) -> str:
    """A module as the file at ``path`` imports it, with the package that its dots stand for.

    Args:
        module: what is imported, with a dot or more in front if that is relative.
        path: the file, absolute.
    """
    inside = module.lstrip(".")
    level = len(module) - len(inside)
    roots = {"isotrope": registry.PACKAGE, registry.USERS.name: registry.USERS.absolute()}
    for top, root in roots.items():
        if level and path.is_relative_to(root):
            package = [top, *path.relative_to(root).parts][:-level]
            return ".".join([*package, inside] if inside else package)
    return inside


def _file_of(module: str) -> Path | None:
    """The file of a module of the project; None for others, and for packages."""
    top, _, inside = module.partition(".")
    roots = {"isotrope": registry.PACKAGE, registry.USERS.name: registry.USERS.absolute()}
    if not inside or top not in roots:
        return None
    path = roots[top].joinpath(*inside.split(".")).with_suffix(".py")
    return path if path.is_file() else None


class CodeDigests:
    """Digests of the project's code as it is now; each file is read once.

    Args:
        imports: what is known of the imports of sources, by their checksums; it is added to.
    """

    def __init__(self, imports: dict[str, list[str]]) -> None:
        self.imports = imports
        self._sums: dict[Path, str] = {}
        self._closures: dict[Path, frozenset[Path]] = {}
        self._found: dict[Path, list[Path]] = {}  # what each file imports

    def digest(self, path: Path) -> str:
        """A digest of a module and of all that it imports of the project, directly or not."""
        return self.digest_of([path])

    def digest_of(self, paths: Iterable[Path]) -> str:
        """A digest of modules and of all that they import of the project."""
        found = frozenset[Path]().union(*(self._closure(path.absolute()) for path in paths))
        sums = [f"{path} {self._sum(path)}" for path in sorted(found)]
        return hashlib.sha256("\n".join(sums).encode()).hexdigest()[:16]

    def _closure(self, first: Path) -> frozenset[Path]:
        if first not in self._closures:
            found: set[Path] = set()
            waiting = [first]
            while waiting:
                path = waiting.pop()
                if path not in found:
                    found.add(path)
                    if path not in self._found:
                        self._found[path] = self._imported(path)
                    waiting += self._found[path]
            self._closures[first] = frozenset(found)
        return self._closures[first]

    def _sum(self, path: Path) -> str:
        """The checksum of a source; empty if there is none."""
        if path not in self._sums:
            known = path.is_file()
            self._sums[path] = hashlib.sha256(path.read_bytes()).hexdigest() if known else ""
        return self._sums[path]

    def _imported(self, path: Path) -> list[Path]:
        checksum = self._sum(path)
        if checksum and checksum not in self.imports:
            try:
                names = _names_imported(path.read_text(encoding="utf-8"), path)
                own = (name for name in names if name.partition(".")[0] in ("", *_OWN))
                self.imports[checksum] = list(dict.fromkeys(own))
            except (SyntaxError, UnicodeDecodeError):
                return []  # who imports it will say so; it is read again when it is another
        names_now = (absolute_name(name, path) for name in self.imports.get(checksum, []))
        return [file for name in names_now for file in _files_of(name)]


def _files_of(module: str) -> Iterator[Path]:
    """The file of a module or package, and those that importing it runs before."""
    parts = module.split(".")
    for length in range(2, len(parts)):
        yield from _package(".".join(parts[:length]))
    if file := _file_of(module):
        yield file
    else:
        yield from _package(module)


def _package(module: str) -> Iterator[Path]:
    if file := _file_of(f"{module}.__init__"):
        yield file
