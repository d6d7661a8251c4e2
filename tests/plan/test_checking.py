"""Only what changed is checked again, and whatever is remembered, the index is the same."""

import hashlib
import itertools
import os
import subprocess
import sys
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up_param_file import GOOD, NAME, changed, write

from isotrope import paths, registry
from isotrope.errors import UserError
from isotrope.files import json_files
from isotrope.files.disk import write_whole
from isotrope.params import param_file
from isotrope.params.param_file import read_folder
from isotrope.plan import checking
from isotrope.plan.checking import check_folder
from isotrope.plan.indexing import index_of
from isotrope.plan.sources import Sources
from isotrope.skeletons import write_skeleton

OTHER, MINE = "ensemble/stir_emoji/other", "mine/stir_emoji/mine"


def file_of(name):
    return f"param-files/{name}.yaml"


@pytest.fixture
def checked(param_files, monkeypatch):
    """A project of two runs; the names of the files that were checked since last asked for."""
    write(param_files)
    write(param_files, changed(("standard", "ensemble")), f"{OTHER}.yaml")
    seen = []
    check = param_file.check_file

    def spy(path, *words, **options):
        seen.append(path.relative_to(paths.PARAM_FILES).with_suffix("").as_posix())
        return check(path, *words, **options)

    monkeypatch.setattr(param_file, "check_file", spy)

    def names():
        found, seen[:] = sorted(seen), []
        return found

    check_folder()
    assert names() == [OTHER, NAME]
    return names


def anew():
    found = read_folder()
    return index_of(found.runs, found.waiting)


def test_nothing_is_checked_twice_and_a_comment_or_spelling_is_no_change(checked, param_files):
    assert check_folder() == anew()
    checked()
    check_folder()
    assert checked() == []
    write(param_files, "# a comment\n" + GOOD.replace("1e-3", "0.001").replace("1-3", '"1-3"'))
    assert check_folder() == anew()
    assert checked() == [OTHER, NAME], "by anew alone"


def test_a_text_is_not_read_again_but_to_name_the_place_of_a_mistake(
    checked, param_files, monkeypatch
):
    parsed, parse, core = [], param_file.parse, checking._CORE
    monkeypatch.setattr(param_file, "parse", lambda text: parsed.append(text) or parse(text))
    monkeypatch.setattr(checking, "_CORE", core[:1])
    before = check_folder()
    assert (checked(), parsed) == ([OTHER, NAME], [])
    assert before == anew()
    del parsed[:]
    registered = registry.literals(registry.source("evaluation", "accuracy"))
    monkeypatch.setitem(registered, "NEEDS", {"pool9"})
    monkeypatch.setattr(checking, "_CORE", core[3:])
    ((said,), _) = check_folder().mistakes.values()
    assert ":18:15: evaluations[0]: accuracy needs pool9" in said
    assert len(parsed) == 2


def test_a_text_is_read_again_by_another_reader(checked, param_files, monkeypatch):
    monkeypatch.setattr(checking, "_CORE", checking._CORE[:1])
    version, parsed, parse = metadata.version, [], param_file.parse
    monkeypatch.setattr(param_file, "parse", lambda text: parsed.append(text) or parse(text))
    monkeypatch.setattr(
        metadata, "version", lambda name: "0.1" if name == "pyyaml" else version(name)
    )
    check_folder()
    assert len(parsed) == 2


def test_a_check_says_how_far_it_is(checked, param_files, monkeypatch):
    progress, said, check = checking.Progress(), [], param_file.check_file

    def spy(*words, **options):
        said.append(progress.words())
        return check(*words, **options)

    monkeypatch.setattr(param_file, "check_file", spy)
    for name in (NAME, OTHER):
        path = param_files / f"{name}.yaml"
        path.write_text(path.read_text().replace("epochs: 2", "epochs: 3"))
    check_folder(progress=progress)
    assert said == [f"checking param-files: {done} of 2 so far" for done in (0, 1)]


