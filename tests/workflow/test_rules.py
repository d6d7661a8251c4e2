"""The Snakefile and its rules, read as text."""

import inspect
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from test_commands_of_rules import BESIDE_SNAKEMAKE, INPUTS, ON_A_NODE, PARAMS

from isotrope.params.seeds import packs_of_seeds
from isotrope.plan.targets import Plan

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "Snakefile", *sorted((ROOT / "workflow" / "rules").glob("*.smk"))]
LONGEST_RULE, LONGEST_FILE = 32, 200  # lines
LONGEST = {"Snakefile": 45, "common.smk": 80}


def rules_in(text):
    """Name and lines of every rule, without blank lines and comments after it."""
    found, lines = {}, text.splitlines()
    for start, line in enumerate(lines):
        if not (match := re.match(r"( *)(?:rule|checkpoint) (\w+):$", line)):
            continue
        indent = len(match[1])
        block = [line]
        for other in lines[start + 1 :]:
            if other.strip() and len(other) - len(other.lstrip()) <= indent:
                break
            block.append(other)
        while not block[-1].strip():
            block.pop()
        found[match[2]] = [one[indent:] for one in block]
    return found


def directives(rule):
    """The lines of each directive of a rule, what stands behind its colon included."""
    found, inside = {}, []
    for line in rule[1:]:
        if match := re.match(r"    (\w+):(.*)", line):
            inside = found.setdefault(match[1], [match[2]] if match[2].strip() else [])
        else:
            inside.append(line)
    return found


def entries(lines):
    """The entries of a directive, one line each; what is nested in them is left out."""
    return [line.strip() for line in lines if re.match(r" {8}[^ )]", line)]


RULES = {
    name: rule
    for path in FILES
    for name, rule in rules_in(path.read_text(encoding="utf-8")).items()
}
JOBS = [name for name, rule in RULES.items() if "shell" in directives(rule)]

ON_NODES = {rule for rule, *_ in ON_A_NODE.values()}
OF_LOGS = {log: rule for log, (rule, *_) in (ON_A_NODE | BESIDE_SNAKEMAKE).items()}
READ = {rule: set(INPUTS[log]) for log, rule in OF_LOGS.items() if log in INPUTS}
READ |= {"draw_animation": READ["draw_figure"], "download": set()}
READ |= {"build_dataset": {"plan.downloads,"}}
READ_TOO = {name: {"drawn_by"} for name in ("draw_figure", "draw_animation", "typeset_figure")}
READ_TOO |= {name: {"figures"} for name in ("write_report", "track")}
EXAMPLE = """
rule first:
    input:
        a="x",
        b=f(
            "y",
        ),
    threads: 2
    shell:
        "z"


# a comment

if True:

    rule second:
        output:
            "w",
"""


def test_rules_are_read_with_their_directives():
    found = rules_in(EXAMPLE)
    assert list(found) == ["first", "second"]
    assert len(found["first"]) == 9
    assert list(directives(found["first"])) == ["input", "threads", "shell"]
    assert entries(directives(found["first"])["input"]) == ['a="x",', "b=f("]
    assert entries(directives(found["second"])["output"]) == ['"w",']


def test_the_rules_of_the_graph_are_found():
    assert {"build_dataset", "train", "evaluate", "collect", "draw_figure"} <= set(JOBS)
    assert {"all", "datasets", "runs", "tables", "figures", "report"} <= set(RULES) - set(JOBS)
    whole = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    assert len(RULES) == len(re.findall(r"^ *(?:rule|checkpoint)\b", whole, re.MULTILINE))


@pytest.mark.parametrize("name", JOBS)
def test_a_rule_that_runs_a_program_logs_says_what_it_does_and_names_its_environment(name):
    found = directives(RULES[name])
    for directive in ("output", "log", "conda", "message"):
        assert found.get(directive), f"{name} has no {directive}"
    assert "> {log:q} 2>&1" in "".join(found["shell"]), f"{name} does not write its log"


@pytest.mark.parametrize("name", JOBS)
def test_no_word_reaches_a_shell_without_quotes(name):
    words = re.findall(r"{[^}]*}", "".join(directives(RULES[name])["shell"]))
    assert words
    assert [word for word in words if not word.endswith(":q}")] == []


