"""Reads the state of every pack of some runs, and says why results are stale or blocked."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from isotrope.files.overlapping import overlapped
from isotrope.packs import summary
from isotrope.plan import code_words, stale
from isotrope.plan.code_state import CodeStates
from isotrope.plan.index import Index
from isotrope.plan.needs import under_local_root
from isotrope.status.asked_packs import packs_of
from isotrope.status.datasets import DatasetStatus, status_of
from isotrope.status.heartbeats import Pulse
from isotrope.status.packs import SEEDS_KEPT, Pack, read_state
from isotrope.status.states import Finding, PackStatus
from isotrope.status.vouching import Vouching

_HAVE_ENDED = ("done", "diverged")
_NOT_BEGUN = ("queued", "stale")
_HAVE_RESULTS = ("done", "diverged", "queued", "waiting")  # that nothing makes anew
_DAMAGED = "run.json is truncated or altered; delete it and run `snakemake runs`"


def read_states(
    index: Index,
    names: Sequence[str],
    pulse: Pulse,
    outcomes: bool = False,
    vouching: Vouching | None = None,
) -> list[PackStatus]:
    """Every pack of some runs, in the order of the names; candidates before what is chosen.

    Args:
        index: all runs.
        names: the runs to look at.
        pulse: tells live jobs from lost ones, the better the more looks it took part in.
        outcomes: whether to read of every pack that is done how its seeds ended, one file each.
        vouching: compares the results of packs that are done with what was computed.
    """
    pulse.begin_look()
    points = [point for name in names for point in index.runs[name].points.values()]
    keys = sorted({key for point in points for key in point.datasets})
    known = overlapped(lambda key: status_of(index.datasets[key]), keys)
    data = dict(zip(keys, known, strict=True))
    packs = packs_of(index, names, {key: status.sums for key, status in data.items()})
    findings = overlapped(lambda pack: read_state(pack, pulse, outcomes), packs)
    found = dict(zip(packs, findings, strict=True))
    _explain(index, data, found)
    _mark_blocked(index, data, found)
    if vouching is not None:
        done = [pack for pack, finding in found.items() if finding.state in _HAVE_ENDED]
        for pack, sentence in vouching.doubts(done).items():
            found[pack] = replace(found[pack], state="stale", detail=sentence)
    _tell_code(CodeStates(index), found)
    return [
        PackStatus(
            run=pack.run,
            study=index.runs[pack.run].study,
            series=index.runs[pack.run].series,
            point=pack.point_in_path,
            chosen=pack.chosen,
            pack=pack.name,
            seeds=pack.seeds,
            found=finding,
        )
        for pack, finding in found.items()
    ]


def _explain(index: Index, data: Mapping[str, DatasetStatus], found: dict[Pack, Finding]) -> None:
    """Say why results are stale; of several packs made alike one is read."""
    alike: dict[tuple[str, str, str | None], list[Pack]] = {}
    for pack, finding in found.items():
        if finding.state == "stale" and not finding.detail:
            alike.setdefault((pack.run, pack.point_name, finding.trained_with), []).append(pack)
    summaries = overlapped(lambda packs: summary.glance(packs[0].folder), list(alike.values()))
    for ((name, point_name, trained_with), packs), known in zip(
        alike.items(), summaries, strict=True
    ):
        point = index.runs[name].points[point_name]
        changed: dict[str, tuple[Any, Any]] = {}
        if trained_with and known:
            changed = stale.changed_settings(known.content, point.parameters)
            modules = stale.changed_modules(name, packs[0].folder, index.code) if changed else []
            why = stale.reason(known.content, changed, bool(data[point.dataset].sums), modules)
        else:
            why = _DAMAGED
        for pack in packs:
            kept = f"; {SEEDS_KEPT}" if found[pack].finished == len(pack.seeds) else ""
            found[pack] = replace(found[pack], detail=f"{why}{kept}", changed=changed)


def _tell_code(codes: CodeStates, found: dict[Pack, Finding]) -> None:
    """Say of packs with results whether these were made with the code as it is."""
    told = [pack for pack, one in found.items() if one.finished and one.state in _HAVE_RESULTS]
    states = overlapped(lambda pack: codes.of_pack(pack.run, pack.point_in_path, pack.name), told)
    for pack, one in zip(told, states, strict=True):
        found[pack] = replace(found[pack], code=one.state, code_detail=code_words.detail(one))


def _mark_blocked(
    index: Index, data: Mapping[str, DatasetStatus], found: dict[Pack, Finding]
) -> None:
    """Mark packs that could start now but lack data: absent files, or a data set that failed."""
    waiting: dict[str, str] = {}  # what each run needs, in words
    for pack, finding in found.items():
        if finding.state not in _NOT_BEGUN:
            continue
        run = index.runs[pack.run]
        if pack.run not in waiting:
            needed = {key for point in run.points.values() for key in point.datasets}
            files = sorted({file for key in needed for file in data[key].missing})
            waiting[pack.run] = f"needs {under_local_root(files)}" if files else ""
        if waiting[pack.run]:
            found[pack] = replace(finding, state="waiting", detail=waiting[pack.run], blocked=True)
            continue
        for key in (key for point in run.behind(pack.point_name) for key in point.datasets):
            if trouble := data[key].trouble:
                log = data[key].log
                found[pack] = replace(
                    finding, state="failed", detail=trouble, log=log, blocked=True
                )
                break
