"""Plug-ins, found by the name of their file: the package's own and those in ``plugins/``.

A data set, a model, an evaluation or a figure is one file in the folder of its kind; nothing else
names it. The package's lie in ``src/isotrope/<kind>/``; a user's own in ``plugins/<kind>/`` of the
project, where they are the modules ``plugins.<kind>.<name>``. Listing and reading literals works on
the source text, so that neither costs an import.
"""

import ast
import importlib
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from isotrope.errors import UserError, did_you_mean

T = TypeVar("T")

PACKAGE = Path(__file__).parent
USERS = Path("plugins")  # a user's own, in the project's root
KINDS = {
    "data": "data set",
    "augmentation": "augmentation",
    "models": "model",
    "evaluation": "evaluation",
    "figures": "figure",  # those in figures/<folder>/ are of the kind figures/<folder>
}
_ONLY_IMPORTED = {"layers": "module of layers", "studies": "module of the study"}
# what a plug-in must define before a param-file that names it can be checked
_NEEDED = {
    "data": (
        *("Params", "REVISION", "SPLITS"),
        *("image_shape", "classes", "image_counts", "local_files", "build", "load"),
    ),
    "augmentation": ("Params", "REVISION", "draw", "augment"),
    "models": ("Params", "REVISION", "PARTS", "build"),
    "evaluation": ("Params", "REVISION", "NEEDS", "SPLIT", "evaluate"),
}

CHECKED = tuple(_NEEDED)  # kinds that are imported to be checked


@dataclass
class Used:
    """What was looked at while it was recorded: plug-ins as kind and name, and files."""

    plugins: set[tuple[str, str]] = field(default_factory=set)
    files: set[str] = field(default_factory=set)


_recording: ContextVar[Used | None] = ContextVar("recording", default=None)
_steady: ContextVar[dict[tuple[str, ...], Any] | None] = ContextVar("steady", default=None)


@contextmanager
def steady() -> Iterator[None]:
    """Look once at each plug-in inside: what many param-files ask of it is asked of one state."""
    before = _steady.set({})
    try:
        yield
    finally:
        _steady.reset(before)


def _once(what: tuple[str, ...], find: Callable[[], T]) -> T:
    """What ``find`` finds, kept where all is ``steady``; what was raised is not."""
    known = _steady.get()
    if known is None:
        return find()
    if what not in known:
        known[what] = find()
    found: T = known[what]
    return found


@contextmanager
def recorded() -> Iterator[Used]:
    """Record which plug-ins are looked at inside, so that it is known on what a result depends."""
    used = Used()
    before = _recording.set(used)
    try:
        yield used
    finally:
        _recording.reset(before)


def record_file(path: Path) -> None:
    """Note, where it is recorded, that a file was read."""
    if (used := _recording.get()) is not None:
        used.files.add(path.as_posix())


def record(used: Used) -> None:
    """Note, where it is recorded, what was looked at before for something that is known."""
    if (recording := _recording.get()) is not None:
        recording.plugins |= used.plugins
        recording.files |= used.files


class BrokenPluginError(UserError):
    """A plug-in that cannot be imported or read; the runs that name it wait until it can."""


def folder(kind: str) -> Path:
    """The folder that holds the package's plug-ins of one kind."""
    return PACKAGE / kind


def users_folder(kind: str) -> Path:
    """The folder that holds a user's own plug-ins of one kind."""
    return USERS / kind


def names(kind: str) -> list[str]:
    """All plug-ins of one kind, sorted. Files whose name begins with ``_`` are none."""
    return [*_once(("names", kind), lambda: _names(kind))]


def _names(kind: str) -> list[str]:
    return sorted({name for place in _places(kind) for name in listed(place)})


def package_names(kind: str) -> list[str]:
    """The plug-ins of one kind that come with the package, sorted."""
    return list(listed(folder(kind)))


def _places(kind: str) -> tuple[Path, Path]:
    return folder(kind), users_folder(kind)


def listed(place: Path) -> tuple[str, ...]:
    """The plug-ins that lie in a folder, sorted; none if there is no such folder."""
    try:
        return _listed(place.absolute(), place.stat().st_mtime_ns)
    except OSError:
        return ()


@cache
def _listed(place: Path, changed: int) -> tuple[str, ...]:
    """The plug-ins in a folder that last ``changed`` then: checking asks for them all the time."""
    del changed
    sources = (p for p in place.glob("*.py") if not p.stem.startswith("_"))
    return tuple(sorted(p.stem for p in sources if p.is_file() or not p.exists()))


def source(kind: str, name: str) -> Path:
    """The file of a plug-in.

    Raises:
        UserError: if there is none of that name, or two.
    """
    found = _once(("source", kind, name), lambda: _found(kind, name))
    if (used := _recording.get()) is not None:
        used.plugins.add((kind, name))
    return found


