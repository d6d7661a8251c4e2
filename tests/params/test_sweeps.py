import pytest
from made_up_param_file import NAME, changed, digest, sentences, write

from isotrope.params import points
from isotrope.params.param_file import read_all
from isotrope.plan.indexing import index_of

SWEEP = "sweep: {training.optimizer.learning_rate: [1, 1e-3], model.kernel_size: [3, 7]}\nevaluat"


def test_a_sweep_has_a_point_for_every_combination(param_files):
    write(param_files, changed(("evaluat", SWEEP)))

    (run,) = read_all(param_files)

    assert [point.name for point in run.points] == [
        "kernel_size=3,learning_rate=1.0",
        "kernel_size=3,learning_rate=0.001",
        "kernel_size=7,learning_rate=1.0",
        "kernel_size=7,learning_rate=0.001",
    ]
    assert len({point.digest for point in run.points}) == 4
    assert run.points[-1].digest == digest(param_files)


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ("{model.kernel_sise: [3]}", "sweep.model.kernel_sise: unknown key; did you mean"),
        ("{model.kernel_size: [3, 0]}", "sweep.model.kernel_size: input should be greater"),
        ("{model.kernel_size: []}", "needs at least one value"),
        ("{model.kernel_size: [3, 3]}", "each once only"),
        ("{training.optimizer.learning_rate: [1, 1.0]}", "each once only"),
        ("{model.name: [standard, ensemble]}", "no name"),
        ("{seeds: [1, 2]}", "sweep a setting below dataset, model or training"),
        ("{model.kernel_size: [[3]]}", "cannot name a folder"),
        ('{model.kernel_size: ["3\\n"]}', "a line break in a text"),
        (
            f"{{training.epochs: {[*range(1, 1_002)]}}}",
            "1001 points; a run has 1000 at most, write",
        ),
        (
            f"{{training.epochs: {[*range(1, 1_001)]}, training.batch_size: {[*range(1, 1_001)]}}}",
            "sweep: 1000000 points; a run has 1000 at most",
        ),
        (f"{{{', '.join(f'training.k{i}: [1]' for i in range(21))}}}", "21 keys; a sweep has 20"),
        (
            f"{{training.start_from.file: [{'a' * 96}]}}",
            "sweep: 101 letters in the name of a point; 100 at most",
        ),
        ("{training.start_from.file: [a, A]}", "two points would have the folder 'file=a'"),
        ("{model.kernel_size: [$(touch x)]}", "cannot name a folder"),
        ("{model.kernel_size: [3, 40]}", "does not fit the data set"),
        ("{training.epochs.x: [1]}", "sweep.training.epochs.x: 'epochs' holds no settings"),
    ],
)
def test_a_wrong_sweep_is_refused_at_its_place(param_files, sweep, said):
    write(param_files, changed(("evaluations", f"sweep: {sweep}\nevaluations")))

    found = sentences(param_files)

    assert any(f"{NAME}.yaml:18:" in s and said in s for s in found), found


def test_a_value_that_cannot_name_a_folder_is_not_tried_as_a_setting(param_files):
    write(
        param_files, changed(("evaluations", "sweep: {model.kernel_size: [3, [5]]}\nevaluations"))
    )
    (found,) = sentences(param_files)
    assert found.endswith(
        "sweep.model.kernel_size[1]: [5] cannot name a folder; use a number or a word"
    )


def test_several_mistakes_of_a_sweep_are_said_at_once(param_files):
    sweep = """sweep:
  model.name: [standard, ensemble]
  model.kernel_size: [0, [3], 5]
  model.kernel_sise: [3]
  training.epochs.x: [1]
  training.batch_size: []
select: {seeds: 1-4}
evaluations"""
    write(param_files, changed(("evaluations", sweep)))

    found = sentences(param_files)

    for said in (
        "19:3: sweep.model.name: sweep a setting below dataset, model or training, no name",
        "20:3: sweep.model.kernel_size: input should be greater than",
        "20:26: sweep.model.kernel_size[1]: [3] cannot name a folder",
        "21:3: sweep.model.kernel_sise: unknown key; did you mean 'kernel_size'?",
        "22:3: sweep.training.epochs.x: 'epochs' holds no settings",
        "23:3: sweep.training.batch_size: needs at least one value, and each once only",
        "24:10: select.seeds: 4 stands not among the run's seeds",
    ):
        assert any(s.startswith(f"param-files/{NAME}.yaml:{said}") for s in found), (said, found)


SELECT = "sweep: {model.kernel_size: [3, 5]}\nselect: {seeds: 1-2, ties: first}\nevaluations"


