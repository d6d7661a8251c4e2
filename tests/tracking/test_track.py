"""What is tracked when, by one process at a time, and what is said of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from mlflow.entities import ViewType
from tracked_runs import FIRST, NAME, PARAMETERS, SECOND, client, mlflow_runs, tracked

from isotrope import cli, paths
from isotrope.errors import UserError
from isotrope.files import checksums
from isotrope.plan.index import SelectEntry
from isotrope.processes.programs import command_to_install
from isotrope.results import choice
from isotrope.results.choice import Candidate, Choice
from isotrope.tracking import track

GOOD, BAD = "rate=1", "rate=2"


@pytest.fixture
def isotrope(monkeypatch, capsys):
    """Run the command line in this process: exit status, lines of output, errors."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["isotrope", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        return ended.value.code, output.out.splitlines(), output.err

    return run


def test_the_command_line_says_what_was_written_and_how_to_look(project, isotrope):
    status, lines, errors = isotrope("track", "mlflow")
    assert (status, errors) == (0, "")
    assert lines == [
        "seeds: 2 new",
        "wrote out/tracking/mlflow.json; look with `MLFLOW_DISABLE_TELEMETRY=true mlflow ui "
        "--backend-store-uri sqlite:///out/tracking/mlflow.db`",
    ]
    status, lines, errors = isotrope("track", "tensorboard")
    assert lines == [
        "seeds: 2 new",
        "wrote out/tracking/tensorboard.json; look with `tensorboard --logdir "
        "out/tracking/tensorboard`",
    ]


def test_the_list_tells_where_each_seed_is(project):
    tracked()
    tracked("tensorboard")

    key = {"run": NAME, "point": "base", "training_digest": FIRST, "evaluations": ["accuracy"]}
    for tracker in track.TRACKERS:
        said = json.loads(paths.tracked(tracker).read_text())["seeds"]
        assert [one["seed"] for one in said] == [1, 2]
        assert all(key.items() <= one.items() for one in said)
    assert paths.events(NAME, "base", 2).as_posix() == said[1]["events"]


def test_runs_are_chosen_with_the_words_of_snakemake(project):
    project.runs["toy/toy/other"] = project.runs[NAME]
    assert tracked(words="series=own") == tracked(words=f"runs={NAME},toy/*").replace(
        "as before", "new"
    )
    with pytest.raises(UserError, match="no run that is asked for is finished; run `snakemake ev"):
        tracked(words="runs=toy/toy/other")
    with pytest.raises(UserError, match=r"--config series: no series is called 'owm'; did you"):
        tracked(words="series=owm")
    with pytest.raises(UserError, match=r"--config: 'own': write key=value, as in series=demo"):
        tracked(words="own")


def test_unknown_trackers_and_weights_for_tensorboard_are_refused(project, isotrope):
    status, _, errors = isotrope("track", "mlfow")
    assert (status, errors) == (2, "no tracker is called 'mlfow'; did you mean 'mlflow'?\n")
    status, _, errors = isotrope("track", "tensorboard", "--weights")
    assert (status, errors) == (2, "--weights: only mlflow keeps weights; leave it out\n")


def test_seeds_trained_otherwise_than_now_are_not_tracked(project):
    project.digest = SECOND
    project._ask()
    with pytest.raises(UserError, match="no run that is asked for is finished"):
        tracked()


def test_a_damaged_pack_is_named_and_the_sound_ones_are_written(project):
    project.runs["toy/toy/another"] = project.runs[NAME]
    other = paths.pack_folder("toy/toy/another", "base", "1-2")
    other.mkdir(parents=True)
    (other / "run.json").write_bytes((project.pack / "run.json").read_bytes())
    (other / "history.csv").write_text("seed,epoch\n")
    with pytest.raises(UserError, match=r"another/base/seeds-1-2/history\.csv is truncated or alt"):
        tracked()
    assert [run.data.tags["run"] for run in mlflow_runs()] == [NAME] * 2
    listed = json.loads(paths.tracked("mlflow").read_text())["seeds"]
    assert [(one["run"], one["seed"]) for one in listed] == [(NAME, 1), (NAME, 2)]

    (other / "run.json").write_text("{")
    (project.pack / "results.csv").write_text("evaluation\naccuracy\n")
    with pytest.raises(UserError) as error:
        tracked()
    (first, second) = error.value.sentences
    assert "plain/base/seeds-1-2/results.csv has no column" in first
    assert "another/base/seeds-1-2/run.json is truncated or altered" in second


