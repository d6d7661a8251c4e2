"""Digests of code: of a module and of all modules of the project that it imports.

All is read from the sources, without an import. Packages count, too: an import runs them. Comments,
docstrings and formatting do not count; each ``REVISION`` does.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from isotrope import registry
from isotrope.plan.syntax import digest_of_syntax

_OWN = ("isotrope", registry.USERS.name)  # the packages whose modules are looked at


class Source(NamedTuple):
    """What was read of a source.

    Args:
        syntax: a digest of its code.
        imports: the modules of the project, and names that may be some, that it imports at its top
            or in its functions; relative ones keep their dots.
    """

    syntax: str
    imports: list[str]


def _read(text: str, path: Path) -> Source:
    tree = ast.parse(text, str(path))
    own = (name for name in _names_imported(tree) if name.partition(".")[0] in ("", *_OWN))
    return Source(digest_of_syntax(tree, revisions=True), list(dict.fromkeys(own)))


def _names_imported(tree: ast.Module) -> Iterator[str]:
    """What a source imports, whosever it is."""
    for node in ast.walk(tree):
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
        sources: what is known of sources, by the checksums of their texts; it is added to.
    """

    def __init__(self, sources: dict[str, Source]) -> None:
        self.sources = sources
        self._now: dict[Path, Source] = {}
        self._closures: dict[Path, frozenset[Path]] = {}
        self._found: dict[Path, list[Path]] = {}  # what each file imports
        self._files: dict[str, list[Path]] = {}  # behind the name of a module
        self._digests: dict[Path, str] = {}

    def digest(self, path: Path) -> str:
        """A digest of a module and of all that it imports of the project, directly or not."""
        if path not in self._digests:
            self._digests[path] = self.digest_of([path])
        return self._digests[path]

    def digest_of(self, paths: Iterable[Path]) -> str:
        """A digest of modules and of all that they import of the project."""
        found = frozenset[Path]().union(*(self._closure(path.absolute()) for path in paths))
        sums = sorted(f"{path} {self.syntax(path)}" for path in found)
        return hashlib.sha256("\n".join(sums).encode()).hexdigest()[:16]

    def syntax(self, path: Path) -> str:
        """A digest of the code of one file; of its text if it is no Python, empty without a file.

        Args:
            path: absolute.
        """
        return self._source(path).syntax

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

    def _source(self, path: Path) -> Source:
        if path not in self._now:
            self._now[path] = self._known(path)
        return self._now[path]

    def _known(self, path: Path) -> Source:
        """What is known of the text that a file has now; it is read if that is nothing."""
        if not path.is_file():
            return Source("", [])
        content = path.read_bytes()
        checksum = hashlib.sha256(content).hexdigest()
        if checksum not in self.sources:
            try:
                self.sources[checksum] = _read(content.decode(), path)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return Source(checksum, [])  # who imports it will say so
        return self.sources[checksum]

    def _imported(self, path: Path) -> list[Path]:
        names = [absolute_name(name, path) for name in self._source(path).imports]
        for name in names:
            if name not in self._files:
                self._files[name] = list(_files_of(name))
        return [file for name in names for file in self._files[name]]


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
