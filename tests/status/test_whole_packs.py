"""Every field of the packs that status looks at, and how evaluations of a log's words end."""

from dataclasses import replace
from pathlib import Path

import pytest
from made_up_index import DEMO, OWN, PUBLISHED, made_up_index, point, run
from made_up_packs import MadeUpPack

from isotrope import paths
from isotrope.digests import with_sums
from isotrope.errors import UserError
from isotrope.plan import index_file
from isotrope.plan.index import EvaluationEntry, JobEntry, OtherEntry, SelectEntry
from isotrope.results import choice
from isotrope.results.choice import Candidate, Choice
from isotrope.status import asked_packs, rows, states
from isotrope.status.repeated import RepeatedReading
from isotrope.status.states import Finding, PackStatus

SWEPT, BROKEN = "standard/stir_emoji/swept", "standard/stir_emoji/broken"
SELECT = SelectEntry("validation_accuracy", "median", [1, 2], "last")
GOOD, BAD = "x=1", "x=2"
SUMS = {"stir/emoji": [], "stir/aerial-local": ["a sum"]}


@pytest.fixture
def index(folder):
    """A run of two packs and evaluations of many kinds, one that chooses, one that is broken."""
    known = made_up_index()
    more = {
        "attack": EvaluationEntry("pgd", "1" * 16, "stir/emoji", JobEntry(1, 4, 240, 4000)),
        "there": EvaluationEntry("accuracy", "2" * 16, "stir/aerial-local"),
        "beside": EvaluationEntry(
            "agreement",
            "3" * 16,
            "stir/emoji",
            against=OtherEntry(DEMO, "base", None, ["stir/aerial-local"]),
        ),
    }
    own = run(OWN, seeds=range(1, 27), base=point(evaluations={**point().evaluations, **more}))
    known.runs[OWN] = replace(own, evaluation_minutes=7)
    points = {GOOD: point(digest="4" * 16), BAD: point(digest="5" * 16)}
    known.runs[SWEPT] = replace(run(SWEPT, **points), select=SELECT)
    known.runs[BROKEN] = replace(run(BROKEN), points={}, broken=["a.py: wrong", "b.py: too"])
    return known


def packs(index, *names):
    """The fields of packs but their folders, those that are empty left out."""
    fields = [dict(vars(pack)) for pack in asked_packs.packs_of(index, names, SUMS)]
    for one in fields:
        assert one.pop("point") is not None
    empty = (None, {}, "")
    return [{key: value for key, value in one.items() if value not in empty} for one in fields]


def choose(winner=GOOD):
    candidates = [Candidate(GOOD, "4" * 16, 0.5, [], [2]), Candidate(BAD, "5" * 16, 0.5, [], [])]
    choice.write(SWEPT, Choice(winner, SELECT, candidates, []))


def test_packs_know_their_seeds_digests_evaluations_and_time_limits(index):
    entry = index.runs[OWN].points["base"].evaluations["attack"]
    of_other_data = with_sums("2" * 16, ["a sum"])
    stores = {
        "accuracy": f"accuracy-{'b' * 16}",
        "scale_generalization": f"scale_generalization-{'c' * 16}",
        "attack": f"pgd-{'1' * 16}",
        "there": f"accuracy-{of_other_data}",
        "beside": f"agreement-{with_sums('3' * 16, ['a sum'])}",
    }
    common = {"run": OWN, "point_in_path": "base", "digest": "a" * 16, "stores": stores}
    common |= {"own_jobs": {"attack": entry}, "evaluating": 420.0}
    assert of_other_data != "2" * 16
    assert packs(index, OWN) == [
        {**common, "name": "1-25", "seeds": list(range(1, 26))},
        {**common, "name": "26-50", "seeds": [26]},
    ]


