"""A change of any model's numbers is noticed, and allowed only with a higher REVISION.

Of its loss, too: the gradient step is that of the loss by which the model is trained.
"""

import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from isotrope import registry

FILE = Path(__file__).with_name("fingerprints.json")
STORE = "run `pytest tests/models --update-fingerprints`"


def fingerprint(example):
    """What a model computes before and after one gradient step, and where training begins."""
    initial = [weight.abs().sum().item() for weight in example.build(seed=1).double().parameters()]
    network, images, labels = example.build_drawn(), example.images(2), example.labels(2)
    logits = example.answer(network.eval(), images)
    torch.manual_seed(1)
    example.loss(network.train(), images, labels).backward()
    with torch.no_grad():
        for weight in network.parameters():
            weight -= 0.5 * weight.grad
        after_step = example.answer(network.eval(), images)
    return {
        "revision": example.plugin.REVISION,
        "image_shape": list(example.image_shape),
        "initial_weights": initial,
        "logits": some(logits),
        "logits_after_step": some(after_step),
    }


def some(logits):
    """All numbers, or a hundred or two that are spread over maps."""
    flat = logits.flatten()
    return flat[:: max(1, len(flat) // 101)].tolist()


def differences(stored, found):
    """The entries that are not the same up to the rounding that platforms may differ in."""
    return [
        entry
        for entry in found
        if entry != "revision" and stored[entry] != pytest.approx(found[entry], rel=1e-7, abs=1e-9)
    ]


def complaint(name, stored, found):
    """What is wrong with a fingerprint, or None."""
    if stored is None:
        return f"models/{name}.py has no fingerprint yet; {STORE}"
    if found["revision"] > stored["revision"]:
        return f"REVISION of models/{name}.py rose to {found['revision']}; {STORE}"
    if found["revision"] < stored["revision"]:
        return f"REVISION of models/{name}.py fell from {stored['revision']}; it may only rise"
    if changed := differences(stored, found):
        return (
            f"models/{name}.py changed its {', '.join(changed)}: restore them, "
            f"or raise REVISION above {stored['revision']} and {STORE}"
        )
    return None


def updated(fingerprints, name, found):
    """The fingerprints with that of one model, if it is new or its REVISION rose."""
    stored = fingerprints.get(name)
    if stored is not None and found["revision"] <= stored["revision"]:
        return fingerprints
    return dict(sorted({**fingerprints, name: found}.items()))


def checked(file, name, found, update=False):
    """What is wrong with a fingerprint, after it was stored in ``file`` if it may be.

    That of a new model is stored at once, but not where ``CI`` is set: there nobody would commit
    it. That of a REVISION that rose is stored on request only.
    """
    fingerprints = json.loads(file.read_text(encoding="utf-8"))
    if update or (name not in fingerprints and not os.environ.get("CI")):
        fingerprints = updated(fingerprints, name, found)
        file.write_text(json.dumps(fingerprints, indent=1) + "\n", encoding="utf-8")
    return complaint(name, fingerprints.get(name), found)


def test_a_model_computes_what_its_revision_computed(example, request):
    update = request.config.getoption("update_fingerprints")

    problem = checked(FILE, example.name, fingerprint(example), update)

    assert problem is None, problem


def test_every_fingerprint_is_of_a_model():
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    assert set(stored) <= set(registry.names("models"))


class Noisy(nn.Module):
    """A network with noise and a loss of its own."""

    def __init__(self, weight):
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.weight = weight  # of the penalty

    def forward(self, images, noise):
        return self.linear(images.flatten(1) + noise)

    def draw(self, generator, count):
        return torch.rand(count, 4, generator=generator)

    def loss(self, images, labels, noise):
        logits = self(images, noise)
        penalty = self.linear.weight.square().mean()
        return F.cross_entropy(logits, labels) + self.weight * penalty, logits


def test_a_changed_loss_of_a_networks_own_is_noticed(example):
    def found(weight):
        plugin = SimpleNamespace(
            REVISION=1, Params=lambda: None, build=lambda params, shape, classes: Noisy(weight)
        )
        return fingerprint(replace(example, name="noisy", plugin=plugin, image_shape=(1, 2, 2)))

    assert complaint("noisy", found(0.1), found(0.1)) is None
    assert "changed its logits_after_step:" in complaint("noisy", found(0.1), found(0.2))


SOME = {"revision": 2, "logits": [0.25, -1.5]}
OTHER = {"revision": 2, "logits": [0.25, -1.5001]}
RAISED = {"revision": 3, "logits": [0.25, -1.5001]}


def test_a_change_without_a_higher_revision_names_the_model_and_what_changed():
    problem = complaint("standard", SOME, OTHER)
    assert "models/standard.py changed its logits" in problem
    assert "raise REVISION above 2" in problem


def test_rounding_is_no_change():
    assert complaint("standard", SOME, {"revision": 2, "logits": [0.25, -1.5 - 1e-12]}) is None


@pytest.mark.parametrize(
    ("stored", "found", "words"),
    [
        (None, SOME, "no fingerprint yet"),
        (SOME, RAISED, "rose to 3"),
        (RAISED, SOME, "fell from 3"),
    ],
)
def test_a_fingerprint_of_another_revision_is_no_match(stored, found, words):
    assert words in complaint("standard", stored, found)


def test_only_new_models_and_higher_revisions_are_stored():
    assert updated({}, "a", SOME) == {"a": SOME}
    assert updated({"a": SOME}, "a", OTHER) == {"a": SOME}
    assert updated({"a": SOME}, "a", RAISED) == {"a": RAISED}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "fingerprints.json"
    path.write_text(json.dumps({"old": SOME}))
    return path


def test_a_new_model_is_stored_where_somebody_can_commit_it(file, monkeypatch):
    monkeypatch.delenv("CI", raising=False)

    assert checked(file, "new", OTHER) is None
    assert json.loads(file.read_text()) == {"new": OTHER, "old": SOME}
    assert "changed its logits" in checked(file, "new", SOME)


def test_a_new_model_is_refused_and_not_stored_where_nobody_can(file, monkeypatch):
    monkeypatch.setenv("CI", "true")
    before = file.read_bytes()

    assert checked(file, "new", OTHER) == f"models/new.py has no fingerprint yet; {STORE}"
    assert file.read_bytes() == before
    assert checked(file, "new", OTHER, update=True) is None


@pytest.mark.parametrize("found", [OTHER, RAISED])
def test_a_stored_model_is_never_stored_again_without_a_request(file, monkeypatch, found):
    monkeypatch.delenv("CI", raising=False)
    before = file.read_bytes()

    assert checked(file, "old", found) is not None
    assert file.read_bytes() == before
