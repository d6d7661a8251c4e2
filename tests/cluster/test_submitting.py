"""Which packs are sent, with what, and what is refused before anything is."""

import json
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from made_up_param_file import GOOD

from isotrope import paths
from isotrope.cluster import submitted_pack, submitting
from isotrope.cluster.submitted_pack import SubmittedPack
from isotrope.cluster.submitting import TaskResources
from isotrope.datasets.manifest import Manifest, write_manifest
from isotrope.errors import UserError
from isotrope.plan.index import DatasetEntry
from isotrope.tasks import by_hand

MINE, WIDE, SWEPT = (f"standard/stir_emoji/{name}" for name in ("mine", "wide", "swept"))
SWEEP = """\
sweep: {training.optimizer.learning_rate: [1.0e-2, 1.0e-3]}
select: {seeds: 1-2}
evaluations"""
RATES = ["learning_rate=0.01", "learning_rate=0.001"]


def add(name, *changes):
    path = paths.PARAM_FILES / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = GOOD + "resources: {gpu: 1, cpus: 4, runtime: 3h, memory: 6GB, seeds_per_job: 2}\n"
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three runs, their data set built as far as its manifest tells."""
    monkeypatch.chdir(tmp_path)
    add(MINE)
    add(WIDE, ("gpu: 1, cpus: 4", "gpu: 2, cpus: 8"))
    add(SWEPT, ("evaluations", SWEEP))
    manifest = paths.manifest("stir", "emoji")
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"files": []}))
    return tmp_path


def family(*words, point=None, seeds=None, time=None, evaluate=True):
    return submitting.family(submitting.runs_of(words), point, seeds, time, evaluate)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([MINE], [MINE]),
        ([f"param-files/{MINE}.yaml"], [MINE]),
        ([f"./param-files/{MINE}.yaml"], [MINE]),
        (["standard/*/m*"], [MINE]),
        (["param-files/standard/stir_emoji/*.yaml"], [MINE, SWEPT, WIDE]),
        ([WIDE, "*/mine", WIDE], [WIDE, MINE]),
        ([f"{WIDE},*/mine"], [WIDE, MINE]),
        ([f"{WIDE},,*/mine,"], [WIDE, MINE]),
    ],
)
def test_runs_are_named_by_file_by_name_or_by_a_pattern_each_once(folder, words, found):
    assert [run.name for run in submitting.runs_of(words)] == found


def test_every_mistake_in_words_and_param_files_is_said(folder):
    with pytest.raises(UserError) as error:
        submitting.runs_of(["standard/stir_emoji/mien", MINE, "a/b/*"])
    assert len(error.value.sentences) == 2
    assert "mien: no param-file is called so; did you mean 'standard/stir_emoji/mine" in str(
        error.value
    )
    for name in (MINE, WIDE):
        add(name, ("epochs", "epoks"))
    with pytest.raises(UserError) as error:
        submitting.runs_of(["*"])
    for name in (MINE, WIDE):
        assert f"{name}.yaml:" in str(error.value)


def test_a_misnamed_file_is_no_run_and_is_named_beside_words_that_mean_none(folder):
    add(MINE).with_suffix(".yml").write_text(GOOD)
    add(WIDE).rename(paths.PARAM_FILES / f"{WIDE}.yml")
    assert [run.name for run in submitting.runs_of(["*/mine", "*swept"])] == [MINE, SWEPT]
    with pytest.raises(UserError) as error:
        submitting.runs_of(["*/wide"])
    said = error.value.sentences
    assert len(said) == 3
    assert said[0].startswith("*/wide: no param-file is called so")
    assert [one.endswith("; rename one") for one in said] == [False, True, False]
    assert said[2].endswith("wide.yml: the name of a param-file ends in .yaml; rename it")


def test_packs_that_ask_for_the_same_are_one_array(folder):
    add("standard/stir_emoji/other", ("epochs: 2", "epochs: 3"))
    arrays = family(MINE, "standard/*/other", WIDE).arrays

    assert [(array.resources, len(array.packs), array.after_choice) for array in arrays] == [
        (TaskResources(gpu=1, cpus=4, memory=6000, minutes=180), 4, False),
        (TaskResources(gpu=2, cpus=8, memory=6000, minutes=180), 2, False),
    ]
    first = arrays[0].packs[0]
    assert (first.run, first.point, first.pack) == (MINE, "base", "1-2")
    assert first.threads == 4
    part = family(MINE, seeds="2").packs[0]
    assert str(part) == f"{MINE}, base, seeds 2", "the seeds asked for"
    assert str(arrays[0].resources) == "gpu=1,cpus=4,memory=6000,minutes=180"


def test_the_wall_time_may_be_another_than_the_param_files(folder):
    (array,) = family(MINE, time="45m").arrays
    assert (array.resources.minutes, array.resources.warning) == (45, 120)
    (array,) = family(MINE, time="2m").arrays
    assert array.resources.warning == 30
    with pytest.raises(UserError, match="--time 2 hours: write a wall time as in 45m, 4h or 2d"):
        family(MINE, time="2 hours")


def test_candidates_come_first_and_the_chosen_point_waits_for_them(folder):
    early, late = family(SWEPT).arrays

    assert [(one.point, one.pack, one.evaluate) for one in early.packs] == [
        (RATES[0], "1-2", False),
        (RATES[1], "1-2", False),
    ]
    assert [(one.point, one.pack, one.evaluate) for one in late.packs] == [
        ("selected", "1-2", True),
        ("selected", "3-4", True),
    ]
    assert (early.after_choice, late.after_choice) == (False, True)
    assert {one.digests for one in late.packs} == {tuple(one.digests[0] for one in early.packs)}


def test_seeds_are_those_of_the_chosen_point_and_the_candidates_train_what_the_choice_needs(folder):
    early, late = family(SWEPT, seeds="3").arrays
    assert [one.seeds for one in early.packs] == [None, None]
    assert [(one.pack, one.seeds) for one in late.packs] == [("3-4", "3")]
    (array,) = family(MINE, seeds="2").arrays
    assert [(one.pack, one.seeds) for one in array.packs] == [("1-2", "2")]
    with pytest.raises(UserError, match="seeds does not hold 9; add it to the param-file"):
        family(MINE, seeds="9")


def test_one_point_may_be_asked_for(folder):
    (array,) = family(SWEPT, point=RATES[1]).arrays
    assert [one.point for one in array.packs] == [RATES[1]]
    (array,) = family(SWEPT, point=RATES[0], seeds="2").arrays
    assert [(one.point, one.seeds) for one in array.packs] == [(RATES[0], "2")]
    with pytest.raises(UserError, match="no point is called 'x'; choose from base") as error:
        family(MINE, WIDE, point="x")
    assert len(error.value.sentences) == 2


def test_the_chosen_point_alone_needs_its_candidates(folder):
    with pytest.raises(UserError) as error:
        family(SWEPT, point="selected")
    assert len(error.value.sentences) == 3
    assert "run.json is not there; run `snakemake runs` to train it" in str(error.value)
    assert error.value.sentences[-1].startswith(f"{SWEPT}: leave out --point to send")


def test_the_chosen_point_alone_waits_for_no_candidates(folder, monkeypatch):
    monkeypatch.setattr(submitting.choice, "current", lambda known, name: RATES[0])
    (array,) = family(SWEPT, point="selected").arrays
    assert [(one.point, one.pack) for one in array.packs] == [
        ("selected", "1-2"),
        ("selected", "3-4"),
    ]
    assert not array.after_choice


def test_every_gpu_gets_a_process_and_they_share_the_cores(folder):
    resources = TaskResources(gpu=2, cpus=8, memory=6000, minutes=180)
    assert (resources.processes, resources.threads) == (2, 4)
    (array,) = family(WIDE).arrays
    assert {pack.threads for pack in array.packs} == {4}
    resources = TaskResources(gpu=0, cpus=3, memory=1, minutes=1)
    assert (resources.processes, resources.threads) == (1, 3)


def test_data_sets_that_need_no_file_are_to_be_built_and_others_are_refused(folder, monkeypatch):
    monkeypatch.setenv("ISOTROPE_DATA", str(folder / "mine"))
    paths.manifest("stir", "emoji").unlink()
    (entry,) = submitting.unbuilt(submitting.runs_of([MINE, SWEPT]))
    assert (entry.name, entry.key) == ("stir", "emoji")
    family(MINE)  # can be looked at before

    add(WIDE, ("task: emoji", "task: aerial\n  source: local"))
    with pytest.raises(UserError, match=r"not built; it needs stir/aerial\.npz under"):
        submitting.unbuilt(submitting.runs_of([WIDE]))
    archive = folder / "mine/stir/aerial.npz"
    archive.parent.mkdir(parents=True)
    archive.touch()
    with pytest.raises(UserError, match=r"not built; run `snakemake out/data/stir/aerial-local\."):
        submitting.unbuilt(submitting.runs_of([WIDE]))


def test_a_data_set_that_has_to_be_fetched_is_made_by_snakemake(folder, monkeypatch):
    entry = DatasetEntry("mnist", "all", {}, "d" * 16, [], ["train.gz"])
    monkeypatch.setattr(DatasetEntry, "missing_files", [])
    monkeypatch.setattr(submitting, "index_of", lambda runs: SimpleNamespace(datasets={"x": entry}))
    with pytest.raises(UserError, match=r"not built; run `snakemake out/data/mnist/all\.manifest"):
        submitting.unbuilt([])


def test_a_data_set_that_was_built_otherwise_is_to_be_built_again(folder):
    runs = submitting.runs_of([MINE])
    paths.manifest("stir", "emoji").unlink()
    (entry,) = submitting.unbuilt(runs)
    built = Manifest(
        dataset="stir",
        settings={},
        revision=1,
        digest=entry.digest,
        files=[],
        image_shape=(1, 64, 64),
        classes=36,
        images={},
        versions={},
    )
    write_manifest(built, paths.manifest("stir", "emoji"))
    assert submitting.unbuilt(runs) == []
    other = built.model_copy(update={"digest": "0" * 16})
    write_manifest(other, paths.manifest("stir", "emoji"))
    assert submitting.unbuilt(runs) == [entry]


def test_a_param_file_that_was_changed_since_is_refused_when_the_task_starts(folder, capsys):
    (array,) = family(MINE).arrays
    pack = array.packs[0]
    add(MINE, ("epochs: 2", "epochs: 3"))

    with pytest.raises(
        UserError, match=r"was changed after .*, base, seeds 1-2 was submitted"
    ) as e:
        pack()

    assert f"its training digest was {pack.digests[0]} and is " in str(e.value)
    log = paths.pack_folder(MINE, "base", "1-2") / "train.log"
    assert log.read_text() == f"{e.value}\n" == capsys.readouterr().out
    assert not (log.parent / "run.json").exists()


@pytest.mark.parametrize(
    ("trained", "asked", "finished"),
    [
        ({1: "done", 2: "diverged"}, None, True),
        ({1: "done", 2: "done", 7: "done"}, None, True),
        ({1: "done"}, None, False),  # seed 2 was added to the param-file since
        ({1: "done"}, "1", True),
        ({2: "done"}, "1", False),
        ({}, None, False),
    ],
)
def test_a_pack_is_finished_once_all_seeds_that_are_asked_for_now_are_trained(
    folder, monkeypatch, trained, asked, finished
):
    monkeypatch.setattr(submitted_pack.state, "trained", lambda folder, digest: trained)
    record = paths.pack_folder(MINE, "base", "1-2") / "run.json"
    record.parent.mkdir(parents=True)
    record.touch()

    found = family(MINE, seeds=asked, evaluate=False)

    assert ([one.pack for one in found.finished] == ["1-2"]) == finished
    assert ("1-2" in [one.pack for one in found.packs]) == (not finished)
    record.unlink()
    assert family(MINE, seeds=asked, evaluate=False).finished == []


def test_a_pack_is_finished_once_all_seeds_but_the_diverged_have_every_evaluation(
    folder, monkeypatch
):
    status = {1: "done", 2: "diverged"}
    monkeypatch.setattr(submitted_pack.state, "trained", lambda folder, digest: status)
    record = paths.pack_folder(MINE, "base", "1-2") / "run.json"
    record.parent.mkdir(parents=True)
    record.touch()
    (task,) = by_hand.evaluation_tasks(
        Path(f"param-files/{MINE}.yaml"), "base", "1-2", "1", "cpu", 1
    )
    needed = [task.results, *(task.rows_file(one, 1) for one in task.evaluations)]
    assert len(needed) == 3
    for path in needed:
        assert family(MINE, seeds="1-2").finished == []
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    assert [one.pack for one in family(MINE, seeds="1-2").finished] == ["1-2"]
    status[2] = "done"
    assert family(MINE, seeds="1-2").finished == []
    assert [one.pack for one in family(MINE, seeds="1-2", evaluate=False).finished] == ["1-2"]


def test_a_task_carries_words_only_and_counts_its_starts(folder):
    pack = SubmittedPack(f"param-files/{MINE}.yaml", "base", "1-2", None, ("0",), 1, True)
    again = pack.checkpoint().function
    assert (again.restarts, again.file, again.logs) == (1, pack.file, pack.logs)
    plain = (str, int, bool, type(None), tuple)
    assert all(isinstance(value, plain) for value in vars(pack).values())
    assert pack.folder == Path(f"out/runs/{MINE}/base/seeds-1-2")


@pytest.mark.parametrize(
    ("status", "ends"),
    [(-signal.SIGTERM, SystemExit), (1, subprocess.CalledProcessError)],
)
def test_a_requeue_that_slurm_ends_with_the_task_is_no_failure(folder, status, ends):
    def requeue(number, frame):
        raise subprocess.CalledProcessError(status, ["scontrol", "requeue", "47_1"])

    before = signal.signal(signal.SIGUSR2, requeue)
    try:
        with pytest.raises(UserError):
            SubmittedPack(f"param-files/{MINE}.yaml", "base", "1-2", None, ("0",), 1, True)()
        with pytest.raises(ends):
            signal.raise_signal(signal.SIGUSR2)
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_a_mistake_in_another_param_file_ends_no_submit(monkeypatch):
    made = []

    def index():
        made.append("index")
        raise UserError("another param-file has a mistake")

    monkeypatch.setattr(submitting.index_file, "current", index)
    submitting.refresh_index()
    assert made == ["index"]


def test_a_data_set_is_built_from_its_entry_and_recorded_for_snakemake(monkeypatch):
    entry = SimpleNamespace(
        name="stir", digest="d" * 16, manifest="out/a.manifest.json", preview="out/a.png"
    )
    calls = []
    monkeypatch.setattr(submitting, "params_of", lambda one: f"params of {one.name}")
    monkeypatch.setattr(submitting, "build_dataset", lambda *words: calls.append(words))
    monkeypatch.setattr(
        submitting.recording, "record", lambda rules, files, say: calls.append((rules, files))
    )
    submitting.build(entry)
    assert calls == [
        ("stir", "params of stir", "d" * 16),
        (["build_dataset"], [Path("out/a.manifest.json"), Path("out/a.png")]),
    ]
