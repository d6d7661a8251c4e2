"""What SLURM is asked for, as its batch scripts say, and what submitit leaves behind."""

import dataclasses
import os
import re
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from submitit.core.utils import UncompletedJobError, cloudpickle_dump

from isotrope import paths
from isotrope.cluster import executors
from isotrope.cluster.executors import KEPT, Site, executor_of, send
from isotrope.cluster.submitted_pack import SubmittedPack
from isotrope.cluster.submitting import Array, TaskResources
from isotrope.errors import UserError

SMALL, LARGE = TaskResources(0, 1, 1500, 5), TaskResources(2, 8, 16000, 240)
SBATCH = """\
#!/bin/sh
number=$(ls {folder} | wc -l)
grep -v '^#!' "$1" > {folder}/$number
test -e {refusal} && cat {refusal} >&2 && exit 1
echo "Submitted batch job 47$number"
"""


@pytest.fixture
def sbatch(tmp_path, monkeypatch):
    """A project's folder, an ``sbatch`` that keeps the scripts that it gets, and their folder."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    programs = tmp_path / "bin"
    programs.mkdir()
    text = SBATCH.format(folder=scripts, refusal=tmp_path / "refusal")
    for name, content in (("sbatch", text), ("srun", "#!/bin/sh\n")):
        (programs / name).write_text(content)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    return scripts


def packs(count, point="base"):
    words = ("param-files/a/b/c.yaml", point)
    names = [f"{n}-{n}" for n in range(1, count + 1)]
    return [SubmittedPack(*words, name, None, ("0",), 1, True) for name in names]


def asked(script):
    """The options in a batch script."""
    found = re.findall(r"^#SBATCH --([a-z-]+)=?(.*)$", script.read_text(), re.MULTILINE)
    return {key: value.strip("'") for key, value in found}


def test_packs_become_one_array_that_asks_for_what_the_param_file_says(sbatch):
    sent = list(send([Array(LARGE, packs(3), False)], Site("slurm", "gpu", "lab", parallel=2)))

    options = asked(sbatch / "0")
    expected = {
        "array": "0-2%2",
        "gpus-per-node": "2",
        "cpus-per-task": "4",
        "mem": "16000M",
        "time": "240",
        "nodes": "1",
        "ntasks-per-node": "2",
        "partition": "gpu",
        "account": "lab",
        "signal": "USR2@120",
        "open-mode": "append",
        "requeue": "",
    }
    assert options.items() >= expected.items()
    assert "dependency" not in options
    assert re.search(
        r"^srun .*--cpus-per-task=4 --kill-on-bad-exit=1 ", (sbatch / "0").read_text(), re.MULTILINE
    )
    assert [(one.pack.pack, one.job.job_id) for one in sent] == [
        ("1-1", "470_0"),
        ("2-2", "470_1"),
        ("3-3", "470_2"),
    ]
    assert sent[1].job.submission().function == sent[1].pack
    folder = paths.submitted("slurm", "gpu=2,cpus=8,memory=16000,minutes=240")
    assert folder.joinpath("470_1_submitted.pkl").is_file()


def test_what_is_not_said_is_left_to_the_cluster(sbatch):
    list(send([Array(SMALL, packs(1), False)], Site("slurm")))

    options = asked(sbatch / "0")
    assert not options.keys() & {"partition", "account", "gpus-per-node", "array", "dependency"}
    assert options["signal"] == "USR2@75"


def test_the_chosen_point_starts_after_all_candidates_went_well_or_never(sbatch):
    candidates = [Array(SMALL, packs(2), False), Array(LARGE, packs(1), False)]
    chosen = [Array(SMALL, packs(1, "selected"), True), Array(LARGE, packs(1, "selected"), True)]

    list(send([*candidates, *chosen], Site("slurm")))

    options = [asked(sbatch / str(number)) for number in range(4)]
    assert [one.get("dependency") for one in options[:2]] == [None, None]
    for one in options[2:]:
        assert one["dependency"] == "afterok:470:471"
        assert one["kill-on-invalid-dep"] == "yes"


def test_a_refusal_of_slurm_is_said_and_what_was_sent_before_is_known(sbatch, tmp_path):
    sending = send([Array(SMALL, packs(1), False), Array(LARGE, packs(1), False)], Site("slurm"))
    assert next(sending).job.job_id == "470"
    (tmp_path / "refusal").write_text("error: invalid partition specified")
    with pytest.raises(UserError, match=r"refused 1 tasks of gpu=2.*invalid partition specified;"):
        next(sending)


def test_a_failed_task_is_told_by_the_last_line_of_the_log_that_it_wrote_last(sbatch, monkeypatch):
    (one,) = send([Array(SMALL, packs(1), False)], Site("slurm"))
    train, evaluation = one.pack.logs
    for log, line, changed in ((train, "bad data", 200), (evaluation, "of an earlier one", 100)):
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"a line\n{line}\n")
        os.utime(log, (changed, changed))
    cloudpickle_dump(("error", "a traceback"), one.job.paths.result_pickle)

    assert one.outcome() == (False, f"bad data ({train})")
    evaluation.write_text("")
    os.utime(evaluation, (300, 300))
    assert one.outcome() == (False, f"bad data ({train})"), "the later one says nothing yet"
    one.job.paths.result_pickle.unlink()
    with monkeypatch.context() as without_result:
        lost = UncompletedJobError("it left no result")
        without_result.setattr(one.job, "exception", lambda: lost)
        assert one.outcome() == (False, f"unknown; see {one.job.paths.stderr}")
    cloudpickle_dump(("success", "2 done"), one.job.paths.result_pickle)
    assert one.outcome() == (True, "2 done")
    train.unlink()
    evaluation.unlink()
    cloudpickle_dump(("error", "a traceback"), one.job.paths.result_pickle)
    assert one.outcome() == (False, f"unknown; see {one.job.paths.stderr}")


def test_executors_are_known_by_name_and_slurm_has_to_be_there(sbatch, monkeypatch):
    assert [executor_of(name) for name in (None, "local", "debug", "slurm")] == [
        *("slurm", "local", "debug", "slurm")
    ]
    with pytest.raises(UserError, match="--executor slurn: choose from slurm, local, debug"):
        executor_of("slurn")
    monkeypatch.setenv("PATH", "/nowhere")
    assert executor_of(None) == "local"
    with pytest.raises(UserError, match="there is no sbatch or srun here"):
        executor_of("slurm")


def test_files_of_tasks_that_ended_long_ago_are_removed_by_the_next_of_the_kind(sbatch):
    folder = paths.submitted("slurm", str(SMALL))
    list(send([Array(SMALL, packs(2), False)], Site("slurm")))
    (link,) = folder.glob(".submission_file_*")
    long_ago = time.time() - KEPT - 60

    def ends(*names):
        for name in names:
            (folder / name).touch()
        for path in folder.glob("470_*"):
            os.utime(path, (long_ago, long_ago))

    ends("470_0_0_result.pkl", "470_0_0_log.out")  # its other task waits
    list(send([Array(SMALL, packs(1), False)], Site("slurm")))
    assert len(list(folder.glob("470_*"))) == 5
    ends("470_1_0_result.pkl")
    list(send([Array(SMALL, packs(1), False)], Site("slurm")))
    assert not list(folder.glob("470_*"))
    assert not link.is_symlink()
    assert folder.joinpath("471_submitted.pkl").is_file()


@pytest.mark.parametrize(("call", "times"), [("stat", 2), ("unlink", 1)])
def test_files_that_another_submit_removes_meanwhile_are_no_error(sbatch, monkeypatch, call, times):
    folder = paths.submitted("slurm", str(SMALL))
    list(send([Array(SMALL, packs(2), False)], Site("slurm")))
    for name in ("470_0_0_result.pkl", "470_1_0_result.pkl", "470_0_0_log.out"):
        (folder / name).touch()
    long_ago = time.time() - KEPT - 60
    for path in folder.glob("470_*"):
        os.utime(path, (long_ago, long_ago))
    begun, real, unlink = [], getattr(Path, call), Path.unlink

    def beside(self, *words, **options):
        """The other one has begun with the same files, and is faster."""
        if self.name.startswith("470_") and len(begun) < 2:
            begun.append(self)
            if len(begun) == 2:
                unlink(self)
        return real(self, *words, **options)

    monkeypatch.setattr(Path, call, beside)
    for _ in range(times):  # what is left is for the next one
        executors._tidy(folder)
    assert len(begun) == 2
    assert not list(folder.glob("470_*"))


def test_here_the_chosen_point_starts_when_all_candidates_have_ended(monkeypatch):
    begun, going = [], set()

    class Work:
        """Runs until it was looked at twice."""

        def __init__(self, pack):
            self.pack, self.looks = pack, 0
            going.add(pack.pack)
            begun.append((pack.pack, set(going)))

        def done(self):
            self.looks += 1
            if self.looks > 2:
                going.discard(self.pack.pack)
            return self.looks > 2

    monkeypatch.setattr(executors, "_executor", lambda *words: SimpleNamespace(submit=Work))
    monkeypatch.setattr(executors.time, "sleep", lambda seconds: None)
    early, late = packs(3), packs(5, "selected")[3:]
    arrays = [Array(SMALL, early, False), Array(LARGE, late, True)]

    ended = [one.pack for one in executors.work_here(arrays, Site("local", parallel=2))]

    assert sorted(ended[:3], key=str) == early
    assert sorted(ended[3:], key=str) == late
    assert begun == [
        ("1-1", {"1-1"}),
        ("2-2", {"1-1", "2-2"}),
        ("3-3", {"3-3"}),
        ("4-4", {"4-4"}),
        ("5-5", {"4-4", "5-5"}),
    ]


@pytest.mark.parametrize(
    ("said", "seen"), [(None, ()), ("", ()), ("3", (3,)), ("2,0", (2, 0)), ("GPU-5d", ())]
)
def test_local_tasks_see_the_gpus_that_the_user_leaves_them(monkeypatch, said, seen):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if said is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", said)
    assert executors._visible_gpus() == seen


@pytest.mark.parametrize(
    ("asked", "said", "given", "processes"),
    [(0, None, 0, 1), (1, None, 4, 1), (1, "2,0", 2, 1), (2, None, 2, 2), (6, None, 4, 4)],
)
def test_a_local_task_of_one_gpu_sees_all_and_claims_its_own(
    tmp_path, monkeypatch, asked, said, given, processes
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", said or "")
    resources = dataclasses.replace(SMALL, gpu=asked)

    local = executors._executor(resources, Site("local"))

    assert local.parameters["gpus_per_node"] == given
    assert local.parameters["tasks_per_node"] == processes
    assert local.parameters["timeout_min"] == SMALL.minutes == 5
    assert local.parameters["signal_delay_s"] == SMALL.warning == 75


@pytest.mark.parametrize("name", ["slurm", "local"])
def test_a_task_may_run_into_its_time_limit_five_times(sbatch, name):
    assert executors._executor(SMALL, Site(name)).max_num_timeout == 5


def test_packs_come_as_their_tasks_end(monkeypatch):
    sent = [executors.Sent(pack, SimpleNamespace(number=i)) for i, pack in enumerate(packs(3))]
    asked = []

    def ending(jobs, poll_frequency):
        asked.append(poll_frequency)
        return sorted(jobs, key=lambda job: -job.number)

    monkeypatch.setattr(executors, "as_completed", ending)
    assert list(executors.as_they_end(sent, every=3.0)) == sent[::-1]
    assert list(executors.as_they_end(sent)) == sent[::-1]
    assert asked == [3.0, 5.0]


@pytest.fixture
def ctrl_c_is_heard():
    """Also where these tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("name", ["local", "debug"])
def test_work_that_is_broken_off_here_is_ended_and_ctrl_c_is_heard_again(
    monkeypatch, ctrl_c_is_heard, name
):
    seen, ended = [], []

    def submit(pack):
        seen.append(signal.getsignal(signal.SIGINT))
        return SimpleNamespace(done=lambda: name == "local" and pack.pack == "1-1")

    monkeypatch.setattr(executors, "_executor", lambda *words: SimpleNamespace(submit=submit))
    monkeypatch.setattr(
        executors, "_end", lambda running: ended.extend(one.pack for one in running)
    )
    before = signal.default_int_handler
    working = executors.work_here([Array(SMALL, packs(3), False)], Site(name, parallel=2))
    assert next(working).pack.pack == "1-1", "with debug it is given before it is worked on"
    assert signal.getsignal(signal.SIGINT) is before
    working.close()
    assert set(seen) == {signal.SIG_IGN}
    assert [pack.pack for pack in ended] == ["2-2"]