def test_candidates_come_before_what_is_chosen_and_runs_as_they_are_asked_for(index):
    choose()
    stores = {name: f"{name}-{sign * 16}" for name, sign in (("accuracy", "b"),)}
    stores["scale_generalization"] = f"scale_generalization-{'c' * 16}"
    common = {"run": SWEPT, "name": "1-25", "evaluating": 1800.0}
    good, bad, selected, demo = packs(index, SWEPT, DEMO)
    candidate = {**common, "seeds": [1, 2]}
    lost = {GOOD: frozenset({2}), BAD: frozenset()}
    assert good == {**candidate, "point_in_path": GOOD, "digest": "4" * 16, "diverged": lost[GOOD]}
    assert bad == {**candidate, "point_in_path": BAD, "digest": "5" * 16, "diverged": lost[BAD]}
    assert selected == {
        **common,
        "point_in_path": "selected",
        "seeds": [1, 2, 3],
        "digest": "4" * 16,
        "stores": stores,
        "chosen": GOOD,
    }
    assert (demo["run"], demo["stores"]) == (DEMO, stores)


def test_what_is_to_be_chosen_waits_or_tells_why_no_choice_was_made(index):
    waits = Finding("queued", detail="waits for the choice")
    common = {"run": SWEPT, "name": "1-25", "point_in_path": "selected", "seeds": [1, 2, 3]}
    common |= {"evaluating": 1800.0}
    assert packs(index, SWEPT)[2] == {**common, "waits": waits}
    log = paths.choice(SWEPT).with_name("choose.log")
    log.parent.mkdir(parents=True)
    log.write_text("out/x is not there; run `snakemake runs`\n")
    for name in (GOOD, BAD):
        assert packs(index, SWEPT)[2]["waits"] == waits, "a candidate is not there"
        paths.pack_folder(SWEPT, name, "1-25").mkdir(parents=True)
    detail = "choice: out/x is not there; run `snakemake runs`"
    failed = Finding("failed", detail=detail, log=log.as_posix())
    assert packs(index, SWEPT)[2]["waits"] == failed
    log.write_text(f"{GOOD} is chosen; wrote {paths.choice(SWEPT)}\n")
    assert packs(index, SWEPT)[2]["waits"] == waits
    choose("no point")
    assert packs(index, SWEPT)[2].get("chosen") is None


def test_evaluations_are_looked_for_under_points_that_are_evaluated(index, monkeypatch):
    choose(BAD)
    asked, read = {}, asked_packs.read_point

    def noted(name, at, digest, stores):
        asked[name, at] = (digest, len([*stores]))
        return read(name, at, digest, stores)

    monkeypatch.setattr(asked_packs, "read_point", noted)
    packs(index, SWEPT, DEMO)
    assert asked == {
        (SWEPT, GOOD): ("4" * 16, 0),
        (SWEPT, BAD): ("5" * 16, 2),
        (DEMO, "base"): ("a" * 16, 2),
    }


@pytest.mark.parametrize(("select", "where"), [(None, "base"), (SELECT, "selected")])
def test_a_run_with_broken_plug_ins_waits_for_them(index, select, where):
    index.runs[BROKEN] = replace(index.runs[BROKEN], select=select)
    detail = "waits for a broken plug-in to be mended: a.py: wrong; b.py: too"
    assert packs(index, BROKEN) == [
        {
            "run": BROKEN,
            "point_in_path": where,
            "name": "1-25",
            "seeds": [1, 2, 3],
            "evaluating": 1800.0,
            "waits": Finding("waiting", detail=detail, blocked=True),
        }
    ]


def test_the_files_of_a_users_own_that_are_not_there_count_for_nothing(index, monkeypatch):
    monkeypatch.setenv("ISOTROPE_DATA", str(Path.cwd()))
    assert asked_packs._checksums_if_there(["a.pt"]) == []
    Path("a.pt").write_bytes(b"weights")
    assert len(asked_packs._checksums_if_there(["a.pt"])) == 1
    assert asked_packs._checksums_if_there(["a.pt", "b.pt"]) == []


def test_how_seeds_ended_is_read_and_all_runs_are_shown_only_where_that_is_asked(
    index, monkeypatch
):
    MadeUpPack().make(seed1="collapsed")
    monkeypatch.setattr(index_file, "current", lambda *_, **__: index)

    def collapsed(**asked):
        found = {(one.run, one.pack): one.found for one in RepeatedReading(None, **asked).read()}
        return found[DEMO, "1-25"].collapsed, (PUBLISHED, "1-25") in found

    assert collapsed() == (None, False)
    assert collapsed(outcomes=True) == (1, False)
    assert collapsed(everything=True) == (None, True)


