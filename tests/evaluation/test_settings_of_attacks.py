"""Each setting of an evaluation that attacks reaches what it is for, and nothing else does."""

import re

import pytest
import torch
from planted_networks import Chance, Plain, images_of

from isotrope.attacks import Victim, by_name, framing, judging, pgd
from isotrope.attacks.balls import NORMS
from isotrope.attacks.square import share_at
from isotrope.attacks.strength import COLOUR_EPS, GREY_EPS, TIERS, AttackSettings, Strength
from isotrope.datasets.stream import Stream
from isotrope.evaluation import _attacked, _chosen, adversarial, spatial_attack
from isotrope.measuring.networks import Networks
from isotrope.mistakes import complaints_of

CPU = torch.device("cpu")
DATA = images_of(Plain(), 30)
SEEDS = (3, 5)


def networks(kind=Plain, against=False):
    found = Networks({seed: kind(seed) for seed in SEEDS}, CPU)
    if against:
        found.against = Networks({seed: kind(seed + 10) for seed in SEEDS}, CPU)
    return found


@pytest.fixture
def seen(monkeypatch):
    """What judges and attacks are given, in order."""
    found = []
    judge, attack, spatial = judging.Judge, by_name.attack, spatial_attack.spatial

    def judging_with(victim, seed, draws, *, hidden_noise):
        found.append({"judged": victim, "seed": seed, "draws": draws})
        return judge(victim, seed, draws, hidden_noise=hidden_noise)

    def attacking(name, settings, victim, images, labels, **more):
        found.append({"name": name, "settings": settings, "attacked": victim, **more})
        return attack(name, settings, victim, images, labels, **more)

    def posing(victim, images, labels, **more):
        found.append({"name": "spatial", "attacked": victim, **more})
        return spatial(victim, images, labels, **more)

    for plugin in (adversarial, spatial_attack):
        monkeypatch.setattr(plugin, "Judge", judging_with)
    monkeypatch.setattr(_attacked, "attack", attacking)
    monkeypatch.setattr(spatial_attack, "spatial", posing)
    return found


def test_each_seed_is_attacked_and_judged_as_its_own_with_the_other_network_of_its_number(seen):
    settings = {"attacks": ["pgd", "transfer"], "eps": [0.1], "images": 9, "steps": 2}
    settings |= {"judge_draws": 21, "fixations": "detached", "at_once": 7, "unbounded": False}
    params = adversarial.Params(image_seed=4, attack_seed=6, **settings)
    given = networks(Chance, against=True)

    rows = adversarial.evaluate(given, DATA, params)

    assert [row["seed"] for row in rows if row["metric"] == "incorrect"] == list(SEEDS)
    judges = [one for one in seen if "judged" in one]
    assert [(one["seed"], one["draws"]) for one in judges] == [(seed, 21) for seed in SEEDS]
    attacks = [one for one in seen if "attacked" in one]
    assert [one["name"] for one in attacks] == ["pgd", "transfer"] * 2
    own, others = dict(given), dict(given.against)
    for place, seed in enumerate(SEEDS):
        assert judges[place]["judged"].network is own[seed]
        for one in attacks[2 * place : 2 * place + 2]:
            assert one["attacked"].network is own[seed]
            assert one["source"].network is others[seed]
            assert not one["stop_early"], "the networks draw"
            for victim in (one["attacked"], one["source"]):
                assert (victim._fixations, victim._at_once) == ("detached", 7)
            assert set(one["numbers"]) <= set(chosen(9, 4))


def chosen(images, seed):
    """The numbers of the images of a data set that are attacked."""
    generator = torch.Generator().manual_seed(seed)
    return sorted(torch.randperm(len(DATA), generator=generator)[:images].tolist())


