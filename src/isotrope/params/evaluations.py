"""The entries of ``evaluations`` in a param-file, and whether data set and model serve them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from isotrope import registry
from isotrope.digests import evaluation_digest
from isotrope.errors import did_you_mean
from isotrope.mistakes import Complaint, S, Where, complaints_of
from isotrope.params.blocks import Plugin, check_plugin, image_shape
from isotrope.params.fitting import why_nothing_is_chosen
from isotrope.params.image_sizes import refusal
from isotrope.params.plugin_names import named
from isotrope.params.references import OtherNetwork, OtherRun, TrainedNetwork, find_network
from isotrope.params.resources import EvaluationResources
from isotrope.params.wrapping import parts_of
from isotrope.settings import Settings

KEYS = ("as", "dataset", "split", "against", "resources")  # of an entry, beside its settings

LONGEST_TABLE = 40  # letters of a name: see param_folder.LONGEST_RUN
MOST = 100  # evaluations of a run
_BESIDE = ("runs", "selection", "summary")  # the tables of evaluations
_RESERVED = (*_BESIDE, "recordings", "histories", "examples")
_COSTS = "_costs"  # ends the names of tables that benchmarks write
_CLASSES = "classification"  # what a data set is for that does not say
_ALIAS = "abcdefghijklmnopqrstuvwxyz0123456789_"


@dataclass(frozen=True)
class Evaluation:
    """One entry of ``evaluations``.

    Args:
        name: the evaluation's name.
        alias: the name of its table.
        params: its settings.
        dataset: the data set that it is given, if that is not the training one.
        place: where the entry stands in the param-file.
        own_split: the split that it is given, if the param-file says so.
        resources: what its job asks for, if it has a job of its own.
        against: the network of another run that it measures against, as the param-file names it.
        other: that network, once the other param-file is read.
    """

    name: str
    alias: str
    params: Settings
    dataset: Plugin | None
    where: Where
    own_split: str | None = None
    resources: EvaluationResources | None = None
    against: OtherNetwork | None = None
    other: TrainedNetwork | None = None

    @property
    def split(self) -> str:
        """The split of the data set that it is given."""
        return self.own_split or self._literal("SPLIT")

    @property
    def chooses_on(self) -> str | None:
        """The split of the training data set by which it chooses something, if it does."""
        split = self._literal("CHOOSES_ON", "")
        return split or None

    @property
    def of_run(self) -> bool:
        """Whether it measures all seeds of a point together, and its rows belong to the run."""
        return self._literal("SCOPE", "seed") == "run"

    @property
    def has_own_job(self) -> bool:
        """Whether it is computed in a job of its own, into a file of its own."""
        return self.of_run or self.resources is not None

    def digest(self, trained: str, seeds: Sequence[int] = ()) -> str:
        """The evaluation digest.

        Args:
            trained: the training digest of the networks.
            seeds: the seeds of the run, on which a measure of the run depends.
        """
        dataset = (self.dataset.name, self.dataset.params) if self.dataset else None
        more: dict[str, Any] = {}
        if self.split != self._literal("SPLIT"):
            more["split"] = self.split
        if self.other is not None:
            more["against"] = {"training": self.other.training_digest, "seed": self.other.name.seed}
        if self.of_run:
            more["seeds"] = list(seeds)
        return evaluation_digest(self.name, self.params, dataset, trained, more)

    def plugins(self, tested: Sequence[str]) -> list[str]:
        """The plug-ins whose code its rows depend on, as in ``evaluation/accuracy``.

        Args:
            tested: those of the networks and of their data set.
        """
        own = [*named("evaluation", Plugin(self.name, self.params)), *tested]
        if self.dataset is not None:
            own += named("data", self.dataset)
        return list(dict.fromkeys([*own, *(self.other.plugins if self.other else ())]))

    def _literal(self, constant: str, default: str | None = None) -> str:
        return str(registry.literal("evaluation", self.name, constant, default))


def check_evaluations(raw: Any) -> tuple[list[Evaluation], list[Complaint]]:
    """The list ``evaluations``, each entry checked by the evaluation that it names."""
    if not isinstance(raw, list):
        return [], []  # the envelope says so already
    found: list[Evaluation] = []
    complaints: list[Complaint] = []
    aliases: list[str] = []
    for i, entry in enumerate(raw[:MOST]):  # the envelope says so, if there are more
        evaluation, wrong = _check_evaluation(entry, ("evaluations", i))
        complaints += wrong
        alias = _alias(entry)
        if alias in aliases:
            what = f": '{alias}' stands twice; tell them apart with 'as'"
            complaints.append((("evaluations", i), what))
        aliases += [alias] if alias else []
        found += [evaluation] if evaluation else []
    return found, complaints


def _names_a_table(alias: Any) -> bool:
    if not isinstance(alias, str) or alias.strip(_ALIAS) or not 0 < len(alias) <= LONGEST_TABLE:
        return False
    return alias not in _RESERVED and not alias.endswith(_COSTS)


def _alias(entry: Any) -> str | None:
    """The name of an evaluation's table, whatever else may be wrong with the entry."""
    alias = entry.get("as", entry.get("name")) if isinstance(entry, dict) else entry
    return alias if isinstance(alias, str) else None


