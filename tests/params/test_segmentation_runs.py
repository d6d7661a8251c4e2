"""Param-files of segmentation networks begin with classifiers of the same trunk."""

from pathlib import Path

import pytest
import yaml

from isotrope.params.param_file import read_run
from isotrope.plan.indexing import index_of

ROOT = Path(__file__).parents[2] / "param-files"
RUNS = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("deeplabv3plus/*/*.yaml"))
DEFAULTS = {"width": 64, "antialias": "none", "logits": "convolutions", "logit_width": "default"}


def said(name):
    return yaml.safe_load((ROOT / name).read_text())


@pytest.mark.parametrize("name", RUNS)
def test_a_run_begins_with_a_classifier_of_its_trunk(name):
    run = said(name)
    start = run["training"]["start_from"]
    before = said(f"{start['run']}.yaml")

    assert start["seed"] == "same"
    assert before["model"]["stem"] == "imagenet"
    trunks = [{**DEFAULTS, **one["model"]} for one in (run, before)]
    for setting in ("depth", "downsampling", *DEFAULTS):
        assert trunks[0][setting] == trunks[1][setting], setting
    assert run["seeds"] == before["seeds"]


def test_the_plan_trains_the_classifier_first(monkeypatch):
    monkeypatch.chdir(ROOT.parent)
    name = "deeplabv3plus/voc/drawn_lps"

    entry = index_of([read_run(ROOT / f"{name}.yaml")]).runs[name].points["base"].start

    assert entry.run == "shift_resnet/photos/drawn_voc_lps"
    assert entry.seed is None, "each seed begins with the one of its number"