def shown_source(kind: str, name: str) -> Path:
    """The file of a plug-in as messages name it: relative to the project where it lies there.

    Raises:
        UserError: if there is none of that name, or two.
    """
    return _shown(source(kind, name).absolute())


def _found(kind: str, name: str) -> Path:
    found = [place / f"{name}.py" for place in _places(kind) if name in listed(place)]
    if not found:
        known = names(kind)
        raise UserError(f"no {_word(kind)} is called '{name}'{did_you_mean(name, known)}")
    if len(found) > 1:
        raise UserError(_doubled(kind, name))
    return found[0]


def doubled() -> Iterator[str]:
    """A sentence for each of a user's plug-ins that has the name of one of the package's."""
    folders = [f"figures/{name}" for name in figure_folders()]
    folders += [f"studies/{name}" for name in study_folders()]
    for kind in (*KINDS, *_ONLY_IMPORTED, *folders):
        for name in sorted(set(listed(folder(kind))) & set(listed(users_folder(kind)))):
            yield _doubled(kind, name)


def _doubled(kind: str, name: str) -> str:
    ours, theirs = (place / f"{name}.py" for place in _places(kind))
    return f"{theirs}: the package has a {_word(kind)} of that name, {ours}; rename yours"


def _word(kind: str) -> str:
    return (KINDS | _ONLY_IMPORTED)[kind.partition("/")[0]]


def figure_folders() -> list[str]:
    """The folders below ``figures``: ``general`` and those of studies, a user's own included."""
    return _folders("figures")


def study_folders() -> list[str]:
    """The folders below ``studies``, a user's own included."""
    return _folders("studies")


def _folders(kind: str) -> list[str]:
    found = (path for place in _places(kind) for path in place.glob("[a-z]*"))
    return sorted({path.name for path in found if path.is_dir()})


def load(kind: str, name: str) -> ModuleType:
    """Import a plug-in.

    Raises:
        BrokenPluginError: if it cannot be imported, or lacks what its kind asks for.
        UserError: if there is none of that name, or two.
    """
    path = source(kind, name)
    if "REVISION" in _NEEDED.get(kind, ()):
        record_file(path)  # it is read for this, too
    return _once(("module", kind, name), lambda: _loaded(kind, name, path))


def _loaded(kind: str, name: str, path: Path) -> ModuleType:
    inside = kind.replace("/", ".")
    if path.is_relative_to(USERS):
        module = _imported(path, f"{USERS.name}.{inside}.{name}")
    else:
        module = _imported(path, f"isotrope.{inside}.{name}")
    for wanted in _NEEDED.get(kind, ()):
        if not hasattr(module, wanted):
            raise BrokenPluginError(f"{_shown(path)}: {_lacking(kind, module, wanted)}")
        if wanted.islower() and not callable(getattr(module, wanted)):
            raise BrokenPluginError(f"{_shown(path)}: its {wanted} must be a function")
    if kind == "data" and _makes_streams(module) and not callable(getattr(module, "read", None)):
        raise BrokenPluginError(
            f"{_shown(path)}: a data set whose load gives a Stream must define "
            "read(params, entry, generator)"
        )
    if hasattr(module, "Params") and not _are_settings(module.Params):
        what = "its Params must be a class of settings: `class Params(Settings):`"
        raise BrokenPluginError(f"{_shown(path)}: {what}")
    if "REVISION" in _NEEDED.get(kind, ()) and not isinstance(literal(kind, name, "REVISION"), int):
        raise BrokenPluginError(f"{_shown(path)}: its REVISION must be a whole number")
    return module


def _makes_streams(module: ModuleType) -> bool:
    """Whether the file of a data set has the class that is for what does not fit the memory."""
    its = vars(module).get("Stream")
    return isinstance(its, type) and its.__module__ == "isotrope.datasets.stream"


def _lacking(kind: str, module: ModuleType, wanted: str) -> str:
    """What a plug-in must define and does not, and which name of its own may be meant for that."""
    article = "an" if _word(kind)[0] in "aeiou" else "a"
    what = f"{article} {_word(kind)} must define {wanted}"
    own = [name for name in vars(module) if name not in _NEEDED[kind] and name[0] != "_"]
    if not (near := get_close_matches(wanted, own, n=1)):
        return f"{what}; `isotrope new` writes one that does"
    return f"{what}, and this one has {near[0]}{did_you_mean(near[0], [wanted])}"


def _are_settings(params: Any) -> bool:
    from isotrope.settings import Settings  # only here: commands that load no plug-in do without

    return isinstance(params, type) and issubclass(params, Settings)


