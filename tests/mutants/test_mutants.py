"""The planting of bugs: what is proposed, what is left alone, which tests run, what is reported.

Planting itself is `make mutants`, which takes hours.
"""

import ast
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import pytest
import python_mutations
import results
import rule_mutations
from guards import Guards
from results import Result
from sampling import KNOWN, all_mutations, known_equivalents, room, sample
from trials import Trial, passing_without

ROOT = Path(__file__).parents[2]


def proposed(text, propose=python_mutations.mutations):
    """The lines that mutations make of a text, each with its kind."""
    source = dedent(text).encode()
    found = propose("src/isotrope/some/module.py", source)
    if propose is python_mutations.mutations:
        found = [mutation for mutation in found if python_mutations.is_bug(mutation, source)]
    return {(mutation.kind, mutation.now) for mutation in found}


@pytest.mark.parametrize(
    ("line", "kind", "planted"),
    [
        ("x = a < b", "boundary", "x = a <= b"),
        ("x = a < b", "comparison flipped", "x = a >= b"),
        ("x = a not in b", "comparison flipped", "x = a in b"),
        ("x = a + b", "operator changed", "x = a - b"),
        ("x = 3", "constant changed", "x = 4"),
        ("x = True", "constant changed", "x = False"),
        ("def f(a=0.5): pass", "default changed", "def f(a=1.0): pass"),
        ("def f(a, b=1, *, c=True): pass", "default changed", "def f(a, b=2, *, c=True): pass"),
        ("def f(a, b=1, *, c=True): pass", "default changed", "def f(a, b=1, *, c=False): pass"),
        ("x: int = 2", "default changed", "x: int = 3"),
        ("if ä and b: f()", "and, or", "if ((ä) or (b)): f()"),
        ("if a and b: f()", "part of a condition left out", "if ((a)): f()"),
        ("if not a: f()", "condition negated", "if (a): f()"),
        ("x = a if b else c", "other branch", "x = ((c) if b else (a))"),
        ("x = [a for a in b if c]", "filter left out", "x = [a for a in b if True]"),
        ("f(a, key=b)", "argument left out", "f(a)"),
        ("f(a, b)", "arguments swapped", "f(b, a)"),
        ("f(a)", "call left out", "pass"),
        ("x += 1", "statement left out", "pass"),
        ("raise ValueError('no')", "refusal left out", "pass"),
        ("x = max(a, b)", "other function", "x = min(a, b)"),
        ("x = [a, b]", "element left out", "x = [b]"),
        ("x = {'a': 1, 'b': c}", "element left out", "x = {'a': 1, }"),
        ("x = a[:n]", "one too many", "x = a[:(n) + 1]"),
        ("x = range(n)", "one too few", "x = range((n) - 1)"),
        ("while a: break", "break or continue", "while a: continue"),
    ],
)
def test_a_bug_of_each_kind_is_proposed(line, kind, planted):
    assert (kind, planted) in proposed(line)


@pytest.mark.parametrize(
    "text",
    [
        '"""Words, 3 < 4."""',
        "x: dict[str, int | None]",
        "raise",
        "REVISION = 3",
        "def f(every=5.0): pass",
        "PATIENCE = 5 * 60.0  # seconds that a job may be silent",
        "@cache(maxsize=3)\ndef f(): ...",
        "def __repr__(self): return self.x < 3",
        "x = f'{a + 1} of {b}'",
        "x = root / 'name'",
        "x = Field(description='at most 3' + words)",
        "log('so many', a + 1)",
    ],
)
def test_words_types_and_what_no_test_should_notice_are_left_alone(text):
    kinds = {kind for kind, _ in proposed(text)}
    assert kinds <= {"refusal left out", "argument left out"}
    assert not kinds or text == "raise"


RULE = """\
    rule train:
        input:
            param_file=ancient("param-files/{run}.yaml"),
            dataset=plan.training_data,
        output:
            weights=ensure("out/{run}.safetensors", non_empty=True),
        log:
            "out/{run}.log",
        threads: plan.cpus
        resources:
            gpu=plan.gpus,
        message:
            "Training {wildcards.run:q}, exec 2>&1"
        shell:
            "exec isotrope train {input.param_file:q} --pack {wildcards.pack:q} > {log:q} 2>&1"
    """


def test_rules_lose_inputs_resources_and_parts_of_their_commands():
    found = proposed(RULE, rule_mutations.mutations)
    assert {
        ("input left out", ""),
        ("resource changed", "gpu=1,"),
        ("resource changed", "threads: 1"),
        ("resources left out", ""),
        ("reason to rerun added", 'param_file="param-files/{run}.yaml",'),
        ("constant changed", 'weights=ensure("out/{run}.safetensors", non_empty=False),'),
        (
            "word not quoted",
            '"exec isotrope train {input.param_file} --pack {wildcards.pack:q} > {log:q} 2>&1"',
        ),
        *(
            ("part of a command left out", f'"{command}"')
            for command in (
                "isotrope train {input.param_file:q} --pack {wildcards.pack:q} > {log:q} 2>&1",
                "exec isotrope train {input.param_file:q} > {log:q} 2>&1",
                "exec isotrope train {input.param_file:q} --pack {wildcards.pack:q} > {log:q}",
            )
        ),
    } <= found
    assert not [now for _, now in found if "Training" in now or '"out/{run}.log"' in now]


