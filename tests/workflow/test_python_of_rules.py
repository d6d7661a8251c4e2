"""The Python of ``common.smk`` and of the Snakefile's handlers, run here without Snakemake."""

import ast
import re
import signal
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

from isotrope.cluster import starting
from isotrope.console import printing
from isotrope.plan import asked, asking, index_file, log_words, reasons
from isotrope.processes import programs

ROOT = Path(__file__).parents[2]
COMMON = (ROOT / "workflow/rules/common.smk").read_text(encoding="utf-8")
SNAKEFILE = (ROOT / "Snakefile").read_text(encoding="utf-8")
PLANNED = [("train", {"run": "a/b/c"})]
PYTHON = re.sub(r"^wildcard_constraints:\n(?: .*\n)+", "", COMMON, flags=re.MULTILINE)


def fake_workflow(**changes):
    """What ``common.smk`` asks of Snakemake's workflow."""
    rules = [SimpleNamespace(name=n, output=out) for n, out in (("all", []), ("train", ["x"]))]
    rules.append(SimpleNamespace(name="figures", output=[]))
    jobs = [SimpleNamespace(wildcards_dict=d) for d in ({"run": "a/b/c"}, {"group": "scale"}, {})]
    planned = SimpleNamespace(rule=rules[1], wildcards_dict={"run": "a/b/c"})

    def needrun_jobs(*, exclude_finished):
        assert not exclude_finished, "what is only planned counts as finished"
        return [planned]

    known = {
        "is_main_process": True,
        "output_settings": SimpleNamespace(dryrun=0),
        "dryrun": False,
        "touch": False,
        "rules": rules,
        "dag": SimpleNamespace(jobs=jobs, needrun_jobs=needrun_jobs),
        "dag_settings": SimpleNamespace(targets={"tables"}),
        "executor_plugin": "local",
    }
    return SimpleNamespace(**{**known, **changes})


@pytest.fixture
def read(monkeypatch):
    """Run ``common.smk`` with a workflow: its names, and what it has done, in order."""
    done = []

    def note(name, returned=None):
        return lambda *words, **more: done.append((name, *words, *more.items())) or returned

    inner = SimpleNamespace(
        set_back={"one"}, code_notes=note("code_notes", ["a note"]), asks_for=lambda targets: ["d"]
    )
    inner.cost_of_planned = lambda jobs: [f"costs of {jobs}"] if jobs else []
    plan = SimpleNamespace(plan=inner)

    class Words:
        def __init__(self, why, targets):
            done.append(("words", why, targets()))

        def at_the_end(self, dry, notes):
            return [f"the end, dry: {dry}", *notes()]

    head = SimpleNamespace(begins=note("begins"), ends=note("ends"))
    for module, name, made in (
        (asking, "ask", note("ask", plan)),
        (starting, "Head", lambda: head),
        (printing, "complain", note("complain")),
        (asked, "remember", note("remember")),
        (log_words, "LogWords", Words),
        (reasons, "Reasons", lambda *given: SimpleNamespace(why=("why", *given))),
        (programs, "find_own_programs", note("programs")),
        (signal, "signal", note("signal")),
    ):
        monkeypatch.setattr(module, name, made)
    monkeypatch.setattr("atexit.register", note("atexit"))
    logger = SimpleNamespace(addFilter=note("filter"))
    monkeypatch.setattr("snakemake.logging.logger", logger)

    def run(workflow):
        names = {
            "workflow": workflow,
            "config": {"series": "own"},
            "shell": SimpleNamespace(prefix=note("prefix")),
        }
        exec(compile(PYTHON, "common.smk", "exec"), names)
        return names, done, plan

    return run


def handler(name):
    """The Python of a handler of the Snakefile."""
    block = re.search(rf"^{name}:\n((?: .*\n)+)", SNAKEFILE, re.MULTILINE)
    return textwrap.dedent(block[1])


