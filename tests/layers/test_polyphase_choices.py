"""How phases are chosen and mixed, in training and in tests, and what is put back."""

import math

import pytest
import torch
from polyphase_layers import NAMES, Blur, drawn, pooled
from torch.nn import functional as F

from isotrope.layers import APS, LPD, LPU, APSUp
from isotrope.layers.downsampling import Selection, phases, taken
from isotrope.layers.phase_choice import hardest


@pytest.mark.parametrize("mode", ["gumbel", "straight_through", "convex"])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_every_parameter_in_training(name, mode):
    torch.manual_seed(0)
    layer = LPD(4, logits=name, train_mode=mode).double()
    maps = torch.randn(4, 4, 6, 8, dtype=torch.float64, requires_grad=True)

    F.cross_entropy(pooled(layer(maps)), torch.arange(4)).backward()

    # what a constant adds to all logits alike changes no choice
    alike = {"conv2.bias", "beta.conv2.bias", "conv.bias", "node2.bias"}
    for key, parameter in layer.component_selection.named_parameters():
        assert parameter.grad is not None
        assert key in alike or parameter.grad.abs().max() > 0, key
    assert maps.grad.abs().max() > 0


def test_modes_are_softmaxes_of_logits_and_noise():
    layer, maps = drawn("convolutions", 0, (6, 6), 2)
    layer.train().gumbel_tau.fill_(0.3)
    noise = -torch.empty(2, 4, dtype=torch.float64).exponential_().log()
    logits = layer.component_selection(maps)
    expected = {
        "gumbel": ((logits + noise) / 0.3).softmax(-1),
        "convex": (logits / 0.3).softmax(-1),
        "straight_through": F.one_hot((logits + noise).argmax(-1), 4).double(),
    }
    tau = layer.gumbel_tau.item()
    assert tau == pytest.approx(0.3)
    for mode, weights in expected.items():
        layer.train_mode = mode
        small, selection = layer.down(maps, noise=noise)
        torch.testing.assert_close(selection.weights, weights, rtol=0, atol=1e-7)
        mixed = torch.einsum("bk,bkchw->bchw", weights, phases(maps, 2))
        torch.testing.assert_close(small, mixed, rtol=0, atol=1e-6)
        assert selection.index is None
        assert torch.equal(selection.logits, logits)
    layer.train_mode = "hard"
    assert torch.equal(layer.down(maps)[1].index, logits.argmax(-1))
    layer.eval().test_mode = "gumbel"
    torch.testing.assert_close(layer.down(maps, noise=noise)[1].weights, expected["gumbel"])


def test_a_straight_choice_has_the_gradient_of_the_mixture():
    layer, maps = drawn("convolutions", 0, (6, 6), 2)
    layer.train()
    noise = torch.randn(2, 4, dtype=torch.float64)
    gradients = []
    for mode in ("straight_through", "gumbel"):
        layer.train_mode = mode
        weights = layer.down(maps, noise=noise)[1].weights
        total = (weights * torch.arange(8.0).view(2, 4)).sum()
        gradients.append(torch.autograd.grad(total, list(layer.parameters())))

    torch.testing.assert_close(*gradients)


def test_noise_that_is_not_given_is_drawn_by_torch():
    layer, maps = drawn("convolutions", 0, (6, 6), 2)
    layer.train()
    torch.manual_seed(3)
    found = layer.down(maps)[1].weights
    torch.manual_seed(3)
    noise = -torch.empty(2, 4, dtype=torch.float64).exponential_().log()

    assert torch.equal(found, layer.down(maps, noise=noise)[1].weights)
    assert not torch.equal(found, layer.down(maps)[1].weights)


def test_no_temperature_is_too_low():
    layer, maps = drawn("convolutions", 0, (6, 6), 2)
    layer.float().train().gumbel_tau.zero_()
    maps = maps.float().requires_grad_()

    small, selection = layer.down(maps)
    small.sum().backward()

    assert selection.weights.sum(-1).eq(1).all()
    assert maps.grad.isfinite().all()
    assert all(one.grad.isfinite().all() for one in layer.parameters())


def test_alike_phases_go_to_the_first():
    for layer in (LPD(3).eval(), APS()):
        small, selection = layer.down(torch.zeros(2, 3, 4, 4))
        assert selection.index.tolist() == [0, 0]
        assert torch.equal(small, torch.zeros(2, 3, 2, 2))


def test_the_shortcut_takes_the_selection_of_the_main_branch():
    layer, maps = drawn("convolutions", 0, (6, 6), 2)
    for training in (False, True):
        _, selection = layer.train(training).down(maps)
        wide = torch.randn(2, 7, 6, 6, dtype=torch.float64)
        for shortcut in (LPD(7), APS()):
            found, given = shortcut.down(wide, selection)
            assert given is selection
            assert torch.equal(found, taken(wide, selection, 2))


def test_unfiltered_maps_may_choose_what_is_filtered():
    torch.manual_seed(0)
    maps = torch.randn(32, 4, 6, 6)
    for layer in (LPD(4).eval(), APS()):
        plain = layer.down(maps)[1]
        layer.antialias, layer.select_from = Blur(), "unfiltered"
        small, selection = layer.down(maps)
        assert torch.equal(selection.index, plain.index)
        assert torch.equal(small, taken(Blur()(maps), plain, 2))
        layer.select_from = "filtered"
        filtered = layer.down(maps)[1]
        assert torch.equal(filtered.index, type(layer).down(layer, maps)[1].index)
        assert not torch.equal(filtered.index, plain.index)


