"""The LSTM cell beside torch's own."""

import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

from isotrope.layers.recurrent_cell import RecurrentCell


def drawn(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_weights_and_their_first_draw_are_those_of_torch():
    torch.manual_seed(3)
    own = RecurrentCell(5, 4).state_dict()
    torch.manual_seed(3)
    theirs = nn.LSTMCell(5, 4).state_dict()
    assert list(own) == list(theirs)
    assert all(torch.equal(own[name], theirs[name]) for name in own)


def test_numbers_and_gradients_over_some_steps_are_those_of_torch():
    own, theirs = RecurrentCell(5, 4).double(), nn.LSTMCell(5, 4).double()
    theirs.load_state_dict(own.state_dict())
    state = other = None
    for given in drawn(4, 3, 5):
        state, other = own(given, state), theirs(given, other)
        for found, expected in zip(state, other, strict=True):
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-14)

    (state[0].square().sum() + state[1].sum()).backward()
    (other[0].square().sum() + other[1].sum()).backward()

    for found, expected in zip(own.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(found.grad, expected.grad, rtol=0, atol=1e-13)


def test_a_stack_of_cells_is_each_of_them():
    cells = [RecurrentCell(5, 4).double() for _ in range(3)]
    given, state = drawn(2, 5), (drawn(2, 4), drawn(2, 4) + 1)

    def run(weights):
        return functional_call(cells[0], weights, (given, state))

    found = vmap(run)(stack_module_state(cells)[0])

    for row, cell in enumerate(cells):
        for one, expected in zip(found, cell(given, state), strict=True):
            torch.testing.assert_close(one[row], expected, rtol=0, atol=1e-14)


def test_it_computes_under_autocast():
    cell = RecurrentCell(5, 4)
    with torch.autocast("cpu", torch.bfloat16):
        output, memory = cell(drawn(2, 5).float())
        output, memory = cell(drawn(2, 5).float(), (output, memory))
    exact, _ = cell(drawn(2, 5).float(), cell(drawn(2, 5).float()))
    torch.testing.assert_close(output.float(), exact, rtol=0, atol=0.02)