def names(rule, directive):
    return {entry.partition("=")[0] for entry in entries(directives(rule).get(directive, []))}


@pytest.mark.parametrize("name", JOBS)
def test_a_rule_has_the_reasons_to_start_again_that_are_listed(name):
    assert names(RULES[name], "params") == PARAMS.get(
        name, {"labels"} if name == "collect" else set()
    )
    assert names(RULES[name], "input") == READ[name] | READ_TOO.get(name, set())
    text = "\n".join(RULES[name])
    assert text.count("param-files/{run}") == text.count('param_file=ancient("param-files/{run}')
    assert text.count("param-files/{run}") == text.count("{input.param_file:q}")


@pytest.mark.parametrize("name", JOBS)
def test_a_rule_asks_for_memory_and_minutes_on_a_node_or_runs_beside_snakemake(name):
    rule = RULES[name]
    asked = entries(directives(rule).get("resources", []))
    threads = "".join(directives(rule).get("threads", [])).strip()
    if name not in ON_NODES:
        assert directives(rule)["localrule"] == [" True"]
        assert (asked, threads) == ([], "")
    elif "param_file" not in names(rule, "input"):
        minutes = {"build_dataset": 60, "sample_datasets": 30}[name]
        assert (asked, threads) == (["mem_mb=4000,", f"runtime={minutes},"], "")
    else:
        minutes = "plan.minutes" if name == "train" else "plan.minutes_of_evaluation"
        assert asked == ["gpu=plan.gpus,", "mem_mb=plan.memory,", f"runtime={minutes},"]
        assert threads == "plan.cpus"
        assert "localrule" not in directives(rule)


@pytest.mark.parametrize("name", JOBS)
def test_an_empty_file_is_no_output_of_a_rule_but_for_a_picture_and_a_download(name):
    text = "\n".join(directives(RULES[name])["output"])
    files = re.findall(r'"out/[^"]*"', text)
    may_be_empty = {"download": 1, "build_dataset": 1}.get(name, 0)
    assert len(files) - text.count("non_empty=True") == may_be_empty
    assert text.count("non_empty=True") == text.count("ensure(")


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("all", "tables arrays figures report outputs_gone"),
        ("datasets", "datasets"),
        ("runs", "weights training_gone"),
        ("evaluations", "results outputs_gone"),
        ("tables", "tables arrays rows_gone"),
        ("figures", "figures rows_gone"),
        ("report", "report rows_gone"),
        ("tracking", "tracking"),
    ],
)
def test_a_target_asks_for_what_it_is_named_after_and_for_what_is_gone_of_it(name, asked):
    assert entries(directives(RULES[name])["input"]) == [f"plan.{one}," for one in asked.split()]
    assert [one for one, rule in RULES.items() if "default_target" in directives(rule)] == ["all"]


@pytest.mark.parametrize("name", JOBS)
@pytest.mark.parametrize("directive", ["input", "output", "params", "resources"])
def test_inputs_and_outputs_are_named_where_there_are_several(name, directive):
    found = entries(directives(RULES[name]).get(directive, []))
    if len(found) > 1:
        assert all(re.match(r"\w+=", entry) for entry in found), found


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_short_and_holds_no_program(name):
    rule = RULES[name]
    assert len(rule) <= LONGEST_RULE, f"{name} has {len(rule)} lines"
    assert not {"run", "script", "retries"} & set(directives(rule))
    text = "\n".join(rule)
    assert not re.search(r"\blambda\b|\bf\"|[\"\w] \+ [\"\w]", text)
    called = re.findall(r"([\w.]+)\(", re.sub(r"\".*?\"|#.*", "", text))
    assert set(called) <= {"ancient", "ensure", "report"}, (
        "what a job needs is a method of the plan"
    )