def splits(name: str, params: Any) -> tuple[str, ...]:
    """The splits of a data set that there are with its settings.

    They are its ``SPLITS``, or what ``splits(params)`` of its file gives, which may lack ``valid``.
    """
    module = load("data", name)
    found = module.splits(params) if hasattr(module, "splits") else module.SPLITS
    return tuple(found)


def _imported(path: Path, module: str) -> ModuleType:
    try:
        if module.startswith(f"{USERS.name}."):
            make_importable()
        return importlib.import_module(module)
    except (Exception, SystemExit) as error:
        raise broken(path, error) from error


_roots: list[str] = []  # the project's root, once it is on Python's path


def make_importable() -> None:
    """Let ``plugins.<kind>.<name>`` be imported, from the project in whose root this process is.

    The root goes to the end of the path, where it hides nothing; processes that are started from
    this one have it too.
    """
    root = str(Path.cwd())
    if _roots == [root]:
        return
    for known in _roots:
        sys.path.remove(known)
    for module in [name for name in sys.modules if name.partition(".")[0] == USERS.name]:
        del sys.modules[module]  # of another project, in which this process was before
    _roots[:] = [root]
    sys.path.append(root)


def broken(
    path: Path, error: BaseException, doing: str = "cannot be imported"
) -> BrokenPluginError:
    """What went wrong in the plug-in at ``path``, with the line nearest to the cause."""
    frames = [(Path(f.filename), f.lineno) for f in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append((Path(error.filename), error.lineno))
    here = path.absolute()
    where: tuple[Path, int | None] = (here, 1)
    for inside in (PACKAGE, USERS.absolute()):
        lines = [(file, line) for file, line in frames if file.is_relative_to(inside)]
        where = next((one for one in reversed(lines) if one[0] != Path(__file__)), where)
    said = error.msg if isinstance(error, SyntaxError) else str(error).partition("\n")[0]
    what = f"{type(error).__name__}{f': {said}' if said else ''}"
    return BrokenPluginError(f"{_shown(where[0])}:{where[1]}: {doing}: {what}")


def fault_of(error: Exception) -> BrokenPluginError | None:
    """An error that the code of a plug-in raised, as one of that plug-in; None for others.

    What the user can mend is none, and is said as it is.
    """
    if isinstance(error, UserError) or (found := _in_plugin(error)) is None:
        return None
    return broken(found[0], error, "fails")


def line_in_plugin(error: Exception) -> str:
    """File and line of a plug-in where an error came up; empty if it was in none."""
    found = _in_plugin(error)
    return f"{_shown(found[0])}:{found[1]}" if found else ""


def _in_plugin(error: Exception) -> tuple[Path, int | None] | None:
    """The innermost line of a plug-in that an error came through."""
    places = (USERS.absolute(), *(folder(kind) for kind in KINDS))
    frames = reversed(traceback.extract_tb(error.__traceback__))
    lines = ((Path(frame.filename), frame.lineno) for frame in frames)
    return next((o for o in lines if any(o[0].is_relative_to(place) for place in places)), None)


def _shown(path: Path) -> Path:
    """A path as users know it: relative to the project where it lies there."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def literals(path: Path) -> dict[str, Any]:
    """The constants that a module assigns at its top level, by name.

    Raises:
        BrokenPluginError: if the file is no Python, or one is assigned twice: readers would not
            see which one counts.
    """
    record_file(path)
    stamped = _once(("stamp", str(path)), lambda: (path.absolute(), path.stat().st_mtime_ns))
    return _literals(*stamped, path)


def line_of(path: Path, constant: str) -> int:
    """The line at which a module assigns a constant at its top level; 1 if it does not."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(one, ast.Name) and one.id == constant for one in targets):
            return node.lineno
    return 1


@cache
def _literals(whole: Path, changed: int, path: Path) -> dict[str, Any]:
    del changed
    try:
        tree = ast.parse(whole.read_text(encoding="utf-8"), str(whole))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise broken(path, error, "cannot be read") from error
    found: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            target, value = node.target, node.value
        else:
            continue
        if not isinstance(target, ast.Name):
            continue
        if target.id in found:
            what = f"{target.id} is assigned twice, and must be once"
            raise BrokenPluginError(f"{_shown(whole)}:{node.lineno}: {what}")
        try:
            found[target.id] = ast.literal_eval(value)
        except (ValueError, TypeError, RecursionError, MemoryError):
            continue  # computed when imported, so not a literal
    return found


def literal(kind: str, name: str, constant: str, default: Any = None) -> Any:
    """A constant of a plug-in, read from its source without importing it.

    Raises:
        BrokenPluginError: if it does not assign the constant a literal, and no default is given.
        UserError: if there is no plug-in of that name, or two.
    """
    path = source(kind, name)
    values = literals(path)
    if constant in values:
        return values[constant]
    if default is not None:
        return default
    raise BrokenPluginError(f"{_shown(path)}: it must assign a literal to {constant}")
