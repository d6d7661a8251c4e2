"""What Snakemake says, with the words of this project: why a job runs, and what to do after errors.

Snakemake has no place for that: a job's reason is its own, and the errors below end it before any
handler of the workflow is called. So what it logs is completed on its way to the terminal and to
its log file. Where Snakemake's wording is another one some day, it stays as it is.
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches

from isotrope.errors import UserError
from isotrope.plan.code_words import listed

LOCKED = (
    "Another Snakemake is at work on the same files in this folder, or one that was killed has "
    "left its lock here. Start with `isotrope start` in the place of `snakemake`, with the same "
    "words behind it: it says which, removes the lock of one that was killed and goes on."
)
LOCKED_BESIDE = (
    "Another Snakemake is at work on the same files in this folder, or one that was killed has "
    "left its lock here. A plan changes nothing and is made all the same; jobs that the other one "
    "is at are in it, too."
)
STOPPED = (
    "stopped by Ctrl-C: finished seeds and evaluations are kept, and trainings saved where they "
    "are; the same command goes on from there"
)
_LOCK = re.compile(r"cannot be locked")
_LOCK_OF_A_PLAN = "Error: Directory cannot be locked"  # said, though the plan goes on
_NO_RULE = re.compile(r"No rule to produce (?P<target>.+?) \(if you use input functions", re.DOTALL)
_DIGESTS = re.compile(
    r"(Params have changed since last execution): .*?(?=; Software environment definition|$)",
    re.DOTALL,
)
_LABELS = re.compile(
    r"before: (?P<quote>['\"])(?P<before>.*?)(?P=quote) now: (?P<other>['\"])(?P<now>.*?)(?P=other)"
    r"\s*(?=;|$)",
    re.DOTALL,
)
_STOPS = "Terminating processes on user request"
_OUTPUTS = "out/"
_OTHER_INPUTS = "Set of input files has changed"
OTHER_RUNS = (
    "other runs or seeds are asked for than when it was written; what is not asked for now stays "
    "in it"
)
_KEEPS_OTHERS = ("collect", "collect_arrays", "write_report")  # rules whose files hold all there is
_COLLECTS = "collect"  # its params are what is said of the runs of a table, hundreds maybe
_MOST = 8  # reasons at the end


class LogWords(logging.Filter):
    """Completes what Snakemake logs; nothing is held back.

    Args:
        why: why a job of a rule with these wildcards is to run again, in a sentence or nothing.
        targets: what can be asked for by name.
    """

    def __init__(
        self, why: Callable[[str, Mapping[str, str]], str], targets: Callable[[], Iterable[str]]
    ) -> None:
        super().__init__()
        self._why, self._targets = why, targets
        self._said: dict[str, dict[str, None]] = {}
        self._failed = self._stopped = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the words of a record."""
        reason, rule = getattr(record, "reason", None), getattr(record, "rule_name", None)
        if isinstance(reason, str) and isinstance(rule, str):
            wildcards = getattr(record, "wildcards", None) or {}
            sentence = self._why(rule, wildcards)
            if not sentence and rule in _KEEPS_OTHERS and _OTHER_INPUTS in reason:
                sentence = OTHER_RUNS
            below = sentence or (_changed_labels(reason) if rule == _COLLECTS else "")
            if below:
                short = _DIGESTS.sub(r"\1", reason)
                record.reason = f"{short}\n    {below}"
            if sentence:
                about = wildcards.get("run") or wildcards.get("group") or ""
                job = f"{rule.replace('_', ' ')} {about}".rstrip()
                self._said.setdefault(sentence, {})[job] = None
        elif record.levelno >= logging.ERROR:
            self._failed = True
            if not isinstance(record.msg, str):
                return True
            if _LOCK.search(record.msg):
                record.msg = LOCKED
            elif found := _NO_RULE.search(record.msg):
                record.msg = unknown_target(found["target"], self._targets())
        elif isinstance(record.msg, str) and record.msg.startswith(_LOCK_OF_A_PLAN):
            record.msg = LOCKED_BESIDE
        elif isinstance(record.msg, str) and record.msg.startswith(_STOPS):
            self._stopped = True
        return True

    def at_the_end(self, planned: bool, besides: Callable[[], Sequence[str]]) -> list[str]:
        """What a user should read last: why jobs run again, and what is known besides.

        Args:
            planned: whether jobs were planned only, and not run: then the reasons stand far above.
            besides: sentences, asked for if nothing has failed.
        """
        if self._stopped:
            return [STOPPED]
        if self._failed:
            return []
        reasons = [
            f"to {listed(list(jobs))} again: {sentence}" for sentence, jobs in self._said.items()
        ]
        if more := reasons[_MOST:]:
            reasons[_MOST:] = [f"and {len(more)} reasons more, each below its job"]
        try:
            return [*(reasons if planned else ()), *besides()]
        except UserError as error:
            return list(error.sentences)


def _changed_labels(reason: str) -> str:
    """Those of a table's runs of which something else is said than before; nothing if none is."""
    if (found := _LABELS.search(reason)) is None:
        return ""
    before, now = (found[key].split("; ") for key in ("before", "now"))
    changed = [one for one in now if one and one not in before]
    gone = [one for one in before if one and one not in now]
    said = [(changed, "now said of its runs: "), (gone, "no longer: ")]
    return "; ".join(f"{what}{listed(labels, '; ')}" for labels, what in said if labels)


def unknown_target(target: str, targets: Iterable[str]) -> str:
    """A sentence about something that was asked for and that nothing makes."""
    shown = "".join(sign if sign.isprintable() else " " for sign in target)
    if target.startswith(_OUTPUTS):
        return (
            f"{shown}: nothing makes a file of that name; `snakemake -n all` lists what can be "
            "made, `isotrope status --all` all runs"
        )
    known = list(targets)
    close = get_close_matches(target, known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return (
        f"{shown}: no target is called so; {hint}There are {', '.join(known)}, and every file "
        "below out/; runs are chosen with --config runs=..., studies=... or series=..."
    )