def test_a_changed_value_is_checked_in_its_file_alone(checked, param_files):
    write(param_files, changed(("epochs: 2", "epochs: 3")))
    found = check_folder()
    assert checked() == [NAME]
    assert found == anew()
    assert found.runs[NAME].points["base"].parameters["training.epochs"] == 3


def test_installed_packages_count_by_the_names_of_their_folders(tmp_path, monkeypatch):
    places = [tmp_path / "lib" / name for name in ("site-packages", "dist-packages", "other")]
    for place in places:
        for name in ("b-2.0.dist-info", "a-1.0.egg-info", "a", "c.py", "__pycache__"):
            (place / name).mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(place) for place in (*places, tmp_path / "gone")])
    assert checking._installed() == ["a-1.0.egg-info", "b-2.0.dist-info"]


def test_all_mistakes_of_all_files_are_said_each_time(checked, param_files):
    write(param_files, changed(("epochs: 2", "epochs: 0")))
    write(
        param_files, changed(("standard", "ensemble"), ("batch_size", "batchsize")), f"{OTHER}.yaml"
    )
    for _ in range(2):
        found = check_folder()
        assert [*found.mistakes] == [file_of(OTHER), file_of(NAME)]
        assert sum(map(len, found.mistakes.values())) == 3
        assert (found.runs, [*found.earlier]) == ({}, [OTHER, NAME])
        assert checked() == [OTHER, NAME]
    write(param_files)
    assert [*check_folder().runs] == [NAME]
    assert checked() == [OTHER], "what was found of the text of before is known still"
    assert [*check_folder().mistakes] == [file_of(OTHER)]
    assert checked() == [OTHER]


def test_a_mistake_costs_its_own_run_and_those_that_need_it(checked, param_files):
    write(param_files, changed(("epochs: 2", f"epochs: 2\n  start_from: {{run: {OTHER}}}")))
    block = f"[{{name: accuracy, as: beside, against: {{run: {NAME}}}}}"
    write(param_files, changed(("[accuracy", block)), "standard/stir_emoji/third.yaml")
    write(param_files, GOOD, "standard/stir_emoji/whole.yaml")
    before = check_folder()
    assert not before.mistakes
    write(param_files, "[", f"{OTHER}.yaml")

    found = check_folder()

    assert [*found.runs] == ["standard/stir_emoji/whole"]
    said = {path: one for path, (one,) in found.mistakes.items()}
    assert "not valid YAML" in said[file_of(OTHER)]
    assert f"training.start_from.run: {file_of(OTHER)} has mistakes" in said[file_of(NAME)]
    assert f"{file_of(NAME)} has mistakes of its own" in said[file_of("standard/stir_emoji/third")]
    assert found.with_earlier().runs == before.runs
    assert found.datasets == before.datasets
    with pytest.raises(UserError, match="not valid YAML"):
        found.run(OTHER)


def test_a_run_that_needs_one_that_is_left_out_for_its_tables_is_left_out_too(checked, param_files):
    block = "evaluations: [{name: scale_generalization, as: accuracy}]"
    text = changed(("evaluations: [accuracy, scale_generalization]", block))
    for name in ("standard/stir_emoji/same", "standard/stir_emoji/zother"):
        write(param_files, GOOD if name.endswith("same") else text, f"{name}.yaml")
    start = "epochs: 2\n  start_from: {run: standard/stir_emoji/zother}"
    write(param_files, changed(("epochs: 2", start)), "standard/stir_emoji/next.yaml")

    found = check_folder()

    assert [*found.runs] == [OTHER, NAME, "standard/stir_emoji/same"]
    said = found.mistakes[file_of("standard/stir_emoji/next")]
    assert said == [
        f"{file_of('standard/stir_emoji/next')}: needs standard/stir_emoji/zother, whose "
        "param-file has mistakes"
    ]


