"""The states of a pack, and the records that hold one."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from isotrope.errors import UserError, did_you_mean
from isotrope.status.heartbeats import Job

STATES = {  # what needs attention comes first
    "failed": "its log, or that of its data set, ends with an error",
    "interrupted": "its job ended or was lost half-way",
    "diverged": "done, and every seed of it diverged",
    "stale": "its results are altered, or of other settings, code, data or evaluations",
    "running": "its job is at work",
    "queued": "nothing stands in its way",
    "done": "all that was asked for is there",
    "waiting": "its data are not there, or a plug-in is broken",
}
ORDER = tuple(STATES)


def states_of(words: str) -> tuple[str, ...]:
    """The states named in a text, separated by commas.

    Raises:
        UserError: for a word that is no state.
    """
    found = tuple(word.strip() for word in words.split(",") if word.strip())
    wrong = [word for word in found if word not in STATES]
    if wrong or not found:
        raise UserError(
            *(f"--state: no state is called '{w}'{did_you_mean(w, STATES)}" for w in wrong or [""])
        )
    return found


@dataclass(frozen=True)
class Finding:
    """What a look at the files of a pack found.

    Args:
        state: one of ``STATES``.
        finished: how many of its seeds are trained as the param-file says now.
        detail: for people: why it is so, or how far it is; one line, or nothing.
        log: the log that the detail is the end of.
        job: what the job at work, or the one that was lost, said last.
        diverged: how many of the finished seeds diverged; None where that was not looked for.
        collapsed: how many ended no better than chance; None where that was not looked for.
        shipped: how many came with the project; None where that was not looked for.
        blocked: whether its data set is the trouble, and not itself.
        trained_with: the training digest of results that are stale.
        changed: settings that differ from those of stale results: then and now.
        code: whether its results were made with the code as it is: ``same``, ``changed``, ``kept``,
            ``not recorded`` or ``elsewhere``; empty where there are none.
        code_detail: what is said of that; nothing where it is the same.
    """

    state: str
    finished: int = 0
    detail: str = ""
    log: str | None = None
    job: Job | None = None
    diverged: int | None = None
    collapsed: int | None = None
    shipped: int | None = None
    blocked: bool = False
    trained_with: str | None = None
    changed: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    code: str = ""
    code_detail: str = ""


@dataclass(frozen=True)
class PackStatus:
    """A pack and what was found of it; ``chosen`` is the point behind ``selected``."""

    run: str
    study: str
    series: str
    point: str
    chosen: str | None
    pack: str
    seeds: Sequence[int]
    found: Finding

    def as_json(self) -> dict[str, Any]:
        """Everything as plain values, under keys that stay; see the profiles' README."""
        found = asdict(self.found)
        found["changed"] = {key: list(pair) for key, pair in self.found.changed.items()}
        about = {key: getattr(self, key) for key in ("run", "study", "series", "point", "chosen")}
        return {**about, "pack": self.pack, "seeds": len(self.seeds), **found}
