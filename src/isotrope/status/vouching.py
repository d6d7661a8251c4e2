"""Whether results that are there are what was trained and computed, for ``isotrope status``.

Comparing all rows of thousands of packs takes minutes. So what was found sound is remembered with
the times and sizes of its files, and a look compares no longer than a few seconds: the rest waits
for the next look. Tables are verified whenever they are collected, whatever is remembered here.
"""

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from isotrope import paths
from isotrope.errors import UserError
from isotrope.files import disk, json_files, regular
from isotrope.packs import state, summary
from isotrope.packs.summary import RUN
from isotrope.results.tables import CollectedPack
from isotrope.results.verifying import verified
from isotrope.status.packs import Pack

LONGEST_LOOK = 3.0  # seconds
Stamp = list[list[object]]


class Vouching:
    """Compares the results of packs with what was trained and computed.

    Args:
        longest: seconds that a look takes at most, and a little.
    """

    def __init__(self, longest: float = LONGEST_LOOK) -> None:
        self._longest = longest
        self._sound = _remembered()

    def doubts(self, packs: Iterable[Pack]) -> dict[Pack, str]:
        """Of packs that are done, those that hold something else, each with a sentence."""
        end, found, before = time.monotonic() + self._longest, {}, dict(self._sound)
        for pack in packs:
            key, stamp = pack.folder.as_posix(), _stamp(pack)
            if self._sound.get(key) == stamp:
                continue
            if time.monotonic() > end and key not in self._sound:
                continue  # never looked at: the next look goes on here
            self._sound.pop(key, None)
            if sentence := doubt(pack):
                found[pack] = sentence
            else:
                self._sound[key] = stamp
        if self._sound != before:
            with suppress(UserError):  # it is compared again, no more
                disk.write_whole(paths.VOUCHED, json_files.sealed_text({"sound": self._sound}))
        return found


def doubt(pack: Pack) -> str:
    """What in a pack is not what was trained and computed, in a sentence; empty if all is well."""
    files, entries = _files(pack), pack.own_jobs
    stores = {table: _name_and_digest(store) for table, store in (pack.stores or {}).items()}
    try:
        known = summary.read(pack.folder)
        seeds = tuple(seed for seed in pack.seeds if seed in known.seeds)
        sound = set(state.sound(known.status, seeds))
        of_run = frozenset(table for table, entry in entries.items() if entry.of_run)
        complete = [
            table
            for table, store in (pack.stores or {}).items()
            if (table in of_run or sound <= pack.point.evaluated.get(store, frozenset()))
            and files[table].is_file()
        ]
        listed = {path: state.listed(path) for path in set(files.values())}
        held = CollectedPack(
            run=pack.run,
            point=pack.point_name,
            pack=pack.folder,
            seeds=seeds,
            training_digest=pack.digest,
            evaluations=tuple(table for table in complete if table in listed[files[table]]),
            files=files,
            of_run=of_run,
            parameters={},
            study="",
            series="",
            label="",
            source="",
            model="",
            dataset="",
        )
        left = verified(held, known, stores, complete, None).left_out
    except UserError as error:
        return error.sentences[0]
    if not left:
        return ""
    first = left[0]
    named = "" if first.seed is None else f"seed {first.seed}"
    what = f"{named} of {first.table}" if named and first.table else named or first.table
    more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
    return f"{what}{more}: {first.reason}"


def _files(pack: Pack) -> dict[str, Path]:
    """The tables of results of a pack, by the names of their evaluations."""
    found = {}
    for table in pack.stores or {}:
        entry = pack.own_jobs.get(table)
        if entry is not None and entry.of_run:
            found[table] = paths.results_of_run(pack.run, pack.point_in_path, table)
        else:
            own = table if entry is not None else None
            found[table] = paths.results(pack.run, pack.point_in_path, pack.name, own)
    return found


def _name_and_digest(store: str) -> tuple[str, str]:
    name, _, digest = store.rpartition("-")
    return name, digest


def _stamp(pack: Pack) -> Stamp:
    """Times and sizes of the files of a pack, and what it is asked for."""
    files = {pack.folder / RUN, *_files(pack).values()}
    stamp: Stamp = [[pack.digest, *pack.seeds], [*sorted((pack.stores or {}).values())]]
    for path in sorted(files):
        try:
            found = path.stat()
        except OSError:
            stamp.append([path.name])
        else:
            stamp.append([path.name, found.st_mtime_ns, found.st_size])
    return stamp


def _remembered() -> dict[str, Stamp]:
    try:
        content = json_files.parse_sealed_text(regular.read_text(paths.VOUCHED))
        return dict(content["sound"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
