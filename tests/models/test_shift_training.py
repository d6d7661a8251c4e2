"""Training of the residual networks of the shift study: what is drawn, scheduled and recorded."""

import math

import pytest
import torch
from shift_networks import built, images_of, noise_of
from torch.func import functional_call

from isotrope.datasets.draws import is_stochastic
from isotrope.models import _shift_trunk, shift_resnet


def test_in_training_answers_follow_the_noise_and_in_tests_they_do_not():
    network, images = built((3, 16, 16)), images_of(side=16)
    noises = [noise_of(network, images, seed)[0] for seed in (1, 1, 2)]

    first, again, other = (network.train()(images, noise) for noise in noises)
    tested = [network.eval()(images, *noise) for noise in ((noises[0],), (noises[2],), ())]

    torch.testing.assert_close(first, again, rtol=0, atol=1e-12)
    assert (first - other).abs().max() > 1e-6
    assert torch.equal(tested[0], tested[1])
    assert torch.equal(tested[0], tested[2])


@pytest.mark.parametrize(
    ("settings", "draws", "in_tests"),
    [
        ({}, True, False),
        ({"train_mode": "straight_through"}, True, False),
        ({"train_mode": "convex"}, False, False),
        ({"train_mode": "convex", "test_mode": "gumbel"}, True, True),
        ({"downsampling": "aps"}, False, False),
        ({"downsampling": "tips"}, True, False),
    ],
    ids=str,
)
def test_a_network_draws_where_its_settings_say_so(settings, draws, in_tests):
    network = built((3, 16, 16), **settings)

    assert hasattr(network, "draw") is draws
    assert is_stochastic(network) is in_tests


def test_drawn_numbers_are_standard_gumbel_ones_with_a_row_for_each_layer_that_selects():
    network = built((3, 32, 32), stem="imagenet", width=4)

    noise = network.draw(torch.Generator().manual_seed(1), 500)

    assert network.trunk.selecting() == ["stem0", "stem1", "layer2", "layer3", "layer4"]
    assert noise.shape == (500, 5, 4)
    assert float(noise.mean()) == pytest.approx(0.5772, abs=0.05)
    assert float(noise.var()) == pytest.approx(math.pi**2 / 6, abs=0.1)


def test_selections_are_named_and_shared_with_the_shortcut():
    network, images = built(stem="imagenet", width=4).eval(), images_of()

    found = network.selections(images)

    assert list(found) == network.trunk.selecting()
    for selection in found.values():
        assert torch.equal(selection.index, selection.logits.argmax(dim=-1))
    decimated = built(stem="imagenet", width=4, downsampling="decimation").eval()
    assert set(decimated.selections(images).values()) == {None}
    block = network.trunk.layer2[0]
    maps = network.trunk(images).maps["layer1"]
    short, _ = block.shortcut_down.down(maps, found["layer2"])
    for number, index in enumerate(found["layer2"].index.tolist()):
        row, column = divmod(index, 2)
        assert torch.equal(short[number], maps[number, :, row::2, column::2])


def test_straight_through_trains_on_single_phases_with_the_gradient_of_the_mixture():
    network, images = built((3, 16, 16), train_mode="straight_through").train(), images_of(side=16)

    found = network.trunk(images, *noise_of(network, images))
    found.maps["layer4"].square().sum().backward()

    for selection in found.selections.values():
        assert torch.equal(
            selection.weights.sort(dim=-1).values[:, :3].round(decimals=9).abs(),
            torch.zeros(len(images), 3, dtype=torch.float64),
        )
    weight = network.trunk.layer2[0].down.component_selection.conv1.weight
    assert weight.grad.count_nonzero() > 0


def test_in_bfloat16_selections_are_float32():
    network, images = built((3, 16, 16)).float().train(), images_of(side=16)
    weights = {name: value.bfloat16() for name, value in network.trunk.named_parameters()}

    found = functional_call(network.trunk, weights, (images.bfloat16(), *noise_of(network, images)))

    assert found.maps["layer4"].dtype == torch.bfloat16
    for selection in found.selections.values():
        assert selection.logits.dtype == selection.weights.dtype == torch.float32
    assert network.trunk.layer2[0].down.gumbel_tau.dtype == torch.float32


def test_logit_networks_are_a_group_of_weights_and_temperatures_follow_their_schedule():
    network = built((3, 16, 16), temperature={"name": "step_decay", "every": 2, "factor": 0.5})
    (names,) = network.parameter_groups().values()
    parameters = dict(network.named_parameters())

    assert sum(parameters[name].numel() for name in names) == sum(
        value.numel() for name, value in parameters.items() if "component_selection" in name
    )
    assert len(names) == 12
    for epoch, expected in enumerate([1, 1, 0.5, 0.5, 0.5, 0.5]):
        found = network.on_epoch(epoch, 6)
        assert len(found) == 3
        assert set(found) <= set(network.state_dict())
        assert set(found.values()) == {expected}
    assert network.on_step(4, 6) == {}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"name": "constant", "value": 0.3}, [0.3] * 4),
        ({"name": "step_decay", "every": 1, "factor": 0.5, "minimum": 0.2}, [1, 0.5, 0.25, 0.2]),
        (
            {"name": "multi_step", "milestones": [1, 3], "temperatures": [0.8, 0.4]},
            [1, 0.8, 0.6, 0.4],
        ),
        (
            {"name": "multi_step", "milestones": [2], "temperatures": [0.8], "rate": "zero"},
            [1, 1, 0.8, 0.8],
        ),
    ],
    ids=str,
)
def test_temperatures_follow_epochs_or_steps(settings, expected):
    per = [None, "step"] if settings["name"] != "constant" else [None]
    for counted in per:
        settings = settings if counted is None else {**settings, "per": counted}
        network = built((3, 16, 16), temperature=settings)
        hook, other = network.on_epoch, network.on_step
        if counted == "step":
            hook, other = other, hook
        found = [set(hook(count, 4).values()) for count in range(4)]

        assert [next(iter(one)) for one in found] == pytest.approx(expected)
        assert other(2, 4) == {}


