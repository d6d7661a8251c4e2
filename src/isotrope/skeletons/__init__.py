"""Skeletons of plug-ins: what ``isotrope new`` writes.

Each works as it stands and passes the tests over all plug-ins of its kind.
"""

import keyword
import re
from importlib import resources
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
    "dataset": "name it in a param-file: `dataset: {{name: {name}}}`",
    "augmentation": "name it in a param-file: `training: {{augmentation: [{{name: {name}}}]}}`",
    "model": "write param-files/{name}/<dataset>/<variant>.yaml with `model: {{name: {name}}}`",
    "evaluation": "add it to a param-file: `evaluations: [accuracy, {name}]`",
    "figure": "`snakemake figures` draws {name} wherever its tables are",
}


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
        raise UserError(f"'{kind}' is no kind of plug-in{did_you_mean(kind, KINDS)}")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise UserError(f"'{name}': a name has small letters, digits and '_', a letter first")
    if keyword.iskeyword(name) or (kind, name) == ("evaluation", "runs"):
        raise UserError(f"'{name}' means something else here; choose another name")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", study):
        raise UserError(f"'{study}': a study has small letters, digits and '_', a letter first")
    folder = f"figures/{study}" if kind == "figure" else KINDS[kind]
    places = registry.folder(folder), registry.users_folder(folder)
    for place in places:
        if (path := place / f"{name}.py").exists():
            raise UserError(f"{path} is there already; choose another name or edit it")
    path = places[0 if core else 1] / f"{name}.py"
    text = resources.files(__name__).joinpath(f"{kind}.py.txt").read_text(encoding="utf-8")
    title = name.replace("_", " ").capitalize()
    write_whole(path, Template(text).substitute(name=name, title=title))
    lines = [f"wrote {path}"]
    if kind != "figure" and paths.SCHEMA.is_file():
        from isotrope.params import schema

        written = schema.write_committed() if core else [schema.write_users()]
        lines += [f"wrote {one}" for one in written]
    return [*lines, f"next: {NEXT[kind].format(name=name)}", "`make test` tests it already"]
