"""The entries of ``evaluations`` in a param-file, and whether data set and model serve them."""

from dataclasses import dataclass
from typing import Any

from isotrope import registry
from isotrope.digests import evaluation_digest
from isotrope.params.blocks import Plugin, check_plugin, image_shape
from isotrope.params.mistakes import Complaint, Where
from isotrope.settings import Settings

_RESERVED = ("runs", "selection", "summary")  # files beside the tables
_ALIAS = "abcdefghijklmnopqrstuvwxyz0123456789_"


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


def evaluation_misfits(
    dataset: Plugin | None, model: Plugin | None, evaluations: list[Evaluation]
) -> list[Complaint]:
    """Where data set or model cannot serve an evaluation; None is one that is wrong itself."""
    complaints: list[Complaint] = []
    for evaluation in evaluations:
        complaints += _missing_parts(evaluation, model) if model else []
        complaints += _data_misfit(evaluation, dataset)
    return complaints


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
