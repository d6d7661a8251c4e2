"""`isotrope evaluate FILE.py:FUNCTION --like RUN`: a network that this project does not know."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas
import pytest
import torch
from safetensors.torch import save_file

from isotrope import cli, paths
from isotrope.cluster import recording
from isotrope.data import digits8
from isotrope.datasets import loading
from isotrope.errors import UserError
from isotrope.layers import normalising
from isotrope.plan import index_file
from isotrope.results import beside
from isotrope.results.beside import Value
from isotrope.tasks import like_run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/evaluations.md").read_text(encoding="utf-8")
PAGE = PAGE.partition("## A network of yours, without a run\n")[2].partition("\n## ")[0]

RUN, OTHER = "standard/digits/mine", "standard/digits/other"
LARGE = "standard/larger/one"  # on the same digits, larger
PARAM_FILE = """\
study: own
seeds: {seeds}
dataset: {{name: digits8, size: {size}}}
model: {{name: standard, kernel_size: 3, normalise: dataset}}
training: {{epochs: 1, batch_size: 8, optimizer: {{name: adam, learning_rate: 1e-3}}}}
evaluations: [{evaluations}]
"""
ALL = (
    "accuracy, seed_ensemble, synthesis, {name: rotation, angles: [0, 90]}, "
    f"{{name: accuracy, as: beside_other, against: {{run: {OTHER}}}}}"
)
NETWORKS = """\
import torch
from torch import nn

one = nn.Sequential(nn.Flatten(), nn.Linear(144, 10))
number = 3


class Says(nn.Module):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, images):
        return self.answer(len(images))


def twelve():
    return Says(lambda count: torch.zeros(count, 12))


def infinite(classes):
    return Says(lambda count: torch.full((count, classes), torch.inf))


def whole():
    return Says(lambda count: torch.zeros(count, 10, dtype=torch.int64))


def several():
    return Says(lambda count: (torch.zeros(count, 10),))


def coloured():
    return nn.Conv2d(3, 8, 3)


def asking(width, depth=3):
    return None


def failing():
    return 1 / number - [][0]


