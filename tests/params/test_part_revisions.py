"""A raised revision of a part changes the digests of those that use it, and of nobody else."""

from pathlib import Path
from typing import Any

import pytest

from isotrope import digests, registry
from isotrope.params.training import Training
from isotrope.settings import Settings

TRAININGS: dict[str, dict[str, Any]] = {
    "adam": {"optimizer": {"name": "adam", "learning_rate": 0.1}},
    "sgd": {"optimizer": {"name": "sgd", "learning_rate": 0.1}},
    "cosine": {"optimizer": {"name": "adam", "learning_rate": 0.1, "schedule": {"name": "cosine"}}},
    "warm": {
        "optimizer": {
            "name": "adamw",
            "learning_rate": 0.1,
            "schedule": {"name": "step", "every": 1},
            "warm_up": {"steps": 1},
        }
    },
}
USED = {
    "adam": {"optimizers.adam", "objective.cross_entropy"},
    "sgd": {"optimizers.sgd", "objective.cross_entropy"},
    "cosine": {"optimizers.adam", "schedules.cosine", "objective.cross_entropy"},
    "warm": {
        "optimizers.adamw",
        "schedules.step",
        "schedules.warm_up",
        "objective.cross_entropy",
    },
}


class Nothing(Settings):
    """No settings."""


def digest_of(name: str) -> str:
    training = Training.model_validate({"epochs": 3, "batch_size": 2, **TRAININGS[name]})
    return digests.training_digest(
        ("stir", Nothing()), ("standard", Nothing()), training.digested()
    )


@pytest.mark.parametrize("part", sorted(set().union(*USED.values()) | {"schedules.one_cycle"}))
def test_a_raised_part_changes_only_digests_of_those_that_use_it(part, monkeypatch):
    before = {name: digest_of(name) for name in TRAININGS}
    module, _, name = part.partition(".")
    revisions = digests.part_revisions()
    revisions[module][name] = 2
    monkeypatch.setattr(digests, "part_revisions", lambda: revisions)

    changed = {name for name in TRAININGS if digest_of(name) != before[name]}

    assert changed == {name for name, used in USED.items() if part in used}


def test_a_new_part_changes_no_digest(monkeypatch):
    before = {name: digest_of(name) for name in TRAININGS}
    revisions = digests.part_revisions()
    revisions["schedules"]["brand_new"] = 1
    monkeypatch.setattr(digests, "part_revisions", lambda: revisions)

    assert {name: digest_of(name) for name in TRAININGS} == before


@pytest.mark.parametrize("module", ["optimizers", "schedules", "objective"])
def test_revisions_are_read_without_importing(module):
    source = Path(registry.PACKAGE / "training" / f"{module}.py")

    known = registry.literals(source)["REVISIONS"]

    assert digests.part_revisions()[module] == known
    assert known
    assert all(isinstance(revision, int) and revision >= 1 for revision in known.values())


def test_the_revision_of_an_augmentation_is_that_of_its_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "plugins/augmentation"
    place.mkdir(parents=True)
    (place / "first.py").write_text("REVISION = 1\n")
    (place / "third.py").write_text("REVISION = 3\n")
    settings = {**TRAININGS["adam"], "augmentation": [{"name": "first"}, {"name": "third"}]}

    assert digests.raised_parts(settings, "stir") == {"augmentation.third": 3}
    assert digests.raised_parts(TRAININGS["adam"], "stir") == {}


def test_data_of_masks_have_the_objective_of_masks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "plugins/data"
    place.mkdir(parents=True)
    (place / "masks.py").write_text('kind = "segmentation"\n')
    revisions = {"optimizers": {}, "schedules": {}, "objective": {"segmentation": 2}}
    monkeypatch.setattr(digests, "part_revisions", lambda: revisions)

    assert digests.raised_parts(TRAININGS["adam"], "masks") == {"objective.segmentation": 2}
    assert digests.raised_parts(TRAININGS["adam"], "stir") == {}
