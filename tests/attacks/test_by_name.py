"""Attacks by their names: what settings alone decide."""

import pytest
from attacked_networks import RandomDefence, Small, own_labels, some_images

from isotrope.attacks import Victim
from isotrope.attacks.by_name import attack, most_shown
from isotrope.attacks.strength import AttackSettings

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
