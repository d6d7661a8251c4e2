"""The Snakefile and its rules, read as text."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "Snakefile", *sorted((ROOT / "workflow" / "rules").glob("*.smk"))]
LONGEST_RULE, LONGEST_FILE = 28, 200  # lines


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
    assert "{log}" in "".join(found["shell"]), f"{name} does not write its log"


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
    assert not re.search(r"\blambda\b", "\n".join(rule))


@pytest.mark.parametrize("name", JOBS)
def test_the_environment_of_a_rule_is_there(name):
    (environment,) = entries(directives(RULES[name])["conda"])
    assert (ROOT / "workflow" / "rules" / environment.strip('",')).resolve().is_file()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_rule_file_is_short_and_leaves_the_cluster_to_profiles(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE
    for word in ("partition", "account", "retries", "constraint", "nodelist"):
        assert not re.search(rf"\b(slurm_)?{word}\b\s*[=:]", text), word
