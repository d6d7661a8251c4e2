"""Checking all param-files, again and again: what did not change since is not checked again.

A file is as it was if its text is, or its values are, and if nothing changed on which the check
depends: the plug-ins that it names, the param-files that it names, and this package's own code. Of
code, comments and docstrings do not count. What was found then is kept in ``out/checked.json``.
Files with mistakes, and runs that wait for a plug-in, are checked each time. A file with mistakes
costs its own run and those that need it. Neither torch nor a plug-in is imported where all is as it
was.
"""

import hashlib
import json
import platform
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from isotrope import paths, registry
from isotrope.errors import UserError
from isotrope.files import disk, json_files
from isotrope.params import blocks, param_file
from isotrope.params.param_file import CheckedFile, Tables
from isotrope.params.param_folder import find, name_of, read_bytes, read_text
from isotrope.params.yaml_marks import parse
from isotrope.plan.code_digests import CodeDigests, Source
from isotrope.plan.index import DatasetEntry, Index, RunEntry
from isotrope.plan.index_file import run_entry
from isotrope.plan.indexing import index_of

_CORE = ("plan/checking.py", "plan/indexing.py", "params/param_file.py", "training/__init__.py")
_LARGEST = 10_000_000  # bytes of a source
_PACKAGES = ("pydantic", "torch")  # whose versions count


@dataclass(frozen=True)
class Remembered:
    """What the check of a param-file found, and what that depends on.

    Args:
        text: the checksum of its text.
        values: the checksum of its values.
        used: what was looked at: plug-ins as kind and name, and files.
        used_digest: a digest of all that.
        run: its entry in the index.
        datasets: the data sets that it needs, by their keys in the index.
        tables: what it has tables of.
    """

    text: str
    values: str
    used: dict[str, list[Any]]
    used_digest: str
    run: RunEntry
    datasets: dict[str, DatasetEntry]
    tables: Tables


@dataclass
class Memory:
    """What is known of earlier checks.

    Args:
        core: a digest of the code that checks.
        files: what was found, by the paths of param-files.
        sources: what was read of sources, by their checksums.
        real: models that cannot be built on the meta device, each with a digest of its sources.
    """

    core: str = ""
    files: dict[str, Remembered] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    real: dict[str, str] = field(default_factory=dict)


