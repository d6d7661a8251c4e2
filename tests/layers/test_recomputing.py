"""Computations in pieces: the numbers and gradients of one piece, alone and in a stack."""

import pytest
import torch
from torch.func import vmap

from isotrope.layers.recomputing import in_pieces


def compute(piece, images, weights, shifts):
    some = images[2 * piece : 2 * piece + 2]
    found = (some @ weights).sin() * (1 + shifts[piece])
    return found, found.sum(dim=0, keepdim=True)


def at_once(images, weights, shifts):
    parts = [compute(piece, images, weights, shifts) for piece in range(3)]
    return tuple(torch.cat(both) for both in zip(*parts, strict=True))


def loss(pair):
    return (pair[0] ** 2).sum() + (pair[1] ** 3).sum()


@pytest.fixture
def images():
    return torch.rand(6, 5, dtype=torch.float64, requires_grad=True)


def test_pieces_have_the_values_and_gradients_of_the_whole(images):
    weights, shifts = torch.rand(5, 4, dtype=torch.float64, requires_grad=True), torch.arange(3)
    given = (images, weights, shifts)

    found, expected = in_pieces(compute, 3, given), at_once(*given)

    torch.testing.assert_close(found, expected)
    gradients = torch.autograd.grad(loss(found), given[:2])
    torch.testing.assert_close(gradients, torch.autograd.grad(loss(expected), given[:2]))


def test_a_stack_of_weights_has_the_gradients_of_each(images):
    weights = torch.rand(7, 5, 4, dtype=torch.float64, requires_grad=True)
    shifts = torch.randint(0, 5, (7, 3))

    def total(way):
        return vmap(lambda *row: loss(way(images, *row)))(weights, shifts).sum()

    found = torch.autograd.grad(total(lambda *given: in_pieces(compute, 3, given)), weights)
    torch.testing.assert_close(found, torch.autograd.grad(total(at_once), weights))


def test_inner_results_of_several_pieces_are_not_kept(images):
    kept = []

    def pack(tensor):
        kept.append(tensor.numel())
        return tensor

    def wide(piece, images):
        return ((images[piece : piece + 1, :1] * torch.ones(1000).double()).exp().sum()[None],)

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        in_pieces(wide, 6, (images,))[0].sum()
    assert max(kept) == images.numel()
