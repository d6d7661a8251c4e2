"""`isotrope status` as it is called: filters, JSON, mistakes."""

import json
import sys
from dataclasses import replace

import pytest
from made_up_index import DEMO, LOCAL, OTHER, OWN, PUBLISHED, made_up_index, run
from made_up_packs import MadeUpPack

from isotrope import cli, paths
from isotrope.errors import UserError
from isotrope.plan import asked, index_file

KEYS = {
    *("run", "study", "series", "point", "chosen", "pack", "state", "seeds", "finished"),
    *("detail", "log", "job", "diverged", "collapsed", "shipped", "blocked", "trained_with"),
    *("changed", "code", "code_detail"),
}
JOB_KEYS = {
    *("seeds", "seeds_done", "epoch", "epochs", "validation_accuracy", "seconds_left"),
    *("host", "pid", "slurm_job", "ended", "beat_at"),
}


@pytest.fixture
def status(folder, monkeypatch, capsys):
    """Run the command in this process: exit status, lines, errors."""
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(index_file, "current", lambda *_, **__: made_up_index())

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["isotrope", "status", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return ended.value.code, said.out.splitlines(), said.err.splitlines()

    return run


def test_every_run_has_its_row_and_the_sums_stand_below(status):
    MadeUpPack().beat()
    code, lines, errors = status("--all")
    assert (code, errors) == (0, [])
    assert [line.split()[:4] for line in lines[:-1]] == [
        ["running", "0/3", DEMO, "base"],
        ["queued", "0/26", OWN, "base"],
        ["queued", "0/50", PUBLISHED, "base"],
        ["queued", "0/3", OTHER, "base"],
        ["waiting", "0/3", LOCAL, "needs"],
    ]
    assert lines[-1] == "packs: 1 running, 5 queued, 1 waiting; 0 of 85 seeds are trained"


HIDDEN = "1 more run was not asked for and nothing of it is there: --all shows it"


def shown(status, *words):
    """The runs that have a row, and the lines below the sums."""
    _, lines, _ = status(*words)
    last = next(i for i, line in enumerate(lines) if line.startswith("packs: "))
    return [line.split()[2] for line in lines[:last]], lines[last + 1 :]


def test_runs_that_nobody_asked_for_and_that_are_not_there_are_counted_and_no_more(status):
    assert shown(status) == ([DEMO, OWN, OTHER, LOCAL], [HIDDEN])
    assert shown(status, "--all") == ([DEMO, OWN, PUBLISHED, OTHER, LOCAL], [])
    assert shown(status, "--runs", PUBLISHED) == ([PUBLISHED], [])
    assert shown(status, "--runs", "*/stir_emoji/*") == ([DEMO, OWN], [HIDDEN])
    code, lines, _ = status("--json")
    assert code == 0
    runs = {row["run"] for row in json.loads("".join(lines))}
    assert runs == {DEMO, OWN, OTHER, LOCAL}


def test_what_was_asked_for_last_and_what_is_there_are_shown(status):
    asked.remember([PUBLISHED])
    assert shown(status) == ([OWN, PUBLISHED, OTHER, LOCAL], [HIDDEN])
    asked.remember([DEMO], besides=True)
    assert shown(status) == ([DEMO, OWN, PUBLISHED, OTHER, LOCAL], [])
    asked.remember([])
    others = HIDDEN.replace("1 more run was", "2 more runs were").replace(" it", " them")
    assert shown(status) == ([OWN, OTHER, LOCAL], [others])
    MadeUpPack(PUBLISHED).write("train.log")
    assert shown(status) == ([PUBLISHED, OWN, OTHER, LOCAL], [HIDDEN])


def test_a_run_that_a_user_adds_to_a_demo_is_shown_where_that_demo_is_there(status, monkeypatch):
    index = made_up_index()
    added, elsewhere = "mine/stir_emoji/demo", "mine/digits/demo"
    index.runs[added] = run(added, series="demo")
    index.runs[elsewhere] = run(elsewhere, series="demo", study="rotation")
    monkeypatch.setattr(index_file, "current", lambda *_, **__: index)
    asked.remember([DEMO])  # before the others were written
    assert shown(status)[0] == [DEMO, OWN, OTHER, LOCAL]
    MadeUpPack(DEMO).write("train.log")
    runs, (hidden,) = shown(status)
    assert sorted(runs) == sorted([DEMO, OWN, OTHER, LOCAL, added])
    assert hidden.startswith("2 more runs were not asked for")


@pytest.mark.parametrize("text", ["", "{", "[1, null]", "{}", "[" * 100_000, "\x00"])
def test_a_damaged_note_of_what_was_asked_for_ends_nothing(status, text):
    paths.ASKED.parent.mkdir(exist_ok=True)
    paths.ASKED.write_text(text)
    assert OWN in shown(status)[0]
    paths.ASKED.unlink()
    paths.ASKED.mkdir()
    asked.remember([DEMO])
    assert OWN in shown(status)[0]


@pytest.mark.parametrize(
    ("words", "runs"),
    [
        (("--runs", "*/stir_emoji/m*"), [OWN]),
        (("--runs", f"*/stir_emoji/m*,param-files/{PUBLISHED}.yaml"), [OWN, PUBLISHED]),
        (("--runs", "*/stir_emoji/m*", "--all"), [OWN, PUBLISHED]),
        (("--runs", f"{OTHER},{DEMO}"), [OTHER, DEMO]),
        (("--series", "demo"), [DEMO]),
        (("--studies", "rotation"), [OTHER]),
        (("--studies", "scale", "--series", "published"), [PUBLISHED]),
        (("--state", "running"), [DEMO]),
        (("--state", "waiting, running"), [DEMO, LOCAL]),
        (("--state", "queued", "--all"), [OWN, PUBLISHED, OTHER]),
        (("--state", "queued", "--runs", "*/*/m*"), [OWN, OTHER]),
        (("--state", "failed"), []),
    ],
)
def test_filters_choose_runs_and_states(status, words, runs):
    MadeUpPack().beat()
    assert set(shown(status, *words)[0]) == set(runs)
    code, lines, _ = status("--json", *words)
    assert code == 0
    assert list(dict.fromkeys(row["run"] for row in json.loads("".join(lines)))) == runs


def test_json_has_every_pack_and_all_keys_always(status):
    MadeUpPack().beat(seeds=[1, 2], seeds_done=0)
    MadeUpPack(OWN).make(3, seed1="collapsed", seed3="diverged")
    _, lines, _ = status("--json", "--all")
    rows = json.loads("".join(lines))
    assert all(set(row) == KEYS for row in rows)
    assert [(row["run"], row["pack"], row["seeds"]) for row in rows][:3] == [
        (DEMO, "1-25", 3),
        (OWN, "1-25", 25),
        (OWN, "26-50", 1),
    ]
    assert set(rows[0]["job"]) == JOB_KEYS
    assert rows[0]["job"]["seeds"] == [1, 2]
    assert rows[2]["job"] is None
    assert {(row["study"], row["series"]) for row in rows} == {
        ("scale", "demo"),
        ("scale", "own"),
        ("scale", "published"),
        ("rotation", "own"),
    }


def test_packs_and_json_count_collapsed_seeds(status):
    MadeUpPack().make(2, seed1="collapsed", seed2="diverged")
    (line,) = [line for line in status("--packs")[1] if line.startswith("done")]
    assert line.split("  ")[-1] == "1 diverged, 1 collapsed"
    assert "base seeds 1-3 " in line, "the seeds asked for, not the name of the folder"
    (row,) = json.loads("".join(status("--json", "--series", "demo")[1]))
    assert (row["diverged"], row["collapsed"], row["shipped"]) == (1, 1, 0)


def test_a_narrow_terminal_has_narrow_lines(status, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    MadeUpPack().write("train.log", f"{'long ' * 30}\n")
    _, lines, _ = status("--series", "demo")
    assert len(lines) == 6
    assert max(len(line) for line in lines) <= 60


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--state", "fail"), "--state: no state is called 'fail'; did you mean 'failed'?"),
        (("--state", ""), "--state: no state is called ''; choose from diverged, done, failed"),
        (("--series", "owm"), "--series: no series is called 'owm'; did you mean 'own'?"),
        (("--studies", "scal"), "--studies: no study is called 'scal'; did you mean 'scale'?"),
        (("--runs", "x/y/z"), "--runs: no param-file is called 'x/y/z'; choose from standard/"),
        (("7",), "7: only --watch takes seconds; name runs with --runs"),
        (("--watch", "--json"), "--watch and --json do not go together; call `isotrope status`"),
        (("--watch",), "--watch needs a terminal; call `isotrope status` again and again instead"),
    ],
)
def test_what_a_user_can_mend_is_said_in_a_sentence(status, words, sentence):
    code, lines, errors = status(*words)
    assert (code, lines) == (2, [])
    assert errors[0].startswith(sentence)


def test_a_mistake_in_a_param_file_hides_no_run(status, monkeypatch):
    def current(stamps=None, **_):
        raise UserError("param-files/a.yaml:3:1: seed: unknown key")

    monkeypatch.setattr(index_file, "current", current)
    assert status()[::2] == (2, ["param-files/a.yaml:3:1: seed: unknown key"])
    index_file.write(made_up_index(), {})
    code, lines, errors = status()
    assert (code, len(lines)) == (0, 6)
    assert errors == [
        "param-files/a.yaml:3:1: seed: unknown key",
        "until that is mended, runs are shown as the last param-files without a mistake had them",
    ]


def test_only_looking_has_no_network_built_and_says_of_which_runs_shown(status, monkeypatch):
    asked_for = []

    def current(*_, asks):
        known = replace(made_up_index(), untried=[OWN])
        asked_for.append(asks(known))
        return known

    monkeypatch.setattr(index_file, "current", current)
    code, _, errors = status("--runs", OWN)
    assert (code, asked_for) == (0, [[]])
    assert errors == [
        "the code of 1 run changed since its network was tried: `snakemake` tries it before it "
        "starts anything, `isotrope check` now"
    ]
    assert status("--runs", OTHER)[2] == []