def test_candidates_are_tracked_too_and_each_seed_once(project):
    rule = SelectEntry("validation_accuracy", "median", [1], "last")
    for place, digest in ((GOOD, FIRST), (BAD, SECOND)):
        project.train(digest, place, seeds=[1])
    project.train(FIRST, GOOD, selected=True)
    project.evaluate("accuracy")
    good = project.runs[NAME].points[GOOD]
    bad = type(good)(SECOND, good.dataset, good.evaluations, PARAMETERS)
    project.change(points={GOOD: good, BAD: bad}, select=rule)
    candidates = [Candidate(one, d, 0.5, [], []) for one, d in ((GOOD, FIRST), (BAD, SECOND))]
    choice.write(NAME, Choice(GOOD, rule, candidates, []))

    assert tracked() == "3 new"

    tags = [run.data.tags for run in mlflow_runs()]
    assert [(one["point"], one["seed"]) for one in tags] == [(GOOD, "1"), (BAD, "1"), (GOOD, "2")]
    tested = ["accuracy/accuracy" in run.data.metrics for run in mlflow_runs()]
    assert tested == [True, False, True]
    assert tracked() == "3 as before"


def test_another_process_that_writes_is_waited_for_by_the_user(project):
    program = "import sys, filelock; held = filelock.FileLock(sys.argv[1]); held.acquire(); "
    program += "print('held', flush=True); sys.stdin.read()"
    held = paths.TRACKING / ".lock"
    with subprocess.Popen(
        [sys.executable, "-c", program, held], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"held\n"
        for tracker in track.TRACKERS:
            with pytest.raises(
                UserError, match=r"out/tracking/\.lock is held: another `isotrope tr"
            ):
                tracked(tracker)
        other.kill()
    assert tracked() == "2 new", "a lock does not outlive its process"
    with FileLock(held, timeout=0):
        assert not (paths.TRACKING / "tensorboard").exists()


@pytest.mark.parametrize("tracker", track.TRACKERS)
def test_without_the_extra_its_name_is_said(tracker, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the command names Python as seen from there
    program = (
        f"import sys; sys.modules['{tracker}'] = None; "
        f"sys.argv = ['isotrope', 'track', '{tracker}']; from isotrope import cli; cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{tracker} cannot be imported (")
    assert f"); run `{command_to_install(tracker)}`\n" in done.stderr
    assert not [*tmp_path.iterdir()]


def figure(group, name, content):
    path = paths.figure_folder(group) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def runs_of_figures():
    found = client()
    numbers = [one.experiment_id for one in found.search_experiments(view_type=ViewType.ALL)]
    return found.search_runs(numbers, "tags.figures = 'scale'", ViewType.ALL)


def test_figures_and_animations_are_artifacts_that_follow_their_files(project):
    figure("scale", "accuracy.svg", b"<svg/>")
    figure("scale", "moving.gif", b"GIF")
    figure("scale", "accuracy.log", b"said")
    figure("other", "accuracy.svg", b"of no run here")

    def said():
        return track.track("mlflow")[1]

    assert said() == "figures of studies: 1 new"
    (run,) = runs_of_figures()
    folder = Path(run.info.artifact_uri)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "accuracy.svg": b"<svg/>",
        "moving.gif": b"GIF",
    }
    assert run.info.status == "FINISHED"
    assert client().get_experiment(run.info.experiment_id).name == "scale"
    assert said() == "figures of studies: 1 as before"

    figure("scale", "accuracy.svg", b"<svg>redrawn</svg>")
    assert said() == "figures of studies: 1 brought up to date"
    assert [one.info.run_id for one in runs_of_figures()] == [run.info.run_id]
    assert (folder / "accuracy.svg").read_bytes() == b"<svg>redrawn</svg>"

    client().delete_run(run.info.run_id)
    figure("scale", "accuracy.svg", b"<svg>again</svg>")
    assert said() == "figures of studies: 1 left deleted"


def test_an_altered_file_of_a_figure_is_named_and_not_kept(project):
    figure("scale", "accuracy.svg", b"<svg/>")
    figure("scale", "accuracy.csv", b"a\n1\n")
    numbers = paths.figure_folder("scale") / "accuracy.csv"
    with checksums.renewed(numbers):
        pass
    numbers.write_text("a\n2\n")

    with pytest.raises(UserError, match=r"accuracy\.csv was altered since it was drawn"):
        track.track("mlflow")

    (run,) = runs_of_figures()
    assert [path.name for path in Path(run.info.artifact_uri).iterdir()] == ["accuracy.svg"]


def test_tensorboard_keeps_no_figures(project):
    figure("scale", "accuracy.svg", b"<svg/>")
    assert len(track.track("tensorboard")) == 2
