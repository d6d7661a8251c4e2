"""Which runs the collective targets are about: ``--config studies=... series=... runs=...``."""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from isotrope import paths
from isotrope.errors import UserError, did_you_mean
from isotrope.plan.index import Index, RunEntry
from isotrope.plan.nearest import nearest_runs

SERIES = ("demo", "extra", "own", "published")
KEYS = ("studies", "series", "runs")


@dataclass(frozen=True)
class Selection:
    """What a user asks for; an empty list of runs or studies means all of them.

    Asking for a run by its whole name overrides studies and series; a pattern stays within those
    that are named beside it. Asking for a study, and for no series, means its published and own
    runs. Asking for nothing means demo and own runs, so that a bare ``snakemake`` never starts the
    thousand GPU hours of a published study. Extra runs, which go beyond it, are made only when
    asked for by series or by name.

    ``option`` stands before a key where a mistake is named, as the user wrote it.
    """

    studies: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    option: str = "--config "

    @classmethod
    def from_config(cls, config: Mapping[str, Any], option: str = "--config ") -> "Selection":
        """The selection in Snakemake's ``config``: words separated by commas, or lists.

        Raises:
            UserError: for an unknown key or series.
        """
        wrong = [
            f"{option}{key}: unknown key{did_you_mean(key, KEYS)}"
            for key in config
            if key not in KEYS
        ]
        values = {key: _words(config.get(key)) for key in KEYS}
        wrong += [
            f"{option}series: no series is called '{word}'{did_you_mean(word, SERIES)}"
            for word in values["series"]
            if word not in SERIES
        ]
        if wrong:
            raise UserError(*wrong)
        if not values["series"] and not values["runs"]:
            values["series"] = ("own", "published") if values["studies"] else ("demo", "own")
        return cls(**values, option=option)

    def names(self, index: Index) -> list[str]:
        """The runs asked for, whether their data are there or not.

        Raises:
            UserError: for a study or run that no param-file has, or none without mistakes; or if
                no run of the studies is of the series.
        """
        if self.runs:
            return self._named(index)
        known = {run.study for run in index.runs.values()}
        unknown = [
            f"{self.option}studies: no study is called '{study}'{did_you_mean(study, known)}"
            for study in self.studies
            if study not in known
        ]
        if unknown:
            raise UserError(*unknown, *index.notes)
        found = [n for n, run in index.runs.items() if self._wanted(run.study, run.series)]
        if self.studies and not found:
            others = [run for run in index.runs.values() if run.study in self.studies]
            raise UserError(f"{self.option}series: {self._has_none(others)}")
        return found

    def mistakes(self, index: Index) -> list[str]:
        """What is wrong with the param-files of runs that are asked for, if anything is.

        One that does not say its study or series may be of those that are asked for.
        """
        patterns = [f"{paths.PARAM_FILES}/{_run_named(one)}.yaml" for one in self.runs]
        found = []
        for path, sentences in index.mistakes.items():
            by_name = [pattern for pattern in patterns if fnmatchcase(path, pattern)]
            wanted = self._wanted(*index.claims.get(path, ("", "")))
            if path in by_name or (wanted and (by_name or not patterns)):
                found += sentences
        return found

    def _wanted(self, study: str, series: str) -> bool:
        """Whether a run of a study and series is asked for; an empty word may be any."""
        of_study = not self.studies or study in ("", *self.studies)
        return of_study and (not self.series or series in ("", *self.series))

    @property
    def patterns(self) -> list[str]:
        """The runs, and patterns of runs, that are asked for by name."""
        return [_run_named(one) for one in self.runs]

    def takes(self, run: str, study: str, series: str) -> bool:
        """Whether a run is asked for; an empty study or series may be any."""
        patterns = self.patterns
        if run in patterns:
            return True
        named = not patterns or any(fnmatchcase(run, one) for one in patterns)
        return named and self._wanted(study, series)

    def _named(self, index: Index) -> list[str]:
        found: dict[str, None] = {}
        wrong = []
        for pattern in self.runs:
            name = _run_named(pattern)
            matches = [
                run
                for run, entry in index.runs.items()
                if run == name
                or (fnmatchcase(run, name) and self._wanted(entry.study, entry.series))
            ]
            found |= dict.fromkeys(matches)
            if not matches:
                none = f"{self.option}runs: {self._none_is_called(name, index)}"
                wrong += index.mistakes_of(name) or [none]
        if wrong:
            raise UserError(*wrong)
        return list(found)

    def _none_is_called(self, name: str, index: Index) -> str:
        """Why a name or a pattern finds nothing."""
        if others := [entry for run, entry in index.runs.items() if fnmatchcase(run, name)]:
            return f"'{name}' has {self._has_none(others)}"
        return f"no param-file is called '{name}'{nearest_runs(name, index.runs)}"

    def _has_none(self, others: Collection[RunEntry]) -> str:
        """That no run is of the studies and series asked for, and of which there are some."""
        theirs = {
            "studies": sorted({entry.study for entry in others}),
            "series": sorted({entry.series for entry in others}),
        }
        asked = {"studies": self.studies, "series": self.series}
        keys = [key for key, words in asked.items() if words]
        said = " and ".join(f"{key} {', '.join(asked[key])}" for key in keys)
        have = " and ".join(f"{key} {', '.join(theirs[key])}" for key in keys)
        return f"no run of {said}; those that there are have {have}"

    def as_config(self) -> str:
        """The selection as a user writes it behind ``--config``."""
        pairs = ((key, getattr(self, key)) for key in KEYS)
        return " ".join(f"{key}={','.join(words)}" for key, words in pairs if words)

    def as_words(self) -> list[str]:
        """The same with its values as JSON, so that no sign in one is taken for a meaning."""
        pairs = ((key, getattr(self, key)) for key in KEYS)
        return [f"{key}={json.dumps(words)}" for key, words in pairs if words]


def _run_named(word: str) -> str:
    """The run, or the pattern of runs, that a word means: its param-file may be named instead."""
    return word.removeprefix("param-files/").removesuffix(".yaml")


def _listed(text: str) -> list[Any]:
    """A list written as JSON, else words with commas between them."""
    with suppress(ValueError, RecursionError):
        if isinstance(found := json.loads(text), list):
            return found
    return text.split(",")


def _words(value: Any) -> tuple[str, ...]:
    """Words of a text or a list; Snakemake makes None of ``key=`` and a number of ``key=5``."""
    if value is None:
        return ()
    words = value if isinstance(value, list | tuple) else _listed(str(value))
    return tuple(str(word).strip() for word in words if str(word).strip())
