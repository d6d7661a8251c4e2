"""Networks of torchvision and others, made invariant, in float64."""

import contextlib
import copy
import io
import itertools
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision import models
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.vgg import make_layers

from isotrope.layers import forced, shift_invariant
from isotrope.layers.blur import BlurPool
from isotrope.layers.invariance_report import change_under_rolls
from isotrope.layers.polyphase import APS, LPD
from isotrope.layers.sampling_step import SamplingStep


class Branches(nn.Module):
    """A residual network whose modules are called otherwise, with the shortcut first."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.beta = nn.ModuleList(Pair(8 * 2**i, 16 * 2**i) for i in range(2))
        self.gamma = Slices()
        self.last = nn.Linear(32, 5)

    def forward(self, images):
        maps = F.relu(self.first(images))
        for pair in self.beta:
            maps = pair(maps)
        maps = F.dropout(self.gamma(maps), 0.5, self.training)
        return self.last(F.relu(maps).mean([-2, -1]))


class Pair(nn.Module):
    def __init__(self, inside, outside):
        super().__init__()
        self.side = nn.Sequential(nn.Conv2d(inside, outside, 1, 2), nn.BatchNorm2d(outside))
        self.p = nn.Conv2d(inside, outside, 3, 2, 2, dilation=2)
        self.q = nn.Conv2d(outside, outside, 3, padding=1)

    def forward(self, maps):
        beside = self.side(maps)
        return F.relu(self.q(F.relu(self.p(maps))) + beside)


class Slices(nn.Module):
    def forward(self, maps):
        small = maps[:, :, ::2, ::2]
        return small * 0.5 + F.max_pool2d(maps, 3, stride=2, padding=1) + F.avg_pool2d(maps, 2)


DROPS = ("Dropout", "StochasticDepth")


def vgg():
    found = models.VGG(make_layers([8, "M", 16, "M", 16, "M"]), init_weights=False)
    found.classifier = nn.Linear(16 * 49, 5)
    return found


def densenet():
    return models.DenseNet(8, (2, 2, 2, 2), num_init_features=16, num_classes=5, drop_rate=0.1)


def convnext():
    widths = (8, 16, 24, 32, None)
    stages = [CNBlockConfig(*pair, 1) for pair in itertools.pairwise(widths)]
    return ConvNeXt(stages, stochastic_depth_prob=0.5, layer_scale=1.0, num_classes=5)


NETWORKS = {
    "resnet": lambda: models.resnet18(num_classes=5),  # of full width, the others narrow
    "mobilenet_v2": lambda: models.mobilenet_v2(num_classes=5, width_mult=0.25),
    "mobilenet_v3": lambda: models.mobilenet_v3_small(num_classes=5, width_mult=0.5),
    "densenet": densenet,
    "convnext": convnext,
    "branches": Branches,
}


def made(name, seed=0):
    """A network in float64, in evaluation, whose norms have seen something."""
    torch.manual_seed(seed)
    found = {**NETWORKS, "vgg": vgg}[name]().double().eval()
    for module in found.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return found


def images(*shape):
    return torch.randn(1, *shape, generator=torch.Generator().manual_seed(1)).double()


def change(network, batch, rolls=((-5, 11),)):
    """The largest change of an output by a roll, in units of the largest output."""
    with torch.no_grad():
        expected = network(batch)
        found = [network(batch.roll(roll, (-2, -1))) for roll in rolls]
    return max((one - expected).abs().max() for one in found) / expected.abs().max()


@pytest.mark.parametrize("method", ["aps", "lps"])
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_with_a_global_mean_are_exact(name, method):
    before = made(name)

    network = shift_invariant(before, method)

    assert network.report.exact
    assert network.report.sentences == ()
    assert network.report.measured_error < 1e-10
    assert change(network, images(3, 96, 64)) < 1e-10
    assert change(before, images(3, 96, 64)) > 1e-6
    kinds = {type(one.layer) for one in network.modules() if isinstance(one, SamplingStep)}
    assert kinds <= {APS, LPD}
    assert (LPD in kinds) == (method == "lps")


@pytest.mark.parametrize("name", [*NETWORKS, "vgg"])
def test_phase_0_with_the_original_padding_is_the_network_as_it_was(name):
    before, batch = made(name), images(3, 64, 64)
    with pytest.warns(UserWarning, match="original padding does not go around the edge"):
        network = shift_invariant(before, "aps", padding="original")

    with torch.no_grad():
        expected = before(batch)
        with forced(network, phase=0):
            found = network(batch)

    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    with torch.no_grad(), forced(network, phase=3):
        assert (network(batch) - expected).abs().max() > 1e-6 * expected.abs().max()


def test_of_two_branches_one_chooses_and_the_other_follows():
    resnet = shift_invariant(made("resnet"), "aps").report.samplings
    branches = shift_invariant(made("branches"), "aps").report.samplings

    assert resnet == {
        "conv1": (),
        "maxpool": (),
        **{f"layer{i}_0_conv1": (f"layer{i}_0_downsample_0",) for i in (2, 3, 4)},
    }
    assert branches == {
        "beta_0_side_0": ("beta_0_p",),
        "beta_1_side_0": ("beta_1_p",),
        "getitem": ("max_pool2d", "avg_pool2d"),
    }


@pytest.mark.parametrize(
    ("name", "method", "sentence"),
    [
        ("vgg", "lps", "makes maps of 7 x 7 places of maps of 8 x 8 pixels"),
        ("branches", "blur", "a blur weakens"),
        ("branches", "ideal", "activations behind the ideal filter"),
    ],
)
def test_what_is_not_exact_says_why_and_by_how_much(name, method, sentence):
    with pytest.warns(UserWarning, match=sentence):
        network = shift_invariant(made(name), method)

    assert not network.report.exact
    assert sentence in " ".join(network.report.sentences)
    assert network.report.measured_error > 1e-6
    assert change(network, images(3, 64, 64)) > 1e-6


def test_a_blur_changes_less_than_a_stride():
    before = made("branches")
    with pytest.warns(UserWarning, match="a blur weakens"):
        blurred = shift_invariant(before, "blur", antialias=5)

    with torch.no_grad(), forced(blurred):
        strided = change(blurred, images(3, 64, 64))
    assert change(blurred, images(3, 64, 64)) < 0.7 * strided
    assert any(isinstance(module, BlurPool) for module in blurred.modules())


class Own(nn.Module):
    """A step that fx traces, made of one function."""

    def __init__(self, function):
        super().__init__()
        self.convolution = nn.Conv2d(3, 5, 3, padding=1)
        self.function = function

    def forward(self, images):
        return self.function(self.convolution(images))


def twofold(maps):
    """A stride of 4, and twice 2, joined."""
    small = F.max_pool2d(F.max_pool2d(maps.roll(1, -1), 2), 2)
    return (F.max_pool2d(maps, 4) - small).relu()


def pooled(maps):
    return F.adaptive_avg_pool2d(maps, 1).flatten(1)


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda maps: maps.flatten(1), "makes vectors of maps of 8 x 8 pixels"),
        (lambda maps: maps[:, :, 0, 0], "makes vectors of maps of 8 x 8 pixels"),
        (lambda maps: maps.mean(2), "makes vectors of maps of 8 x 8 pixels"),
        (
            lambda maps: pooled(F.interpolate(maps, (5, 5)).relu()),
            "`interpolate` makes 5 x 5 pixels of maps",
        ),
        (lambda maps: pooled((maps + torch.arange(8.0)).relu()), "numbers for each place"),
        (lambda maps: pooled(twofold(maps)), "behind the strides"),
        (lambda maps: pooled(F.pad(maps, (1, 0)).diff().relu()), "makes 8 x 9 pixels of maps"),
        (lambda maps: pooled(maps.cumsum(-1).relu()), "no step is known"),
    ],
)
def test_steps_that_follow_no_shift_are_named(function, sentence):
    network = Own(function).double()

    with pytest.warns(UserWarning, match=sentence):
        found = shift_invariant(network, image_shape=(3, 8, 8))

    assert not found.report.exact
    assert change(found, images(3, 8, 8), ((1, 0), (0, 1), (2, 3))) > 1e-6


def test_it_trains_with_a_gradient_for_every_parameter():
    network = shift_invariant(made("branches").float().train(), "lps", logit_width="tiny")
    labels = torch.tensor([1])

    F.cross_entropy(network(images(3, 64, 64).float()), labels).backward()

    assert network.training
    without = [name for name, one in network.named_parameters() if one.grad is None]
    assert without == []
    drops = [one for one in network.modules() if isinstance(one, nn.Dropout)]
    assert [one.training for one in drops] == [True]


@pytest.mark.parametrize("name", ["densenet", "convnext"])
def test_what_drops_numbers_does_so_in_training_alone(name):
    network, batch = shift_invariant(made(name), "aps"), images(3, 64, 64)

    with torch.no_grad():
        assert torch.equal(network(batch), network(batch))
        drops = [one for one in network.modules() if type(one).__name__ in DROPS]
        network.train()
        outputs = [network(batch) for _ in range(4)]
    assert drops
    assert not all(torch.equal(one, outputs[0]) for one in outputs)


def test_weights_stay_under_their_names_and_the_given_network_is_untouched():
    before = made("resnet").train()
    before.bn1.eval()
    expected = copy.deepcopy(before.state_dict())

    network = shift_invariant(before, "lps", logit_width="small")

    found = network.state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    new = set(found) - set(expected)
    assert new
    assert all(name.startswith("shift_samplings.") for name in new)
    assert before.conv1.stride == (2, 2)
    assert (network.training, network.bn1.training, network.layer1.training) == (True, False, True)
    assert network.shift_samplings.conv1.layer.training
    assert all(torch.equal(before.state_dict()[name], value) for name, value in expected.items())


def test_it_is_copied_saved_and_loaded():
    before, batch = made("branches"), images(3, 64, 64)
    network = shift_invariant(before, "lps")
    other = shift_invariant(made("branches", seed=5), "lps")
    file = io.BytesIO()

    torch.save(network.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))

    copied = copy.deepcopy(network)
    with torch.no_grad():
        expected = network(batch)
        assert torch.equal(other(batch), expected)
        assert torch.equal(copied(batch), expected)
    assert copied.report == network.report
    assert "exactly shift-invariant" in str(copied.report)


@pytest.mark.parametrize("sides", [(9, 12), (15, 7)])
def test_odd_sides_are_refused_or_go_around_the_edge(sides):
    before, batch = made("branches"), images(3, *sides)
    network = shift_invariant(before, "lps")
    around = shift_invariant(before, "aps", indivisible="wrap")

    with pytest.raises(ValueError, match="does not divide maps of"):
        network(batch)
    assert change(around, batch) < 1e-10


def test_strides_that_differ_and_unknown_words_are_refused():
    uneven = nn.Sequential(nn.Conv2d(3, 4, 3, stride=(2, 1)))
    with pytest.raises(ValueError, match="strides 2 and 1 along both axes differ"):
        shift_invariant(uneven)
    indices = nn.Sequential(nn.MaxPool2d(2, return_indices=True))
    with pytest.raises(ValueError, match="returns indices"):
        shift_invariant(indices)
    for word in ({"method": "apse"}, {"padding": "zeros"}, {"logit_width": "wide"}):
        with pytest.raises(ValueError, match="must be one of"):
            shift_invariant(uneven, **word)
    with pytest.raises(ValueError, match="no samplings"), forced(uneven):
        pass
    small = shift_invariant(made("branches"))
    with pytest.raises(ValueError, match="must be 0 to 3"), forced(small, 4):
        pass


class Branching(nn.Module):
    def forward(self, images):
        return images if images.sum() > 0 else -images


def test_what_cannot_be_traced_or_run_says_what_to_do(capfd):
    with pytest.raises(ValueError, match="must not depend on the values or sizes"):
        shift_invariant(Branching())
    with pytest.raises(ValueError, match="say image_shape") as found:
        shift_invariant(nn.Sequential(nn.Conv2d(1, 4, 3)))
    assert "\n" not in str(found.value)
    assert capfd.readouterr().err == ""  # no trace of how the shapes were looked for


def test_steps_of_training_alone_are_told_of():
    class Twofold(nn.Module):
        def __init__(self):
            super().__init__()
            self.convolution = nn.Conv2d(3, 4, 3, 2, 1)

        def forward(self, images):
            maps = self.convolution(images).relu()
            return (maps * 2 if self.training else maps).mean((2, 3))

    network = shift_invariant(Twofold())

    assert network.report.exact
    assert "takes other steps in training" in network.report.sentences[0]


class Answering(nn.Module):
    """Gives what a function makes of images."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, images):
        return self.answer(images)


