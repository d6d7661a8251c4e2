"""A param-file of one's own: what ``isotrope new run MODEL/DATASET/VARIANT`` writes.

Data set, training and evaluations are those of the run that ``templates`` finds nearest. What no
run says has the defaults of the plug-in, shown as comments.
"""

import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic.fields import FieldInfo

from isotrope import paths, registry
from isotrope.errors import UserError
from isotrope.files.disk import write_whole
from isotrope.mistakes import complaints_of
from isotrope.params import modelling
from isotrope.params.blocks import Plugin, check_plugin
from isotrope.params.envelope import Envelope
from isotrope.params.evaluations import check_evaluations, evaluation_misfits
from isotrope.params.fitting import training_misfits
from isotrope.params.param_file import CheckedFile, check_file
from isotrope.params.param_folder import find, first_line
from isotrope.params.resources import Resources
from isotrope.params.training import Training
from isotrope.skeletons import templates
from isotrope.skeletons.templates import Block, Known

_WIDTH = 100
_MEANT = {
    "own": "beside the published runs of its study",
    "demo": "beside the demo of its study",
}
_OF_ANY_MODEL = ("epochs", "batch_size", "augmentation", "order", "keep", "early_stopping")
_NOT_TAKEN = ("start_from", "monitor")
_AT_HAND = ("embedded", "digits8", "made", "download")  # sources that need no file of the user's


def write_run(
    name: str, study: str | None = None, series: str = "own", like: str | None = None
) -> tuple[Path, str, CheckedFile]:
    """Write a param-file that ``isotrope check`` accepts, with every setting explained.

    Args:
        name: of the run, ``<model>/<data set>/<variant>``.
        study: whose figures it joins; that of the nearest run if left out.
        series: ``own``, beside the published runs of the study, or ``demo``, beside its demo.
        like: the run whose data, training, seeds and evaluations it takes; if left out the nearest,
            whose seeds are taken for a ``demo`` alone.

    Returns:
        The file, where its settings come from, and what the check found.

    Raises:
        UserError: if the name is none or taken, there is no such model or data set, or both do not
            fit each other.
    """
    if series not in _MEANT:
        raise UserError(f"--series {series}: choose from {', '.join(_MEANT)}")
    path = paths.PARAM_FILES / f"{name}.yaml"
    parts = name.split("/")
    if len(parts) != 3 or not all(re.fullmatch(r"\w[\w.-]*", part, re.ASCII) for part in parts):
        raise UserError(
            f"'{name}': a run is called <model>/<data set>/<variant>, as in cnn/mnist/mine"
        )
    if path.exists():
        raise UserError(f"{path} is there already; choose another name or edit it")
    for other in find():
        if str(other.with_suffix("")).lower() == str(path.with_suffix("")).lower():
            raise UserError(
                f"{path}: its name differs from {other} in case or ending only; choose another name"
            )
    model, data, _ = parts
    registry.source("models", model)
    runs = templates.known_runs(series)
    known = templates.nearest(runs, model, data, study, like)
    nearest = known[0] if known else None
    dataset = nearest.raw["dataset"] if nearest else _of_plugin("data", data)
    of_model = [run for run in runs if run.model == model]
    blocks = [run.raw["model"] for run in known if run.model == model]
    blocks += [_of_plugin("models", model, of_model)]
    blocks += [run.raw["model"] for run in of_model]
    theirs = nearest.raw if nearest and (like is not None or series == "demo") else {}
    seeds = theirs.get("seeds", "1-3")
    found: CheckedFile | None = None
    for block in blocks:
        text = _text(name, (study, series), dataset, block, nearest, runs, seeds)
        write_whole(path, text)
        checked = check_file(path, paths.PARAM_FILES)
        if not checked.sentences:
            return path, _whence(nearest), checked
        path.unlink()
        found = found or checked
    folder = path.parent
    while folder != paths.PARAM_FILES and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
    raise UserError(*(found.sentences if found else ()))


def _whence(nearest: Known | None) -> str:
    return f"settings as in {nearest.file}" if nearest else "settings are the plug-ins' defaults"


def _of_plugin(kind: str, name: str, known: Sequence[Known] = ()) -> Block:
    """A plug-in's block with the settings alone that have no default."""
    block: Block = {"name": name}
    for key, field in _settings(kind, name).items():
        if not field.is_required():
            continue
        said = [run.raw["model"][key] for run in known if key in run.raw["model"]]
        value = said[0] if said else _first_value(field)
        if value is not None:
            block[key] = value
    return block


def _settings(kind: str, name: str) -> dict[str, FieldInfo]:
    params = modelling.settings_of(name) if kind == "models" else registry.load(kind, name).Params
    return dict(params.model_fields)


def _first_value(field: FieldInfo) -> Any:
    """A value that a setting may have: of words one that needs no files, of numbers the least."""
    if get_origin(field.annotation) is Literal:
        words = get_args(field.annotation)
        return next((word for word in _AT_HAND if word in words), words[0])
    return next((one.ge for one in field.metadata if hasattr(one, "ge")), None)


def _training(dataset: Plugin | None, model: str, nearest: Known | None) -> Block:
    """How a run is trained: as the nearest one, as far as that is not about its model."""
    said: Block = dict(nearest.raw["training"]) if nearest else {}
    if nearest is None or nearest.model != model:
        said = {key: value for key, value in said.items() if key in _OF_ANY_MODEL}
        said = {"epochs": 20, "batch_size": 32, **said}
        said["optimizer"] = {"name": "adam", "learning_rate": 1.0e-3}
    found = {key: value for key, value in said.items() if key not in _NOT_TAKEN}
    training, _ = complaints_of(Training, found)
    for where, _ in training_misfits(dataset, training):
        found.pop(str(where[1]), None)
        if where[1] == "keep":
            found["keep"] = "last"
    training, _ = complaints_of(Training, found)
    if any(where[1] == "keep" for where, _ in training_misfits(dataset, training)):
        found["keep"] = "last"
    return found


