import pytest
import torch
from operations import Operations
from torch.func import vmap
from torch.nn import functional as F

from isotrope.layers import forms
from isotrope.training.cross_entropy import cross_entropy, cross_entropy_of_masks


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("own", [False, True])
def test_in_a_stack_it_is_the_cross_entropy_of_torch_with_its_gradient(smoothing, own):
    generator = torch.Generator().manual_seed(5)
    logits = 20 * torch.randn(3, 7, 4, generator=generator, dtype=torch.float64)
    logits.requires_grad_()
    labels = torch.randint(4, (3, 7), generator=generator)
    labels = labels if own else labels[0]
    exact = torch.stack(
        [
            F.cross_entropy(row, labels[i] if own else labels, label_smoothing=smoothing)
            for i, row in enumerate(logits)
        ]
    )

    with forms.like_a_gpu(), forms.stacked(3):
        mapped = vmap(lambda row, its: cross_entropy(row, its, smoothing), (0, 0 if own else None))
        found = mapped(logits, labels)

    torch.testing.assert_close(found, exact, rtol=1e-12, atol=1e-12)
    weights = torch.tensor([1.0, 3.0, 0.5], dtype=torch.float64)
    gradients = [
        torch.autograd.grad((one * weights).sum(), logits, retain_graph=True)[0]
        for one in (found, exact)
    ]
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-12)


def test_infinite_logits_of_one_row_leave_the_others_alone():
    logits = torch.zeros(2, 3, 4)
    logits[0] = torch.inf
    with forms.like_a_gpu(), forms.stacked(2):
        found = vmap(lambda row: cross_entropy(row, torch.tensor([0, 1, 2]), 0.0))(logits)

    assert found[0].isnan()
    assert found[1] == pytest.approx(torch.tensor(4.0).log().item())


@pytest.mark.parametrize("ignore", [255, 1])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_that_of_masks_is_the_one_of_torch_with_its_gradient(smoothing, ignore):
    generator = torch.Generator().manual_seed(5)
    logits = 20 * torch.randn(3, 2, 4, 5, 6, generator=generator, dtype=torch.float64)
    logits[0, 0, 2] = -torch.inf if smoothing == 0 else -1e5  # a class that is never right
    logits.requires_grad_()
    labels = torch.randint(4, (2, 5, 6), generator=generator)
    labels = torch.where(
        (labels == 2) | (torch.rand(2, 5, 6, generator=generator) < 0.2), 1, labels
    )
    labels = torch.where(labels == 1, ignore, labels)

    def loss(row):
        return cross_entropy_of_masks(row, labels, ignore, smoothing)

    exact = torch.stack([loss(row) for row in logits])  # on a CPU torch's own
    with forms.like_a_gpu():
        alone = torch.stack([loss(row) for row in logits])
        stacked = vmap(loss)(logits)

    for found in (alone, stacked):
        torch.testing.assert_close(found, exact, rtol=1e-12, atol=1e-12)
        gradients = [
            torch.autograd.grad(one.square().sum(), logits, retain_graph=True)[0]
            for one in (found, exact)
        ]
        torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rows", [1, 3])
def test_that_of_masks_neither_scatters_nor_adds_in_an_order_that_varies(rows):
    logits = torch.zeros(rows, 2, 4, 5, 6, device="meta", requires_grad=True)
    labels = torch.zeros(2, 5, 6, dtype=torch.int64, device="meta")

    def loss(row):
        return cross_entropy_of_masks(row, labels, 255, 0.1)

    with Operations() as counted:
        found = loss(logits[0])[None] if rows == 1 else vmap(loss)(logits)
        torch.autograd.grad(found.sum(), logits)

    assert not [name for name in counted.launches if "nll" in name or "scatter" in name]
