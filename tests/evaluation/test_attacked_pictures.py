"""Picture files under the evaluation `adversarial`."""

import pytest
import torch
from PIL import Image
from under_attack import measured, value

from isotrope import build_model
from isotrope.datasets.images import Images
from isotrope.datasets.stream import Stream
from isotrope.errors import UserError
from isotrope.models import ram_lpm


class Bright(torch.nn.Module):
    """Class 1 where the square that is shown, black stripes with it, is bright."""

    def forward(self, images):
        assert images.shape[-2] == images.shape[-1]
        mean = images.mean(dim=(1, 2, 3))
        return 20 * torch.stack((0.3 - mean, mean - 0.3, 0 * mean - 9), dim=1)


@pytest.mark.parametrize("around", ["nothing", "zero_pad", "resize_crop"])
def test_picture_files_stand_for_the_images_of_the_data_set(tmp_path, monkeypatch, around):
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path))
    Image.new("L", (11, 8), 120).save(tmp_path / "grey.png")
    data = Images(torch.zeros(3, 1, 8, 8, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64))
    settings = {"around": around, "around_size": 8, "attacks": ["pgd"], "steps": 3}
    rows = measured(Bright(), data, pictures=["chelsea", "grey.png"], eps=[0.3], **settings)
    assert value(rows, "incorrect", attack="none", eps=0.0) == 0, "its own answer is the label"
    assert {row["n"] for row in rows if row["metric"] == "robust_accuracy"} == {2}
    assert value(rows, "robust_accuracy", attack="pgd", eps=0.3) == 0
    rows = measured(Bright(), data, pictures=["grey.png"], label=0, eps=[0.3], **settings)
    assert value(rows, "incorrect", attack="none", eps=0.0) == 1
    with pytest.raises(UserError, match="no such file"):
        measured(Bright(), data, pictures=["lost.png"], **settings)


@pytest.mark.parametrize(("around", "attack"), [("zero_pad", "pgd"), ("nothing", "spsa")])
@pytest.mark.parametrize("fixations", ["differentiable", "detached"])
def test_photos_of_any_size_are_attacked_before_a_moving_fovea(around, attack, fixations):
    torch.manual_seed(0)
    network = build_model("ram_lpm", image_shape=(3, 16, 16), classes=3, **ram_lpm.EXAMPLE)
    photos = [torch.randint(0, 256, (3, 16, side), dtype=torch.uint8) for side in (20, 20, 14)]
    labels = torch.arange(3)
    data = Stream(range(3), labels, lambda entry, _: (photos[entry], labels[entry]))
    settings = {"around": around, "attacks": [attack], "fixations": fixations}
    settings |= {"steps": 2, "spsa_steps": 2, "samples": 4, "draws": 2, "eps": [0.05]}
    rows = measured(network, data, unbounded=False, **settings)
    (spent,) = (row for row in rows if row["metric"] == "backwards")
    assert (spent["value"] > 0) == (attack == "pgd")
    assert 1 <= spent["n"] <= 3
    moving = [part for part in network.modules() if hasattr(part, "detach_fixations")]
    assert moving
    assert not any(part.detach_fixations for part in moving), "it is left as it was"
