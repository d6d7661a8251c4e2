"""Whether what tables are made of is what was trained and measured.

The entry of a seed counts if ``run.json`` has its checksum, or, where it was written before there
were checksums, if the finished seed in ``.seeds`` says the same. Rows in a table of results count
if they are those of the finished evaluation, whose file ends with its checksum. A seed that does
not count is left out, and named with the reason.
"""

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, replace
from pathlib import Path

from isotrope import paths
from isotrope.errors import UserError
from isotrope.files import checksums, json_files, regular
from isotrope.files.tables import CODE, write_table
from isotrope.packs import code_records
from isotrope.packs import rows as stored
from isotrope.packs.summary import SEED, Summary
from isotrope.results.tables import CollectedPack, LeftOut, Row, rows_of

LEFT_OUT = "left_out"  # begins the names of files beside tables: what is left out of them
_AGAIN = "delete {} and run `snakemake tables`: what is sound is not trained or tested again"


def unvouched(known: Summary) -> dict[int, str]:
    """The seeds of a pack whose entries are not known to be as they were written, and why."""
    if known.is_sealed:
        return {}
    point = known.content.get("point", known.path.parent.parent.name)
    folder = known.path.parents[2] / point / paths.finished_seed("", "", 0, "").parent.name
    found = {}
    for seed, entry in known.seeds.items():
        path = folder / f"{seed}-{known.training_digest}" / SEED
        if reason := _difference(known.path, entry, path):
            found[seed] = reason
    return found


def _difference(run: Path, entry: Mapping[str, object], path: Path) -> str:
    """What is wrong with the entry of a seed in an older ``run.json``; nothing if all is well."""
    try:
        finished = json_files.parse_object(regular.read_bytes(path))
        json_files.is_sealed(finished)
    except (FileNotFoundError, NotADirectoryError):
        return (
            f"{run} has no checksum, and {path}, which would vouch for it, is not there; "
            f"delete {run.parent} and run `snakemake runs` to train it anew"
        )
    except (OSError, ValueError) as error:
        return f"{path} is truncated or altered ({error}); delete {path.parent} to train it anew"
    finished.pop(json_files.CHECKSUM, None)
    keys = sorted(finished.keys() | entry.keys())
    if differing := [key for key in keys if finished.get(key) != entry.get(key)]:
        return (
            f"{run} and {path} do not agree on {', '.join(differing)}: one of them was altered; "
            f"delete the first and run `snakemake runs`, which reads the second with its history"
        )
    return ""


def verified(
    pack: CollectedPack,
    known: Summary,
    stores: Mapping[str, tuple[str, str]],
    complete: Sequence[str],
    wanted: Set[str] | None,
) -> CollectedPack:
    """A pack without what is not vouched for.

    Args:
        pack: all that is there.
        known: its summary.
        stores: for each of its tables the evaluation's name and digest.
        complete: the tables whose finished evaluations are there.
        wanted: the tables whose rows are compared; all if None.

    """
    doubts = unvouched(known)
    left = [_left_out(pack, seed, "", doubts[seed]) for seed in pack.seeds if seed in doubts]
    seeds = tuple(seed for seed in pack.seeds if seed not in doubts)
    sound = [seed for seed in seeds if known.status[seed] != "diverged"]
    names = [name for name in complete if wanted is None or name in wanted]
    for name in names:
        path = pack.file_of(name)
        if name in pack.evaluations:
            continue
        beside = {table for table in stores if pack.file_of(table) == path}
        if path.exists() or path.is_symlink():
            reason = f"{path} does not hold it, though it is computed; {_AGAIN.format(path)}"
            left.append(_left_out(pack, None, name, reason))
        elif sound and beside <= set(complete):  # else a job is at work
            reason = f"{path} is not there, though it is computed; {_AGAIN.partition('and ')[2]}"
            left.append(_left_out(pack, None, name, reason))
    without: dict[str, frozenset[int]] = {}
    measured = [name for name in names if name in pack.evaluations]
    for path in {pack.file_of(name) for name in measured}:
        ours = {name for name in measured if pack.file_of(name) == path}
        try:
            found = rows_of(pack, path, ours)
        except UserError as error:
            found = {}
            left += [_left_out(pack, None, name, error.sentences[0]) for name in sorted(ours)]
            without |= dict.fromkeys(ours, frozenset(sound))
        for name, rows in found.items():
            whole = name in pack.of_run
            wrong = _wrong_rows(pack, name, rows, stores[name], [None] if whole else sound)
            left += [_left_out(pack, seed, name, reason) for seed, reason in wrong.items()]
            lost = sound if whole and wrong else [seed for seed in wrong if seed is not None]
            without[name] = frozenset(lost)
    kept = [name for name in pack.evaluations if not sound or set(sound) - without.get(name, set())]
    return replace(
        pack,
        seeds=seeds,
        evaluations=tuple(kept),
        without=without,
        left_out=tuple(left),
        lost=tuple(seed for seed in pack.seeds if seed in doubts),
        older=not known.is_sealed,
    )


