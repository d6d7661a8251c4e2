"""What the words of a command line ask for."""

import inspect
import json
from pathlib import Path

import pytest
from made_up_param_file import GOOD, NAME

from isotrope import paths
from isotrope.commands import runs
from isotrope.data import stir
from isotrope.digests import dataset_digest, with_local_files
from isotrope.errors import UserError
from isotrope.params.param_file import read_run
from isotrope.plan import index_file
from isotrope.plan.indexing import index_of, select_entry
from isotrope.results import choice
from isotrope.results.choice import Candidate, Choice
from isotrope.settings import build_settings
from isotrope.tasks import building, by_hand

FILE = paths.PARAM_FILES / f"{NAME}.yaml"
MORE = GOOD.replace("seeds: 1-3", "seeds: [1, 2, 3, 26]")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    FILE.parent.mkdir(parents=True)
    FILE.write_text(MORE)
    manifest(files=[])
    return tmp_path


def manifest(files):
    path = paths.manifest("stir", "emoji")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"files": files}))
    return path


@pytest.fixture(params=[by_hand.training_tasks, by_hand.evaluation_tasks])
def tasks(request):
    def ask(point="base", pack=None, seeds=None, device="cpu", threads=1):
        return request.param(FILE, point, pack, seeds, device, threads)

    return ask


@pytest.mark.parametrize(
    ("command", "asks"),
    [(runs.train, by_hand.training_tasks), (runs.evaluate, by_hand.evaluation_tasks)],
)
def test_what_is_left_out_in_python_is_what_the_command_leaves_out(command, asks):
    of_command, of_python = (inspect.signature(one).parameters for one in (command, asks))
    defaults = {k: one.default for k, one in of_python.items() if one.default is not one.empty}
    assert defaults == {key: of_command[key].default for key in defaults}
    assert len(defaults) == 2


def test_by_hand_as_many_threads_compute_as_in_the_job_of_snakemake(folder, tasks):
    assert {task.threads for task in tasks(threads=None)} == {2}
    own = "evaluations: [scale_generalization, {name: accuracy, resources: {cpus: 4}}]"
    FILE.write_text(f"{MORE[: MORE.index('evaluations:')]}{own}\nresources: {{cpus: 3}}\n")
    found = [task.threads for task in tasks(threads=None)]
    assert found in ([3, 3], [3, 4, 3, 4])  # two packs; one evaluation has its own job
    assert {task.threads for task in tasks(threads=1)} == {1}


def pack_of(task):
    (pack,) = getattr(task, "packs", None) or [task.pack]
    return pack


def test_a_job_refuses_what_it_was_not_planned_for(folder, monkeypatch):
    index_file.write(index_of([read_run(FILE)]), {})
    monkeypatch.setenv(index_file.PLANNED, "1")

    def refused(text):
        FILE.write_text(text)
        found = []
        for tasks in (by_hand.training_tasks, by_hand.evaluation_tasks):
            try:
                tasks(FILE, "base", None, None, "cpu", 1)
            except UserError as error:
                found.append((tasks, str(error)))
        said = f"{FILE} has changed since Snakemake planned this job"
        assert all(sentence.startswith(said) for _, sentence in found)
        return [tasks for tasks, _ in found]

    measured = MORE.replace("evaluations: [", "evaluations: [{name: accuracy, as: again}, ")
    assert measured != MORE
    assert refused(f"# a comment\n{MORE}label: another\n") == []
    assert refused(measured) == [by_hand.evaluation_tasks]
    assert len(refused(MORE.replace("epochs: 2", "epochs: 1"))) == 2
    swept = "sweep: {training.epochs: [2, 3]}\nevaluations"  # a point that was not planned
    FILE.write_text(MORE.replace("evaluations", swept))
    for ask in (by_hand.training_tasks, by_hand.evaluation_tasks):
        with pytest.raises(UserError, match="has changed since Snakemake planned this job"):
            ask(FILE, "epochs=3", None, None, "cpu", 1)
    monkeypatch.delenv(index_file.PLANNED)
    assert refused(measured) == []


def test_words_are_read_as_the_settings_of_a_data_set():
    params = building.params_in_words("stir", ["task=mnist", "source=local"])
    assert build_settings(params) == {"task": "mnist", "source": "local"}


def test_what_is_built_by_hand_has_the_digest_of_what_runs_ask_for():
    for scenario in ("mid2rest", "all2all"):
        asked = stir.Params(task="emoji", scenario=scenario)
        made = building.params_in_words("stir", ["task=emoji"])
        assert dataset_digest("stir", made) == dataset_digest("stir", asked)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["task"], "'task': write settings as key=value, as in task=emoji"),
        (["tusk=emoji", "task=emoji"], "stir: tusk: unknown key; did you mean 'task'?"),
        (["task=emojis"], "stir: task: 'emojis' is not known; did you mean 'emoji'?"),
        (["task=3"], "stir: task: input should be 'emoji'"),
        (["task="], "stir: task: input should be"),
        ([], "stir: task: missing"),
        (["task=mnist"], "stir: source: task mnist is not embedded; write `source: "),
        (["task=a: b"], "'task=a: b': a second ': ' on one line"),
        (["task=["], "'task=[': not valid YAML"),
        (["task='emoji"], "'task='emoji': not valid YAML"),
    ],
)
def test_wrong_words_are_refused_with_the_way_out(words, sentence):
    with pytest.raises(UserError) as error:
        building.params_in_words("stir", words)
    assert any(one.startswith(sentence) for one in error.value.sentences), error.value.sentences


