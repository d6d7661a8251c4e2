"""Checking all param-files, again and again: what did not change since is not checked again.

A file is as it was if its text is, or its values are, and if nothing changed on which the check
depends: the plug-ins that it names with the code that they use, the param-files that it names, and
this package's own code, and the versions of all installed packages. Of code, comments and
docstrings do not count. Where other code changed that an import of these plug-ins runs, it is seen
whether they can still be imported. What was found then is kept in ``out/checked.json``, what was
found out of networks by building them for itself: where only a training changed, or the check, none
is built anew (`params.trials`). Files with mistakes, and runs that wait for a plug-in, are checked
each time. A file with mistakes costs its own run and those that need it. Neither torch nor a
plug-in is imported where all is as it was, nor for runs whose networks need not be built where all
that changed is what layers compute: what is remembered of these holds until they are to be built.
"""

import hashlib
import json
import platform
import sys
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from isotrope import paths, registry
from isotrope.errors import UserError
from isotrope.params import param_file, trials
from isotrope.params.param_file import CheckedFile, Tables
from isotrope.params.param_folder import find, name_of, read_bytes, read_text
from isotrope.params.trials import Trials
from isotrope.params.yaml_marks import parse
from isotrope.plan.checked_before import Memory, Remembered, read_memory, write_memory
from isotrope.plan.code_digests import CodeDigests
from isotrope.plan.index import Index
from isotrope.plan.index_file import CHECKING
from isotrope.plan.indexing import index_of

_CORE = ("plan/checking.py", "plan/indexing.py", "params/param_file.py", "training/__init__.py")
_BUILDING = (
    "params/networks.py",
    "params/image_sizes.py",
    "params/fitting.py",
)  # with what they use
_READING = ("plan/code_digests.py", "plan/outlines.py", "plan/syntax.py", "params/yaml_marks.py")
_LARGEST = 10_000_000  # bytes of a source
_PLACES = ("site-packages", "dist-packages")  # folders that packages are installed into


@dataclass
class Progress:
    """How many of the param-files are checked."""

    done: int = 0
    of: int = 0

    def words(self) -> str:
        """The same in a line."""
        return f"{CHECKING}: {self.done} of {self.of} so far"


