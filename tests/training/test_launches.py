"""How many operations of a training step reach a GPU, and that none waits for the host."""

import pytest
from operations import of_step

MODELS = ["conv3d", "energy_pool", "pixel_pool", "slice_pool", "spatial_transform"]
MOST = 200


@pytest.mark.parametrize("rows", [1, 2, 25])
@pytest.mark.parametrize("model", MODELS)
def test_a_step_takes_few_launches_and_never_meets_the_host(model, rows):
    counted = of_step(model, rows)

    assert counted.launches.total() <= MOST
    assert not counted.meets_the_host
