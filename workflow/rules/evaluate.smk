# The evaluations of a pack share one process; one that asks for resources has a job of its own, and one that
# measures all seeds of a point together has one for the point. What is known already is not computed again.


rule evaluate:
    input:
        param_file=ancient("param-files/{run}.yaml"),
        weights="out/runs/{run}/{point}/seeds-{pack}/weights.safetensors",
        summary="out/runs/{run}/{point}/seeds-{pack}/run.json",
        datasets=plan.evaluation_data,
        against=plan.networks_against,
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
        runtime=plan.minutes_of_evaluation,
    params:
        wanted=plan.evaluations,
    message:
        "Evaluating {wildcards.run}, {wildcards.point}, seeds {params.wanted[seeds]}"
    shell:
        "isotrope evaluate {input.param_file:q} --point {wildcards.point:q} --pack {wildcards.pack:q}"
        " --no-own-jobs > {log:q} 2>&1"


rule evaluate_alone:
    input:
        param_file=ancient("param-files/{run}.yaml"),
        weights="out/runs/{run}/{point}/seeds-{pack}/weights.safetensors",
        summary="out/runs/{run}/{point}/seeds-{pack}/run.json",
        datasets=plan.evaluation_data,
        against=plan.networks_against,
    output:
        results=ensure(
            "out/runs/{run}/{point}/seeds-{pack}/results-{table}.csv", non_empty=True
        ),
    log:
        "out/runs/{run}/{point}/seeds-{pack}/evaluate-{table}.log",
    benchmark:
        "out/runs/{run}/{point}/seeds-{pack}/evaluate-{table}.benchmark.tsv"
    conda:
        "../../envs/isotrope.yaml"
    threads: plan.cpus
    resources:
        gpu=plan.gpus,
        mem_mb=plan.memory,
        runtime=plan.minutes_of_evaluation,
    params:
        wanted=plan.evaluations,
    message:
        "Evaluating {wildcards.table} of {wildcards.run}, {wildcards.point}, seeds {params.wanted[seeds]}"
    shell:
        "isotrope evaluate {input.param_file:q} --point {wildcards.point:q} --pack {wildcards.pack:q}"
        " --table {wildcards.table:q} > {log:q} 2>&1"


rule evaluate_run:
    input:
        param_file=ancient("param-files/{run}.yaml"),
        packs=plan.networks_of_point,
        datasets=plan.evaluation_data,
        against=plan.networks_against,
    output:
        results=ensure("out/runs/{run}/{point}/results-{table}.csv", non_empty=True),
    log:
        "out/runs/{run}/{point}/evaluate-{table}.log",
    benchmark:
        "out/runs/{run}/{point}/evaluate-{table}.benchmark.tsv"
    conda:
        "../../envs/isotrope.yaml"
    threads: plan.cpus
    resources:
        gpu=plan.gpus,
        mem_mb=plan.memory,
        runtime=plan.minutes_of_evaluation,
    params:
        wanted=plan.evaluation_of_run,
    message:
        "Evaluating {wildcards.table} of {wildcards.run}, {wildcards.point}, all seeds"
    shell:
        "isotrope evaluate {input.param_file:q} --point {wildcards.point:q} --table {wildcards.table:q}"
        " > {log:q} 2>&1"
