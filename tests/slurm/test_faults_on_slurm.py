"""What can happen to a SLURM job, done to real ones: each training ends with the same bits.

Those that wait for a minute or more (limits, nodes) are ``slow``, and left to ``make test-faults``.
"""

from collections.abc import Callable, Iterator

import pytest
from on_slurm import CLUSTER, Project, slurm, wait_for
from paced import EPOCHS, SEEDS, STEPS, PacedTraining, paced_project, trainings_of

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.usefixtures("cluster"),
    pytest.mark.timeout(1800),
]
KEEP_LOGS = "--slurm-keep-successful-logs"
PROFILE = "profiles/slurm/config.yaml"
Said = Callable[[PacedTraining], None]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return paced_project(tmp_path_factory.mktemp("paced"))


@pytest.fixture
def said(record_property: Callable[[str, object], None]) -> Said:
    """Notes in which epoch a training went on, and checks that it did not begin anew."""

    def note(training: PacedTraining) -> None:
        epoch = training.went_on_in()
        record_property("said", f"`goes on in epoch {epoch} of {EPOCHS}`")
        assert epoch >= 3

    return note


def requeued(project: Project, training: PacedTraining, interrupt: Callable[[str], None]) -> str:
    """Interrupt a training that SLURM then queues again, unnoticed; the number of its one job."""
    with project.started(KEEP_LOGS, "--", training.target) as head:
        job = training.job()
        interrupt(job)
        training.release(job, 240)
        output, _ = head.communicate()
    assert head.returncode == 0, output[-5000:]
    assert trainings_of(output) == [(job, "COMPLETED")]
    return job


@pytest.mark.faults(fault="SIGUSR1", done="`scancel --signal=USR1 --full`, to the whole job")
def test_on_usr1_it_saves_and_requeues_itself_unnoticed(project: Project, said: Said) -> None:
    training = PacedTraining(project, "usr1", seconds=0.5)

    job = requeued(project, training, lambda job: slurm("scancel", "-s", "USR1", "--full", job))

    training.assert_whole()
    said(training)
    assert "User defined signal" not in training.slurm_log(job)


@pytest.mark.faults(fault="preemption", done="a job in `gpu-urgent` took all nodes: SIGUSR2")
def test_when_preempted_it_saves_and_requeues_itself_unnoticed(
    project: Project, said: Said
) -> None:
    training = PacedTraining(project, "preempted", seconds=0.5)
    urgent = ("sbatch", "-p", "gpu-urgent", "--nodes=2", "--gres=gpu:2", "--wrap=true")

    job = requeued(project, training, lambda job: slurm(*urgent, "--output=/dev/null"))

    training.assert_whole()
    said(training)
    # the Snakemake around the program would have died of the signal that the program acts on
    assert "DUE TO JOB REQUEUE" in training.slurm_log(job)
    assert "User defined signal" not in training.slurm_log(job)


@pytest.mark.faults(fault="requeue from outside", done="`scontrol requeue`: SIGTERM")
def test_requeued_by_an_operator_it_saves_and_goes_on(project: Project, said: Said) -> None:
    training = PacedTraining(project, "requeued", seconds=0.5)

    def requeue(job: str) -> None:
        slurm("scontrol", "requeue", job)
        wait_for(lambda: "SIGTERM: saved, ends" in training.log, "what it says to SIGTERM", 60)

    requeued(project, training, requeue)

    training.assert_whole()
    said(training)


@pytest.mark.faults(
    fault="SIGTERM", done="`scancel`, with `retries: 1`: exit status 143, a new job"
)
def test_cancelled_it_saves_ends_with_143_and_is_tried_once_more(
    project: Project, said: Said
) -> None:
    training = PacedTraining(project, "tried_again", seconds=0.5)

    with project.started("--retries", "1", "--", training.target) as head:
        job = training.job()
        slurm("scancel", job)
        training.hurry()
        output, _ = head.communicate()

    assert head.returncode == 0, output[-5000:]
    assert "SIGTERM: saved, ends" in output
    assert "exit status 143" in training.slurm_log(job)
    (first, _), (second, _) = trainings = trainings_of(output)
    assert (first, [state for _, state in trainings]) == (job, ["CANCELLED", "COMPLETED"])
    assert second != first
    training.assert_whole()
    said(training)


