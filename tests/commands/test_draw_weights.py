"""`isotrope draw FIGURE --weights A B`: figures of folders of weights, no tables of a study."""

import sys

import numpy
import pandas
import pytest
from toy_runs import silent, toy_training

from isotrope import cli, paths
from isotrope.data import digits8
from isotrope.datasets.building import build_dataset
from isotrope.measuring.networks import Networks
from isotrope.params import modelling
from isotrope.training.pack import train_pack
from isotrope.training.task import TrainingTask


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with two trained packs on digits: of two seeds, and of one wider network."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        data = digits8.Params(size=12)
        build_dataset("digits8", data, "d" * 16)
        for name, size, seeds in (("narrow", 3, [1, 2]), ("wide", 5, [1])):
            model = modelling.settings_of("standard").model_validate({"kernel_size": size})
            task = TrainingTask(
                run=f"standard/digits8/{name}",
                point="base",
                pack=f"1-{len(seeds)}",
                seeds=seeds,
                model_name="standard",
                model_params=model,
                dataset_name="digits8",
                dataset_params=data,
                training=toy_training(epochs=1, batch_size=512),
                training_digest=name.rjust(16, "0"),
                settings={"training": {"epochs": 1}, "model": {"kernel_size": size}},
                device="cpu",
                threads=1,
            )
            train_pack(task, silent())
    return folder


@pytest.fixture
def draw(project, monkeypatch, capsys):
    """Run ``isotrope draw`` there: exit status, output, errors."""
    monkeypatch.chdir(project)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["isotrope", "draw", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        return ended.value.code, output.out, output.err

    return run


def pack(name, seeds="1-2"):
    return paths.pack_folder(f"standard/digits8/{name}", "base", seeds)


def test_folders_of_weights_are_evaluated_and_drawn_side_by_side(draw):
    status, out, _ = draw("accuracy", "--weights", pack("narrow"), pack("wide", "1-1"))
    assert status == 0
    folder = paths.DRAWN / "accuracy"
    assert f"wrote {folder / 'accuracy.svg'}" in out.replace("\n", "")
    found = pandas.read_csv(folder / "tables" / "accuracy.csv")
    found = found[found["metric"].eq("accuracy")]
    assert list(zip(found["run"], found["seed"], strict=True)) == [
        ("standard/digits8/narrow", 1),
        ("standard/digits8/narrow", 2),
        ("standard/digits8/wide", 1),
    ]
    networks = Networks.open(pack("wide", "1-1"), _cpu())
    data = _digits()
    right = (networks.logits(data.images)[0].argmax(dim=-1) == data.labels).double().mean()
    assert found["value"].iloc[2] == pytest.approx(float(right))
    runs = pandas.read_csv(folder / "tables" / "runs.csv")
    assert list(runs["model.kernel_size"]) == [3, 3, 5]


def _cpu():
    import torch

    return torch.device("cpu")


def _digits():
    from isotrope.datasets.loading import load_split

    return load_split("digits8", digits8.Params(size=12), "test")


def test_settings_are_those_of_the_evaluation_and_output_is_chosen(draw, tmp_path):
    words = ("rotation", "--weights", pack("narrow"), "--settings", "{angles: [0, 90]}")
    status, _, _ = draw(*words, "--output", tmp_path)
    assert status == 0
    assert (tmp_path / "rotation" / "rotation.pdf").is_file()
    found = pandas.read_csv(tmp_path / "rotation" / "tables" / "rotation.csv")
    assert set(found["angle"].dropna()) == {0, 90}


def test_a_figure_of_several_evaluations_has_the_rows_and_arrays_of_each(draw, tmp_path):
    words = ("consistency", "--weights", pack("wide", "1-1"), "--output", tmp_path)
    assert draw(*words)[0] == 0
    tables, place = tmp_path / "consistency" / "tables", "standard/digits8/wide/base"
    for name in ("accuracy", "shift_consistency", "shift_accuracy"):
        found = pandas.read_csv(tables / f"{name}.csv")
        assert set(zip(found["run"], found["seed"], strict=True)) == {("standard/digits8/wide", 1)}
    rows = pandas.read_csv(tables / "shift_consistency.csv").query("metric == 'disagreements'")
    with numpy.load(tables / "shift_consistency.npz", allow_pickle=False) as arrays:
        assert arrays[f"{place}/seed"] == 1
        for at, padding, count in rows[["protocol", "padding", "value"]].itertuples(index=False):
            assert len(arrays[f"{place}/{at}_{padding}"]) == min(count, 100)


def test_the_same_folder_twice_is_drawn_once_and_a_copy_beside_it(draw, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(pack("narrow"), copy)
    status, _, _ = draw(
        *("accuracy", "--weights", pack("narrow"), pack("narrow"), copy, "--output", tmp_path)
    )
    assert status == 0
    runs = pandas.read_csv(tmp_path / "accuracy" / "tables" / "runs.csv")
    assert sorted(set(runs["run"])) == [
        "standard/digits8/narrow",
        f"standard/digits8/narrow ({copy})",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("accuracy",), "name the study whose tables are drawn"),
        (("accuracy", "folder"), "name the study whose tables are drawn"),
        (("nothing", "--weights", pack("narrow")), "is called 'nothing'"),
        (("accuracy", "--weights", "absent"), "absent/run.json is not there"),
        (("scale_generalization", "--weights", pack("narrow")), "needs the split all_scales"),
        (("rotation", "--weights", pack("narrow"), "--settings", "{angels: [1]}"), "angels"),
        (("rotation", "--weights", pack("narrow"), "--settings", "[1]"), "need settings as in"),
        (
            ("temperature_and_entropy", "--group", "shift", "--weights", pack("narrow")),
            "needs recordings, which weights alone do not give",
        ),
    ],
)
def test_what_cannot_be_drawn_is_said(draw, words, said):
    status, _, error = draw(*words)
    assert status == 2
    assert said in " ".join(error.split())
