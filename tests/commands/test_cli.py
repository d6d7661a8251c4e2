"""The command line: what it says, and the status that it ends with."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from made_up_param_file import GOOD, NAME
from typer.testing import CliRunner

from isotrope import __version__, cli, paths
from isotrope.commands import arguments, status
from isotrope.measuring import evaluating
from isotrope.params.schema import param_file_schema
from isotrope.plan import index_file
from isotrope.results.exporting import all_parts
from isotrope.status import states
from isotrope.tasks import by_hand
from isotrope.training import pack as training_pack

COMMANDS = typer.main.get_command(cli.app).commands


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = paths.PARAM_FILES / f"{NAME}.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(GOOD)
    return tmp_path


@pytest.fixture
def isotrope(monkeypatch, capsys):
    """Run the command line in this process: exit status, output, errors."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["isotrope", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        return ended.value.code, output.out, output.err

    return run


def test_every_command_of_the_rules_is_there():
    expected = "check build train choose evaluate collect draw status new schema"
    assert set(expected.split()) <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_every_parameter(name):
    command = COMMANDS[name]
    assert command.help
    for parameter in command.params:
        assert parameter.help, f"{name}: {parameter.name} has no help"

    shown = CliRunner().invoke(cli.app, [name, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})

    assert shown.exit_code == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown.output)
    for parameter in command.params:
        if parameter.name != "help":
            assert parameter.help.split()[0] in plain


def test_without_a_command_the_help_is_shown():
    shown = CliRunner().invoke(cli.app, [])
    for name in COMMANDS:
        assert name in shown.output


def test_param_files_in_order_are_counted(folder, isotrope):
    status, output, errors = isotrope("check")
    assert (status, errors) == (0, "")
    assert output == "1 param-files are in order: 1 points, 3 seeds to train\n"
    assert not paths.INDEX.exists()
    assert isotrope("check", "--quiet") == (0, "", "")
    assert isotrope("check", paths.PARAM_FILES / f"{NAME}.yaml")[0] == 0


def test_the_index_is_written_when_asked_for(folder, isotrope):
    assert isotrope("check", "--write-index", "--quiet") == (0, "", "")
    known, stamped = index_file.read()
    assert list(known.runs) == [NAME]
    assert stamped == index_file.stamps()
    status, _, errors = isotrope("check", "--write-index", paths.PARAM_FILES / f"{NAME}.yaml")
    assert (status, errors) == (
        2,
        "--write-index: the index is of all param-files; name none\n",
    )


def test_all_mistakes_of_named_param_files_are_said(folder, isotrope):
    files = []
    for variant, old in (("one", "epochs"), ("two", "seeds")):
        path = paths.PARAM_FILES / f"standard/stir_emoji/{variant}.yaml"
        path.write_text(GOOD.replace(old, old + "x"))
        files.append(path)
    status, output, errors = isotrope("check", *files)
    assert (status, output) == (2, "")
    assert "one.yaml:13:3: training.epochsx: unknown key; did you mean 'epochs'?" in errors
    assert "two.yaml:2:1: seedsx: unknown key; did you mean 'seeds'" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["build", "stur"], "no data set is called 'stur'; did you mean 'stir'?"),
        (["build", "stir", "task=emojo"], "stir: task: 'emojo' is not known; did you mean"),
        (
            ["train", f"param-files/{NAME}.yaml"],
            "is not built; run `snakemake out/data/stir",
        ),
        (["train", f"param-files/{NAME}.yaml", "--point", "x"], "no point is called 'x'; choose"),
        (["train", "param-files/a/b/absent.yaml"], "cannot be read: No such file"),
        (["evaluate", f"param-files/{NAME}.yaml"], "the data set is not built"),
        (["choose", f"param-files/{NAME}.yaml"], "there is no `select` in it, so all points are"),
        (["choose", "mine.yaml"], "mine.yaml: a param-file lies at param-files/<model>"),
        (["ship", f"param-files/{NAME}.yaml", "1"], "the data set is not built; run `snakemake"),
        (["compare", "scal"], "workflow/published/scal.csv is not there: no numbers to compare"),
        (
            ["draw", "acuracy", "--group", "scale"],
            "no figure of the study scale is called 'acuracy'; did you mean 'accuracy'",
        ),
        (
            ["draw", "accuracy", "--group", "scale-demo"],
            "no param-file belongs to 'scale-demo'; did you mean 'scale'",
        ),
        (["new", "model", "standard"], "standard.py is there already"),
        (
            ["new", "modell", "mine"],
            "modell`: there is no such kind of file; did you mean 'model'?",
        ),
        (["submit", "standard/mien"], "standard/mien: no param-file is called so; did you mean"),
        (
            ["submit", NAME, "--executor", "slum"],
            "--executor slum: choose from slurm, local, debug",
        ),
        (["submit", NAME, "--executor", "debug", "--time", "2"], "--time 2: write a wall time as"),
        (["schema", "--check"], "param-file.schema.json or docs/keys.md is stale; run `isotrope"),
        (
            ["submit", NAME, "--partition", "gpu\ntouch x"],
            "nothing that SLURM knows has such a name",
        ),
        (["submit", NAME, "--account", "$(x)"], "'$(x)': nothing that SLURM knows"),
        (["status", "--second"], "isotrope status: no such option: --second"),
        (["draw"], "isotrope draw: missing argument 'figure'; see `isotrope draw --help`\n"),
        (["status", "0.1"], "isotrope status: invalid value for 'SECONDS'"),
        (["statu"], "isotrope: no such command 'statu'. Did you mean"),
        (["status", "--runs", "caf\udce9"], r"'caf\udce9': holds bytes that are no text in UTF-8"),
        (["keep", "a\0b", "--why", "x"], r"'a\x00b': holds bytes that are no text"),
        (["build", "../stir"], "'../stir': no name; one has letters, digits and '_'"),
        (["collect", "a\nb"], r"'a\nb': no name"),
        (["summarize", "../../x"], "'../../x': no name"),
        (["sample", "../../x", "a.manifest.json"], "'../../x': no name"),
        (["draw", "accuracy", "--group", "../x"], "'../x': no name"),
        (["typeset", "accuracy", "--group", "/x"], "'/x': no name"),
        (["import-param-file", "/dev/zero"], "/dev/zero: is neither a file nor a folder"),
        (["attack", "x", "a.png", "/dev/zero"], "/dev/zero: is neither a file nor a folder"),
    ],
)
def test_what_a_user_can_mend_ends_with_status_2_and_no_traceback(folder, isotrope, words, said):
    status, output, errors = isotrope(*words)
    assert (status, output) == (2, "")
    assert said in errors
    assert "Traceback" not in errors


