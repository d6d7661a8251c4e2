import pytest
import torch
from torch.func import vmap
from torch.nn import functional as F

from isotrope.layers import forms
from isotrope.training.cross_entropy import cross_entropy


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