def nothing():
    pass
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Two runs on digits, none of them trained; the example of the page, and worse networks."""
    folder = tmp_path_factory.mktemp("project")
    more = "accuracy, flip_average"
    for name, size, asked in ((RUN, 12, ALL), (OTHER, 12, more), (LARGE, 20, more)):
        path = folder / paths.PARAM_FILES / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PARAM_FILE.format(seeds="1-2", size=size, evaluations=asked))
    example = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (folder / "mine.py").write_text(example[1])
    (folder / "networks.py").write_text(NETWORKS)
    (folder / "unread.py").write_text("def network(:\n")
    return folder


@pytest.fixture
def recorded(monkeypatch):
    """What Snakemake is told of: rules and their files."""
    found = []
    monkeypatch.setattr(
        recording, "record", lambda rules, files, _: found.append((rules, [*files]))
    )
    return found


@pytest.fixture
def evaluate(project, recorded, monkeypatch, capsys):
    """Run ``isotrope evaluate`` there: exit status, output, errors."""
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["isotrope", "evaluate", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        errors = re.sub(r"checking param-files: .* so far\n", "", output.err)  # a slow machine
        return ended.value.code, output.out, errors

    return run


def example():
    scope = {}
    exec(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1], scope)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(like_run.SEED)
        return scope["network"]((1, 12, 12), 10).eval()


def accuracy_of(network):
    """By hand: test images, normalised by the training images, and the largest logit."""
    params = digits8.Params(size=12)
    train, test = (loading.load_split("digits8", params, split) for split in ("train", "test"))
    mean, std = (one[:, None, None].float() for one in normalising.statistics(train.images))
    with torch.inference_mode():
        logits = network((test.images.float() / 255 - mean) / std)
    return float((logits.argmax(dim=1) == test.labels).float().mean())


def test_the_example_of_the_page_is_measured_as_its_run_would_be(evaluate, tmp_path):
    like = re.search(r"```bash\n(isotrope evaluate .*)\n", PAGE)[1].split()[2:]
    assert like == ["mine.py:network", "--like", "stir_emoji"]

    status, output, errors = evaluate(*like[:2], "digits", "--to", tmp_path / "measured")

    assert status == 0, errors
    first = f"mine.py:network like {RUN}, the first of 2 runs called so: digits8 source=digits8 "
    (said,) = [line for line in output.splitlines() if " like " in line]
    assert said == f"{first}valid_from=train size=12"
    told = [line.partition(":")[0] for line in output.splitlines() if line[:1] != " "]
    assert [one for one in told if one in ("accuracy", "rotation", "flip_average")] == [
        *("accuracy", "rotation", "flip_average")
    ]
    assert "--all prints" not in output
    assert errors.splitlines() == [
        "seed_ensemble is left out: it takes all seeds of a run together",
        "synthesis is left out: it needs features, which the network does not have",
        f"beside_other is left out: it measures against the seeds of another run, {OTHER}",
    ]
    written = {path.name for path in (tmp_path / "measured").iterdir()}
    assert written == {"accuracy.csv", "rotation.csv", "flip_average.csv", "beside-runs.csv"}
    rows = pandas.read_csv(tmp_path / "measured/accuracy.csv")
    assert rows["value"].tolist() == pytest.approx([accuracy_of(example())], abs=0.5 / 360)
    at = rows[["evaluation", "run", "point", "metric"]].to_numpy().tolist()
    assert at == [["accuracy", "mine.py:network", "base", "accuracy"]]
    side = pandas.read_csv(tmp_path / "measured/beside-runs.csv")
    assert {"angle 0", "angle 90"} <= set(side["setting"].dropna())
    assert not (paths.OUT / "runs").exists()


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_weights_are_taken_over_and_others_are_refused(evaluate, tmp_path, suffix):
    trained = example()
    with torch.no_grad():
        for weights in trained.parameters():
            weights.normal_(generator=torch.Generator().manual_seed(4))
    file = tmp_path / f"weights{suffix}"
    save = save_file if suffix == ".safetensors" else torch.save
    save(trained.state_dict(), file)
    words = ("--like", RUN, "--table", "accuracy", "--weights", file, "--to", tmp_path)

    status, _, errors = evaluate("mine.py:network", *words)
    assert (status, errors) == (0, "")
    found = pandas.read_csv(tmp_path / "accuracy.csv")["value"]
    assert found.tolist() == pytest.approx([accuracy_of(trained)], abs=0.5 / 360)

    status, _, errors = evaluate("networks:one", *words)
    assert status == 2
    assert f"{file} does not fit the model" in errors


def table(*rows):
    text = "run,point,seed,metric,value,n\n"
    return text + "".join(f"{run},base,{seed},accuracy,{value},360\n" for run, seed, value in rows)


def test_runs_on_the_same_data_stand_below_the_network(evaluate, project):
    path = paths.table_folder("own") / "accuracy.csv"
    path.parent.mkdir(parents=True)
    path.write_text(
        table((OTHER, 1, 0.25), (OTHER, 2, 0.75), (LARGE, 1, 0.5), ("not/there/now", 1, 0.5))
    )
    try:
        status, output, _ = evaluate("mine.py:network", "--like", RUN, "--table", "accuracy")
    finally:
        path.unlink()
    assert status == 0
    lines = output.splitlines()
    assert any(line.startswith(f"mine.py:network like {RUN}: digits8 ") for line in lines)
    assert re.fullmatch(r"accuracy: accuracy \d+\.\d %", lines[-2])
    assert lines[-1] == f"  {OTHER}: 50.0 ± 35.4 %; 2 seeds; of 360 images, and yours of 297"


def test_tables_that_are_not_there_hide_no_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = SimpleNamespace(name="accuracy", dataset="key")
    point = SimpleNamespace(parameters={"dataset.size": 12, "seed": 3}, evaluations={"there": one})
    groups = ("first", "later", "last")
    runs = {
        name: SimpleNamespace(points={"base": point}, evaluated=["base"], group=name)
        for name in groups
    }
    path = paths.table_folder("later") / "there.csv"
    path.parent.mkdir(parents=True)
    path.write_text(table(("later", 1, 0.25), ("first", 1, 0.5), ("later", 2, 0.75)))
    asked = (SimpleNamespace(runs=runs), "there", "accuracy", {"dataset.size": 12}, "key")
    found = beside.seeds_beside(*asked)
    assert list(found) == ["later"]
    assert [seed["accuracy"][()].value for seed in found["later"]] == [0.25, 0.75]


def test_only_values_at_the_same_settings_stand_side_by_side():
    own = {"value": {(("scale", "1"),): Value(1.0, 9), (("scale", "2"),): Value(3.0, 9)}}
    same = {"value": {(("scale", "2"),): Value(4.0, 9), (("scale", "1"),): Value(2.0, 9)}}
    fewer = {"value": {(("scale", "1"),): Value(2.0, 9)}}

    found, strange = beside.cells("mine", own, {"same": [same, same], "fewer": [fewer]})

    assert [(cell.setting, [(one.network, one.mean) for one in cell.lines]) for cell in found] == [
        ("scale 1", [("mine", 1.0), ("same", 2.0)]),
        ("scale 2", [("mine", 3.0), ("same", 4.0)]),
    ]
    assert strange == ["fewer"]
    many = {"value": {(("scale", str(i)),): Value(float(i), 9) for i in range(10)}}
    (cell,), _ = beside.cells("mine", many, {})
    assert (cell.setting, cell.lines[0].mean) == ("mean over 10 of scale", 4.5)


def rows(metric, *measured, by="eps"):
    return [
        {"seed": 1, "metric": metric, "value": value, "n": n, by: place}
        for place, (value, n) in enumerate(measured)
    ]


def test_an_evaluation_is_told_in_one_line_by_its_first_share_and_all_of_it_in_a_line_a_metric():
    own = beside.own_values(
        [*rows("queries", (4.0, 8)), *rows("accuracy", (0.25, 8), (0.5, 8)), *rows("left", (1, 8))]
    )
    run = beside.own_values([*rows("accuracy", (0.5, 4), (0.75, 8)), *rows("queries", (2.0, 8))])
    cells, strange = beside.cells("mine", own, {"a/b/c": [run, run]})

    assert list(beside.main_text("attack", cells)) == [
        "attack: accuracy 25.0 % (eps 0), 50.0 % (eps 1)",
        "  a/b/c: 50.0 ± 0.0 % (eps 0), 75.0 ± 0.0 % (eps 1); 2 seeds; of 4, 8 images, and yours "
        "of 8",
    ]
    assert [line for line in beside.text_of("attack", cells) if line[0] != " "] == [
        "attack: queries 4",
        "attack: accuracy 25.0 % (eps 0), 50.0 % (eps 1)",
        "attack: left 1",
    ]
    assert strange == ["a/b/c"]


def test_what_could_not_be_measured_is_unknown_with_the_reason_and_in_no_mean():
    unknown = float("nan")
    own = beside.own_values([*rows("wins", (unknown, 0)), *rows("median", (unknown, 5))])
    cells, _ = beside.cells("mine", own, {})
    assert list(beside.text_of("attack", cells)) == [
        "attack: wins unknown, measured on 0 images",
        "attack: median unknown, undefined here",
    ]
    some = beside.own_values(rows("alarm", (1.0, 5), (0.0, 5), (unknown, 0), (0.0, 5)))
    (cell,), _ = beside.cells("mine", some, {}, most=2)
    assert cell.setting == "mean over 3 of eps, 1 more are unknown"
    assert cell.lines[0].mean == pytest.approx(1 / 3)
    assert "mean over 3 of" in beside.csv_of({"attack": [cell]})


def test_settings_are_the_same_however_numbers_are_spelled():
    typed = [{"seed": 1, "metric": "m", "value": 0.5, "n": 3, "scale": 17, "padding": "zero"}]
    read = [{**typed[0], "scale": 17.0, "corner": float("nan"), "run": "a/b/c", "point": "base"}]
    assert beside.own_values(typed) == beside.own_values(read)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("networks:twelve", r"answers 2 images with \(2, 12\), and not with logits \(2, 10\)"),
        ("networks:infinite", "returns logits that are infinite or no numbers"),
        ("networks:whole", r"returns torch.int64, and not logits"),
        ("networks:several", "returns an object of tuple, and not a tensor of logits"),
        ("networks:coloured", r"does not take 1 x 12 x 12 images \(RuntimeError: .* 3 channels"),
        ("networks:asking", "has to be given width; a function without arguments, or with"),
        ("networks:failing", r"fails at \S+networks.py:\d+: IndexError: list index out of range"),
        ("networks:nothing", "returns nothing, and not a torch module"),
        ("networks:number", "is an object of int, and no function"),
        ("networks:twelfe", "has no function 'twelfe'; did you mean 'twelve'"),
        ("network.of.mine:x", "no module is called network; start this in the folder that"),
        ("absent.py:x", "absent.py: no such file"),
        ("unread.py:x", r"unread.py: cannot be imported at \S*unread.py:1: SyntaxError"),
        ("networks", "as in package.module:function or file.py:function"),
    ],
)
def test_a_mistake_is_one_sentence(evaluate, words, said):
    status, _, errors = evaluate(words, "--like", RUN, "--device", "cpu")
    assert status == 2
    assert len(errors.splitlines()) == 1
    assert re.search(said, errors), errors


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mine.py:network"], "name the run that it is measured like, too, as in --like"),
        (["mine.py:network", "--to", "x"], "name the run that it is measured like"),
        (
            ["mine.py:network", "--like", "digit"],
            "no run, and no data set of runs, is called so; d",
        ),
        (["mine.py:network", "--like", RUN, "--seeds", "1"], "has no point, pack, seeds or jobs"),
        (["mine.py:network", "--like", RUN, "--table", "acuracy"], "has no evaluation 'acuracy'"),
        (["mine.py:network", "--like", RUN, "--table", "seed_ensemble"], "no evaluation of"),
        ([f"param-files/{RUN}.yaml", "--all"], "--all: is for networks that are measured with"),
    ],
)
def test_words_that_do_not_go_together_are_said(evaluate, words, said):
    status, _, errors = evaluate(*words)
    assert status == 2
    assert said in errors


def test_of_several_runs_those_with_tables_come_first(indexed):
    known = index_file.as_written() if index_file.in_job() else index_file.current()
    names = like_run.meant(known, "*")
    assert set(names) == set(known.runs)
    series = [known.runs[name].series for name in names]
    assert series == sorted(series, key=like_run._ORDER.index)
    last = names[-1]
    runs = paths.table_folder(known.runs[last].group) / "runs.csv"
    runs.parent.mkdir(parents=True)
    runs.touch()
    group = known.runs[last].group
    assert known.runs[like_run.meant(known, "*")[0]].group == group
    assert like_run.meant(known, f"param-files/{last}.yaml") == [last]
    with pytest.raises(UserError, match="no run, and no data set of runs, is called so"):
        like_run.meant(known, "nothing/of/this")


def test_runs_of_the_same_study_and_data_add_their_evaluations(evaluate, project):
    stranger, late = "standard/digits/stranger", "standard/digits/late"
    of_stranger = PARAM_FILE.format(seeds="1", size=12, evaluations="predictions")
    of_late = PARAM_FILE.format(seeds="1", size=12, evaluations="predictions, flip_average")
    files = {
        stranger: of_stranger.replace("study: own", "study: theirs"),
        late: of_late.replace("[predictions", "[{name: predictions, logits: true}"),
    }
    written = [project / paths.PARAM_FILES / f"{name}.yaml" for name in files]
    for path, text in zip(written, files.values(), strict=True):
        path.write_text(text)
    try:
        found = like_run.like(index_file.current(), [OTHER, stranger, LARGE, late])
    finally:
        for path in written:
            path.unlink()
    assert (found.run, found.dataset.params.size) == (OTHER, 12)
    aliases = [one.alias for one in found.evaluations]
    assert aliases == ["accuracy", "flip_average", "predictions"]
    assert found.evaluations[-1].params.logits


def test_an_evaluation_on_other_data_has_them_built_or_is_left_out(
    evaluate, project, recorded, monkeypatch
):
    monkeypatch.delenv("ISOTROPE_DATA", raising=False)
    asked = (
        "{name: accuracy, as: there, dataset: {name: digits8, size: 16}}, "
        "{name: accuracy, as: not_there, dataset: {name: mnist, source: local}}"
    )
    path = project / paths.PARAM_FILES / "standard/elsewhere/one.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(PARAM_FILE.format(seeds="1", size=12, evaluations=asked))
    try:
        status, output, errors = evaluate("mine.py:network", "--like", "elsewhere")
    finally:
        path.unlink()
    assert status == 0
    assert re.search(r"there: accuracy \d+\.\d %\n", output)
    assert "built out/data/digits8/size=16.manifest.json" in output
    assert recorded[-1][0] == ("download", "build_dataset")
    assert recorded[-1][1] == [
        *map(Path, ("out/data/digits8/size=16.manifest.json", "out/data/digits8/size=16.png"))
    ]
    assert re.fullmatch(r"not_there is left out: .*mnist.*\n", errors)
