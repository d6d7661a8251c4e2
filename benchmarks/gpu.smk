# What `make test-gpu-slurm` submits: benchmarks/gpu.py as one job on a node with a GPU.
#
# The rule is called train so that all that a profile says of `train` (partition, GPU model, --gres) holds for it, and
# default-resources give the account: profiles/slurm/config.yaml stays the one place to edit.

import os
import sys


rule train:
    log:
        "out/gpu/gpu.log",
    threads: 8
    resources:
        gpu=1,
        mem_mb=16000,
        runtime=20,
    params:
        python=os.environ.get("ISOTROPE_PYTHON") or sys.executable,
        words=os.environ.get("ARGS", "").split(),
    message:
        "Checking and measuring the GPU of a node: the results go to benchmarks/results/gpu.md"
    shell:
        "exec {params.python:q} benchmarks/gpu.py {params.words:q} > {log:q} 2>&1"
