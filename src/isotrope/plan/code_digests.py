"""Digests of code: of a module with what it uses of the project, or with what its import runs.

Another one leaves out what cannot change which settings a plug-in takes: bodies of functions in the
rooms that lie below it. All is read from the sources, without an import. Comments, docstrings and
formatting do not count; each ``REVISION`` does.
"""

import ast
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from isotrope import registry
from isotrope.files import regular
from isotrope.plan.outlines import digest_of_outline
from isotrope.plan.syntax import digest_of_syntax

_OWN = ("isotrope", registry.USERS.name)  # the packages whose modules are looked at
_BELOW = ("layers", "features")  # what these compute, no setting of a plug-in depends on
_DEEPEST = 8  # packages that hand on a name of each other


class Source(NamedTuple):
    """What was read of a source.

    Args:
        syntax: a digest of its code.
        imports: what it imports at its top or in its functions that may be of the project: each
            module, relative ones with their dots, with the names taken from it; none of a module
            that is imported whole.
        hands_on: whether it does nothing but hand on names of other modules, as most packages do.
        outline: a digest of its code without what its import does not run, in the rooms of layers.
    """

    syntax: str
    imports: list[list[Any]]
    hands_on: bool
    outline: str


def _read(text: str, path: Path, below: bool) -> Source:
    tree = ast.parse(text, str(path))
    own = [one for one in _imports(tree) if one[0].partition(".")[0] in ("", *_OWN)]
    hands_on = all(_hands_on(node) for node in tree.body)
    syntax = digest_of_syntax(tree, revisions=True)
    return Source(syntax, own, hands_on, digest_of_outline(tree) if below else syntax)


