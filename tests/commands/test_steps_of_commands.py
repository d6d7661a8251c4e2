"""What commands of several steps ask of each step, and every line that they say."""

import subprocess
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from made_up_index import DEMO, OTHER, OWN, PUBLISHED, made_up_index
from typer.testing import CliRunner

from isotrope import paths, registry
from isotrope.cli import app
from isotrope.cluster import starting
from isotrope.commands import arguments
from isotrope.commands import challenge as challenging
from isotrope.commands import checking as commands_of_checking
from isotrope.errors import UserError
from isotrope.params import param_file, schema
from isotrope.plan import checking, index_file, indexing, result_code, studies
from isotrope.results import cells_mistakes
from isotrope.results import challenge as scoring
from isotrope.skeletons import runs as skeletons_of_runs


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(index_file.PLANNED, raising=False)


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


# challenge


@pytest.fixture
def challenged(monkeypatch):
    """A challenge of toys: what each step is asked, and what it gives."""
    found = {"asked": [], "said": [], "status": 0, "baseline": PUBLISHED}
    rules = SimpleNamespace(
        SUBSET_SEED="dataset.subset_seed",
        baseline=lambda parameters: ("wanted of", parameters["training.epochs"]),
        published=lambda parameters: ("published of", parameters["training.epochs"]),
    )
    index = made_up_index()

    def note(name, returned=None):
        return lambda *words: found["asked"].append((name, *words)) or returned

    monkeypatch.setattr(registry, "load", lambda kind, name: rules)
    monkeypatch.setattr(index_file, "current", lambda **_: index)
    monkeypatch.setattr(
        scoring, "baseline_of", lambda *words: note("baseline", found["baseline"])(*words)
    )
    monkeypatch.setattr(scoring, "check_baseline", note("check"))
    monkeypatch.setattr(
        scoring, "scores_of", lambda known, name, seed: [f"{name} by {seed}", "ensemble"]
    )
    monkeypatch.setattr(scoring, "report", note("report", ["one line", "two"]))
    monkeypatch.setattr(starting, "prepare", lambda words, treatment, say: [treatment, *words])

    def start(command, check):
        found["asked"].append(("start", *command, check))
        return subprocess.CompletedProcess(command, found["status"])

    monkeypatch.setattr(challenging.subprocess, "run", start)
    return found, index


def asked_of(found):
    return [one[0] for one in found["asked"]]


SUBSET = "dataset.subset_seed"
MINE = [f"{OWN} by {SUBSET}", "ensemble"]


def test_a_challenge_is_run_beside_its_baseline_and_both_are_told(challenged):
    found, index = challenged
    done = run("challenge", OWN, "--study", "scattering", "--", "--cores", "2")
    assert (done.exit_code, done.output) == (0, "one line\ntwo\n")
    asked = ["refuse", "evaluations", "--config", f"runs={OWN},{PUBLISHED}", "--cores", "2"]
    assert found["asked"] == [
        ("baseline", index, OWN, ("wanted of", 2), SUBSET),
        ("start", *asked, False),
        ("report", MINE, ("published of", 2), (PUBLISHED, f"{PUBLISHED} by {SUBSET}")),
    ]


def test_a_baseline_is_named_or_none_or_said_to_be_missing(challenged):
    found, index = challenged
    path = f"param-files/{OTHER}.yaml"
    assert run("challenge", OWN, "--study", "scattering", "--baseline", path).exit_code == 0
    assert found["asked"][0] == ("check", index, OWN, OTHER, SUBSET)
    assert f"runs={OWN},{OTHER}" in found["asked"][1]
    found["asked"].clear()
    assert run("challenge", OWN, "--study", "scattering", "--baseline", "none").exit_code == 0
    assert asked_of(found) == ["start", "report"]
    assert f"runs={OWN}" in found["asked"][0]
    assert found["asked"][1][3] is None
    found["asked"].clear()
    found["baseline"] = None
    done = run("challenge", OWN, "--study", "scattering")
    assert "no param-file trains a baseline on the same images; name one with" in done.output
    assert asked_of(found) == ["baseline", "start", "report"]


def test_what_snakemake_did_not_do_or_only_planned_is_not_told_as_numbers(challenged):
    found, _ = challenged
    found["status"] = 3
    done = run("challenge", OWN, "--study", "scattering")
    assert done.exit_code == 3
    assert done.output.startswith("Snakemake ended with status 3, for a reason that it gives")
    found["status"] = 0
    for word in ("-n", "--dry-run"):
        done = run("challenge", OWN, "--study", "scattering", "--", word)
        assert (done.exit_code, done.output) == (0, "")
    assert "report" not in asked_of(found)