def test_poses_are_searched_as_the_settings_say(seen):
    settings = {"angles": [-9.0, 9.0], "scales": [0.9], "shifts": [1.0], "refine": 2, "images": 11}
    settings |= {"draws": 3, "judge_draws": 22, "attack_seed": 6, "image_seed": 4, "at_once": 7}
    params = spatial_attack.Params(search="random", samples=8, batch=5, **settings)
    given = networks(Chance)

    spatial_attack.evaluate(given, DATA, params)

    judges = [one for one in seen if "judged" in one]
    assert [(one["seed"], one["draws"]) for one in judges] == [(seed, 22) for seed in SEEDS]
    attacks = [one for one in seen if "attacked" in one]
    numbers = chosen(11, 4)
    batches = [set(numbers[:5]), set(numbers[5:10]), set(numbers[10:])]
    assert {one["attacked"].network for one in attacks} == {network for _, network in given}
    for one in attacks:  # a batch of which nothing is recognised is not attacked
        assert (one["angles"], one["scales"], one["shifts"]) == ([-9.0, 9.0], [0.9], [1.0])
        assert (one["search"], one["samples"], one["refine"]) == ("random", 8, 2)
        assert (one["draws"], one["seed"], one["stop_early"]) == (3, 6, False)
        assert one["attacked"]._at_once == 7
        assert any(set(one["numbers"]) <= batch for batch in batches)
    seen.clear()
    spatial_attack.evaluate(networks(), DATA, params)
    assert all(one["stop_early"] for one in seen if "attacked" in one)


def test_what_is_done_around_the_images_has_the_size_of_the_settings():
    images = torch.rand(2, 1, 9, 12)
    assert by_name.surrounding("nothing", 5) is None
    cropped, padded = (by_name.surrounding(name, 5)(images) for name in ("resize_crop", "zero_pad"))
    assert torch.equal(cropped, framing.resized(images, 5))
    assert torch.equal(padded, framing.zero_padded(images))
    params = adversarial.Params(around="resize_crop", around_size=6)
    assert adversarial._victim(Plain(), params)._around(images).shape == (2, 1, 6, 6)


def said(key):
    """The numbers that the description of a setting names after its last colon."""
    text = AttackSettings.model_fields[key].description.rpartition(":")[2]
    return tuple(int(one) for one in re.findall(r"\d+", text))


@pytest.mark.parametrize("key", Strength._fields)
def test_a_tier_asks_for_what_its_settings_say(key):
    assert said(key) == tuple(getattr(tier, key) for tier in TIERS.values())
    assert list(TIERS) == ["smoke", "dev", "paper"]
    for tier in TIERS:
        assert getattr(AttackSettings(tier=tier).strength, key) == getattr(TIERS[tier], key)
    given = AttackSettings(tier="paper", **{key: 7}).strength
    assert given == TIERS["paper"]._replace(**{key: 7})


def test_bounds_that_fit_are_those_that_are_said():
    text = AttackSettings.model_fields["eps"].description
    grey = "linf 0.05, 0.1, 0.2, 0.3 for grey images and 0.5, 1, 2, 4, 8 grey values of 255"
    assert grey in text
    assert "l2 0.5, 1, 2, 3 and 0.25, 0.5, 1, 3" in text
    found = {norm: [AttackSettings(norm=norm).bounds(n) for n in (1, 3)] for norm in NORMS}
    assert found["linf"] == [[0.05, 0.1, 0.2, 0.3], [n / 255 for n in (0.5, 1, 2, 4, 8)]]
    assert found["l2"] == [[0.5, 1, 2, 3], [0.25, 0.5, 1, 3]]
    assert GREY_EPS.keys() == COLOUR_EPS.keys() == set(NORMS)
    assert AttackSettings(eps=[0.3, 0.1]).bounds(3) == [0.3, 0.1]


def test_another_seed_draws_other_noise_for_the_same_images():
    images, kept = DATA.images[:4] / 255, []
    for seed in (1, 2, 1):
        kept.append(Victim(Chance()).answers(images, draws=3, seed=seed))
    assert torch.equal(kept[0], kept[2])
    assert not torch.equal(kept[0], kept[1])


