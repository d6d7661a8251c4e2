"""Keeping results although the code behind them has changed: their owner says why."""

from collections.abc import Sequence

from isotrope.files.code_column import OPEN
from isotrope.packs import code_records
from isotrope.packs.code_records import Kept
from isotrope.plan.code_state import PackCode
from isotrope.processes import provenance


def keep(run: str, packs: Sequence[PackCode], why: str) -> list[PackCode]:
    """Record that results of a run are kept; return the packs that this is about.

    Args:
        run: the run's name.
        packs: all of it that have results.
        why: the reason.

    Raises:
        UserError: if it cannot be written.
    """
    asked = [pack for pack in packs if pack.state in OPEN]
    if not asked:
        return []
    made: dict[str, set[str]] = {}
    for pack in asked:
        for now, codes in pack.made.items():
            made.setdefault(now, set()).update(codes)
    changed = sorted({file for pack in asked for file in pack.changed})
    results = {now: sorted(codes) for now, codes in made.items()}
    entry = Kept(why, provenance.now(), results, changed)
    code_records.keep(run, [*code_records.kept(run), entry])
    return asked
