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


def test_masks_are_labels_of_the_images_size():
    images = torch.zeros(3, 2, 4, 5, dtype=torch.uint8)
    for dtype in (torch.uint8, torch.int64):
        assert Images(images, torch.zeros(3, 4, 5, dtype=dtype)).kind == "segmentation"
    assert Images(images, torch.zeros(3, dtype=torch.int64)).kind == "classification"
    with pytest.raises(ValueError, match=r"masks must be uint8 or int64 \(3, 4, 5\), got .*float"):
        Images(images, torch.zeros(3, 4, 5))
    with pytest.raises(ValueError, match=r"masks must be .* \(3, 4, 5\), got .* \(3, 5, 4\)"):
        Images(images, torch.zeros(3, 5, 4, dtype=torch.uint8))


@pytest.mark.parametrize("size", [1, 3, 7, 8, 100])
def test_batches_are_all_images_in_their_order(size):
    images = torch.arange(7, dtype=torch.uint8)[:, None, None, None].expand(7, 1, 2, 2)
    data = Images(images, torch.arange(7), {"scale": torch.arange(7) * 2})

    batches = list(data.batches(size))

    assert all(len(batch) == size for batch in batches[:-1])
    for values in ("images", "labels"):
        joined = torch.cat([getattr(batch, values) for batch in batches])
        assert torch.equal(joined, getattr(data, values))
    assert torch.equal(torch.cat([batch.latents["scale"] for batch in batches]), data.labels * 2)
