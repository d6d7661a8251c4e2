"""What holds for every evaluation; a new one is tested here without a line of its own."""

import inspect
import math

import numpy as np
import pytest
import torch
from torch import nn
from toy_data import CLASSES, ToyDataParams, toy_images, toy_masks

from isotrope import devices, registry
from isotrope.datasets.images import Images
from isotrope.layers import forms
from isotrope.layers.log_polar_convolution import LPConv
from isotrope.layers.looking import Looked
from isotrope.layers.polyphase import APS
from isotrope.layers.scale_pool import ScalePool
from isotrope.layers.scaled_convolution import SiConv2d
from isotrope.layers.scattering import Scattering2d
from isotrope.measuring.networks import Networks
from isotrope.params.evaluations import KEYS
from isotrope.settings import Settings

SETTINGS: dict[str, dict] = {  # settings of the evaluations that need any for the toy images
    "adversarial": {
        "attacks": ["pgd", "eot_pgd", "apgd_dlr", "square", "minimal_norm"],
        "tier": "smoke",
        "images": 6,
        "eps": [0.1],
        "steps": 2,
        "apgd_steps": 2,
        "queries": 4,
        "minimal_steps": 3,
        "draws": 2,
    },
    "spatial_attack": {
        "angles": [0, 40],
        "scales": [1],
        "shifts": [0, 2],
        "images": 6,
        "refine": 2,
    },
    "scale_equivariance": {"pairs": [[6, 5], [5, 6]]},
    "index_correlation": {"map_scales": [3, 6]},
    "deformation": {"deformations": ["rotation", "mallat"], "steps": 1, "images": 20},
    "equivariance": {"angles": [0, 40], "scales": [0.8], "images": 20},
    "glimpses": {"draws": [1, 3]},
    "phase_selection": {"images": 20, "shifts": 2},
    "rotation": {"angles": [0, 40, 90]},
    "rotation_and_scaling": {"angles": [0, 40], "scales": [0.7, 1]},
    "scaling": {"scales": [0.5, 1, 1.5]},
    "shift_accuracy": {"reach": 1, "parts": [0.5]},
    "shift_consistency": {
        "protocols": ["cifar", "imagenet", "each"],
        "pairs": 2,
        "crop": 7,
        "batch": 3,
    },
    "segmentation": {"protocols": ["each", "published"], "batch": 3, "max_shift": 2},
    "shift_consistency_untrained": {"protocols": ["each"], "pairs": 2},
    "synthesis": {"images": 2, "steps": 2},
    "translation": {"shifts": [-1, 0, 2]},
    "translation_published": {"shifts": [-1, 0, 2]},
}
SEEDS = (1, 2, 5)


class ToyParts(nn.Module):
    """A network that has every part an evaluation asks for, one after the other.

    For ``masks`` it answers with logits of each pixel.
    """

    def __init__(self, parts, masks=False):
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.parts = sorted(parts)
        for part in self.parts:
            if part.startswith("pool"):
                convolution = SiConv2d(4, 4, num_scales=2, kernel_size=3, padding=True)
                self.add_module(part.replace("pool", "conv"), convolution)
                self.add_module(part, ScalePool("slice"))
            elif part.startswith("layer"):
                self.add_module(part, LPConv(4, 4, 2, ntau=3, num_angles=4, tau_max=3.0))
            else:
                self.add_module(part, nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()))
        self.chooses = APS()
        self.masks = masks
        self.glimpses, self.outline, self.detach_fixations = 3, "rings", False
        self.transform = Scattering2d(1, (8, 8), 4, parameterization="canonical")
        for wavelets in self.transform.parameters():
            nn.init.normal_(wavelets, 1, 0.1)
        self.last = nn.Conv2d(4, 1 + CLASSES, 1) if masks else nn.Linear(4 * 64, CLASSES)

    def wavelets(self):
        return self.transform

    def selections(self, images):
        maps = images.double() + self.first.bias.double()[:, None, None]  # margins are no rounding
        return {"layer2": self.chooses.down(maps)[1]}

    def look(self, images, noise=None, glimpses=None, fixations=None):
        if fixations is None:  # it looks where it is bright
            fixations = images.mean((-3, -2))[:, None, :2].repeat(1, glimpses or self.glimpses, 1)
        seen = [images * (1 + one.sum(dim=1)[:, None, None, None]) for one in fixations.unbind(1)]
        logits = torch.stack([self(one, noise) for one in seen], dim=1)
        return Looked(logits, fixations, fixations, logits[..., 0])

    def rings(self, height, width):
        return torch.tensor([1.0, min(height, width) / 4])

    def forward(self, images, noise=None):
        maps = self.first(images).relu()
        maps = maps if noise is None else maps * noise
        for part in self.parts:
            if part.startswith("pool"):
                maps = self.get_submodule(part.replace("pool", "conv"))(maps)
            maps = self.get_submodule(part)(maps)
        return self.last(maps if self.masks else maps.flatten(1))


