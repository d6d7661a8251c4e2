"""What is found out of a network by building it: asked once, while its code is the same.

A question is a function of a model's name, its settings and plain values. Inside ``known`` the
answers of earlier processes count, too: of each it is known which plug-ins and files were looked at
for it, and a digest of their code. Inside ``postponed`` nothing is built: what is not known is left
open, as if nothing were wrong.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, NamedTuple, TypeVar

from isotrope import registry
from isotrope.settings import Settings

Question = Callable[..., Any]
Build = TypeVar("Build", bound=Callable[..., Any])
_MOST = 5_000  # answers that are kept though nothing asks for them now
_LAST = 8  # networks that are kept for the questions that come next


class Trial(NamedTuple):
    """An answer, and what it depends on.

    Args:
        plugins: the plug-ins that were looked at, as kind and name.
        files: the files that were.
        digest: of all their code.
        answer: a plain value, as JSON has it.
    """

    plugins: list[list[str]]
    files: list[str]
    digest: str
    answer: Any


class Trials:
    """The answers that are known.

    Args:
        before: those of earlier processes, by their keys.
        digest_of: a digest of the code of plug-ins and files as it is now.
    """

    def __init__(
        self,
        before: dict[str, Trial],
        digest_of: Callable[[list[list[str]], list[str]], str],
    ) -> None:
        self.before, self._digest_of = before, digest_of
        self.now: dict[str, Trial] = {}
        self.networks: dict[str, tuple[Any, registry.Used]] = {}  # the last ones

    def answered(self, key: str) -> Trial | None:
        """What is known still of a question."""
        if key not in self.now and (known := self.before.get(key)) is not None:
            if not self._holds(known):
                return None
            self.now[key] = known
        return self.now.get(key)

    def keep(self, key: str, plugins: list[list[str]], files: list[str], answer: Any) -> Trial:
        """Remember an answer."""
        digest = self._digest_of(plugins, files)
        self.now[key] = Trial(plugins, files, digest, answer)
        return self.now[key]

    def all(self) -> dict[str, Trial]:
        """Everything that is known now, what was not asked this time included."""
        unasked = [key for key in self.before if key not in self.now]
        held = {key: self.before[key] for key in unasked if self._holds(self.before[key])}
        return {**(held if len(held) <= _MOST else {}), **self.now}

    def _holds(self, trial: Trial) -> bool:
        return trial.digest == self._digest_of(trial.plugins, trial.files)


_known: ContextVar[Trials | None] = ContextVar("known", default=None)


@contextmanager
def known(trials: Trials) -> Iterator[None]:
    """Let the answers of earlier processes count inside, and keep there what is found out."""
    before = _known.set(trials)
    try:
        yield
    finally:
        _known.reset(before)


_postponed: ContextVar[list[str] | None] = ContextVar("postponed", default=None)


@contextmanager
def postponed() -> Iterator[list[str]]:
    """Leave open inside what is not known; gives the models whose questions were left open."""
    models: list[str] = []
    before = _postponed.set(models)
    try:
        yield models
    finally:
        _postponed.reset(before)


def tried(question: Question) -> Question:
    """The question, asked once for the same words; what was looked at is recorded each time.

    A question that is left open is answered by None.
    """
    here: dict[str, Trial] = {}  # where no answers of earlier processes count

    @wraps(question)
    def asked(name: str, params: Settings, *more: Any) -> Any:
        key = _key(question.__name__, name, params, more)
        trials = _known.get()
        found = here.get(key) if trials is None else trials.answered(key)
        if found is None and (left_open := _postponed.get()) is not None:
            left_open.append(name)
            if trials is not None and key in trials.before:
                _record(trials.before[key])  # what it looked at before
            return None
        if found is None:
            with registry.recorded() as used:
                answer = question(name, params, *more)
            plugins, files = sorted([*one] for one in used.plugins), sorted(used.files)
            if trials is None:
                found = here[key] = Trial(plugins, files, "", answer)
            else:
                found = trials.keep(key, plugins, files, answer)
        _record(found)
        return found.answer

    asked.cache_clear = here.clear  # type: ignore[attr-defined]
    return asked


def shared(build: Build) -> Build:
    """The same, which builds the network of a model once for several questions in a row.

    It is kept only inside ``known``; what was looked at for it is recorded each time.
    """

    @wraps(build)
    def asked(name: str, params: Settings, *more: Any) -> Any:
        trials = _known.get()
        if trials is None:
            return build(name, params, *more)
        key = _key(build.__name__, name, params, more)
        if key not in trials.networks:
            with registry.recorded() as used:
                network = build(name, params, *more)
            trials.networks[key] = network, used
            for oldest in list(trials.networks)[:-_LAST]:
                del trials.networks[oldest]
        network, used = trials.networks[key]
        registry.record(used)
        return network

    return asked  # type: ignore[return-value]


def _key(asked: str, name: str, params: Settings, more: tuple[Any, ...]) -> str:
    words = json.dumps([asked, name, params.model_dump_json(), more])
    return hashlib.sha256(words.encode()).hexdigest()[:24]


def _record(trial: Trial) -> None:
    plugins = {(kind, plugin) for kind, plugin in trial.plugins}
    registry.record(registry.Used(plugins, set(trial.files)))