@pytest.mark.parametrize(
    ("norm", "size"), [(1, (6, 4)), (2, (5, 4)), (3, (5, 4)), (math.inf, (6, 4))]
)
def test_the_norm_is_that_of_each_candidate(size, norm):
    torch.manual_seed(0)
    maps = torch.randn(3, 2, *size, dtype=torch.float64, requires_grad=True)
    layer = APS(norm=norm, indivisible="error" if norm == math.inf else "wrap")

    small, selection = layer.down(maps)

    expected = torch.linalg.vector_norm(phases(maps, 2), norm, dim=(2, 3, 4))
    torch.testing.assert_close(selection.logits, expected, rtol=0, atol=1e-12)
    assert torch.equal(selection.index, expected.argmax(-1))
    assert not selection.logits.requires_grad
    assert small.requires_grad


def test_up_holds_the_maps_at_their_phase_and_zeros_elsewhere():
    maps = torch.arange(1.0, 5).view(1, 1, 2, 2)
    chosen = Selection(torch.zeros(1, 4), None, torch.tensor([2]))

    found = APSUp()(maps, chosen)[0, 0]

    assert found.tolist() == [[0, 0, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0]]
    mixed = Selection(torch.zeros(1, 4), torch.tensor([[0.1, 0.2, 0.3, 0.4]]), None)
    expected = F.pixel_shuffle(maps.repeat_interleave(4, 1) * mixed.weights.view(1, 4, 1, 1), 2)
    assert torch.equal(LPU()(maps, mixed), expected)


def test_up_may_draw_anew_in_training():
    layer, maps = drawn("convolutions", 0, (6, 6), 2)
    small, selection = layer.train().down(maps)
    up = LPU(fresh_sample=True)
    up.gumbel_tau.fill_(0.2)
    noise = torch.randn(2, 4, dtype=torch.float64)
    weights = ((selection.logits + noise) / up.gumbel_tau.double()).softmax(-1)

    found = up(small, selection, noise)

    expected = LPU()(small, selection._replace(weights=weights))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    assert torch.equal(up.eval()(small, selection, noise), LPU()(small, selection))


def test_mistakes_are_named():
    maps = torch.zeros(1, 4, 6, 7)
    for layer in (LPD(4), APS()):
        with pytest.raises(ValueError, match=r"stride of 2 does not .* 6 x 7 .*'wrap'.*'zeros'"):
            layer(maps)
    with pytest.raises(ValueError, match=r"train_mode must be one of gumbel, .*, got 'soft'"):
        LPD(4, train_mode="soft")
    with pytest.raises(ValueError, match="test_mode must be one of hard"):
        LPD(4, test_mode="straight_through")
    with pytest.raises(ValueError, match="indivisible must be one of error, wrap, zeros"):
        APS(indivisible="pad")
    with pytest.raises(ValueError, match="select_from must be one of"):
        APS(select_from="both")
    with pytest.raises(ValueError, match=r"at least 1, got 0\.5"):
        APS(norm=0.5)
    with pytest.raises(ValueError, match="candidates share pixels"):
        APS(norm=math.inf, indivisible="wrap")
    with pytest.raises(ValueError, match="at least 2, got 1"):
        LPU(stride=1)


@pytest.mark.parametrize("stride", [2, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_of_phases_that_tie_the_largest_is_kept_so_that_the_choice_follows_shifts(stride, dtype):
    torch.manual_seed(3)
    layer, up = LPD(3, hidden=2, stride=stride).to(dtype).eval(), LPU(stride=stride)
    with torch.no_grad():
        layer.component_selection.conv1.bias.fill_(-100)  # all units are silent
    maps = torch.randn(8, 3, 4 * stride, 2 * stride, dtype=dtype)
    small, selection = layer.down(maps)

    assert torch.equal(selection.logits, selection.logits[:, :1].expand_as(selection.logits))
    norms = phases(maps, stride).flatten(2).norm(dim=2)
    assert torch.equal(selection.index, norms.argmax(-1))
    assert len(selection.index.unique()) > 1
    large = up(small, selection)
    for shift in [(1, 0), (0, 1), (stride - 1, 2 * stride + 1), (-1, -3)]:
        moved = up(*layer.down(maps.roll(shift, (2, 3))))
        assert torch.equal(moved, large.roll(shift, (2, 3)))


def test_a_tie_of_some_phases_does_not_let_the_others_in():
    logits = torch.tensor([[1.0, 2.0, 2.0, 0.0], [3.0, 0.0, 3.0, 3.0], [0.0, 0.0, 0.0, 1.0]])
    norms = torch.tensor([[9.0, 1.0, 2.0, 9.0], [1.0, 9.0, 0.5, 1.5], [9.0, 9.0, 9.0, 0.1]])
    assert hardest(logits, norms).index.tolist() == [2, 3, 3]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_logits_that_differ_by_rounding_tie_and_others_do_not(dtype):
    step = torch.finfo(dtype).eps
    logits = torch.tensor([[-8, -8 * (1 + 4 * step)], [1, 1 - 100 * step]], dtype=dtype)
    norms = torch.tensor([[1.0, 2.0], [1.0, 2.0]], dtype=dtype)
    assert hardest(logits, norms).index.tolist() == [1, 0]