@pytest.mark.parametrize(("words", "stays"), [(["-n"], False), (["--dry-run"], False), ([], True)])
def test_a_plan_leaves_no_param_file_that_it_has_written(challenged, monkeypatch, words, stays):
    found, index = challenged
    index.runs["tiny/new/one"] = index.runs[OWN]
    kept, written, others = (
        paths.PARAM_FILES / f"tiny/{name}/one.yaml" for name in ("old", "new", "others")
    )
    kept.parent.mkdir(parents=True)
    kept.touch()

    def write(what, samples, rules, new):
        for path in (written, others):
            path.parent.mkdir(exist_ok=True)
            path.touch()
        new.append(written)
        return written

    monkeypatch.setattr(challenging, "_param_file", write)
    done = run("challenge", "tiny", "--study", "scattering", "--", *words)
    assert done.exit_code == 0, done.exception
    assert written.is_file() == written.parent.is_dir() == stays
    assert kept.is_file()
    assert others.is_file(), "another command wrote it meanwhile"
    said = f"removed {written} again, since this only plans; without -n it is written and stays"
    assert (said in done.output) != stays
    assert asked_of(found)[-1] == ("report" if stays else "start")


def test_a_study_with_a_challenge_may_be_left_out_where_it_is_the_only_one(monkeypatch):
    names = {"studies/one": ["cells"], "studies/two": ["challenge", "cells"]}
    monkeypatch.setattr(registry, "study_folders", lambda: ["one", "two"])
    monkeypatch.setattr(registry, "names", lambda kind: names[kind])
    assert challenging._study(None) == challenging._study("two") == "two"
    with pytest.raises(UserError, match=r"^--study one: studies that have one are two"):
        challenging._study("one")
    names["studies/one"].append("challenge")
    assert challenging._study("one") == "one"
    with pytest.raises(UserError, match=r"^say whose challenge with --study: .* are one, two"):
        challenging._study(None)


# check


@pytest.fixture
def checked(monkeypatch):
    """A checked folder: its index may be changed; what is written, and what was asked."""
    index, asked, wrong_cells = made_up_index(), [], []
    monkeypatch.setattr(index_file, "stamps", lambda: "the stamps")
    monkeypatch.setattr(
        checking,
        "check_folder",
        lambda progress, built: asked.append(("built", built)) or index,
    )
    monkeypatch.setattr(
        commands_of_checking,
        "signs_of_life",
        lambda words, relayed: asked.append(("relayed", relayed)) or nullcontext(),
    )
    monkeypatch.setattr(cells_mistakes, "mistakes_in_cells", lambda found: wrong_cells)
    code = SimpleNamespace(
        all_files=lambda found: {"a.py": "1"},
        sources=SimpleNamespace(keep=lambda: asked.append("kept")),
    )
    monkeypatch.setattr(result_code, "ResultCode", lambda: code)
    monkeypatch.setattr(index_file, "write", lambda *words: asked.append(words))
    return index, asked, wrong_cells


def test_the_index_is_written_with_code_and_stamps_of_before(checked):
    index, asked, _ = checked
    done = run("check", "--write-index", "--built", f"{OWN} {DEMO}", "--relayed", "--quiet")
    assert (done.exit_code, done.output) == (0, "")
    relayed, built, (written, stamps), kept = asked
    assert (relayed, built, kept) == (("relayed", True), ("built", [OWN, DEMO]), "kept")
    assert (written.code, written.runs, stamps) == ({"a.py": "1"}, index.runs, "the stamps")
    asked.clear()
    assert run("check").exit_code == 0
    assert asked == [("relayed", False), ("built", None)]


def test_what_is_in_order_is_counted_and_what_waits_is_said(checked, monkeypatch):
    index, *_ = checked
    index.runs[OTHER].broken.extend(["a.py: broken", "b.py: broken"])
    monkeypatch.setattr(studies, "near_misses", lambda named: [f"misses: {len([*named])}"])
    done = run("check")
    assert done.output.splitlines() == [
        f"{OTHER} waits for a broken plug-in to be mended: a.py: broken; b.py: broken",
        "misses: 4",
        "4 param-files are in order: 4 points, 82 seeds to train",
    ]


