"""An endless canvas around images and maps."""

import pytest
import torch
from torch.nn import functional as F

from isotrope.models import _outside


@pytest.mark.parametrize("size", [(8, 6), (7, 6), (6, 7), (5, 5), (4, 1), (1, 2), (2, 2), (3, 12)])
@pytest.mark.parametrize("outside", [None, "of each image", "of all"])
def test_a_blurred_half_is_that_of_a_canvas_with_its_value_all_around(size, outside):
    maps = torch.randn(3, 2, *size, dtype=torch.float64)
    around = None if outside is None else torch.randn(3, 2, dtype=torch.float64)
    if outside == "of all":
        around = around[:1]
    value = torch.zeros(3, 2) if around is None else around.expand(3, 2)
    canvas = value[..., None, None].double().repeat(1, 1, size[0] + 2, size[1] + 2)
    canvas[..., 1:-1, 1:-1] = maps
    line = torch.tensor([0.25, 0.5, 0.25], dtype=torch.float64)
    kernel = torch.outer(line, line).expand(2, 1, 3, 3)
    wanted = F.conv2d(canvas, kernel, stride=2, groups=2)
    torch.testing.assert_close(_outside.blurred_half(maps, around), wanted, rtol=0, atol=1e-12)


def test_outside_of_images_lies_what_a_black_one_is_behind_the_normalisation():
    images = torch.rand(4, 3, 5, 5)
    background = torch.tensor([[0.5, -1.0, 2.0]], dtype=torch.float64)
    assert _outside.of_images(images, background, wanted=False) is None
    assert _outside.of_images(images, None, wanted=True).tolist() == [[0.0, 0.0, 0.0]]
    found = _outside.of_images(images, background, wanted=True)
    assert (found.dtype, found.tolist()) == (torch.float32, background.tolist())
    assert torch.equal(_outside.centred(images, found), images - found[..., None, None])
    assert _outside.centred(images, None) is images
