import pytest
import torch

from isotrope.datasets.images import Images


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": torch.zeros(3, 1, 4, 4)}, r"images must be uint8 .*, got torch.float32"),
        ({"images": torch.zeros(3, 4, 4, dtype=torch.uint8)}, r"got torch.uint8 \(3, 4, 4\)"),
        ({"labels": torch.zeros(3)}, r"labels must be int64 \(3,\), got torch.float32"),
        ({"labels": torch.zeros(2, dtype=torch.int64)}, r"got torch.int64 \(2,\)"),
        (
            {"latents": {"angle": torch.zeros(2)}},
            r"latent 'angle' must be \(3, \.\.\.\), got \(2,\)",
        ),
    ],
)
def test_images_of_other_types_or_lengths_are_refused(changes, message):
    right = {
        "images": torch.zeros(3, 1, 4, 4, dtype=torch.uint8),
        "labels": torch.zeros(3, dtype=torch.int64),
        "latents": {"angle": torch.zeros(3, 2)},
    }
    assert len(Images(**right)) == 3
    with pytest.raises(ValueError, match=message):
        Images(**(right | changes))