def test_images_that_are_attacked_come_in_the_same_batches_where_an_attack_goes_on():
    sides = [5, 5, 5, 6, 6, 6, 6, 5, 5, 6]

    def read(number, generator):
        image = torch.full((1, sides[number], sides[number]), number, dtype=torch.uint8)
        return image, torch.tensor(0)

    data = Stream(range(10), torch.zeros(10, dtype=torch.int64), read)
    whole = list(_chosen.batches_of(data, range(1, 10), 4))
    numbers = [its for its, _ in whole]
    assert numbers == [[1, 2], [3, 4], [5, 6], [7, 8], [9]]
    for place, done in enumerate((0, 2, 4, 6, 8, 9)):
        rest = list(_chosen.batches_of(data, range(1, 10), 4, done))
        assert [its for its, _ in rest] == numbers[place:]
        assert [batch.images[:, 0, 0, 0].tolist() for _, batch in rest] == numbers[place:]


def test_hidden_noise_is_looked_for_in_sixteen_images_at_most():
    for count, asked in ((30, 16), (7, 7)):
        found = _chosen.hidden_in(Victim(Plain()), images_of(Plain(), count), CPU)
        assert found == (0.0, asked)


def test_whether_draws_help_is_told_where_no_other_attack_is_made():
    params = adversarial.Params(attacks=["pgd", "eot_pgd"], eps=[0.1], images=9, steps=2)
    rows = adversarial.evaluate(Networks({1: Chance()}, CPU), DATA, params)
    (told,) = (row for row in rows if row.get("about") == row["metric"] == "draws_help")
    assert told["n"] > 0


def test_a_judge_meets_other_draws_in_another_block():
    judge, images = judging.Judge(Victim(Chance()), 1, hidden_noise=False), DATA.images[:4] / 255
    first, again, other = (judge.answers(images, range(4), block) for block in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_network_that_draws_is_asked_with_its_draws_whatever_else_it_does():
    victim, images = Victim(Chance()), DATA.images[:3] / 255
    for hidden in (False, True):
        judge = judging.Judge(victim, 5, draws=4, hidden_noise=hidden)
        found = judge.answers(images, range(3))
        assert torch.equal(found, victim.answers(images, draws=4, seed=5))
        assert not torch.equal(found[:, 0], found[:, 1])
    plain = judging.Judge(Victim(Plain()), 5, draws=4, hidden_noise=False)
    assert plain.answers(images, range(3)).shape[1] == plain.draws == 1


def test_a_result_is_judged_by_as_many_draws_as_a_step_takes_if_they_are_more():
    victim, images = Victim(Chance()), DATA.images[:2] / 255
    pgd(victim, images, DATA.labels[:2], eps=0.1, steps=1, draws=25)
    assert victim.forwards == 2 * 25 * 3


def test_a_square_is_halved_after_the_step_that_is_named():
    assert [share_at(step, 10_000, 0.8) for step in (10, 11, 50, 51)] == [0.8, 0.4, 0.4, 0.2]


def test_fixations_that_were_detached_are_so_after_an_attack():
    network = Plain()
    network.detach_fixations = True
    with Victim(network, fixations="differentiable").under_attack():
        assert network.detach_fixations is False
    assert network.detach_fixations is True


def test_an_eps_may_be_written_as_a_fraction_and_is_the_same_number():
    assert AttackSettings(eps=["8/255", "0.5/255", 0.1]).eps == [8 / 255, 0.5 / 255, 0.1]
    same = [AttackSettings(eps=eps).model_dump(mode="json") for eps in (["2/255"], [2 / 255])]
    assert same[0] == same[1], "no digest changes"


@pytest.mark.parametrize(
    "eps", ["8/0", "-8/255", "8 / 255", "eight", "0/255", "300/255", f"{9**500}/1"]
)
def test_what_is_no_fraction_above_0_is_refused_as_an_eps(eps):
    settings, complaints = complaints_of(AttackSettings, {"eps": [eps]})
    assert settings is None
    assert all("function" not in f"{where}{what}" for where, what in complaints), complaints
    assert "eps" in str(complaints)
