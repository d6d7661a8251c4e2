"""`isotrope new run` writes param-files that are accepted, for every model and every data set."""

import re
import shutil
from functools import cache
from pathlib import Path

import pytest
import yaml

from isotrope import paths, registry, skeletons
from isotrope.commands.checking import new
from isotrope.errors import UserError
from isotrope.params.blocks import Plugin
from isotrope.params.evaluations import check_evaluations
from isotrope.params.param_file import Tables, ambiguous_tables, check_file
from isotrope.params.yaml_marks import parse
from isotrope.skeletons.runs import _flow, _line, write_run

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "param-files").rglob("*.yaml"))


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "param-files", folder / "param-files")
    return folder


@pytest.fixture
def project(copied, monkeypatch):
    """The project's param-files, to which runs are added."""
    monkeypatch.chdir(copied)
    return copied


MODELS = ("cnn", "deeplabv3plus", "pixel_pool", "ram_lpm", "scattering_linear", "shift_resnet")
PAIRS = {file.parts[-3]: file.parts[-2] for file in reversed(FILES) if file.parts[-3] in MODELS}


@cache
def tables_of(path):
    """The tables of a param-file, without a check of the rest."""
    raw = parse(path.read_text(encoding="utf-8")).value
    found, wrong = check_evaluations(raw["evaluations"])
    assert wrong == []
    settings = {one.alias: Plugin(one.name, one.params).settings() for one in found}
    return Tables(str(path), path.stem, paths.group_of(raw["study"], raw["series"]), settings)


@pytest.mark.parametrize(("model", "data"), PAIRS.items())
def test_a_run_of_any_model_is_accepted_and_its_tables_mean_what_they_meant(project, model, data):
    path, whence, checked = write_run(f"{model}/{data}/of_mine")
    try:
        assert path == Path(f"param-files/{model}/{data}/of_mine.yaml")
        assert whence.startswith(f"settings as in param-files/{model}/{data}/")
        assert checked.sentences == []
        run = checked.run
        assert (run.envelope.series, run.envelope.seeds) == ("own", [1, 2, 3])
        assert len(run.points) == 1
        assert list(ambiguous_tables([tables_of(one) for one in (path, *FILES)])) == []
    finally:
        path.unlink()


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("cnn/stir_emoji/mine", "stir_emoji/demo.yaml"),  # a model with runs on other data
        ("ptn/digits8/mine", "digits8/attacked.yaml"),
        ("cnn/svhn/mine", ""),
    ],
)
def test_a_run_of_a_model_on_other_data_is_accepted(project, name, source):
    path, whence, checked = write_run(name)
    try:
        assert source in whence
        assert checked.run.name == name
    finally:
        path.unlink()


def test_a_data_set_that_no_run_has_takes_what_needs_no_file(project, monkeypatch):
    monkeypatch.chdir(project.parent)
    (project.parent / "param-files").mkdir(exist_ok=True)
    path, whence, checked = write_run("cnn/fashion_mnist/mine")
    raw = parse(path.read_text(encoding="utf-8")).value
    assert whence == "settings are the plug-ins' defaults"
    assert checked.run is not None
    assert raw["dataset"] == {"name": "fashion_mnist", "source": "download"}
    assert (raw["study"], raw["evaluations"]) == ("mine", ["accuracy"])


def test_evaluations_of_other_data_and_of_other_networks_are_not_taken_over(project):
    known = parse((project / "param-files/polar_cnn/mnist_2000/upright.yaml").read_text()).value
    theirs = [one for one in known["evaluations"] if isinstance(one, dict)]
    assert any("dataset" in one for one in theirs)
    path, whence, _ = write_run("polar_cnn/mnist_2000/mine")
    raw = parse(path.read_text(encoding="utf-8")).value
    path.unlink()
    assert "polar_cnn/mnist_2000/upright" in whence
    assert raw["evaluations"] == [one for one in known["evaluations"] if isinstance(one, str)]


def test_settings_with_defaults_are_comments_with_their_meaning(project):
    path, _, _ = write_run("cnn/stir_emoji/explained")
    text = path.read_text(encoding="utf-8")
    path.unlink()
    assert "\n  # kernel_size: 3 # side of all kernels, in pixels\n" in text
    assert "\n  # precision: float32\n" in text
    assert "\n  epochs: " in text
    (offered,) = re.findall(r"# these fit, too: ([\w,\s#]+)\n\n", text)
    raw = parse(text).value["evaluations"]
    taken = {one if isinstance(one, str) else one["name"] for one in raw}
    others = set(re.findall(r"\w+", offered))
    assert taken | others <= set(registry.names("evaluation"))
    assert "accuracy" in taken
    assert not taken & others
    assert max(map(len, text.splitlines())) <= 130
    words = [line for line in text.splitlines() if re.match(r" *#( \w+)+[ ,;.]", line)]
    assert 80 < max(map(len, words)) <= 100
    with_meaning = [line for line in text.splitlines() if re.match(r" +#? ?\w+: .* # ", line)]
    assert 80 < max(map(len, with_meaning)) <= 100
    for key in registry.load("models", "cnn").Params.model_fields:
        assert f"# {key}: " in text


