"""How many operations reach a GPU when networks are tested, and that none waits for the host."""

import pytest
from operations import of_answers

from isotrope import registry

MOST = 250  # of a batch that the layers need not split for its memory


@pytest.mark.parametrize("model", registry.names("models"))
def test_a_stack_under_test_takes_few_launches_and_never_meets_the_host(model):
    counted = of_answers(model, rows=25, batch_size=16)
    assert counted.launches.total() <= MOST
    assert not counted.meets_the_host