def test_tables_with_two_meanings_are_found_though_one_file_did_not_change(checked, param_files):
    block = "evaluations: [{name: scale_generalization, as: accuracy}]"
    text = changed(
        ("standard", "ensemble"), ("evaluations: [accuracy, scale_generalization]", block)
    )
    write(param_files, text, f"{OTHER}.yaml")
    found = check_folder()
    assert checked() == [OTHER]
    ((path, (said,)),) = found.mistakes.items()
    assert "the table 'accuracy' of scale is another evaluation in" in said
    assert (path, [*found.runs]) == (file_of(NAME), [OTHER]), "of two the first"

    write(param_files, GOOD, "standard/stir_emoji/third.yaml")
    assert [*check_folder().mistakes] == [file_of(OTHER)], "most have the other meaning"
    write(param_files, "x: 1\n" + text, f"{OTHER}.yaml")
    found = check_folder()
    assert [*found.mistakes] == [file_of(OTHER)]
    assert "x: unknown key" in found.mistakes[file_of(OTHER)][0]
    assert "the table 'accuracy'" in found.mistakes[file_of(OTHER)][1]


def test_what_a_run_was_stays_known_while_its_table_has_another_meaning(checked, param_files):
    for name in (OTHER, "standard/stir_emoji/third"):
        write(param_files, changed(("standard", name.split("/")[0])), f"{name}.yaml")
    before = check_folder().runs[OTHER]
    block = "evaluations: [{name: scale_generalization, as: accuracy}]"
    meant = ("evaluations: [accuracy, scale_generalization]", block)
    write(param_files, changed(("standard", "ensemble"), meant), f"{OTHER}.yaml")

    for _ in range(3):
        assert check_folder().earlier == {OTHER: before}


def test_a_misnamed_copy_does_not_cost_the_run_beside_it(checked, param_files):
    write(param_files)
    write(param_files, GOOD, f"{NAME}.yml")
    found = check_folder()
    assert NAME in found.runs
    assert [*found.mistakes] == [f"param-files/{NAME}.yml"]


def test_an_edited_plug_in_has_its_own_runs_checked_again(checked, param_files):
    write_skeleton("model", "mine")
    write(param_files, changed(("standard", "mine")), f"{MINE}.yaml")
    layer = write(
        param_files.parent / "plugins", "def half(x):\n    return x / 2\n", "layers/half.py"
    )
    source = registry.source("models", "mine")
    source.write_text(f"{source.read_text()}\n\nfrom plugins.layers.half import half  # noqa\n")
    check_folder()
    assert checked() == [MINE]
    check_folder()
    assert checked() == []
    for path in (source, layer):
        path.write_text(f'"""Other words."""\n\n{path.read_text()}# a comment\n')
        check_folder()
        assert checked() == [], path
        path.write_text(f"{path.read_text()}\nMORE = 1\n")
        check_folder()
        assert checked() == [MINE], path
    source.write_text(source.read_text().replace("REVISION = 1", "REVISION = 2"))
    check_folder()
    assert checked() == [MINE]
    source.unlink()
    (said,) = check_folder().mistakes[file_of(MINE)]
    assert "no model is called 'mine'" in said
    assert checked() == [MINE]


def test_a_comment_in_a_plug_in_of_any_kind_or_in_this_code_has_nothing_checked(
    checked, monkeypatch, param_files
):
    """Bytes differ everywhere, what is computed nowhere: every file is read as a longer one."""
    found = check_folder()
    text, content = Path.read_text, Path.read_bytes

    def longer(path, *words, **options):
        more = "\n# a comment\n" if path.suffix in (".py", ".yaml") else ""
        return f"{text(path, *words, **options)}{more}"

    def more_bytes(path):
        return content(path) + (b"\n# a comment\n" if path.suffix in (".py", ".yaml") else b"")

    monkeypatch.setattr(Path, "read_text", longer)
    monkeypatch.setattr(Path, "read_bytes", more_bytes)
    assert check_folder() == found
    assert checked() == []


