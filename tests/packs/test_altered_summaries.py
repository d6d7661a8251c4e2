"""Nothing of a run.json or seed.json that was altered is used; older ones are read as ever."""

import json

import pytest
from altered_files import DEEP, altered
from toy_runs import toy_task, toy_training, toys, train

from isotrope.errors import UserError
from isotrope.files import disk
from isotrope.files.json_files import CHECKSUM, is_sealed, parse_sealed_text, sealed, sealed_text
from isotrope.packs import store, summary

CASES = 150


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The files of a pack that was trained here, by their names."""
    patch = pytest.MonkeyPatch()
    try:
        toys.__wrapped__(patch, tmp_path_factory.mktemp("made"))
        task = toy_task(training=toy_training(epochs=2))
        train(task)
        yield (
            task,
            {path: path.read_bytes() for path in task.folder.parent.rglob("*.*") if path.is_file()},
        )
    finally:
        patch.undo()


@pytest.fixture
def pack(made, tmp_path, monkeypatch):
    """The same in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    task, files = made
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return task


def older(content):
    """A JSON as it was before there were checksums of it."""
    found = {key: value for key, value in content.items() if key != CHECKSUM}
    return {**found, "seeds": [older(one) for one in found["seeds"]]} if "seeds" in found else found


def refusal(read, *arguments):
    """The sentence of a refusal; None if what was read is used."""
    try:
        read(*arguments)
    except UserError as error:
        (sentence,) = error.sentences
        assert len(sentence) < 500
        return sentence
    return None


def test_every_altered_value_of_a_run_json_is_noticed(pack):
    path = pack.folder / summary.RUN
    whole = json.loads(path.read_text())
    for number in range(CASES):
        content, what = altered(whole, number)
        path.write_text(json.dumps(content))
        said = refusal(summary.read, pack.folder)
        assert said is not None, what
        assert "run.json is truncated or altered (" in said, what
        assert said.endswith("finished seeds are not trained again"), what


def test_every_altered_value_of_a_seed_json_is_noticed(pack):
    folder = pack.stored(1)
    path = folder / summary.SEED
    whole = json.loads(path.read_text())
    for number in range(CASES):
        content, what = altered(whole, number)
        if what == f"('{CHECKSUM}',) is gone":
            continue
        path.write_text(json.dumps(content))
        said = refusal(store.load, folder, 1, pack.training_digest)
        assert said is not None, what
        assert "to train the seed anew" in said, what


def test_blanks_and_order_are_no_alteration(pack):
    path = pack.folder / summary.RUN
    content = json.loads(path.read_text())
    path.write_text(json.dumps(dict(sorted(content.items())), indent=7))
    assert summary.read(pack.folder).is_sealed


@pytest.mark.parametrize(
    "text", [DEEP, '{"a":' * 100_000, "1" * 5000, "null", '"x"', '{"a": 1e999}']
)
def test_what_cannot_be_read_is_a_sentence(pack, text):
    (pack.folder / summary.RUN).write_text(text)
    (pack.stored(1) / summary.SEED).write_text(text)
    assert "is truncated or altered (" in refusal(summary.read, pack.folder)
    assert "is truncated or altered (" in refusal(
        store.load, pack.stored(1), 1, pack.training_digest
    )
    assert summary.glance(pack.folder) is None
    assert store.origin(pack.stored(1)) is None


def test_a_folder_in_the_place_of_a_file_is_a_sentence(pack):
    for path in (pack.folder / summary.RUN, pack.stored(1) / summary.SEED):
        path.unlink()
        path.mkdir()
    assert "run.json cannot be read (" in refusal(summary.read_if_there, pack.folder)
    assert "seed.json is truncated or altered (" in refusal(
        store.load, pack.stored(1), 1, pack.training_digest
    )
    path = pack.folder / summary.WEIGHTS
    path.unlink()
    path.mkdir()
    assert "weights.safetensors cannot be read (is a directory)" in refusal(
        disk.read_checked, path, {}, ""
    )


@pytest.mark.parametrize(
    ("content", "expected", "said"),
    [
        (b"abcd", disk.checksum(b"abc"), "it has 4 bytes, 3 were written"),
        (b"abd", disk.checksum(b"abc"), "its bytes are not those that were written"),
        (b"abc", None, "there is no checksum of it"),
        (b"abc", {}, "there is no checksum of it"),
    ],
)
def test_a_damaged_file_is_named_with_how_it_differs(tmp_path, content, expected, said):
    path = tmp_path / "file"
    path.write_bytes(content)
    sentence = refusal(disk.read_checked, path, expected, "delete it and train again")
    assert sentence == f"{path} is truncated or altered ({said}); delete it and train again"