def test_an_unknown_data_set_is_refused_with_the_nearest():
    with pytest.raises(UserError, match="no data set is called 'stur'; did you mean 'stir'"):
        building.params_in_words("stur", [])


def test_all_packs_of_a_run_are_tasks_when_nothing_else_is_said(folder, tasks):
    assert [(pack_of(task), list(task.seeds)) for task in tasks()] == [
        ("1-25", [1, 2, 3]),
        ("26-50", [26]),
    ]
    for task in tasks(threads=3):
        assert (task.run, task.point, task.device, task.threads) == (NAME, "base", "cpu", 3)
        assert task.training_digest == read_run(FILE).points[0].digest


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"seeds": "1-3"}, {"1-25": [1, 2, 3]}),
        ({"seeds": "2"}, {"1-25": [2]}),
        ({"seeds": "26,1, 2"}, {"1-25": [1, 2], "26-50": [26]}),
        ({"seeds": "1-2,2-3,3"}, {"1-25": [1, 2, 3]}),
        ({"pack": "26-50"}, {"26-50": [26]}),
        ({"pack": "1-25", "seeds": "3,26"}, {"1-25": [3]}),
    ],
)
def test_seeds_and_packs_choose_what_is_made(folder, tasks, words, expected):
    assert {pack_of(task): list(task.seeds) for task in tasks(**words)} == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"seeds": "1-5"}, "seeds does not hold 4, 5; add it to the param-file"),
        ({"seeds": "0"}, "seeds does not hold 0"),
        ({"seeds": "a"}, "seeds a: write seeds as 1-5"),
        ({"seeds": ""}, "write seeds as 1-5"),
        ({"seeds": "3-1"}, "the range of seeds 3-1 is empty"),
        ({"seeds": "1-9999999999"}, "a range of seeds ends at 1000000; write larger ones"),
        ({"pack": "1-24"}, "has no pack seeds-1-24; did you mean '1-25'"),
        ({"pack": "26-50", "seeds": "1"}, "the pack seeds-26-50 holds none of the seeds 1"),
        ({"point": "bas"}, "no point is called 'bas'; choose from base"),
        ({"device": "gpu"}, "--device gpu: choose from auto, cpu, cuda"),
    ],
)
def test_what_a_run_does_not_have_is_refused(folder, tasks, words, said):
    with pytest.raises(UserError) as error:
        tasks(**words)
    assert said in str(error.value)


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda"])
def test_every_device_may_be_asked_for(folder, tasks, device):
    assert {task.device for task in tasks(device=device)} == {device}


SELECT = """\
sweep: {training.optimizer.learning_rate: [1.0e-2, 1.0e-3]}
select: {seeds: 1-2}
evaluations"""
GOOD_RATE, OTHER_RATE = "learning_rate=0.01", "learning_rate=0.001"


@pytest.fixture
def chosen(folder):
    """A run of two candidates of which the first one was chosen."""
    FILE.write_text(MORE.replace("evaluations", SELECT))
    run = read_run(FILE)
    candidates = [Candidate(one.name, one.digest, 0.5, [0.5, 0.5], []) for one in run.points]
    made = Choice(GOOD_RATE, select_entry(run.envelope), candidates, [])
    choice.write(NAME, made)
    return run


def test_the_selected_point_is_the_chosen_one_in_a_folder_of_its_own(chosen, tasks):
    for task, pack, seeds in zip(
        tasks("selected"), ("1-25", "26-50"), ([1, 2, 3], [26]), strict=True
    ):
        assert (task.point, pack_of(task), list(task.seeds)) == (GOOD_RATE, pack, seeds)
        (folder,) = getattr(task, "folders", None) or [task.folder]
        assert folder == paths.pack_folder(NAME, "selected", pack)
        assert task.training_digest == chosen.point(GOOD_RATE).digest


def test_the_seeds_of_the_selected_point_are_those_of_the_candidate(chosen):
    (task, _) = by_hand.training_tasks(FILE, "selected", None, None, "cpu", 1)
    (candidate,) = by_hand.training_tasks(FILE, GOOD_RATE, None, None, "cpu", 1)
    assert task.stored(1) == candidate.stored(1)
    assert (task.unfinished(1), task.heartbeat.parent) == (candidate.unfinished(1), task.folder)
    assert candidate.folder == paths.pack_folder(NAME, GOOD_RATE, "1-25")


def test_a_candidate_has_the_seeds_of_the_choice(chosen, tasks):
    assert {pack_of(task): list(task.seeds) for task in tasks(OTHER_RATE)} == {"1-25": [1, 2]}
    with pytest.raises(UserError, match=r"select\.seeds does not hold 3; add it"):
        tasks(OTHER_RATE, seeds="3")
    with pytest.raises(UserError, match=f"choose from {GOOD_RATE}, {OTHER_RATE}, selected"):
        tasks("base")