@pytest.mark.faults(
    fault="cancellation", done="`scancel`, with `retries: 0`; then `snakemake` again"
)
def test_cancelled_without_retries_it_is_a_failed_job_and_the_next_start_goes_on(
    project: Project, said: Said
) -> None:
    training = PacedTraining(project, "cancelled", seconds=0.5)

    with project.started("--retries", "0", "--", training.target) as head:
        job = training.job()
        slurm("scancel", job)
        output, _ = head.communicate()

    assert head.returncode == 1
    assert "SLURM status is: 'CANCELLED'" in output
    assert trainings_of(output) == [(job, "CANCELLED")]
    assert not (project.folder / training.target).exists()

    training.hurry()
    status, output = project.snakemake("--", training.target)

    assert status == 0, output[-5000:]
    training.assert_whole()
    said(training)


@pytest.mark.slow
@pytest.mark.faults(
    fault="time limit, with warning", done="a limit of 5 minutes; SIGUSR2 as in the profile"
)
def test_warned_of_its_time_limit_it_saves_and_requeues_itself_unnoticed(
    project: Project, said: Said
) -> None:
    training = PacedTraining(project, "warned", seconds=2, minutes=5)
    assert 2 * SEEDS * EPOCHS * STEPS > 5 * 60  # it could not be done within the limit

    job = requeued(project, training, lambda job: None)

    training.assert_whole()
    said(training)
    assert "TIME LIMIT" not in training.slurm_log(job)


@pytest.fixture
def no_warning(project: Project) -> Iterator[None]:
    """A profile without the warning before a time limit."""
    path = project.folder / PROFILE
    text = path.read_text("utf-8")
    assert "--signal=USR2@120 " in text
    path.write_text(text.replace("--signal=USR2@120 ", ""), "utf-8")
    yield
    path.write_text(text, "utf-8")


@pytest.mark.slow
@pytest.mark.usefixtures("no_warning")
@pytest.mark.faults(
    fault="time limit, without warning", done="a limit of 2 minutes: TIMEOUT, SIGTERM, a new job"
)
def test_stopped_at_its_time_limit_it_saves_and_is_tried_again(
    project: Project, said: Said
) -> None:
    training = PacedTraining(project, "stopped", seconds=2, minutes=2)

    with project.started("--", training.target) as head:
        job = training.job()
        queued = ("squeue", "-h", "-t", "RUNNING", "-o", "%i")
        wait_for(lambda: job not in slurm(*queued).split(), f"the end of job {job}", 240)
        training.hurry()
        output, _ = head.communicate()

    assert head.returncode == 0, output[-5000:]
    (first, state), *others = trainings_of(output)
    assert (first, state) == (job, "TIMEOUT")
    assert [state for _, state in others] == ["COMPLETED"]
    training.assert_whole()
    said(training)


@pytest.mark.slow
@pytest.mark.faults(fault="node failure", done="SIGKILL to the node's daemon and all its processes")
def test_after_a_node_failure_it_goes_on_elsewhere_from_what_it_saved_last(
    project: Project, said: Said
) -> None:
    training = PacedTraining(project, "node_failed", seconds=1)
    nodes = []
    lost = 0

    def fail(job: str) -> None:
        nonlocal lost
        wait_for(training.saved, "a periodic save", 120)
        before = training.steps
        wait_for(lambda: training.steps > before + STEPS, "an epoch after that", 120)
        nodes.append(slurm("squeue", "-h", "-j", job, "-o", "%N").strip())
        slurm(str(CLUSTER), "node-fail", nodes[0])
        lost = training.steps - before

    try:
        job = requeued(project, training, fail)
    finally:
        for node in nodes:
            slurm(str(CLUSTER), "node-restore", node)

    query = ("sacct", "-X", "-n", "-P", "--duplicates", "-o", "State,NodeList", "-j", job)
    (failed, first), (done, second) = (row.split("|") for row in slurm(*query).splitlines())
    assert (failed, first, done) == ("NODE_FAIL", nodes[0], "COMPLETED")
    assert second != first
    training.assert_whole(repeated=range(STEPS, lost + STEPS))
    said(training)


@pytest.mark.slow
@pytest.mark.faults(
    fault="controller restart", done="`slurmctld` ended twice: the job running, then queued again"
)
def test_a_restart_of_the_controller_keeps_running_and_requeued_trainings(
    project: Project, said: Said
) -> None:
    training = PacedTraining(project, "controlled", seconds=1)

    def restart_twice(job: str) -> None:
        state = ("squeue", "-h", "-j", job, "-o", "%T")
        slurm(str(CLUSTER), "restart-ctld")
        assert slurm(*state).strip() == "RUNNING"
        slurm("scancel", "--signal=USR1", job)
        wait_for(lambda: slurm(*state).strip() == "PENDING", f"the requeue of job {job}", 120)
        slurm(str(CLUSTER), "restart-ctld")
        assert slurm(*state).strip() == "PENDING"

    requeued(project, training, restart_twice)

    training.assert_whole()
    said(training)