def _wrong_rows(
    pack: CollectedPack,
    table: str,
    rows: Sequence[Row],
    store: tuple[str, str],
    seeds: Sequence[int | None],
) -> dict[int | None, str]:
    """The seeds whose rows are not those that were computed, and why; None is the run."""
    path = pack.file_of(table)
    made, _ = code_records.codes_of_results(path).get(table, (store[1], {}))
    found: dict[int | None, str] = {}
    by_seed: dict[str, list[Row]] = {}
    for row in rows:
        by_seed.setdefault(row.get("seed", ""), []).append(row)
    for seed in seeds:
        computed = paths.finished_evaluation(pack.run, pack.point, *store, seed)
        try:
            expected = stored.checked(computed, _AGAIN.format(path))
        except UserError as error:
            found[seed] = error.sentences[0]
            continue
        ours = by_seed.get("" if seed is None else str(seed), [])
        if sorted(map(_cells, ours)) != sorted(map(_cells, expected)):
            what = f"was altered: its rows are not those that were computed, in {computed}"
            if made != store[1]:
                what = f"holds rows of {table} with other settings, or another REVISION, than now"
            found[seed] = f"{path} {what}; {_AGAIN.format(path)}"
    return found


def _cells(row: Row) -> list[tuple[str, str]]:
    """What a row says, its numbers in their shortest form."""
    of = {"value": lambda text: repr(float(text)), "n": lambda text: str(int(text))}
    left = ("run", "point", "evaluation", CODE)
    return sorted((k, of.get(k, str)(cell)) for k, cell in row.items() if cell and k not in left)


def _left_out(pack: CollectedPack, seed: int | None, table: str, reason: str) -> LeftOut:
    return LeftOut(pack.run, pack.point, pack.pack, seed, table, reason)


def write_left_out(found: Sequence[LeftOut], folder: Path, arrays: str = "") -> None:
    """Write beside the tables what is left out of them, with its checksum; nothing if nothing is.

    Args:
        found: what is left out.
        folder: of the tables.
        arrays: the table whose arrays it is left out of; of tables if there is none.

    Raises:
        UserError: if it cannot be written.
    """
    path = folder / (f"{LEFT_OUT}-{arrays}.json" if arrays else f"{LEFT_OUT}.json")
    if found:
        content = [{**asdict(one), "pack": one.pack.as_posix()} for one in found]
        write_table(path, json.dumps(content, indent=1) + "\n")
    else:
        _forget(path)


def forget_left_out(folder: Path) -> None:
    """Remove all that says what is left out of the tables and arrays in a folder."""
    for path in _files(folder):
        _forget(path)


def _forget(path: Path) -> None:
    checksums.path_of(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def read_left_out(folder: Path) -> list[LeftOut]:
    """What was left out of the tables and arrays in a folder when they were last collected.

    Raises:
        UserError: if a file that says so is damaged, was altered, or is gone.
    """
    return list(dict.fromkeys(one for path in _files(folder) for one in _read(path)))


def _files(folder: Path) -> list[Path]:
    """The files that say what is left out, with those that are gone where their tables are not.

    One is known to be gone by its checksum. Where tables or arrays were deleted with it, nothing is
    left out of them.
    """
    names = {path.name for path in folder.glob(f"{LEFT_OUT}*.json")}
    sums = checksums.path_of(folder / LEFT_OUT).parent
    for path in sums.glob(f"{LEFT_OUT}*.json.json"):
        arrays = path.stem.removeprefix(LEFT_OUT).removesuffix(".json").removeprefix("-")
        if (folder / (f"{arrays}.npz" if arrays else "runs.csv")).exists():
            names.add(path.stem)
    return [folder / name for name in sorted(names)]


def _read(path: Path) -> list[LeftOut]:
    again = f"run `isotrope collect {path.parent.name}` to write it again"
    try:
        content = regular.read_bytes(path)
        if not checksums.is_as_written(path, content):
            raise UserError(f"{path} was altered since it was written; {again}")
        found = json_files.parse(content)
        return [LeftOut(**{**one, "pack": Path(one["pack"])}) for one in found]
    except FileNotFoundError as error:
        raise UserError(f"{path} is gone; {again}") from error
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path} is truncated or altered ({error}); {again}") from error