def test_a_sample_repeats_and_is_spread_over_its_rooms():
    found = all_mutations(ROOT, ("packs", "console", "workflow"))
    drawn = sample(ROOT, found, seed=3, count=30)

    assert drawn == sample(ROOT, found, seed=3, count=30)
    assert drawn != sample(ROOT, found, seed=4, count=30)
    assert [room(m.path) for m in drawn] == ["packs", "console", "workflow"] * 10
    assert len({m.kind for m in drawn}) > 10
    known = {m.name for m in drawn[::2]}
    assert not known & {m.name for m in sample(ROOT, found, seed=3, count=30, without=known)}
    for mutation in drawn:
        source = (ROOT / mutation.path).read_bytes()
        assert mutation.plant(source) != source
        if mutation.path.endswith(".py"):
            ast.parse(mutation.plant(source))


def test_every_bug_known_to_change_nothing_has_a_reason():
    text = KNOWN.read_text(encoding="utf-8")
    assert all(known_equivalents().values())
    assert len(known_equivalents()) == text.count("- path:")
    gone = sorted({path for path, _, _ in known_equivalents() if not (ROOT / path).is_file()})
    assert gone == [], "nobody plants bugs in files that are gone"


@pytest.mark.parametrize(
    ("path", "scope", "first"),
    [
        (
            "src/isotrope/packs/lease.py",
            "hold",
            {"tests/packs/test_lease.py", "tests/packs/test_dead_leases.py"},
        ),
        ("src/isotrope/geometry.py", "", {"tests/test_geometry.py"}),
        ("src/isotrope/models/ptn.py", "", {"tests/models/test_ptn.py"}),
        ("workflow/rules/train.smk", "train", {"tests/workflow/test_rules.py"}),
    ],
)
def test_the_tests_of_a_module_run_first_and_the_workflow_at_last(path, scope, first):
    mutation = results.Result(path, 1, "kind", scope, "was", "now", results.LIVED)
    order = Guards(ROOT).in_order(mutation, {})
    assert first <= set(order[:3])
    assert any(test.startswith("tests/workflow/") for test in order)
    assert not any(test.startswith(("tests/mutants/", "tests/slurm/")) for test in order)


def a_result(path, outcome, by=""):
    return Result(path, 7, "boundary", "f", "a < b", "a <= b", outcome, by, "", 1.0, {"t.py": 2.0})


def test_results_are_read_again_and_a_line_cut_off_is_tried_anew(tmp_path):
    path = tmp_path / "out" / "seed-1.jsonl"
    results.add(path, a_result("src/isotrope/packs/a.py", results.LIVED))
    results.add(path, killed := a_result("src/isotrope/packs/a.py", results.KILLED, "t.py::test"))
    with path.open("a") as lines:
        lines.write('{"path": "src/isot')
    assert results.read(path) == {killed.name: killed}
    results.add(path, lived := a_result("src/isotrope/packs/b.py", results.LIVED))
    assert results.read(path) == {killed.name: killed, lived.name: lived}
    assert results.seconds_of_tests([killed]) == {"t.py": 2.0}


def test_the_report_counts_by_room_and_shows_what_lived():
    found = [
        a_result("src/isotrope/packs/a.py", results.LIVED),
        a_result("src/isotrope/packs/b.py", results.HUNG),
        a_result("Snakefile", results.KILLED, "t.py::test"),
        a_result("src/isotrope/cli.py", results.KILLED, "t.py::test"),
    ]
    report = results.report(found, seed=5)
    assert report.startswith("# Seed 5: 4 bugs planted, 3 noticed (75.0 %)\n")
    assert (
        "| packs | 2 | 0 | 1 | 1 |\n| workflow | 1 | 1 | 0 | 0 |\n| root | 1 | 1 | 0 | 0 |"
        in report
    )
    assert "src/isotrope/packs/a.py:7: boundary, in f\n    - a < b\n    + a <= b\n" in report
    assert "- Snakefile:7, boundary: `a <= b` by t.py::test" in report


def in_a_clean_copy(passed, failed=(), how=""):
    """A copy without a bug, in which these tests pass and fail."""
    found = Trial("", how, False, frozenset(failed), frozenset(passed), {}, 1.0)
    return SimpleNamespace(test=lambda *tests, **how: found)


def test_a_test_that_fails_or_does_not_run_without_a_bug_has_noticed_nothing():
    noticing = ["a.py::one[1]", "a.py::two[x]", "a.py::gone", "a.py", "b.py"]
    clean = in_a_clean_copy({"a.py::one[1]", "a.py::two[x]", "b.py::any"}, {"a.py::two[y]"})
    passing = passing_without(clean, noticing)
    assert passing == dict(zip(noticing, (True, False, False, False, True), strict=True))
    with pytest.raises(SystemExit, match="no test that noticed a bug runs without one: status 4"):
        passing_without(in_a_clean_copy((), how="status 4"), noticing)
