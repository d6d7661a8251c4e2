"""Which results belong into the tables of a group: those of every run that is up to date on disk.

A table holds the runs that were asked for, and beside them every other run of the group as far as
it is trained and evaluated as its param-file says now: asking for one run by name drops no other.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from isotrope import paths
from isotrope.errors import UserError, did_you_mean
from isotrope.files import checksums
from isotrope.files.code_column import NOT_RECORDED, worst
from isotrope.files.tables import SELECTION_COLUMNS, write_table
from isotrope.packs import code_records, summary
from isotrope.plan import index_file
from isotrope.plan.code_state import CodeStates
from isotrope.results import choice, tables, verifying
from isotrope.results.choice import Choice
from isotrope.results.finished import finished_packs, lost_with_its_choice
from isotrope.results.table_arrays import (
    TESTED,
    collect_arrays,
    collect_histories,
    collect_recordings,
)
from isotrope.results.tables import CollectedPack, LeftOut


def collect_group(
    group: str,
    table: str | None = None,
    arrays: bool = False,
    log: Callable[[str], None] = lambda _: None,
) -> list[Path]:
    """Write the tables of a group and the arrays beside them, or one of both.

    What nothing vouches for is left out, and named beside the table of runs, in ``left_out.json``;
    what is left out of arrays, in ``left_out-<table>.json``.

    Args:
        group: a study, or its demo.
        table: the one table to write; all, and all arrays, if left out.
        arrays: whether to write the arrays of ``table`` instead of its rows.
        log: is told what is left out, and why.

    Raises:
        UserError: if the group has no finished run that something vouches for, or a result is
            damaged; and if no arrays of a table are sound, when all else is written.
    """
    known = index_file.current(asks=index_file.only_look).with_earlier()
    groups = {run.group for run in known.runs.values()}
    if group not in groups:
        raise UserError(f"no param-file belongs to '{group}'{did_you_mean(group, groups)}")
    runs = {name: run for name, run in known.runs.items() if run.group == group}
    chosen = {name: choice.current(known, name) for name, run in runs.items() if run.select}
    choices = {name: made for name, made in chosen.items() if made is not None}
    if table == "selection":
        return [_write_selection(group, choices)]
    wanted = None if table in (None, "runs") else {str(table), *TESTED}
    found = [
        pack
        for name, run in runs.items()
        for point in run.evaluated
        for pack in finished_packs(known, name, run, point, choices.get(name), wanted)
    ]
    found += [
        lost_with_its_choice(name, runs[name])
        for name, made in chosen.items()
        if made is None and (paths.choice(name).exists() or paths.choice(name).is_symlink())
    ]
    left = list(dict.fromkeys(one for pack in found for one in pack.left_out))
    lost = [pack for pack in found if not pack.seeds]
    found = [pack for pack in found if pack.seeds]
    if left and not _has(found, table):
        raise UserError(*map(str, left))
    if not found:
        waiting = [
            f"{name} waits for a broken plug-in to be mended: {'; '.join(run.broken)}"
            for name, run in runs.items()
            if run.broken
        ]
        todo = f"no run of {group} is finished; run `snakemake evaluations`"
        raise UserError(*(waiting or [todo]))
    for one in left:
        log(str(one))
    if wanted is None and (older := sum(pack.older for pack in found)):
        log(
            f"{older} of {len(found)} packs were written before run.json had a checksum: their "
            "numbers of classes and of parameters, for which nothing vouches, are left out; delete "
            "a run.json and run `snakemake runs` to have it written anew from its finished seeds"
        )
    folder = paths.table_folder(group)
    if table is None:
        verifying.forget_left_out(folder)
    if wanted is None:
        verifying.write_left_out(left, folder)
    if table is not None and (arrays or table in (paths.RECORDINGS, paths.HISTORIES)):
        return [_write_arrays(found, table, folder, log)]
    packs = [*with_codes(found, CodeStates(known)), *lost]
    written = tables.collect(group, packs, folder, table)
    if table is None:
        with_arrays = sorted(
            {one for pack in found for one in pack.arrays if one in pack.evaluations}
        )
        if any(run.records for run in runs.values()):
            with_arrays.append(paths.RECORDINGS)
        if choices:
            written.append(_write_selection(group, choices))
        written += _write_all_arrays(found, with_arrays, folder, log)
    return written


def _write_all_arrays(
    found: Sequence[CollectedPack],
    names: Sequence[str],
    folder: Path,
    log: Callable[[str], None],
) -> list[Path]:
    """Write the arrays of several tables: those that cannot be written keep no other from it.

    Raises:
        UserError: if there are no sound ones of a table.
    """
    written, mistakes = list[Path](), list[str]()
    for one in names:
        try:
            written.append(_write_arrays(found, one, folder, log))
        except UserError as error:
            mistakes += error.sentences
    if mistakes:
        raise UserError(*mistakes)
    return written


def _write_arrays(
    found: Sequence[CollectedPack], table: str, folder: Path, log: Callable[[str], None]
) -> Path:
    """Write the arrays of a table without the seeds whose files are damaged, which are named.

    Raises:
        UserError: if there are no sound ones.
    """
    lost: list[LeftOut] = []
    with checksums.renewed(folder / f"{table}.npz"):
        if table == paths.RECORDINGS:
            path = collect_recordings(found, folder, lost.append)
        elif table == paths.HISTORIES:
            path = collect_histories(found, folder, lost.append)
        else:
            path = collect_arrays(found, table, folder, lost.append)
    for one in lost:
        log(str(one))
    verifying.write_left_out(lost, folder, table)
    return path


def _has(found: Sequence[CollectedPack], table: str | None) -> bool:
    """Whether there is something to write into a table."""
    of_training = table in (None, "runs", paths.RECORDINGS, paths.HISTORIES)
    return bool(found) if of_training else any(table in pack.evaluations for pack in found)


def _write_selection(group: str, choices: dict[str, Choice]) -> Path:
    """Write the choices of a group's runs: a row per run and candidate, in the sweep's order.

    Raises:
        UserError: if no run of the group has chosen.
    """
    if not choices:
        raise UserError(f"no run of {group} has chosen a point; run `snakemake tables`")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(SELECTION_COLUMNS)
    for run, made in sorted(choices.items()):
        for one in made.candidates:
            chosen = "true" if one.point == made.winner else "false"
            value, n = repr(one.value), len(one.values)
            writer.writerow([run, one.point, made.rule.statistic, value, n, chosen])
    path = paths.table_folder(group) / "selection.csv"
    write_table(path, text.getvalue())
    return path


def with_codes(packs: Sequence[CollectedPack], codes: CodeStates) -> list[CollectedPack]:
    """Packs with the state of the code behind their weights and rows.

    Args:
        packs: all of each point.
        codes: knows the code as it is.
    """
    of_weights = {pack.pack: _codes_of_weights(pack, codes) for pack in packs}
    of_points: dict[tuple[str, str], str] = {}
    for pack in packs:
        place = pack.run, pack.point
        of_points[place] = worst([of_points.get(place, ""), *of_weights[pack.pack].values()])
    found = []
    for pack in packs:
        of_rows: dict[str, dict[str, str]] = {}
        for table in pack.evaluations:
            own = codes.of_rows(pack.run, pack.point, table, pack.file_of(table))
            whole: dict[int | None, str] = {None: of_points[pack.run, pack.point]}
            weights = whole if table in pack.of_run else of_weights[pack.pack]
            of_rows[table] = {
                "" if seed is None else str(seed): worst([state, own.get(seed, NOT_RECORDED)])
                for seed, state in weights.items()
            }
        found.append(replace(pack, codes=of_weights[pack.pack], codes_of_rows=of_rows))
    return found


def _codes_of_weights(pack: CollectedPack, codes: CodeStates) -> dict[int, str]:
    """For each seed of a pack whether its weights were made with the code as it is."""
    plugins = codes.index.runs[pack.run].points[pack.point].plugins
    known = summary.read(pack.pack).seeds
    return {
        seed: codes.of_codes(pack.run, plugins, code_records.codes_of(known[seed]))
        for seed in pack.seeds
    }
