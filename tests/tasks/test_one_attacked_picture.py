"""What is asked of an attack on one picture, and every number and file that comes of it."""

from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from isotrope.attacks import Victim, resized
from isotrope.attacks.judging import Judge
from isotrope.attacks.strength import AttackSettings
from isotrope.errors import UserError
from isotrope.tasks import attacking
from isotrope.tasks.attacking import Attackable, Outcome, attack_pictures

RED, GREEN, SEED = 0, 1, 9
GIVEN = np.full((2, 2, 3), (100, 50, 0), dtype=np.uint8)


class Brightest(nn.Module):
    """Answers the colour that is brightest in the mean: 0 red, 1 green, 2 blue."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images):
        return images.mean(dim=(2, 3)) * self.scale


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """A picture; what the victim, the judge and an attack are asked, which finds ``after``."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(GIVEN).save("red.png")
    found = {"judge": [], "victim": [], "attack": [], "after": GIVEN / 255.0}

    class Noted(Judge):
        def __init__(self, victim, seed, **settings):
            found["judge"].append((seed, settings))
            super().__init__(victim, seed, **settings)

        def answers(self, images, numbers, block=0):
            found["judge"].append((images.mean().item() * 255, list(numbers), block))
            return super().answers(images, numbers, block)

    def victim(network, **settings):
        found["victim"].append(settings)
        return Victim(network, **settings)

    def attack(name, settings, victim, points, labels, **more):
        found["attack"].append((name, settings, points, labels.tolist(), more))
        after = torch.tensor(found["after"], dtype=torch.float32).movedim(-1, 0)[None]
        return SimpleNamespace(
            images=after, distortion=torch.tensor([0.25]), queries=torch.tensor([7])
        )

    seconds = count(10.0, 2.5)
    monkeypatch.setattr(attacking, "Judge", Noted)
    monkeypatch.setattr(attacking, "Victim", victim)
    monkeypatch.setattr(attacking, "attack", attack)
    monkeypatch.setattr(attacking.time, "perf_counter", lambda: next(seconds))
    return found


def attacked(settings=None, label=None, shape=(3, 2, 2), pictures=("red.png",)):
    said = []
    its = Attackable(Brightest(), shape, SEED)
    settings = settings or AttackSettings(attacks=["pgd"], eps=[0.5])
    return attack_pictures(its, pictures, label, settings, Path("there"), said.append), said


def picture(name):
    return np.asarray(Image.open(f"there/{name}.png")).astype(int)


def test_a_picture_that_fools_the_network_is_told_and_written_with_its_change(asked):
    after = GIVEN.copy()
    after[0, 0] = (100, 210, 30)
    after[0, 1] = (20, 50, 0)
    after[1, 0, 1] = 90
    asked["after"] = after / 255.0

    outcomes, said = attacked()

    assert outcomes == [Outcome("red", RED, RED, GREEN, True, True, 0.25, 7, 2.5)]
    told = "red: success: 0 before, 1 after, distortion 0.250000 (linf), 7 queries, 2.5 s"
    assert said == [
        "pictures are resized to 2 pixels on their shorter side and cut to the middle 2 x 2, as in "
        "training; `--around resize_crop` attacks them whole",
        f"1 of 1: {told}",
        "clean accuracy: 100.0 % (1 of 1)",
        "robust accuracy: 0.0 % (0 of 1)",
        "attack success rate: 100.0 % (1 of 1)",
        "incorrect, not attacked: 0",
        "mean distortion (linf): 0.250000",
        "elapsed: 2.5 s",
        "class of each picture: what the network answered before, right or wrong (no label)",
    ]
    assert Path("there/attack.log").read_text() == "".join(f"{line}\n" for line in said)
    assert Path("there/pictures.csv").read_text() == (
        "picture,label,before,after,fooled,kept_as_file,distortion,queries,seconds\n"
        "red,0,0,1,True,True,0.25,7,2.5\n"
    )
    assert (picture("red") == after).all()
    enlarged = np.round(127.5 + 127.5 * (after.astype(float) - GIVEN) / 160)
    assert abs(picture("red-change") - enlarged).max() <= 1
    assert picture("red-change")[0, 0].tolist() == [128, 255, 151]


def test_the_attack_is_given_the_picture_its_class_and_one_bound(asked):
    settings = AttackSettings(attacks=["square"], eps=[0.5], fixations="detached")
    outcomes, said = attacked(settings, label=RED)
    ((name, given, points, labels, more),) = asked["attack"]
    assert (name, given, labels) == ("square", settings, [RED])
    assert more == {"eps": 0.5, "numbers": [0], "stop_early": True}
    expected = torch.tensor(GIVEN / 255.0, dtype=torch.float32).movedim(-1, 0)[None]
    torch.testing.assert_close(points, expected)
    assert asked["victim"] == [{"fixations": "detached", "around": None}]
    assert "no label" not in said[-1]
    assert outcomes == [Outcome("red", RED, RED, RED, False, False, 0.25, 7, 2.5)]
    told = "red: failure: 0 before, 0 after, distortion 0.250000 (linf), 7 queries, 2.5 s"
    assert said[1] == f"1 of 1: {told}"


