"""Rules ask the plan by its methods' names, and mistakes end snakemake with a sentence."""

import inspect
from types import SimpleNamespace

import pytest
from made_up_index import DEMO, LOCAL, OWN

from isotrope.plan.asking import ask, or_exit


def of(**wildcards):
    return SimpleNamespace(**wildcards)


def test_a_method_is_given_the_wildcards_that_its_parameters_name(indexed):
    plan = ask({}, True)

    assert plan.training(of(run=OWN, point="base", pack="26-50", other="x"))["seeds"] == "26"
    assert plan.memory(of(run=OWN, point="base"), attempt=3) == 6000
    assert plan.downloads(of(dataset="stir", key="emoji")) == []
    assert plan.weights(of())[0].startswith(f"out/runs/{DEMO}/")
    assert plan.figures(of()) == plan.figures(of(figure="accuracy"))


def test_snakemake_sees_what_a_method_takes_besides_wildcards(indexed):
    plan = ask({}, True)

    assert list(inspect.signature(plan.memory).parameters) == ["wildcards", "attempt"]
    assert list(inspect.signature(plan.cpus).parameters) == ["wildcards"]
    assert plan.cpus is plan.cpus


def test_what_is_no_method_is_given_as_it_is(indexed):
    assert ask({}, True).tables_are_sources is False


def test_the_head_says_what_is_left_out_and_jobs_say_nothing(indexed, capsys):
    ask({}, True)
    said = capsys.readouterr().err
    assert said.startswith("1 run waits for data: stir/aerial.npz under $ISOTROPE_DATA, which is")
    assert f": {LOCAL}\n" in said
    assert "out/figures/scale/kernel_size_maps is left out: no table index_correlation" in said
    ask({}, False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("ask_it", "sentence"),
    [
        (lambda: ask({"studies": "scal"}, True), "no study is called 'scal'"),
        (lambda: ask({}, True).cpus(of(run=LOCAL)), f"{LOCAL} waits for data"),
        (
            lambda: ask({}, True).training(of(run=OWN, point="b", pack="1-25")),
            "no point 'b'",
        ),
    ],
)
def test_mistakes_end_with_status_2_and_their_sentence(ask_it, sentence, indexed, capsys):
    with pytest.raises(SystemExit) as ended:
        ask_it()
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert "Traceback" not in error


def test_an_interrupt_while_the_plan_is_made_ends_in_a_sentence(capsys):
    def planning():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        or_exit(planning)()
    assert ended.value.code == 130
    said = "stopped by Ctrl-C: what is finished is kept; the same command goes on\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("name", ["{a}", "a}", "{{a}}"])
def test_a_folder_with_braces_in_its_path_is_refused(name, indexed, monkeypatch, capsys):
    (indexed / name).mkdir()
    monkeypatch.chdir(indexed / name)
    with pytest.raises(SystemExit) as ended:
        ask({}, True)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"{indexed / name}: Snakemake takes what stands between braces in a path for a name of its "
        "own; rename or move the folder"
    )


def test_what_the_system_does_not_explain_keeps_its_traceback():
    @or_exit
    def broken():
        raise OSError("a bug")

    with pytest.raises(OSError, match="a bug"):
        broken()
