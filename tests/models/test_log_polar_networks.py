"""The networks of the log-polar study: sizes, symmetries, pieces, and what lies outside."""

import pytest
import torch
from torch.func import functional_call

from isotrope import build_model
from isotrope.measuring.outputs import outputs_of

SMALL = {
    "deep_lp": {"channels": [4, 4], "kernel_sizes": [3, 3], "widths": [3], "topk": 4},
    "single_lp": {"channels": [4, 6, 5], "filter_sizes": [2, 2, 2]},
    "lp_resnet": {"depth": 8},
}
GRID = {"ntau": 6, "num_angles": 4, "tau_max": 6.0, "dropout": 0.0}


def small(name, shape=(1, 12, 12), **params):
    torch.manual_seed(0)
    return build_model(name, shape, 4, **{**SMALL[name], **GRID, **params}).double()


def images_of(shape=(1, 12, 12), count=3):
    return torch.rand(count, *shape, dtype=torch.float64)


def parameters(network):
    return sum(value.numel() for value in network.parameters())


@pytest.mark.parametrize(
    ("name", "shape", "params", "count"),
    [
        ("deep_lp", (1, 28, 28), {"size": "standard"}, 81_354),
        ("deep_lp", (1, 28, 28), {"size": "large"}, 148_746),  # of the published layers
        ("deep_lp", (3, 32, 32), {"size": "local"}, 4_724_522),
        ("single_lp", (1, 28, 28), {"size": 1}, 38_378),
        ("single_lp", (1, 28, 28), {"size": 2}, 128_458),  # of the published layers
        ("lp_resnet", (3, 32, 32), {"depth": 20}, 270_666),
        ("lp_resnet", (3, 32, 32), {"depth": 32}, 465_994),
        ("lp_resnet", (3, 32, 32), {"depth": 44}, 661_322),  # two blocks more in each stage
        ("lp_resnet", (3, 32, 32), {"depth": 56}, 856_650),
    ],
)
def test_networks_have_the_published_number_of_parameters(name, shape, params, count):
    with torch.device("meta"):
        network = build_model(name, shape, 10, **params)

    assert parameters(network) == count


