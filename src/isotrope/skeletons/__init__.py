"""Skeletons of plug-ins, which work as they stand: ``isotrope new``."""

import keyword
import re
from importlib import resources
from string import Template

from isotrope import paths, registry
from isotrope.errors import UserError, did_you_mean
from isotrope.files.disk import write_whole

KINDS = {"dataset": "data", "model": "models", "evaluation": "evaluation", "figure": "figures"}
NEXT = {
    "dataset": "name it in a param-file: `dataset: {{name: {name}}}`",
    "model": "write param-files/{name}/<dataset>/<variant>.yaml with `model: {{name: {name}}}`",
    "evaluation": "add it to a param-file: `evaluations: [accuracy, {name}]`",
    "figure": 'add the line `"{name}": "<study>",` to FIGURES in workflow/rules/figures.smk',
}


def write_skeleton(kind: str, name: str) -> list[str]:
    """Write a plug-in's file and, where param-files may name it, the schema anew.

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
    path = registry.folder(KINDS[kind]) / f"{name}.py"
    if path.exists():
        raise UserError(f"{path} is there already; choose another name or edit it")
    text = resources.files(__name__).joinpath(f"{kind}.py.txt").read_text(encoding="utf-8")
    title = name.replace("_", " ").capitalize()
    write_whole(path, Template(text).substitute(name=name, title=title))
    lines = [f"wrote {path}"]
    if kind != "figure" and paths.SCHEMA.is_file():
        from isotrope.params.schema import param_file_schema

        write_whole(paths.SCHEMA, param_file_schema())
        lines.append(f"wrote {paths.SCHEMA}")
    return [*lines, f"next: {NEXT[kind].format(name=name)}", "`make test` tests it already"]
