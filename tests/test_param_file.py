import pytest

from isotrope import blocks, registry
from isotrope.errors import UserError
from isotrope.param_file import find, read_all, read_run

GOOD = """\
study: scale
seeds: 1-3

dataset:
  name: stir
  task: emoji
  scenario: mid2rest

model:
  name: standard

training:
  epochs: 2
  batch_size: 16
  optimizer: {name: adam, learning_rate: 1e-3}
  early_stopping: {patience: 10}

evaluations: [accuracy, scale_generalization]
"""
NAME = "standard/stir_emoji/mine"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "param-files"


def write(folder, text=GOOD, name=NAME + ".yaml"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def sentences(folder):
    with pytest.raises(UserError) as error:
        read_all(folder)
    return [s.replace(str(folder), "param-files") for s in error.value.sentences]


def changed(*pairs):
    text = GOOD
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


def test_a_param_file_is_read_with_its_name_and_defaults(folder):
    write(folder)

    (run,) = read_all(folder)

    assert run.name == NAME
    assert run.envelope.seeds == [1, 2, 3]
    assert run.envelope.series == "own"
    assert run.label == "standard"
    assert [point.name for point in run.points] == ["base"]
    assert run.points[0].settings()["model"] == {"name": "standard", "kernel_size": 7}
    assert [one.alias for one in run.evaluations] == ["accuracy", "scale_generalization"]


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
        ("name: adam", "name: adm", "15:15: training.optimizer.name: 'adm' is not known; did you"),
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
        ("seeds: 1-3", "seeds: 3-1", "2:1: seeds: the range of seeds 3-1 is empty"),
        ("seeds: 1-3", "seeds: [1, 1]", "2:1: seeds: each seed may stand once only"),
        ("seeds: 1-3", "seeds: 0-3", "2:1: seeds[0]: input should be greater than or equal to 1"),
        ("seeds: 1-3", "seeds: one", "2:1: seeds: write seeds as 1-5"),
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
def test_a_mistake_is_said_with_line_column_and_remedy(folder, old, new, said):
    write(folder, changed((old, new)))

    found = sentences(folder)

    assert any(s.startswith(f"param-files/{NAME}.yaml:{said}") for s in found), found


def test_all_mistakes_of_all_files_are_said_at_once(folder):
    write(folder, changed(("epochs: 2", "epochs: 0"), ("name: adam", "name: adm")))
    write(folder, changed(("seeds: 1-3", "seeds: x")), "standard/stir_emoji/other.yaml")
    write(folder, "", "standard/stir_emoji/empty.yaml")

    found = sentences(folder)

    assert len(found) == 4
    assert {s.split(":")[0].rpartition("/")[2] for s in found} == {
        "mine.yaml",
        "other.yaml",
        "empty.yaml",
    }


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("standard/mine.yaml", "a param-file lies at"),
        ("standard/stir/deeper/mine.yaml", "a param-file lies at"),
        ("standard/stir emoji/mine.yaml", "'stir emoji' in its path"),
        ("standard/stir_emoji/mine.yml", "the name of a param-file ends in .yaml"),
    ],
)
def test_a_file_outside_the_folder_shape_is_refused(folder, name, said):
    write(folder, name=name)

    (found,) = sentences(folder)

    assert found.startswith(f"param-files/{name}: ")
    assert said in found


@pytest.mark.parametrize("other", ["mine.yml", "Mine.yaml"])
def test_names_that_differ_in_case_or_ending_only_are_refused(folder, other):
    write(folder)
    write(folder, name=f"standard/stir_emoji/{other}")

    (found,) = sentences(folder)

    assert "differs from" in found


def test_hidden_files_and_other_endings_are_nobodys(folder):
    write(folder)
    write(folder, "x", "standard/stir_emoji/.mine.yaml")
    write(folder, "x", "standard/stir_emoji/README.md")

    assert [path.name for path in find(folder)[0]] == ["mine.yaml"]


