import pytest
import yaml
from made_up_param_file import NAME, changed, sentences, write

from isotrope import registry
from isotrope.params import networks
from isotrope.params.param_file import read_run


@pytest.mark.parametrize("entry", ["3", "[accuracy]", "null"])
def test_what_is_no_evaluation_is_said_in_the_words_of_param_files(param_files, entry):
    write(param_files, changed(("[accuracy, scale", f"[{entry}, scale")))

    (found,) = sentences(param_files)

    assert "18:15: evaluations[0]: must be a name or a block {name, as, dataset" in found


def test_a_data_set_that_lacks_the_models_channels_is_refused_before_training(
    param_files, monkeypatch
):
    def build(params, image_shape, classes):
        raise ValueError(f"the network takes 3 channels, the images have {image_shape[0]}")

    monkeypatch.setattr(registry.load("models", "standard"), "build", build)
    monkeypatch.setattr(networks, "_found_in", networks._found_in.__wrapped__)
    write(param_files)

    (found,) = sentences(param_files)

    assert found == (
        f"param-files/{NAME}.yaml:9:1: model: does not fit the data set (stir has 1 x 64 x 64 "
        "images): the network takes 3 channels, the images have 1"
    )


def test_a_setting_that_a_model_refuses_is_told_where_it_stands(param_files):
    dataset = {"name": "mnist", "source": "digits8"}
    model = {"name": "deep_lp", "tau_min": 2, "tau_max": 1}
    text = changed(("[accuracy, scale_generalization]", "[accuracy]"))
    blocks = yaml.safe_load(text) | {"dataset": dataset, "model": model}
    write(param_files, yaml.safe_dump(blocks, sort_keys=False), "deep_lp/mnist/mine.yaml")

    (found,) = sentences(param_files)

    assert found == (
        "param-files/deep_lp/mnist/mine.yaml:8:3: model.tau_min: need 0 < tau_min < tau_max, "
        "got tau_min=2.0 and tau_max=1.0 (mnist has 1 x 28 x 28 images)"
    )


def test_an_evaluation_that_the_model_cannot_serve_is_refused_with_the_parts_it_has(
    param_files, monkeypatch
):
    known = registry.literals(registry.source("evaluation", "accuracy"))
    monkeypatch.setitem(known, "NEEDS", {"pool1"})
    write(param_files)

    (found,) = sentences(param_files)

    assert found == (
        f"param-files/{NAME}.yaml:18:15: evaluations[0]: accuracy needs pool1, which standard does "
        "not have (its parts: features, stage1, stage2)"
    )


def test_an_evaluation_that_asks_what_the_networks_cannot_be_asked_is_refused(param_files):
    write(param_files, changed(("[accuracy, scale_generalization]", "[accuracy, glimpses]")))

    (found,) = sentences(param_files)

    assert found.startswith(f"param-files/{NAME}.yaml:18:")
    assert found.endswith(
        "evaluations[1]: glimpses calls look, which standard does not have (models that do: ram, "
        "ram_lpm)"
    )


def test_an_evaluation_whose_split_the_data_set_does_not_have_is_refused(param_files, monkeypatch):
    known = registry.literals(registry.source("evaluation", "scale_generalization"))
    monkeypatch.setitem(known, "SPLIT", "turned")
    write(param_files)

    (found,) = sentences(param_files)

    assert found.endswith("scale_generalization needs the split turned, which stir does not have")


def test_misfits_are_said_beside_mistakes_in_other_blocks(param_files, monkeypatch):
    known = registry.literals(registry.source("evaluation", "accuracy"))
    monkeypatch.setitem(known, "NEEDS", {"pool1"})
    large = ("name: standard", "name: standard\n  kernel_size: 40")
    write(param_files, changed(large, ("epochs: 2", "epochs: 0"), ("seeds: 1-3", "seeds: x")))

    found = sentences(param_files)

    assert len(found) == 4
    for said in (
        "model: does not fit",
        "accuracy needs pool1",
        "training.epochs: ",
        "seeds: write",
    ):
        assert any(said in sentence for sentence in found), (said, found)


def test_a_split_that_is_not_there_is_said_though_the_model_is_wrong(param_files, monkeypatch):
    known = registry.literals(registry.source("evaluation", "accuracy"))
    monkeypatch.setitem(known, "SPLIT", "turned")
    write(param_files, changed(("name: standard", "name: standart")))

    found = sentences(param_files)

    assert len(found) == 2
    assert any("needs the split turned, which stir does not have" in one for one in found)


def test_two_tables_of_one_name_are_said_though_one_evaluation_is_wrong(param_files):
    write(param_files, changed(("[accuracy,", "[{name: accuracy, top: 1}, accuracy,")))

    found = sentences(param_files)

    assert len(found) == 2
    assert any("evaluations[1]: 'accuracy' stands twice" in one for one in found)


def test_a_table_of_two_meanings_is_said_beside_other_mistakes(param_files):
    write(param_files, changed(("[accuracy,", "[{name: accuracy, as: top},")))
    other = changed(
        ("[accuracy, scale_generalization]", "[{name: scale_generalization, as: top}]"),
        ("epochs: 2", "epochs: 0"),
    )
    write(param_files, other, "standard/stir_emoji/other.yaml")

    found = sentences(param_files)

    assert len(found) == 2
    assert any("other.yaml: the table 'top' of scale is another" in one for one in found)


def test_settings_of_a_model_may_be_lists(param_files):
    dataset = "{name: mnist, source: digits8}"
    model = "{name: deep_lp, channels: [4, 4], kernel_sizes: [3, [3, 5]], widths: [4], topk: 0}"
    path = "deep_lp/mnist/lists.yaml"
    text = changed(("evaluations: [accuracy, scale_generalization]", "evaluations: [accuracy]"))
    blocks = yaml.safe_load(text) | {"dataset": yaml.safe_load(dataset)}
    write(param_files, yaml.safe_dump(blocks | {"model": yaml.safe_load(model)}), path)

    params = read_run(param_files / path, param_files).points[0].model.params
    assert params.kernel_sizes == [3, [3, 5]]
    assert hash(params) == hash(params.model_copy())


def test_a_word_that_is_missing_is_told_with_the_words_that_it_may_be(param_files):
    text = changed(
        ("  task: emoji\n  scenario: mid2rest\n", ""),
        ("name: stir", "name: mnist"),
        ("[accuracy, scale_generalization]", "[accuracy]"),
    )
    write(param_files, text)

    (found,) = sentences(param_files)

    assert found.endswith("4:1: dataset.source: missing; choose from digits8, download, local")
