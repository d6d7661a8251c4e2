"""What Snakemake logs is said in the words of this project."""

import logging

import pytest

from isotrope.plan.log_words import (
    LOCKED,
    LOCKED_BESIDE,
    OTHER_RUNS,
    STOPPED,
    LogWords,
    unknown_target,
)

TARGETS = ("datasets", "runs", "figures", "all")
CHANGED = "Params have changed since last execution"
DIGESTS = (
    f"{CHANGED}: Union of exclusive params before and now across all output: before: 'a'\n now: 'b'"
)


def logged(message="", level=logging.INFO, why="", **extra):
    """A record after the words were put in, and what was asked about its job."""
    asked = []
    words = LogWords(
        lambda rule, wildcards: asked.append((rule, wildcards)) or why, lambda: TARGETS
    )
    record = logging.makeLogRecord({"msg": message, "levelno": level, **extra})
    assert words.filter(record)
    return record, asked


@pytest.mark.parametrize("extra", [{"reason": "Missing output files: a"}, {"rule_name": "train"}])
def test_a_record_of_no_job_keeps_its_words(extra):
    record, asked = logged("words", why="a sentence", **extra)
    assert (record.msg, asked) == ("words", [])
    assert getattr(record, "reason", None) == extra.get("reason")


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (DIGESTS, f"{CHANGED}\n    trained with x 1, now 2"),
        (
            f"Missing output files: a; {DIGESTS}; Software environment definition has changed",
            f"Missing output files: a; {CHANGED}; Software environment definition has changed"
            "\n    trained with x 1, now 2",
        ),
        ("Updated input files: a", "Updated input files: a\n    trained with x 1, now 2"),
    ],
)
def test_the_sentence_stands_below_the_reason_in_the_place_of_digests(reason, expected):
    job = {"rule_name": "train", "wildcards": {"run": "a/b/c"}, "reason": reason}
    record, asked = logged(why="trained with x 1, now 2", **job)
    assert record.reason == expected
    assert asked == [("train", {"run": "a/b/c"})]


def test_the_reasons_of_what_was_only_planned_and_the_code_of_results_are_said_last():
    words = LogWords(lambda _, wildcards: wildcards.get("why", ""), lambda: TARGETS)

    def job(rule, **wildcards):
        record = {"rule_name": rule, "wildcards": wildcards, "reason": "Params have changed"}
        words.filter(logging.makeLogRecord(record))

    for run in "abcde":
        job("train", run=f"m/{run}/1", why="trained with x 1, now 2")
    job("build_dataset", why="built with y 1, now 2")
    job("draw_figure")
    job("collect", group="shift", why="other runs")
    expected = [
        "to train m/a/1, train m/b/1, train m/c/1 and 2 more again: trained with x 1, now 2",
        "to build dataset again: built with y 1, now 2",
        "to collect shift again: other runs",
    ]
    assert words.at_the_end(True, lambda: ["code"]) == [*expected, "code"]
    assert words.at_the_end(False, lambda: ["code"]) == ["code"]
    for number in range(10):
        job("train", run="m/n/o", why=str(number))
    assert words.at_the_end(True, list)[-1] == "and 5 reasons more, each below its job"
    words.filter(logging.makeLogRecord({"msg": "lost", "levelno": logging.ERROR}))
    assert words.at_the_end(True, lambda: ["code"]) == []  # the error is read last


@pytest.mark.parametrize("rule", ["collect", "collect_arrays", "write_report"])
def test_what_holds_all_there_is_says_that_other_runs_are_asked_for(rule):
    reason = "Set of input files has changed since last execution"
    record, _ = logged(rule_name=rule, wildcards={}, reason=reason)
    assert record.reason == f"{reason}\n    {OTHER_RUNS}"
    for other, why in (("train", reason), (rule, "Missing output files: out/report.html")):
        record, _ = logged(rule_name=other, wildcards={}, reason=why)
        assert record.reason == why


def test_of_a_table_only_the_runs_are_named_of_which_something_else_is_said():
    before = [f"m/d/{number}: published, Plain" for number in range(300)]
    now = [one.replace("Plain", "it's") for one in before[1:11]] + before[11:]
    params = f"{CHANGED}: Union of params: before: {'; '.join(before)!r} now: {'; '.join(now)!r} "
    end = "; Software environment definition has changed"
    record, _ = logged(rule_name="collect", wildcards={"group": "scale"}, reason=params + end)
    assert record.reason == (
        f"{CHANGED}{end}\n    now said of its runs: m/d/1: published, it's; m/d/2: published, "
        "it's; m/d/3: published, it's and 7 more; no longer: m/d/0: published, Plain; m/d/1: "
        "published, Plain; m/d/2: published, Plain and 8 more"
    )
    assert logged(rule_name="draw_figure", wildcards={}, reason=params)[0].reason == params


def test_a_plan_beside_a_snakemake_at_work_is_no_error():
    said = "Error: Directory cannot be locked. Another Snakemake instance is running."
    record, _ = logged(said)
    assert record.msg == LOCKED_BESIDE
    assert logged(said, logging.ERROR)[0].msg == LOCKED


def test_where_no_sentence_is_known_the_reason_stays():
    record, _ = logged(rule_name="train", wildcards={}, reason=DIGESTS)
    assert record.reason == DIGESTS


def test_the_error_of_a_lock_names_the_command_that_mends_it():
    record, _ = logged("LockException:\nError: Directory cannot be locked. ...", logging.ERROR)
    assert record.getMessage() == LOCKED
    assert "`isotrope start`" in LOCKED


def test_an_unknown_target_is_answered_with_the_nearest_and_all_there_are():
    said = "MissingRuleException:\nNo rule to produce figurs (if you use input functions make ..."
    record, _ = logged(said, logging.ERROR)
    assert record.getMessage() == unknown_target("figurs", TARGETS)
    assert unknown_target("figurs", TARGETS).startswith(
        "figurs: no target is called so; did you mean figures? There are datasets, runs, figures, "
        "all, and every file below out/"
    )
    assert "did you mean" not in unknown_target("zzz", TARGETS)


def test_a_file_that_no_rule_makes_is_answered_on_one_line():
    said = "No rule to produce out/a\n.svg (if you use input functions make sure ..."
    record, _ = logged(said, logging.ERROR)
    assert record.getMessage().startswith("out/a .svg: nothing makes a file of that name")


def test_after_an_interrupt_it_is_said_last_that_the_same_command_goes_on():
    words = LogWords(lambda *_: "", list)
    assert words.at_the_end(False, lambda: ["code"]) == ["code"]
    said = "Terminating processes on user request, this might take some time."
    words.filter(logging.makeLogRecord({"msg": said, "levelno": logging.INFO}))
    words.filter(logging.makeLogRecord({"msg": "a job failed", "levelno": logging.ERROR}))
    assert words.at_the_end(False, lambda: ["code"]) == [STOPPED]


def test_what_is_no_error_is_not_taken_for_one():
    record, _ = logged("a run called 'cannot be locked'", logging.WARNING)
    assert record.msg == "a run called 'cannot be locked'"


@pytest.mark.parametrize("level", [logging.INFO, logging.ERROR])
def test_all_else_is_said_as_it_is(level):
    record, asked = logged("Error in rule train: %s", level)
    assert record.msg == "Error in rule train: %s"
    assert asked == []