@pytest.mark.parametrize(
    "imported",
    ["from ._shared import X", "from . import _shared", "from ..models._shared import X"],
)
def test_a_relative_import_counts(checked, param_files, imported):
    write_skeleton("model", "mine")
    write(param_files, changed(("standard", "mine")), f"{MINE}.yaml")
    shared = write(param_files.parent / "plugins", "X = 1\n", "models/_shared.py")
    source = registry.source("models", "mine")
    source.write_text(f"{source.read_text()}\n\n{imported}  # noqa\n")
    check_folder()
    assert checked() == [MINE]
    shared.write_text("X = 2\n")
    check_folder()
    assert checked() == [MINE]
    assert str(shared.absolute()) in Sources().behind(str(source.absolute()))


def test_a_model_that_another_builds_counts_for_each_run(checked, param_files):
    names = [f"mine/stir_emoji/{name}" for name in ("first", "second")]
    write_skeleton("model", "mine")
    write_skeleton("model", "inner")
    source, inner = (registry.source("models", name) for name in ("mine", "inner"))
    loaded = "registry.load('models', 'inner')"
    text = source.read_text().replace("def build(", "def built(")
    source.write_text(
        f"{text}\n\nfrom isotrope import registry  # noqa\n\n\n"
        f"def build(*given):\n    {loaded}\n    return built(*given)\n"
    )
    for name in names:
        write(param_files, changed(("standard", "mine")), f"{name}.yaml")
    check_folder()
    assert checked() == names
    inner.write_text(f"{inner.read_text()}# a comment\n")
    check_folder()
    assert checked() == []
    inner.write_text(f"{inner.read_text()}MORE = 1\n")
    check_folder()
    assert checked() == names


def test_another_param_file_that_is_named_counts(checked, param_files):
    block = f"[{{name: accuracy, as: beside, against: {{run: {NAME}}}}}"
    write(param_files, changed(("standard", "ensemble"), ("[accuracy", block)), f"{OTHER}.yaml")
    before = check_folder().runs[OTHER].points["base"].evaluations["beside"].digest
    checked()
    write(param_files, f"# a comment\n{GOOD}")
    check_folder()
    assert checked() == []
    write(param_files, changed(("epochs: 2", "epochs: 5")))
    after = check_folder().runs[OTHER].points["base"].evaluations["beside"].digest
    assert OTHER in checked()
    assert after != before


def test_a_run_behind_the_one_that_training_starts_from_counts(checked, param_files):
    names = [f"standard/stir_emoji/{name}" for name in ("first", "second", "third")]
    write(param_files, GOOD, f"{names[0]}.yaml")
    for before, name in itertools.pairwise(names):
        start = f"epochs: 2\n  start_from: {{run: {before}}}"
        write(param_files, changed(("epochs: 2", start)), f"{name}.yaml")
    before = check_folder().runs[names[2]].points["base"].training_digest
    checked()
    write(param_files, changed(("epochs: 2", "epochs: 5")), f"{names[0]}.yaml")

    after = check_folder().runs[names[2]].points["base"].training_digest

    assert set(names) <= set(checked())
    assert after != before


def test_other_code_and_a_damaged_memory_check_all_again(checked, monkeypatch):
    monkeypatch.setattr(checking, "_CORE", checking._CORE[:1])
    check_folder()
    assert checked() == [OTHER, NAME]
    for damage in ("", "[]", "{}", '{"core": "", "files": {"x": 1}}'):
        paths.CHECKED.write_text(damage)
        check_folder()
        assert checked() == [OTHER, NAME], damage
    paths.CHECKED.unlink()
    paths.CHECKED.mkdir()
    assert check_folder().runs
    assert checked() == [OTHER, NAME]


