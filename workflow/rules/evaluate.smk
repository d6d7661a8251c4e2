# All evaluations of a pack in one process; what is known already is not computed again.


rule evaluate:
    input:
        param_file=ancient("param-files/{run}.yaml"),
        pack=[f"{PACK}/weights.safetensors", f"{PACK}/run.json"],
        datasets=datasets_of_evaluations,
    output:
        results=ensure(f"{PACK}/results.csv", non_empty=True),
    log:
        f"{PACK}/evaluate.log",
    benchmark:
        f"{PACK}/evaluate.benchmark.tsv"
    conda:
        "../../envs/isotrope.yaml"
    threads: of_run("cpus")
    resources:
        gpu=of_run("gpu"),
        mem_mb=memory_of_run,
        runtime=30,
    params:
        wanted=evaluations_of_pack,
    message:
        "Evaluating {wildcards.run}, {wildcards.point}, seeds {wildcards.pack}"
    shell:
        "isotrope evaluate {input.param_file} --point {wildcards.point} --pack {wildcards.pack} > {log} 2>&1"