def _imports(tree: ast.Module) -> Iterator[list[Any]]:
    """What a source imports, whosever it is, as ``Source`` has it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ([alias.name, []] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield ["." * node.level + (node.module or ""), [alias.name for alias in node.names]]


def _hands_on(node: ast.stmt) -> bool:
    """Whether a statement is a docstring, ``__all__`` or an import that renames nothing."""
    if isinstance(node, ast.Assign):
        return [getattr(target, "id", "") for target in node.targets] == ["__all__"]
    if isinstance(node, ast.ImportFrom):
        return all(alias.asname is None and alias.name != "*" for alias in node.names)
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


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


class CodeDigests:
    """Digests of the project's code as it is now; each file is read once.

    Args:
        known: what is known of sources, by the checksums of their texts.
    """

    def __init__(self, known: dict[str, Source]) -> None:
        self._sources = known
        self.sources: dict[str, Source] = {}  # those that were looked at
        self._roots = {
            "isotrope": str(registry.PACKAGE),
            registry.USERS.name: str(registry.USERS.absolute()),
        }
        self._below = tuple(f"{root}/{one}/" for root in self._roots.values() for one in _BELOW)
        self._now: dict[str, Source] = {}
        self._files: dict[str, str | None] = {}  # of modules
        self._used: dict[str, list[str]] = {}  # what each file takes something from
        self._run: dict[str, list[str]] = {}  # what its import runs
        self._digests: dict[tuple[str, bool, bool], str] = {}

    def digest(self, path: Path) -> str:
        """A digest of a module and of the code that it uses of the project, directly or not.

        Of what it takes from a package that only hands on names, the modules that define these
        count, and not their neighbours.
        """
        return self._digest(path, run=False)

    def digest_of_import(self, path: Path) -> str:
        """A digest of all the code that an import of a module runs, packages included."""
        return self._digest(path, run=True)

    def outline_of_import(self, path: Path) -> str:
        """The same without the bodies of functions of layers that the import does not call."""
        return self._digest(path, run=True, outlined=True)

    def _digest(self, path: Path, run: bool, outlined: bool = False) -> str:
        key = str(path.absolute()), run, outlined
        if key not in self._digests:
            self._digests[key] = self._sum([key[0]], run, outlined)
        return self._digests[key]

    def digest_of(self, paths: Iterable[Path]) -> str:
        """A digest of modules and of the code that they use of the project."""
        return self._sum([str(path.absolute()) for path in paths], run=False)

    def _sum(self, first: list[str], run: bool, outlined: bool = False) -> str:
        found, waiting = set(first), list(first)
        while waiting:
            path = waiting.pop()
            new = set(self._behind(path, run)) - found
            found |= new
            waiting.extend(new)
        below = self._below if outlined else ()
        sums = (
            f"{path} {source.outline if path.startswith(below) else source.syntax}"
            for path, source in ((path, self._source(path)) for path in sorted(found))
        )
        return hashlib.sha256("\n".join(sums).encode()).hexdigest()[:16]

    def syntax(self, path: Path) -> str:
        """A digest of the code of one file; of its text if it is no Python, empty without a file.

        Args:
            path: absolute.
        """
        return self._source(str(path)).syntax

    def _source(self, path: str) -> Source:
        if path not in self._now:
            self._now[path] = self._known(Path(path))
        return self._now[path]

    def _known(self, path: Path) -> Source:
        """What is known of the text that a file has now; it is read if that is nothing."""
        if not path.is_file():
            return Source("", [], False, "")
        content = regular.read_bytes(path)
        checksum = hashlib.sha256(content).hexdigest()
        if checksum not in self.sources:
            try:
                known = self._sources.get(checksum)
                below = str(path).startswith(self._below)
                found = known or _read(content.decode(), path, below)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return Source(checksum, [], False, checksum)  # who imports it will say so
            self.sources[checksum] = found
        return self.sources[checksum]

    def _behind(self, path: str, run: bool) -> list[str]:
        """The files that the code of a file takes something from, or that its import runs."""
        known = self._run if run else self._used
        if path not in known:
            find = self._files_run if run else self._files_used
            absolute = ((absolute_name(m, Path(path)), n) for m, n in self._source(path).imports)
            known[path] = list(dict.fromkeys(f for module, n in absolute for f in find(module, n)))
        return known[path]

    def _files_run(self, module: str, names: list[str]) -> Iterator[str]:
        """The file of a module or package, those of names that are modules, packages around."""
        for one in (module, *(f"{module}.{name}" for name in names)):
            parts = one.split(".")
            around = (".".join(parts[:length]) for length in range(2, len(parts)))
            found = [self._package(package) for package in around]
            found.append(self._file(one) or self._package(one))
            yield from (file for file in found if file is not None)

    def _files_used(self, module: str, names: list[str], depth: int = 0) -> Iterator[str]:
        """The files that define names of a module, and packages around that do something."""
        parts = module.split(".")
        for length in range(2, len(parts)):
            around = self._package(".".join(parts[:length]))
            if around is not None and not self._source(around).hands_on:
                yield around
        if (file := self._file(module)) is not None:
            yield file
            return
        package = self._package(module)
        homes = self._homes(package, module) if package is not None and depth < _DEEPEST else None
        for name in names:
            if inside := self._file(f"{module}.{name}") or self._package(f"{module}.{name}"):
                yield inside
            elif homes and name in homes:
                yield from self._files_used(homes[name], [name], depth + 1)
            elif package is not None:
                yield package
        if package is not None and (not names or homes is None):
            yield package

    def _homes(self, package: str, module: str) -> dict[str, str] | None:
        """Where a package that only hands on names has each of them from; None for others."""
        source = self._source(package)
        if not source.hands_on:
            return None
        absolute = ((absolute_name(m, Path(package)), names) for m, names in source.imports)
        return {name: home for home, names in absolute for name in names if home != module}

    def _file(self, module: str) -> str | None:
        """The file of a module of the project; None for others, and for packages."""
        if module not in self._files:
            top, _, inside = module.partition(".")
            path = f"{self._roots.get(top)}/{inside.replace('.', '/')}.py"
            known = bool(inside) and top in self._roots and os.path.isfile(path)  # noqa: PTH113
            self._files[module] = path if known else None
        return self._files[module]

    def _package(self, module: str) -> str | None:
        return self._file(f"{module}.__init__")
