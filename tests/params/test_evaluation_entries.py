"""What an entry of ``evaluations`` may say beside its settings."""

import pytest
from made_up_param_file import GOOD, NAME, changed, sentences, write

from isotrope import registry
from isotrope.params.param_file import Tables, ambiguous_tables, read_all, read_run

OTHER, OWN = "standard/stir_emoji/other", "standard/stir_emoji/own"
SMALL = """
from isotrope.settings import Settings

REVISION = 1
SPLITS = ("train", "valid", "test", "turned")


class Params(Settings):
    side: int = 48
    classes: int = 36


def image_shape(params):
    return (1, params.side, params.side)


def image_shapes(params):
    return {"test": (1, 5, 5)}


def classes(params):
    return params.classes


def image_counts(params):
    return {}


def local_files(params):
    return []


def build(params, folder, key):
    raise NotImplementedError


def load(params, folder, key, split):
    raise NotImplementedError
"""


def entries(text):
    return ("[accuracy, scale_generalization]", f"[{text}]")


def read(folder, text):
    write(folder, changed(entries(text)))
    (run,) = [run for run in read_all(folder) if run.name == NAME]
    return run


def digests(folder, text):
    run = read(folder, text)
    return [one.digest(run.points[0].digest, run.envelope.seeds) for one in run.evaluations]


@pytest.fixture
def small(param_files):
    path = param_files.parent / "plugins" / "data" / "small.py"
    path.parent.mkdir(parents=True)
    path.write_text(SMALL)
    return param_files


def test_another_split_is_another_result_and_the_own_one_is_none(param_files):
    plain, own, other = digests(
        param_files,
        "accuracy, {name: accuracy, as: b, split: test}, {name: accuracy, as: c, split: valid}",
    )
    assert plain == own
    assert plain != other


def test_a_split_that_the_data_set_lacks_is_refused_with_the_nearest(param_files):
    write(param_files, changed(entries("{name: accuracy, split: tests}")))
    (found,) = sentences(param_files)
    assert found == (
        f"param-files/{NAME}.yaml:18:32: evaluations[0].split: stir has no split 'tests'; "
        "did you mean 'test'?"
    )
    write(param_files, changed(entries("{name: accuracy, split: 3}")))
    (found,) = sentences(param_files)
    assert "evaluations[0].split: must be the name of a split (got 3)" in found


def test_resources_make_a_job_of_their_own_and_change_no_digest(param_files):
    plain, alone = digests(
        param_files, "accuracy, {name: accuracy, as: b, resources: {runtime: 3h, memory: 4GB}}"
    )
    assert plain == alone
    run = read(param_files, "accuracy, {name: accuracy, as: b, resources: {runtime: 3h}}")
    assert [one.has_own_job for one in run.evaluations] == [False, True]


def test_mistakes_in_resources_stand_at_their_place(param_files):
    text = "{name: accuracy, resources: {runtime: long, gpus: 2}}"
    write(param_files, changed(entries(text)))
    found = sentences(param_files)
    assert len(found) == 2
    assert any("evaluations[0].resources.runtime: string should match" in one for one in found)
    assert any("resources.gpus: unknown key; did you mean 'gpu'" in one for one in found)


def against(text):
    return entries(f"{{name: accuracy, against: {{{text}}}}}")


def test_a_network_of_another_run_counts_with_its_training_and_seed(param_files):
    write(param_files, GOOD, f"{OTHER}.yaml")
    text = f"accuracy, {{name: accuracy, as: b, against: {{run: {OTHER}}}}}, "
    text += f"{{name: accuracy, as: c, against: {{run: {OTHER}, seed: 2}}}}"
    plain, same, second = digests(param_files, text)
    assert len({plain, same, second}) == 3

    write(param_files, GOOD.replace("epochs: 2", "epochs: 3"), f"{OTHER}.yaml")
    assert digests(param_files, text)[0] == plain
    assert not {same, second} & set(digests(param_files, text))


