"""Every word of a command reaches what it is for: each has a value of its own here."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from typer.testing import CliRunner

from isotrope import devices, paths, registry, skeletons
from isotrope.cli import app
from isotrope.cluster import executors, rendezvous, submitting
from isotrope.commands import challenge
from isotrope.errors import UserError
from isotrope.measuring import evaluating
from isotrope.params import foreign, initialisations
from isotrope.plan import index_file
from isotrope.results import drawing, exporting, summary, what_to_run
from isotrope.skeletons import runs as skeletons_of_runs
from isotrope.tasks import by_hand, examples, weights_tables
from isotrope.tracking import track
from isotrope.training import distributed

FILE = Path("param-files/a/b/c.yaml")


@pytest.fixture(autouse=True)
def _with_a_param_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(index_file.PLANNED, raising=False)
    FILE.parent.mkdir(parents=True)
    FILE.write_text("anything")


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def noted(monkeypatch):
    """Puts a function in the place of another that notes its arguments and returns something."""

    def put(module, name, returned=None):
        calls = []
        monkeypatch.setattr(module, name, lambda *words: calls.append(words) or returned)
        return calls

    return put


def test_those_of_a_training(noted):
    noted(rendezvous, "export")
    noted(distributed, "torchrun")
    noted(by_hand, "gpus_of", 1)
    asked = noted(by_hand, "training_tasks", [])
    words = ("--point", "p", "--pack", "1-25", "--seeds", "2-3", "--device", "cuda")
    assert run("train", FILE, *words, "--threads", 3, "--save-every", 5, "--eager").exit_code == 0
    assert asked == [(FILE, "p", "1-25", "2-3", "cuda", 3, 5.0, True)]


def test_those_of_an_evaluation(noted):
    noted(evaluating, "evaluate")
    asked = noted(by_hand, "evaluation_tasks", [])
    words = ("--point", "p", "--pack", "1-25", "--seeds", "2-3", "--device", "cuda")
    words += ("--threads", 3, "--table", "t", "--no-own-jobs")
    assert run("evaluate", FILE, *words).exit_code == 0
    assert asked == [(FILE, "p", "1-25", "2-3", "cuda", 3, "t", False)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--like", "a/b/c", "--point", "p"], "a network of yours has no point"),
        (["--like", "a/b/c", "--pack", "1-25"], "a network of yours has no point"),
        (["--like", "a/b/c", "--seeds", "1"], "a network of yours has no point"),
        (["--like", "a/b/c", "--no-own-jobs"], "a network of yours has no point"),
        (["--all"], "--all: is for networks that are measured with --like"),
        (["--weights", "w.pt"], "name the run that it is measured like"),
        (["--to", "there"], "name the run that it is measured like"),
    ],
)
def test_what_of_an_evaluation_does_not_go_together_is_refused(noted, words, said):
    asked = noted(by_hand, "evaluation_tasks", [])
    done = run("evaluate", FILE, *words)
    assert isinstance(done.exception, UserError)
    assert said in str(done.exception)
    assert asked == []


def test_those_of_a_seed_that_is_shipped_or_imported(noted):
    shipped, imported = noted(by_hand, "ship", "there"), noted(by_hand, "import_seed", "there")
    taken = noted(foreign, "import_param_file", "there")
    run("ship", FILE, 4, "--point", "p")
    said = run("import-weights", FILE, 3, "w.pt").output
    run("import-param-file", FILE, "--study", "s")
    assert (shipped, imported) == ([(FILE, "p", 4)], [(FILE, "base", 3, Path("w.pt"))])
    assert said == "wrote there; `snakemake` evaluates it as any other seed\n"
    assert taken == [(FILE, "s", None)]


@pytest.mark.parametrize("dry", [True, False])
def test_those_of_runs_that_are_submitted(noted, dry):
    entry = SimpleNamespace(name="stir", key="emoji")
    named = noted(submitting, "runs_of", ["the runs"])
    resources = submitting.TaskResources(gpu=1, cpus=2, memory=3, minutes=4)
    arrays = [submitting.Array(resources, ["one", "two"], late) for late in (False, True)]
    family = submitting.Family(arrays, ["three", "four"])
    timed = noted(submitting, "minutes_of")
    missing, built = noted(submitting, "unbuilt", [entry]), noted(submitting, "build")
    asked = noted(submitting, "family", family)
    site = noted(executors, "executor_of", "slurm")
    sent = noted(executors, "send", [])
    refreshed = noted(submitting, "refresh_index")
    remembered = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("isotrope.plan.asked.remember", lambda *_, **more: remembered.append(more))
        words = ("--point", "p", "--seeds", "2-3", "--executor", "e", "--partition", "q")
        words += ("--account", "c", "--time", "45m", "--parallel", 6, "--no-evaluate")
        done = run("submit", "x", "y", *words, *(["--dry-run"] if dry else []))
    assert done.exit_code == 0
    assert named == [(["x", "y"],)]
    assert timed == [("45m",)]
    assert missing == [(["the runs"],)]
    assert asked == [(["the runs"], "p", "2-3", "45m", False)]
    assert site == [("e",)]
    lines = done.output.splitlines()
    whole = "slurm: 2 tasks of gpu=1,cpus=2,memory=3,minutes=4"
    if dry:
        assert lines == [
            "would build the data set stir emoji",
            "2 packs are finished already",
            *(whole, "  one", "  two"),
            *(f"{whole}, after the choice", "  one", "  two"),
        ]
        assert built == sent == refreshed == remembered == []
        return
    assert lines[:2] == ["building the data set stir emoji", "2 packs are finished already"]
    assert built == [(entry,)]
    assert sent == [(arrays, executors.Site("slurm", "q", "c", 6))]
    assert (len(refreshed), remembered) == (1, [{"besides": True}])


def test_those_of_what_is_made_of_tables(noted):
    tracked = noted(track, "track", ["one", "two"])
    sampled = noted(examples, "write_examples", "examples.npz")
    noted(what_to_run, "check_tables")
    summed = noted(summary, "write_summary", "summary.html")
    said = run("track", "mlflow", "--config", "{}", "--weights").output
    run("track", "tensorboard")
    run("sample", "scale-demo", "a.json", "b.json")
    run("summarize", "scale-demo")
    assert said == "one\ntwo\n"
    assert tracked == [("mlflow", "{}", True), ("tensorboard", "", False)]
    manifests = [Path("a.json"), Path("b.json")]
    assert sampled == [("scale", manifests, paths.examples("scale-demo"))]
    assert summed == [(paths.table_folder("scale-demo"),)]


def test_those_of_an_export(noted, monkeypatch):
    parts, hints = [], []
    module = SimpleNamespace(
        export=lambda *_: [], export_parts=lambda *words: parts.append(words) or []
    )
    forms = noted(exporting, "form_of", (module, "scale-demo"))
    noted(exporting, "check_parts")
    monkeypatch.setattr(what_to_run, "check_tables", lambda _, hint: hints.append(hint("x")))
    words = ("--as", "f", "--group", "scale-demo", "--with", "p", "--device", "cuda")
    run("export", "there", *words, "--threads", 3)
    assert forms == [("f", "scale-demo")]
    assert parts == [("scale-demo", Path("there"), ["p"], "cuda", 3)]
    assert hints == ["isotrope export there --as f --group x"]


def test_those_of_a_figure_of_weights(noted, monkeypatch):
    opened = noted(weights_tables, "open_folders", "the packs")
    written, drawn = noted(weights_tables, "write_tables"), noted(drawing, "draw_figure", ["a.svg"])
    guessed = noted(weights_tables, "study_of", "guessed")
    at = []
    monkeypatch.setattr(
        devices, "arithmetic", lambda where, threads: at.append((where, threads)) or nullcontext()
    )
    words = ("--weights", "a", "--settings", "{n: 2}", "--output", "there", "--threads", 3)
    words = ("f", "b", *words, "--device", "cpu")
    for more in (("--group", "scale-demo"), ()):
        assert run("draw", *words, *more).output == "wrote a.svg\n"
    cpu, place = torch.device("cpu"), Path("there/f")
    assert opened == [([Path("a"), Path("b")],)] * 2
    assert guessed == [("the packs", "f")]
    assert at == [(cpu, 3)] * 2
    for study, (*given, _) in zip(("scale", "guessed"), written, strict=True):
        assert given == ["the packs", study, "f", {"n": 2}, place / "tables", cpu]
    assert drawn == [
        (one, "f", place / "tables", None, place / "f") for one in ("scale", "guessed")
    ]


@pytest.mark.parametrize("study", [None, "scale"])
def test_those_of_a_new_run(noted, study):
    checked = SimpleNamespace(run=None)
    asked = noted(skeletons_of_runs, "write_run", (FILE, "as the demo", checked))
    named = [] if study is None else ["--study", study]
    said = run("new", "run", "a/b/c", *named, "--series", "demo", "--like", "d/e/f").output
    assert asked == [("a/b/c", study, "demo", "d/e/f")]
    assert said == f"wrote {FILE}: as the demo\n"


@pytest.mark.parametrize("core", [False, True])
def test_those_of_a_new_study_and_a_new_plug_in(noted, core):
    study = noted(skeletons, "write_study", ["the study"])
    plugin = noted(skeletons, "write_skeleton", ["the model"])
    more = ["--core"] if core else []
    assert run("new", "study", "rotation", *more).output == "the study\n"
    assert run("new", "model", "radial", *more).output == "the model\n"
    assert study == [("rotation", core)]
    assert [given[:3] for given in plugin] == [("model", "radial", core)]


def test_networks_of_several_initialisations_are_of_the_seed_of_the_challenge(noted, monkeypatch):
    rules = SimpleNamespace(SUBSET_SEED=7)
    monkeypatch.setattr("isotrope.registry.load", lambda kind, name: rules)
    asked = noted(initialisations, "with_initialisations", Path("param-files/a/b/d.yaml"))
    stopped = SimpleNamespace(broken=["a plug-in is broken"])
    known = SimpleNamespace(run=lambda name: stopped)
    monkeypatch.setattr(index_file, "current", lambda **_: known)
    for count, expected in ((1, []), (3, [(FILE, 3, 7)])):
        words = ("challenge", "a/b/c", "--initialisations", count, "--study", "scattering")
        done = run(*words)
        assert str(done.exception) == "a plug-in is broken"
        assert asked == expected


def test_what_a_challenger_names_is_a_run_its_param_file_or_a_model(capsys):
    rules = registry.load("studies/scattering", "challenge")
    new: list[Path] = []
    for named in ("a/b/c", "a/b/c.yaml", FILE.as_posix()):
        assert challenge._param_file(named, None, rules, new) == FILE
        with pytest.raises(UserError, match=f"^--samples: {named} says how many images it trains"):
            challenge._param_file(named, 100, rules, new)
    mine = Path("plugins/models/mine.py")
    mine.parent.mkdir(parents=True)
    mine.write_text("x = 1\n")
    for named in ("mine", mine.as_posix()):
        for asked, count in ((None, 100), (500, 500)):
            path = paths.PARAM_FILES / f"mine/cifar10_{count}/challenge.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            assert challenge._param_file(named, asked, rules, new) == path
            assert capsys.readouterr().out == f"takes {path}\n"
    with pytest.raises(
        UserError, match=r"^else/where/mine\.py: copy it to plugins/models/mine\.py"
    ):
        challenge._param_file("else/where/mine.py", None, rules, new)
    with pytest.raises(UserError, match=r"^--samples 7: choose from 100, 500, 1000$"):
        challenge._param_file("mine", 7, rules, new)
    wide = (registry.folder("models") / "cnn.py").read_text()
    mine.write_text(
        wide.replace("class Params(Settings):", "class Params(Settings):\n    more: int\n")
    )
    mended = paths.PARAM_FILES / "mine/cifar10_1000/challenge.yaml"
    with pytest.raises(UserError) as error:
        challenge._param_file("mine", 1000, rules, new)
    assert error.value.sentences[-1] == f"mend {mended}, then start again"
    assert mended.is_file()
    assert new == [], "what is to be mended is not removed"
    path = challenge._param_file("scattering_cnn", 1000, rules, new)
    assert path.is_file()
    assert new == [path]
