"""Jobs in few words."""

from dataclasses import replace

from isotrope.status.heartbeats import Job
from isotrope.status.words import job_text


def job(**changes):
    plain = Job((1,), 0, 4, 15, None, None, "", 7, None, False, 0.0)
    return replace(plain, **changes)


def test_of_several_jobs_the_range_the_mean_and_the_longest_are_said():
    jobs = [
        job(epoch=9, epochs=15, validation_accuracy=0.5, seconds_left=60, host="node9"),
        job(epoch=2, epochs=20, validation_accuracy=None, seconds_left=7200, host="node10"),
        job(epoch=3, epochs=15, validation_accuracy=1.0, seconds_left=None, host="node9"),
    ]
    assert job_text(jobs) == (
        "3 jobs, epoch 2-9 of 20, validation accuracy 75.0%, at most 2.0 h left, node10, node9"
    )


def test_three_nodes_and_jobs_are_named_in_order_and_four_are_counted():
    names = ["z", "b", "k", "a"]
    jobs = [job(host=name, slurm_job=f"1{i}") for i, name in enumerate(names)]
    assert job_text(jobs[2::-1]) == "3 jobs, epoch 4 of 15, b, k, z, 10, 11, 12"
    assert job_text(jobs) == "4 jobs, epoch 4 of 15, 4 nodes, 4 SLURM jobs"


def test_one_job_is_told_by_its_seeds():
    assert job_text([job(slurm_job="12")]) == "seed 1, epoch 4 of 15, SLURM job 12"
    assert job_text([job(seeds=(1, 2, 5), host="a")]) == "seeds 1-2,5, epoch 4 of 15, a"
