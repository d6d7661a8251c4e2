import pytest
from made_up_param_file import GOOD, NAME, changed, sentences, write


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seeds:", "seed:", "2:1: seed: unknown key; did you mean 'seeds'"),
        ("  epochs: 2", "  epoch: 2", "13:3: training.epoch: unknown key; did you mean 'epochs'?"),
        (
            "name: standard",
            "name: standard\n  kernel_sise: 7",
            "11:3: model.kernel_sise: unknown key; did you mean 'kernel_size'?",
        ),
        (
            "patience: 10",
            "patienc: 10",
            "16:20: training.early_stopping.patienc: unknown key; did you mean 'patience'?",
        ),
        (
            "epochs: 2",
            "epochs: 0",
            "13:3: training.epochs: input should be greater than 0 (got 0)",
        ),
        ("epochs: 2", "epochs: '2'", "13:3: training.epochs: input should be a valid integer"),
        (
            "1e-3",
            ".inf",
            "15:27: training.optimizer.learning_rate: input should be a finite number",
        ),
        ("1e-3", "-1", "15:27: training.optimizer.learning_rate: input should be greater than 0"),
        ("name: adam", "name: adm", "15:15: training.optimizer.name: 'adm' is not known, so"),
        ("{name: adam, ", "{", "15:3: training.optimizer.name: missing; choose from adam, adamw,"),
        (
            "name: adam",
            "name: 5",
            "15:15: training.optimizer.name: must be one of adam, adamw, sgd",
        ),
        (
            "name: adam, ",
            "name: adam, beta: 1, ",
            "15:27: training.optimizer.beta: unknown key; did",
        ),
        (
            "name: adam, ",
            "name: adam, betas: [1, 0.9], ",
            "15:35: training.optimizer.betas[0]: input should be less than 1 (got 1)",
        ),
        (
            "{name: adam, learning_rate: 1e-3}",
            "sgd",
            "15:3: training.optimizer: must be a block {name, ...settings} (got 'sgd')",
        ),
        (
            "1e-3",
            "1e-3, groups: {filters: {peek: 1}}",
            "15:67: training.optimizer.groups.filters.peek: unknown key; did you mean 'peak'?",
        ),
        (
            "1e-3",
            "1e-3, groups: {filters: {weight_decay: -1}}",
            "15:67: training.optimizer.groups.filters.weight_decay: input should be greater than",
        ),
        (
            "1e-3",
            "1e-3, groups: {filters: {peak: 1}}",
            "15:3: training.optimizer: the group 'filters' has a peak, which only the schedules",
        ),
        (
            "1e-3",
            "1e-3, schedule: {name: stp}",
            "15:59: training.optimizer.schedule.name: 'stp' is not known; did you mean 'step'?",
        ),
        (
            "1e-3",
            "1e-3, schedule: {every: 2}",
            "15:48: training.optimizer.schedule.name: missing; choose from cosine, cyclic",
        ),
        (
            "1e-3",
            "1e-3, schedule: {name: step, factor: 0.5}",
            "15:48: training.optimizer.schedule.every: missing",
        ),
        (
            "1e-3",
            "1e-3, schedule: {name: cosine, factor: 0.5}",
            "15:73: training.optimizer.schedule.factor: unknown key; choose from final, name",
        ),
        (
            "1e-3",
            "1e-3, schedule: {name: multi_step, milestones: [8, 1]}",
            "15:77: training.optimizer.schedule.milestones: each milestone must be later than",
        ),
        (
            "1e-3",
            "1e-3, schedule: {name: one_cycle, anneal_strategy: cosine}",
            "15:76: training.optimizer.schedule.anneal_strategy: 'cosine' is not known; did you",
        ),
        (
            "{name: adam, learning_rate: 1e-3}",
            "{name: sgd, learning_rate: 1e-3, nesterov: true}",
            "15:3: training.optimizer: nesterov needs a momentum above 0",
        ),
        (
            "epochs: 2",
            "epochs: 2\n  keep: last",
            "12:1: training: early_stopping keeps the best epoch; leave out `keep: last`, or it",
        ),
        (
            "1e-3",
            "1e-3, warm_up: {start: 0.5}",
            "15:48: training.optimizer.warm_up: needs either 'steps' or 'epochs'",
        ),
        (
            "1e-3",
            "1e-3, warm_up: {epochs: 2}",
            "12:1: training: the warm-up takes all of the 2 epochs; shorten it",
        ),
        (
            "name: standard",
            "name: standart",
            "10:3: model.name: no model is called 'standart'; did you mean 'standard'?",
        ),
        (
            "name: stir",
            "name: star",
            "5:3: dataset.name: no data set is called 'star'; did you mean 'stir'?",
        ),
        ("  name: stir\n", "", "4:1: dataset.name: missing"),
        ("mid2rest", "mid2res", "7:3: dataset.scenario: 'mid2res' is not known; did you mean"),
        (
            "[accuracy,",
            "[acuracy,",
            "18:15: evaluations[0].name: no evaluation is called 'acuracy'; did you mean",
        ),
        ("[accuracy,", "[accuracy, accuracy,", "18:25: evaluations[1]: 'accuracy' stands twice"),
        (
            "[accuracy,",
            "[{name: accuracy, as: Top 1},",
            "18:32: evaluations[0].as: 'Top 1' cannot name a table",
        ),
        (
            "[accuracy,",
            "[{name: shift_consistency, protocols: [each, eech]},",
            "18:59: evaluations[0].protocols[1]: 'eech' is not known; did you mean 'each'?",
        ),
        (
            "[accuracy,",
            "[{name: shift_consistency, protocols: fiting},",
            "18:41: evaluations[0].protocols: 'fiting' is not known; did you mean 'fitting'?",
        ),
        (
            "name: standard",
            "name: shift_resnet\n  downsampling: strided\n  indivisible: wrap",
            "12:3: model.indivisible: has no effect without downsampling: aps or lps; take",
        ),
        ("seeds: 1-3", "seeds: 3-1", "2:1: seeds: the range of seeds 3-1 is empty"),
        ("seeds: 1-3", "seeds: 999999-1000001", "2:1: seeds: a range of seeds ends at 1000000"),
        ("seeds: 1-3", "seeds: [1, 1]", "2:1: seeds: each seed may stand once only"),
        (
            "[accuracy, scale_generalization]",
            "[accuracy]\nresources: {stack: 0}",
            "19:13: resources.stack: write auto or a whole number from 1 to 10000 (got 0)",
        ),
        ("seeds: 1-3", "seeds: 0-3", "2:1: seeds[0]: input should be greater than or equal to 1"),
        ("seeds: 1-3", "seeds: one", "2:1: seeds: write seeds as 1-5"),
        ("seeds: 1-3", "seeds: \uff11-\uff13", "2:1: seeds: write seeds as 1-5"),
        ("seeds: 1-3", "seeds: \u0661-\u0663", "2:1: seeds: write seeds as 1-5"),
        ("seeds: 1-3", f"seeds: 1-{'9' * 900}", "2:1: seeds: write seeds as 1-5"),
        ("seeds: 1-3", "seeds: 1-10001", "2:1: seeds: 10001 seeds; a run has 10000 at most"),
        ("seeds: 1-3", f"seeds: [{','.join(map(str, range(1, 10_002)))}]", "2:1: seeds: 10001"),
        ("study: scale", f"study: {'x' * 41}", "1:1: study: string should have at most 40"),
        ("[accuracy,", '[{name: accuracy, as: ""},', "18:32: evaluations[0].as: '' cannot name"),
        ("[accuracy,", f"[{{name: accuracy, as: {'a' * 41}}},", "18:32: evaluations[0].as: 'aaa"),
        ("[accuracy,", "[{name: accuracy, as: examples},", "18:32: evaluations[0].as: 'examples'"),
        ("[accuracy,", "[{name: accuracy, as: my_costs},", "18:32: evaluations[0].as: 'my_costs'"),
        ("[accuracy,", "[{name: accuracy, as: [x]},", "18:32: evaluations[0].as: '['x']' cannot"),
        (
            "[accuracy,",
            f"[{','.join(f'{{name: accuracy, as: a{i}}}' for i in range(101))}, ",
            "18:1: evaluations: list should have at most 100 items",
        ),
        (
            "[accuracy,",
            f"[{{name: accuracy, as: x, against: {{run: a/b/{'c' * 300}}}}},",
            "18:49: evaluations[0].against.run: no param-file is called 'a/b/ccc",
        ),
        ("task: emoji", "task: mnist", "4:1: dataset.source: task mnist is not embedded; write"),
        ("study: scale\n", "", "1:1: study: missing"),
        ("study: scale", "study: Scale!", "1:1: study: string should match pattern"),
        (
            "name: standard",
            "name: standard\n  kernel_size: 40",
            "9:1: model: does not fit the data set (stir has 1 x 64 x 64 images):",
        ),
        (
            "name: standard",
            "name: ensemble",
            "10:3: model.name: 'ensemble', but the file lies in the folder 'standard'; move it",
        ),
        ("evaluations: [accuracy, scale_generalization]", "evaluations: []", "18:1: evaluations:"),
        ("training:\n", "training:\n\t", "13:1: a tab; indent with spaces"),
        ("seeds: 1-3", "seeds: 1-3\nseeds: 1-3", "3:1: seeds: duplicate key; first given at 2:1"),
    ],
)
def test_a_mistake_is_said_with_line_column_and_remedy(param_files, old, new, said):
    write(param_files, changed((old, new)))

    found = sentences(param_files)

    assert any(s.startswith(f"param-files/{NAME}.yaml:{said}") for s in found), found


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("name: shift_consistency, protocols: [each, eech]", "protocols[1]: 'eech' is not known"),
        ("name: adversarial, eps: [0]", "eps: each eps must be greater than 0"),
        ("name: adversarial, eps: [8]", "eps: must be at most 1 in linf, got 8; images are in 0"),
    ],
)
def test_of_a_value_of_several_types_the_one_that_was_meant_is_complained_about(
    param_files, wrong, said
):
    write(param_files, changed(("[accuracy,", f"[{{{wrong}}},")))

    found = sentences(param_files)

    assert len(found) == 1, found
    assert said in found[0]
    assert "fitting" not in found[0]


