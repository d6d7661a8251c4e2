"""Which code results were made with, as they say it, and what was kept although code has changed.

A digest stands for the sources that can change a result. A seed has it in ``seed.json``, its rows
under an evaluation in their last line. So that planning reads few bytes of each pack, ``run.json``
begins with the digests of all its seeds, and beside a table of results lies ``results.code.json``.
The sources behind a digest, each with its own, lie in ``.code/<digest>.json`` of the run.

An empty digest stands for code that was not recorded: results of older versions have none.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from isotrope import paths
from isotrope.errors import UserError
from isotrope.files import disk, json_files, regular
from isotrope.packs.summary import RUN

NOT_RECORDED = ""
ELSEWHERE = "elsewhere"  # stands for the code of weights that came trained: nobody here changed it
_HEAD = 4096  # bytes of a run.json that hold its digests
_TRAINED = re.compile(r'"training_digest": "([0-9a-f]+)"')
_CODE = re.compile(r'"code": \[([^\]]*)\]')


@dataclass(frozen=True)
class Code:
    """The code that a result is made with.

    Args:
        digest: stands for all of it; empty if it is not known.
        files: its modules, as in ``isotrope/models/cnn.py``, each with a digest of its syntax.
        since: those of them that have changed since the workflow planned the job.
    """

    digest: str = NOT_RECORDED
    files: Mapping[str, str] = field(default_factory=dict)
    since: Sequence[str] = ()

    @property
    def words(self) -> str:
        """What a job says of it in its log; nothing if it is not known."""
        if not self.digest:
            return ""
        count = len(self.files)
        what = "1 module as it is" if count == 1 else f"{count} modules as they are"
        modules = f"code {self.digest}: {what} now"
        if not self.since:
            return modules
        listed = ", ".join(self.since)
        have = "has" if len(self.since) == 1 else "have"
        return f"{modules}; {listed} {have} changed since this job was planned"


class Made(NamedTuple):
    """What results were made for and with.

    Args:
        digest: of the training or of the evaluation.
        codes: the digests of the code of each that is there, each once.
    """

    digest: str
    codes: frozenset[str]


def record(run: str, code: Code) -> None:
    """Write down the sources behind a digest, once.

    Raises:
        UserError: if they cannot be written.
    """
    if code.digest and not recorded_files(run, code.digest):
        path = paths.code_record(run, code.digest)
        disk.write_whole(path, json.dumps(dict(code.files), indent=1) + "\n")


def recorded_files(run: str, digest: str) -> dict[str, str]:
    """The sources behind a digest, each with its own; none if nothing sound is known of them.

    They are sound if the digest is theirs.
    """
    content = _read(paths.code_record(run, digest)) if digest else None
    known = content if isinstance(content, dict) else {}
    files = {str(file): str(syntax) for file, syntax in known.items()}
    return files if digest_of(files) == digest else {}


def digest_of(files: Mapping[str, str]) -> str:
    """What stands for some sources, by their names and the digests of their syntax."""
    if not files:
        return NOT_RECORDED
    text = "\n".join(f"{file} {syntax}" for file, syntax in sorted(files.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def codes_of(seed: Mapping[str, Any]) -> list[str]:
    """The digests in the entry of a seed: one, or more if it was taken up with other code.

    ``ELSEWHERE`` where it came with the project or was imported, and does not say.
    """
    found = seed.get("code")
    whole = isinstance(found, list) and all(isinstance(one, str) for one in found)
    if whole and found:
        return list(found)
    return [ELSEWHERE if seed.get("origin") else NOT_RECORDED]


def codes_of_all(seeds: Iterable[Mapping[str, Any]]) -> list[str]:
    """The digests of several seeds, each once, in an order that does not depend on theirs."""
    return sorted({code for seed in seeds for code in codes_of(seed)})


def trained_with(folder: Path) -> Made | None:
    """What a pack was trained for and with, from the first bytes of its summary; None if unknown.

    Args:
        folder: the pack's.
    """
    try:
        with regular.open_bytes(folder / RUN) as file:
            head = file.read(_HEAD).decode(errors="replace")
    except OSError:
        return None
    digest, codes = _TRAINED.search(head), _CODE.search(head)
    if digest is None:
        return None
    words = codes[1].split(",") if codes else [""]
    return Made(digest[1], frozenset(word.strip(' "\n') for word in words))


def write_codes_of_results(
    results: Path, codes: Mapping[str, tuple[str, Mapping[int | None, str]]]
) -> None:
    """Write what the rows in a table of results were computed with, beside it.

    Args:
        results: the table.
        codes: for each evaluation, by the name of its table, its digest, and the code of each
            seed's rows; where the seed is None, of those of the run.

    Raises:
        UserError: if it cannot be written.
    """
    content = {}
    for name, (digest, of_seeds) in codes.items():
        seeds_of: dict[str, list[int | None]] = {}
        for seed, code in of_seeds.items():
            seeds_of.setdefault(code, []).append(seed)
        content[name] = {"digest": digest, "code": seeds_of}
    text = json.dumps(json_files.sealed(content)) + "\n"
    disk.write_whole(paths.code_of_results(results), text)


def codes_of_results(results: Path) -> dict[str, tuple[str, dict[str, list[int | None]]]]:
    """What rows were computed with: for each evaluation its digest, and the seeds of each code.

    Nothing if it was not recorded, or the file that says so is damaged.
    """
    content = _read(paths.code_of_results(results))
    try:
        json_files.is_sealed(content)  # older ones are not
        return {
            str(name): (str(one["digest"]), {str(c): list(s) for c, s in one["code"].items()})
            for name, one in content.items()
            if name != json_files.CHECKSUM
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}


@dataclass(frozen=True)
class Kept:
    """That results were kept although the code behind them had changed.

    Args:
        why: the reason, in its owner's words.
        date: when.
        results: the digests that the results were made with, by that of the code as it was then.
        changed: the modules that had changed.
    """

    why: str
    date: str
    results: Mapping[str, Sequence[str]]
    changed: Sequence[str] = ()


def kept(run: str) -> list[Kept]:
    """What was kept of a run; nothing if nothing was.

    Raises:
        UserError: if the file that says so is damaged, or was altered.
    """
    path = paths.kept(run)
    if not path.is_file():
        return []
    try:
        content = json_files.parse_object(regular.read_bytes(path))
        if not json_files.is_sealed(content):
            raise ValueError("it has no checksum")
        return [
            Kept(
                str(one["why"]),
                str(one["date"]),
                {str(now): [str(made) for made in all_] for now, all_ in one["results"].items()},
                [str(file) for file in one["changed"]],
            )
            for one in content["kept"]
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is damaged or altered ({error}): nothing is kept by it; delete it and run "
            f'`isotrope keep {run} --why "..."` again'
        ) from error


def keep(run: str, known: Sequence[Kept]) -> Path:
    """Write what is kept of a run.

    Raises:
        UserError: if it cannot be written.
    """
    content = [
        {
            "why": one.why,
            "date": one.date,
            "results": {now: sorted(made) for now, made in one.results.items()},
            "changed": list(one.changed),
        }
        for one in known
    ]
    path = paths.kept(run)
    disk.write_whole(path, json.dumps(json_files.sealed({"kept": content}), indent=1) + "\n")
    return path


def _read(path: Path) -> Any:
    try:
        return json.loads(regular.read_text(path))
    except (OSError, ValueError, RecursionError):
        return None