def test_mistakes_of_files_and_studies_are_said_after_the_index_is_written(checked):
    index, asked, wrong_cells = checked
    index.mistakes["param-files/a.yaml"] = ["one", "two"]
    wrong_cells.append("cells")
    done = run("check", "--write-index")
    assert done.exception.sentences == ("one", "two", "cells")
    assert [type(one) for one in asked[2]] == [type(index), str]


def test_of_named_files_those_alone_are_checked(checked, monkeypatch):
    index, asked, _ = checked
    monkeypatch.setattr(param_file, "read_each", lambda files: asked.append(files) or "runs")
    monkeypatch.setattr(indexing, "index_of", lambda runs: index)
    done = run("check", "a.yaml", "b.yaml")
    assert done.output == "5 param-files are in order: 5 points, 85 seeds to train\n"
    assert asked == [[Path("a.yaml"), Path("b.yaml")]]
    refused = run("check", "--built", OWN)
    assert str(refused.exception).startswith("--built: give it with --write-index; without, all")


def test_groups_are_completed_from_published_numbers_and_tables_in_their_order():
    for name in ("shift", "alpha", "zeta"):
        path = paths.published(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for name in ("shift", "shift-demo", "beta"):
        paths.table_folder(name).mkdir(parents=True)
    assert arguments.groups("") == ["alpha", "beta", "shift", "shift-demo", "zeta"]
    assert arguments.groups("sh") == ["shift", "shift-demo"]


# new and schema


def test_a_new_run_says_what_it_waits_for_and_what_comes_next(monkeypatch):
    checked = SimpleNamespace(run="the run")
    asked = []
    made = Path("p.yaml"), "as the demo", checked
    monkeypatch.setattr(skeletons_of_runs, "write_run", lambda *words: asked.append(words) or made)
    lacking = []
    index = SimpleNamespace(waiting_for=lambda name: lacking)
    monkeypatch.setattr(indexing, "index_of", lambda runs: index)
    following = "next: look at it, then `snakemake -n --config runs=a/b/c`"
    for found, said in (
        ([], []),
        (["x.npz"], ["it waits for x.npz: docs/data.md"]),
        (["x.npz", "y", "z"], ["it waits for x.npz and 2 more: docs/data.md"]),
    ):
        lacking[:] = found
        done = run("new", "run", "a/b/c")
        assert done.output.splitlines() == ["wrote p.yaml: as the demo", *said, following]
    assert asked == [("a/b/c", None, "own", None)] * 3


def test_a_doubtful_name_of_a_study_is_asked_about_after_it_is_written(monkeypatch):
    monkeypatch.setattr(studies, "question_about", lambda name: [f"is {name} meant?"])
    monkeypatch.setattr("isotrope.skeletons.write_study", lambda name, core: [f"wrote {name}"])
    monkeypatch.setattr(
        "isotrope.skeletons.write_skeleton", lambda *words: [f"wrote {' '.join(map(str, words))}"]
    )
    assert run("new", "study", "scal").output == "wrote scal\nis scal meant?\n"
    said = run("new", "figure", "mine", "--study", "scal").output
    assert said == "wrote figure mine False scal\nis scal meant?\n"
    assert run("new", "figure", "mine").output == "wrote figure mine False general\n"
    for words, kinds in (
        (("new", "model", "mine", "--study", "scale"), "--study is for runs and figures"),
        (("new", "figure", "mine", "--series", "own"), "--series is for runs"),
        (("new", "study", "mine", "--like", "a/b/c"), "--like is for runs"),
        (("new", "run", "a/b/c", "--core"), "--core is for plug-ins and studies"),
    ):
        assert str(run(*words).exception) == f"`isotrope new {words[1]}`: {kinds}; leave it out"


def test_every_schema_that_is_written_is_said(monkeypatch):
    monkeypatch.setattr(schema, "write_committed", lambda: [Path("a.json"), Path("keys.md")])
    for users, said in ((None, []), (Path("out/own.json"), ["wrote out/own.json"])):
        monkeypatch.setattr(schema, "write_users", lambda users=users: users)
        lines = run("schema").output.splitlines()
        assert lines == ["wrote a.json", "wrote keys.md", *said]
    monkeypatch.setattr(schema, "is_current", lambda: False)
    stale = f"{paths.SCHEMA} or {paths.KEYS} is stale; run `isotrope schema`"
    assert str(run("schema", "--check").exception) == stale