@pytest.mark.parametrize("name", RULES)
def test_what_a_rule_asks_of_the_plan_is_a_method_that_takes_its_wildcards(name):
    text = "\n".join(RULES[name])
    wildcards = set(re.findall(r"{(\w+)}", text)) | {"attempt"}
    for word in re.findall(r"\bplan\.(\w+)", text):
        method = getattr(Plan, word)
        assert method.__doc__
        needed = [
            one.name
            for one in inspect.signature(method).parameters.values()
            if one.default is inspect.Parameter.empty
        ]
        assert set(needed) <= {"self", *wildcards}, word


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_local_rules_are_marked_in_one_way_and_nothing_happens_beside_rules(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"^localrules:", text, re.MULTILINE)
    if path.name not in ("Snakefile", "common.smk"):
        assert not re.search(r"^[\w.]+(\(| = )", text, re.MULTILINE)


@pytest.mark.parametrize("name", JOBS)
def test_the_environment_of_a_rule_is_there(name):
    (environment,) = entries(directives(RULES[name])["conda"])
    assert (ROOT / "workflow" / "rules" / environment.strip('",')).resolve().is_file()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_rule_file_is_short_and_leaves_the_cluster_to_profiles(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST.get(path.name, LONGEST_FILE)
    for word in ("partition", "account", "retries", "constraint", "nodelist"):
        assert not re.search(rf"\b(slurm_)?{word}\b\s*[=:]", text), word


@pytest.mark.parametrize("seeds", [[1], [27], [10**6], [10**6 + 1, 2**32 - 1]])
def test_every_name_of_a_pack_fits_its_wildcard(seeds):
    text = (ROOT / "workflow/rules/common.smk").read_text(encoding="utf-8")
    (pattern,) = re.findall(r"^ +pack=r\"(.*)\",$", text, re.MULTILINE)
    names = [name for per_job in (1, 25) for name in packs_of_seeds(seeds, per_job)]
    assert [name for name in names if not re.fullmatch(pattern, name)] == []


WILDCARDS = {  # names that fit each, and some that do not
    "dataset": (["stir", "mnist_2000"], ["", "Stir", "stir/emoji", "2stir", "a.b"]),
    "key": (["size=12", "a.b+c-1=2"], ["", ".sums", "a/b", "=1"]),
    "file": (["train-images-idx3-ubyte.gz"], ["", ".hidden", "a/b", "a b"]),
    "run": (
        ["cnn/stir_emoji/mine", "A/b.c/1-2"],
        ["cnn/stir", "a/b/c/d", "a//c", "a/.b/c", "a/b c/d"],
    ),
    "point": (["base", "selected", "lr=0.1,width=3", "a=1e-3"], ["", ".seeds", "a/b", "a b"]),
    "pack": (["1-25", "list-10"], ["1", "1-", "list-", "1-25/x", "seeds-1-25"]),
    "group": (["scale", "scale-demo", "my_study2"], ["", "scale-own", "Scale", "-demo", "a/b"]),
    "table": (["accuracy", "runs", "size_2"], ["", "accuracy.arrays", "a-b", "a/b"]),
    "figure": (["accuracy", "four_phases"], ["", "accuracy.frames", "2a", "a/b", "A"]),
    "tracker": (["mlflow", "tensorboard"], ["", "wandb", "mlflow2", "mlflow.json"]),
}


def test_every_wildcard_fits_what_it_stands_for_and_nothing_else():
    text = (ROOT / "workflow/rules/common.smk").read_text(encoding="utf-8")
    block = text.split("wildcard_constraints:")[1].split("\n\n")[0]
    patterns = dict(re.findall(r"^ +(\w+)=r\"(.*)\",$", block, re.MULTILINE))
    used = {name for path in FILES for name in re.findall(r"\{wildcards\.(\w+)", path.read_text())}
    assert used <= patterns.keys() == WILDCARDS.keys()
    for name, (fit, others) in WILDCARDS.items():
        found = [word for word in (*fit, *others) if re.fullmatch(patterns[name], word)]
        assert found == fit, name


def test_tables_of_costs_are_collected_from_no_run():
    text = (ROOT / "workflow/rules/figures.smk").read_text(encoding="utf-8")
    rule = text.split("rule collect:")[1].split("rule ")[0]
    (pattern,) = re.findall(r"^ +table=r\"(.*)\",.*$", rule, re.MULTILINE)
    whole = re.compile(rf"out/tables/(?P<group>\w+)/(?P<table>{pattern})\.csv")
    tables = [
        f"out/tables/scale/{name}.csv" for name in ("runs", "accuracy", "layer_costs", "costs")
    ]
    assert [bool(whole.fullmatch(one)) for one in tables] == [True, True, False, True]


def test_examples_are_collected_from_no_results():
    text = (ROOT / "workflow/rules/figures.smk").read_text(encoding="utf-8")
    rule = text.split("rule collect_arrays:")[1].split("rule ")[0]
    (pattern,) = re.findall(r"^ +table=r\"(.*)\",.*$", rule, re.MULTILINE)
    names = ("examples.npz", "examples2.npz", "accuracy.npz")
    fit = [bool(re.fullmatch(rf"(?P<table>{pattern})\.npz", one)) for one in names]
    assert fit == [False, True, True]


HOOKS = {
    "onstart": ["head.begins()", "complain(*plan.plan.code_notes())", "remember_what_is_asked()"],
    "onsuccess": ["head.ends()"],
    "onerror": ["head.ends()"],
}


def test_a_snakemake_that_can_read_it_says_that_it_is_at_work_until_its_end():
    text = (ROOT / "Snakefile").read_text(encoding="utf-8")
    blocks = re.findall(r"^(on\w+):\n((?: {4}.*\n)+)", text, re.MULTILINE)
    assert {name: [line.strip() for line in block.splitlines()] for name, block in blocks} == HOOKS
    least = re.search(r"^min_version\(\"(.*)\"\)$", text, re.MULTILINE)[1]
    assert f'"snakemake>={least}' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def functions_of(path, **around):
    """The functions that a file of rules defines, with the names around them."""
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"^def \w+\(.*\):\n(?:(?: {4}.*)?\n)+", text, re.MULTILINE)
    exec("\n".join(found), around)
    return SimpleNamespace(**around)


