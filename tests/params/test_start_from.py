"""``training.start_from``: which weights a training begins with, and what that does to digests."""

import pytest
from made_up_param_file import GOOD, NAME, changed, sentences, write

from isotrope.params import param_file
from isotrope.params.param_file import read_all

FIRST, SECOND = "standard/stir_emoji/first", "standard/stir_emoji/second"


def start(words, text=GOOD):
    return text.replace("  epochs: 2", f"  epochs: 2\n  start_from: {words}")


def read(folder):
    return {run.name: run for run in read_all(folder)}


def digest(folder, words, name=NAME):
    write(folder, start(words), name + ".yaml")
    return read(folder)[name].points[0].digest


def test_a_run_depends_on_what_the_run_before_it_depends_on(param_files):
    write(param_files, GOOD, f"{FIRST}.yaml")
    write(param_files, start(f"{{run: {FIRST}}}"), f"{SECOND}.yaml")
    before = digest(param_files, f"{{run: {SECOND}, seed: 2}}")

    write(param_files, changed(("1e-3", "1e-2")), f"{FIRST}.yaml")

    assert read(param_files)[NAME].points[0].digest != before
    write(param_files, changed(("seeds: 1-3", "# a comment\nseeds: 1-9")), f"{FIRST}.yaml")
    assert read(param_files)[NAME].points[0].digest == before


def test_the_seed_is_in_the_digest_and_names_are_not(param_files):
    write(param_files, GOOD, f"{FIRST}.yaml")
    write(param_files, GOOD, f"{SECOND}.yaml")
    same, one, two = (
        digest(param_files, f"{{run: {FIRST}, seed: {seed}}}") for seed in ("same", 1, 2)
    )

    assert len({same, one, two}) == 3
    assert digest(param_files, f"{{run: {SECOND}, point: base}}") == same
    write(param_files, GOOD)
    assert read(param_files)[NAME].points[0].digest not in (same, one, two)


def test_the_data_sets_and_files_behind_the_other_run_are_known(param_files):
    write(param_files, start("{file: mine/first.pt}"), f"{FIRST}.yaml")
    write(param_files, start(f"{{run: {FIRST}}}"), f"{SECOND}.yaml")
    (point,) = read(param_files)[SECOND].points

    assert point.files == ("mine/first.pt",)
    assert [dataset.name for dataset in point.datasets] == ["stir", "stir"]


def test_points_of_a_sweep_may_begin_with_different_seeds(param_files):
    write(param_files, GOOD, f"{FIRST}.yaml")
    text = start(f"{{run: {FIRST}}}") + "sweep: {training.start_from.seed: [1, 2]}\n"
    write(param_files, text)

    points = read(param_files)[NAME].points

    assert [point.name for point in points] == ["seed=1", "seed=2"]
    assert len({point.digest for point in points}) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("{run: standard/stir_emoji/frist}", "14:16: training.start_from.run: no param-file is"),
        (f"{{run: {FIRST}, point: bse}}", "14:48: training.start_from.point: standard/stir_emoji/"),
        (f"{{run: {FIRST}, seed: 7}}", "14:48: training.start_from.seed: standard/stir_emoji/firs"),
        (f"{{run: {FIRST}, sed: 7}}", "14:48: training.start_from.sed: unknown key; did you mean"),
        ("{seed: 7}", "14:3: training.start_from.run: missing"),
        ("{file: /etc/passwd}", "14:16: training.start_from.file: string should match pattern"),
        ("{file: a.pt, seed: 3}", "14:28: training.start_from.seed: unknown key; choose from file"),
        (f"{{run: {NAME}}}", "14:16: training.start_from.run: no run may begin with itself, as "),
        ("7", "14:3: training.start_from: "),
    ],
)
def test_a_mistake_is_said_with_its_place(param_files, words, said):
    write(param_files, GOOD, f"{FIRST}.yaml")
    write(param_files, start(words))

    found = sentences(param_files)

    assert [s for s in found if s.startswith(f"param-files/{NAME}.yaml:{said}")], found
    assert len(found) == 1


def test_seeds_that_the_other_run_lacks_are_named(param_files):
    write(param_files, GOOD.replace("seeds: 1-3", "seeds: 1-2"), f"{FIRST}.yaml")
    write(param_files, start(f"{{run: {FIRST}}}"))

    (found,) = sentences(param_files)

    assert (
        "training.start_from.seed: standard/stir_emoji/first, base does not train seed 3" in found
    )


def test_a_circle_of_runs_is_said_in_each_of_them(param_files):
    write(param_files, start(f"{{run: {SECOND}}}"), f"{FIRST}.yaml")
    write(param_files, start(f"{{run: {FIRST}}}"), f"{SECOND}.yaml")

    found = sentences(param_files)

    for one, other in ((FIRST, SECOND), (SECOND, FIRST)):
        place = f"param-files/{one}.yaml:14:16: training.start_from.run: no run may begin with"
        assert f"{place} itself, as here: {one}, {other}, {one}" in found


def test_evaluations_may_look_at_a_run_that_begins_with_this_one(param_files):
    against = f"[accuracy, {{name: accuracy, as: b, against: {{run: {SECOND}}}}}]"
    write(param_files, GOOD.replace("[accuracy, scale_generalization]", against), f"{FIRST}.yaml")
    write(param_files, start(f"{{run: {FIRST}}}"), f"{SECOND}.yaml")

    assert set(read(param_files)) == {FIRST, SECOND}


def test_a_chain_of_runs_has_an_end(param_files, monkeypatch):
    names = [f"standard/stir_emoji/run_{i:02}" for i in range(11)]
    write(param_files, GOOD, f"{names[0]}.yaml")
    for name, before in zip(names[1:10], names, strict=False):
        write(param_files, start(f"{{run: {before}}}"), f"{name}.yaml")
    assert len(read(param_files)) == 10
    write(param_files, start(f"{{run: {names[9]}}}"), f"{names[10]}.yaml")
    (found,) = sentences(param_files)
    assert "training.start_from.run: more than 10 runs, each of which begins with the next" in found


@pytest.mark.parametrize("first", [GOOD, "["])
def test_another_run_is_read_once_for_all_points(first, param_files, monkeypatch):
    write(param_files, first, f"{FIRST}.yaml")
    sweep = "sweep: {training.epochs: [1, 2, 3]}\nevaluations"
    text = start(f"{{run: {FIRST}}}").replace("evaluations", sweep)
    path = write(param_files, text)
    seen, check = [], param_file.check_file
    monkeypatch.setattr(
        param_file,
        "check_file",
        lambda path, *w, **o: seen.append(path.stem) or check(path, *w, **o),
    )
    param_file.check_file(path, param_files)
    assert seen == ["mine", "first"]
