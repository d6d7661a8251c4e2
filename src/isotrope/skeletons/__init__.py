"""Skeletons of plug-ins and of studies: what ``isotrope new`` writes.

Each works as it stands; a plug-in passes the tests over all of its kind.
"""

import keyword
import re
from importlib import resources
from pathlib import Path
from string import Template

from isotrope import paths, registry
from isotrope.errors import UserError, did_you_mean
from isotrope.files.disk import write_whole

KINDS = {
    "dataset": "data",
    "augmentation": "augmentation",
    "model": "models",
    "evaluation": "evaluation",
    "figure": "figures/general",
}
NEXT = {
    "dataset": "`isotrope new run cnn/{name}/mine` writes a param-file: a network on {name}",
    "augmentation": "name it in a param-file: `training: {{augmentation: [{{name: {name}}}]}}`",
    "model": "`isotrope new run {name}/mnist/mine` writes a param-file: {name} on digits",
    "evaluation": "add it to a param-file: `evaluations: [accuracy, {name}]`",
    "figure": "`snakemake figures` draws {name} wherever its tables are",
}


def write_study(study: str, core: bool = False) -> list[str]:
    """Write what a study says of its figures, which works as it stands.

    Args:
        study: its name.
        core: whether it goes into the package, for everybody, and not into ``plugins/``.

    Returns:
        What was written, and what comes next.

    Raises:
        UserError: if the name is taken or cannot be one.
    """
    _check_study(study)
    folder = f"studies/{study}"
    places = registry.folder(folder), registry.users_folder(folder)
    for place in places:
        if (path := place / "cells.py").exists():
            raise UserError(f"{_shown(path)} is there already; choose another name or edit it")
    written = [places[0 if core else 1] / "cells.py"]
    write_whole(written[0], _skeleton("study").substitute(name=study))
    if core:
        written.append(places[0] / "__init__.py")
        write_whole(written[1], f'"""What only the study {study} knows."""\n')
    return [
        *(f"wrote {path}" for path in written),
        f"next: `isotrope new run cnn/mnist/{study} --study {study}` writes a run of the study "
        "(any model, data set and name)",
        f"`isotrope new figure NAME --study {study}` writes a figure of its own; docs/studies.md "
        "tells the rest",
    ]


def _check_study(study: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", study):
        raise UserError(f"'{study}': a study has small letters, digits and '_', a letter first")
    if keyword.iskeyword(study) or study == "general":
        raise UserError(f"'{study}' means something else here; choose another name")


def _shown(path: Path) -> Path:
    """A path as users know it: from the project's folder on where it lies there."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _skeleton(kind: str) -> Template:
    return Template(resources.files(__name__).joinpath(f"{kind}.py.txt").read_text("utf-8"))


def write_skeleton(kind: str, name: str, core: bool = False, study: str = "general") -> list[str]:
    """Write a plug-in's file and, where param-files may name it, the schema anew.

    Args:
        kind: one of ``KINDS``.
        name: the plug-in's name.
        core: whether it goes into the package, for everybody, and not into ``plugins/``.
        study: whose figure it is; ``general`` for one that serves every study.

    Returns:
        What was written, and what comes next.

    Raises:
        UserError: if there is no such kind, or the name is taken or cannot be one.
    """
    if kind not in KINDS:
        hint = did_you_mean(kind, sorted((*KINDS, "run", "study")))
        raise UserError(f"`isotrope new {kind}`: there is no such kind of file{hint}")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise UserError(f"'{name}': a name has small letters, digits and '_', a letter first")
    if keyword.iskeyword(name) or (kind, name) == ("evaluation", "runs"):
        raise UserError(f"'{name}' means something else here; choose another name")
    if study != "general":
        _check_study(study)
    folder = f"figures/{study}" if kind == "figure" else KINDS[kind]
    places = registry.folder(folder), registry.users_folder(folder)
    for place in places:
        if (path := place / f"{name}.py").exists():
            raise UserError(f"{_shown(path)} is there already; choose another name or edit it")
    path = places[0 if core else 1] / f"{name}.py"
    title = name.replace("_", " ").capitalize()
    write_whole(path, _skeleton(kind).substitute(name=name, title=title))
    lines = [f"wrote {path}"]
    if kind != "figure" and paths.SCHEMA.is_file():
        from isotrope.params import schema

        written = schema.write_committed() if core else [schema.write_users()]
        lines += [f"wrote {one}" for one in written]
    lines.append(f"next: {NEXT[kind].format(name=name)}")
    if study == "general":  # figures of one study are drawn from tables that it alone has
        lines.append(f"`make test PART={folder.partition('/')[0]}` tests it already")
    return lines
