# The seeds of a pack in one job. What is trained already is found by its digest, whatever pack it was in.


rule train:
    input:
        param_file=ancient("param-files/{run}.yaml"),
        dataset=dataset_of_run,
    output:
        weights=ensure("out/runs/{run}/{point}/seeds-{pack}/weights.safetensors", non_empty=True),
        history=ensure("out/runs/{run}/{point}/seeds-{pack}/history.csv", non_empty=True),
        summary=ensure("out/runs/{run}/{point}/seeds-{pack}/run.json", non_empty=True),
    log:
        "out/runs/{run}/{point}/seeds-{pack}/train.log",
    benchmark:
        "out/runs/{run}/{point}/seeds-{pack}/train.benchmark.tsv"
    conda:
        "../../envs/isotrope.yaml"
    threads: of_run("cpus")
    resources:
        gpu=of_run("gpu"),
        mem_mb=memory_of_run,
        runtime=of_run("minutes"),
    params:
        digest=training_digest,
        seeds=seeds_of_pack,
    message:
        "Training {wildcards.run}, {wildcards.point}, seeds {params.seeds}"
    shell:
        "isotrope train {input.param_file} --point {wildcards.point} --pack {wildcards.pack}"
        " --threads {threads} > {log} 2>&1"