def _check_evaluation(entry: Any, where: Where) -> tuple[Evaluation | None, list[Complaint]]:
    block = {"name": entry} if isinstance(entry, str) else entry
    if not isinstance(block, dict):
        what = f": must be a name or a block {{name, {', '.join(KEYS)}, ...settings}}"
        return None, [(where, f"{what} (got {entry!r})")]
    own = {key: value for key, value in block.items() if key not in KEYS}
    plugin, complaints = check_plugin("evaluation", own, where)
    dataset, wrong = check_plugin("data", block.get("dataset"), (*where, "dataset"))
    complaints += wrong
    alias = block.get("as", plugin.name if plugin else "")
    if (plugin or "as" in block) and not _names_a_table(alias):
        what = f": '{alias}' cannot name a table; use up to {LONGEST_TABLE} small letters, digits"
        what += f" and '_', and not {', '.join(_RESERVED)} or an end in {_COSTS}"
        complaints.append(((*where, "as"), what))
    if "dataset" in block and dataset is None and not wrong:
        complaints.append(((*where, "dataset"), ": must be a block {name, ...settings}"))
    split = block.get("split")
    if "split" in block and not isinstance(split, str):
        complaints.append(((*where, "split"), f": must be the name of a split (got {split!r})"))
    resources, wrong = _block(EvaluationResources, block, "resources", where)
    against, also = _block(OtherNetwork, block, "against", where)
    complaints += [*wrong, *also]
    if plugin is None or complaints:
        return None, complaints
    found = Evaluation(plugin.name, alias, plugin.params, dataset, where, split, resources, against)
    return found, []


def _block(
    kind: type[S], block: dict[str, Any], key: str, where: Where
) -> tuple[S | None, list[Complaint]]:
    """A block that may be left out."""
    return complaints_of(kind, block[key], (*where, key)) if key in block else (None, [])


def find_others(
    evaluations: Sequence[Evaluation], seeds: Sequence[int], read: Callable[[str], OtherRun]
) -> tuple[list[Evaluation], list[Complaint]]:
    """The evaluations with the networks that they measure against, or what is wrong with these.

    Args:
        evaluations: the entries of a param-file.
        seeds: the seeds of the run.
        read: reads another run by its name; raises `UnknownRunError`.
    """
    found: list[Evaluation] = []
    complaints: list[Complaint] = []
    for one in evaluations:
        other = None
        if one.against is not None:
            other, wrong = find_network(one.against, seeds, (*one.where, "against"), read)
            complaints += wrong
        found.append(replace(one, other=other))
    return found, complaints


def evaluation_misfits(
    dataset: Plugin | None, model: Plugin | None, evaluations: Sequence[Evaluation]
) -> list[Complaint]:
    """Where data set or model cannot serve an evaluation; None is one that is wrong itself."""
    complaints: list[Complaint] = []
    for evaluation in evaluations:
        complaints += _missing_parts(evaluation, model) if model else []
        complaints += _missing_methods(evaluation, model) if model else []
        complaints += _missing_split(evaluation, dataset)
        if dataset:
            complaints += _data_misfit(evaluation, dataset, model)
            complaints += _nothing_to_choose_by(evaluation, dataset)
    return complaints


