"""Param-files of a study's authors, written anew as param-files of this project.

A study that can read them has a module ``studies/<study>/import_param_file.py`` with

* ``Original``, the settings of a whole file as its authors wrote it;
* ``convert(original) -> Converted``.

It is found by its name, like a plug-in.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from isotrope import paths, registry
from isotrope.errors import UserError, did_you_mean
from isotrope.files.disk import write_whole
from isotrope.mistakes import Complaint, complaints_of
from isotrope.params.param_file import check_file, located
from isotrope.params.param_folder import read_text
from isotrope.params.yaml_marks import parse

MODULE = "import_param_file"
_SCHEMA = "# yaml-language-server: $schema=../../../workflow/schemas/param-file.schema.json\n"
_COLUMNS = 100


@dataclass(frozen=True)
class Converted:
    """What a file of the authors says, in our words.

    Args:
        blocks: the param-file's content, in the order in which it is written.
        data: the middle part of its path: a word for the data.
        remarks: what a reader should know, a sentence each; they become comments.
        complaints: what has no counterpart here, each with its place in the original; with any,
            nothing is written.
    """

    blocks: dict[str, Any]
    data: str
    remarks: Sequence[str] = ()
    complaints: Sequence[Complaint] = field(default=())


def studies_with_importer() -> list[str]:
    """The studies that can read param-files of their authors."""
    return [
        study for study in registry.study_folders() if MODULE in registry.names(f"studies/{study}")
    ]


def import_param_file(file: Path, study: str | None, to: Path | None) -> Path:
    """Write a param-file of a study's authors as one of this project, and check it.

    Args:
        file: the original.
        study: whose authors wrote it; None if one study alone can read such files.
        to: where it is written; ``param-files/<model>/<data>/<name of the original>.yaml`` if left
            out.

    Returns:
        The new file.

    Raises:
        UserError: if no study or more than one can read such files, the original cannot be read or
            says what has no counterpart here, or the new file is there already.
    """
    module = registry.load(f"studies/{_study(study)}", MODULE)
    original, sentences = _read(file, module.Original)
    if original is None:
        raise UserError(*sentences)
    converted: Converted = module.convert(original)
    if converted.complaints:
        marked = parse(read_text(file))
        raise UserError(*located(str(file), marked, list(converted.complaints)))
    path = to or _place(file, converted)
    if path.exists():
        raise UserError(f"{path} is there already; name another place with --to")
    write_whole(path, text_of(converted, file.name))
    if wrong := check_file(path, paths.PARAM_FILES).sentences:
        path.unlink()
        raise UserError(*wrong)
    return path


def text_of(converted: Converted, original: str) -> str:
    """The text of the new file, with the remarks as comments.

    Args:
        converted: what it says.
        original: the name of the file that it was made from.
    """
    remarks = "".join(f"# {remark}\n" for remark in converted.remarks)
    blocks = (
        yaml.safe_dump(
            {name: value},
            sort_keys=False,
            width=_COLUMNS,
            default_flow_style=None if isinstance(value, dict | list) else False,
        )
        for name, value in converted.blocks.items()
    )
    text = "\n".join(blocks)
    return f"{_SCHEMA}# Made from {original} by `isotrope import-param-file`.\n{remarks}\n{text}"


def _study(study: str | None) -> str:
    known = studies_with_importer()
    if study is None and len(known) == 1:
        return known[0]
    if study not in known:
        asked = "say which study with --study" if study is None else f"--study {study}"
        hint = did_you_mean(study or "", known)
        raise UserError(f"{asked}: studies that read their authors' param-files{hint}")
    return study


def _read(file: Path, kind: Any) -> tuple[Any, list[str]]:
    """The original, checked, or every mistake in it."""
    try:
        text = read_text(file)
    except UserError as error:
        return None, list(error.sentences)
    marked = parse(text)
    sentences = [f"{file}:{m.line}:{m.column}: {m.what}" for m in marked.mistakes]
    if sentences:
        return None, sentences
    original, complaints = complaints_of(kind, marked.value)
    return original, located(str(file), marked, complaints)


def _place(file: Path, converted: Converted) -> Path:
    stem = re.sub(r"[^A-Za-z0-9_.-]", "_", file.stem)
    model = str(converted.blocks["model"]["name"])
    return paths.PARAM_FILES / model / converted.data / f"{stem}.yaml"