def test_runs_may_measure_against_each_other_and_against_themselves(param_files):
    write(param_files, changed(against(f"run: {NAME}")), f"{OTHER}.yaml")
    write(param_files, changed(against(f"run: {OTHER}")))
    write(
        param_files,
        changed(against(f"run: {OWN}, seed: 1")),
        f"{OWN}.yaml",
    )
    runs = read_all(param_files)
    assert len(runs) == 3
    assert read_run(param_files / f"{OWN}.yaml", param_files).evaluations[0].other.name.seed == 1


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        (f"run: {OTHER}s", "run", f"no param-file is called '{OTHER}s'; did you mean '{OTHER}'"),
        ("run: ../x/y", "run", "no param-file is called '../x/y'"),
        ("run: wrong/stir_emoji/run", "run", "wrong/stir_emoji/run.yaml has mistakes of its own"),
        (f"run: {OTHER}, point: bas", "point", f"{OTHER} has no point 'bas'; did you mean 'base'?"),
        (f"run: {OTHER}, seed: 7", "seed", f"{OTHER}, base does not train seed 7; add it there"),
        (f"run: {OTHER}, seed: some", "seed", "input should be"),
        (f"seed: 7, runs: {OTHER}", "runs", "unknown key; did you mean 'run'?"),
    ],
)
def test_mistakes_about_another_network_name_line_and_column(param_files, text, place, sentence):
    write(param_files, GOOD, f"{OTHER}.yaml")
    write(param_files, GOOD.replace("epochs", "epoch"), "wrong/stir_emoji/run.yaml")
    path = write(param_files, changed(against(text)))
    found = [one for one in sentences(param_files) if str(path).endswith(one.split(":")[0][12:])]
    assert any(
        one.startswith(f"param-files/{NAME}.yaml:18:")
        and f"against.{place}" in one
        and sentence in one
        for one in found
    ), found


def test_seeds_that_the_other_run_lacks_are_named(param_files):
    write(param_files, GOOD.replace("seeds: 1-3", "seeds: 1-2"), f"{OTHER}.yaml")
    write(param_files, changed(against(f"run: {OTHER}")))
    (found,) = sentences(param_files)
    assert "does not train seed 3; add it there" in found


@pytest.mark.parametrize("side", [48, 64, 80])
def test_data_of_another_image_size_are_taken_where_the_model_takes_them(small, side):
    run = read(small, f"{{name: accuracy, split: turned, dataset: {{name: small, side: {side}}}}}")
    assert run.evaluations[0].split == "turned"


def test_data_that_the_model_cannot_take_are_refused_with_both_sizes(small):
    write(
        small, changed(entries("{name: accuracy, split: turned, dataset: {name: small, side: 5}}"))
    )
    (found,) = sentences(small)
    assert (
        "evaluations[0].dataset: standard, trained on 1 x 64 x 64 images, does not take the "
        "1 x 5 x 5 images of small: "
    ) in found


def test_the_size_of_the_split_counts(small):
    write(small, changed(entries("{name: accuracy, dataset: {name: small}}")))
    (found,) = sentences(small)
    assert "does not take the 1 x 5 x 5 images of small" in found


def test_data_of_another_kind_are_refused(small):
    path = small.parent / "plugins" / "data" / "small.py"
    path.write_text(SMALL.replace("REVISION", 'kind = "segmentation"\nREVISION'))
    write(small, changed(entries("{name: accuracy, split: turned, dataset: {name: small}}")))
    (found,) = sentences(small)
    assert found.endswith("small is for segmentation, the training data for classification")


def test_an_evaluation_of_masks_is_refused_for_classes_of_images(small):
    folder = small.parent / "plugins" / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    source = (registry.PACKAGE / "evaluation" / "accuracy.py").read_text()
    masks = source.replace('kind = "classification"', 'kind = "segmentation"')
    (folder / "of_masks.py").write_text(masks)
    write(small, changed(entries("of_masks")))
    (found,) = sentences(small)
    assert found.endswith(": of_masks is for segmentation, stir for classification")