def test_a_sentence_about_the_words_of_a_call_is_one_line(folder, isotrope):
    for words in (["draw"], ["statu"], ["status", "x"], ["keep", "\x1b[31m"], ["ship", "a", "\n"]):
        status, output, errors = isotrope(*words)
        assert (status, output) == (2, "")
        assert len(errors.splitlines()) == 1
        assert errors.rstrip("\n").isprintable()


def test_a_copied_folder_is_told_whose_code_runs(folder, isotrope):
    assert isotrope("--version")[2] == ""
    copied = folder / "src/isotrope/cli.py"
    copied.parent.mkdir(parents=True)
    copied.touch()
    status, _, errors = isotrope("--version")
    assert status == 0
    assert errors.startswith(f"this runs the code in {cli.PACKAGE}, not that of this folder; if ")
    copied.unlink()
    copied.parent.rmdir()
    copied.parent.symlink_to(cli.PACKAGE)
    assert isotrope("--version")[2] == ""


def test_a_bug_keeps_its_traceback(monkeypatch):
    def broken():
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_an_option_that_many_commands_have_has_one_default():
    defaults = {}
    for name, command in COMMANDS.items():
        for one in command.params:
            if one.name in ("threads", "device"):
                defaults.setdefault(one.name, {})[name] = one.default
    by_run = [name for name, count in defaults["threads"].items() if count is None]
    assert sorted(by_run) == ["evaluate", "train"]
    assert {*defaults["threads"].values()} == {1, None}
    assert {*defaults["device"].values()} == {"auto"}
    assert {"train", "evaluate", "attack", "export", "draw"} <= defaults["threads"].keys()


@pytest.mark.parametrize("words", [["--version"], ["nothing"]])
def test_nothing_is_said_where_nobody_reads_any_more(words):
    """Also not by Python, which at its end would write once more what could not be written."""
    read, write = os.pipe()
    os.close(read)
    other, stream = ("stderr", "stdout") if words == ["--version"] else ("stdout", "stderr")
    pipes = {stream: write, other: subprocess.PIPE}
    program = [sys.executable, "-m", "isotrope.cli", *words]
    done = subprocess.run(program, **pipes, text=True, check=False)
    os.close(write)
    assert getattr(done, other) == ""
    assert done.returncode == (141 if stream == "stdout" else 2)


def test_a_schema_that_was_written_is_not_stale(folder, isotrope):
    assert isotrope("schema") == (0, f"wrote {paths.SCHEMA}\nwrote {paths.KEYS}\n", "")
    assert paths.SCHEMA.read_text() == param_file_schema()
    assert isotrope("schema", "--check") == (0, "", "")
    for path in (paths.SCHEMA, paths.KEYS):
        whole = path.read_text()
        path.write_text(whole + "\n")
        assert isotrope("schema", "--check")[0] == 2
        path.write_text(whole)


