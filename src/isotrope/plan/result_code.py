"""The code that can change a result: its plug-ins, and the modules of the project that they import.

Those count that lie in rooms where results are computed, and a user's own. The engines (training,
measuring, params, files, ...) count by their ``REVISION``, which is in the digests of results, and
are no part of this. All is read from the sources: nothing is imported.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

from isotrope import registry
from isotrope.errors import UserError
from isotrope.packs.code_records import Code, digest_of
from isotrope.plan.index import Index
from isotrope.plan.sources import Sources

ROOMS = (
    "attacks",
    "augmentation",
    "data",
    "evaluation",
    "features",
    "geometry",
    "layers",
    "models",
)
_READING = ("archived_files", "draws", "file_index", "images", "loading", "stream", "trees")
_READERS = "datasets/loading.py"  # reads every data set


class ResultCode:
    """The code behind results as it is now; each file is read once, or remembered.

    Args:
        sources: reads modules.
    """

    def __init__(self, sources: Sources | None = None) -> None:
        self.sources = sources or Sources()
        self._behind: dict[str, frozenset[str]] = {}
        self._codes: dict[tuple[str, ...], Code] = {}
        self._by_digest: dict[str, Mapping[str, str]] = {}

    def of(self, plugins: Iterable[str]) -> Code:
        """The code of a result.

        Args:
            plugins: those that it depends on, as in ``models/cnn``.
        """
        key = tuple(sorted(plugins))
        if key not in self._codes:
            found = frozenset[str]().union(*(self._modules(plugin) for plugin in key))
            files = {self._shown[path]: self.sources.syntax(path) for path in sorted(found)}
            self._codes[key] = found_code = Code(digest_of(files), files)
            self._by_digest[found_code.digest] = files
        return self._codes[key]

    def files_of(self, digest: str) -> Mapping[str, str]:
        """The modules behind a digest that ``of`` gave before, each with its own."""
        return self._by_digest.get(digest, {})

    def all_files(self, index: Index) -> dict[str, str]:
        """Every module that a result of the index depends on, with the digest of its syntax."""
        points = [point for run in index.runs.values() for point in run.points.values()]
        sets = {tuple(point.plugins) for point in points}
        sets |= {tuple(one.plugins) for point in points for one in point.evaluations.values()}
        return {file: one for found in sets for file, one in self.of(found).files.items()}

    @cached_property
    def _shown(self) -> "_Names":
        return _Names()

    def _modules(self, plugin: str) -> frozenset[str]:
        """The files of a plug-in and of what it imports that count; none if there is no such."""
        if plugin not in self._behind:
            kind, _, name = plugin.rpartition("/")
            try:
                first = [str(registry.source(kind, name).absolute())]
            except UserError:
                first = []
            if first and kind == "data":
                first.append(f"{registry.PACKAGE}/{_READERS}")
            self._behind[plugin] = self._closure(first)
        return self._behind[plugin]

    def _closure(self, first: list[str]) -> frozenset[str]:
        found, waiting = set(first), list(first)
        while waiting:
            imported = self.sources.imported(waiting.pop())
            new = {path for path in imported - found if counts(self._shown[path])}
            found |= new
            waiting.extend(new)
        return frozenset(found)


class _Names(dict[str, str]):
    """Files by their whole paths, as they are called on every machine."""

    def __missing__(self, path: str) -> str:
        roots = {"isotrope": registry.PACKAGE, registry.USERS.name: registry.USERS.absolute()}
        for top, root in roots.items():
            if Path(path).is_relative_to(root):
                self[path] = f"{top}/{Path(path).relative_to(root).as_posix()}"
                return self[path]
        raise KeyError(path)


def counts(file: str) -> bool:
    """Whether a module computes results, by its name as in ``isotrope/models/cnn.py``."""
    top, _, inside = file.partition("/")
    room, _, module = inside.removesuffix(".py").partition("/")
    if top == registry.USERS.name:
        return room != "figures"
    return room in ROOMS or (room == "datasets" and module in _READING)
