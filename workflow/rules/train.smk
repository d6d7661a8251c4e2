# The seeds of a pack in one job. What is trained already is found by its digest, whatever pack it was in.
# `exec`: a shell around the program would die of SIGTERM at once, and Snakemake not wait until all is saved.


rule train:
    input:
        param_file=ancient("param-files/{run}.yaml"),
        dataset=dataset_of_run,
        choice=choice_of_point,
    output:
        weights=ensure(f"{PACK}/weights.safetensors", non_empty=True),
        history=ensure(f"{PACK}/history.csv", non_empty=True),
        summary=ensure(f"{PACK}/run.json", non_empty=True),
    log:
        f"{PACK}/train.log",
    benchmark:
        f"{PACK}/train.benchmark.tsv"
    conda:
        "../../envs/isotrope.yaml"
    threads: of_run("cpus")
    resources:
        gpu=of_run("gpu"),
        mem_mb=memory_of_run,
        runtime=of_run("minutes"),
    params:
        wanted=training_of_pack,
    message:
        "Training {wildcards.run}, {wildcards.point}, seeds {wildcards.pack}"
    shell:
        "exec isotrope train {input.param_file} --point {wildcards.point} --pack {wildcards.pack} > {log} 2>&1"