def test_how_to_select_is_read_with_its_defaults(param_files):
    write(param_files, changed(("evaluations", SELECT)))

    (run,) = read_all(param_files)

    assert run.envelope.select.model_dump() == {
        "by": "validation_accuracy",
        "statistic": "median",
        "seeds": [1, 2],
        "ties": "first",
    }
    assert index_of([run]).runs[run.name].seeds_to_train == 2 + 3
    assert [point.digest for point in run.points] == [
        digest(param_files, ("name: standard", f"name: standard\n  kernel_size: {size}"))
        for size in (3, 5)
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "sweep: {model.kernel_size: [3, 5]}\n",
            "",
            "18:1: select: there is no sweep to select from; add `sweep`, or leave this out",
        ),
        ("1-2", "2-5", "19:10: select.seeds: 4, 5 stand not among the run's seeds"),
        ("1-2", "[1, 1]", "19:10: select.seeds: each seed may stand once only"),
        ("first", "frist", "19:22: select.ties: 'frist' is not known; did you mean 'first'?"),
        ("ties: first", "tie: last", "19:22: select.tie: unknown key; did you mean 'ties'?"),
        ("ties: first", "statistic: best", "19:22: select.statistic: 'best' is not known; choose"),
        ("ties: first", "by: test_accuracy", "19:22: select.by: 'test_accuracy' is not known; did"),
        ("seeds: 1-2, ", "", "19:1: select.seeds: missing"),
    ],
)
def test_a_wrong_selection_is_said_with_line_column_and_remedy(param_files, old, new, said):
    write(param_files, changed(("evaluations", SELECT.replace(old, new))))

    found = sentences(param_files)

    assert any(s.startswith(f"param-files/{NAME}.yaml:{said}") for s in found), found


WRONG_SWEEP = """sweep:
  model.kernel_size: [3, 0]
  training.epoch: [1]
"""
SAID_OF_IT = (
    "sweep.model.kernel_size: input should be greater than or equal to 1 (got 0)",
    "sweep.training.epoch: unknown key; did you mean 'epochs'?",
)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("evaluations:", "select: {seeds: 1-2, ties: frist}\nevaluations:", "select.ties: 'frist'"),
        ("evaluations:", "select: {seeds: 1-9}\nevaluations:", "select.seeds: 4, 5, 6, 7, 8, 9"),
        ("seeds: 1-3", "seeds: x", "seeds: write seeds as"),
        ("study: scale\n", "", "study: missing"),
        ("batch_size: 16", "batch_size: 0", "training.batch_size: input should be greater"),
        ("mid2rest", "mid2res", "dataset.scenario: 'mid2res'"),
        ("name: standard", "name: standard\n  kernel_sise: 7", "model.kernel_sise: unknown key"),
        ("evaluations:", "resources: {gpu: -1}\nevaluations:", "resources.gpu: input should be"),
        ("[accuracy,", "[acuracy,", "evaluations[0].name: no evaluation is called 'acuracy'"),
    ],
)
def test_a_mistake_elsewhere_hides_none_in_the_sweep_and_is_said_once(param_files, old, new, said):
    write(param_files, changed((old, new), ("evaluations:", WRONG_SWEEP + "evaluations:")))

    found = [sentence.partition(": ")[2] for sentence in sentences(param_files)]

    assert set(SAID_OF_IT) <= set(found)
    (other,) = set(found) - set(SAID_OF_IT)
    assert other.startswith(said)


def test_a_wrong_block_is_not_blamed_on_the_sweep(param_files):
    write(
        param_files,
        changed(
            ("batch_size: 16", "batch_size: 0"),
            ("evaluations:", "sweep: {training.epochs: [1, 2]}\nevaluations:"),
        ),
    )

    (found,) = sentences(param_files)

    assert "training.batch_size: input should be greater than 0 (got 0)" in found


def test_seeds_are_compared_though_something_else_is_wrong_with_the_selection(param_files):
    wrong = SELECT.replace("first", "frist").replace("1-2", "2-5")
    write(param_files, changed(("evaluations", wrong), ("study: scale\n", "")))

    found = sentences(param_files)

    assert len(found) == 3
    for said in (
        "select.ties: 'frist' is not known",
        "select.seeds: 4, 5 stand ",
        "study: missing",
    ):
        assert any(said in sentence for sentence in found), (said, found)


def test_points_and_evaluations_are_bounded_together(param_files):
    entries = ", ".join(f"{{name: accuracy, as: a{i}}}" for i in range(51))
    sweep = f"sweep: {{training.epochs: {[*range(1, 101)]}}}\nevaluations: [{entries}]"
    write(param_files, changed(("evaluations: [accuracy, scale_generalization]", sweep)))
    (found,) = sentences(param_files)
    assert "sweep: 100 points, each under 51 evaluations, are 5100 results; a run has 5000" in found


def test_packs_of_all_points_are_bounded(param_files):
    sweep = "sweep: {training.epochs: [1, 2]}\nresources: {seeds_per_job: 1}\nevaluations"
    write(param_files, changed(("seeds: 1-3", "seeds: 1-500"), ("evaluations", sweep)))
    assert len(read_all(param_files)) == 1
    write(param_files, changed(("seeds: 1-3", "seeds: 1-501"), ("evaluations", sweep)))
    (found,) = sentences(param_files)
    assert (
        ":2:1: seeds: 1002 packs of seeds; a run has 1000 at most, train more seeds_per_job"
        in found
    )
    select = sweep.replace("resources", "select: {seeds: 1-5}\nresources")
    write(param_files, changed(("seeds: 1-3", "seeds: 1-501"), ("evaluations", select)))
    assert len(read_all(param_files)) == 1, "candidates train few seeds"


def test_no_more_points_are_tried_once_there_are_more_mistakes_than_anybody_reads(
    param_files, monkeypatch
):
    tried = []
    swept = points._swept
    monkeypatch.setattr(points, "_swept", lambda *a: tried.append(a) or swept(*a))
    monkeypatch.setattr(points, "MOST_SAID", 3)
    wrong = ", ".join(str(-i) for i in range(1, 20))
    write(param_files, changed(("evaluat", f"sweep: {{model.kernel_size: [{wrong}]}}\nevaluat")))
    assert len(sentences(param_files)) == len(tried) == 4
