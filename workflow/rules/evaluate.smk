# All evaluations of a pack in one process; what is known already is not computed again.


rule evaluate:
    input:
        param_file=ancient("param-files/{run}.yaml"),
        weights="out/runs/{run}/{point}/seeds-{pack}/weights.safetensors",
        summary="out/runs/{run}/{point}/seeds-{pack}/run.json",
        datasets=plan.evaluation_data,
    output:
        results=ensure(
            "out/runs/{run}/{point}/seeds-{pack}/results.csv", non_empty=True
        ),
    log:
        "out/runs/{run}/{point}/seeds-{pack}/evaluate.log",
    benchmark:
        "out/runs/{run}/{point}/seeds-{pack}/evaluate.benchmark.tsv"
    conda:
        "../../envs/isotrope.yaml"
    threads: plan.cpus
    resources:
        gpu=plan.gpus,
        mem_mb=plan.memory,
        runtime=30,
    params:
        wanted=plan.evaluations,
    message:
        "Evaluating {wildcards.run}, {wildcards.point}, seeds {params.wanted[seeds]}"
    shell:
        "isotrope evaluate {input.param_file:q} --point {wildcards.point:q} --pack {wildcards.pack:q}"
        " > {log:q} 2>&1"
