import pytest
import torch
from attacked_networks import Small, between_two, own_labels, some_images

from isotrope.attacks import apgd
from isotrope.attacks.apgd import _State, checkpoints
from isotrope.attacks.losses import margin


def test_checkpoints_are_those_of_the_paper():
    # shares .22, .41, .57, .70, .80, .87, .93, .99 of all steps
    assert checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert checkpoints(10) == [3, 5, 6, 7, 8, 9, 10]
    assert checkpoints(1) == [1]


def test_step_sizes_are_not_halved_twice_in_a_row_for_want_of_a_better_point():
    ones = torch.ones(4)
    points = ones.view(4, 1, 1, 1)
    state = _State(points, ones, points, size=0.4)
    state.rises = torch.tensor([3.0, 3.0, 2.0, 3.0])  # of 4 steps: three quarters suffice
    state.best_value = torch.tensor([1.0, 1.0, 2.0, 1.1])
    state.halved = torch.tensor([False, True, True, False])
    state.check(4)
    assert state.size.tolist() == pytest.approx([0.2, 0.4, 0.2, 0.4])
    assert state.halved.tolist() == [True, False, True, False]
    assert state.value.tolist() == pytest.approx([1, 1, 2, 1])  # the halved ones at their best
    assert not state.rises.any()
    state.rises += 3
    state.check(4)  # none has gained since
    assert state.size.tolist() == pytest.approx([0.2, 0.2, 0.2, 0.2])


@pytest.mark.parametrize("loss", ["cross_entropy", "margin"])
@pytest.mark.parametrize(("norm", "dual"), [("linf", 1), ("l2", 2)])
def test_the_best_attack_on_a_linear_network_is_reached(norm, dual, loss):
    network, slope = between_two(0)
    images = some_images(6, side=4, dtype=torch.float64) * 0.2 + 0.4
    labels = torch.tensor([0, 1, 0, 1, 0, 1])
    found = apgd(network, images, labels, eps=0.05, steps=60, norm=norm, loss=loss)
    before, after = (margin(network(one).detach(), labels) for one in (images, found.images))
    best = 0.05 * torch.linalg.vector_norm(slope, dual)
    assert (after - before).tolist() == pytest.approx([best.item()] * 6, rel=1e-9)


def test_a_loss_that_is_flat_behind_the_border_hides_no_gradients():
    """The logit ratio is 1 wherever the label is third."""
    network, images = Small(), some_images(60)
    labels = own_labels(network, images)
    found = apgd(network, images, labels, eps=0.3, steps=5, loss="logit_ratio")
    logits = network(found.images).detach()
    third = logits.argsort(dim=1, descending=True)[:, 2] == labels
    assert third.any()
    assert found.zero_gradients.nan_to_num(0.0).max() == 0


def test_a_narrow_valley_is_followed_by_smaller_steps():
    """The loss is largest along a ridge that no step of fixed size stays on."""

    def ridge(images):
        along, across = images.flatten(1).unbind(dim=1)
        height = along - 50 * (across - 0.5).square()
        return torch.stack((torch.zeros_like(height), height - 10), dim=1)

    images = torch.tensor([0.4, 0.3], dtype=torch.float64).view(1, 1, 1, 2)
    labels = torch.tensor([0])
    found = apgd(ridge, images, labels, eps=0.25, steps=100, loss="margin")
    best = torch.tensor([[0.65, 0.5]])
    torch.testing.assert_close(found.images.flatten(1), best.double(), rtol=0, atol=0.01)
