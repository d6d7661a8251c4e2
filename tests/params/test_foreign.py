"""Param-files of a study's authors become ours, by a module of the study (here a made-up one)."""

import pytest
import yaml

from isotrope.errors import UserError
from isotrope.params import foreign
from isotrope.params.param_file import read_run

IMPORTER = '''
"""Reads the files of a made-up author."""

from isotrope.params.foreign import Converted
from isotrope.settings import Settings


class Original(Settings):
    """A whole file."""

    rate: float
    rounds: int
    noise: float = 0.0


def convert(original):
    blocks = {
        "study": "theirs",
        "seeds": [1],
        "dataset": {"name": "stir", "task": "emoji", "scenario": "all2all"},
        "model": {"name": "standard"},
        "training": {
            "epochs": original.rounds,
            "batch_size": 16,
            "optimizer": {"name": "adam", "learning_rate": original.rate},
        },
        "evaluations": ["accuracy"],
    }
    wrong = [(("noise",), ": no noise is added here; write 0")] if original.noise else []
    return Converted(blocks, "emoji", ["It drew no seed; ours is 1."], wrong)
'''
GOOD = "rate: 1e-3\nrounds: 7\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    room = tmp_path / "plugins/studies/theirs"
    room.mkdir(parents=True)
    (room / "import_param_file.py").write_text(IMPORTER)
    (tmp_path / "quick run.yaml").write_text(GOOD)
    return tmp_path


def import_text(folder, text, **changes):
    file = folder / "quick run.yaml"
    file.write_text(text)
    return foreign.import_param_file(file, changes.get("study", "theirs"), changes.get("to"))


def test_a_study_is_found_by_its_module(folder):
    assert sorted(foreign.studies_with_importer()) == ["log_polar", "theirs"]


def test_a_file_of_the_authors_becomes_a_param_file_that_is_in_order(folder):
    path = import_text(folder, GOOD)

    assert path.as_posix() == "param-files/standard/emoji/quick_run.yaml"
    run = read_run(path)
    assert (run.envelope.study, run.name) == ("theirs", "standard/emoji/quick_run")
    text = path.read_text()
    assert text.startswith("# yaml-language-server:")
    assert "# It drew no seed; ours is 1.\n" in text
    assert list(yaml.safe_load(text)) == [
        *("study", "seeds", "dataset", "model", "training", "evaluations"),
    ]


def test_every_mistake_of_the_original_is_told_with_its_place(folder):
    with pytest.raises(UserError) as told:
        import_text(folder, "rate: fast\nround: 7\n")

    file = folder / "quick run.yaml"
    assert told.value.sentences[0].startswith(f"{file}:1:1: rate: ")
    assert f"{file}:2:1: round: unknown key; did you mean 'rounds'?" in told.value.sentences
    assert not (folder / "param-files").exists()


@pytest.mark.parametrize("text", ["", "- rate: 1e-3\n", "fast\n"])
def test_a_file_without_settings_is_told(folder, text):
    with pytest.raises(UserError, match=r"quick run.yaml:1:1: the file (is empty|must hold keys)"):
        import_text(folder, text)


def test_what_has_no_counterpart_is_told_and_nothing_is_written(folder):
    with pytest.raises(UserError, match=r"quick run.yaml:3:1: noise: no noise is added here"):
        import_text(folder, f"{GOOD}noise: 0.5\n")
    assert not (folder / "param-files").exists()


def test_a_file_is_never_overwritten(folder):
    path = import_text(folder, GOOD)

    with pytest.raises(UserError, match="is there already; name another place with --to"):
        import_text(folder, GOOD)
    assert import_text(folder, GOOD, to=path.with_name("other.yaml")).is_file()


def test_what_would_not_pass_the_check_is_not_left_behind(folder):
    with pytest.raises(UserError, match=r"training.epochs: input should be greater than 0"):
        import_text(folder, "rate: 1e-3\nrounds: 0\n")
    assert not list(folder.glob("param-files/*/*/*.yaml"))


def test_an_unknown_study_is_told_with_those_that_are_known(folder):
    with pytest.raises(UserError, match=r"--study their: .*did you mean 'theirs'"):
        import_text(folder, GOOD, study="their")