def test_without_a_choice_that_is_up_to_date_nothing_is_selected(chosen, tasks):
    text = FILE.read_text().replace("epochs: 2", "epochs: 3")
    FILE.write_text(text)
    with pytest.raises(UserError, match=f"run `isotrope choose {FILE}`"):
        tasks("selected")


def test_data_that_are_not_built_or_damaged_are_named_with_the_way_out(folder, tasks):
    path = manifest(files=[])
    path.write_text("{}")
    with pytest.raises(UserError, match=r"emoji\.manifest\.json: not a whole manifest"):
        tasks()
    path.unlink()
    with pytest.raises(UserError, match="the data set is not built; run `snakemake out/data/"):
        tasks()


def test_the_users_own_files_are_part_of_every_digest(folder):
    def digests():
        (training, _) = by_hand.training_tasks(FILE, "base", None, None, "cpu", 1)
        (evaluation, _) = by_hand.evaluation_tasks(FILE, "base", None, None, "cpu", 1)
        assert training.training_digest == evaluation.training_digest
        return [training.training_digest, *(one.digest for one in evaluation.evaluations)]

    without = digests()
    path = manifest([{"root": "ISOTROPE_DATA", "sha256": "x"}])
    first = digests()
    manifest([{"root": "ISOTROPE_DATA", "sha256": "y"}])
    second = digests()

    assert len({*without, *first, *second}) == 9
    manifest([{"root": "ISOTROPE_DATA", "sha256": "x"}])
    assert first[0] == with_local_files(without[0], path)


def test_an_evaluation_may_have_a_name_and_data_of_its_own(folder):
    block = "{name: accuracy, as: top1, dataset: {name: stir, task: emoji, scenario: all2all}}"
    FILE.write_text(MORE.replace("[accuracy,", f"[accuracy, {block},"))

    task = by_hand.evaluation_tasks(FILE, "base", "1-25", None, "cpu", 1)[0]

    assert [(one.name, one.alias) for one in task.evaluations] == [
        ("accuracy", "accuracy"),
        ("accuracy", "top1"),
        ("scale_generalization", "scale_generalization"),
    ]
    scenarios = [one.dataset.params.scenario for one in task.evaluations]
    assert scenarios == ["mid2rest", "all2all", "mid2rest"]


def test_rows_against_another_network_depend_on_the_files_of_its_data_set(folder):
    """They are kept under the digest under which tables look for them, too."""
    other = NAME.replace("mine", "other")
    text = GOOD.replace("task: emoji", "task: emoji\n  source: local")
    (paths.PARAM_FILES / f"{other}.yaml").write_text(text)
    entry = f"[{{name: accuracy, as: beside, against: {{run: {other}}}}}, accuracy, "
    FILE.write_text(MORE.replace("26]", "3]").replace("[accuracy, ", entry).replace("3, 3]", "3]"))
    theirs = paths.manifest("stir", "emoji-local")

    def digests(checksum):
        theirs.write_text(json.dumps({"files": [{"root": "ISOTROPE_DATA", "sha256": checksum}]}))
        (task,) = by_hand.evaluation_tasks(FILE, "base", None, None, "cpu", 1)
        return {one.alias: one.digest for one in task.evaluations}, task.evaluations[0].against

    (first, trained), (second, retrained) = digests("x"), digests("y")

    assert [name for name in first if first[name] != second[name]] == ["beside"]
    assert trained != retrained, "the other network is looked for as trained on these files"
    known = index_of([read_run(FILE), read_run(paths.PARAM_FILES / f"{other}.yaml")])
    point = known.runs[NAME].points["base"]
    manifests = [Path(known.datasets[key].manifest) for key in point.datasets_behind("beside")]
    assert with_local_files(point.evaluations["beside"].digest, *manifests) == second["beside"]


def test_the_other_network_is_that_of_the_seed_that_is_named_or_of_the_same_number(folder):
    other = NAME.replace("mine", "other")
    seeds = "seeds: [1, 2, 3, 26]"
    (paths.PARAM_FILES / f"{other}.yaml").write_text(GOOD.replace("seeds: 1-3", seeds))
    same, named = (
        f"{{name: accuracy, as: {alias}, against: {{run: {other}{more}}}}}"
        for alias, more in (("same", ""), ("named", ", seed: 26"))
    )
    FILE.write_text(MORE.replace("[accuracy,", f"[{same}, {named}, accuracy,"))

    (task, _) = by_hand.evaluation_tasks(FILE, "base", None, None, "cpu", 1)
    against = {one.alias: one.against for one in task.evaluations}

    folders = {1: "1-25", 2: "1-25", 3: "1-25", 26: "26-50"}
    for seed in (1, 2, 3, 26):
        ours, one = against["same"][seed], against["named"][seed]
        assert (ours.seed, ours.folder.name) == (seed, f"seeds-{folders[seed]}")
        assert (one.seed, one.folder.name) == (26, "seeds-26-50")
    assert against["accuracy"] == {}