class Stochastic(ToyParts):
    """The same, but it sees a random half of the first maps."""

    def draw(self, generator, count):
        return torch.rand(count, 4, 8, 8, generator=generator) < 0.5


class Example:
    """One evaluation with networks and images that it can be given."""

    def __init__(self, name):
        self.name = name
        self.plugin = registry.load("evaluation", name)
        self.params = self.plugin.Params(**SETTINGS.get(name, {}))
        self.masks = registry.literal("evaluation", name, "kind", "") == "segmentation"
        toy = (toy_masks if self.masks else toy_images)(ToyDataParams(), self.plugin.SPLIT)
        places = torch.zeros(len(toy), 2, dtype=torch.int64)
        self.data = Images(toy.images, toy.labels, {**toy.latents, "position": places})
        split = registry.literal("evaluation", name, "CHOOSES_ON", "")
        self.arguments = [self.data, self.params]
        self.arguments += [toy_images(ToyDataParams(), split)] if split else []

    def networks(self, seeds=SEEDS, kind=ToyParts, most=9):
        def initial(seed):
            torch.manual_seed(seed)
            return kind(self.plugin.NEEDS, self.masks)

        networks = Networks(
            {seed: initial(seed) for seed in seeds},
            torch.device("cpu"),
            draws=2,
            alike=True,
            part_names=("first", "last", *self.plugin.NEEDS),
            initial=initial,
            subsets=lambda seeds: None,
        )
        networks.most_at_once(most)
        return networks

    @property
    def has_arrays(self):
        return registry.literal("evaluation", self.name, "ARRAYS", False)

    def given(self, seeds=SEEDS, kind=ToyParts, most=9):
        """Rows, and arrays by seed."""
        found = self.plugin.evaluate(self.networks(seeds, kind, most), *self.arguments)
        parts = list(found) if inspect.isgenerator(found) else [found]
        parts = parts if self.has_arrays else [(rows, {}) for rows in parts]
        return [r for rows, _ in parts for r in rows], {
            s: a for _, its in parts for s, a in its.items()
        }

    @property
    def of_run(self):
        return registry.literal("evaluation", self.name, "SCOPE", "seed") == "run"

    def rows(self, seeds=SEEDS, kind=ToyParts):
        return self.given(seeds, kind)[0]


@pytest.fixture(params=registry.names("evaluation"), scope="module")
def example(request):
    return Example(request.param)


def settings_of(row):
    return {key: value for key, value in row.items() if key not in ("value", "n", "seed")}


def test_an_evaluation_defines_what_its_kind_asks_for(example):
    assert issubclass(example.plugin.Params, Settings)
    for constant in ("REVISION", "NEEDS", "SPLIT"):
        stored = registry.literal("evaluation", example.name, constant)
        assert stored == getattr(example.plugin, constant)
    assert example.plugin.REVISION >= 1
    assert registry.literal("evaluation", example.name, "SCOPE", "seed") in ("seed", "run")
    assert not set(KEYS) & set(example.plugin.Params.model_fields), "said in every entry"
    splits = {
        split
        for data in registry.names("data")
        for split in registry.literal("data", data, "SPLITS")
    }
    assert example.plugin.SPLIT in splits


def test_parts_that_an_evaluation_needs_are_those_of_some_model(example):
    assert any(
        set(registry.literal("models", model, "PARTS")) >= example.plugin.NEEDS
        for model in registry.names("models")
    )