def test_a_run_beside_a_demo_is_of_its_group_and_of_its_settings(project):
    path, whence, checked = write_run("standard/stir_emoji/beside", series="demo")
    text = path.read_text(encoding="utf-8")
    try:
        assert whence == "settings as in param-files/standard/stir_emoji/demo.yaml"
        assert tables_of(path).group == "scale-demo"
        assert list(ambiguous_tables([tables_of(one) for one in (path, *FILES)])) == []
        demo = check_file(path.with_name("demo.yaml"), paths.PARAM_FILES).run
        assert checked.run.points[0].digest == demo.points[0].digest
    finally:
        path.unlink()
    path.write_text(text.replace("series: demo", "series: own"), encoding="utf-8")
    own = check_file(path, paths.PARAM_FILES).run
    path.unlink()
    assert own.points[0].digest == checked.run.points[0].digest  # another series retrains nothing
    with pytest.raises(UserError, match="--series published: choose from own, demo"):
        write_run("cnn/stir_emoji/mine", series="published")


def test_a_table_that_others_of_the_group_have_is_measured_as_theirs(project):
    demo = Path("param-files/standard/stir_emoji/demo.yaml")
    raw = parse(demo.read_text(encoding="utf-8")).value
    raw["evaluations"] = ["accuracy", {"name": "shift_accuracy", "each_shift": True}]
    theirs = demo.with_name("theirs.yaml")
    theirs.write_text(yaml.safe_dump(raw), encoding="utf-8")
    try:
        like = "standard/stir_emoji/mid2rest"
        path, _, _ = write_run("standard/stir_emoji/same", series="demo", like=like)
        written = parse(path.read_text(encoding="utf-8")).value["evaluations"]
        path.unlink()
    finally:
        theirs.unlink()
    assert {"name": "shift_accuracy", "each_shift": True} in written
    assert "scale_generalization" in written, "of the run that it is like"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"name": "b", "a": (1, 2), "c": None}, "{name: b, a: [1, 2], c: null}"),
        ("1-3", "1-3"),
        (0.001, "0.001"),
        (True, "true"),
        (["x"] * 60, f"[{', '.join('x' * 60)}]"),
    ],
)
def test_a_value_is_one_line_whose_keys_keep_their_order(value, text):
    assert _flow(value) == text


@pytest.mark.parametrize(("letters", "beside"), [(85, True), (86, False)])
def test_a_meaning_stands_behind_its_setting_where_the_line_has_room_for_it(letters, beside):
    meaning = "m" * letters
    lines = [f"key: 1 # {meaning}"] if beside else [f"# {meaning}", "key: 1"]
    assert list(_line("key", 1, meaning)) == lines
    assert list(_line("key", None, "")) == ["key:"]


def test_a_run_like_another_or_beside_a_demo_has_its_seeds(project):
    for words, seeds in (
        ({"like": "pixel_pool/stir_emoji/all2all"}, "1-50"),
        ({"series": "demo", "like": "standard/stir_emoji/demo"}, None),
        ({"series": "demo"}, None),
        ({}, "1-3"),
    ):
        path, whence, checked = write_run("standard/stir_emoji/counted", **words)
        raw = parse(path.read_text(encoding="utf-8")).value
        path.unlink()
        template = whence.rpartition(" ")[2]
        theirs = parse((project / template).read_text(encoding="utf-8")).value
        assert raw["seeds"] == (seeds or theirs["seeds"])
        assert checked.run is not None


def test_a_run_like_one_that_says_no_seeds_has_three(project):
    path = project / "param-files/cnn/mnist/unfinished.yaml"
    whole = (project / "param-files/cnn/mnist/demo.yaml").read_text(encoding="utf-8")
    kept = [line for line in whole.splitlines() if not line.startswith("seeds:")]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    try:
        made, _, checked = write_run("cnn/mnist/counted", like="cnn/mnist/unfinished")
        made.unlink()
    finally:
        path.unlink()
    assert checked.run.envelope.seeds == [1, 2, 3]


@pytest.mark.parametrize(
    ("words", "template"),
    [
        (("tinynet/mnist/mine", None), "cnn/mnist/demo"),  # needs no file and minutes
        (("tinynet/mnist/mine", "glimpse"), "fovea_cnn/mnist/demo"),
        (("deep_lp/mnist/mine", None), "deep_lp/mnist/demo"),  # published runs wait for MNIST
        (("cnn/mnist/mine", None, "own", "deep_lp/mnist/large"), "deep_lp/mnist/large"),
        (("tinynet/any/mine", None, "own", "param-files/cnn/mnist/demo.yaml"), "cnn/mnist/demo"),
    ],
)
def test_settings_are_those_of_a_run_that_can_be_made_here(project, monkeypatch, words, template):
    monkeypatch.delenv("ISOTROPE_DATA", raising=False)
    skeletons.write_skeleton("model", "tinynet")
    path, whence, checked = write_run(*words)
    text = path.read_text(encoding="utf-8")
    for file in (path, Path("plugins/models/tinynet.py")):
        file.unlink()
    assert whence == f"settings as in param-files/{template}.yaml"
    assert f"; {whence}.\n" in text
    assert checked.run is not None