def test_a_memory_of_other_content_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole = {"core": "", "files": {}, "sources": {}, "reading": "", "trials": {}}
    write_whole(paths.CHECKED, json_files.sealed_text({**whole, "core": "mine"}))
    assert checking.read_memory() == checking.Memory("mine")
    deep = f'{{"core": {20_000 * "["}'
    seal = f'"{json_files.CHECKSUM}": "{hashlib.sha256(deep.encode()).hexdigest()}"'
    other = ({"files": []}, {"files": {"x": 1}}, {"files": {"x": {"run": 1}}}, {"trials": {"x": 2}})
    texts = [json_files.sealed_text({**whole, **one, "core": "mine"}) for one in other]
    for text in (*texts, json_files.sealed_text({"core": "mine"}), f"{deep},\n {seal}\n}}\n"):
        write_whole(paths.CHECKED, text)
        assert checking.read_memory() == checking.Memory()


def test_neither_torch_nor_a_plug_in_is_imported_where_all_is_as_it_was(checked, param_files):
    code = (
        "import sys; from isotrope.plan.checking import check_folder; check_folder();"
        "print([m for m in sys.modules if m in ('torch', 'isotrope.data.stir')])"
    )

    def imported():
        source = {**os.environ, "PYTHONPATH": str(registry.PACKAGE.parent)}
        return subprocess.run(
            [sys.executable, "-c", code], env=source, text=True, capture_output=True, check=True
        ).stdout.strip()

    imported()
    write(param_files, f"# a comment\n{GOOD}")
    assert imported() == "[]"


REAL = """

class Looking(nn.Module):
    def __init__(self):
        super().__init__()
        self.stage1 = self.features = nn.Identity()
        self.half = int(torch.ones(4).sum().item())

    def forward(self, images):
        return images.flatten(1)[:, :36]


def build(params, image_shape, classes):
    if image_shape[0] > 2:
        raise ValueError("too many channels")
    BUILT.append(torch.empty(0).device.type)
    return Looking()


BUILT = []
"""


def test_what_cannot_be_built_on_the_meta_device_is_built_for_real_and_remembered(
    checked, param_files
):
    write_skeleton("model", "mine")
    source = registry.source("models", "mine")
    source.write_text(f"import torch\n{source.read_text()}{REAL}")
    write(param_files, changed(("standard", "mine")), f"{MINE}.yaml")

    check_folder()

    assert registry.load("models", "mine").BUILT == ["meta", "cpu"]
    registry.load("models", "mine").BUILT.clear()
    write(param_files, changed(("standard", "mine"), ("epochs: 2", "epochs: 3")), f"{MINE}.yaml")
    check_folder()
    assert registry.load("models", "mine").BUILT == [], "nothing is built for another training"


def test_a_model_is_built_on_the_meta_device_alone(checked, param_files, monkeypatch):
    standard, devices = registry.load("models", "standard"), []
    build = standard.build

    def spy(*words):
        network = build(*words)
        devices.append(next(network.parameters()).device.type)
        return network

    monkeypatch.setattr(standard, "build", spy)
    write(param_files, changed(("  name: standard", "  name: standard\n  kernel_size: 5")))
    check_folder()
    assert devices == ["meta"]


EDITS = st.lists(
    st.tuples(
        st.sampled_from([NAME, OTHER, MINE.replace("mine/", "xu/")]),
        st.sampled_from(["epochs: 1", "epochs: 3", "epochs: 0", "epochs: 2  # x", "gone"]),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EDITS)
def test_whatever_is_edited_the_index_is_that_of_a_check_without_memory(
    checked, param_files, edits
):
    for name, edit in edits:
        path = param_files / f"{name}.yaml"
        if edit == "gone":
            path.unlink(missing_ok=True)
        else:
            model = name.partition("/")[0]
            write(param_files, changed(("standard", model), ("epochs: 2", edit)), f"{name}.yaml")
        assert outcome(check_folder) == outcome(anew)


def outcome(check):
    try:
        found = check()
    except UserError as error:
        return error.sentences
    said = tuple(one for sentences in found.mistakes.values() for one in sentences)
    return said or asdict(found)