def test_fresh_draws_judge_the_picture_before_after_and_as_a_file(asked):
    asked["after"] = (GIVEN + 0.375) / 255.0
    attacked()
    init, *answers = asked["judge"]
    assert init == (SEED, {"hidden_noise": False})
    brightness = [round(value, 3) for value, *_ in answers]
    assert brightness == [50.0, 50.375, 50.0, 50.375]
    assert [rest for _, *rest in answers] == [[[0], 0], [[0], 1], [[0], 1], [[0], 1]]


def test_a_network_with_noise_of_its_own_is_attacked_to_the_end_and_asked_more_often(
    asked, monkeypatch
):
    monkeypatch.setattr(attacking, "hidden_noise", lambda victim, points: 0.5)
    attacked()
    assert asked["attack"][0][-1]["stop_early"] is False
    assert asked["judge"][0] == (SEED, {"hidden_noise": True})


def test_what_256_grey_values_undo_is_no_success_as_a_file(asked):
    asked["after"] = np.full((2, 2, 3), (100, 100.25, 0)) / 255.0
    ((outcome,), said) = attacked()
    assert (outcome.fooled, outcome.kept_as_file) == (True, False)
    assert said[1].startswith(
        "1 of 1: red: success, but not as a file of 256 grey values: 0 before, 1 after, "
    )
    asked["after"] = np.full((2, 2, 3), (100.25, 100.75, 0)) / 255.0  # rounded, not cut off
    ((outcome,), _) = attacked()
    assert outcome.kept_as_file


def test_the_answer_is_the_one_of_most_draws():
    answers = torch.eye(3)[[2, 1, 1, 0, 1]][None]
    assert attacking._most(answers) == 1


def test_a_class_that_the_network_does_not_know_is_refused_and_the_last_one_is_not(asked):
    outcomes, _ = attacked(label=2)
    assert outcomes == [Outcome("red", 2, RED)]
    with pytest.raises(UserError, match=r"^--label 3: the network knows the classes 0 to 2$"):
        attacked(label=3)


@pytest.mark.parametrize(("around", "shape"), [("nothing", (1, 2, 2)), ("resize_crop", (1, 3, 5))])
def test_what_is_around_a_picture_is_cut_before_or_by_the_victim(asked, around, shape):
    grey = np.full((3, 5), 60, dtype=np.uint8)
    Image.fromarray(grey).save("wide.png")
    asked["after"] = grey[: shape[1], : shape[2], None] / 255.0
    settings = AttackSettings(attacks=["pgd"], eps=[0.5], around=around)
    with pytest.raises(UserError, match="its loss"):  # one class is too few for this one
        attacked(
            AttackSettings(attacks=["apgd_dlr"], eps=[0.5], around=around),
            shape=(1, 2, 2),
            pictures=["wide.png"],
        )
    asked["victim"].clear()
    attacked(settings, shape=(1, 2, 2), pictures=["wide.png"])
    assert asked["attack"][0][2].shape == (1, *shape)
    ((settings,),) = [asked["victim"]]
    if around == "nothing":
        assert settings["around"] is None
    else:
        assert isinstance(settings["around"], partial)
        assert (settings["around"].func, settings["around"].keywords) == (resized, {"size": 2})


def test_a_network_of_a_pack_and_one_of_a_file_keep_seed_and_shape(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("pack").mkdir()
    network = Brightest().train()
    monkeypatch.setattr(
        attacking, "read_networks", lambda *asked: SimpleNamespace(networks={SEED: network})
    )
    known = SimpleNamespace(part=lambda name: {"image_shape": [3, 4, 6]}[name])
    monkeypatch.setattr(attacking.summary, "read", lambda folder: known)
    its = attacking.open_weights(Path("pack"), None, "base", SEED, torch.device("cpu"))
    assert its == Attackable(network, (3, 4, 6), SEED)
    assert not network.training

    dataset, model = SimpleNamespace(name="d"), SimpleNamespace(name="m", params="p")
    point = SimpleNamespace(dataset=dataset, model=model)
    asked, built = [], Brightest().train()
    monkeypatch.setattr(
        attacking,
        "read_run",
        lambda file: SimpleNamespace(point=lambda name: asked.append((file, name)) or point),
    )
    monkeypatch.setattr(attacking, "image_shape", lambda one: ((3, 4, 6), 5))
    monkeypatch.setattr(attacking.modelling, "build", lambda *words: asked.append(words) or built)
    monkeypatch.setattr(attacking, "read_weights", lambda file: f"weights of {file}")
    monkeypatch.setattr(attacking, "take_over", lambda *words: asked.append(words))
    Path("w.pt").touch()
    like = Path("a.yaml")
    its = attacking.open_weights(Path("w.pt"), like, "size=3", SEED, torch.device("cpu"))
    assert its == Attackable(built, (3, 4, 6), SEED)
    assert not built.training
    assert asked == [
        (like, "size=3"),
        ("m", "p", (3, 4, 6), 5),
        (built, "weights of w.pt", "w.pt"),
    ]