OF_PICKYNET = """\
study: mine
seeds: 1
dataset: {name: digits8, size: 12}
model: {name: pickynet, channels: 30}
training: {epochs: 1, batch_size: 8, optimizer: {name: adam, learning_rate: 1e-3}}
evaluations: [accuracy]
"""


def test_a_model_whose_defaults_are_refused_has_the_settings_of_a_run_on_other_data(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    skeletons.write_skeleton("model", "pickynet")
    plugin, demo = Path("plugins/models/pickynet.py"), "param-files/cnn/mnist/demo.yaml"
    text = plugin.read_text(encoding="utf-8")
    plugin.write_text(text.replace("if min(height, width) < 5:", "if params.channels < 20:"))
    files = {demo: (ROOT / demo).read_text(), "param-files/pickynet/digits/one.yaml": OF_PICKYNET}
    for file, content in files.items():
        Path(file).parent.mkdir(parents=True)
        Path(file).write_text(content)
    _, whence, checked = write_run("pickynet/mnist/mine")
    assert whence == f"settings as in {demo}"
    assert checked.run.points[0].model.params.channels == 30


def test_a_data_set_that_is_broken_hinders_no_new_run_of_others(project):
    """Its run lies in the same folder, of the same model, and is published."""
    text = Path("param-files/cnn/mnist/demo.yaml").read_text(encoding="utf-8")
    run, plugin = Path("param-files/cnn/mnist/broken.yaml"), Path("plugins/data/broken.py")
    for file, content in ((run, text.replace("name: mnist", "name: broken")), (plugin, "x = (")):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content.replace("series: demo", "series: published"), encoding="utf-8")
    try:
        path, whence, _ = write_run("cnn/mnist/beside_broken")
    finally:
        run.unlink()
        plugin.unlink()
    path.unlink()
    assert "broken" not in whence


def test_the_published_run_is_nearest_where_its_data_are_there(project, monkeypatch, tmp_path):
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path))
    for split in ("train", "t10k"):
        for kind in ("images-idx3", "labels-idx1"):
            (tmp_path / "mnist").mkdir(exist_ok=True)
            (tmp_path / "mnist" / f"{split}-{kind}-ubyte").touch()
    path, whence, _ = write_run("deep_lp/mnist/with_data")
    path.unlink()
    assert whence == "settings as in param-files/deep_lp/mnist/large.yaml"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cnn/stir_emoji", "'cnn/stir_emoji': a run is called <model>/<data set>/<variant>"),
        ("cnn/stir_emoji/..", "a run is called"),
        ("cnm/stir_emoji/mine", "no model is called 'cnm'; did you mean 'cnn'?"),
        ("cnn/stir_emojy/mine", "no data set is called 'stir_emojy'; did you mean 'stir_emoji'"),
        ("cnn/voc/mine", "cnn is for classification, and the labels of voc are masks"),
        ("standard/stir_emoji/mid2rest", "mid2rest.yaml is there already; choose another"),
        ("standard/stir_emoji/Mid2rest", "mid2rest.yaml in case or ending only; choose another"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(project, name, said):
    before = set(project.rglob("*"))
    with pytest.raises(UserError) as error:
        write_run(name)
    assert said in str(error.value)
    with pytest.raises(UserError, match=r"--like cnn/mnist/demmo: no run is called so; did you"):
        write_run("cnn/mnist/mine", like="cnn/mnist/demmo")
    assert set(project.rglob("*")) == before


@pytest.mark.parametrize(
    ("kind", "option", "value", "kinds"),
    [
        ("model", "like", "cnn/mnist/demo", "runs"),
        ("evaluation", "series", "demo", "runs"),
        ("figure", "series", "own", "runs"),
        ("dataset", "study", "scale", "runs and figures"),
        ("study", "study", "scale", "runs and figures"),
        ("run", "core", True, "plug-ins and studies"),
    ],
)
def test_an_option_that_a_kind_does_not_take_is_refused(project, kind, option, value, kinds):
    before = set(project.rglob("*"))
    with pytest.raises(UserError) as error:
        new(kind, "cnn/mnist/mine" if kind == "run" else "mine", **{option: value})
    assert str(error.value) == f"`isotrope new {kind}`: --{option} is for {kinds}; leave it out"
    assert set(project.rglob("*")) == before


def test_a_run_of_a_plug_in_of_ones_own_names_the_schema_that_knows_it(project):
    skeletons.write_skeleton("model", "schemed")
    paths_of_runs = [write_run(f"{model}/stir_emoji/headed")[0] for model in ("schemed", "cnn")]
    heads = [path.read_text("utf-8").splitlines()[0] for path in paths_of_runs]
    for path in (*paths_of_runs, Path("plugins/models/schemed.py")):
        path.unlink()
    assert heads[0].endswith("$schema=../../../out/param-file.schema.json")
    assert heads[1].endswith("$schema=../../../workflow/schemas/param-file.schema.json")
