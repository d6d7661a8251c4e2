"""Where the processes of one training find each other, when SLURM or submitit started them.

``torch.distributed`` reads ``RANK``, ``LOCAL_RANK``, ``WORLD_SIZE``, ``LOCAL_WORLD_SIZE``,
``MASTER_ADDR`` and ``MASTER_PORT``, which ``torchrun`` sets. submitit knows them from the variables
of SLURM, and of its own executors.
"""

import os

from isotrope.errors import UserError


def export() -> int:
    """Set the variables if this process is one of several tasks of a job.

    Nothing is set in a job of one task, nor where ``torchrun`` has set them. Each process goes on
    to see all GPUs that the job has on its machine; ``LOCAL_RANK`` says which is its own.

    Returns:
        The rank of this process, 0 for one that is alone.

    Raises:
        UserError: if some of the variables are set, and others are not.
    """
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    known = [name for name in names if name in os.environ]
    if len(known) == len(names):
        return int(os.environ["RANK"])
    if (executor := _executor()) is None:
        return 0
    from submitit.helpers import TorchDistributedEnvironment, environment_variables

    with environment_variables(SUBMITIT_EXECUTOR=executor):
        job = TorchDistributedEnvironment()
    if job.world_size == 1:
        return 0
    if known:
        raise UserError(
            f"{', '.join(known)} is set, {', '.join(n for n in names if n not in known)} is not; "
            "unset it, or start the processes with torchrun"
        )
    job.export(set_cuda_visible_devices=False)
    if job.local_world_size == job.world_size:  # needs no name that the network knows
        os.environ["MASTER_ADDR"] = "127.0.0.1"
    return int(job.rank)


def _executor() -> str | None:
    """Which of submitit's executors, or ``srun``, started this process among others."""
    started = os.environ.get("SUBMITIT_EXECUTOR")
    if started in ("slurm", "local"):
        return started
    # of a step: a batch script of a job for several tasks is one process all the same
    return "slurm" if int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1 else None
