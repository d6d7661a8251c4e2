# All evaluations of a pack in one process; what is known already is not computed again.


rule evaluate:
    input:
        param_file=ancient("param-files/{run}.yaml"),
        weights="out/runs/{run}/{point}/seeds-{pack}/weights.safetensors",
        summary="out/runs/{run}/{point}/seeds-{pack}/run.json",
        datasets=datasets_of_evaluations,
    output:
        results=ensure("out/runs/{run}/{point}/seeds-{pack}/results.csv", non_empty=True),
    log:
        "out/runs/{run}/{point}/seeds-{pack}/evaluate.log",
    benchmark:
        "out/runs/{run}/{point}/seeds-{pack}/evaluate.benchmark.tsv"
    conda:
        "../../envs/isotrope.yaml"
    threads: of_run("cpus")
    resources:
        gpu=of_run("gpu"),
        mem_mb=memory_of_run,
        runtime=30,
    params:
        digests=evaluation_digests,
        seeds=seeds_of_pack,
    message:
        "Evaluating {wildcards.run}, {wildcards.point}, seeds {params.seeds}"
    shell:
        "isotrope evaluate {input.param_file} --point {wildcards.point} --pack {wildcards.pack}"
        " --threads {threads} > {log} 2>&1"