def test_the_record_holds_temperatures_and_entropies_of_every_layer():
    network, images = built((3, 16, 16)).train(), images_of(side=16)
    before = {name: float(value) for name, value in network.record().items()}

    for seed in range(25):
        network(images, *noise_of(network, images, seed))
    found = network.record()

    assert sorted(found) == sorted(
        f"{what}/layer{stage}"
        for what in ("tau", "phases", "phase_entropy", "mixture_entropy")
        for stage in (2, 3, 4)
    )
    assert before["phase_entropy/layer2"] == pytest.approx(math.log(4))
    # logits hardly differ at the beginning, and the noise does
    assert float(found["phase_entropy/layer2"]) == pytest.approx(math.log(4), abs=0.05)
    assert 0.3 < float(found["mixture_entropy/layer2"]) < 1.3
    assert torch.equal(network.eval().record()["tau/layer3"], torch.ones((), dtype=torch.float64))


def test_an_entropy_is_recorded_with_the_number_of_phases_that_it_is_of():
    network = built((3, 12, 10), indivisible="wrap", width=4).train()
    numbers = {"layer2": 2 * 2, "layer3": 2 * 5, "layer4": 3 * 3}  # of 12 x 10, 6 x 5, 3 x 3
    images = torch.rand(2, 3, 12, 10, dtype=torch.float64)

    before = {name: float(value) for name, value in network.record().items()}
    network(images, *noise_of(network, images))
    after = network.record()

    for layer, number in numbers.items():
        selection = network.eval().selections(images)[layer]
        assert selection.logits.shape[1] == number
        assert before[f"phases/{layer}"] == after[f"phases/{layer}"] == number
        assert before[f"phase_entropy/{layer}"] == pytest.approx(math.log(number))
        assert float(after[f"phase_entropy/{layer}"]) == pytest.approx(math.log(number), abs=0.05)


def test_odd_sides_are_trained_with_noise_for_every_position():
    network = built((3, 15, 15), indivisible="wrap", width=4).train()
    images = images_of(4, 15)
    (noise,) = noise_of(network, images)

    network(images, noise).square().sum().backward()

    assert noise.shape == (4, 3, 15 * 15)
    assert network.trunk.conv1.weight.grad.isfinite().all()


def test_the_loss_of_tips_is_made_of_its_parts():
    network, images = built((3, 32, 32), downsampling="tips").train(), images_of(4)
    labels, noise = torch.arange(4), network.draw(torch.Generator().manual_seed(1), 4)

    counts = [network.on_epoch(epoch, 10)["counts"] for epoch in range(10)]
    early, logits, _ = network.loss(images, labels, noise)
    network.counts.fill_(1)
    late, _, parts = network.loss(images, labels, noise)
    late.backward()
    tested, _, none = network.eval().loss(images, labels, None)

    assert counts == [0] * 4 + [1] * 6
    classes = torch.nn.functional.cross_entropy(logits, labels)
    torch.testing.assert_close(early, 0.65 * classes + parts["index_spread"])
    torch.testing.assert_close(late, early + 0.35 * parts["feature_shift"])
    assert 0 < float(parts["index_spread"].detach()) <= 0.5
    torch.testing.assert_close(tested, torch.nn.functional.cross_entropy(network(images), labels))
    assert none == {}
    for name, value in network.named_parameters():
        assert value.grad.isfinite().all(), name


@pytest.mark.parametrize("size", [(32, 32), (38, 45)])
@pytest.mark.parametrize("conv1_stride", [False, True])
@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_as_many_phases_are_counted_as_layers_select_from(stem, conv1_stride, size, monkeypatch):
    more = {"conv1_stride": conv1_stride} if stem == "imagenet" else {}
    params = shift_resnet.Params(
        stem=stem, downsampling="lps", width=4, depth=18, indivisible="wrap", **more
    )
    network = shift_resnet.build(params, (3, *size), 5).eval()
    seen, of = {}, _shift_trunk._Drawn.of

    def noted(self, name, maps):
        seen[name] = maps.shape[-2:]
        return of(self, name, maps)

    monkeypatch.setattr(_shift_trunk._Drawn, "of", noted)
    with torch.no_grad():
        network(torch.zeros(1, 3, *size))
    expected = {
        name: math.prod(side if side % 2 else 2 for side in shape) for name, shape in seen.items()
    }
    assert network.trunk.phases(size) == expected
    assert network.trunk.noise_shape(size) == (len(expected), max(expected.values()))
