"""How many operations reach a GPU when networks are tested, and that none waits for the host."""

from contextlib import nullcontext

import pytest
from operations import of_answers

from isotrope import registry
from isotrope.layers import forms

MOST = 250  # of a batch that the layers need not split for its memory
MOST_OF = {  # of many layers, or of glimpses one after the other
    "lp_resnet": 500,
    "shift_resnet": 550,
    "deeplabv3plus": 750,
    "resnet50": 750,
    "scattering_cnn": 650,  # of which each scale and orientation of a stack has its own
    "scattering_linear": 350,
    "wide_cnn": 300,
    "ram": 350,
    "ram_lpm": 2700,
}
ROWS = 25
DRAWING = ["ram", "ram_lpm"]  # fixations come from the host, once for each seed
IN_PIECES = ["deep_lp", "lp_resnet", "single_lp"]  # each fills the memory that it is given


@pytest.mark.parametrize("model", registry.names("models"))
def test_a_stack_under_test_takes_few_launches_and_never_meets_the_host(model):
    with forms.memory(2**60) if model in IN_PIECES else nullcontext():
        counted = of_answers(model, rows=ROWS, batch_size=16)
    assert counted.launches.total() <= MOST_OF.get(model, MOST)
    drawn = {"_to_copy": ROWS} if model in DRAWING else {}
    assert counted.meets_the_host == drawn
