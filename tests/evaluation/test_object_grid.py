"""Reading maps between their cells."""

import torch
from torch.nn import functional as F

from isotrope.evaluation._object_grid import cubic, reading_matrix


def test_reading_with_a_kernel_of_keys_keeps_parabolas():
    cells = torch.arange(40, dtype=torch.float64) + 0.5
    points = torch.tensor([[11.3, 17.0, 22.71]], dtype=torch.float64)
    weights, inside = reading_matrix(points, 40, 1.0)
    assert inside.all()
    parabola = weights @ (0.3 * cells**2 - 2 * cells + 1)
    torch.testing.assert_close(parabola, 0.3 * points**2 - 2 * points + 1, rtol=0, atol=1e-11)


def test_a_widened_kernel_is_that_of_torch_where_it_shrinks():
    # torch shrinks with the same kernel and grid; rows near the edge are cut off there
    image = torch.rand(
        1, 1, 48, 48, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )
    points = (torch.arange(33, dtype=torch.float64) + 0.5)[None] * (48 / 33)
    weights, inside = reading_matrix(points, 48, 48 / 33)
    expected = F.interpolate(image, size=(33, 33), mode="bicubic", antialias=True)
    found = weights @ image[0] @ weights.transpose(-2, -1)
    keep = inside[0]
    torch.testing.assert_close(
        found[:, keep][..., keep], expected[0][:, keep][..., keep], rtol=0, atol=1e-12
    )
    assert 27 <= int(keep.sum()) <= 31


def test_points_beyond_the_edge_are_known_to_be():
    points = torch.tensor([[-50.0, -1.0, 0.5, 1.4, 3.0, 8.6, 9.5, 11.0, 90.0]], dtype=torch.float64)
    _, inside = reading_matrix(points, 10, 1.0)
    assert inside.tolist() == [[False, False, True, False, True, False, True, False, False]]
    assert float(cubic(torch.tensor(0.0))) == 1.0