def test_stages_of_lp_resnet_lose_edges_as_published():
    network = build_model("lp_resnet", (1, 32, 32), 4, depth=8, ntau=5, num_angles=1, tau_max=2.0)
    parts = {f"stage{number}": torch.clone for number in (1, 2, 3)}

    with torch.no_grad(), outputs_of(network.eval(), parts) as seen:
        network(torch.rand(1, 1, 32, 32))

    shapes = [tuple(seen[part].shape[1:]) for part in parts]
    assert shapes == [(16, 32, 32), (32, 16, 16), (64, 16, 16)]


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("bank", ["bilinear", "gaussian"])
@pytest.mark.parametrize("border", ["zeros", "background"])
def test_quarter_turns_of_the_image_change_no_answer(name, bank, border):
    normalise = {"mean": [0.1307], "std": [0.3081]}
    network = small(name, bank=bank, border=border, normalise=normalise).eval()
    images = images_of()

    answers = [network(torch.rot90(images, turns, dims=(-2, -1))) for turns in range(4)]

    for turned in answers[1:]:
        torch.testing.assert_close(turned, answers[0], rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("norm", [True, False])
def test_a_black_image_has_no_frame_unless_it_is_asked_for(name, norm):
    normalise = {"mean": [0.1307], "std": [0.3081]}
    part = {"lp_resnet": "stage3", "deep_lp": "layer2", "single_lp": "layer1"}[name]
    spread = {}
    for border in ("zeros", "background"):
        network = small(name, border=border, normalise=normalise, batch_norm=norm)
        with torch.no_grad(), outputs_of(network.eval(), {part: torch.clone}) as seen:
            network(torch.zeros(1, 1, 12, 12, dtype=torch.float64))
        spread[border] = float((seen[part].flatten(2).var(dim=-1)).max())

    assert spread["background"] < 1e-20
    assert spread["zeros"] > 1e-6


@pytest.mark.parametrize("normalise", ["image", "dataset", "none"])
def test_every_normalisation_says_what_black_is(normalise):
    network = small("deep_lp", border="background", normalise=normalise).eval()
    images = torch.nn.functional.pad(images_of((1, 4, 4)), (4, 4, 4, 4))
    if normalise == "none":
        background = torch.zeros(1, 1, dtype=torch.float64)
        torch.testing.assert_close(network(images, background=background), network(images))
    else:
        found = network.told(images)["background"].expand(len(images), -1)
        torch.testing.assert_close(found, network.first(images)[..., 0, 0])


@pytest.mark.parametrize("name", ["single_lp", "lp_resnet"])
@pytest.mark.parametrize("border", ["zeros", "background"])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_pieces_of_centres_give_the_numbers_and_gradients_of_all_at_once(
    name, border, training, dropout, monkeypatch
):
    images, found = images_of(), []
    for numbers in (2**40, 3000):
        monkeypatch.setattr("isotrope.layers.centre_samples._ON_A_CPU", numbers)
        network = small(name, border=border, dropout=dropout).train(training)
        given = images.clone().requires_grad_()
        torch.manual_seed(1)
        answers = network(given)
        gradients = torch.autograd.grad(answers.square().sum(), (given, *network.parameters()))
        moments = [value.double() for value in network.buffers()]
        found.append((answers, *gradients, *moments))

    torch.testing.assert_close(found[1], found[0], rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("deep_lp", {"topk": 0, "theta_pooling": 2, "tau_pooling": 2, "stride": 2}),
        ("deep_lp", {"topk": 2, "align": "joint", "batch_norm": True, "act": "tanh"}),
        ("deep_lp", {"topk": 0, "pooling": "average", "trim": 1, "border": "background"}),
        ("deep_lp", {"topk": 0, "relative_encoding": True, "batch_norm": True}),
        ("deep_lp", {"bank": "sith_v1", "filter_window": "gaussian", "include_center": True}),
        ("deep_lp", {"channels": [4], "kernel_sizes": [3], "widths": []}),
        ("single_lp", {"pool_out_size": [2, 2], "stride": 3}),
        ("single_lp", {"pooling": "average", "trim": 2, "batch_norm": False, "smooth": True}),
        ("lp_resnet", {"downsampling": "blur_pool", "border": "background", "bank": "sith_v2"}),
        ("lp_resnet", {"block_pooling": "average", "pooling": "average", "batch_norm": False}),
    ],
)
def test_every_option_gives_answers_and_gradients(name, params):
    network = small(name, (2, 9, 10), **params)

    answers = network(images_of((2, 9, 10)))
    answers.square().sum().backward()

    assert answers.shape == (3, 4)
    for key, value in network.named_parameters():
        assert value.grad is not None, key
        assert value.grad.isfinite().all(), key


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("output", ["max", "center"])
def test_networks_take_images_of_other_sizes_than_they_were_built_for(name, output):
    params = {} if name == "lp_resnet" else {"output": output}
    network = small(name, **params).eval()

    for side in (7, 17):
        expected = small(name, (1, side, side), **params).eval()
        images = images_of((1, side, side))
        torch.testing.assert_close(network(images), expected(images))


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("border", ["zeros", "background"])
@pytest.mark.parametrize("training", [True, False])
def test_weights_of_16_bits_go_with_running_moments_of_32(name, border, training):
    network = small(name, border=border, batch_norm=True).float().train(training)
    images = images_of().float()
    weights = {key: one.detach().bfloat16() for key, one in network.named_parameters()}
    expected = network(images)

    found = functional_call(network, weights, (images.bfloat16(),))

    assert found.dtype == torch.bfloat16
    # eight bits of precision, in some ten roundings one after the other
    torch.testing.assert_close(found.float(), expected, rtol=0.2, atol=0.2)


