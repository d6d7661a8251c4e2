"""The blocks of a param-file that plug-ins check, and whether they fit each other."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from isotrope import registry
from isotrope.digests import evaluation_digest
from isotrope.errors import did_you_mean
from isotrope.params.mistakes import Complaint, Where, complaints_of
from isotrope.settings import Settings

_RESERVED = ("runs", "selection", "summary")  # files beside the tables
_ALIAS = "abcdefghijklmnopqrstuvwxyz0123456789_"


@dataclass(frozen=True)
class Plugin:
    """A plug-in's name and its checked settings."""

    name: str
    params: Settings

    def settings(self) -> dict[str, Any]:
        """The block as plain values, defaults included."""
        return {"name": self.name, **self.params.model_dump(mode="json")}


@dataclass(frozen=True)
class Evaluation:
    """One entry of ``evaluations``: ``alias`` names its table, ``place`` is where it stands."""

    name: str
    alias: str
    params: Settings
    dataset: Plugin | None
    place: Where

    def digest(self, trained: str) -> str:
        """The evaluation digest for networks whose training digest is ``trained``."""
        dataset = (self.dataset.name, self.dataset.params) if self.dataset else None
        return evaluation_digest(self.name, self.params, dataset, trained)

    @property
    def split(self) -> str:
        """The split of the data set that it is given."""
        return str(registry.literal("evaluation", self.name, "SPLIT"))


def check_plugin(kind: str, raw: Any, where: Where) -> tuple[Plugin | None, list[Complaint]]:
    """The block ``{name, ...settings}`` at ``where``, checked by the plug-in that it names."""
    if not isinstance(raw, dict):
        return None, []  # the envelope says so already
    if "name" not in raw:
        return None, [((*where, "name"), f": missing{did_you_mean('', registry.names(kind))}")]
    name = raw["name"]
    if not isinstance(name, str) or name not in registry.names(kind):
        hint = did_you_mean(str(name), registry.names(kind))
        return None, [((*where, "name"), f": no {registry.KINDS[kind]} is called '{name}'{hint}")]
    rest = {key: value for key, value in raw.items() if key != "name"}
    params, complaints = complaints_of(registry.load(kind, name).Params, rest, where)
    return (Plugin(name, params) if params else None), complaints


def check_evaluations(raw: Any) -> tuple[list[Evaluation], list[Complaint]]:
    """The list ``evaluations``, each entry checked by the evaluation that it names."""
    if not isinstance(raw, list):
        return [], []  # the envelope says so already
    found: list[Evaluation] = []
    complaints: list[Complaint] = []
    aliases: list[str] = []
    for i, entry in enumerate(raw):
        evaluation, wrong = _check_evaluation(entry, ("evaluations", i))
        complaints += wrong
        alias = _alias(entry)
        if alias in aliases:
            what = f": '{alias}' stands twice; tell them apart with 'as'"
            complaints.append((("evaluations", i), what))
        aliases += [alias] if alias else []
        found += [evaluation] if evaluation else []
    return found, complaints


def _alias(entry: Any) -> str | None:
    """The name of an evaluation's table, whatever else may be wrong with the entry."""
    alias = entry.get("as", entry.get("name")) if isinstance(entry, dict) else entry
    return alias if isinstance(alias, str) else None


def _check_evaluation(entry: Any, where: Where) -> tuple[Evaluation | None, list[Complaint]]:
    block = {"name": entry} if isinstance(entry, str) else entry
    if not isinstance(block, dict):
        what = f": must be a name or a block {{name, as, dataset, ...settings}} (got {entry!r})"
        return None, [(where, what)]
    own = {key: value for key, value in block.items() if key not in ("as", "dataset")}
    plugin, complaints = check_plugin("evaluation", own, where)
    dataset, wrong = check_plugin("data", block.get("dataset"), (*where, "dataset"))
    complaints += wrong
    alias = block.get("as", plugin.name if plugin else "")
    if not isinstance(alias, str) or alias in _RESERVED or alias.strip(_ALIAS):
        what = f": '{alias}' cannot name a table; use small letters, digits and '_'"
        what += f", and not {', '.join(_RESERVED[:-1])} or {_RESERVED[-1]}"
        complaints.append(((*where, "as"), what))
    if "dataset" in block and dataset is None and not wrong:
        complaints.append(((*where, "dataset"), ": must be a block {name, ...settings}"))
    if plugin is None or complaints:
        return None, complaints
    return Evaluation(plugin.name, alias, plugin.params, dataset, where), []


def image_shape(dataset: Plugin) -> tuple[tuple[int, int, int], int]:
    """Shape ``(channels, height, width)`` and classes of a data set that need not be built."""
    module = registry.load("data", dataset.name)
    return module.image_shape(dataset.params), module.classes(dataset.params)


def misfits(
    dataset: Plugin | None, model: Plugin | None, evaluations: list[Evaluation]
) -> list[Complaint]:
    """Where data set, model and evaluations do not go together; None is one that is wrong."""
    complaints = _model_misfit(model, dataset) if model and dataset else []
    for evaluation in evaluations:
        complaints += _missing_parts(evaluation, model) if model else []
        complaints += _data_misfit(evaluation, dataset)
    return complaints


def _model_misfit(model: Plugin, dataset: Plugin) -> list[Complaint]:
    """Why the model cannot be built for the data set's images, if so."""
    shape, classes = image_shape(dataset)
    reason = _misfit(model.name, model.params, shape, classes)
    if reason is None:
        return []
    channels, height, width = shape
    images = f"{dataset.name} has {channels} x {height} x {width} images"
    return [(("model",), f": does not fit the data set ({images}): {reason}")]


@cache
def _misfit(name: str, params: Settings, shape: tuple[int, int, int], classes: int) -> str | None:
    try:
        registry.load("models", name).build(params, shape, classes)
    except ValueError as error:
        return str(error)
    return None


def _missing_parts(evaluation: Evaluation, model: Plugin) -> list[Complaint]:
    """What the evaluation needs that the model does not have."""
    parts = registry.literal("models", model.name, "PARTS")
    missing = sorted(registry.literal("evaluation", evaluation.name, "NEEDS") - set(parts))
    if not missing:
        return []
    known = ", ".join(sorted(parts)) or "none"
    what = f"needs {', '.join(missing)}, which {model.name} does not have (its parts: {known})"
    return [(evaluation.place, f": {evaluation.name} {what}")]


def _data_misfit(evaluation: Evaluation, dataset: Plugin | None) -> list[Complaint]:
    """What the evaluation needs that the data set which it is given does not have."""
    complaints = []
    tested = evaluation.dataset or dataset
    if tested and evaluation.split not in registry.literal("data", tested.name, "SPLITS"):
        what = f"needs the split {evaluation.split}, which {tested.name} does not have"
        complaints.append((evaluation.place, f": {evaluation.name} {what}"))
    if evaluation.dataset and dataset and image_shape(evaluation.dataset) != image_shape(dataset):
        what = "differs from the training data in image shape or classes"
        place = (*evaluation.place, "dataset")
        complaints.append((place, f": {evaluation.dataset.name} {what}"))
    return complaints
