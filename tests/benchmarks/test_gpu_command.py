"""benchmarks/gpu.py and reckoning.py, with a CPU as the device."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import gpu
import gpu_checks
import gpu_measuring
import gpu_phases
import gpu_project
import gpu_report
import gpu_table
import packs
import pytest
import reckoning
import shift_fast
import torch
from gpu_project import CheckError, NotRunError
from recorded import RecorderOnCPU
from torch.autograd import DeviceType

from isotrope.data import stir
from isotrope.datasets.loading import load_split

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "gpu.py"


def run(folder, *words):
    """The command in this process, tiny and on a CPU: its exit status and what it wrote."""
    words = ("--device", "cpu", "--quick", "--results", str(folder), *words)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["gpu.py", *words])
        patch.setattr(sys, "path", list(sys.path))
        status = gpu.main()
    return status, json.loads((folder / "gpu.json").read_text(encoding="utf-8"))


def test_a_sound_device_passes_and_its_rows_are_measured(tmp_path, capsys):
    status, known = run(tmp_path, "--models", "standard", "--only", "float64", "stacks", "standard")

    said = capsys.readouterr().out.splitlines()
    assert status == 0
    assert [(one["name"], one["status"]) for one in known["checks"]] == [
        ("float64", "ok"),
        ("stacks", "ok"),
    ]
    (row,) = known["rows"]
    assert row["ours"] > 0
    assert row["theirs"] > 0
    assert row["busy"] > 0
    assert len(row["kernels"]) == 3
    assert row["value"] == pytest.approx(row["theirs"] / row["ours"])
    assert known["commit"]
    assert [line.split(" (")[0] for line in said if line.startswith("ok")] == [
        "ok float64",
        "ok stacks",
    ]
    assert gpu_report.line(row) in said
    assert (tmp_path / "gpu.md").read_text(encoding="utf-8") == gpu_report.page(known)


def test_phases_are_compared_and_the_fast_recipes_are_timed(tmp_path):
    status, known = run(tmp_path, "--only", "phases", "fast", "fast_strided")

    assert status == 0
    (check,) = known["checks"]
    assert (check["name"], check["status"]) == ("phases", "ok")
    assert "clear choices in bfloat16 0 are others" in check["note"]
    assert [row["name"] for row in known["rows"]] == ["fast", "fast_strided"]
    for row in known["rows"]:
        assert row["value"] > 0
        assert "s an epoch" in row["note"]


def test_phases_that_differ_fail(tmp_path, monkeypatch):
    plain = gpu_phases.APS.down
    worse = lambda self, maps, *rest: plain(self, maps.flip(-1), *rest)  # noqa: E731
    exact = gpu_phases.taken

    def taken(layer, maps):
        if maps.dtype == torch.float32:
            monkeypatch.setattr(gpu_phases.APS, "down", worse)
        return exact(layer, maps)

    monkeypatch.setattr(gpu_phases, "taken", taken)

    status, known = run(tmp_path, "--only", "phases", "--checks")

    assert status == 1
    assert known["checks"][0]["note"].startswith("aps: what is taken differs by")


def test_a_fast_recipe_is_reckoned_from_its_operations():
    recipe = shift_fast.Recipe(shift_fast.RUNS[0])

    assert recipe.steps == 18 * 96
    found = shift_fast.counted(shift_fast.Recipe(shift_fast.RUNS[0], quick=True))
    assert not found.meets_the_host
    assert shift_fast.reckoned(found) > found.launches.total() * shift_fast.LAUNCH


def test_a_training_that_is_killed_and_told_to_end_is_followed_to_its_end(tmp_path):
    status, known = run(tmp_path, "--models", "standard", "--only", "killed")

    assert [(one["name"], one["status"], one["note"]) for one in known["checks"]] == [
        ("killed", "ok", "")
    ]
    assert status == 0


def test_steps_that_are_replayed_are_compared_with_steps_that_are_not(tmp_path, monkeypatch):
    recorder = RecorderOnCPU()
    monkeypatch.setattr(packs, "recorder_of", lambda device: recorder)

    _, known = run(tmp_path, "--models", "standard", "--only", "graphs")

    assert [(one["status"], one["note"]) for one in known["checks"]] == [("ok", "the same bits")]
    assert (
        recorder.recorded == 2 * 4
    )  # two sizes of a batch in training and in tests, alone and not
    assert recorder.replayed > recorder.recorded


def test_steps_that_cannot_be_replayed_fail_with_the_reason(tmp_path, monkeypatch):
    class Refusing(RecorderOnCPU):
        def record(self, work):
            raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(packs, "recorder_of", lambda device: Refusing())

    status, known = run(tmp_path, "--models", "standard", "--only", "graphs")

    assert status == 1
    assert known["checks"][0]["note"].startswith(
        "standard, 1 at once: no CUDA graph can hold these steps (operation not permitted"
    )


@pytest.mark.parametrize(("launches", "busy"), [(10, None), (200, 3.0)])
def test_a_profile_that_lacks_the_kernels_of_graphs_does_not_count(monkeypatch, launches, busy):
    copies = SimpleNamespace(
        key="copy", count=2 * launches, device_type=DeviceType.CPU, self_cpu_time_total=6000.0
    )

    @contextlib.contextmanager
    def profile(activities):
        yield SimpleNamespace(key_averages=lambda: [copies])

    monkeypatch.setattr(gpu_measuring, "profile", profile)
    measuring = gpu_measuring.Measuring(SimpleNamespace(device=torch.device("cpu"), quick=True))
    training = SimpleNamespace(try_out=lambda steps: None)

    assert measuring._busy(training, steps=2)[0] == busy


def failing(session):
    raise CheckError("three is not four")


def broken(session):
    raise ZeroDivisionError("division by zero")


def absent(session):
    raise NotRunError("there is no second card")


def endless(session):
    while True:
        pass


@pytest.mark.parametrize(
    ("work", "status", "line"),
    [
        (failing, 1, "FAILED it: three is not four"),
        (broken, 1, "FAILED it: ZeroDivisionError: division by zero"),
        (absent, 0, "not run it: there is no second card"),
        (endless, 0, "not run it: no time was left"),
    ],
)
def test_a_check_that_does_not_pass_is_named(tmp_path, monkeypatch, capsys, work, status, line):
    monkeypatch.setattr(gpu_checks, "IN_PROCESS", {"it": work})
    monkeypatch.setattr(gpu_checks, "IN_PROGRAMS", {})
    monkeypatch.setattr(gpu, "BUDGET", 0.5)

    assert run(tmp_path, "--checks")[0] == status
    assert line in capsys.readouterr().out.splitlines()


def test_checks_that_need_the_same_training_are_not_run_where_it_does_not_end(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(gpu, "BUDGET", 0.5)

    assert run(tmp_path, "--checks", "--only", "killed", "two_processes")[0] == 0
    assert "not run: killed, two_processes" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--only", "flaot64"), "--only flaot64: there is no such check or row; did you mean"),
        (("--models", "pixelpool"), "--models pixelpool: there is no such model; did you mean"),
    ],
)
def test_a_name_that_there_is_not_is_refused(tmp_path, monkeypatch, capsys, words, sentence):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--device", "cpu", "--quick", *words])

    assert gpu.main() == 2
    assert sentence in capsys.readouterr().err


def test_a_row_for_which_no_time_is_left_is_listed_as_not_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gpu, "BUDGET", 3.0)

    status, known = run(tmp_path, "--table", "--only", "study")

    assert status == 0
    assert [one["met"] for one in known["rows"]] == [None]
    assert "not run: study" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(("goal", "met"), [(0.0, False), (90.0, None)])
def test_a_protocol_that_does_not_end_misses_its_goal_once_that_is_over(
    tmp_path, monkeypatch, goal, met
):
    def endless_run(measuring, name, epochs):
        raise NotRunError("waited in vain")

    monkeypatch.setattr(gpu_measuring.Measuring, "timed_run", endless_run)
    monkeypatch.setattr(gpu_table, "PROTOCOL", goal)

    (row,) = run(tmp_path, "--table", "--only", "protocol")[1]["rows"]

    assert row["met"] is met
    assert row["note"].endswith("waited in vain")


@pytest.mark.parametrize(("module", "package"), [("yaml", "pyyaml"), ("typer", "typer")])
def test_a_package_that_is_missing_is_named_in_one_sentence(tmp_path, module, package):
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules[{module!r}] = None\n")

    done = subprocess.run(
        [sys.executable, SCRIPT, "--device", "cpu", "--quick"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith(f"the package {package} is not installed for {sys.executable}: ")


def test_emoji_that_are_scaled_are_nearly_those_that_are_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_project, "ROOT", tmp_path)  # nothing is built there
    project = gpu_project.Project(tmp_path / "project", "cpu", lambda: 60.0)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "fontawesomefree", None)
        assert project.take_emoji().startswith("emoji scaled from 64 pixels")

    params = stir.Params(task="emoji", source="embedded", scenario="all2all")
    scaled = load_split("stir", params, "train", project.folder / "out" / "data" / "stir")
    stir.build(params, tmp_path, "emoji")
    drawn = stir.load(params, tmp_path, "emoji", "train")
    assert scaled.labels.tolist() == drawn.labels.tolist()
    assert (scaled.images.float() - drawn.images.float()).abs().mean() < 4  # of 255


def test_the_page_that_is_kept_is_what_was_measured():
    kept = ROOT / "benchmarks" / "results"
    known = gpu_report.not_run(gpu_table.rows())
    if (kept / "gpu.json").exists():
        known = json.loads((kept / "gpu.json").read_text(encoding="utf-8"))

    assert (kept / "gpu.md").read_text(encoding="utf-8") == gpu_report.page(known)


def test_the_published_study_is_5500_seeds_of_176_runs():
    study = reckoning.published_runs()

    assert len(study) == 176
    assert sum(run.seeds for run in study) == 5500
    assert sum(run.candidates for run in study) == 880


def test_at_the_rates_of_the_authors_the_reckoning_gives_their_hours():
    """One seed at a time, each with the middle one's epochs, which are made whole numbers."""
    seconds = reckoning.published_seconds()
    rates = {}
    for model in reckoning.MODELS:
        images = reckoning.IMAGES["emoji"] * 16
        step = seconds[model, "emoji"] * reckoning.BATCH / images
        rates[model] = {"1": {"step": step, "test_image": 0.0}}
    emoji = [
        reckoning.Run(run.model, run.task, run.images, run.seeds, 1, run.candidates)
        for run in reckoning.published_runs()
        if run.task == "emoji"
    ]

    found = reckoning.hours(emoji, rates)

    epochs = reckoning.mean_epochs(emoji)
    for model in reckoning.MODELS:
        spent = sum(
            run.seeds * epochs[model] * run.images / (36 * 16) * seconds[model, "emoji"] / 3600
            for run in emoji
            if run.model == model
        )
        assert found[model] == pytest.approx(spent, rel=0.05)


def test_a_stack_becomes_smaller_when_half_of_its_seeds_have_ended():
    assert list(reckoning.widths(4, [1, 2, 3, 5])) == [4, 4, 2, 1, 1]


def test_without_measured_rates_the_reckoning_names_the_command_that_measures_them(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "reckoning.py", "--rates", tmp_path / "gpu.json"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines()[-1].endswith(
        "is not there: `make test-gpu` on a machine with a GPU makes it"
    )
    assert "5,500 seeds took 1,997 A100-hours" in done.stdout