def test_bytes_that_are_no_text_are_refused(folder):
    write(folder).write_bytes(b"study: \xff\xfe")

    assert sentences(folder) == [f"param-files/{NAME}.yaml: not UTF-8 text"]


def test_a_file_that_is_not_there_is_said(folder):
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_run(folder / f"{NAME}.yaml", folder)


def digest(folder, *pairs):
    write(folder, changed(*pairs))
    (run,) = read_all(folder)
    return run.points[0].digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("study: scale", "# a comment\nstudy: scale"),
        ("study: scale", "study: other\nseries: demo\nlabel: Name"),
        ("seeds: 1-3", "seeds: 1-50"),
        ("1e-3", "0.001"),
        ("name: standard", "kernel_size: 7\n  name: standard"),
        ("[accuracy, scale_generalization]", "[accuracy]\nresources: {gpu: 0, runtime: 9h}"),
        ("task: emoji", "source: embedded\n  task: emoji"),
    ],
)
def test_what_changes_no_weight_changes_no_training_digest(folder, old, new):
    assert digest(folder, (old, new)) == digest(folder)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("mid2rest", "all2all"),
        ("name: standard", "name: standard\n  kernel_size: 5"),
        ("1e-3", "1e-2"),
        ("epochs: 2", "epochs: 3"),
        ("patience: 10", "patience: 11"),
        ("batch_size: 16", "batch_size: 16\n  reshuffle: true"),
    ],
)
def test_what_changes_weights_changes_the_training_digest(folder, old, new):
    assert digest(folder, (old, new)) != digest(folder)


def test_an_evaluation_digest_follows_its_settings_data_and_training(folder):
    def digests(*pairs):
        write(folder, changed(*pairs))
        (run,) = read_all(folder)
        return {one.alias: one.digest(run.points[0].digest) for one in run.evaluations}

    first = digests()
    assert first["accuracy"] != first["scale_generalization"]
    assert digests(("1e-3", "1e-2"))["accuracy"] != first["accuracy"]
    text = "[{name: accuracy, dataset: {name: stir, task: emoji, scenario: all2all}},"
    assert digests(("[accuracy,", text))["accuracy"] != first["accuracy"]
    assert digests(("[accuracy,", "[{name: accuracy, as: top1},"))["top1"] == first["accuracy"]


SWEEP = "sweep: {training.optimizer.learning_rate: [1, 1e-3], model.kernel_size: [3, 7]}\nevaluat"


def test_a_sweep_has_a_point_for_every_combination(folder):
    write(folder, changed(("evaluat", SWEEP)))

    (run,) = read_all(folder)

    assert [point.name for point in run.points] == [
        "kernel_size=3,learning_rate=1.0",
        "kernel_size=3,learning_rate=0.001",
        "kernel_size=7,learning_rate=1.0",
        "kernel_size=7,learning_rate=0.001",
    ]
    assert len({point.digest for point in run.points}) == 4
    assert run.points[-1].digest == digest(folder)


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
        ("{model.kernel_size: [3, 40]}", "does not fit the data set"),
        ("{training.epochs.x: [1]}", "sweep.training.epochs.x: 'epochs' holds no settings"),
    ],
)
def test_a_wrong_sweep_is_refused_at_its_place(folder, sweep, said):
    write(folder, changed(("evaluations", f"sweep: {sweep}\nevaluations")))

    found = sentences(folder)

    assert any(f"{NAME}.yaml:18:" in s and said in s for s in found), found


def test_several_mistakes_of_a_sweep_are_said_at_once(folder):
    sweep = """sweep:
  model.name: [standard, ensemble]
  model.kernel_size: [0, [3], 5]
  model.kernel_sise: [3]
  training.epochs.x: [1]
  training.batch_size: []
select: {seeds: 1-4}
evaluations"""
    write(folder, changed(("evaluations", sweep)))

    found = sentences(folder)

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