def test_data_of_other_classes_are_refused(small):
    write(small, changed(entries("{name: accuracy, dataset: {name: small, classes: 3}}")))
    (found,) = sentences(small)
    assert found.endswith("dataset: small has 3 classes, the training data have 36")


@pytest.mark.parametrize(("side", "taken"), [(48, True), (5, False)])
def test_a_split_of_another_size_is_tested_where_the_model_takes_it(small, side, taken):
    path = small.parent / "plugins" / "data" / "small.py"
    shapes = f"def image_shapes(params):\n    return {{'turned': (1, {side}, {side})}}\n"
    path.write_text(f"{SMALL}\n\n{shapes}")
    own = ("  name: stir\n  task: emoji\n  scenario: mid2rest", "  name: small")
    write(small, changed(own, entries("accuracy, {name: accuracy, as: b, split: turned}")))
    if taken:
        assert len(read_all(small)) == 1
    else:
        (found,) = sentences(small)
        assert "evaluations[1]: standard, trained on 1 x 48 x 48 images, does not take" in found


def test_the_code_of_an_evaluation_is_its_own_and_that_of_its_data_and_networks(small):
    given = "{name: accuracy, as: there, split: turned, dataset: {name: small, side: 64}}"
    run = read(small, f"accuracy, {given}")
    point = run.points[0]
    usual, there = (one.plugins(point.tested_plugins) for one in run.evaluations)
    assert set(usual) == {"evaluation/accuracy", *point.tested_plugins}
    assert set(there) == {*usual, "data/small"}


def test_a_measure_of_the_run_depends_on_its_seeds_and_that_of_a_seed_does_not(param_files):
    run = read(param_files, "accuracy, seed_ensemble")
    accuracy, ensemble = run.evaluations
    trained = run.points[0].digest
    assert accuracy.digest(trained, [1, 2]) == accuracy.digest(trained, [1, 2, 3])
    assert ensemble.digest(trained, [1, 2]) != ensemble.digest(trained, [1, 2, 3])


@pytest.mark.parametrize("alias", ["Big", "a-b", "", "a" * 101, "runs", "accuracy_costs"])
def test_a_name_that_no_table_can_have_is_refused_with_what_it_may_be(param_files, alias):
    write(param_files, changed(entries(f"{{name: accuracy, as: '{alias}'}}")))
    (sentence,) = sentences(param_files)
    assert f"'{alias}' cannot name a table; use up to" in sentence


def tables(run, **evaluations):
    return Tables(f"param-files/{run}.yaml", run, "scale", evaluations)


def test_of_several_meanings_of_a_table_that_of_most_runs_counts():
    first = tables("a/b/one", accuracy={"n": 1}, size={"n": 1})
    others = [tables(f"a/b/{name}", accuracy={"n": 2}) for name in ("two", "three")]
    ((path, said),) = ambiguous_tables([first, *others])
    assert path == first.path
    assert said == (
        "param-files/a/b/one.yaml: the table 'accuracy' of scale is another evaluation in a/b/two, "
        "or has other settings there; tell them apart with 'as'"
    )
    ((path, _),) = ambiguous_tables(others[:1], [first])
    assert path == first.path, "a file with mistakes decides nothing"
    doubtful = [tables("a/b/x", size={"n": 3}), tables("a/b/y", size={"n": 4})]
    assert [path for path, _ in ambiguous_tables(others, doubtful)] == ["param-files/a/b/y.yaml"]
    elsewhere = Tables("param-files/c/d/e.yaml", "c/d/e", "shift", {"accuracy": {"n": 9}})
    assert list(ambiguous_tables([elsewhere, *others])) == []
