"""The choice of a run: which point of its sweep gets all seeds, and is evaluated.

``out/runs/<run>/choice.json`` holds it, with what it was made from. The files of the chosen point
lie under ``selected``; its finished seeds are shared with the candidate's.

Source: the published code of Altstidl et al., "Just a Matter of Scale?", 2022,
https://arxiv.org/abs/2211.10288: the learning rate with the larger median of the best validation
accuracy over seeds 1-5, the last of the list if they are equal. As there, a diverged seed counts
with the best accuracy that it had before; one that diverged in its first epoch counts as 0, or with
a loss that is larger than any other.
"""

import json
import statistics
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from isotrope import paths
from isotrope.errors import UserError
from isotrope.files import disk, json_files, regular
from isotrope.packs import summary
from isotrope.packs.summary import Summary
from isotrope.plan.index import Index, RunEntry, SelectEntry
from isotrope.results.verifying import unvouched

_LOSS = "validation_loss"  # the one of which less is better
LARGEST_LOSS = 1e9  # of a seed that has none; finite, for its file
_STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "median": statistics.median,
    "mean": statistics.fmean,
}


@dataclass(frozen=True)
class Candidate:
    """A point that was tried.

    Args:
        point: its name.
        training_digest: of what its seeds were trained with, the user's files included.
        value: the statistic that is compared.
        values: what it is taken of: the value of each seed, in the order of the rule's seeds.
        diverged: the seeds that diverged.
    """

    point: str
    training_digest: str
    value: float
    values: list[float]
    diverged: list[int]


@dataclass(frozen=True)
class Choice:
    """What was chosen.

    Args:
        winner: the chosen point.
        rule: how it was chosen.
        candidates: every point, in the order of the sweep.
        tied: the points that were as good as the winner, itself included; empty without a tie.
    """

    winner: str
    rule: SelectEntry
    candidates: list[Candidate]
    tied: list[str]


def choose(name: str, run: RunEntry, digests: Mapping[str, str]) -> Choice:
    """Compare the candidates of a run.

    Args:
        name: the run's name.
        run: what the index knows of it; it has a rule.
        digests: the training digest of each of its points, the user's files included.

    Raises:
        UserError: if the run has nothing to choose, or a candidate is not trained as the param-file
            says now; all candidates are looked at.
    """
    rule = run.select
    if rule is None:
        file = paths.PARAM_FILES / f"{name}.yaml"
        raise UserError(f"{file}: there is no `select` in it, so all points are evaluated")
    candidates: list[Candidate] = []
    mistakes: list[str] = []
    for point in run.points:
        try:
            candidates.append(_candidate(name, run, rule, point, digests[point]))
        except UserError as error:
            mistakes += error.sentences
    if mistakes:
        raise UserError(*mistakes)
    return _chosen(rule, candidates)


def _chosen(rule: SelectEntry, candidates: list[Candidate]) -> Choice:
    """The choice among candidates by their values."""
    best = (min if rule.by == _LOSS else max)(one.value for one in candidates)
    equal = [one.point for one in candidates if one.value == best]
    winner = equal[-1] if rule.ties == "last" else equal[0]
    return Choice(winner, rule, candidates, equal if len(equal) > 1 else [])


def _candidate(name: str, run: RunEntry, rule: SelectEntry, point: str, digest: str) -> Candidate:
    values: list[float] = []
    diverged: list[int] = []
    for pack, seeds in run.packs(point).items():
        known = summary.read(paths.pack_folder(name, point, pack))
        known.check_training(digest, name)
        known.check_seeds(seeds)
        if doubts := [why for seed, why in unvouched(known).items() if seed in seeds]:
            raise UserError(*doubts)
        for seed in seeds:
            values.append(_value(known, seed, rule.by))
            if known.status[seed] == "diverged":
                diverged.append(seed)
    return Candidate(point, digest, _STATISTICS[rule.statistic](values), values, diverged)


def _value(known: Summary, seed: int, by: str) -> float:
    """What a seed is compared by."""
    key = f"best_{by}"
    if key not in known.seeds[seed]:
        raise UserError(
            f"{known.path}: seed {seed} has no {key}; choose by what the data set's score is"
        )
    reached = known.seeds[seed][key]
    return float((LARGEST_LOSS if by == _LOSS else 0.0) if reached is None else reached)


def write(name: str, choice: Choice) -> None:
    """Write a run's ``choice.json``."""
    content = json_files.sealed({"run": name, **asdict(choice)})
    disk.write_whole(paths.choice(name), json.dumps(content, indent=2))


def read(name: str, rule: SelectEntry, digests: Mapping[str, str]) -> Choice | None:
    """The choice of a run as its param-file is now; None if it is not made, or made otherwise.

    Args:
        name: the run's name.
        rule: how to choose.
        digests: the training digest of each of its points, the user's files included.
    """
    try:
        content = json_files.parse_object(regular.read_bytes(paths.choice(name)))
        is_sealed = json_files.is_sealed(content)
        choice = _choice_of(content)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    made_of = {one.point: one.training_digest for one in choice.candidates}
    if choice.rule != rule or made_of != dict(digests) or choice.winner not in made_of:
        return None
    return choice if is_sealed or _follows(choice) else None


def _choice_of(content: Mapping[str, Any]) -> Choice:
    """A choice from the plain values of its file.

    Raises:
        KeyError, TypeError, ValueError: if they are others than were written.
    """
    candidates = [Candidate(**one) for one in content["candidates"]]
    words = [content["winner"], *content["tied"]]
    numbers = []
    for one in candidates:
        words += [one.point, one.training_digest]
        numbers += [one.value, *one.values, *one.diverged]
    if not all(isinstance(word, str) for word in words):
        raise TypeError("a name is no text")
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers):
        raise TypeError("a value is no number")
    return Choice(content["winner"], SelectEntry(**content["rule"]), candidates, content["tied"])


def _follows(choice: Choice) -> bool:
    """Whether a choice that was written without a checksum follows from what it says it is from."""
    statistic = _STATISTICS[choice.rule.statistic]
    if any(one.value != statistic(one.values) for one in choice.candidates if one.values):
        return False
    return _chosen(choice.rule, choice.candidates) == choice


def winner(name: str, rule: SelectEntry, digests: Mapping[str, str]) -> str:
    """The point that was chosen.

    Raises:
        UserError: if none was chosen yet, or by another rule or from other candidates.
    """
    choice = read(name, rule, digests)
    if choice is None:
        raise UserError(
            f"{paths.choice(name)} is absent, damaged or made from other candidates than those "
            f"of the param-file; run `isotrope choose {paths.PARAM_FILES}/{name}.yaml`"
        )
    return choice.winner


def current(index: Index, name: str) -> Choice | None:
    """The choice of a run in the index; None if it has none, or none that is up to date."""
    run = index.runs[name]
    return read(name, run.select, index.digests(name)) if run.select else None