def test_names_are_completed():
    assert arguments.plugins("models")("st") == ["standard"]
    assert "stir" in arguments.plugins("data")("")
    assert arguments.studies("sca") == ["scale", "scattering"]
    named = ["checkpoints", "config"]
    assert arguments.parts("c") == named
    assert set(named) < set(arguments.parts("")) == set(all_parts())
    assert arguments.parts("") == sorted(arguments.parts(""))


def test_of_the_folder_of_tables_only_folders_are_groups(folder):
    for name in ("made", ".hidden"):
        (paths.table_folder(name)).mkdir(parents=True)
    (paths.table_folder("file")).touch()
    assert arguments.groups("") == ["made"]


def completed(command, name, incomplete):
    """What a shell is offered for a parameter of a command."""
    (found,) = [one for one in COMMANDS[command].params if one.name == name]
    context = typer.Context(COMMANDS[command])
    return [item.value for item in found.shell_complete(context, incomplete)]


def test_runs_states_and_studies_are_completed_also_behind_a_comma(folder):
    for command in ("submit", "status"):
        assert completed(command, "runs", "sta") == [NAME]
        assert completed(command, "runs", "param-files/") == [f"param-files/{NAME}.yaml"]
        assert completed(command, "runs", "a/b/c,d,st") == [f"a/b/c,d,{NAME}"]
        assert completed(command, "runs", "x") == []
    assert completed("status", "state", "d") == ["diverged", "done"]
    assert completed("status", "state", "failed,ru") == ["failed,running"]
    assert completed("status", "series", "own,p") == ["own,published"]
    assert completed("status", "studies", "lo") == ["log_polar"]


def test_the_states_that_are_completed_are_all_there_are():
    assert status.STATES == states.ORDER


@pytest.mark.parametrize(
    ("command", "tasks", "module", "work"),
    [
        ("train", "training_tasks", training_pack, "train_pack"),
        ("evaluate", "evaluation_tasks", evaluating, "evaluate"),
    ],
)
def test_by_hand_a_log_is_kept_which_a_workflow_does_itself(
    isotrope, folder, monkeypatch, command, tasks, module, work
):
    kept = []

    def note(task, told, own_log=None):
        kept.append(told.own_log if own_log is None else own_log)

    monkeypatch.setattr(by_hand, tasks, lambda *arguments: [None])
    monkeypatch.setattr(by_hand, "gpus_of", lambda file: 0)
    monkeypatch.setattr(module, work, note)
    assert isotrope(command, f"param-files/{NAME}.yaml")[0] == 0
    monkeypatch.setenv(index_file.PLANNED, "1")
    assert isotrope(command, f"param-files/{NAME}.yaml")[0] == 0
    assert kept == [True, False]


@pytest.mark.parametrize(
    ("lines", "at_a_terminal", "planned", "expected"),
    [
        ([], True, False, "nothing to compute: all rows of these evaluations are there\n"),
        ([], False, False, ""),
        ([], True, True, ""),
        (["accuracy: 3 seeds"], True, False, ""),
    ],
)
def test_an_evaluation_with_nothing_to_do_says_so_to_whoever_typed_it(
    isotrope, folder, monkeypatch, lines, at_a_terminal, planned, expected
):
    def evaluate(task, log, own_log):
        for line in lines:
            log(line)

    monkeypatch.setattr(by_hand, "evaluation_tasks", lambda *arguments: [None, None])
    monkeypatch.setattr(evaluating, "evaluate", evaluate)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: at_a_terminal, raising=False)
    if planned:
        monkeypatch.setenv(index_file.PLANNED, "1")
    else:
        monkeypatch.delenv(index_file.PLANNED, raising=False)
    said = "".join(f"{line}\n" for line in 2 * lines)
    assert isotrope("evaluate", f"param-files/{NAME}.yaml") == (0, said, expected)


def test_the_version_is_said(isotrope):
    assert isotrope("--version") == (0, f"isotrope {__version__}\n", "")


def test_the_installed_program_ends_with_status_2(folder):
    program = Path(sys.executable).with_name("isotrope")
    done = subprocess.run(
        [program, "new", "model", "Bad"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "'Bad': a name has small letters, digits and '_', a letter first\n"


def test_a_param_file_may_be_named_as_its_run_is(folder, isotrope):
    by_path = isotrope("check", f"param-files/{NAME}.yaml")
    assert isotrope("check", NAME) == by_path
    assert by_path[0] == 0
