"""Which evaluations of a point are computed as its param-file has them now.

Finished rows lie below the point's folder, in a store for each evaluation and digest of all that
it depends on.
"""

from contextlib import suppress
from pathlib import Path

from isotrope import paths
from isotrope.datasets.local_data import checksums
from isotrope.digests import with_local_files
from isotrope.errors import UserError
from isotrope.packs import summary
from isotrope.plan.index import Index


def stale_tables(index: Index, run: str, point: str) -> set[str]:
    """The tables of a point that were computed, but otherwise than they would be now.

    Args:
        index: all runs.
        run: its name.
        point: as paths name it; of ``selected`` the stores of the chosen point are looked at.
    """
    entry = index.runs[run]
    name = _real_point(index, run, point)
    if name not in entry.points:
        return set()
    try:
        stores = {path.name for path in paths.evaluations(run, name).iterdir()}
    except OSError:
        return set()
    names = {store.rpartition("-")[0] for store in stores}
    its, found = entry.points[name], set()
    for table, one in its.evaluations.items():
        manifests = [Path(index.datasets[key].manifest) for key in its.datasets_behind(table)]
        known = [manifest for manifest in manifests if manifest.is_file()]
        with suppress(UserError):  # a damaged manifest, or no file: other commands say so
            own = checksums(its.files_behind(table))
            digest = with_local_files(one.digest, *known, own=own)
            if one.name in names and f"{one.name}-{digest}" not in stores:
                found.add(table)
    return found


def _real_point(index: Index, run: str, point: str) -> str:
    """The point behind ``selected``, which a pack of it names; nothing if there is none."""
    if point != paths.SELECTED:
        return point
    packs = (paths.pack_folder(run, point, pack) for pack in index.runs[run].packs(point))
    known = next((found for pack in packs if (found := summary.glance(pack))), None)
    return str(known.content.get("point")) if known else ""
