"""Why results are stale, as far as files tell: what was set when they were made, and is now."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from isotrope.packs import code_records
from isotrope.params.points import parameters
from isotrope.processes.provenance import DIRTY

_MOST = 3  # settings that are named


def changed_settings(run: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The settings that differ, each as it was and as it is; None where there was, or is, none.

    What one side knows nothing of, not even as a block that is left out, is an option of another
    version of the code. It had its default, and that is in no digest.

    Args:
        run: the ``run.json`` of the results.
        now: the settings of their point now, by dotted keys.
    """
    settings = run.get("settings")
    return differing(parameters(settings) if isinstance(settings, dict) else {}, now)


def differing(then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The settings that differ, by dotted keys, as ``changed_settings`` gives them."""
    return {
        key: (then.get(key), now.get(key))
        for key in dict.fromkeys([*now, *then])
        if then.get(key) != now.get(key) and _knows(then, key) and _knows(now, key)
    }


def _knows(settings: Mapping[str, Any], key: str) -> bool:
    """Whether a key, or a block that it is in, is among settings."""
    parts = key.split(".")
    return any(".".join(parts[: end + 1]) in settings for end in range(len(parts)))


def changed_modules(run: str, pack: Path, code: Mapping[str, str]) -> list[str]:
    """The modules behind a pack that are not what they were; none if nothing is known of them.

    Args:
        run: the run's name.
        pack: the pack's folder.
        code: the modules as they are, each with a digest, as in ``Index.code``.
    """
    made = code_records.trained_with(pack) if code else None
    known: dict[str, str] = {}
    for digest in sorted(made.codes) if made else ():
        known |= code_records.recorded_files(run, digest)
    return sorted(file for file, syntax in known.items() if code.get(file) != syntax)


def reason(
    run: Mapping[str, Any],
    changed: Mapping[str, Sequence[Any]],
    own_files: bool,
    modules: Sequence[str] = (),
) -> str:
    """Why results are stale, in one line.

    Args:
        run: the ``run.json`` of the results.
        changed: what ``changed_settings`` found.
        own_files: whether the data set is made from files of the user's.
        modules: what `changed_modules` found: where settings differ, a ``REVISION`` may have
            changed there, too.
    """
    if changed:
        more = f" and {len(modules) - _MOST} more" if len(modules) > _MOST else ""
        code = f"; by other code, too: {', '.join(modules[:_MOST])}{more}" if modules else ""
        return f"trained with {words_of(changed)}{code}"
    commit = run.get("git_commit")
    code = f"code ({_commit_text(str(commit))})" if commit else "code"
    data = ", or on other files of yours" if own_files else ""
    return f"trained by other {code}: a REVISION has changed{data}"


def _commit_text(commit: str) -> str:
    """A commit in a few letters, and whether it holds all of the code."""
    changed = ", with changes that are in no commit" if commit.endswith(DIRTY) else ""
    return f"{commit.removesuffix(DIRTY)[:12]}{changed}"


def words_of(changed: Mapping[str, Sequence[Any]]) -> str:
    """Some settings as they were and as they are, and how many more there are."""
    named = [f"{key} {_text(then)}, now {_text(now)}" for key, (then, now) in changed.items()]
    more = f" and {len(named) - _MOST} more" if len(named) > _MOST else ""
    return f"{'; '.join(named[:_MOST])}{more}"


def _text(value: Any) -> str:
    return "none" if value is None else str(value)