def test_every_row_has_a_seed_a_metric_a_finite_value_and_a_number_of_images(example):
    rows = example.rows()
    assert {row.get("seed") for row in rows} == ({None} if example.of_run else set(SEEDS))
    assert any(row["n"] for row in rows)
    for row in rows:
        assert isinstance(row["metric"], str)
        assert row["metric"]
        assert isinstance(row["value"], float)
        assert math.isfinite(row["value"]) == bool(row["n"]), "nan where nothing could be measured"
        assert isinstance(row["n"], int)
        counted = example.data.labels.numel() if example.masks else len(example.data)
        assert 0 <= row["n"] <= counted
        assert not {"evaluation", "run", "point"} & set(row), "columns that are added later"


def test_every_seed_has_the_same_rows_each_once(example):
    by_seed = {seed: [] for seed in ([None] if example.of_run else SEEDS)}
    for row in example.rows():
        by_seed[row.get("seed")].append(settings_of(row))
    first, *others = by_seed.values()
    assert all(its == first for its in others)
    assert len({tuple(sorted(row.items())) for row in first}) == len(first) >= 1


def assert_same(found, expected):
    """The same rows, but for rounding."""
    assert [settings_of(row) | {"n": row["n"]} for row in found] == [
        settings_of(row) | {"n": row["n"]} for row in expected
    ]
    for one, other in zip(found, expected, strict=True):
        assert one["value"] == pytest.approx(other["value"], rel=1e-5, abs=1e-7, nan_ok=True)


@pytest.mark.parametrize("kind", [ToyParts, Stochastic])
def test_a_seed_alone_has_the_rows_that_it_has_among_others(example, kind):
    if example.of_run:
        return
    together = [row for row in example.rows(kind=kind) if row["seed"] == 2]
    assert_same(example.rows([2], kind), together)


@pytest.mark.parametrize("kind", [ToyParts, Stochastic])
@pytest.mark.parametrize("most", [2, 3])
def test_networks_in_stacks_have_the_rows_that_they_have_one_by_one(example, kind, most):
    rows, arrays = example.given(kind=kind)
    with forms.like_a_gpu():
        found, its = example.given(kind=kind, most=most)
    assert_same(found, rows)
    for seed, named in arrays.items():
        for name, array in named.items():
            np.testing.assert_array_equal(its[seed][name], array)


@pytest.mark.parametrize("kind", [ToyParts, Stochastic])
def test_the_batch_size_does_not_matter(example, kind, monkeypatch):
    whole = example.rows(kind=kind)
    monkeypatch.setattr(devices, "evaluation_batch", lambda device: 7)
    assert_same(example.rows(kind=kind), whole)


@pytest.mark.parametrize("kind", [ToyParts, Stochastic])
def test_the_same_networks_have_the_same_rows_whatever_was_drawn_before(example, kind):
    torch.manual_seed(1)
    first = example.rows(kind=kind)
    torch.manual_seed(2)
    assert repr(example.rows(kind=kind)) == repr(first), "repr, because nan differs from itself"


def test_arrays_are_plain_small_and_the_same_in_number_for_every_seed(example):
    rows, arrays = example.given()
    assert isinstance(rows, list)
    if not example.has_arrays:
        return
    assert set(arrays) == set(SEEDS)
    assert len({tuple(sorted(its)) for its in arrays.values()}) == 1
    for its in arrays.values():
        assert its
        for name, array in its.items():
            assert name.isidentifier()
            assert name != "seed", "is added later"
            assert isinstance(array, np.ndarray)
            assert array.dtype.kind in "iufU", "no pickle is needed for it"
    _, alone = example.given([2])
    for name, array in alone[2].items():
        np.testing.assert_array_equal(array, arrays[2][name])


def test_networks_and_images_are_left_as_they_were(example):
    networks = example.networks()
    before = {
        (seed, name): value.clone()
        for seed, network in networks
        for name, value in network.state_dict().items()
    }
    images = example.data.images.clone()

    example.plugin.evaluate(networks, *example.arguments)

    for seed, network in networks:
        assert not network.training
        assert not any(module._forward_hooks for module in network.modules())
        for name, value in network.state_dict().items():
            assert torch.equal(value, before[seed, name])
    assert torch.equal(example.data.images, images)