def test_states_are_named_with_commas_and_unknown_ones_are_refused():
    assert states.states_of(" failed,done ,") == ("failed", "done")
    for words in ("fialed", "", " , "):
        with pytest.raises(UserError, match=r"^--state: no state is called '(fialed)?'; "):
            states.states_of(words)


# what is counted


def status(run="a/b/c", point="base", seeds=(1, 2), chosen=None, **found):
    finding = Finding(**{"state": "done", "finished": len(seeds), **found})
    return PackStatus(run, "scale", "own", point, chosen, "1-25", list(seeds), finding)


def test_the_seeds_of_a_chosen_point_count_once(index):
    waiting = {"state": "queued", "finished": 0}
    one, two = (status(point=name) for name in (GOOD, BAD))
    chosen = status(point="selected", seeds=range(1, 1001), chosen=BAD)
    for packs_of_run, said in (
        ([one, two, chosen], "3 done; 1,002 of 1,002"),
        (
            [one, two, status(point="selected", seeds=(1, 2, 3), **waiting)],
            "1 queued, 2 done; 4 of 5",
        ),
        ([one, two], "2 done; 4 of 4"),
        ([chosen], "1 done; 1,000 of 1,000"),
        ([], "none; 0 of 0"),
        ([status(point=GOOD, **waiting), two, chosen], "1 queued, 2 done; 1,000 of 1,002"),
        ([one, status(point=BAD, **waiting), chosen], "1 queued, 2 done; 1,002 of 1,002"),
    ):
        assert rows.sums(packs_of_run) == f"packs: {said} seeds are trained"
    changed = status(code="changed")
    assert rows.sums([changed]).splitlines()[1].startswith("results are made anew when the REV")


def test_packs_with_the_same_trouble_are_one_row(index):
    blocked = {"state": "waiting", "finished": 0, "detail": "needs x.npz", "blocked": True}
    found = [status(f"a/b/{n}", **blocked) for n in "pq"]
    found += [status("a/b/r", **{**blocked, "detail": "needs y.npz"})]
    shared = [(row.state, row.name, row.seeds, row.detail) for row in rows.rows_of(found)]
    assert shared == [
        ("waiting", "2 runs", 4, "needs x.npz"),
        ("waiting", "a/b/r", 2, "needs y.npz"),
    ]
    assert len(rows.rows_of(found, each_pack=True)) == 3


def test_packs_of_a_point_are_apart_where_they_need_other_attention(index):
    long = range(1, 200, 2)
    found = [
        status(seeds=(1, 2)),
        status(seeds=(3,), state="queued", finished=0, detail="to be evaluated"),
        status(seeds=(4,), state="queued", finished=0, detail="to be trained"),
        status(seeds=(5, 6), state="failed", finished=0, detail="one error"),
        status(seeds=(7,), state="failed", finished=0, detail="another"),
        status(seeds=long, state="diverged", detail="100 diverged", diverged=100),
    ]
    assert [tuple(vars(row).values()) for row in rows.rows_of(found)] == [
        ("failed", "a/b/c", "base", "seeds 5-6", 0, 2, "one error"),
        ("failed", "a/b/c", "base", "seeds 7", 0, 1, "another"),
        ("diverged", "a/b/c", "base", "1 packs", 100, 100, "100 diverged"),
        (
            *("queued", "a/b/c", "base", "seeds 1-4", 2, 4),
            "2 queued, 1 done; to be evaluated (and 1 more)",
        ),
    ]
    two = [status(), status(seeds=(3,), state="failed", finished=0, detail="an error")]
    assert [row.packs for row in rows.rows_of(two)] == ["seeds 3", "seeds 1-2"]
    lost = [
        status(seeds=(seed,), state="diverged", detail=f"{seed} diverged", diverged=seed)
        for seed in (1, 2)
    ]
    assert [(row.packs, row.detail) for row in rows.rows_of(lost)] == [("", "3 diverged")]
    (row,) = rows.rows_of([status(chosen=GOOD, point="selected", code_detail="other code")])
    assert (row.point, row.packs, row.detail) == ("selected (x=1)", "", "other code")
