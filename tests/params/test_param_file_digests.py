import pytest
from made_up_param_file import changed, digest, write

from isotrope.params.param_file import read_all


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
def test_what_changes_no_weight_changes_no_training_digest(param_files, old, new):
    assert digest(param_files, (old, new)) == digest(param_files)


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
def test_what_changes_weights_changes_the_training_digest(param_files, old, new):
    assert digest(param_files, (old, new)) != digest(param_files)


def test_an_evaluation_digest_follows_its_settings_data_and_training(param_files):
    def digests(*pairs):
        write(param_files, changed(*pairs))
        (run,) = read_all(param_files)
        return {one.alias: one.digest(run.points[0].digest) for one in run.evaluations}

    first = digests()
    assert first["accuracy"] != first["scale_generalization"]
    assert digests(("1e-3", "1e-2"))["accuracy"] != first["accuracy"]
    data = "[{name: accuracy, dataset: {name: stir, task: emoji, scenario: %s}},"
    own = [digests(("[accuracy,", data % one))["accuracy"] for one in ("all2all", "small2large")]
    assert len({first["accuracy"], *own}) == 3, "what it is given, and with which settings"
    assert digests(("[accuracy,", "[{name: accuracy, as: top1},"))["top1"] == first["accuracy"]
