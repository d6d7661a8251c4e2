"""Pictures under attack with any weights, by the command line."""

import csv
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from toy_runs import toy_task, toy_training, toys, train  # noqa: F401

from isotrope import build_model, cli, devices, paths
from isotrope.attacks.strength import AttackSettings
from isotrope.commands import attacking as attacking_command
from isotrope.data._pictures import read_picture
from isotrope.errors import UserError
from isotrope.tasks import attacking
from isotrope.tasks.attacking import Outcome, summary_lines

PARAM_FILE = """\
study: own
seeds: 1
dataset: {name: digits8}
model: {name: ram, glimpses: 2, patch: 4, hidden: 8, policy: stochastic}
training: {epochs: 1, batch_size: 8, optimizer: {name: adam, learning_rate: 1e-3}}
evaluations: [accuracy]
"""


@pytest.fixture
def isotrope(monkeypatch, capsys):
    """Run the command line in this process: status, output, errors."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["isotrope", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        return ended.value.code, output.out, output.err

    return run


@pytest.fixture
def pack(toys):  # noqa: F811
    """The folder of a trained pack of toys, which see 8 x 8 grey pixels."""
    task = toy_task(training=toy_training(epochs=1))
    train(task)
    return paths.pack_folder(task.run, task.point, task.pack)


def table():
    with (paths.ATTACKS / "pictures.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_cat_is_attacked_with_the_weights_of_a_run(pack, isotrope):
    status, output, errors = isotrope("attack", pack, "--seed", 2, "--eps", "1/2", "--steps", 20)
    assert (status, errors) == (0, "")
    (row,) = table()
    assert row["picture"] == "chelsea"
    assert (row["label"], row["fooled"]) == (row["before"], "True")
    assert row["after"] != row["before"]
    assert 0 < float(row["distortion"]) <= 0.5
    sized, *lines = output.splitlines()
    assert sized.startswith("pictures are resized to 8 pixels on their shorter side and cut")
    assert lines[0].startswith(f"1 of 1: chelsea: success: {row['before']} before")
    assert lines[1:5] == [
        "clean accuracy: 100.0 % (1 of 1)",
        "robust accuracy: 0.0 % (0 of 1)",
        "attack success rate: 100.0 % (1 of 1)",
        "incorrect, not attacked: 0",
    ]
    assert lines[7].endswith("what the network answered before, right or wrong (no label)")
    assert [sized, *lines[:-1]] == (paths.ATTACKS / "attack.log").read_text().splitlines()
    changed = np.asarray(Image.open(paths.ATTACKS / "chelsea.png"), dtype=float)
    given = read_picture("chelsea", 1, 8)[0].numpy()
    assert changed.shape == given.shape == (8, 8)
    assert 0 < abs(changed - given).max() <= 128
    assert (paths.ATTACKS / "chelsea-change.png").is_file()


def test_every_word_of_the_command_reaches_what_it_is_for(tmp_path, monkeypatch, isotrope):
    monkeypatch.chdir(tmp_path)
    given, asked = {}, {}
    monkeypatch.setattr(attacking, "open_weights", lambda *words: given.update(opened=words))
    monkeypatch.setattr(attacking, "attack_pictures", lambda *words: given.update(attacked=words))
    monkeypatch.setattr(
        devices,
        "arithmetic",
        lambda device, threads: asked.update(at=(device, threads)) or nullcontext(),
    )
    words = ("--like", "a.yaml", "--point", "size=3", "--seed", 4, "--label", 5, "--norm", "l2")
    words += ("--eps", "6/4", "--tier", "paper", "--draws", 7, "--around", "zero_pad")
    words += ("--output", "there", "--device", "cpu", "--threads", 2, "--step-size", "1/8")
    for by, key in attacking_command._STEPS.items():
        more = ("--by", by, "--steps", 9, "--fixations", "detached")
        status, output, errors = isotrope("attack", "w.pt", "a.png", "b.png", *words, *more)
        assert (status, output, errors) == (0, "wrote there\n", "")
        cpu = torch.device("cpu")
        assert given["opened"] == (Path("w.pt"), Path("a.yaml"), "size=3", 4, cpu)
        assert asked["at"] == (cpu, 2)
        _, pictures, label, settings, folder, _ = given["attacked"]
        assert ([str(one) for one in pictures], label, folder) == (
            ["a.png", "b.png"],
            5,
            Path("there"),
        )
        expected = {"attacks": [by], "norm": "l2", "eps": [1.5], "tier": "paper", "draws": 7}
        expected |= {"around": "zero_pad", "step_size": 0.125, "fixations": "detached", key: 9}
        assert settings == AttackSettings(**expected)
    isotrope("attack", "w.pt")
    _, pictures, label, settings, folder, _ = given["attacked"]
    assert (pictures, label, folder) == (["chelsea"], None, paths.ATTACKS)
    assert settings == AttackSettings(attacks=["pgd"], eps=[2 / 255])
    assert given["opened"] == (Path("w.pt"), None, "base", 1, devices.choose("auto"))


def test_several_pictures_are_counted_and_those_of_one_name_told_apart(pack, isotrope):
    for folder in ("one", "two"):
        Path(folder).mkdir()
        shade = np.full((9, 9), 60 if folder == "one" else 200, dtype=np.uint8)
        Image.fromarray(shade).save(f"{folder}/same.png")
    words = ("one/same.png", "chelsea", "two/same.png", "--eps", "0.1", "--steps", 2)
    status, output, _ = isotrope("attack", pack, *words)
    assert status == 0
    assert [row["picture"] for row in table()] == ["same-1", "chelsea", "same-3"]
    for count, name in enumerate(("same-1", "chelsea", "same-3"), start=1):
        assert f"{count} of 3: {name}: " in output
        assert (paths.ATTACKS / f"{name}-change.png").is_file()


def test_where_half_of_the_draws_are_right_the_attack_has_succeeded(pack, isotrope, monkeypatch):
    monkeypatch.setattr("isotrope.tasks.attacking.Judge.shares", lambda *_, **__: 0.5)
    _, output, _ = isotrope("attack", pack, "--steps", 1)
    (row,) = table()
    assert row["fooled"] == row["kept_as_file"] == "True"
    assert "but not as a file" not in output


def test_short_steps_reach_no_farther_than_they_say(pack, isotrope):
    words = ("--steps", 3, "--fixations", "detached", "--eps", 0.5, "--by", "pgd")
    reached = []
    for step_size in ("0.5/255", "1/10"):
        status, _, errors = isotrope("attack", pack, *words, "--step-size", step_size)
        assert (status, errors) == (0, "")
        reached.append(np.asarray(Image.open(paths.ATTACKS / "chelsea.png"), dtype=float))
    assert abs(reached[1] - reached[0]).max() > 10, "steps of 25 grey values, not of half of one"


def test_pictures_that_are_not_recognised_are_told_and_passed_over(pack, isotrope):
    grey = np.random.default_rng(1).integers(0, 256, (9, 14, 3), dtype=np.uint8)
    Image.fromarray(grey).save("noise.png")
    isotrope("attack", pack, "noise.png")
    (first,) = table()
    wrong = (int(first["before"]) + 1) % 3
    status, output, _ = isotrope("attack", pack, "noise.png", "--label", wrong)
    assert status == 0
    assert f"noise: incorrect ({first['before']} instead of {wrong}), not attacked" in output
    assert "no label" not in output
    assert "attack success rate: unknown (0 of 0)" in output
    assert "clean accuracy: 0.0 % (0 of 1)" in output


@pytest.mark.parametrize("by", ["pgd", "spsa", "square", "minimal_norm", "apgd_dlr"])
@pytest.mark.parametrize("around", ["nothing", "zero_pad", "resize_crop"])
def test_weights_in_a_file_need_no_run(tmp_path, monkeypatch, isotrope, by, around):
    monkeypatch.chdir(tmp_path)
    like = paths.PARAM_FILES / "ram/digits8/mine.yaml"
    like.parent.mkdir(parents=True)
    like.write_text(PARAM_FILE)
    torch.manual_seed(0)
    settings = {"glimpses": 2, "patch": 4, "hidden": 8, "policy": "stochastic"}
    network = build_model("ram", image_shape=(1, 8, 8), classes=10, **settings)
    save_file(network.state_dict(), "theirs.safetensors")
    Image.fromarray(np.full((8, 11), 90, dtype=np.uint8)).save("plain.png")
    words = ("--by", by, "--around", around, "--eps", "0.1", "--steps", 2, "--draws", 2)
    status, output, errors = isotrope(
        "attack", "theirs.safetensors", "plain.png", "--like", like, "--tier", "smoke", *words
    )
    assert (status, errors) == (0, "")
    assert "clean accuracy: 100.0 %" in output
    size = np.asarray(Image.open(paths.ATTACKS / "plain.png")).shape
    assert size == ((8, 8) if around == "nothing" else (8, 11)), "perturbed as large as it is"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lost.safetensors"], "lost.safetensors: no such file or folder; name the folder of a"),
        (["damaged.png"], "damaged.png: of a file of weights name the param-file whose model"),
        (["{pack}/weights.safetensors"], "holds the seeds of a pack; name its folder"),
        (["{pack}", "--eps", "8"], "--eps: must be at most 1 in linf, got 8; images are in 0..1"),
        (["{pack}", "--eps", "much"], "--eps much: must be a number, as in 2/255 or 0.3"),
        (["{pack}", "--eps", "0"], "--eps: each eps must be greater than 0"),
        (["{pack}", "--eps", "1/2/3"], "--eps 1/2/3: must be a number"),
        (["{pack}", "--eps", "1/0"], "--eps 1/0: must be a number"),
        (["{pack}", "--eps", "1e999"], "--eps 1e999: must be a number"),
        (["{pack}", "--step-size", "far"], "--step-size far: must be a number"),
        (["{pack}", "--step-size", "0"], "--step-size: input should be greater than 0"),
        (["{pack}", "--fixations", "free"], "--fixations: 'free' is not known"),
        (["{pack}", "--by", "magic"], "--by: 'magic' is not known; choose from apgd_ce"),
        (["{pack}", "--by", "transfer"], "--by: 'transfer' is not known; choose from apgd_ce"),
        (["{pack}", "--by", "eot_pgd"], "the network draws nothing at random"),
        (["{pack}", "--seed", "9"], "holds no seed 9"),
        (["{pack}", "--label", "99"], "--label 99: the network knows the classes 0 to"),
        (["{pack}", "lost.png"], "lost.png: no such file"),
        (["{pack}", "damaged.png"], "damaged.png: is no picture that can be read"),
    ],
)
def test_what_cannot_be_attacked_is_told_with_the_way_out(pack, isotrope, words, said):
    Path("damaged.png").write_bytes(b"no picture")
    status, _, errors = isotrope("attack", *(word.format(pack=pack) for word in words))
    assert status == 2
    assert said in errors
    assert "Traceback" not in errors


def test_a_picture_that_was_not_attacked_has_no_class_after_it():
    _, row = attacking._table([Outcome("c", 1, 0)]).splitlines()
    assert row == "c,1,0,-1,False,False,nan,0,0.0"


def test_the_last_lines_are_those_of_the_authors_program_in_percent():
    outcomes = [
        Outcome("a", 1, 1, 2, True, True, 0.02, 7, 1.0),
        Outcome("b", 1, 1, 1, False, False, 0.03, 9, 2.0),
        Outcome("c", 1, 0),
        Outcome("d", 1, 1, 0, True, True, 0.04, 3, 0.5),
    ]
    assert summary_lines(outcomes, AttackSettings()) == [
        "clean accuracy: 75.0 % (3 of 4)",
        "robust accuracy: 25.0 % (1 of 4)",
        "attack success rate: 66.7 % (2 of 3)",
        "incorrect, not attacked: 1",
        "mean distortion (linf): 0.030000",
        "elapsed: 3.5 s",
    ]


def test_where_no_picture_was_fooled_the_last_lines_say_so_and_hold_no_nan():
    wanted = "mean distortion (linf): unknown, since no picture fooled the network"
    _, _, rate, _, distortion, _ = summary_lines([Outcome("c", 1, 0)], AttackSettings())
    assert (rate, distortion) == ("attack success rate: unknown (0 of 0)", wanted)
    failed = Outcome("b", 1, 1, 1, False, False, 0.03, 9, 2.0)
    _, _, rate, _, distortion, _ = summary_lines([failed], AttackSettings())
    assert (rate, distortion) == ("attack success rate: 0.0 % (0 of 1)", wanted)


def test_a_picture_is_read_grey_or_coloured_whole_or_its_middle():
    assert read_picture("chelsea", 3).shape == (3, 300, 451)
    assert read_picture("chelsea", 1, 40).shape == (1, 40, 40)
    with pytest.raises(ValueError, match="1 or 3 channels, not 2"):
        read_picture("chelsea", 2)
    with pytest.raises(UserError, match="no such file"):
        read_picture(Path("lost.png"), 3)
