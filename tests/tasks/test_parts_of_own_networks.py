"""Parts of what is measured of a user's network or folders of weights, each for itself."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from isotrope import paths, registry
from isotrope.datasets.images import Images
from isotrope.errors import UserError
from isotrope.params.blocks import Plugin
from isotrope.tasks import building, examples, like_run, own_network, weights_tables
from isotrope.tasks.own_network import Asked
from isotrope.tasks.weights_tables import Weights

ASKED = Asked((3, 4, 6), 5, False)
NETWORKS = """\
import sys
import torch
from isotrope.errors import UserError

there = torch.nn.Identity()
number = 3

def drawn():
    return torch.nn.Linear(2, 2)

def told(image_shape, *more, classes, width=7, **others):
    return torch.nn.Linear(image_shape[0] * width, classes)

def by_position(image_shape, /):
    return torch.nn.Identity()

def ends():
    sys.exit("no weights")

def inner():
    return [][1]

def outer():
    return inner()

def refuses():
    raise UserError("mend this")

def _hidden():
    pass
"""


@pytest.fixture(autouse=True)
def _project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("nets").mkdir()
    Path("nets/mine.py").write_text(NETWORKS)
    Path("nets/lacking.py").write_text("import nothing_of_that_name\n")
    yield
    for name in [
        name for name in sys.modules if name.split(".")[0] in ("nets", "own_network_mine")
    ]:
        del sys.modules[name]


def test_a_network_is_there_already_or_made_with_the_same_draws_each_time():
    assert isinstance(own_network.build("nets/mine.py:there", ASKED), nn.Identity)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, again = (own_network.build("nets/mine.py:drawn", ASKED) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state), "what is drawn after is as it was"
    assert torch.equal(first.weight, again.weight)
    torch.manual_seed(own_network.SEED)
    assert torch.equal(first.weight, nn.Linear(2, 2).weight)
    told = own_network.build("nets.mine:told", ASKED)
    assert (told.in_features, told.out_features) == (21, 5)


def test_what_a_function_cannot_make_is_said_in_its_own_words():
    with pytest.raises(
        UserError, match=r"^nets/mine\.py:ends: fails at .*mine\.py:18: SystemExit: no w"
    ):
        own_network.build("nets/mine.py:ends", ASKED)
    with pytest.raises(UserError) as error:
        own_network.build("nets/mine.py:outer", ASKED)
    said = str(error.value).replace(str(Path.cwd()) + "/", "")
    assert (
        said == "nets/mine.py:outer: fails at nets/mine.py:21: IndexError: list index out of range"
    )
    with pytest.raises(UserError, match=r"^mend this$"):
        own_network.build("nets/mine.py:refuses", ASKED)
    with pytest.raises(UserError, match="has no function 'hidden'") as error:
        own_network.build("nets/mine.py:hidden", ASKED)
    assert "_hidden" not in str(error.value)
    with pytest.raises(UserError, match="is an object of int, and no function"):
        own_network.build("nets/mine.py:number", ASKED)
    for words in ("nets/mine.py:", ":drawn", "drawn"):
        with pytest.raises(UserError, match="with --like this is a function that makes a network"):
            own_network.build(words, ASKED)


def test_the_folder_of_a_file_comes_behind_the_environment_and_once():
    before = [*sys.path]
    for _ in range(2):
        own_network.build("nets/mine.py:drawn", ASKED)
    assert sys.path == [*before, str(Path("nets").resolve())]
    own_network.build("nets.mine:drawn", ASKED)
    assert sys.path[len(before) + 1 :] == [str(Path().resolve())]


def test_a_module_that_is_not_there_is_told_from_one_that_it_lacks():
    for place, lacking in (("nowhere:f", "nowhere"), ("nowhere.inner:f", "nowhere")):
        with pytest.raises(UserError, match=f"^no module is called {lacking}; start this in"):
            own_network.build(place, ASKED)
    for place in ("nets.lacking", "nets/lacking.py"):
        with pytest.raises(
            UserError, match=rf"^{place}: cannot be imported at .*lacking\.py:1: Mod"
        ):
            own_network.build(f"{place}:f", ASKED)


class Answers(nn.Module):
    """Answers with what it is given."""

    def __init__(self, shape, values=0.0, error=None):
        super().__init__()
        self.answer, self.error = torch.full(shape, values), error

    def forward(self, images):
        assert torch.is_inference_mode_enabled()
        if self.error:
            raise self.error
        return self.answer


@pytest.mark.parametrize(
    ("asked", "fits", "others"),
    [
        (ASKED, (2, 5), [(2, 6), (1, 5), (2, 5, 4, 6)]),
        (ASKED._replace(per_pixel=True), (2, 5, 4, 6), [(2, 5), (2, 5, 6, 4), (2, 5, 3, 4, 6)]),
    ],
)
def test_logits_are_as_many_as_the_classes_of_each_image_or_pixel(asked, fits, others):
    images = torch.zeros(2, 3, 4, 6)
    own_network.check(Answers(fits), "f", images, asked)
    for shape in others:
        with pytest.raises(UserError) as error:
            own_network.check(Answers(shape), "f", images, asked)
        said = (
            f"f: its network answers 2 images with {shape}, and not with logits {fits}: 5 classes"
        )
        assert str(error.value) == said
    with pytest.raises(UserError, match="infinite or no numbers"):
        own_network.check(Answers(fits, float("inf")), "f", images, asked)
    with pytest.raises(torch.OutOfMemoryError):
        own_network.check(Answers(fits, error=torch.OutOfMemoryError("full")), "f", images, asked)
    with pytest.raises(UserError, match=r"^f: its network does not take 3 x 4 x 6 images \(Key"):
        own_network.check(Answers(fits, error=KeyError("a")), "f", images, asked)


# as a run is measured


def run_of(group="own", series="own", broken=()):
    return SimpleNamespace(group=group, series=series, broken=broken)


def test_of_runs_that_a_word_means_sound_ones_with_tables_come_first(monkeypatch):
    runs = {
        "a/digits/z": run_of(series="extra"),
        "b/digits/b": run_of(broken=["broken"]),
        "c/digits/c": run_of(series="published"),
        "d/digits/d": run_of(series="demo"),
        "e/digits/e": run_of(series="own"),
        "f/other/f": run_of(),
        "g/digits/a": run_of("tabled", series="extra"),
    }
    table = paths.table_folder("tabled") / "runs.csv"
    table.parent.mkdir(parents=True)
    table.touch()
    known = SimpleNamespace(
        runs=runs, mistakes_of=lambda name: [f"{name} is wrong"] * ("x" in name)
    )
    order = ["g/digits/a", "e/digits/e", "d/digits/d", "c/digits/c", "a/digits/z", "b/digits/b"]
    assert like_run.meant(known, "digits") == like_run.meant(known, "*/digits/*") == order
    assert like_run.meant(known, "param-files/f/other/f.yaml") == ["f/other/f"]
    with pytest.raises(UserError, match=r"^x is wrong$"):
        like_run.meant(known, "x")
    with pytest.raises(
        UserError, match=r"^--like digit: no run, .* called so; did you mean 'digits'"
    ):
        like_run.meant(known, "digit")


def test_a_data_set_in_words_leaves_out_what_is_not_set():
    settings = {"dataset.name": "stir", "dataset.task": None, "dataset.size": 0, "dataset.a": False}
    assert like_run.words_of_data(settings) == "stir size=0 a=False"


def test_an_evaluation_is_left_out_with_what_the_network_lacks(monkeypatch):
    constants = {"NEEDS": {"features", "head"}, "CALLS": {"look", "draw"}}
    monkeypatch.setattr(registry, "literal", lambda kind, name, key, *_: constants[key])
    measured = object.__new__(like_run.Measured)
    measured.network = nn.Module()
    plain = SimpleNamespace(name="x", of_run=False, against=None)
    assert measured._misfit(plain) == "it needs features, head, which the network does not have"
    measured.network.features, measured.network.head = nn.Identity(), nn.Identity()
    assert measured._misfit(plain) == "it calls draw, look, which the network does not have"
    measured.network.draw = measured.network.look = lambda: None
    assert measured._misfit(plain) is None
    against = SimpleNamespace(name="x", of_run=False, against=SimpleNamespace(run="a/b/c"))
    assert measured._misfit(against).endswith("the seeds of another run, a/b/c")


def test_the_split_with_images_as_large_as_those_of_training_is_shown(monkeypatch):
    for known, shown in ((["valid", "train", "test"], "train"), (["test", "valid"], "test")):
        monkeypatch.setattr(registry, "splits", lambda name, params, known=known: known)
        its = SimpleNamespace(dataset=SimpleNamespace(name="d", params="p"))
        assert like_run._a_split(its) == shown


def test_evaluations_come_all_or_by_the_name_of_their_table():
    its = SimpleNamespace(run="a/b/c", evaluations=[SimpleNamespace(alias=a) for a in "xyz"])
    assert [one.alias for one in like_run.evaluations_named(its, None)] == ["x", "y", "z"]
    assert [one.alias for one in like_run.evaluations_named(its, "y")] == ["y"]
    with pytest.raises(UserError, match=r"^a/b/c has no evaluation 'w'"):
        list(like_run.evaluations_named(its, "w"))


# folders of weights


def weights(folder="one", run="a/b/c", study="scale", seeds=((1, "done"),), **settings):
    parts = {
        "run": run,
        "point": "base",
        "model": {"name": "cnn"},
        "dataset": {"name": "digits"},
        "settings": {
            "dataset": {"name": "digits", **settings},
            "model": {"name": "cnn", "width": 3},
        },
    }
    status = dict(seeds)
    known = SimpleNamespace(status=status, part=parts.get, training_digest="d", seeds=list(status))
    return Weights(Path(folder), known, study, "own", "Plain")


def test_packs_of_folders_have_their_settings_and_names_of_their_own():
    first = weights(seeds=((1, "done"), (2, "diverged"), (3, "collapsed")), source="made", size=8)
    assert first.seeds == [1, 3]
    second, third = weights("two", seeds=((3, "done"),)), weights("three", seeds=((4, "done"),))
    packs = weights_tables._packs([first, second, third], "shift")
    assert [pack.run for pack in packs] == ["a/b/c", "a/b/c (two)", "a/b/c"]
    one = packs[0]
    assert (one.study, one.series, one.label, one.source) == ("shift", "own", "Plain", "made")
    assert (one.model, one.dataset, one.point, one.pack) == ("cnn", "digits", "base", Path("one"))
    assert one.parameters == {"dataset.size": 8, "model.width": 3}
    assert (one.seeds, one.training_digest, one.evaluations) == ((1, 2, 3), "d", ())
    assert packs[1].source == ""


def test_a_folder_is_opened_once_and_refused_where_every_seed_diverged(monkeypatch):
    known = {Path("a"): weights("a"), Path("b"): weights("b", seeds=((1, "diverged"),))}
    monkeypatch.setattr(weights_tables, "_weights", known.get)
    assert weights_tables.open_folders([Path("a"), "a"]) == [known[Path("a")]]
    with pytest.raises(UserError, match=r"^b: all seeds have diverged$"):
        weights_tables.open_folders([Path("a"), Path("b")])


def test_a_param_file_says_study_series_and_label_of_weights_while_it_is_there(monkeypatch):
    known = SimpleNamespace(part=lambda key: "a/b/c")
    monkeypatch.setattr(weights_tables.summary, "read", lambda folder: known)
    assert weights_tables._weights(Path("x")) == Weights(Path("x"), known, "", "own", "a/b/c")
    path = paths.PARAM_FILES / "a/b/c.yaml"
    path.parent.mkdir(parents=True)
    path.touch()
    envelope = SimpleNamespace(study="shift", series="demo")
    run = SimpleNamespace(envelope=envelope, label="Label")
    monkeypatch.setattr(weights_tables, "read_run", lambda path: run)
    assert weights_tables._weights(Path("x")) == Weights(Path("x"), known, "shift", "demo", "Label")


def test_a_figure_is_that_of_the_one_study_of_all_folders_else_of_any(monkeypatch):
    kinds = {
        "general": {"accuracy"},
        "scale": {"sizes"},
        "shift": {"accuracy", "sizes"},
        "own": set(),
    }
    monkeypatch.setattr(registry, "figure_folders", lambda: ["shift", "general", "scale"])

    def figures(study):
        def kind(figure):
            raise UserError(f"no figure of {study} is called {figure}")

        return SimpleNamespace(kinds=kinds[study], kind=kind)

    monkeypatch.setattr(weights_tables, "StudyFigures", figures)
    scale, shift = weights(), weights(study="shift")
    assert weights_tables.study_of([shift], "accuracy") == "shift"
    assert weights_tables.study_of([scale, shift], "accuracy") == "general"
    assert weights_tables.study_of([scale, shift], "sizes") == "scale"
    assert weights_tables.study_of([weights(study="own")], "sizes") == "scale"
    assert weights_tables.study_of([weights(study="")], "accuracy") == "general"
    with pytest.raises(UserError, match="no figure of general is called none"):
        weights_tables.study_of([shift], "none")


def test_a_figure_of_weights_is_drawn_from_evaluations_of_networks_alone(monkeypatch):
    tables = ["runs", "accuracy", "rotation", "rotation.npz", "selection"]
    its = SimpleNamespace(tables=lambda figure: tables)
    monkeypatch.setattr(weights_tables, "StudyFigures", lambda study: its)
    monkeypatch.setattr(registry, "names", lambda kind: ["rotation", "accuracy", "recordings"])
    assert weights_tables._evaluations_of("scale", "f") == ["accuracy", "rotation"]
    for more in (["layer_costs"], ["recordings.npz"]):
        tables[5:] = more
        name = more[0].removesuffix(".npz")
        with pytest.raises(UserError, match=f"^the figure f needs {name}, which weights alone do"):
            weights_tables._evaluations_of("scale", "f")


def test_arrays_lie_beside_the_rows_of_their_own_seed():
    (pack,) = weights_tables._packs([weights()], "scale")
    rows = [
        {"seed": seed, "metric": "accuracy", "value": 0.5 * seed, "n": 4, "angle": 15}
        for seed in (1, 2)
    ]
    weights_tables._write(Path("place"), pack, "rotation", rows, {2: {"right": np.arange(3)}})
    text = Path("place/rotation.csv").read_text().splitlines()
    assert text[0].startswith("evaluation,run,point,seed,")
    assert [line.split(",")[:4] for line in text[1:]] == [
        ["rotation", "a/b/c", "base", "1"],
        ["rotation", "a/b/c", "base", "2"],
    ]
    assert sorted(path.suffix for path in Path("place/rotation").iterdir()) == [".csv", ".npz"]
    its = Path("place/rotation/2.csv").read_text()
    assert ",1.0," in its
    assert ",0.5," not in its


# examples, and the settings of a data set


def images(count, size=4, labels=None):
    values = torch.arange(count * size * size).reshape(count, 1, size, size) % 256
    return Images(values.to(torch.uint8), torch.arange(count) if labels is None else labels)


def test_without_a_study_eight_images_are_shown_of_classes_or_masks():
    found = examples.first_images(images(12))
    assert found["labels"].tolist() == list(range(8))
    assert found["images"].shape == (8, 4, 4)
    masks = torch.zeros(12, 4, 4, dtype=torch.int64)
    assert examples.first_images(images(12, labels=masks))["images"].shape == (8, 4, 4)
    assert examples.first_images(images(3, labels=masks[:3]))["labels"].shape == (3, 4, 4)
    labels = torch.tensor([5, 5, 2, 9])
    found = examples.first_images(images(4, labels=labels))
    assert found["labels"].tolist() == [5, 2, 9]


def test_images_of_several_sizes_are_not_shown():
    class Sizes:
        kind, labels = "segmentation", None

        def __len__(self):
            return 2

        def __getitem__(self, part):
            return images(1, size=4 + part.start)

    assert examples.first_images(Sizes()) == {}


def test_of_two_data_sets_of_one_name_the_first_is_shown(monkeypatch):
    found = {"a": {"x/images": np.zeros(1), "x/b": np.ones(1)}, "b": {"x/images": np.ones(1)}}
    written = {}
    monkeypatch.setattr(examples, "_examples_of", lambda path, cells, choose: found[path.name])
    monkeypatch.setattr(examples, "write_arrays", lambda path, pairs: written.update(pairs))
    monkeypatch.setattr(registry, "names", lambda kind: [])
    paths.table_folder("own").mkdir(parents=True)
    examples.write_examples("own", [Path("a"), Path("b")], paths.examples("own"))
    assert [*written] == ["x/b", "x/images"]
    assert written["x/images"].tolist() == [0]


def test_examples_are_of_the_last_split_of_a_data_set(monkeypatch):
    asked = []
    plugin = SimpleNamespace(
        Params=registry.load("data", "digits8").Params, SPLITS=("train", "test")
    )
    manifest = SimpleNamespace(dataset="digits8", settings={"size": 12})
    monkeypatch.setattr(examples, "read_manifest", lambda path: manifest)
    monkeypatch.setattr(registry, "load", lambda kind, name: plugin)
    data = SimpleNamespace(whole=lambda: "the images")
    monkeypatch.setattr(examples, "load_split", lambda *words: asked.append(words) or data)
    cells = SimpleNamespace(place_of=lambda dataset, settings: f"{dataset} {settings['size']}")
    found = examples._examples_of(Path("there/x.json"), cells, lambda data: {"a": data})
    assert found == {"digits8 12/a": "the images"}
    ((name, params, split, folder),) = asked
    assert (name, params.size, split, folder) == ("digits8", 12, "test", Path("there"))


def test_the_settings_of_an_entry_are_those_that_are_built():
    entry = SimpleNamespace(name="stir", settings={"task": "emoji", "source": "embedded"})
    params = building.params_of(entry)
    assert (params.task, params.source) == ("emoji", "embedded")
    assert isinstance(Plugin("stir", params).settings(), dict)


def test_tables_of_weights_are_collected_from_each_folder_and_evaluation(monkeypatch):
    calls, said = [], []
    folders = [weights("one"), weights("two", run="d/e/f", seeds=((2, "done"),))]

    def measured(found, one, device):
        arrays = (
            {1: {"right": np.ones(2)}} if (found, str(one.folder)) == ("b of {}", "one") else {}
        )
        seed = one.seeds[0]
        return [{"seed": seed, "metric": "m", "value": 0.5, "n": 3}], arrays

    monkeypatch.setattr(weights_tables, "_evaluations_of", lambda study, figure: ["a", "b"])
    monkeypatch.setattr(
        weights_tables, "_checked", lambda name, settings, weights: f"{name} of {settings}"
    )
    monkeypatch.setattr(weights_tables, "_measured", measured)
    note = lambda name: lambda *words: calls.append((name, *words))  # noqa: E731
    monkeypatch.setattr(weights_tables.tables, "collect", note("tables"))
    monkeypatch.setattr(weights_tables.table_arrays, "collect_arrays", note("arrays"))
    to = Path("to")
    weights_tables.write_tables(
        folders, "scale", "f", {"n": 1}, to, torch.device("cpu"), said.append
    )
    assert said == ["a: one", "a: two", "b: one", "b: two"]
    (_, study, packs, folder), arrays = calls
    assert (study, folder) == ("scale", to)
    assert arrays == ("arrays", packs, "b", to)
    first, second = packs
    assert first.evaluations == second.evaluations == ("a", "b")
    assert first.files == {name: to / f"packs/0/{name}.csv" for name in "ab"}
    assert second.files == {name: to / f"packs/1/{name}.csv" for name in "ab"}
    assert (first.arrays, second.arrays) == ({"b": to / "packs/0/b"}, {})
    assert (to / "packs/0/b/1.csv").is_file()
    assert "d/e/f" in (to / "packs/1/a.csv").read_text()
    monkeypatch.setattr(weights_tables, "_evaluations_of", lambda study, figure: ["a"])
    asked = []
    monkeypatch.setattr(weights_tables, "_checked", lambda *words: asked.append(words))
    weights_tables.write_tables(
        folders, "scale", "f", {"n": 1}, to, torch.device("cpu"), said.append
    )
    assert asked == [("a", {"n": 1}, folders)]
