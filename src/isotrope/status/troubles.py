"""What needs attention, in sentences: for pages that show results."""

from isotrope import paths
from isotrope.plan.index import Index
from isotrope.status.heartbeats import Pulse
from isotrope.status.reading import read_states
from isotrope.status.rows import rows_of

TROUBLES = ("failed", "interrupted", "stale")


def troubles(index: Index) -> dict[str, list[str]]:
    """For each group a sentence on whatever failed, was interrupted, or is of other settings.

    Args:
        index: all runs; those that nothing was ever made of are not looked at.
    """
    begun = [name for name in index.runs if (paths.OUT / "runs" / name).is_dir()]
    found: dict[str, list[str]] = {}
    for name in begun:
        packs = read_states(index, [name], Pulse(paths.OUT / "runs"))
        said = found.setdefault(index.runs[name].group, [])
        for row in rows_of(pack for pack in packs if pack.found.state in TROUBLES):
            about = ", ".join(word for word in (row.name, row.point, row.packs) if word)
            said.append(f"{row.state.capitalize()}: {about}{row.detail and f' ({row.detail})'}.")
    return found
