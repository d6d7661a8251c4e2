"""Evaluations of all seeds together, where each seed has training images of its own."""

import pytest
import yaml
from made_up_param_file import changed, sentences, write

from isotrope.params.param_file import read_all

RUN = "scattering_linear/textures3/mine.yaml"


def write_run(folder, seeds, dataset, sweep=None, name="textures3"):
    blocks = yaml.safe_load(changed(("[accuracy, scale_generalization]", "[seed_ensemble]")))
    blocks |= {"seeds": seeds, "dataset": {"name": name, **dataset}}
    blocks["model"] = {"name": "scattering_linear"}
    if name != "textures3":  # there, all images validate none
        del blocks["training"]["early_stopping"]
        blocks["training"]["keep"] = "last"
    if sweep:
        blocks["sweep"] = sweep
    write(folder, yaml.safe_dump(blocks, sort_keys=False), RUN)


def test_an_ensemble_of_seeds_with_images_of_their_own_is_refused_before_training(param_files):
    write_run(param_files, "1-2", {"source": "embedded", "samples": 30})

    (found,) = sentences(param_files)

    assert "evaluations[0]: seed_ensemble takes all seeds together" in found
    assert "dataset.subset_seed" in found


@pytest.mark.parametrize("samples", ["all", 50_000])
@pytest.mark.parametrize("name", ["cifar10", "cifair10"])
def test_all_images_are_one_set_however_they_are_asked_for(param_files, name, samples):
    write_run(param_files, "1-2", {"source": "local", "samples": samples}, name=name)

    (run,) = read_all(param_files)
    assert [one.name for one in run.evaluations] == ["seed_ensemble"]


@pytest.mark.parametrize(
    ("seeds", "dataset", "sweep"),
    [
        ([1], {"samples": 30}, None),
        ("1-2", {"samples": "all"}, None),
        ("1-2", {"samples": 30, "subset_seed": 5}, None),
        ("1-2", {"samples": 30}, {"dataset.subset_seed": [5, 6]}),
    ],
)
def test_an_ensemble_of_one_set_of_images_is_taken(param_files, seeds, dataset, sweep):
    write_run(param_files, seeds, {"source": "embedded", **dataset}, sweep)

    (run,) = read_all(param_files)
    assert [one.name for one in run.evaluations] == ["seed_ensemble"]
