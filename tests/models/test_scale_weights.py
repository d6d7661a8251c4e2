"""Checkpoints of the networks published with https://arxiv.org/abs/2211.10288, by their names.

The published networks are written here as plainly as can be, from what the paper and the names in
the files say, and must give our networks' answers after their weights have been taken over.
"""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from isotrope import build_model
from isotrope.errors import UserError
from isotrope.layers.steerable_bases import disco_basis, hermite_basis
from isotrope.training.initial_weights import read_weights, take_over

CLASSES, SIDE = 5, 64


def maxima(maps):
    return maps.flatten(2).amax(dim=-1)


def column(channels, padding=0):
    """The two convolutions and what follows, in one sequence; 4 is the global maximum."""
    convolutions = (
        nn.Conv2d(channels, 16, 7, padding=padding),
        nn.Conv2d(16, 32, 7, padding=padding),
    )
    first, second = convolutions
    pool = nn.AdaptiveMaxPool2d(1)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), pool, nn.Linear(32, CLASSES))


def through(sequence, images):
    *convolutions, _, linear = sequence
    for layer in convolutions:
        images = layer(images)
    return linear(maxima(images))


class Ensemble(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.base_model = column(channels, padding=3)

    def forward(self, images):
        answers = [through(self.base_model, images)]
        line = torch.tensor([1.0, 4, 6, 4, 1]).to(images) / 16
        for _ in range(2):
            channels = images.shape[1]
            blur = torch.outer(line, line).expand(channels, 1, 5, 5)
            blurred = F.conv2d(F.pad(images, (2,) * 4, mode="reflect"), blur, groups=channels)
            images = F.avg_pool2d(blurred, 2)
            answers.append(through(self.base_model, images))
        return torch.stack(answers).mean(dim=0)


class SpatialTransform(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.base_model = column(channels)
        self.transform_model = nn.Sequential(
            nn.Conv2d(channels, 16, 3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Conv2d(16, 16, 3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16 * (SIDE // 4) ** 2, 16),
            nn.ReLU(),
            nn.Linear(16, 6),
        )

    def forward(self, images):
        affine = self.transform_model(images).view(-1, 2, 3)
        grid = F.affine_grid(affine, images.shape, align_corners=False)
        return through(self.base_model, F.grid_sample(images, grid, align_corners=False))


class Basis(nn.Module):
    def __init__(self, functions):
        super().__init__()
        self.register_buffer("basis", functions)


class Steered(nn.Module):
    """A layer whose weights have an axis of neighbouring scales if it is the second one."""

    def __init__(self, shape, functions):
        super().__init__()
        self.basis = Basis(functions)
        self.weight = nn.Parameter(torch.randn(*shape, len(functions)) / math.prod(shape[1:]))
        self.bias = nn.Parameter(torch.randn(shape[0]))

    def forward(self, maps):
        weight = self.weight if self.weight.ndim == 3 else self.weight[:, :, 0]
        kernels = torch.einsum("ocf,fshw->sochw", weight, self.basis.basis)
        seen = [maps] * len(kernels) if maps.ndim == 4 else maps.unbind(2)
        pairs = zip(seen, kernels, strict=True)
        return torch.stack([F.conv2d(image, kernel, self.bias) for image, kernel in pairs], dim=2)


class Steerable(nn.Module):
    def __init__(self, channels, functions):
        super().__init__()
        self.conv1 = Steered((16, channels), functions)
        self.conv2 = Steered((32, 16, 1), functions)
        self.lin = nn.Linear(32, CLASSES)

    def forward(self, images):
        return self.lin(maxima(self.conv2(self.conv1(images).relu()).relu()))


HERMITE = torch.tensor(hermite_basis(15, (2.0, 2.52, 3.17, 4.0), 7))
DISCO = torch.tensor(disco_basis(15, (1.0, 1.26, 1.59, 2.0), 7))
PUBLISHED = {
    "ensemble": Ensemble,
    "spatial_transform": SpatialTransform,
    "hermite": lambda channels: Steerable(channels, HERMITE.clone()),
}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.pt"


def saved(network, file):
    """What the published training saved: a plain `state_dict` of torch."""
    torch.save(network.state_dict(), file)
    return read_weights(file)


def drawn(name, channels):
    torch.manual_seed(3)
    return PUBLISHED[name](channels).double()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", PUBLISHED)
@torch.no_grad()
def test_a_published_checkpoint_gives_the_published_answers(name, channels, file):
    theirs = drawn(name, channels)
    ours = build_model(name, (channels, SIDE, SIDE), CLASSES).double().eval()

    take_over(ours, saved(theirs, file), "theirs")

    images = torch.rand(2, channels, SIDE, SIDE, dtype=torch.float64)
    expected = theirs(images)
    assert expected.std() > 1e-3
    torch.testing.assert_close(ours(images), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", [*PUBLISHED, "disco"])
def test_a_network_takes_its_own_weights_as_ever_and_none_that_lack_any(name):
    one, other = (build_model(name, (1, SIDE, SIDE), CLASSES) for _ in range(2))
    weights = one.state_dict()

    take_over(other, weights, "ours")

    assert all(torch.equal(value, weights[key]) for key, value in other.state_dict().items())
    del weights["conv2.bias"], weights["lin.weight"]
    with pytest.raises(UserError, match=r"the weights lack conv2\.bias, lin\.weight"):
        take_over(other, weights, "ours")
    with pytest.raises(UserError, match="has unknown another"):
        take_over(other, {**one.state_dict(), "another": torch.zeros(1)}, "ours")


def test_weights_for_other_kernels_than_those_of_the_network_are_refused(file):
    functions = DISCO.clone()
    ours = build_model("disco", (1, SIDE, SIDE), CLASSES)
    take_over(ours, saved(Steerable(1, functions), file), "the same kernels")

    functions[:, 1] *= 1.01  # at the scale 1.26, as they were found by gradient descent
    with pytest.raises(UserError, match=r"other kernels: conv1\.basis\.basis of the file is not"):
        take_over(ours, saved(Steerable(1, functions), file), "theirs")
    with pytest.raises(UserError, match="other kernels"):
        take_over(ours, saved(Steerable(1, functions[:25]), file), "theirs")


NAMED_ALIKE = ["standard", "kanazawa", "xu", "conv3d", "pixel_pool", "slice_pool", "energy_pool"]


@pytest.mark.parametrize("name", NAMED_ALIKE)
def test_other_networks_have_the_published_names(name, file):
    weight = "weights" if name.endswith("_pool") or name == "conv3d" else "weight"
    shapes = {
        f"conv1.{weight}": (16, 1, 7, 7),
        f"conv2.{'weight' if name == 'conv3d' else weight}": (32, 16, 7, 7),
        "lin.weight": (CLASSES, 32),
        "lin.bias": (CLASSES,),
    }
    if name == "conv3d":
        shapes["conv2.weight"] = (32, 16, 7, 7, 7)
    if name != "xu":
        shapes |= {"conv1.bias": (16,), "conv2.bias": (32,)}
    theirs = {key: torch.randn(shape) for key, shape in shapes.items()}
    torch.save(theirs, file)
    ours = build_model(name, (1, SIDE, SIDE), CLASSES)

    take_over(ours, read_weights(file), "theirs")

    found = ours.state_dict()
    assert all(torch.equal(found[key], value) for key, value in theirs.items())