def test_older_files_without_a_checksum_are_read(pack):
    path, stored = pack.folder / summary.RUN, pack.stored(1) / summary.SEED
    for one in (path, stored):
        one.write_text(json.dumps(older(json.loads(one.read_text()))))
    known = summary.read(pack.folder)
    assert not known.is_sealed
    assert known.status == {1: "done", 2: "done"}
    assert store.load(pack.stored(1), 1, pack.training_digest).summary["epochs"] == 2


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("epochs", 3, "epochs is 3, its history has 2"),
        ("best_epoch", 3, "best_epoch is 3, its history has 2"),
        ("best_validation_accuracy", 0.97, "best_validation_accuracy is 0.97, its history has 0."),
        ("seconds_per_epoch_last", 1e-9, "seconds_per_epoch_last is 1e-09, its history has "),
        ("seconds_per_epoch_mean", 1e-9, "seconds_per_epoch_mean is 1e-09, its history has "),
        ("best_validation_accuracy", 7.5, "best_validation_accuracy is 7.5"),
        ("epochs", "many", "epochs is 'many'"),
        ("status", [], r"seed 1 has status \[\], not done, diverged, collapsed"),
        ("files", {"weights.safetensors": 3}, "files is "),
        ("peak_memory_mb", -1, "peak_memory_mb is -1"),
    ],
)
def test_of_older_seeds_the_history_tells(pack, key, value, said):
    path = pack.stored(1) / summary.SEED
    path.write_text(json.dumps({**older(json.loads(path.read_text())), key: value}))
    with pytest.raises(UserError, match=rf"seed\.json is truncated or altered \({said}"):
        store.load(pack.stored(1), 1, pack.training_digest)


def test_of_older_packs_model_and_data_set_stand_twice(pack):
    path = pack.folder / summary.RUN
    content = older(json.loads(path.read_text()))
    own = {"name": "toy", **content["model"]["params"]}
    content["settings"] = {"model": own, "training": {}}
    path.write_text(json.dumps(content))
    assert summary.read(pack.folder).content["model"]["name"] == "toy"

    content["model"]["params"]["channels"] = 5
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"model\.channels is 5, in its settings 4"):
        summary.read(pack.folder)


def test_a_checksum_that_is_gone_makes_no_older_file(pack):
    path = pack.folder / summary.RUN
    content = json.loads(path.read_text())
    del content[CHECKSUM]
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match="no checksum of it, though of its seeds"):
        summary.read(pack.folder)


@pytest.mark.parametrize("indent", [None, 1])
def test_a_sealed_text_is_read_as_it_was_written_or_not_at_all(indent):
    content = {"a": [1, 2.5, float("inf")], "b": {"checksum": "x"}, "c": "ü\n"}
    text = sealed_text(content, indent)
    found = parse_sealed_text(text)
    assert {key: found[key] for key in content} == content
    for at in range(len(text)):
        with pytest.raises(ValueError, match="its text is not what its checksum stands for"):
            parse_sealed_text(f"{text[:at]}#{text[at + 1 :]}")
    with pytest.raises(ValueError, match="its text is not"):
        parse_sealed_text("[" * 100_000)


def test_a_seal_holds_for_what_will_be_read():
    content = {"b": (1, 2.5), "a": {10: None, 9: "ü"}}
    kept = json.loads(json.dumps(sealed(content)))
    assert is_sealed(kept)
    assert sealed(kept) == kept
    assert not is_sealed({"a": 1})
    with pytest.raises(ValueError, match="its content is not what its checksum stands for"):
        is_sealed({**kept, "c": 1})


@pytest.mark.parametrize("inside", ["base/seeds-1-3", "seeds-1-3"])
def test_the_folder_of_a_run_or_point_names_a_pack_in_it(tmp_path, inside):
    with pytest.raises(UserError, match=r"run\.json is not there; run `snakemake runs`"):
        summary.read(tmp_path)
    (tmp_path / inside).mkdir(parents=True)
    with pytest.raises(
        UserError, match=rf"run\.json is not there; name a pack, as in \S+/{inside}"
    ):
        summary.read(tmp_path)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(OSError(5, "Input/output error"), "input/output error"), (OSError("No Words"), "no words")],
)
def test_a_refusal_of_the_system_is_told_in_its_words(tmp_path, monkeypatch, error, reason):
    def fails(*_):
        raise error

    path = tmp_path / "file"
    monkeypatch.setattr(disk.regular, "read_bytes", fails)
    assert refusal(disk.read_checked, path, {}, "x") == f"{path} cannot be read ({reason}); x"
    monkeypatch.setattr(disk, "write_synced", fails)
    assert refusal(disk.write_whole, path, "").startswith(
        f"{path} could not be written: {reason}; free space"
    )
