# The seeds of a pack in one job. What is trained already is found by its digest, whatever pack it was in.
# `exec`: a shell around the program would die of SIGTERM at once, and Snakemake not wait until all is saved.


rule train:
    input:
        param_file=ancient("param-files/{run}.yaml"),
        dataset=plan.training_data,
        choice=plan.choice,
        start=plan.start,
    output:
        weights=ensure(
            "out/runs/{run}/{point}/seeds-{pack}/weights.safetensors", non_empty=True
        ),
        history=ensure(
            "out/runs/{run}/{point}/seeds-{pack}/history.csv", non_empty=True
        ),
        summary=ensure("out/runs/{run}/{point}/seeds-{pack}/run.json", non_empty=True),
    log:
        "out/runs/{run}/{point}/seeds-{pack}/train.log",
    benchmark:
        "out/runs/{run}/{point}/seeds-{pack}/train.benchmark.tsv"
    conda:
        "../../envs/isotrope.yaml"
    threads: plan.cpus
    resources:
        gpu=plan.gpus,
        mem_mb=plan.memory,
        runtime=plan.minutes,
    params:
        wanted=plan.training,
    message:
        "Training {wildcards.run}, {wildcards.point}, seeds {params.wanted[seeds]}"
    shell:
        "exec isotrope train {input.param_file:q} --point {wildcards.point:q} --pack {wildcards.pack:q}"
        " > {log:q} 2>&1"