def test_any_pooling_is_what_it_was_at_phase_0():
    layers = [
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.MaxPool2d(2, 3, 1, dilation=1),
        nn.AvgPool2d(3, 2, 1),
        nn.AvgPool2d(3, 2, 1, count_include_pad=False),
        nn.AvgPool2d(3, 2, 1, ceil_mode=True),
        nn.AvgPool2d(2, 3, divisor_override=3),
        nn.Conv2d(3, 3, 3, 2, 1, padding_mode="reflect"),
        nn.Conv2d(3, 3, 5, 3, padding="valid", groups=3),
        nn.MaxPool2d(3, 2, 1, dilation=2),
        Answering(lambda maps: F.max_pool2d(maps, 3, 2, 1, 2, True)),
        Answering(lambda maps: F.max_pool2d(input=maps, kernel_size=(2, 3), stride=3)),
        Answering(lambda maps: F.avg_pool2d(maps, 3, 2, 1, True, False)),
        Answering(lambda maps: F.avg_pool2d(maps, 2, divisor_override=3)),
    ]
    for layer in layers:
        for sides in ((11, 12), (13, 10)):
            before, batch = nn.Sequential(layer).double(), images(3, *sides)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                network = shift_invariant(
                    before, padding="original", image_shape=(3, *sides), indivisible="zeros"
                )
            with torch.no_grad(), forced(network):
                found = network(batch)
            torch.testing.assert_close(found, before(batch), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (lambda maps: maps[..., ::2, ::2], None),
        (lambda maps: maps[:, :, ::2, ::2], None),
        (lambda maps: maps[:, ::2], None),
        (lambda maps: maps[:, ::2, ...], None),
        (lambda maps: maps[:, ::2, ::2, ::2], "makes 4 x 4 pixels of maps of 8 x 8"),
        (lambda maps: maps[:, :, 1::2, 1::2], "makes 4 x 4 pixels of maps of 8 x 8"),
        (lambda maps: maps[:, :, :6:2, :6:2], "makes 3 x 3 pixels of maps of 8 x 8"),
    ],
)
def test_of_slices_those_of_every_nth_row_and_column_choose_a_phase(part, sentence):
    before = Own(lambda maps: pooled(part(maps).relu())).double()
    batch = images(3, 8, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        network = shift_invariant(before, image_shape=(3, 8, 8))
        strided = shift_invariant(before, image_shape=(3, 8, 8), padding="original")
    assert network.report.exact == (sentence is None)
    assert sentence is None or sentence in " ".join(network.report.sentences)
    phase = forced(strided) if strided.report.samplings else contextlib.nullcontext()
    with torch.no_grad(), phase:
        torch.testing.assert_close(strided(batch), before(batch), rtol=0, atol=1e-12)


@pytest.mark.parametrize("cut", [lambda maps: maps[:, :, ::2], lambda maps: maps[..., ::2]])
def test_rows_or_columns_alone_have_no_phase(cut):
    with pytest.raises(ValueError, match=r"its strides . and . along both axes differ"):
        shift_invariant(Own(lambda maps: pooled(cut(maps))), image_shape=(3, 8, 8))


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (nn.LPPool2d(2, 2), "LPPool2d is not known here"),
        (nn.Unfold(2), "Unfold is not known here"),
        (Answering(lambda maps: F.conv2d(maps, torch.ones(2, 3, 2, 2))), "a module, nn.Conv2d"),
        (Answering(lambda maps: F.lp_pool2d(maps, 2.0, 2)), r"a module, nn\.\.\.\."),
    ],
)
def test_windows_that_are_not_known_are_refused(network, said):
    with pytest.raises(ValueError, match=rf"cannot be made invariant: .*{said}"):
        shift_invariant(nn.Sequential(network), image_shape=(3, 8, 8))