def check_folder(
    root: Path = paths.PARAM_FILES,
    progress: Progress | None = None,
    built: Collection[str] | None = None,
) -> Index:
    """The index of all param-files below ``root``; those with mistakes are named there.

    Args:
        root: the folder.
        progress: is told how far the check is.
        built: runs whose networks are built; those of others only where their param-file changed,
            or what it names, so that these may be left ``Index.untried``, nor are these checked at
            all where only functions of layers changed. All are built without it.

    Raises:
        UserError: if there is no such folder, or two plug-ins have one name.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; run in the project's root")
    return _Check(root, progress or Progress(), built).index()


class _Check:
    """One check of all param-files, with what is remembered of the last one."""

    def __init__(self, root: Path, progress: Progress, built: Collection[str] | None) -> None:
        self.root, self.progress, self.built = root, progress, built
        known, reading = read_memory(), self._reading()
        self.code = CodeDigests(known.sources if known.reading == reading else {})
        core = self._of_code(_CORE)
        self.before = known if known.core == core else Memory()
        self._known = known.files  # whatever the code was that found it
        self._read_alike = known.reading == reading
        self.now = Memory(core, sources=self.code.sources, reading=reading)
        self._used: dict[str, str] = {}
        self._building = self._of_code(_BUILDING)
        self.trials = Trials(known.trials, self._digest_of_trial)

    def index(self) -> Index:
        """The index of what is there now; it is remembered, mistakes or not."""
        with registry.steady(), trials.known(self.trials):
            return self._index()

    def _index(self) -> Index:
        sound: list[Tables] = []
        doubtful: list[Tables] = []
        found = Index({}, {})
        files = find(self.root)
        self.progress.of = len(files)
        for done, (path, misnamed) in enumerate(files.items()):
            self.progress.done = done
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
                found.untried.extend([] if self._is_tried(known) else [known.tables.run])
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
            self.now.files.setdefault(path.as_posix(), replace(before, outline=""))
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
        if known is None or not (self._is_tried(known) or self._is_left_open(path)):
            return None
        text, run_digest = _sum_of_file(path), self._digest_of_imports(known.used)
        if text != known.text and (not known.values or _values_in(path) != known.values):
            return None
        same = known.used_digest == self._digest_of(known.used)
        if (same and run_digest == known.run_digest) or (
            self._is_left_open(path) and known.outline == self._outline_of(known.used)
        ):
            return known if text == known.text else replace(known, text=text)
        if not same or not self._are_importable(known.used):
            return None
        outline = self._outline_of(known.used)
        return replace(known, text=text, run_digest=run_digest, outline=outline)

    def _is_tried(self, known: Remembered) -> bool:
        """Whether it was seen that the networks of a run can be built by the code of now."""
        return not known.untried and known.used_digest == self._digest_of(known.used)

    def _is_left_open(self, path: Path) -> bool:
        return not self._is_to_be_built(path)

    def _is_to_be_built(self, path: Path) -> bool:
        """Whether the networks of a run are built where that was not done for the code of now."""
        known = self._known.get(path.as_posix())
        if known is None or self.built is None or known.tables.run in self.built:
            return True
        return known.text != _sum_of_file(path)

    def _are_importable(self, used: dict[str, list[Any]]) -> bool:
        """Whether plug-ins can be imported still."""
        try:
            for kind, name in used["plugins"]:
                registry.load(kind, name)
        except UserError:
            return False
        return True

    def _check(self, path: Path, misnamed: str) -> tuple[CheckedFile, Remembered | None]:
        """What a file holds; remembered, too, if it is a run without a mistake."""
        text, earlier = _sum_of_file(path), self._known.get(path.as_posix())
        content = None
        if earlier is not None and earlier.text == text and self._read_alike:
            content = earlier.content
        left_open: list[str] = []
        with registry.recorded() as used:
            if self._is_to_be_built(path):
                checked = param_file.check_file(path, self.root, misnamed, content=content)
            else:
                with trials.postponed() as left_open:
                    checked = param_file.check_file(path, self.root, misnamed, content=content)
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
        imported, outline = self._digest_of_imports(listed), self._outline_of(listed)
        what = text, _sum_of(checked.content), listed, digest, imported, outline
        parts = run, entries.datasets, checked.tables
        known = Remembered(*what, *parts, bool(left_open), checked.content)
        return checked, known

    def _digest_of(self, used: dict[str, list[Any]]) -> str:
        key = json.dumps(used)
        if key not in self._used:
            parts = self._plugin_digests(used, self.code.digest)
            parts += [self._file_digest(Path(path)) for path in used["files"]]
            self._used[key] = _sum_of(parts)
        return self._used[key]

    def _digest_of_trial(self, plugins: list[list[str]], files: list[str]) -> str:
        return _sum_of([self._building, self._digest_of({"plugins": plugins, "files": files})])

    def _digest_of_imports(self, used: dict[str, list[Any]]) -> str:
        key = json.dumps(used["plugins"])
        if key not in self._used:
            self._used[key] = _sum_of(self._plugin_digests(used, self.code.digest_of_import))
        return self._used[key]

    def _outline_of(self, used: dict[str, list[Any]]) -> str:
        key = f"outline {json.dumps(used)}"
        if key not in self._used:
            parts = self._plugin_digests(used, self.code.outline_of_import)
            self._used[key] = _sum_of(
                [*parts, *(self._file_digest(Path(p)) for p in used["files"])]
            )
        return self._used[key]

    def _file_digest(self, path: Path) -> str:
        """A digest of what a file that was looked at says: of its code, or of its values."""
        if path.suffix == ".py":
            return self.code.syntax(path.absolute())
        text, known = _sum_of_file(path), self.before.files.get(path.as_posix())
        if known is not None and known.text == text:
            return known.values
        return _values_in(path) or text

    def _plugin_digests(
        self, used: dict[str, list[Any]], digest: Callable[[Path], str]
    ) -> list[str]:
        """A digest of each plug-in that was looked at; empty if there is none, or two."""
        found = []
        for kind, name in used["plugins"]:
            try:
                found.append(digest(registry.source(kind, name)))
            except UserError:
                found.append("")
        return found

    def _reading(self) -> str:
        """A digest of the code that reads sources and param-files."""
        files = [_sum_of_file(_inside(one)) for one in _READING]
        return _sum_of([*files, metadata.version("pyyaml")])

    def _of_code(self, files: Iterable[str]) -> str:
        """A digest of code of this package with what it uses, and of what it runs on."""
        code = self.code.digest_of(map(_inside, files))
        return _sum_of([code, platform.python_version(), *_installed()])

    def _remember(self) -> None:
        self.now.trials = self.trials.all()
        if self.now != self.before:
            with suppress(UserError):  # without it all is checked again, no more
                write_memory(self.now)


def _installed() -> list[str]:
    """The packages that a plug-in may import, each with its version, as their folders are named."""
    folders = [Path(one) for one in dict.fromkeys(sys.path) if Path(one).name in _PLACES]
    found = (path.name for folder in folders if folder.is_dir() for path in folder.iterdir())
    return sorted({name for name in found if name.endswith((".dist-info", ".egg-info"))})


def _inside(file: str) -> Path:
    return registry.PACKAGE / file


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
