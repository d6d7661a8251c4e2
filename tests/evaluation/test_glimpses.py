"""What is measured of networks with a moving fovea."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from ending_evaluations import Kept
from spotting import LEVELS, SIDE, Drowsy, Spotter, networks_of, spots
from torch import nn

from isotrope import build_model, registry
from isotrope.datasets.images import Images, to_unit
from isotrope.errors import UserError
from isotrope.evaluation import confident_stop, glimpse_paths, glimpses
from isotrope.layers.normalising import ByValues
from isotrope.layers.preceded import Preceded
from isotrope.measuring.networks import Networks

DATA, VALID = spots(70), spots(50, seed=1)
GUESSED = 1 / len(LEVELS)  # the share of the last class


def values(rows: list[dict[str, Any]], seed: int = 1, **settings: Any) -> dict[str, float]:
    """The values of a seed by metric."""
    return {
        row["metric"]: row["value"]
        for row in rows
        if row["seed"] == seed
        and all(row.get(key) == value for key, value in settings.items())
        and len(row) == len(settings) + 4
    }


def test_accuracy_after_each_glimpse_is_that_of_the_mean_logits_of_so_many_draws() -> None:
    networks = networks_of(Drowsy, glimpses=4)
    rows = glimpses.evaluate(networks, DATA, glimpses.Params(draws=[2, 10, 1]))
    for seed, network in networks:
        total = torch.zeros(len(DATA), 4, len(LEVELS), dtype=torch.float64)
        for draws in range(1, 11):
            for i in range(len(DATA)):  # one by one
                image = to_unit(DATA.images[i : i + 1])
                noise = networks.noise(seed, [i], draws - 1)
                total[i] += network.look(image, noise).logits[0].double()
            if draws in (1, 2, 10):
                right = (total.argmax(dim=-1) == DATA.labels[:, None]).double().mean(dim=0)
                for glimpse in range(4):
                    found = values(rows, seed, draws=draws, glimpses=1 + glimpse)
                    assert found == {"accuracy": pytest.approx(float(right[glimpse]))}
    whole = (networks.logits(DATA.images).argmax(dim=-1) == DATA.labels).double().mean(dim=1)
    assert values(rows, draws=10, glimpses=4)["accuracy"] == pytest.approx(float(whole[0]))


def test_more_draws_and_more_glimpses_help_a_network_that_dozes_half_of_the_time() -> None:
    rows = glimpses.evaluate(networks_of(Drowsy, glimpses=4), DATA, glimpses.Params(draws=[1, 10]))
    at = {(r["draws"], r["glimpses"]): r["value"] for r in rows if r["seed"] == 1}
    assert at[1, 1] == at[10, 1] == GUESSED, "the centre is empty"
    assert at[1, 2] < at[1, 4] < at[10, 4] == 1
    assert at[1, 2] < at[10, 2]


def test_whether_a_network_is_sure_is_told_by_the_mean_of_its_draws(monkeypatch) -> None:
    seen = []
    stops = confident_stop.stops

    def noted(logits, labels, thresholds):
        seen.append(logits)
        return stops(logits, labels, thresholds)

    monkeypatch.setattr(confident_stop, "stops", noted)
    monkeypatch.setattr(
        confident_stop,
        "looked",
        lambda networks, seed, network, batch, draw: SimpleNamespace(
            logits=torch.full((len(batch.images), 4, 3), float(draw))
        ),
    )
    params = confident_stop.Params(draws=3)
    confident_stop.evaluate(networks_of(Drowsy, glimpses=4), DATA, params, DATA)
    assert seen
    assert all(torch.equal(one, torch.ones_like(one)) for one in seen)


@pytest.mark.parametrize("behind", [False, True])
def test_more_glimpses_than_in_training_may_be_asked_for(behind: bool) -> None:
    network: nn.Module = Drowsy(glimpses=3)
    if behind:
        network = Preceded("normalise", ByValues(1, [0.0], [1.0]), network)
    networks = Networks({1: network}, torch.device("cpu"), draws=2)
    rows = glimpses.evaluate(networks, DATA, glimpses.Params(draws=[1], most=7))
    assert [row["glimpses"] for row in rows] == list(range(1, 8))
    assert rows[-1]["value"] > rows[1]["value"]
    assert network.glimpses == 3, "as before"


def test_networks_that_draw_nothing_have_one_draw() -> None:
    rows = glimpses.evaluate(networks_of(), DATA, glimpses.Params())
    assert {row["draws"] for row in rows} == {1}
    assert [row["value"] for row in rows[:3]] == [GUESSED, 1, 1]


def test_a_policy_that_matters_beats_both_of_its_twins() -> None:
    rows, _ = glimpse_paths.evaluate(networks_of(), DATA, glimpse_paths.Params())
    learned, twin, shuffled = (
        values(rows, policy=policy)["accuracy"] for policy in ("learned", "random", "shuffled")
    )
    assert learned == 1
    chance = 2 / SIDE**2  # of a hit by the two glimpses that are random
    assert twin == pytest.approx(GUESSED + (1 - GUESSED) * chance, abs=0.06)
    assert shuffled < GUESSED + 0.1


def test_a_policy_without_a_use_is_as_good_as_its_twins() -> None:
    class Elsewhere(Spotter):
        def _path(self, images: Any, noise: Any, glimpses: int) -> torch.Tensor:
            del noise
            return torch.zeros(len(images), glimpses, 2)

    rows, _ = glimpse_paths.evaluate(networks_of(Elsewhere), DATA, glimpse_paths.Params())
    found = [values(rows, policy=policy)["accuracy"] for policy in ("learned", "shuffled")]
    assert found == [GUESSED, GUESSED]


def test_paths_are_in_pixels_and_beliefs_are_probabilities() -> None:
    _, arrays = glimpse_paths.evaluate(networks_of(), DATA, glimpse_paths.Params(images=4))
    its = arrays[4]
    assert its["labels"].tolist() == [0, 1, 2, 3]
    assert str(its["outline"]) == "squares"
    assert its["beliefs"].shape == (4, 3, len(LEVELS))
    np.testing.assert_allclose(its["beliefs"].sum(axis=-1), 1, rtol=1e-6)
    for image, path, label in zip(its["images"], its["fixations"], its["labels"], strict=True):
        (y,), (x,) = np.nonzero(image[0])
        np.testing.assert_allclose(path, [[4, 4], [x, y], [x, y]], atol=1e-5)
        assert image[0, y, x] == LEVELS[label]


def naive_stop(logits: torch.Tensor, label: int, threshold: float) -> tuple[bool, int]:
    for number, one in enumerate(logits, 1):
        if float(one.double().softmax(dim=0).max()) >= threshold or number == len(logits):
            return int(one.argmax()) == label, number
    raise AssertionError


def test_a_network_answers_at_the_first_glimpse_that_is_sure_enough() -> None:
    generator = torch.Generator().manual_seed(3)
    logits = 3 * torch.randn(40, 5, 4, generator=generator)
    labels = torch.randint(0, 4, (40,), generator=generator)
    logits[:3, :2] = 0
    thresholds = torch.tensor([0.25, 0.3, 0.7, 0.9, 0.99, 2.0], dtype=torch.float64)
    right, taken = confident_stop.stops(logits, labels, thresholds)
    for place, threshold in enumerate(thresholds.tolist()):
        pairs = zip(logits, labels.tolist(), strict=True)
        expected = [naive_stop(one, label, threshold) for one, label in pairs]
        assert right[place].tolist() == [hit for hit, _ in expected]
        assert taken[place].tolist() == [count for _, count in expected]
    assert taken[-1].eq(5).all()


def test_the_threshold_with_the_fewest_glimpses_is_chosen_of_those_that_lose_little() -> None:
    accuracy, counts = [0.6, 0.897, 0.9, 0.91, 0.9], [1.0, 2.0, 2.0, 3.0, 6.0]
    assert confident_stop.chosen(accuracy, counts, 0.003) == 2, "of two alike the more accurate"
    assert confident_stop.chosen(accuracy, counts, 0.0) == 2
    assert confident_stop.chosen(accuracy, counts, 0.4) == 0
    assert confident_stop.chosen([0.1, 0.2, 0.9], [1, 2, 6], 0.003) == 2, "never stops early"
    assert confident_stop.chosen([0.7, 0.8], [1, 6], 0.1) == 0, "rounding is no loss"
    assert confident_stop.chosen([0.9, 0.897, 0.9], [2, 2, 6], 0.003) == 0
    assert confident_stop.chosen([0.9, 0.9, 0.9], [2, 2, 6], 0.0) == 1, "of equals the last"


@pytest.mark.parametrize(
    ("right", "tolerance", "threshold"),
    [([49, 49, 50], 0.021, 0.9), ([49, 49, 50], 0.019, 2.0), ([50, 49, 50], 0.021, 0.5)],
)
def test_what_may_be_lost_is_a_share_of_the_validation_images(
    monkeypatch: pytest.MonkeyPatch, right: list[int], tolerance: float, threshold: float
) -> None:
    tested = torch.tensor([[[70.0, 140.0], [63.0, 210.0], [70.0, 420.0]]])
    others = torch.tensor([list(zip(right, (100, 100, 300), strict=True))]).double()
    monkeypatch.setattr(confident_stop, "_totals", lambda *_: (tested, others))
    params = confident_stop.Params(thresholds=[0.9, 0.5], tolerance=tolerance)
    networks = Networks({1: Spotter()}, torch.device("cpu"))
    rows = confident_stop.evaluate(networks, DATA, params, VALID)
    assert values(rows)["chosen_threshold"] == threshold
    assert values(rows, threshold=0.9) == {"accuracy": pytest.approx(0.9), "glimpses": 3}


def test_the_threshold_is_chosen_on_the_validation_images_alone() -> None:
    networks = networks_of(glimpses=6)
    params = confident_stop.Params(thresholds=[0.2, 0.5, 0.9])
    hard = Images(VALID.images, VALID.labels)
    easy = Images(torch.zeros_like(VALID.images), torch.full_like(VALID.labels, len(LEVELS) - 1))
    rows = confident_stop.evaluate(networks, DATA, params, hard)
    found = values(rows)
    # one glimpse more than the first makes e / (4 + e) > .4, three make e**2 / (4 + e**2) > .6
    assert found["full_accuracy"] == 1
    assert found["full_glimpses"] == 6
    assert found["chosen_threshold"] == 0.5
    assert found["chosen_accuracy"] == 1
    assert 2 < found["chosen_glimpses"] < 4
    assert found["chosen_glimpses"] == values(rows, threshold=0.5)["glimpses"]

    careless = values(confident_stop.evaluate(networks, DATA, params, easy))
    assert careless["chosen_threshold"] == 0.2, "black images can be answered at once"
    assert careless["chosen_glimpses"] == 1
    assert careless["chosen_accuracy"] == GUESSED


@pytest.mark.parametrize("name", ["ram", "ram_lpm"])
def test_the_networks_of_the_project_are_measured_as_they_answer(name: str) -> None:
    torch.manual_seed(0)
    network = build_model(
        name, (1, SIDE, SIDE), len(LEVELS), **registry.load("models", name).EXAMPLE
    )
    networks = Networks({3: network}, torch.device("cpu"), draws=4)
    rows = glimpses.evaluate(networks, DATA, glimpses.Params(draws=[4]))
    right = (networks.logits(DATA.images)[0].argmax(dim=-1) == DATA.labels).double().mean()
    assert rows[-1]["value"] == pytest.approx(float(right))

    rows, arrays = glimpse_paths.evaluate(networks, DATA, glimpse_paths.Params(images=2))
    one = networks.noise(3, [0]), networks.noise(3, [1])
    seen = [network.look(to_unit(DATA.images[i : i + 1]), one[i]) for i in (0, 1)]
    pixels = (torch.cat([found.fixations for found in seen]) + 1) * (SIDE - 1) / 2
    np.testing.assert_allclose(arrays[3]["fixations"], pixels.detach(), atol=1e-5)
    assert arrays[3]["rings"].tolist() == pytest.approx(network.rings(SIDE, SIDE).tolist())
    assert {row["policy"] for row in rows} == set(glimpse_paths.POLICIES)


@pytest.mark.parametrize("first", [1, 2])
def test_of_several_seeds_each_is_measured_as_if_it_were_alone(first: int) -> None:
    networks = {1: Spotter().eval(), 2: Drowsy().eval()}
    order = [first, 3 - first]
    cpu = torch.device("cpu")
    both, _ = glimpse_paths.evaluate(
        Networks({seed: networks[seed] for seed in order}, cpu), DATA, glimpse_paths.Params()
    )
    for seed in order:
        alone = Networks({seed: networks[seed]}, cpu)
        rows, _ = glimpse_paths.evaluate(alone, DATA, glimpse_paths.Params())
        assert [row for row in both if row["seed"] == seed] == rows


CASES: dict[str, Callable[[Networks], Any]] = {
    "glimpses": lambda networks: glimpses.evaluate(networks, DATA, glimpses.Params(draws=[3])),
    "paths": lambda n: glimpse_paths.evaluate(n, DATA, glimpse_paths.Params(images=1))[0],
    "stop": lambda n: confident_stop.evaluate(n, DATA, confident_stop.Params(), VALID),
}


@pytest.mark.parametrize("case", CASES)
def test_one_that_was_ended_goes_on_where_it_was(case: str) -> None:
    networks, position = networks_of(Drowsy), Kept(2)
    whole = CASES[case](networks)
    networks._position_of = lambda seed: position
    with pytest.raises(SystemExit):
        CASES[case](networks)
    assert CASES[case](networks) == whole
    assert position.state["done"] > 2


@pytest.mark.parametrize("case", CASES)
def test_networks_without_a_fovea_are_refused(case: str) -> None:
    networks = Networks({1: nn.Flatten()}, torch.device("cpu"))
    with pytest.raises(UserError, match=r"Flatten has no fovea that moves .* take it out"):
        CASES[case](networks)