def test_of_a_block_with_a_wrong_name_is_said_that_its_keys_are_checked_later(param_files):
    write(param_files, changed(("name: adam", "name: adm"), ("1e-3", "-1")))

    (found,) = sentences(param_files)

    said = "'adm' is not known, so that its other keys are not checked yet; did you mean 'adam'"
    assert f"training.optimizer.name: {said}" in found


def test_a_value_that_cannot_be_read_is_one_mistake(param_files):
    write(
        param_files, changed(("epochs: 2", f"epochs: {'9' * 400}"), ("name: stir", 'name: "\\0"'))
    )

    number, sign = sorted(sentences(param_files))

    assert f"param-files/{NAME}.yaml:13:11: 9999" in number
    assert r":5:9: the sign \x00 in a text" in sign


def test_many_and_long_mistakes_are_said_in_a_message_that_one_reads(param_files):
    write(param_files, GOOD + "".join(f"key_{i}: {{}}\n" for i in range(3_000)))
    found = sentences(param_files)
    assert len("\n".join(found)) < 2_000
    assert all(one.startswith(f"param-files/{NAME}.yaml:") for one in found)
    assert "more mistakes; mend these first" in found[-1]

    write(param_files, changed(("name: stir", f"name: {'x' * 900}")))
    (found,) = sentences(param_files)
    assert len(found) <= 400 + len("param-files/")


def test_of_many_seeds_the_first_are_named(param_files):
    sweep = "sweep: {training.epochs: [1, 2]}\nselect: {seeds: 2-9999}\nevaluations"
    write(param_files, changed(("evaluations", sweep)))
    (found,) = sentences(param_files)
    said = "select.seeds: 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 and 9986 more stand not among the run's"
    assert said in found


def test_all_mistakes_of_all_files_are_said_at_once(param_files):
    write(param_files, changed(("epochs: 2", "epochs: 0"), ("name: adam", "name: adm")))
    write(param_files, changed(("seeds: 1-3", "seeds: x")), "standard/stir_emoji/other.yaml")
    write(param_files, "", "standard/stir_emoji/empty.yaml")

    found = sentences(param_files)

    assert len(found) == 4
    assert {s.split(":")[0].rpartition("/")[2] for s in found} == {
        "mine.yaml",
        "other.yaml",
        "empty.yaml",
    }
