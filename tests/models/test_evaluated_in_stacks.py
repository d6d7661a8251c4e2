"""Every evaluation of every model that has its parts: in stacks the same rows as one by one."""

import numpy as np
import pytest
import torch

from isotrope import registry
from isotrope.datasets.images import Images
from isotrope.errors import UserError
from isotrope.layers import forms
from isotrope.measuring.networks import Networks

SETTINGS = {"scale_equivariance": {"pairs": [[16, 13], [13, 16]]}}
SETTINGS["index_correlation"] = {"map_scales": [11, 16]}
SETTINGS["equivariance"] = {"angles": [40], "scales": [0.8], "images": 6}
SETTINGS["rotation"] = {"angles": [0, 40]}
SETTINGS["rotation_and_scaling"] = {"angles": [40], "scales": [0.7]}
SETTINGS["scaling"] = {"scales": [0.7], "canvas": ["kept"]}
SETTINGS["translation"] = {"shifts": [2]}
SETTINGS["translation_published"] = {"shifts": [0]}
SETTINGS["shift_accuracy"] = {"reach": 1, "parts": [0.5]}
SETTINGS["phase_selection"] = {"dtype": "float64"}  # drawn networks are nearly undecided
SETTINGS["shift_consistency"] = {"pairs": 1}
SETTINGS["adversarial"] = {"attacks": ["pgd"], "eps": [0.1], "images": 4, "steps": 2}
SETTINGS["adversarial"]["unbounded"] = False
SETTINGS["synthesis"] = {"images": 1, "steps": 1}
SETTINGS["deformation"] = {"deformations": ["rotation", "sharpness"], "steps": 2, "images": 6}
SETTINGS["spatial_attack"] = {"angles": [0.0, 20.0], "refine": 2}
SETTINGS["segmentation"] = {"max_shift": 4, "shifts": 2}
SCALES = (11, 13, 14, 16)
SWEEPS = ("equivariance", "rotation", "scaling", "translation", "log_polar_maps", "shift")
CLASSES = 3
KEYS = ("first", "second", "third")


def images_of(example):
    """Two objects of each class at every scale; what they show is drawn."""
    size = torch.tensor(SCALES).repeat_interleave(2 * CLASSES)
    label = torch.arange(CLASSES).repeat_interleave(2).repeat(len(SCALES))
    images = (example.images(len(size)) * 256).to(torch.uint8)
    place = torch.stack((torch.arange(len(size)) % 4, torch.arange(len(size)) % 3), dim=1)
    if example.kind == "segmentation":
        label = example.labels(len(size))
    return Images(images, label, {"scale": size, "position": place})


@pytest.mark.parametrize("name", registry.names("evaluation"))
def test_an_evaluation_has_the_same_rows_in_stacks(example, name):
    evaluation = registry.load("evaluation", name)
    if not example.plugin.PARTS >= evaluation.NEEDS:
        pytest.skip(f"{example.name} lacks parts that {name} needs")
    if registry.literal("evaluation", name, "kind", example.kind) != example.kind:
        pytest.skip(f"{name} is not for {example.kind}")
    calls = registry.literal("evaluation", name, "CALLS", set())
    if not registry.literal("models", example.name, "METHODS", set()) >= calls:
        pytest.skip(f"{example.name} has no {' or '.join(sorted(calls))}, which {name} calls")
    params, data = evaluation.Params(**SETTINGS.get(name, {})), images_of(example)
    data = data[::4] if name.startswith(SWEEPS) else data
    others = (data,) if hasattr(evaluation, "CHOOSES_ON") else ()
    found = {}
    for way in ("one by one", "in stacks"):
        built = {seed: example.build_drawn(key).float() for seed, key in enumerate(KEYS, 1)}
        parts, lines = example.plugin.PARTS, []
        device = torch.device("cpu")
        networks = Networks(built, device, alike=True, part_names=parts, subsets=lambda seeds: None)
        networks.most_at_once(2)
        networks._stacks.log = lines.append
        try:
            with torch.inference_mode(not getattr(evaluation, "GRADIENTS", False)):
                if way == "one by one":
                    given = evaluation.evaluate(networks, data, params, *others)
                else:
                    with forms.like_a_gpu():
                        given = evaluation.evaluate(networks, data, params, *others)
        except UserError as refusal:
            if "take it out of evaluations" not in str(refusal):
                raise
            pytest.skip(str(refusal))
        found[way] = given if isinstance(given, tuple) else (given, {})
        assert lines == []

    (alone, arrays), (together, its) = found.values()
    assert [{**row, "value": 0} for row in together] == [{**row, "value": 0} for row in alone]
    values, expected = ([row["value"] for row in rows] for rows in (together, alone))
    assert np.isfinite(expected).any()
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-6)  # of float32 maps
    assert arrays.keys() == its.keys()
    for seed, named in arrays.items():
        for key, array in named.items():
            assert its[seed][key].shape == array.shape
            if array.dtype.kind == "U":
                assert its[seed][key].tolist() == array.tolist()
                continue
            same = np.isclose(its[seed][key], array, rtol=1e-4, atol=1e-6, equal_nan=True)
            assert same.sum() >= 0.999 * same.size  # near ties may fall otherwise
