"""What was found out of a network is asked again where its code, its settings or torch changed."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from made_up_param_file import changed, write

from isotrope import paths, registry
from isotrope.files import json_files
from isotrope.params import modelling, trials
from isotrope.plan import checking
from isotrope.plan.checked_before import read_memory
from isotrope.plan.checking import check_folder
from isotrope.settings import Settings
from isotrope.skeletons import write_skeleton

NAME = "outer/stir_emoji/mine"
OUTER = """
from pydantic import Field
from torch import nn

from isotrope.layers.preceded import Preceded
from isotrope.params import modelling, trials
from isotrope.params.wrapping import InnerModel, inner
from isotrope.settings import Settings

REVISION = 1
PARTS = {"before"}
WRAPS = "around"


class Params(Settings):
    around: InnerModel = Field(default_factory=lambda: inner("within"))
    gain: float = 1.0


def build(params, image_shape, classes):
    network = modelling.build(params.around.name, params.around.params, image_shape, classes)
    return Preceded("before", nn.Identity(), network)
"""
RUN = ("standard", "outer")


@pytest.fixture
def built(param_files, monkeypatch):
    """A project with a model inside another; the models that were built since last asked."""
    write_skeleton("model", "within")
    write(param_files.parent / "plugins", OUTER, "models/outer.py")
    write(param_files.parent / "plugins", "HALF = 2\n", "layers/half.py")
    inside = registry.source("models", "within")
    inside.write_text(f"{inside.read_text()}\n\nfrom plugins.layers.half import HALF  # noqa\n")
    write(param_files, changed(RUN), f"{NAME}.yaml")
    seen, build = [], modelling.build

    def spy(name, *words):
        seen.append(name)
        return build(name, *words)

    monkeypatch.setattr(modelling, "build", spy)

    def names():
        found, seen[:] = sorted(set(seen)), []
        return found

    check_folder()
    assert names() == ["outer", "within"]
    return names


def test_nothing_is_built_for_another_training_a_copy_or_another_check(
    built, param_files, monkeypatch
):
    write(param_files, changed(RUN, ("epochs: 2", "epochs: 3")), f"{NAME}.yaml")
    write(param_files, changed(RUN, ("batch_size: 16", "batch_size: 8")), f"{NAME}s.yaml")
    monkeypatch.setattr(checking, "_CORE", checking._CORE[:1])
    assert len(check_folder().runs) == 2
    assert built() == []


def test_it_is_built_again_for_other_settings(built, param_files):
    write(param_files, changed((*RUN,), ("name: outer", "name: outer\n  gain: 2")), f"{NAME}.yaml")
    check_folder()
    assert built() == ["outer", "within"]


@pytest.mark.parametrize("edited", ["models/outer", "models/within", "layers/half"])
def test_it_is_built_again_where_its_code_changed_or_that_of_the_model_inside(
    built, param_files, edited
):
    source = param_files.parent / f"plugins/{edited}.py"
    source.write_text(f"{source.read_text()}\nMORE = 1\n")
    check_folder()
    assert built() == ["outer", "within"]
    check_folder()
    assert built() == []


def test_it_is_built_again_after_an_upgrade_of_whatever_a_plug_in_may_import(
    built, param_files, monkeypatch
):
    place = param_files.parent / "env/site-packages"
    place.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(place))
    check_folder()
    assert built() == [], "an empty folder has no package"
    for old, new in (("", "scipy-1.0.dist-info"), ("scipy-1.0.dist-info", "scipy-1.1.dist-info")):
        if old:
            (place / old).rmdir()
        (place / new).mkdir()
        check_folder()
        assert built() == ["outer", "within"]
    (place / "scipy").mkdir()
    check_folder()
    assert built() == []


def test_it_is_built_again_where_the_building_itself_changed(built, monkeypatch):
    monkeypatch.setattr(checking, "_CORE", checking._CORE[:1])
    monkeypatch.setattr(checking, "_BUILDING", checking._BUILDING[:1])
    check_folder()
    assert built() == ["outer", "within"]


def test_an_altered_answer_is_not_believed(built, param_files):
    text = paths.CHECKED.read_text()
    content = json.loads(text)
    (trial,) = content["trials"].values()
    assert trial[-1] == [None, None, [], []], "nothing is wrong with it"
    trial[-1][0] = "it is refused"
    paths.CHECKED.write_text(json.dumps(content))
    assert check_folder().runs
    assert built() == ["outer", "within"]

    del content["checksum"]
    paths.CHECKED.write_text(json_files.sealed_text(content))
    write(param_files, changed(RUN, ("epochs: 2", "epochs: 3")), f"{NAME}.yaml")
    ((said,),) = check_folder().mistakes.values()
    assert "it is refused" in said, "whoever seals it anew is believed"


def test_a_refusal_is_remembered_and_what_nothing_asks_for_any_more_is_kept(built, param_files):
    source = registry.source("models", "within")
    refusing = "\n\ndef build(*given):\n    raise ValueError('no images please')\n"
    right = source.read_text()
    source.write_text(right + refusing)
    code = "from isotrope.plan.checking import check_folder; print(check_folder().mistakes)"

    def said():
        environment = {**os.environ, "PYTHONPATH": str(registry.PACKAGE.parent)}
        command = [sys.executable, "-c", code]
        return subprocess.run(command, env=environment, text=True, capture_output=True).stdout

    assert "no images please" in said()
    assert "no images please" in said()
    source.write_text(right)
    assert said() == "{}\n"
    trials = json.loads(paths.CHECKED.read_text())["trials"]
    (param_files / f"{NAME}.yaml").unlink()
    write(param_files)
    check_folder()
    assert trials.items() <= json.loads(paths.CHECKED.read_text())["trials"].items()


def test_code_that_is_only_imported_beside_has_nothing_built_but_must_be_importable(
    built, param_files
):
    layers = param_files.parent / "plugins/layers"
    (layers / "__init__.py").write_text(
        "from plugins.layers.beside import Y\nfrom plugins.layers.third import X\n"
    )
    beside = write(layers, "Y = 1\n", "beside.py")
    write(layers, "X = 1\n", "third.py")
    source = registry.source("models", "outer")
    source.write_text(f"{source.read_text()}\n\nfrom plugins.layers import X  # noqa\n")
    assert not (before := check_folder()).mistakes
    assert built() == ["outer", "within"]
    beside.write_text("Y = 2\n")
    assert check_folder() == before
    assert built() == []
    beside.write_text("Y = 1 / 0\n")
    for module in [name for name in sys.modules if name.startswith("plugins.")]:
        del sys.modules[module]
    (reason,) = check_folder().runs[NAME].broken
    assert "plugins/layers/beside.py:1: cannot be imported: ZeroDivisionError" in reason
    beside.write_text("Y = 3\n")
    assert check_folder() == before


LEFT = "standard/stir_emoji/left"


@pytest.fixture
def edited(built, param_files):
    """The same with a shipped run beside it, after an edit of the code of both models."""
    write(param_files, changed(("seeds: 1-3", "seeds: 1-3\nseries: published")), f"{LEFT}.yaml")
    write(
        param_files,
        changed(RUN, ("seeds: 1-3", "seeds: 1-3\nseries: published")),
        "outer/stir_emoji/left.yaml",
    )
    check_folder()
    built()
    source = param_files.parent / "plugins/layers/half.py"
    source.write_text("HALF = 3\n")
    return built


def test_where_code_changed_only_the_networks_of_runs_that_are_asked_for_are_built(
    edited, param_files
):
    found = check_folder(built=[LEFT])
    assert edited() == []
    assert found.untried == ["outer/stir_emoji/left", NAME]
    assert check_folder(built=[LEFT]) == found
    found = check_folder(built=[NAME])
    assert edited() == ["outer", "within"]
    assert found.untried == ["outer/stir_emoji/left"]
    write(param_files, changed(RUN, ("epochs: 2", "epochs: 3")), "outer/stir_emoji/left.yaml")
    assert check_folder(built=[]).untried == [], "a param-file that changed is checked wholly"
    edited()
    assert check_folder().untried == []
    assert edited() == []


def test_what_is_left_untried_is_in_the_index_as_the_code_is_now(edited, param_files):
    source = registry.source("models", "outer")
    source.write_text(source.read_text().replace("REVISION = 1", "REVISION = 2"))
    found = check_folder(built=[])
    assert len(found.untried) == 2
    assert edited() == []
    assert replace(check_folder(), untried=found.untried) == found


def test_a_refusal_is_found_once_the_run_is_asked_for(edited, param_files):
    source = registry.source("models", "within")
    source.write_text(f"{source.read_text()}\n\ndef build(*given):\n    raise ValueError('no')\n")
    for module in [name for name in sys.modules if name.startswith("plugins.")]:
        del sys.modules[module]
    assert not check_folder(built=[]).mistakes
    assert [*check_folder(built=[NAME]).mistakes] == [f"param-files/{NAME}.yaml"]
    assert len(check_folder().mistakes) == 2


def test_a_network_is_built_once_for_all_that_is_asked_of_it(built, param_files, monkeypatch):
    counted, build = [], modelling.build
    monkeypatch.setattr(
        modelling, "build", lambda name, *w: counted.append(name) or build(name, *w)
    )
    grouped = ("name: adam", "name: adam, groups: {base: {learning_rate: 0.01}}")
    other = ("name: outer", "name: outer\n  gain: 3")
    before = set(read_memory().trials)
    write(param_files, changed(RUN, grouped, other), f"{NAME}.yaml")
    check_folder()
    assert counted == ["outer", "within"]

    found = [one for key, one in read_memory().trials.items() if key not in before]
    assert len(found) >= 2, "its parts, and its groups of parameters"
    for trial in found:
        assert ["models", "outer"] in trial.plugins, "what was looked at counts for each answer"
        assert ["models", "within"] in trial.plugins


def test_the_last_networks_alone_are_kept():
    made = []

    @trials.shared
    def network(name, params):
        made.append(name)
        return name

    names = [f"model{number}" for number in range(9)]
    with trials.known(trials.Trials({}, lambda plugins, files: "")):
        assert [network(name, Settings()) for name in names] == names
        assert network("model8", Settings()) == "model8"
        assert made == names
        network("model0", Settings())
        assert made == [*names, "model0"]
    network("model0", Settings())
    assert made == [*names, "model0", "model0"], "nothing is kept outside"