def test_how_to_select_is_read_with_its_defaults(folder):
    write(folder, changed(("evaluations", SELECT)))

    (run,) = read_all(folder)

    assert run.envelope.select.model_dump() == {
        "by": "validation_accuracy",
        "statistic": "median",
        "seeds": [1, 2],
        "ties": "first",
    }
    assert run.seeds_to_train == 2 + 3
    assert [point.digest for point in run.points] == [
        digest(folder, ("name: standard", f"name: standard\n  kernel_size: {size}"))
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
        ("1-2", "2-5", "19:10: select.seeds: 4, 5 stands not among the run's seeds"),
        ("1-2", "[1, 1]", "19:10: select.seeds: each seed may stand once only"),
        ("first", "frist", "19:22: select.ties: 'frist' is not known; did you mean 'first'?"),
        ("ties: first", "tie: last", "19:22: select.tie: unknown key; did you mean 'ties'?"),
        ("ties: first", "statistic: best", "19:22: select.statistic: 'best' is not known; choose"),
        ("ties: first", "by: test_accuracy", "19:22: select.by: 'test_accuracy' is not known; did"),
        ("seeds: 1-2, ", "", "19:1: select.seeds: missing"),
    ],
)
def test_a_wrong_selection_is_said_with_line_column_and_remedy(folder, old, new, said):
    write(folder, changed(("evaluations", SELECT.replace(old, new))))

    found = sentences(folder)

    assert any(s.startswith(f"param-files/{NAME}.yaml:{said}") for s in found), found


@pytest.mark.parametrize("entry", ["3", "[accuracy]", "null"])
def test_what_is_no_evaluation_is_said_in_the_words_of_param_files(folder, entry):
    write(folder, changed(("[accuracy, scale", f"[{entry}, scale")))

    (found,) = sentences(folder)

    assert "18:15: evaluations[0]: must be a name or a block {name, as, dataset" in found


def test_a_data_set_that_lacks_the_models_channels_is_refused_before_training(folder, monkeypatch):
    def build(params, image_shape, classes):
        raise ValueError(f"the network takes 3 channels, the images have {image_shape[0]}")

    monkeypatch.setattr(registry.load("models", "standard"), "build", build)
    monkeypatch.setattr(blocks, "_misfit", blocks._misfit.__wrapped__)
    write(folder)

    (found,) = sentences(folder)

    assert found == (
        f"param-files/{NAME}.yaml:9:1: model: does not fit the data set (stir has 1 x 64 x 64 "
        "images): the network takes 3 channels, the images have 1"
    )


def test_an_evaluation_that_the_model_cannot_serve_is_refused_with_the_parts_it_has(
    folder, monkeypatch
):
    known = registry.literals(registry.source("evaluation", "accuracy"))
    monkeypatch.setitem(known, "NEEDS", {"pool1"})
    write(folder)

    (found,) = sentences(folder)

    assert found == (
        f"param-files/{NAME}.yaml:18:15: evaluations[0]: accuracy needs pool1, which standard does "
        "not have (its parts: features, stage1, stage2)"
    )


def test_an_evaluation_whose_split_the_data_set_does_not_have_is_refused(folder, monkeypatch):
    known = registry.literals(registry.source("evaluation", "scale_generalization"))
    monkeypatch.setitem(known, "SPLIT", "turned")
    write(folder)

    (found,) = sentences(folder)

    assert found.endswith("scale_generalization needs the split turned, which stir does not have")


def test_one_table_of_a_group_has_one_meaning(folder):
    write(folder, changed(("[accuracy,", "[{name: accuracy, as: top},")))
    other = changed(("[accuracy, scale_generalization]", "[{name: scale_generalization, as: top}]"))
    write(folder, other, "standard/stir_emoji/other.yaml")

    (found,) = sentences(folder)

    assert found == (
        "param-files/standard/stir_emoji/other.yaml: the table 'top' of scale is another "
        f"evaluation in {NAME}, or has other settings there; tell them apart with 'as'"
    )