def check_folder(root: Path = paths.PARAM_FILES) -> Index:
    """The index of all param-files below ``root``; those with mistakes are named there.

    Raises:
        UserError: if there is no such folder, or two plug-ins have one name.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; run in the project's root")
    return _Check(root).index()


class _Check:
    """One check of all param-files, with what is remembered of the last one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        known = read_memory()
        self.code = CodeDigests(known.sources)
        core = self._core()
        if known.core != core:  # how sources are read may be another, too
            known.sources.clear()
        self.before = known if known.core == core else Memory()
        self.now = Memory(core, sources=known.sources)
        self._used: dict[str, str] = {}
        self.real = {
            name: digest
            for name, digest in self.before.real.items()
            if self._plugin_digest("models", name) == digest
        }
        blocks.built_for_real.clear()
        blocks.built_for_real.update(self.real)

    def index(self) -> Index:
        """The index of what is there now; it is remembered, mistakes or not."""
        sound: list[Tables] = []
        doubtful: list[Tables] = []
        found = Index({}, {})
        for path, misnamed in find(self.root).items():
            known = None if misnamed else self._as_before(path)
            tables = known.tables if known else None
            if known is None:
                checked, known = self._check(path, misnamed)
                tables = checked.tables
                if checked.sentences:
                    found.mistakes[path.as_posix()] = checked.sentences
                    found.claims[path.as_posix()] = checked.claims
                    doubtful.append(tables)
                    self._keep_earlier(path, found)
                    continue
                found.runs.update(index_of([], [checked.waiting] if checked.waiting else []).runs)
            sound += [tables] if tables else []
            if known is not None:
                self.now.files[path.as_posix()] = known
                found.runs[known.tables.run] = known.run
                found.datasets.update(known.datasets)
        for file, sentence in param_file.ambiguous_tables(sound, doubtful):
            found.mistakes.setdefault(file, []).append(sentence)
            if (run := found.runs.get(name_of(Path(file), self.root))) is not None:
                found.claims[file] = run.study, run.series
            self.now.files.pop(file, None)  # what it was before is kept until it is right
            self._keep_earlier(Path(file), found)
        self._remember()
        self._leave_out(found)
        if doubled := list(registry.doubled()):
            raise UserError(*doubled)
        return found

    def _keep_earlier(self, path: Path, index: Index) -> None:
        """Remember, and have in the index, what a file with mistakes held before."""
        if (before := self.before.files.get(path.as_posix())) is not None:
            self.now.files.setdefault(path.as_posix(), before)
            index.earlier[before.tables.run] = before.run
            index.datasets.update(before.datasets)

    def _leave_out(self, index: Index) -> None:
        """Take out of the index the runs with mistakes, and those that need one of them."""
        wrong = True
        while wrong:
            for path in map(Path, index.mistakes):
                if path.suffix == ".yaml":  # else it has no run of its own
                    index.runs.pop(name_of(path, self.root), None)
            wrong = False
            for name, run in index.runs.items():
                if not run.broken and (lost := sorted(run.needed_runs - index.runs.keys())):
                    file = self.root / f"{name}.yaml"
                    sentence = f"{file}: needs {lost[0]}, whose param-file has mistakes"
                    index.mistakes[file.as_posix()] = [sentence]
                    index.claims[file.as_posix()] = run.study, run.series
                    index.earlier[name] = run
                    wrong = True

    def _as_before(self, path: Path) -> Remembered | None:
        """What is remembered of a file, if that holds still."""
        known = self.before.files.get(path.as_posix())
        if known is None or known.used_digest != self._digest_of(known.used):
            return None
        text = _sum_of_file(path)
        if text == known.text:
            return known
        if known.values and _values_in(path) == known.values:
            return Remembered(**{**vars(known), "text": text})
        return None

    def _check(self, path: Path, misnamed: str) -> tuple[CheckedFile, Remembered | None]:
        """What a file holds; remembered, too, if it is a run without a mistake."""
        text = _sum_of_file(path)
        with registry.recorded() as used:
            checked = param_file.check_file(path, self.root, misnamed)
            if checked.run is None:
                return checked, None
            try:
                entries = index_of([checked.run])
            except registry.BrokenPluginError as error:
                return checked.waiting_for(error.sentences), None
            except Exception as error:
                if (fault := registry.fault_of(error)) is None:
                    raise
                return checked.waiting_for(fault.sentences), None
        listed: dict[str, list[Any]] = {
            "plugins": sorted(used.plugins),
            "files": sorted(used.files - {path.as_posix()}),
        }
        run, digest = entries.runs[checked.name], self._digest_of(listed)
        return checked, Remembered(
            text, _values_in(path), listed, digest, run, entries.datasets, checked.tables
        )

    def _digest_of(self, used: dict[str, list[Any]]) -> str:
        key = json.dumps(used)
        if key not in self._used:
            parts = [self._plugin_digest(kind, name) for kind, name in used["plugins"]]
            parts += [self._file_digest(Path(path)) for path in used["files"]]
            self._used[key] = _sum_of(parts)
        return self._used[key]

    def _file_digest(self, path: Path) -> str:
        """A digest of what a file that was looked at says: of its code, or of its values."""
        if path.suffix == ".py":
            return self.code.syntax(path.absolute())
        text, known = _sum_of_file(path), self.before.files.get(path.as_posix())
        if known is not None and known.text == text:
            return known.values
        return _values_in(path) or text

    def _plugin_digest(self, kind: str, name: str) -> str:
        """A digest of a plug-in and of all that it imports; empty if there is none, or two."""
        try:
            return self.code.digest(registry.source(kind, name))
        except UserError:
            return ""

    def _core(self) -> str:
        code = self.code.digest_of(registry.PACKAGE / path for path in _CORE)
        versions = [metadata.version(name) for name in _PACKAGES]
        return _sum_of([code, platform.python_version(), *versions])

    def _remember(self) -> None:
        self.now.real = {
            name: self._plugin_digest("models", name) for name in sorted(blocks.built_for_real)
        }
        if self.now != self.before:
            with suppress(UserError):  # without it all is checked again, no more
                disk.write_whole(paths.CHECKED, json_files.sealed_text(vars(self.now)))


def read_memory() -> Memory:
    """What is remembered of the last check; nothing if there was none, or it cannot be read."""
    try:
        raw = json_files.parse_sealed_text(paths.CHECKED.read_text(encoding="utf-8"))
        files = {path: _remembered(one) for path, one in raw["files"].items()}
        sources = {checksum: Source(*one) for checksum, one in raw["sources"].items()}
        return Memory(raw["core"], files, sources, raw["real"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Memory()


def _remembered(raw: dict[str, Any]) -> Remembered:
    datasets = {key: DatasetEntry(**one) for key, one in raw["datasets"].items()}
    parts = {"run": run_entry(raw["run"]), "datasets": datasets, "tables": Tables(**raw["tables"])}
    return Remembered(**{**raw, **parts})


def _sum_of(content: Any) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _values_in(path: Path) -> str:
    """The checksum of a param-file's values; empty if it cannot be read, or is no YAML."""
    try:
        marked = parse(read_text(path))
    except UserError:
        return ""
    return "" if marked.mistakes else _sum_of(marked.value)


def _sum_of_file(path: Path) -> str:
    """The checksum of a file; empty if it cannot be read."""
    try:
        return hashlib.sha256(read_bytes(path, _LARGEST)).hexdigest()[:16]
    except UserError:
        return ""