@pytest.mark.parametrize("touch", [True, False])
def test_what_is_asked_for_is_remembered_unless_files_are_touched_alone(touch):
    remembered = []
    jobs = [SimpleNamespace(wildcards_dict=one) for one in ({"run": "a/b/c"}, {}, {"run": "d/e/f"})]
    workflow = SimpleNamespace(
        touch=touch,
        dag=SimpleNamespace(jobs=jobs),
        dag_settings=SimpleNamespace(targets=["figures"]),
    )
    plan = SimpleNamespace(plan=SimpleNamespace(asks_for=lambda targets: {*targets, "a/b/c"}))
    names = {"workflow": workflow, "plan": plan, "remember": remembered.append}
    functions_of(ROOT / "workflow/rules/common.smk", **names).remember_what_is_asked()
    assert remembered == ([] if touch else [{"a/b/c", "d/e/f", "figures"}])


@pytest.mark.parametrize(
    ("executor", "touch", "dry", "said"),
    [
        (None, False, False, []),
        ("x", True, False, []),
        ("x", False, False, ["False", "notes", "[]"]),
        ("x", False, True, ["True", "notes", "[('train', {'run': 'a/b/c'})]"]),
    ],
)
def test_the_last_word_is_for_those_who_start_jobs_or_plan_them(executor, touch, dry, said):
    heard = []
    job = SimpleNamespace(rule=SimpleNamespace(name="train"), wildcards_dict={"run": "a/b/c"})
    dag = SimpleNamespace(needrun_jobs=lambda exclude_finished: [] if exclude_finished else [job])
    asked = SimpleNamespace(
        code_notes=lambda: ["notes"], cost_of_planned=lambda jobs: [str(list(jobs))]
    )
    names = {
        "workflow": SimpleNamespace(executor_plugin=executor, touch=touch, dryrun=dry, dag=dag),
        "plan": SimpleNamespace(plan=asked),
        "words": SimpleNamespace(at_the_end=lambda dry, known: (str(dry), *known())),
        "complain": lambda *sentences: heard.extend(sentences),
    }
    functions_of(ROOT / "workflow/rules/common.smk", **names).say_at_the_end()
    assert heard == said


def test_targets_are_the_rules_without_files():
    rules = [SimpleNamespace(name=name, output=output) for name, output in (("a", []), ("b", [1]))]
    names = {"workflow": SimpleNamespace(rules=rules)}
    assert functions_of(ROOT / "workflow/rules/common.smk", **names).targets() == ["a"]