@pytest.mark.parametrize("dry", [0, 1])
def test_what_is_done_before_anything_is_planned(read, dry):
    workflow = fake_workflow(output_settings=SimpleNamespace(dryrun=dry))
    names, done, plan = read(workflow)
    words = names["words"]
    assert done == [
        ("signal", signal.SIGUSR1, signal.SIG_IGN),
        ("signal", signal.SIGUSR2, signal.SIG_IGN),
        ("programs",),
        ("prefix", f"export {index_file.PLANNED}=1; "),
        ("ask", {"series": "own"}, ("head", True), ("dry", bool(dry))),
        ("words", ("why", plan, {"one"}), ["all", "figures"]),
        ("filter", words),
        ("atexit", names["say_at_the_end"]),
    ]


def test_a_job_neither_judges_nor_says_anything(read):
    names, done, _ = read(fake_workflow(is_main_process=False))
    assert [what for what, *_ in done] == ["signal", "signal", "programs", "prefix", "ask"]
    assert done[-1] == ("ask", {"series": "own"}, ("head", False), ("dry", False))
    assert "words" not in names


@pytest.mark.parametrize(
    ("workflow", "said"),
    [
        (fake_workflow(), [("complain", "the end, dry: False", "a note")]),
        (
            fake_workflow(dryrun=True),
            [("complain", "the end, dry: True", "a note", f"costs of {PLANNED}")],
        ),
        (
            fake_workflow(dryrun=True, dag=None),
            [("complain", "the end, dry: True", "a note")],
        ),
        (fake_workflow(executor_plugin=None), []),
        (fake_workflow(touch=True), []),
    ],
)
def test_what_is_read_last_is_said_where_jobs_were_planned(read, workflow, said):
    names, done, _ = read(workflow)
    done.clear()
    names["say_at_the_end"]()
    assert [one for one in done if one[0] == "complain"] == said


@pytest.mark.parametrize("touch", [False, True])
def test_at_the_start_a_head_leaves_its_name_and_what_is_asked_for(read, touch):
    names, done, _ = read(fake_workflow(touch=touch))
    done.clear()
    exec(handler("onstart"), names)
    remembered = [] if touch else [("remember", {"a/b/c", "d"})]
    told = [("code_notes",), ("complain", "a note")]
    assert done == [("begins",), *told, *remembered]


@pytest.mark.parametrize("name", ["onsuccess", "onerror"])
def test_at_its_end_a_head_takes_its_name_away(read, name):
    names, done, _ = read(fake_workflow())
    done.clear()
    exec(handler(name), names)
    assert done == [("ends",)]


def test_every_file_of_rules_is_included_and_only_two_places_have_rules_under_a_condition():
    included = re.findall(r'^include: "workflow/rules/(\w+\.smk)"$', SNAKEFILE, re.MULTILINE)
    assert included[0] == "common.smk"
    assert sorted(included) == sorted(p.name for p in (ROOT / "workflow/rules").glob("*.smk"))
    texts = [(ROOT / "workflow/rules" / name).read_text(encoding="utf-8") for name in included[1:]]
    conditions = [c for text in texts for c in re.findall(r"^if (.*):$", text, re.MULTILINE)]
    assert conditions == ["not plan.tables_are_sources"]
    block = textwrap.dedent(texts[-2].split(f"if {conditions[0]}:\n")[1].split("\n\n\n")[0])
    assert re.findall(r"^rule (\w+):", block, re.MULTILINE) == [
        *("collect", "collect_arrays", "sample_datasets")
    ]
    assert ast.parse(PYTHON)


def test_examples_are_collected_from_no_run():
    text = (ROOT / "workflow/rules/figures.smk").read_text(encoding="utf-8")
    rule = text.split("rule collect_arrays:")[1].split("rule ")[0]
    (pattern,) = re.findall(r"^ +table=r\"(.*)\",.*$", rule, re.MULTILINE)
    whole = re.compile(rf"out/tables/(?P<group>\w+)/(?P<table>{pattern})\.npz")
    tables = [f"out/tables/scale/{name}.npz" for name in ("recordings", "examples", "examples2")]
    assert [bool(whole.fullmatch(one)) for one in tables] == [True, False, True]
