"""What contradicts itself in the files of a pack."""

import pytest

from isotrope.packs import entries

NET = {"name": "net", "params": {"size": 3}}
TOY = {"name": "toy", "params": {"size": 5}}


def settings(model, dataset):
    return {"model": NET, "dataset": TOY, "settings": {"model": model, "dataset": dataset}}


@pytest.mark.parametrize(
    ("model", "dataset", "said"),
    [
        ({"name": "net", "size": 3}, {"name": "toy", "size": 5}, []),
        ({"name": "net", "size": 4}, {"name": "toy", "size": 5}, ["model.size is 3, in"]),
        (None, {"name": "toy", "size": 6}, ["dataset.size is 5, in its settings 6"]),
        ([], {"name": "toy"}, ["settings.model is", "dataset.size is 5"]),
    ],
)
def test_each_block_of_an_older_summary_is_compared_with_its_settings(model, dataset, said):
    found = list(entries.contradictions(settings(model, dataset)))
    assert len(found) == len(said)
    assert all(one.startswith(words) for one, words in zip(found, said, strict=True))


@pytest.mark.parametrize("key", sorted(entries.FRACTIONS))
def test_a_share_lies_between_0_and_1_both_included(key):
    assert [entries._is_score(key, value) for value in (-0.1, 0, 0.5, 1, 1.1)] == [
        *(False, True, True, True, False)
    ]
    assert entries._is_score("best_validation_loss", 7.5)


def test_an_entry_without_a_best_epoch_contradicts_no_history():
    history = "epoch,train_seconds\n1,2.0\n2,4.0\n"
    for entry in ({}, {"best_epoch": None}, {"best_epoch": 2, "seconds_per_epoch_last": 4.0}):
        assert list(entries.history_contradictions(entry, history)) == []
    (said,) = entries.history_contradictions({"best_epoch": 3}, history)
    assert said == "best_epoch is 3, its history has 2"


def test_contradictions_are_named_in_the_order_of_their_settings():
    names = [f"setting{letter}" for letter in "hcaibgjedf"]
    written = {"name": "net", **dict.fromkeys(names, 1)}
    content = settings(written, {"name": "toy", "size": 5})
    content["model"] = {"name": "net", "params": dict.fromkeys(names, 2)}
    found = [one.partition(" ")[0] for one in entries.contradictions(content)]
    assert found == [f"model.{name}" for name in sorted(names)]
