import pytest
import torch
from torch.func import grad, vmap

from isotrope.layers.constants import holding, made_once


def multiples():
    """A function that keeps its results, and the calls that were made of it."""
    calls = []

    @made_once
    def multiples_of(number, end):
        calls.append(number)
        return number * torch.arange(end, dtype=torch.float64)

    return multiples_of, calls


def test_what_has_the_same_arguments_is_made_once():
    multiples_of, calls = multiples()

    assert multiples_of(2, 3) is multiples_of(2, 3)
    assert multiples_of(3, 3).tolist() == [0, 3, 6]
    assert calls == [2, 3]


@pytest.mark.parametrize("transform", [vmap, grad, lambda inner: vmap(grad(inner))])
def test_what_a_transform_saw_first_is_a_plain_tensor_afterwards(transform):
    multiples_of, calls = multiples()
    values = torch.ones(3, 3, dtype=torch.float64)

    transform(lambda row: (row * multiples_of(2, 3)).sum())(values)

    assert multiples_of(2, 3).tolist() == [0, 2, 4]
    assert calls == [2]


def test_what_was_made_in_inference_mode_can_be_trained_with():
    multiples_of, _ = multiples()
    with torch.inference_mode():
        multiples_of(2, 3)
    weight = torch.ones(3, dtype=torch.float64, requires_grad=True)

    (weight * multiples_of(2, 3)).sum().backward()

    assert weight.grad.tolist() == [0, 2, 4]


def test_a_compiled_function_computes_the_same():
    multiples_of, _ = multiples()
    torch.compiler.reset()

    @torch.compile(backend="aot_eager", fullgraph=True)
    def run(rows):
        return vmap(lambda row: row + multiples_of(2, 3) + multiples_of(3, 3))(rows)

    assert run(torch.ones(1, 3, dtype=torch.float64)).tolist() == [[1, 6, 11]]


def test_whoever_records_what_is_done_can_hold_the_constants_that_it_reads():
    @made_once
    def line(length):
        return torch.arange(length)

    early = line(3)
    with holding() as held:
        late = line(4)
        again = line(3)
    line(5)

    assert [id(one) for one in held] == [id(late), id(early)]
    assert again is early