def _nothing_to_choose_by(evaluation: Evaluation, dataset: Plugin) -> list[Complaint]:
    """Why an evaluation that chooses cannot do so by the images of the training data set, if so."""
    if evaluation.chooses_on is None:
        return []
    reason = why_nothing_is_chosen(dataset, evaluation.chooses_on)
    if reason is None:
        return []
    return [(evaluation.where, f": {reason}; {evaluation.name} cannot be asked for")]


def _missing_parts(evaluation: Evaluation, model: Plugin) -> list[Complaint]:
    """What the evaluation needs that the model does not have."""
    parts = parts_of(model)
    missing = sorted(registry.literal("evaluation", evaluation.name, "NEEDS") - parts)
    if not missing:
        return []
    known = ", ".join(sorted(parts)) or "none"
    what = f"needs {', '.join(missing)}, which {model.name} does not have (its parts: {known})"
    return [(evaluation.where, f": {evaluation.name} {what}")]


def _missing_methods(evaluation: Evaluation, model: Plugin) -> list[Complaint]:
    """What the evaluation asks of networks that those of the model cannot be asked."""

    def has(name: str) -> set[str]:
        methods: set[str] = registry.literal("models", name, "METHODS", set())
        return methods

    called: set[str] = registry.literal("evaluation", evaluation.name, "CALLS", set())
    missing = sorted(called - has(model.name))
    if not missing:
        return []
    others = ", ".join(name for name in registry.names("models") if called <= has(name)) or "none"
    what = (
        f"calls {', '.join(missing)}, which {model.name} does not have (models that do: {others})"
    )
    return [(evaluation.where, f": {evaluation.name} {what}")]


def _missing_split(evaluation: Evaluation, dataset: Plugin | None) -> list[Complaint]:
    """The split that the evaluation is given, if its data set does not have it."""
    tested = evaluation.dataset or dataset
    if tested is None:
        return []
    known = registry.splits(tested.name, tested.params)
    if evaluation.split in known:
        return []
    if evaluation.own_split is not None:
        what = f": {tested.name} has no split '{evaluation.split}'"
        return [((*evaluation.where, "split"), what + did_you_mean(evaluation.split, known))]
    what = f"needs the split {evaluation.split}, which {tested.name} does not have"
    return [(evaluation.where, f": {evaluation.name} {what}")]


def _data_misfit(evaluation: Evaluation, dataset: Plugin, model: Plugin | None) -> list[Complaint]:
    """Why networks trained on a data set cannot be tested on the images of an evaluation, if so."""
    tested = evaluation.dataset or dataset
    place = (*evaluation.where, "dataset") if evaluation.dataset else evaluation.where
    kinds = [registry.literal("data", one.name, "kind", _CLASSES) for one in (tested, dataset)]
    if kinds[0] != kinds[1]:
        return [(place, f": {tested.name} is for {kinds[0]}, the training data for {kinds[1]}")]
    wanted = registry.literal("evaluation", evaluation.name, "kind", kinds[0])
    if wanted != kinds[0]:
        what = f"{evaluation.name} is for {wanted}, {tested.name} for {kinds[0]}"
        return [(place, f": {what}")]
    trained_shape, trained_classes = image_shape(dataset)
    shape, classes = image_shape(tested, evaluation.split)
    if classes != trained_classes:
        what = f"has {classes} classes, the training data have {trained_classes}"
        return [(place, f": {tested.name} {what}")]
    if shape == trained_shape or model is None:
        return []
    reason = refusal(model, trained_shape, classes, shape)
    if reason is None:
        return []
    sizes = (" x ".join(map(str, one)) for one in (trained_shape, shape))
    what = "{}, trained on {} images, does not take the {} images of {}: {}"
    return [(place, ": " + what.format(model.name, *sizes, tested.name, reason))]
