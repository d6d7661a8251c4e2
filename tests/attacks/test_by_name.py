"""Attacks by their names: what settings alone decide."""

import pytest
import torch
from attacked_networks import RandomDefence, Small, own_labels, some_images

from isotrope.attacks import Victim, by_name
from isotrope.attacks.by_name import attack, most_shown
from isotrope.attacks.strength import NAMES, AttackSettings

SETTINGS = AttackSettings(
    tier="smoke", steps=6, queries=5, restarts=2, draws=3, samples=4, spsa_steps=2
)
JUDGED = 20  # draws that judge the last points of a restart


@pytest.mark.parametrize("name", ["square", "spsa"])
@pytest.mark.parametrize("random", [False, True])
def test_where_nothing_fools_as_many_images_are_shown_as_are_told(name, random):
    network, images = Small(), some_images(5)
    labels = own_labels(network, images)
    if random:
        network = RandomDefence(network, (1, 8, 8), 1e-6)
    found = attack(name, SETTINGS, Victim(network), images, labels, eps=1e-6, numbers=range(5))
    assert not found.trace.any()
    told = most_shown(name, SETTINGS.strength, random)
    assert found.queries.tolist() == [told + JUDGED * random] * 5


def test_a_transfer_goes_on_where_the_source_is_fooled_and_the_target_need_not_be():
    target, source, images = Victim(Small(1)), Victim(Small()), some_images(20)
    labels = own_labels(source.network, images)
    settings = {"eps": 0.1, "numbers": range(20), "source": source}
    found = attack("transfer", SETTINGS, target, images, labels, **settings)
    assert found.fooled.any()
    assert found.forwards == source.forwards == 2 * 20 * 7, "nothing leaves"
    assert target.forwards == 0
    early = attack("pgd", SETTINGS, source, images, labels, eps=0.1, numbers=range(20))
    assert early.forwards < found.forwards


ALL = AttackSettings(
    norm="l2",
    steps=11,
    apgd_steps=12,
    queries=13,
    spsa_steps=14,
    samples=15,
    minimal_steps=16,
    restarts=17,
    draws=18,
    step_size=0.19,
    loss="margin",
    attack_seed=20,
)
COMMON = {"norm": "l2", "draws": 18, "seed": 20, "numbers": [4, 7]}
BOUNDED = {**COMMON, "eps": 0.21, "stop_early": True}
PGD = {**BOUNDED, "steps": 11, "step_size": 0.19, "loss": "margin", "restarts": 17}
APGD = {**BOUNDED, "steps": 12, "restarts": 17}
GIVEN = {  # by the name of the attack: the function, and what it is given
    "pgd": ("pgd", {**PGD, "draws": 1}),
    "eot_pgd": ("pgd", PGD),
    "apgd_ce": ("apgd", {**APGD, "loss": "cross_entropy"}),
    "apgd_dlr": ("apgd", {**APGD, "loss": "logit_ratio"}),
    "square": ("square", {**BOUNDED, "queries": 13, "restarts": 17}),
    "spsa": ("spsa", {**BOUNDED, "steps": 14, "samples": 15}),
    "minimal_norm": ("minimal_norm", {**COMMON, "steps": 16}),
    "transfer": ("pgd", {**PGD, "stop_early": False}),
}


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_reaches_the_attacks_that_it_is_for(name, monkeypatch):
    function, expected = GIVEN[name]
    victim, source = Victim(Small()), Victim(Small(1))
    images, labels = some_images(2), torch.tensor([0, 1])
    calls = []
    for one in ("pgd", "apgd", "square", "spsa", "minimal_norm"):
        monkeypatch.setattr(
            by_name, one, lambda *given, one=one, **more: calls.append((one, given, more))
        )

    attack(name, ALL, victim, images, labels, eps=0.21, numbers=[4, 7], source=source)
    attack(
        name, ALL, victim, images, labels, eps=0.21, numbers=[4, 7], stop_early=False, source=source
    )

    called = source if name == "transfer" else victim
    early = expected | {"stop_early": False} if "stop_early" in expected else expected
    assert [(one, more) for one, _, more in calls] == [(function, expected), (function, early)]
    assert all(given == (called, images, labels) for _, given, _ in calls)


def test_a_transfer_needs_a_source():
    with pytest.raises(ValueError, match="transfer needs the network of another run"):
        attack("transfer", ALL, Victim(Small()), some_images(1), None, eps=0.1, numbers=[0])