@pytest.mark.parametrize("name", ["deep_lp", "single_lp"])
def test_outputs_choose_among_positions_as_they_say(name):
    shape = (1, 7, 7)
    images, found = images_of(shape), {}
    for output in ("max", "average", "center", "random"):
        network = small(name, shape, output=output).eval()
        with outputs_of(
            network, {"layer1" if name == "single_lp" else "layer2": torch.clone}
        ) as seen:
            logits = network(images)
        (maps,) = seen.values()
        found[output] = (maps, logits, network)
    maps, _, network = found["average"]
    torch.testing.assert_close(network.lin(maps.mean(dim=(2, 3))), found["average"][1])
    torch.testing.assert_close(network.lin(maps.amax(dim=(2, 3))), found["max"][1])
    torch.testing.assert_close(network.lin(maps[..., 3, 3]), found["center"][1])
    torch.testing.assert_close(network.lin(maps[..., 3, 3]), found["random"][1])

    random = found["random"][2]
    assert not hasattr(found["center"][2], "draw")
    places = random.draw(torch.Generator().manual_seed(3), 3)
    chosen = (places * 49).long()
    picked = maps.flatten(2)[torch.arange(3), :, chosen]
    random.features.train()
    torch.testing.assert_close(random(images, places.double()), random.lin(picked))


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("deep_lp", {"trim": 4}, "12 x 11 pixels are too small for layers that trim 4, 4 pixels"),
        ("deep_lp", {"layers": [{"stride": 3}, {"trim": 2}]}, "layers that trim 0, 2 pixels"),
        ("deep_lp", {"widths": [3, 3]}, "2 channels, 2 kernel_sizes and 2 widths"),
        ("deep_lp", {"bank": "sith_v1", "border": "background"}, "filters that sum to one"),
        ("single_lp", {"filter_sizes": [3, 3]}, "a filter size for each of 3 numbers"),
        ("single_lp", {"filter_sizes": [3, 3, 3]}, "do not fit 6 radii"),
        ("single_lp", {"pool_out_size": [9, 1]}, "9 radii and 1 angles, and filters leave 3"),
        ("single_lp", {"pool_out_size": [1, 0]}, "greater than or equal to 1"),
        ("single_lp", {"pool_out_size": [1, 40]}, "1 radii and 40 angles, and filters leave 3"),
        ("single_lp", {"channels": [3, 0, 3]}, "greater than or equal to 1"),
        ("deep_lp", {"channels": [3, 0]}, "greater than or equal to 1"),
        ("deep_lp", {"widths": [-1]}, "greater than or equal to 1"),
        ("lp_resnet", {"ntau": 4}, "need 5 radii"),
        ("lp_resnet", {"tau_min": 7.0}, "0 < tau_min < tau_max"),
    ],
)
def test_what_does_not_fit_is_refused(name, params, message):
    with pytest.raises(ValueError, match=message):
        small(name, (1, 12, 11), **params)


def test_parts_of_layers_that_there_are_not_show_what_follows_the_last():
    network = small("deep_lp", channels=[3], kernel_sizes=[3], widths=[]).eval()
    parts = ("layer1", "layer2", "layer3")
    shown = {}
    for name in parts:
        network.get_submodule(name).register_forward_hook(
            lambda _, given, maps, name=name: shown.update({name: maps})
        )
    network(images_of())
    assert list(shown) == [*parts]
    assert all(torch.equal(maps, shown["layer1"]) for maps in shown.values())


def test_a_shortcut_to_more_channels_has_zeros_on_both_sides():
    wide = small("lp_resnet").blocks[1]
    found = wide._widened(torch.ones(1, 16, 1, 1)).flatten().tolist()
    assert found == 8 * [0] + 16 * [1] + 8 * [0]