def test_a_norm_over_places_keeps_a_network_from_being_exact():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.LayerNorm((4, 8, 8)))
    with pytest.warns(UserWarning, match="`1` treats each place of a map by itself"):
        shift_invariant(network, image_shape=(3, 8, 8))


class Even(nn.Module):
    """Adds a window of an even height to its maps."""

    def __init__(self):
        super().__init__()
        self.window = nn.Conv2d(3, 3, (4, 3), padding="same", dilation=(1, 2))

    def forward(self, maps):
        return (maps + self.window(maps)).relu().amax((2, 3))


@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_the_border_of_an_even_window_goes_around_the_edge_as_torch_pads_it():
    before, batch = Even().double(), images(3, 8, 8)
    network = shift_invariant(before, image_shape=(3, 8, 8))
    around = F.pad(batch, (2, 2, 1, 2), mode="circular")
    beside = F.conv2d(around, before.window.weight, before.window.bias, dilation=(1, 2))
    expected = (batch + beside).relu().amax((2, 3))
    torch.testing.assert_close(network(batch), expected, rtol=0, atol=1e-12)


def test_a_function_that_drops_numbers_drops_as_many():
    drop = Own(lambda maps: pooled(F.dropout(F.alpha_dropout(maps, p=0.25), 0.125).relu()))
    network = shift_invariant(drop, image_shape=(3, 4, 4))
    drops = [one for one in network.modules() if "Dropout" in type(one).__name__]
    assert [type(one) for one in drops] == [nn.AlphaDropout, nn.Dropout]
    assert [one.p for one in drops] == [0.25, 0.125]


def test_it_compiles():
    network = shift_invariant(made("branches"), "aps")
    batch = images(3, 32, 32)

    with torch.no_grad():
        found = torch.compile(network, backend="eager", fullgraph=True)(batch)
        torch.testing.assert_close(found, network(batch))


@pytest.mark.parametrize("form", [tuple, list, lambda several: dict(enumerate(several))])
@pytest.mark.parametrize("place", [0, 1])
def test_the_output_that_changes_most_is_the_one_that_counts(form, place):
    def answer(images):
        several = [images.sum(dim=(1, 2, 3)), images.mean(dim=(2, 3))]
        several.insert(place, images[:, 0, 0])
        return form(several)

    assert change_under_rolls(Answering(answer), (2, 6, 6)) > 0.1
    exact = Answering(lambda images: form([images.amax(dim=(2, 3)), images.amin(dim=(2, 3))]))
    assert change_under_rolls(exact, (2, 6, 6)) == 0


def test_an_answer_that_is_no_number_is_not_called_steady():
    nothing = Answering(lambda images: images.amax(dim=(2, 3)) * torch.nan)
    assert torch.tensor(change_under_rolls(nothing, (1, 4, 4))).isnan()