def _evaluations(
    dataset: Plugin | None, model: Plugin | None, nearest: Known | None, group: Sequence[Known]
) -> tuple[list[Any], list[str]]:
    """The entries of the nearest run that fit, and the names of others that would.

    A table that other runs of the group have, has their settings.
    """
    kind = registry.literal("data", dataset.name, "kind", "classification") if dataset else ""
    theirs = {_table(one): one for run in reversed(group) for one in _own_entries(run)}

    def fits(entry: Any) -> bool:
        found, wrong = check_evaluations([entry])
        return not wrong and not evaluation_misfits(dataset, model, found)

    wanted = _own_entries(nearest) if nearest else []
    usual = "segmentation" if kind == "segmentation" else "accuracy"
    for entries in (wanted, [usual]):
        taken = [one for entry in entries if fits(one := theirs.get(_table(entry), entry))]
        if taken:
            break
    names = {one["name"] if isinstance(one, dict) else one for one in taken}
    others = [name for name in registry.names("evaluation") if name not in names]
    return taken or [usual], [name for name in others if fits(name)]


def _own_entries(run: Known) -> list[Any]:
    """A run's evaluations of its own data and of no other network."""
    entries = run.raw.get("evaluations")
    return [
        one
        for one in (entries if isinstance(entries, list) else ())
        if isinstance(one, str) or (isinstance(one, dict) and not {"against", "dataset"} & {*one})
    ]


def _table(entry: Any) -> str:
    return str(entry.get("as", entry.get("name"))) if isinstance(entry, dict) else str(entry)


def _text(
    name: str,
    joins: tuple[str | None, str],
    dataset: Block,
    model: Block,
    nearest: Known | None,
    runs: Sequence[Known],
    seeds: Any,
) -> str:
    """The text of the param-file; ``joins`` is the study that was asked for, and the series."""
    study, series = joins
    data, _ = check_plugin("data", dataset, ("dataset",))
    network, _ = check_plugin("models", model, ("model",))
    mine, _, variant = name.split("/")
    same = nearest or next((run for run in runs if run.model == mine), None)
    whose = study or (str(same.raw.get("study", "mine")) if same else "mine")
    group = [run for run in runs if run.group == paths.group_of(whose, series)]
    taken, others = _evaluations(data, network, nearest, group)
    resources = same.raw.get("resources") if same else None
    envelope = Envelope.model_fields
    lines = [
        first_line(mine, str(dataset["name"])),
        f"# {name}, written by `isotrope new run`; {_whence(nearest)}.",
        "# Lines behind # show defaults; docs/keys.md has every key, and `isotrope check` says",
        "# what is wrong.",
        "",
        *_line("study", whose, str(envelope["study"].description)),
        f"series: {series} # drawn {_MEANT[series]}; made by plain `snakemake`",
        f"label: {_flow(f'{mine}, {variant}')} # in legends",
        f"seeds: {_flow(seeds)}{' # both ends included' if '-' in str(seeds) else ''}",
        "",
        "dataset:",
        *_indented(_block(dataset, _settings("data", dataset["name"]))),
        "",
        "model:",
        *_indented(_block(model, _settings("models", mine))),
        "",
        "training:",
        *_indented(_block(_training(data, mine, nearest), dict(Training.model_fields))),
        "",
        "# every combination is a point of the run:",
        "# sweep: {training.optimizer.learning_rate: [1.0e-2, 1.0e-3]}",
        "# the best point gets all seeds:",
        "# select: {seeds: 1-2}",
        "",
        "evaluations:",
        *(f"  - {_flow(one)}" for one in taken),
        *(_comment(f"these fit, too: {', '.join(others)}") if others else ()),
        "",
        "resources: # of a job; changed, they rerun nothing",
        *_indented(_block(resources or {"seeds_per_job": 3}, dict(Resources.model_fields))),
    ]
    return "\n".join(lines) + "\n"


def _block(said: Block, settings: dict[str, FieldInfo]) -> Iterator[str]:
    """The settings of a block with what they mean, then those with defaults, as comments."""
    if "name" in said:
        yield f"name: {said['name']}"
    for key, field in settings.items():
        if key in said and key != "name":
            yield from _line(key, said[key], field.description or "")
    for key, field in settings.items():
        if key in said or field.is_required() or key == "reshuffle":
            continue
        default = field.get_default(call_default_factory=True)
        plain = getattr(default, "model_dump", lambda default=default: default)()
        yield from _line(key, plain, field.description or "", "# ")


def _line(key: str, value: Any, meaning: str, sign: str = "") -> Iterator[str]:
    """A setting with its meaning behind it, or above where that is too long."""
    said = "" if value is None or value == () else f" {_flow(value)}"
    line = f"{sign}{key}:{said}"
    meaning = " ".join(meaning.split())
    if len(line) + len(meaning) + 9 <= _WIDTH:
        yield f"{line} # {meaning}" if meaning else line
        return
    yield from _comment(meaning)
    yield line


def _comment(text: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH - 6, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
    )


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _flow(value: Any) -> str:
    """A value in one line of YAML."""
    if isinstance(value, tuple):
        value = list(value)
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6)
    return text.removesuffix("\n").removesuffix("\n...").strip()
